// Machines in order, without sorting all of them anew for each page of a list.
import type { Machine } from '../inventory/rows.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import { compareNaturally } from '../inventory/snapshot.ts'

/** What machines can be sorted by. */
export const sortFields = ['hostname', 'profile', 'boot', 'dom0', 'memory_mib', 'vcpus'] as const
export type SortField = (typeof sortFields)[number]

type Machines = Snapshot['machines']

/** Names in natural order, as they were of the picture that was asked about last: of the next one little differs. */
const last: { machines: Machines | null; names: readonly string[] } = { machines: null, names: [] }

export function namesInOrder(machines: Machines): readonly string[] {
  if (last.machines !== machines) {
    last.names = last.machines === null ? [...machines.keys()].sort(compareNaturally) : merged(last.names, machines)
    last.machines = machines
  }
  return last.names
}

/** Those that went are left out, those that came are put in. */
function merged(before: readonly string[], machines: Machines): readonly string[] {
  const left = before.filter((name) => machines.has(name))
  if (left.length === machines.size) return left
  const known = new Set(left)
  const come = [...machines.keys()].filter((name) => !known.has(name)).sort(compareNaturally)
  const names: string[] = []
  let next = 0
  for (const name of left) {
    for (let one = come[next]; one !== undefined && compareNaturally(one, name) < 0; one = come[++next]) names.push(one)
    names.push(name)
  }
  return [...names, ...come.slice(next)]
}

const sorted = new WeakMap<Machines, Map<SortField, readonly string[]>>()

/** Names by a field, those without one last; equal ones by name. */
export function namesSortedBy(machines: Machines, field: SortField): readonly string[] {
  if (field === 'hostname') return namesInOrder(machines)
  const known = sorted.get(machines) ?? new Map<SortField, readonly string[]>()
  sorted.set(machines, known)
  const names =
    known.get(field) ??
    [...namesInOrder(machines)]
      .map((name) => [valueOf(machines.get(name), field), name] as const)
      .sort(([a], [b]) => compareValues(a, b)) // stable: equal ones stay in the order of their names
      .map(([, name]) => name)
  known.set(field, names)
  return names
}

type Value = string | number | null

const valueOf = (machine: Machine | undefined, field: SortField): Value => machine?.[field] ?? null

function compareValues(a: Value, b: Value): number {
  if (a === b) return 0
  if (a === null || b === null) return a === null ? 1 : -1
  return a < b ? -1 : 1
}
