// The boot states of machines, read from the store: what every page and command that shows one asks.
import { inSlices, mapped } from '../inventory/slices.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import type { Store } from '../inventory/store/open.ts'
import { readHeardAt, readLatestEvents } from '../inventory/store/read.ts'
import type { BootState, Signs } from '../plan/states.ts'
import { machineState } from '../plan/states.ts'

/** Machines read before others have their turn: SQLite is read in this very process. */
const machinesPerTurn = 100

export async function readSigns(store: Store, hostnames: readonly string[]): Promise<ReadonlyMap<string, Signs>> {
  const signs = new Map<string, Signs>()
  for (let from = 0; from < hostnames.length; from += machinesPerTurn) {
    if (from > 0) await new Promise((resolve) => setImmediate(resolve))
    const names = hostnames.slice(from, from + machinesPerTurn)
    const events = await readLatestEvents(store, names)
    const heardAt = await readHeardAt(store, names)
    for (const name of names) signs.set(name, { events: events.get(name) ?? [], heardAt: heardAt.get(name) ?? null })
  }
  return signs
}

/** Of each of the machines, never heard of or not. */
export async function readBootStates(
  store: Store,
  snapshot: Snapshot,
  hostnames: readonly string[],
  options: Readonly<{ now: number; stallMinutes: number }>,
): Promise<ReadonlyMap<string, BootState>> {
  // What a Dom0's guests let be heard counts for it.
  const guests = hostnames.flatMap((hostname) => snapshot.guests.get(hostname) ?? [])
  const signs = await readSigns(store, [...new Set([...hostnames, ...guests])])
  const stateOf = (hostname: string) => [hostname, machineState(snapshot, hostname, signs, options)] as const
  return new Map(await inSlices(mapped(hostnames, stateOf)))
}
