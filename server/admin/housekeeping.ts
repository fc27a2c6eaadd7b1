// What need not be kept for ever goes once a day: the oldest lines of the audit trail, and sessions that have ended.
import type { Logger } from 'pino'
import { deleteAudit } from '../inventory/store/audit.ts'
import type { Store } from '../inventory/store/open.ts'
import { isoTime } from '../inventory/store/record.ts'
import { deleteEndedSessions } from '../inventory/store/sessions.ts'
import { sessionTimes } from './sessions.ts'

export const defaultAuditDays = 400

type Options = Readonly<{
  store: Store
  auditDays: number
  /** Milliseconds since the epoch. */
  now: () => number
  log: Logger
  everyMs?: number
}>

const dayMs = 24 * 3600 * 1000
/** Few enough that nobody else's write waits long, and a pause for those who do. */
const [rowsAtOnce, pauseMs] = [1000, 50]

/** @returns what ends it, once a round that runs has ended */
export function openHousekeeping({ everyMs = dayMs, ...options }: Options): Readonly<{ close: () => Promise<void> }> {
  const state = { isOpen: true, round: Promise.resolve() }
  const isOpen = (): boolean => state.isOpen
  const begin = (): void => {
    state.round = state.round.then(() => keepHouse(options, isOpen))
  }
  begin()
  const timer = setInterval(begin, everyMs)
  return {
    close: async () => {
      state.isOpen = false
      clearInterval(timer)
      await state.round
    },
  }
}

/** One round. @param isOpen ends it early */
export async function keepHouse(
  { store, auditDays, now, log }: Omit<Options, 'everyMs'>,
  isOpen: () => boolean,
): Promise<void> {
  try {
    await deleteEndedSessions(store, isoTime(now()), isoTime(now() - sessionTimes.idleMs))
    const before = isoTime(now() - auditDays * dayMs)
    for (let gone = rowsAtOnce; gone === rowsAtOnce && isOpen();) {
      gone = await deleteAudit(store, before, rowsAtOnce)
      if (gone === rowsAtOnce) await new Promise((resolve) => setTimeout(resolve, pauseMs))
    }
  } catch (error) {
    log.warn({ err: error }, 'the audit trail could not be shortened; tomorrow again')
  }
}
