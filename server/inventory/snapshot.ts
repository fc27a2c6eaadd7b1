// One immutable picture of the whole inventory at a revision. A change makes a new picture that shares
// everything unchanged with the old one, so following one row costs the same at 10 and at 100,000 machines.
import { Map as PersistentMap } from 'immutable'
import type { Ipv4Address, Ipv6Address, MacAddress, MachineUuid } from './address.ts'
import { compareNaturally } from './natural-order.ts'
import type {
  AnyRow,
  FieldError,
  Image,
  Interface,
  Machine,
  Network,
  Profile,
  RowOf,
  SiteValue,
  TableName,
  Token,
} from './rows.ts'
import { parseRow, rowKey, tokenSchema } from './rows.ts'
import { derivedMac } from './xen-mac.ts'

/** A row that its schema refused: kept with the reason, so that it can be reported instead of vanishing. */
type UnreadableRow = Readonly<{
  table: TableName
  key: string
  errors: readonly FieldError[]
  raw: Readonly<Record<string, unknown>>
}>

/** One interface's place in an index: its machine and its name. */
export type InterfaceRef = Readonly<{ machine: string; name: string }>

export type Snapshot = Readonly<{
  /** Number of the newest `changes` row this picture contains. */
  revision: number
  /** Lower numbers that no row had when it was read: of transactions that had not ended yet, or that changed nothing. */
  missing: readonly number[]
  machines: PersistentMap<string, Machine>
  /** By machine, in the natural order of their names (eth2 before eth10). */
  interfaces: PersistentMap<string, readonly Interface[]>
  networks: PersistentMap<string, Network>
  profiles: PersistentMap<string, Profile>
  images: PersistentMap<string, Image>
  site: PersistentMap<string, SiteValue>
  /** By machine; used and expired ones too, until the next install is done. */
  tokens: PersistentMap<string, readonly Token[]>
  /** By the row they spoil, `table/key`; an interface spoils its machine. */
  unreadable: PersistentMap<string, readonly UnreadableRow[]>
  /** A guest's interface without a MAC stands under the one derived from its name. */
  byMac: PersistentMap<MacAddress, readonly InterfaceRef[]>
  byIp: PersistentMap<Ipv4Address, readonly InterfaceRef[]>
  byIp6: PersistentMap<Ipv6Address, readonly InterfaceRef[]>
  byUuid: PersistentMap<MachineUuid, readonly string[]>
  /** Host names of the guests of each Dom0, ascending. */
  guests: PersistentMap<string, readonly string[]>
}>

/** What became of one row: its columns as the store gives them, or null when it was deleted. */
export type RowChange = Readonly<{
  table: TableName | 'tokens'
  key: string
  raw: Readonly<Record<string, unknown>> | null
}>

export const emptySnapshot: Snapshot = {
  revision: 0,
  missing: [],
  machines: PersistentMap(),
  interfaces: PersistentMap(),
  networks: PersistentMap(),
  profiles: PersistentMap(),
  images: PersistentMap(),
  site: PersistentMap(),
  tokens: PersistentMap(),
  unreadable: PersistentMap(),
  byMac: PersistentMap(),
  byIp: PersistentMap(),
  byIp6: PersistentMap(),
  byUuid: PersistentMap(),
  guests: PersistentMap(),
}

/** A new picture with the changes applied in order; the old one stays as it was. */
export function changeSnapshot(snapshot: Snapshot, changes: Iterable<RowChange>, revision: number): Snapshot {
  const draft = openDraft(snapshot)
  for (const change of changes) applyChange(draft, change)
  return closeDraft(draft, revision)
}

/**
 * The same in slices: yields after every `rowsPerSlice` rows, so that a server can answer requests in between.
 * The finished picture is the generator's return value.
 */
