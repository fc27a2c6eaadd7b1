// Machines in order, without sorting all of them anew for each page of a list.
import type { FarmEntry, FarmIndex } from './farm-index.ts'

/** What machines can be sorted by. */
export const sortFields = ['hostname', 'profile', 'boot', 'dom0', 'memory_mib', 'vcpus'] as const
export type SortField = (typeof sortFields)[number]

type Entries = FarmIndex['entries']

/** Kept with the entries that they are of: whoever changes a machine makes others. */
const sorted = new WeakMap<Entries, Map<SortField, Entries>>()

/** By a field, those without one last; equal ones in the natural order of their names. */
export function entriesSortedBy({ entries }: Pick<FarmIndex, 'entries'>, field: SortField): Entries {
  if (field === 'hostname') return entries
  const known = sorted.get(entries) ?? new Map<SortField, Entries>()
  sorted.set(entries, known)
  const inOrder = known.get(field) ?? gathered(entries, field)
  known.set(field, inOrder)
  return inOrder
}

/** There are few different values, so machines are put together by them and nothing but the values is sorted. */
function gathered(entries: Entries, field: SortField): Entries {
  const byValue = new Map<Value, FarmEntry[]>()
  for (const entry of entries) {
    const own = byValue.get(entry.machine[field])
    if (own === undefined) byValue.set(entry.machine[field], [entry])
    else own.push(entry)
  }
  return [...byValue].sort(([a], [b]) => compareValues(a, b)).flatMap(([, own]) => own)
}

type Value = string | number | null

function compareValues(a: Value, b: Value): number {
  if (a === b) return 0
  if (a === null || b === null) return a === null ? 1 : -1
  return a < b ? -1 : 1
}
