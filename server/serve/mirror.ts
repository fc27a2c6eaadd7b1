// Follows the site's views for as long as the server runs. While they are away or broken, what was copied last is served.
import type { Logger } from 'pino'
import type { TableName } from '../inventory/rows.ts'
import type { MirrorReport } from '../inventory/store/mirror.ts'
import { complaintsOf, mirrorViews } from '../inventory/store/mirror.ts'
import type { Store } from '../inventory/store/open.ts'
import type { Movement, Views } from '../inventory/store/views.ts'
import { inOneMoment, readMovement } from '../inventory/store/views.ts'
import type { StoreHealth } from './live.ts'

export type Mirror = Readonly<{
  health: () => StoreHealth
  /** Compares at once; resolves when it is done. */
  now: () => Promise<void>
  close: () => Promise<void>
}>

type Options = Readonly<{
  store: Store
  views: Views
  /** How often views are compared in which nothing seems to have moved. */
  intervalMs: number
  pollMs?: number
  log: Logger
  /** Rows were copied. */
  onCopied: () => Promise<void>
}>

type State = {
  health: StoreHealth
  movements: ReadonlyMap<TableName, Movement>
  /** Times by `performance.now()`. */
  compareAt: number
  restUntil: number
}

/**
 * A date of whole seconds doesn't tell two changes of one second apart: after a movement there is another comparison
 * when that second is over.
 */
const secondIsOverMs = 1200
/** A table that changes all the time is compared half of the time at most, and is seen within two seconds all the same. */
const longestRestMs = 750

/** The views have been compared in full, or could not be, when this resolves. */
export async function openMirror(options: Options): Promise<Mirror> {
  const state: State = { health: { ok: true }, movements: new Map(), compareAt: 0, restUntil: 0 }
  await compare(options, state, true)
  let stopped = false
  let running: Promise<void> = Promise.resolve()
  const look = async (): Promise<void> => {
    if (stopped || performance.now() < state.restUntil) return
    if (performance.now() >= state.compareAt || (await hasMoved(options, state))) await compare(options, state, false)
  }
  let timer: NodeJS.Timeout
  const schedule = (): void => {
    timer = setTimeout(() => {
      running = running.then(look).then(() => (stopped ? undefined : schedule()))
    }, options.pollMs ?? 500)
  }
  schedule()
  return {
    health: () => state.health,
    now: () => (running = running.then(() => compare(options, state, false))),
    close: async () => {
      stopped = true
      clearTimeout(timer)
      await running
    },
  }
}

async function hasMoved(options: Options, state: State): Promise<boolean> {
  if (state.movements.size === 0) return false
  try {
    return await inOneMoment(options.views, async (reader) => {
      for (const [table, { rows, newest }] of state.movements) {
        const now = await readMovement(reader, table)
        if (now.rows !== rows || now.newest !== newest) return true
      }
      return false
    })
  } catch {
    return true // the comparison says what is wrong
  }
}

async function compare(options: Options, state: State, isFirst: boolean): Promise<void> {
  const started = performance.now()
  try {
    const report = await mirrorViews(options.store, options.views, { full: isFirst })
    if (report !== null) await take(options, state, report)
  } catch (error) {
    state.compareAt = performance.now() + Math.min(options.intervalMs, 1000)
    setHealth(options, state, error instanceof Error ? error.message : String(error))
  }
  const ended = performance.now()
  state.restUntil = ended + Math.min(ended - started, longestRestMs)
}

async function take(options: Options, state: State, report: MirrorReport): Promise<void> {
  const moved = [...report.movements].some(([table, { rows, newest }]) => {
    const before = state.movements.get(table)
    return before?.rows !== rows || before.newest !== newest
  })
  state.movements = report.movements
  state.compareAt = performance.now() + (moved ? Math.min(secondIsOverMs, options.intervalMs) : options.intervalMs)
  const written = report.views.filter(({ added, changed, removed }) => added + changed + removed > 0)
  for (const { view, added, changed, removed } of written)
    options.log.info({ view, added, changed, removed }, 'rows copied from a view')
  if (written.length > 0) await options.onCopied()
  const complaints = complaintsOf(report)
  setHealth(options, state, complaints.length === 0 ? null : complaints.join('; '))
}

/** One line in the log for each change of state. */
function setHealth({ log, views }: Options, state: State, error: string | null): void {
  const { health } = state
  if (error === null) {
    if (!health.ok) log.info({ views: views.label }, 'the views can be read again')
    state.health = { ok: true }
  } else if (health.ok || health.error !== error) {
    log.error({ views: views.label, why: error }, 'the views can not be followed; serving what was copied last')
    state.health = { ok: false, since: health.ok ? new Date().toISOString() : health.since, error }
  }
}
