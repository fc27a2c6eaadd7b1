// Machines set, added and removed: what is asked for, as edits of their rows.
import type { Edit, StoredRow } from '../inventory/encode.ts'
import { encodeRow } from '../inventory/encode.ts'
import { inSlices, mapped } from '../inventory/slices.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import { isKnown } from '../inventory/snapshot.ts'
import type { Store } from '../inventory/store/open.ts'
import { readRows } from '../inventory/store/read.ts'
import type { Assigned, Assignment, StoredMachine } from './assignments.ts'
import { assignToMachine } from './assignments.ts'
import { describeProblem, problemWith, Refused } from './failure.ts'
import { foldNames } from './names.ts'

/** @throws Refused with every value that its column can't hold */
export async function editsToSet(
  store: Store,
  snapshot: Snapshot,
  hostnames: readonly string[],
  assignments: readonly Assignment[],
): Promise<readonly Edit[]> {
  const machines = await storedMachines(store, snapshot, hostnames)
  return collect(await inSlices(mapped(machines, (machine) => assignToMachine(machine, assignments))))
}

/** @throws Refused when one is there already, and with every value that its column can't hold */
export function editsToAdd(
  snapshot: Snapshot,
  hostnames: readonly string[],
  assignments: readonly Assignment[],
): readonly Edit[] {
  const existing = hostnames.filter((hostname) => isKnown(snapshot, hostname))
  if (existing.length > 0)
    throw new Refused(`there is a machine ${foldNames(existing)} already; change it with: bootstead machine set`, {
      problems: existing.map((hostname) => problemWith(hostname, 'there is a machine of this name already')),
    })
  return collect(
    hostnames.map((hostname) => assignToMachine({ machine: { hostname }, interfaces: new Map() }, assignments)),
  )
}

/** @throws Refused with every value that its column can't hold */
export function collect(assigned: readonly Assigned[]): readonly Edit[] {
  const problems = assigned.flatMap((one) => one.problems)
  if (problems.length > 0)
    throw new Refused(['nothing was changed:', ...problems.map(describeProblem)].join('\n'), { problems })
  return assigned.flatMap(({ edits }) => edits)
}

/**
 * The machine is what is said, added or replaced; interfaces of which nothing is said go. What its next boot does stays.
 * @throws Refused with every value that its column can't hold
 */
export function editsToReplace(
  snapshot: Snapshot,
  hostname: string,
  assignments: readonly Assignment[],
): readonly Edit[] {
  const boot = snapshot.machines.get(hostname)?.boot
  const blank: StoredRow = boot === undefined ? { hostname } : { hostname, boot }
  const named = new Set(assignments.flatMap((one) => (one.kind === 'interface' ? [one.name] : [])))
  const gone = (snapshot.interfaces.get(hostname) ?? []).filter(({ name }) => !named.has(name))
  return [
    ...collect([assignToMachine({ machine: blank, interfaces: new Map() }, assignments)]),
    ...gone.map(({ name }): Edit => ({ kind: 'delete', table: 'interfaces', key: `${hostname}/${name}` })),
  ]
}

/** @throws Refused when a guest would stay without its Dom0 */
export function editsToRemove(snapshot: Snapshot, hostnames: readonly string[]): readonly Edit[] {
  const going = new Set(hostnames)
  const problems = hostnames.flatMap((hostname) => {
    const left = (snapshot.guests.get(hostname) ?? []).filter((guest) => !going.has(guest))
    if (left.length === 0) return []
    const guests = left.length === 1 ? '1 guest' : `${left.length.toLocaleString('en')} guests`
    return [
      problemWith(
        hostname,
        `still has ${guests}: ${foldNames(left)}; remove them too, or move them with: bootstead machine set '${left.join(',')}' dom0=NAME`,
      ),
    ]
  })
  if (problems.length > 0)
    throw new Refused(
      ['nothing was removed:', ...problems.map(({ machine, why }) => `${machine ?? ''} ${why}`)].join('\n'),
      { problems },
    )
  return hostnames.map((key): Edit => ({ kind: 'delete', table: 'machines', key }))
}

/** Rows as the store has them, also those that can't be read. */
export async function storedMachines(
  store: Store,
  snapshot: Snapshot,
  names: readonly string[],
): Promise<readonly StoredMachine[]> {
  const unreadable = await unreadableRows(store, snapshot, names)
  const storedMachine = (hostname: string): StoredMachine => {
    const own = snapshot.machines.get(hostname)
    const nics = (snapshot.interfaces.get(hostname) ?? []).map((nic) => [nic.name, encodeRow(nic)] as const)
    const spoiled = [...unreadable].flatMap(([key, row]) =>
      key.startsWith(`${hostname}/`) ? [[key.slice(hostname.length + 1), row] as const] : [],
    )
    return {
      machine: own === undefined ? (unreadable.get(hostname) ?? { hostname }) : encodeRow(own),
      interfaces: new Map([...nics, ...spoiled]),
    }
  }
  return inSlices(mapped(names, storedMachine))
}

/** Rows that can't be read as they are in the store, by key, so that one field can be mended and the others stay. */
async function unreadableRows(
  store: Store,
  snapshot: Snapshot,
  hostnames: readonly string[],
): Promise<ReadonlyMap<string, StoredRow>> {
  const found = new Map<string, StoredRow>()
  const rows = hostnames.flatMap((hostname) => snapshot.unreadable.get(`machines/${hostname}`) ?? [])
  for (const table of ['machines', 'interfaces'] as const) {
    const keys = rows.filter((row) => row.table === table).map(({ key }) => key)
    if (keys.length === 0) continue
    for (const { key, raw } of await readRows(store, table, keys)) if (raw !== null) found.set(key, raw as StoredRow)
  }
  return found
}
