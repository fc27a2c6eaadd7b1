// What lists ask of every machine, kept from one picture of the inventory to the next: words to be found by, and who is
// withheld. What one change costs is one look at each machine's rows, and new findings of those that it touched.
import type { Finding, Known } from '../inventory/findings.ts'
import { findings, isWithheld } from '../inventory/findings.ts'
import type { Interface, Machine } from '../inventory/rows.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import { compareNaturally } from '../inventory/snapshot.ts'
import { inSlices } from '../inventory/store/read.ts'
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
  /** In no order. */
  entries: ReadonlyMap<string, FarmEntry>
  /** How many of them have interfaces. */
  withNics: number
  /** Of machines whose rows can't be read, in natural order; they have no entry. */
  unreadable: readonly string[]
  /** Those too. */
  withheld: ReadonlySet<string>
  /** Of machines with which something is wrong, those that are served nevertheless too. */
  found: ReadonlyMap<string, readonly Finding[]>
}>

type Held = {
  index: FarmIndex | null
  known: Known | null
  snapshot: Snapshot | null
  coming: Promise<FarmIndex> | null
}
const held: Held = { index: null, known: null, snapshot: null, coming: null }

/** Machines looked at between two chances for the server to answer something else. */
const machinesPerSlice = 2000

/** Whoever asks meanwhile gets the same. */
export async function farmIndex(snapshot: Snapshot, known: Known): Promise<FarmIndex> {
  if (held.index?.snapshot === snapshot && held.known === known) return held.index
  if (held.coming !== null && held.snapshot === snapshot) return held.coming
  const before = held.known === known || sameTemplates(held.known, known) ? held.index : null
  const coming = inSlices(update(before, snapshot, known))
  Object.assign(held, { snapshot, coming })
  try {
    const index = await coming
    Object.assign(held, { index, known })
    return index
  } finally {
    if (held.coming === coming) held.coming = null
  }
}

const sameTemplates = (one: Known | null, other: Known): boolean =>
  one !== null && [...one.templates].join('\n') === [...other.templates].join('\n')

function* update(before: FarmIndex | null, snapshot: Snapshot, known: Known): Generator<void, FarmIndex> {
  const others = new Set<string>()
  let [looked, fresh, stillWithNics] = [0, 0, 0]
  // forEach() takes a tenth of what the maps' iterators take, so each goes in one slice.
  snapshot.machines.forEach((machine, name) => {
    const entry = before?.entries.get(name)
    if (entry === undefined) fresh++
    if (entry?.machine !== machine) others.add(name)
  })
  yield
  snapshot.interfaces.forEach((nics, name) => {
    const entry = before?.entries.get(name)
    if (entry !== undefined && entry.nics !== nics) others.add(name)
    if (entry !== undefined && entry.nics.length > 0) stillWithNics++
  })
  yield
  // Who lost what he had is in neither map: looked for only when the numbers say that there is somebody.
  if (before !== null && before.entries.size > snapshot.machines.size - fresh)
    for (const name of before.entries.keys()) if (!snapshot.machines.has(name)) others.add(name)
  if (before !== null && stillWithNics < before.withNics)
    for (const [name, { nics }] of before.entries)
      if (nics.length > 0 && !snapshot.interfaces.has(name)) others.add(name)
  const entries = new Map(before?.entries)
  let withNics = before?.withNics ?? 0
  for (const name of others) {
    if (++looked % machinesPerSlice === 0) yield
    const machine = snapshot.machines.get(name)
    const nics = snapshot.interfaces.get(name) ?? noInterfaces
    if ((before?.entries.get(name)?.nics.length ?? 0) > 0) withNics--
    if (machine !== undefined && nics.length > 0) withNics++
    if (machine === undefined) entries.delete(name)
    else entries.set(name, { machine, nics, words: wordsOf(machine, nics) })
  }
  const rows = [...others].map((key): TouchedRow => ({ table: 'machines', key }))
  const unreadable = unreadableNames(snapshot)
  const spoiled = new Set([...spoiledMachines(snapshot), ...(before === null ? [] : spoiledMachines(before.snapshot))])
  for (const key of spoiled) rows.push({ table: 'machines', key })
  const touched =
    before === null
      ? entries.keys()
      : touchedMachines(before.snapshot, snapshot, [...rows, ...sharedRows(before, snapshot)])
  const withheld = new Set(before?.withheld)
  const found = new Map(before?.found)
  const note = (name: string): void => {
    const own = findings(snapshot, name, known)
    if (own.length > 0) found.set(name, own)
    else found.delete(name)
    if (isWithheld(own)) withheld.add(name)
    else withheld.delete(name)
  }
  for (const name of touched) {
    if (++looked % machinesPerSlice === 0) yield
    note(name)
  }
  for (const name of unreadable) note(name)
  return { snapshot, entries, withNics, unreadable, withheld, found }
}

const noInterfaces: readonly Interface[] = []

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

/** Rows that many machines take values from, those that are others now. */
function sharedRows({ snapshot: before }: FarmIndex, after: Snapshot): readonly TouchedRow[] {
  return (['networks', 'profiles', 'images', 'site'] as const).flatMap((table) =>
    [...new Set([...before[table].keys(), ...after[table].keys()])].flatMap((key) =>
      before[table].get(key) === after[table].get(key) ? [] : [{ table, key }],
    ),
  )
}
