// Which picture of the inventory came after which, and in which rows they differ: so that what was derived from one is
// derived from the next by looking at those rows alone.
import type { Snapshot } from './snapshot.ts'
import type { TouchedRow } from './touched.ts'

/** Known as long as somebody holds the earlier one: who holds an old picture finds the way, and nobody else keeps it. */
const successors = new WeakMap<Snapshot, Readonly<{ after: Snapshot; rows: readonly TouchedRow[] }>>()

export function noteSuccessor(before: Snapshot, after: Snapshot, rows: readonly TouchedRow[]): void {
  successors.set(before, { after, rows })
}

/** Rows that may differ in the later one; null when it did not come of the earlier, as far as anybody knows. */
export function rowsBetween(earlier: Snapshot, later: Snapshot): readonly TouchedRow[] | null {
  const rows: TouchedRow[] = []
  let at = earlier
  while (at !== later) {
    const next = successors.get(at)
    if (next === undefined) return null
    rows.push(...next.rows)
    at = next.after
  }
  return rows
}
