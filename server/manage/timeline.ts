// What a machine reported and was served, and how it stands; of a Dom0 its guests beside it.
import type { Snapshot } from '../inventory/snapshot.ts'
import type { ConsoleRow, EventRow, Store } from '../inventory/store/open.ts'
import { readConsoles, readEvents, readNewestEventId } from '../inventory/store/read.ts'
import { guestsOf } from '../plan/guests-along.ts'
import type { BootState, StageEvent } from '../plan/states.ts'
import { machineState } from '../plan/states.ts'
import { readSigns } from '../serve/states.ts'
import type { Desk } from './desk.ts'
import { Refused } from './failure.ts'
import { tellsByConsole } from './machine.ts'

type TimelineMachine = Readonly<{
  hostname: string
  state: BootState
  /** Since it was armed last, oldest first. */
  reached: readonly Pick<StageEvent, 'stage' | 'at'>[]
}>

export type Timeline = Readonly<{
  /** The machine, and behind it the guests of a Dom0; nobody when only events were asked for. */
  machines: readonly TimelineMachine[]
  /** The newest of all of them, oldest first. */
  events: readonly EventRow[]
  /** Of a machine without guests, while it is installing and when that failed: the end of its newest console. */
  console: Pick<ConsoleRow, 'at' | 'tail'> | null
  /** The number of the newest event of anybody, from which to go on; some that are newer may be in `events` already. */
  newest: number
}>

export type TimelineOptions = Readonly<{ limit: number; /** Its own events, and no more. */ eventsOnly: boolean }>

/**
 * @param snapshot asked for when it is needed: events outlive their machine
 * @throws Refused when there is no such machine, and no event of one
 */
export async function readTimeline(
  desk: Desk,
  snapshot: () => Promise<Snapshot>,
  hostname: string,
  { limit, eventsOnly }: TimelineOptions,
): Promise<Timeline> {
  const newest = await readNewestEventId(desk.store)
  const own = eventsOnly ? await readEvents(desk.store, hostname, limit) : []
  if (own.length > 0) return { machines: [], events: own, console: null, newest }
  const picture = await snapshot()
  const machine = picture.machines.get(hostname)
  const guests = eventsOnly || machine === undefined ? [] : guestsOf(picture, machine)
  const names = [hostname, ...guests.map((guest) => guest.hostname)]
  const events = await readMerged(desk.store, names, limit)
  if (events.length === 0 && machine === undefined)
    throw new Refused(
      `there is no machine ${hostname}, and no event of one; bootstead machine list shows those there are`,
    )
  const machines = eventsOnly ? [] : await machinesOf(desk, picture, names)
  const [first, second] = machines
  const tells = first !== undefined && second === undefined && tellsByConsole(first.state)
  const console = tells ? (await readConsoles(desk.store, [hostname])).get(hostname) : undefined
  return { machines, events, console: console === undefined ? null : { at: console.at, tail: console.tail }, newest }
}

/** The newest events of all of them, oldest first. */
export async function readMerged(store: Store, names: readonly string[], limit: number): Promise<readonly EventRow[]> {
  const events: EventRow[] = []
  for (const name of names) events.push(...(await readEvents(store, name, limit)))
  return events.sort((a, b) => (a.at === b.at ? a.id - b.id : a.at < b.at ? -1 : 1)).slice(-limit)
}

async function machinesOf(
  { store, stallMinutes, now }: Desk,
  snapshot: Snapshot,
  names: readonly string[],
): Promise<readonly TimelineMachine[]> {
  const signs = await readSigns(store, names)
  const options = { now: now(), stallMinutes }
  return names.map((hostname) => ({
    hostname,
    state: machineState(snapshot, hostname, signs, options),
    reached: (signs.get(hostname)?.events ?? []).map(({ stage, at }) => ({ stage, at })),
  }))
}
