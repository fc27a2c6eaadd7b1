// Following the store: every committed change, by whichever program, reaches `onChange` within a poll or two.
import type { RowChange } from '../snapshot.ts'
import type { TableName } from '../rows.ts'
import type { Store } from './open.ts'
import { readChangedKeys, readRows } from './read.ts'

export type Following = Readonly<{
  /** Looks at once; resolves when everything committed before the call has been applied. */
  now: () => Promise<void>
  stop: () => Promise<void>
}>

type FollowOptions = Readonly<{
  store: Store
  /** The revision that is already known. */
  from: number
  pollMs: number
  /** Gets the rows as they are now; the next poll waits for it. */
  onChange: (rows: readonly RowChange[], revision: number) => Promise<void>
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
  const seen: Seen = { highest: options.from, gaps: new Map() }
  let stopped = false
  let failing = false
  let timer: NodeJS.Timeout | null = null
  let running: Promise<void> = Promise.resolve()

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
  /** Looks are never concurrent: each waits for the one before. */
  const now = (): Promise<void> => (running = running.then(look))
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
  await onChange(rows, highest)
  noteGaps(
    seen,
    changes.map((change) => change.id),
    highest,
    Date.now(),
  )
  return changes.length
}

function noteGaps(seen: Seen, ids: readonly number[], highest: number, now: number): void {
  const present = new Set(ids)
  for (const [id, since] of seen.gaps) if (present.has(id) || now - since > gapPatienceMs) seen.gaps.delete(id)
  for (let id = seen.highest + 1; id < highest && seen.gaps.size < mostGaps; id++)
    if (!present.has(id)) seen.gaps.set(id, now)
  seen.highest = highest
}
