// Following the store: every committed change, by whichever program, reaches `onChange` within a poll or two.
import type { RowChange } from '../snapshot.ts'
import type { TableName } from '../rows.ts'
import type { Store } from './open.ts'
import { readChangedKeys, readRows } from './read.ts'

export type Following = Readonly<{
  /** Looks at once; resolves when everything committed before the call has been applied, or the store is found away. */
  now: () => Promise<void>
  stop: () => Promise<void>
}>

type FollowOptions = Readonly<{
  store: Store
  /** The revision that is already known. */
  from: number
  /** Lower numbers that are not known yet. */
  missing?: readonly number[]
  pollMs: number
  /** Gets the rows as they are now; the next poll waits for it. `missing`: lower numbers that may still appear. */
  onChange: (rows: readonly RowChange[], revision: number, missing: readonly number[]) => Promise<void>
  /** The store went away (once for each outage), or came back (null). */
  onHealth: (error: Error | null) => void
}>

/** Changes handled between two looks. */
const changesPerLook = 5000
/**
 * A transaction may commit after one that took a higher number. A number that was skipped is looked for again for so
 * long; after that it belongs to a transaction that was rolled back.
 */
const gapPatienceMs = 60_000
const mostGaps = 1000

/** What has been seen of the numbering: the highest number, and the numbers below it that were not there. */
type Seen = { highest: number; gaps: Map<number, number> }

export function followStore(options: FollowOptions): Following {
  const begin = Date.now()
  const seen: Seen = { highest: options.from, gaps: new Map(options.missing?.map((id) => [id, begin])) }
  let stopped = false
  let failing = false
  let timer: NodeJS.Timeout | null = null
  let running: Promise<void> = Promise.resolve()
  let waiting: Promise<void> | null = null

  const look = async (): Promise<void> => {
    try {
      while (!stopped && (await takeChanges(options, seen)) === changesPerLook);
      if (failing) options.onHealth(null)
      failing = false
    } catch (error) {
      if (!failing && !stopped) options.onHealth(error instanceof Error ? error : new Error(String(error)))
      failing = true
    }
  }
  /**
   * Looks are never concurrent: each waits for the one before. Whoever asks meanwhile joins the one that waits; the one
   * that runs may have read before the commit that is asked about.
   */
  const now = (): Promise<void> => {
    waiting ??= running = running.then(() => {
      waiting = null
      return look()
    })
    return waiting
  }
  const schedule = (): void => {
    timer = setTimeout(() => void now().then(() => (stopped ? undefined : schedule())), options.pollMs)
  }
  schedule()
  return {
    now,
    stop: async () => {
      stopped = true
      if (timer !== null) clearTimeout(timer)
      await running
    },
  }
}

async function takeChanges({ store, onChange }: FollowOptions, seen: Seen): Promise<number> {
  const changes = await readChangedKeys(store, seen.highest, [...seen.gaps.keys()], changesPerLook)
  if (changes.length === 0) return 0
  const keys = new Map<string, Set<string>>()
  for (const { table_name, row_key } of changes) {
    const known = keys.get(table_name)
    if (known === undefined) keys.set(table_name, new Set([row_key]))
    else known.add(row_key)
  }
  const rows: RowChange[] = []
  for (const [table, wanted] of keys) rows.push(...(await readRows(store, table as TableName | 'tokens', [...wanted])))
  const highest = Math.max(seen.highest, changes.at(-1)?.id ?? 0)
  const gaps = gapsAfter(seen, new Set(changes.map((change) => change.id)), highest, Date.now())
  await onChange(rows, highest, [...gaps.keys()])
  Object.assign(seen, { highest, gaps })
  return changes.length
}

function gapsAfter(seen: Seen, present: ReadonlySet<number>, highest: number, now: number): Seen['gaps'] {
  const gaps = new Map([...seen.gaps].filter(([id, since]) => !present.has(id) && now - since <= gapPatienceMs))
  for (let id = seen.highest + 1; id < highest && gaps.size < mostGaps; id++) if (!present.has(id)) gaps.set(id, now)
  return gaps
}
