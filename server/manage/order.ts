// Machines in order, without sorting all of them anew for each page of a list.
import type { FarmEntry, FarmIndex } from './farm-index.ts'

/** What machines can be sorted by. */
export const sortFields = ['hostname', 'profile', 'boot', 'dom0', 'memory_mib', 'vcpus'] as const
export type SortField = (typeof sortFields)[number]

type Entries = FarmIndex['entries']

/** Kept with the places of who is sorted: a change leaves them, and mostly the order, as they are. */
const kept = new WeakMap<FarmIndex['places'], Map<SortField, Readonly<{ of: Entries; sorted: Entries }>>>()

/** By a field, those without one last; equal ones in the natural order of their names. */
export function* entriesSortedBy(
  { entries, places }: Pick<FarmIndex, 'entries' | 'places'>,
  field: SortField,
): Generator<void, Entries> {
  if (field === 'hostname') return entries
  const known = kept.get(places) ?? new Map<SortField, Readonly<{ of: Entries; sorted: Entries }>>()
  kept.set(places, known)
  const last = known.get(field)
  if (last?.of === entries) return last.sorted
  const others = last === undefined ? null : replacements(last.of, entries, field)
  yield
  const sorted =
    last === undefined || others === null
      ? yield* gathered(entries, field)
      : last.sorted.map((entry) => others.get(entry) ?? entry)
  known.set(field, { of: entries, sorted })
  return sorted
}

/** What stands where something else stood; null when the order is another. */
function replacements(before: Entries, after: Entries, field: SortField): ReadonlyMap<FarmEntry, FarmEntry> | null {
  const replaced = new Map<FarmEntry, FarmEntry>()
  for (const [place, entry] of after.entries()) {
    const old = before[place]
    if (old === entry) continue
    if (old?.machine[field] !== entry.machine[field]) return null
    replaced.set(old, entry)
  }
  return replaced
}

/** There are few different values, so machines are put together by them and nothing but the values is sorted. */
function* gathered(entries: Entries, field: SortField): Generator<void, Entries> {
  const byValue = new Map<Value, FarmEntry[]>()
  for (const entry of entries) {
    yield
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
