// The boot states of machines, read from the store: what every page and command that shows one asks.
import type { Snapshot } from '../inventory/snapshot.ts'
import type { Store } from '../inventory/store/open.ts'
import { readHeardAt, readLatestEvents } from '../inventory/store/read.ts'
import type { BootState, Signs } from '../plan/states.ts'
import { machineState } from '../plan/states.ts'

export async function readSigns(store: Store, hostnames: readonly string[]): Promise<ReadonlyMap<string, Signs>> {
  const events = await readLatestEvents(store, hostnames)
  const heardAt = await readHeardAt(store, hostnames)
  return new Map(
    hostnames.map((hostname) => [
      hostname,
      { events: events.get(hostname) ?? [], heardAt: heardAt.get(hostname) ?? null },
    ]),
  )
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
  return new Map(hostnames.map((hostname) => [hostname, machineState(snapshot, hostname, signs, options)]))
}