export function* changeSnapshotInSlices(
  snapshot: Snapshot,
  changes: Iterable<RowChange>,
  revision: number,
  rowsPerSlice: number,
): Generator<void, Snapshot> {
  const draft = openDraft(snapshot)
  let rows = 0
  for (const change of changes) {
    applyChange(draft, change)
    if (++rows % rowsPerSlice === 0) yield
  }
  return closeDraft(draft, revision)
}

type Draft = { -readonly [Field in keyof Snapshot]: Snapshot[Field] }

function openDraft(snapshot: Snapshot): Draft {
  const draft: Record<string, unknown> = {}
  for (const [field, value] of Object.entries(snapshot))
    draft[field] = PersistentMap.isMap(value) ? value.asMutable() : value
  return draft as Draft
}

function closeDraft(draft: Draft, revision: number): Snapshot {
  const snapshot: Record<string, unknown> = {}
  for (const [field, value] of Object.entries(draft))
    snapshot[field] = PersistentMap.isMap(value) ? value.asImmutable() : value
  return { ...(snapshot as Snapshot), revision }
}

function applyChange(draft: Draft, change: RowChange): void {
  if (change.table === 'tokens') return applyToken(draft, change)
  const { table, key, raw } = change
  forget(draft, table, key)
  if (!draft.unreadable.isEmpty())
    removeFrom(draft.unreadable, spoiled(table, key), (row) => row.table === table && row.key === key)
  if (raw === null) return
  const parsed = parseRow(table, raw)
  if (parsed.ok) remember(draft, table, parsed.row)
  else
    addTo(draft.unreadable, spoiled(table, key), { table, key, errors: parsed.errors, raw }, (a, b) =>
      compareText(a.key, b.key),
    )
}

function spoiled(table: TableName, key: string): string {
  return table === 'interfaces' ? `machines/${key.split('/')[0] ?? ''}` : `${table}/${key}`
}

function applyToken(draft: Draft, { key, raw }: RowChange): void {
  const [machine = '', id = ''] = key.split('/')
  const others = (draft.tokens.get(machine) ?? []).filter((token) => token.id !== id)
  const parsed = raw === null ? null : tokenSchema.parse(raw)
  const tokens = parsed === null ? others : [...others, parsed]
  if (tokens.length === 0) draft.tokens.delete(machine)
  else draft.tokens.set(machine, tokens)
}

function forget(draft: Draft, table: TableName, key: string): void {
  if (table === 'machines') {
    const old = draft.machines.get(key)
    if (old === undefined) return
    draft.machines.delete(key)
    if (old.uuid !== null) removeFrom(draft.byUuid, old.uuid, (hostname) => hostname === key)
    if (old.dom0 === null) return
    removeFrom(draft.guests, old.dom0, (hostname) => hostname === key)
    for (const nic of draft.interfaces.get(key) ?? []) forgetDerivedMac(draft, nic)
  } else if (table === 'interfaces') {
    const [machine = '', name = ''] = key.split('/')
    const old = draft.interfaces.get(machine)?.find((nic) => nic.name === name)
    if (old === undefined) return
    const isOld = (ref: InterfaceRef): boolean => ref.machine === machine && ref.name === name
    removeFrom(draft.interfaces, machine, (nic) => nic.name === name)
    if (old.mac !== null) removeFrom(draft.byMac, old.mac, isOld)
    else if (isGuest(draft, machine)) forgetDerivedMac(draft, old)
    if (old.ip !== null) removeFrom(draft.byIp, old.ip, isOld)
    if (old.ip6 !== null) removeFrom(draft.byIp6, old.ip6, isOld)
  } else (draft[table] as PersistentMap<string, AnyRow>).delete(key)
}

