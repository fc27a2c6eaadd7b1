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

type Say = (fields: Readonly<Record<string, unknown>>, message: string) => void

export type QuietLog = Readonly<{
  info: Say
  warn: Say
  error: Say
  /** Says what it has kept to itself. */
  close: () => void
}>

/** At the end of a minute with more than that many lines, one says how many there were, and what there is to read on. */
export function quietLog(log: Pick<Logger, 'info' | 'warn' | 'error'>, linesPerMinute: number, readOn = ''): QuietLog {
  const minute: { lines: number; end: NodeJS.Timeout | null } = { lines: 0, end: null }
  const finish = (): void => {
    if (minute.end !== null) clearTimeout(minute.end)
    const more = minute.lines - linesPerMinute
    if (more > 0) log.info({ more }, `${more} more lines like these in the last minute${readOn && `: ${readOn}`}`)
    Object.assign(minute, { lines: 0, end: null })
  }
  const atMost =
    (level: 'info' | 'warn' | 'error'): Say =>
    (fields, message) => {
      minute.end ??= setTimeout(finish, minuteMs).unref()
      if (++minute.lines <= linesPerMinute) log[level](fields, message)
    }
  return { info: atMost('info'), warn: atMost('warn'), error: atMost('error'), close: finish }
}
