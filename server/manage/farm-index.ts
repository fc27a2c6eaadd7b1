// What lists ask of every machine: words to be found by, its place in order, what is wrong with it. An index belongs to one
// picture of the inventory and is made of the one before and the rows that differ, so that a change costs next to nothing.
import type { Finding, Known } from '../inventory/findings.ts'
import { findings, isWithheld } from '../inventory/findings.ts'
import type { Interface, Machine } from '../inventory/rows.ts'
import { inSlices, listed, merged, sorted } from '../inventory/slices.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import { compareNaturally } from '../inventory/natural-order.ts'
import { rowsBetween } from '../inventory/succession.ts'
import type { TouchedRow } from '../inventory/touched.ts'
import { touchedMachines } from '../inventory/touched.ts'
import { effectiveMac } from '../plan/interfaces.ts'

export type FarmEntry = Readonly<{
  machine: Machine
  nics: readonly Interface[]
  /** Lower case, each on a line of its own: host name, profile, Dom0, MACs and addresses. */
  words: string
}>

export type FarmIndex = Readonly<{
  snapshot: Snapshot
  /** In the natural order of their names. */
  entries: readonly FarmEntry[]
  /** Where in that order each stands. */
  places: ReadonlyMap<string, number>
  /** Of machines whose rows can't be read, in natural order; they have no entry. */
  unreadable: readonly string[]
  /** Names that have interfaces, and are no machine's. */
  strays: ReadonlySet<string>
  /** Those that can't be read too. */
  withheld: ReadonlySet<string>
  /** Of machines with which something is wrong, those that are served nevertheless too. In no order. */
  found: ReadonlyMap<string, readonly Finding[]>
}>

export const entryOf = ({ entries, places }: FarmIndex, name: string): FarmEntry | undefined =>
  entries[places.get(name) ?? -1]

type Held = { index: FarmIndex | null; known: Known | null; last: Promise<unknown> }
const held: Held = { index: null, known: null, last: Promise.resolve() }

/** Of this picture, or of one that came after it. One after the other: who asks meanwhile waits, and it is there. */
export async function farmIndex(snapshot: Snapshot, known: Known): Promise<FarmIndex> {
  if (held.index?.snapshot === snapshot && held.known === known) return held.index
  const coming = held.last.then(() => upToDate(snapshot, known))
  held.last = coming.catch(() => undefined)
  return coming
}

async function upToDate(snapshot: Snapshot, known: Known): Promise<FarmIndex> {
  const before = held.known === known || sameTemplates(held.known, known) ? held.index : null
  if (before !== null && rowsBetween(snapshot, before.snapshot) !== null) return before
  const rows = before === null ? null : rowsBetween(before.snapshot, snapshot)
  held.index = null // one that is not followed would keep all pictures since
  const index = await inSlices(
    before === null || rows === null ? made(snapshot, known) : followed(before, snapshot, known, rows),
  )
  Object.assign(held, { index, known })
  return index
}

const sameTemplates = (one: Known | null, other: Known): boolean =>
  one !== null && [...one.templates].join('\n') === [...other.templates].join('\n')

function* made(snapshot: Snapshot, known: Known): Generator<void, FarmIndex> {
  const names = yield* sorted(listed(snapshot.machines).keys, compareNaturally)
  const entries: FarmEntry[] = []
  for (const name of names) {
    entries.push(...entriesOf(snapshot, name))
    yield
  }
  const strays = new Set<string>()
  snapshot.interfaces.forEach((_, name) => {
    if (!snapshot.machines.has(name)) strays.add(name)
  })
  const places = yield* placesOf(entries)
  const nobody = { found: new Map(), withheld: new Set<string>() }
  return yield* judged(
    { snapshot, entries, places, strays, ...nobody },
    [...names, ...spoiledMachines(snapshot)],
    known,
  )
}