function remember(draft: Draft, table: TableName, row: AnyRow): void {
  if (table === 'machines') {
    const machine = row as Machine
    draft.machines.set(machine.hostname, machine)
    if (machine.uuid !== null) addTo(draft.byUuid, machine.uuid, machine.hostname, compareText)
    if (machine.dom0 === null) return
    addTo(draft.guests, machine.dom0, machine.hostname, compareText)
    for (const nic of draft.interfaces.get(machine.hostname) ?? []) rememberDerivedMac(draft, nic)
  } else if (table === 'interfaces') {
    const nic = row as Interface
    const ref = { machine: nic.machine, name: nic.name }
    addTo(draft.interfaces, nic.machine, nic, (a, b) => compareNaturally(a.name, b.name))
    if (nic.mac !== null) addTo(draft.byMac, nic.mac, ref, compareRefs)
    else if (isGuest(draft, nic.machine)) rememberDerivedMac(draft, nic)
    if (nic.ip !== null) addTo(draft.byIp, nic.ip, ref, compareRefs)
    if (nic.ip6 !== null) addTo(draft.byIp6, nic.ip6, ref, compareRefs)
  } else (draft[table] as PersistentMap<string, AnyRow>).set(rowKey(table, row), row)
}

const isGuest = (draft: Draft, hostname: string): boolean => (draft.machines.get(hostname)?.dom0 ?? null) !== null

function rememberDerivedMac(draft: Draft, { machine, name, mac }: Interface): void {
  if (mac === null) addTo(draft.byMac, derivedMac(machine, name), { machine, name }, compareRefs)
}

function forgetDerivedMac(draft: Draft, { machine, name, mac }: Interface): void {
  const isOld = (ref: InterfaceRef): boolean => ref.machine === machine && ref.name === name
  if (mac === null) removeFrom(draft.byMac, derivedMac(machine, name), isOld)
}

function addTo<K, V>(index: PersistentMap<K, readonly V[]>, key: K, value: V, order: (a: V, b: V) => number): void {
  const held = index.get(key)
  index.set(key, held === undefined ? [value] : [...held, value].sort(order))
}

function removeFrom<K, V>(index: PersistentMap<K, readonly V[]>, key: K, isGone: (value: V) => boolean): void {
  const left = (index.get(key) ?? []).filter((value) => !isGone(value))
  if (left.length === 0) index.delete(key)
  else index.set(key, left)
}

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
const compareRefs = (a: InterfaceRef, b: InterfaceRef): number =>
  compareText(`${a.machine}/${a.name}`, `${b.machine}/${b.name}`)

/** Every row of a table, ascending by key. */
export function rowsOf<T extends TableName>(snapshot: Snapshot, table: T): readonly RowOf<T>[] {
  const rows =
    table === 'interfaces'
      ? [...snapshot.interfaces.values()].flat()
      : [...(snapshot[table] as PersistentMap<string, AnyRow>).values()]
  const keyed = rows.map((row) => [rowKey(table, row), row] as const)
  return keyed.sort(([a], [b]) => compareNaturally(a, b)).map(([, row]) => row as RowOf<T>)
}

/** One row by its key, or null. */
export function rowOf<T extends TableName>(snapshot: Snapshot, table: T, key: string): RowOf<T> | null {
  if (table !== 'interfaces')
    return ((snapshot[table] as PersistentMap<string, AnyRow>).get(key) as RowOf<T> | undefined) ?? null
  const [machine = '', name = ''] = key.split('/')
  return (snapshot.interfaces.get(machine)?.find((nic) => nic.name === name) as RowOf<T> | undefined) ?? null
}

/** Whether there is a row of that machine, be it one that can't be read. */
export function isKnown(snapshot: Snapshot, hostname: string): boolean {
  return (
    snapshot.machines.has(hostname) ||
    (snapshot.unreadable.get(`machines/${hostname}`)?.some((row) => row.table === 'machines') ?? false)
  )
}

/** The interface a machine boots from: the one marked `boot`, else the first with a MAC, else the first. */
export function bootInterface(snapshot: Snapshot, hostname: string): Interface | null {
  const nics = snapshot.interfaces.get(hostname) ?? []
  return nics.find((nic) => nic.boot) ?? nics.find((nic) => nic.mac !== null) ?? nics[0] ?? null
}
