// Logs that a flood can't fill: who repeats itself is heard once an hour, and all together a few times a minute.
import { LRUCache } from 'lru-cache'
import type { Logger } from 'pino'

const hourMs = 3_600_000
const minuteMs = 60_000

/** True when the key was not asked about within the last hour; of very many keys the oldest are forgotten. */
export function onceAnHour(maxKeys: number): (key: string) => boolean {
  const askedAt = new LRUCache<string, number>({ max: maxKeys })
  return (key) => {
    const now = Date.now()
    const before = askedAt.get(key)
    if (before !== undefined && now - before < hourMs) return false
    askedAt.set(key, now)
    return true
  }
}

export type QuietLog = Readonly<{
  info: (fields: Readonly<Record<string, unknown>>, message: string) => void
  /** Says what it has kept to itself. */
  close: () => void
}>

/** At the end of a minute with more than that many lines, one says how many there were. */
export function quietLog(log: Pick<Logger, 'info'>, linesPerMinute: number): QuietLog {
  const minute: { lines: number; end: NodeJS.Timeout | null } = { lines: 0, end: null }
  const finish = (): void => {
    if (minute.end !== null) clearTimeout(minute.end)
    const more = minute.lines - linesPerMinute
    if (more > 0) log.info({ more }, `${more} more lines like these in the last minute: bootstead seen`)
    Object.assign(minute, { lines: 0, end: null })
  }
  return {
    info: (fields, message) => {
      minute.end ??= setTimeout(finish, minuteMs).unref()
      if (++minute.lines <= linesPerMinute) log.info(fields, message)
    },
    close: finish,
  }
}
