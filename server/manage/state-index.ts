// Boot states of all machines, kept from one question to the next: only of whom something may have changed is read again.
import type { Machine } from '../inventory/rows.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import { inSlices } from '../inventory/slices.ts'
import type { Store } from '../inventory/store/open.ts'
import { readEventNumbers, readHeardAt } from '../inventory/store/read.ts'
import type { BootState } from '../plan/states.ts'
import { silenceAllowedMs } from '../plan/states.ts'
import type { Desk } from './desk.ts'
import { readStates } from './machine.ts'

type Kept = {
  /** Numbers of the newest events, and of those that were looked at before them. */
  newest: number
  seen: ReadonlySet<number>
  at: number
  readonly states: Map<string, BootState>
  /** What a state was made of beside what was heard. */
  readonly machines: Map<string, Machine | undefined>
  coming: Promise<void> | null
}
const kept = new WeakMap<Store, Kept>()

/** MySQL hands out numbers before a transaction commits: so many are looked back. */
const eventsLookedBack = 1000
/** Read by one query: SQLite is read in this very process. */
const [eventsPerTurn, machinesPerTurn] = [2000, 100]
/** Who asks with every key that is pressed is told the same for so long. */
const restMs = 2000

/** Of machines that were ever heard of. */
export async function bootStates(desk: Desk, snapshot: Snapshot): Promise<ReadonlyMap<string, BootState>> {
  const own = kept.get(desk.store) ?? nothing()
  kept.set(desk.store, own)
  if (Math.abs(desk.now() - own.at) > restMs) {
    own.coming ??= readAgain(desk, snapshot, own).finally(() => (own.coming = null))
    await own.coming
  }
  return own.states
}

const nothing = (): Kept => ({
  ...{ newest: 0, seen: new Set(), at: -Infinity, coming: null },
  ...{ states: new Map<string, BootState>(), machines: new Map<string, Machine | undefined>() },
})

async function readAgain(desk: Desk, snapshot: Snapshot, own: Kept): Promise<void> {
  const at = desk.now()
  const heard = await readHeardOf(desk.store, own)
  // A Dom0's state takes its guests' signs.
  const hosts = [...heard].flatMap((name) => snapshot.machines.get(name)?.dom0 ?? [])
  const { quiet, stalled } = await inSlices(silent(desk, snapshot, own))
  const alive = await showingLife(desk.store, snapshot, own, stalled)
  const names = [...new Set([...heard, ...hosts, ...quiet, ...alive])]
  for (let from = 0; from < names.length; from += machinesPerTurn) {
    if (from > 0) await turn()
    for (const [name, state] of await readStates(desk, snapshot, names.slice(from, from + machinesPerTurn))) {
      own.states.set(name, state)
      own.machines.set(name, snapshot.machines.get(name))
    }
  }
  own.at = at
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Machines of which there are events that have not been looked at. */
async function readHeardOf(store: Store, own: Kept): Promise<ReadonlySet<string>> {
  const [heard, seen] = [new Set<string>(), new Set<number>()]
  let after = own.newest - eventsLookedBack
  for (;;) {
    const events = await readEventNumbers(store, after, eventsPerTurn)
    for (const { id, machine } of events) {
      if (!own.seen.has(id)) heard.add(machine)
      seen.add(id)
    }
    after = events.at(-1)?.id ?? after
    if (events.length < eventsPerTurn) break
    await turn()
  }
  own.newest = Math.max(own.newest, after)
  own.seen = new Set([...seen].filter((id) => id > own.newest - eventsLookedBack))
  return heard
}

type Silent = Readonly<{ quiet: readonly string[]; stalled: readonly string[] }>

/** Without an event: whose rows are others now, who has been silent for so long that he may have stalled, and who had. */
function* silent({ now, stallMinutes }: Desk, snapshot: Snapshot, own: Kept): Generator<void, Silent> {
  const [quiet, stalled]: [string[], string[]] = [[], []]
  for (const [name, { phase, stage, state, lastSeen }] of own.states) {
    yield
    const silentMs = now() - Date.parse(lastSeen ?? '')
    const isCounted = state === 'stalled' && minutesOf(silentMs) !== minutesOf(own.at - Date.parse(lastSeen ?? ''))
    const isOverdue = phase === 'on' && stage !== 'armed' && silentMs > silenceAllowedMs(snapshot, name, stallMinutes)
    if (isOverdue || isCounted || own.machines.get(name) !== snapshot.machines.get(name)) quiet.push(name)
    else if (state === 'stalled') stalled.push(name)
  }
  return { quiet, stalled }
}

/** What is told of who stalled: for how long nothing was heard. */
const minutesOf = (milliseconds: number): number => Math.floor(milliseconds / 60_000)

/** A console that moves makes no event; a Dom0 that waits for its guests shows theirs. */
async function showingLife(
  store: Store,
  { guests }: Snapshot,
  own: Kept,
  stalled: readonly string[],
): Promise<readonly string[]> {
  const heardAt = await readHeardAt(store, [...new Set(stalled.flatMap((name) => [name, ...(guests.get(name) ?? [])]))])
  return stalled.filter((name) => {
    const last = own.states.get(name)?.lastSeen ?? ''
    return [name, ...(guests.get(name) ?? [])].some((one) => (heardAt.get(one) ?? '') > last)
  })
}
