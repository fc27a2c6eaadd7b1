// Boot states of all machines, kept from one question to the next: only what was heard of since is read again.
import type { Machine } from '../inventory/rows.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import type { Store } from '../inventory/store/open.ts'
import { readMachinesHeardOf, readNewestEvent } from '../inventory/store/read.ts'
import type { BootState } from '../plan/states.ts'
import type { Desk } from './desk.ts'
import { readStates } from './machine.ts'

type Told = Readonly<{ state: BootState; machine: Machine | undefined }>
type Kept = { newest: number; at: number; told: Map<string, Told>; coming: Promise<void> | null }
const kept = new WeakMap<Store, Kept>()

/** MySQL hands out numbers before a transaction commits: so many are looked back. */
const eventsLookedBack = 1000
/** Who asks with every key that is pressed is told the same for so long. */
const restMs = 2000

/** Of machines that were ever heard of. */
export async function bootStates(desk: Desk, snapshot: Snapshot): Promise<ReadonlyMap<string, BootState>> {
  const own = kept.get(desk.store) ?? { newest: 0, at: -Infinity, told: new Map<string, Told>(), coming: null }
  kept.set(desk.store, own)
  if (Math.abs(desk.now() - own.at) > restMs) {
    own.coming ??= readAgain(desk, snapshot, own).finally(() => (own.coming = null))
    await own.coming
  }
  return new Map([...own.told].map(([name, { state }]) => [name, state]))
}

async function readAgain(desk: Desk, snapshot: Snapshot, own: Kept): Promise<void> {
  const at = desk.now()
  const newest = await readNewestEvent(desk.store)
  const heard = await readMachinesHeardOf(desk.store, own.newest - eventsLookedBack)
  // What is under way may have stalled, and what stalled may show life, without an event; a failure stands until one comes.
  // A Dom0's state takes its guests' signs.
  const hosts = heard.flatMap((name) => snapshot.machines.get(name)?.dom0 ?? [])
  const open = [...own.told].flatMap(([name, { state, machine }]) =>
    state.phase === 'on' || state.state === 'stalled' || machine !== snapshot.machines.get(name) ? [name] : [],
  )
  const names = [...new Set([...heard, ...hosts, ...open])]
  for (const [name, state] of await readStates(desk, snapshot, names))
    own.told.set(name, { state, machine: snapshot.machines.get(name) })
  Object.assign(own, { newest, at })
}