function* followed(
  before: FarmIndex,
  snapshot: Snapshot,
  known: Known,
  rows: readonly TouchedRow[],
): Generator<void, FarmIndex> {
  const own = rows.filter(({ table }) => table === 'machines' || table === 'interfaces')
  const names = new Set(own.map(({ key }) => key.split('/')[0] ?? key))
  const ordered = yield* entriesAfter(before, snapshot, names)
  const touched = yield* touchedMachines(
    before.snapshot,
    snapshot,
    rows.filter(({ table }) => table !== 'tokens'), // nothing is wrong with a token
  )
  const { found, withheld } = before
  const strays = new Set(before.strays)
  for (const name of names)
    if (snapshot.interfaces.has(name) && !snapshot.machines.has(name)) strays.add(name)
    else strays.delete(name)
  return yield* judged({ snapshot, ...ordered, strays, found, withheld }, touched, known)
}

type Ordered = Pick<FarmIndex, 'entries' | 'places'>

/** Who stays keeps his place, unless somebody came or went. */
function* entriesAfter(
  { entries: own, places }: Ordered,
  snapshot: Snapshot,
  names: ReadonlySet<string>,
): Generator<void, Ordered> {
  if (names.size === 0) return { entries: own, places }
  const isStaying = [...names].every((name) => places.has(name) === snapshot.machines.has(name))
  if (isStaying) {
    const entries = [...own]
    for (const name of names) {
      const [place, [entry]] = [places.get(name), entriesOf(snapshot, name)]
      if (place !== undefined && entry !== undefined) entries[place] = entry
      yield
    }
    return { entries, places }
  }
  const others = own.filter(({ machine }) => !names.has(machine.hostname))
  yield
  const changed = yield* sorted(
    [...names].flatMap((name) => entriesOf(snapshot, name)),
    byName,
  )
  const entries = yield* merged(others, changed, byName)
  return { entries, places: yield* placesOf(entries) }
}

const byName = (one: FarmEntry, other: FarmEntry): number =>
  compareNaturally(one.machine.hostname, other.machine.hostname)

function* placesOf(entries: readonly FarmEntry[]): Generator<void, ReadonlyMap<string, number>> {
  const places = new Map<string, number>()
  for (const { machine } of entries) {
    places.set(machine.hostname, places.size)
    yield
  }
  return places
}

/** What is wrong with these; of all others what was, is. */
function* judged(
  index: Omit<FarmIndex, 'unreadable'>,
  names: Iterable<string>,
  known: Known,
): Generator<void, FarmIndex> {
  const { snapshot } = index
  const unreadable = unreadableNames(snapshot)
  const [found, withheld] = [new Map(index.found), new Set(index.withheld)]
  for (const name of names) {
    yield
    const own = findings(snapshot, name, known)
    if (own.length > 0) found.set(name, own)
    else found.delete(name)
    if (isWithheld(own)) withheld.add(name)
    else withheld.delete(name)
  }
  return { ...index, unreadable, found, withheld }
}

const noInterfaces: readonly Interface[] = []

/** One, or none of a machine that is not there. */
function entriesOf(snapshot: Snapshot, name: string): readonly FarmEntry[] {
  const machine = snapshot.machines.get(name)
  const nics = snapshot.interfaces.get(name) ?? noInterfaces
  return machine === undefined ? [] : [{ machine, nics, words: wordsOf(machine, nics) }]
}

function wordsOf(machine: Machine, nics: readonly Interface[]): string {
  const { hostname, profile, dom0, uuid } = machine
  const addresses = nics.flatMap((nic) => [effectiveMac(machine, nic), nic.ip, nic.ip6])
  return [hostname, profile, dom0, uuid, ...addresses]
    .filter((word) => word != null)
    .join('\n')
    .toLowerCase()
}

export function unreadableNames(snapshot: Snapshot): readonly string[] {
  const names = [...snapshot.unreadable.values()]
    .flat()
    .flatMap(({ table, key }) => (table === 'machines' && !snapshot.machines.has(key) ? [key] : []))
  return [...new Set(names)].sort(compareNaturally)
}

/** Also those of which an interface can't be read. */
const spoiledMachines = ({ unreadable }: Snapshot): readonly string[] =>
  [...unreadable.keys()].flatMap((spoiled) =>
    spoiled.startsWith('machines/') ? [spoiled.slice('machines/'.length)] : [],
  )
