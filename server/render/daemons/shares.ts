// Machines in shares: each file of a daemon's configuration has one share of them, so that a change rewrites little.
import { hash } from 'node:crypto'
import type { Interface } from '../../inventory/rows.ts'
import type { Snapshot } from '../../inventory/snapshot.ts'
import { compareNaturally } from '../../inventory/natural-order.ts'
import type { PlanContext } from '../../plan/boot.ts'
import type { HostConfiguration } from '../../plan/dhcp/host.ts'
import type { Reservation } from '../../plan/reservation.ts'
import { reservationsOf } from '../../plan/reservation.ts'
import type { LeftOut } from '../files.ts'

/** A small site reads one file for each network; 100,000 machines of one network are 1,024 files of some 100. */
const machinesPerShare = 128

export type Shares = Readonly<{
  /** By network, all networks ascending: `farm-0`. */
  names: ReadonlyMap<string, readonly string[]>
  /** Those that a machine is in: one for each network that it has an address of. */
  of: (hostname: string) => readonly string[]
  /** Its machines, ascending. */
  members: (share: string) => readonly string[]
}>

/** A picture that was opened before, and the machines that differ since. */
export type Since = Readonly<{ snapshot: Snapshot; hostnames: ReadonlySet<string> }>

type Names = Shares['names']
/** Addresses by network. */
type Counts = Map<string, number>
/** Machines by share. */
type Members = Map<string, readonly string[]>
type Opened = Shares & Readonly<{ counts: Counts; grouped: { members: Members | null } }>

/** Each daemon opens the same picture, and the next one differs in little: known for as long as somebody has the picture. */
const opened = new WeakMap<Snapshot, Opened>()

export function openShares(snapshot: Snapshot, since: Since | null = null): Shares {
  const known = opened.get(snapshot)
  if (known !== undefined) return known
  const before = since === null ? undefined : opened.get(since.snapshot)
  const shares = before === undefined || since === null ? openAll(snapshot) : openSince(snapshot, since, before)
  opened.set(snapshot, shares)
  return shares
}

/** What openShares() would look up for every machine at once, in slices: others are answered in between. */
export function* prepareShares(snapshot: Snapshot): Generator<void, void> {
  const known = opened.get(snapshot) ?? (yield* openInSlices(snapshot))
  opened.set(snapshot, known)
  known.grouped.members ??= yield* groupInSlices(snapshot, snapshot.machines.keys(), known.of)
}

const machinesPerSlice = 2000

const openAll = (snapshot: Snapshot): Opened => atOnce(openInSlices(snapshot))

function* openInSlices(snapshot: Snapshot): Generator<void, Opened> {
  const counts: Counts = new Map()
  let machines = 0
  for (const nics of snapshot.interfaces.values()) {
    count(counts, nics, 1)
    if (++machines % machinesPerSlice === 0) yield
  }
  return sharesBy(snapshot, counts)
}

function atOnce<T>(slices: Generator<void, T>): T {
  for (;;) {
    const step = slices.next()
    if (step.done === true) return step.value
  }
}

function openSince(snapshot: Snapshot, { snapshot: earlier, hostnames }: Since, before: Opened): Opened {
  const counts = new Map(before.counts)
  for (const hostname of hostnames) {
    count(counts, earlier.interfaces.get(hostname) ?? [], -1)
    count(counts, snapshot.interfaces.get(hostname) ?? [], 1)
  }
  const shares = sharesBy(snapshot, counts)
  const members = before.grouped.members
  if (members === null) return shares
  const reshared = [...shares.names].flatMap(([network, now]) => {
    const then = before.names.get(network) ?? []
    return now.length === then.length ? [] : then.flatMap((share) => members.get(share) ?? [])
  })
  const moved = new Set([...hostnames, ...reshared])
  shares.grouped.members = regroup(members, moved, before.of, groupBy(snapshot, moved, shares.of))
  return shares
}

function sharesBy(snapshot: Snapshot, counts: Counts): Opened {
  const { machines, interfaces, networks } = snapshot
  const names: Names = new Map(
    [...networks.keys()].sort(compareNaturally).map((name) => [name, sharesOf(name, counts.get(name) ?? 0)]),
  )
  const of = (hostname: string): readonly string[] => sharesOfNics(names, hostname, interfaces.get(hostname) ?? [])
  const grouped: Opened['grouped'] = { members: null }
  return {
    names,
    of,
    members: (share) => {
      grouped.members ??= groupBy(snapshot, machines.keys(), of)
      return (grouped.members.get(share) ?? []).toSorted(compareNaturally)
    },
    counts,
    grouped,
  }
}

function count(counts: Counts, nics: readonly Interface[], by: 1 | -1): void {
  for (const { ip, network } of nics)
    if (ip !== null && network !== null) counts.set(network, (counts.get(network) ?? 0) + by)
}

const groupBy = (snapshot: Snapshot, hostnames: Iterable<string>, of: Shares['of']): Members =>
  atOnce(groupInSlices(snapshot, hostnames, of))

function* groupInSlices(
  { machines }: Snapshot,
  hostnames: Iterable<string>,
  of: Shares['of'],
): Generator<void, Members> {
  const members = new Map<string, string[]>()
  let looked = 0
  for (const hostname of hostnames) {
    if (++looked % machinesPerSlice === 0) yield
    if (!machines.has(hostname)) continue
    for (const share of of(hostname)) {
      const own = members.get(share)
      if (own === undefined) members.set(share, [hostname])
      else own.push(hostname)
    }
  }
  return members
}

function regroup(before: Members, moved: ReadonlySet<string>, of: Shares['of'], now: Members): Members {
  const members = new Map(before)
  for (const share of new Set([...[...moved].flatMap(of), ...now.keys()])) {
    const staying = (before.get(share) ?? []).filter((hostname) => !moved.has(hostname))
    members.set(share, [...staying, ...(now.get(share) ?? [])])
  }
  return members
}

function sharesOfNics(names: Names, hostname: string, nics: readonly Interface[]): readonly string[] {
  const shares: string[] = [] // a plain loop: it is run for every machine of a picture
  for (const { ip, network } of nics) {
    const all = ip === null || network === null ? undefined : names.get(network)
    const share = all?.[firstBits(fnv1a(hostname), Math.log2(all.length))]
    if (share !== undefined && !shares.includes(share)) shares.push(share)
  }
  return shares
}

/** As many as a power of two has it, so that the first bits of a hash say which. */
function sharesOf(network: string, hosts: number): readonly string[] {
  const bits = Math.max(0, Math.ceil(Math.log2(hosts / machinesPerShare)))
  const digits = Math.max(1, Math.ceil(bits / 4))
  return Array.from({ length: 2 ** bits }, (_, index) => `${network}-${index.toString(16).padStart(digits, '0')}`)
}

const firstBits = (sum: number, bits: number): number => (bits === 0 ? 0 : sum >>> (32 - bits))

/** FNV-1a, 32 bits (draft-eastlake-fnv), mixed so that names which differ in their last digit differ in the first bits. */
function fnv1a(text: string): number {
  let sum = 0x811c9dc5
  for (let at = 0; at < text.length; at++) sum = Math.imul(sum ^ text.charCodeAt(at), 0x01000193)
  return Math.imul(sum ^ (sum >>> 15), 0x2c1b3c6d) >>> 0
}

/** Reservations of one network that are given the same values. */
export type ReservationSet = Readonly<{
  /** `farm-0-1f9c3a`: its share and what stands for the values. */
  name: string
  host: HostConfiguration
  reservations: readonly Reservation[]
}>

export type Share = Readonly<{ name: string; sets: readonly ReservationSet[]; leftOut: readonly LeftOut[] }>

export function planShare(context: PlanContext, shares: Shares, name: string): Share {
  const leftOut: LeftOut[] = []
  const sets = new Map<string, { name: string; host: HostConfiguration; reservations: Reservation[] }>()
  for (const machine of shares.members(name)) {
    const reserved = reservationsOf(context, machine)
    if (reserved.kind === 'left-out') {
      if (shares.of(machine)[0] === name) leftOut.push({ kind: 'left-out', machine, why: reserved.why })
      continue
    }
    for (const reservation of reserved.reservations) {
      if (!(shares.names.get(reservation.network.name) ?? []).includes(name)) continue
      const key = JSON.stringify(reservation.host)
      const set = sets.get(key) ?? { name: `${name}-${digest(key)}`, host: reservation.host, reservations: [] }
      set.reservations.push(reservation)
      sets.set(key, set)
    }
  }
  return { name, leftOut, sets: [...sets.values()].sort((a, b) => compareNaturally(a.name, b.name)) }
}

/** Of these machines those that are reserved nothing and are in no share. */
export function* leftOutOfAll(context: PlanContext, { of }: Shares, hostnames: Iterable<string>): Generator<LeftOut> {
  for (const machine of hostnames) {
    if (!context.snapshot.machines.has(machine) || of(machine).length > 0) continue
    const reserved = reservationsOf(context, machine)
    if (reserved.kind === 'left-out') yield { kind: 'left-out', machine, why: reserved.why }
  }
}

const digest = (text: string): string => hash('sha1', text).slice(0, 6)

/** Whose lines a set's values are: its only machine's, or nobody's. */
export function ownerOf({ reservations }: ReservationSet): string | null {
  const machines = new Set(reservations.map(({ machine }) => machine))
  const [first = null] = machines
  return machines.size === 1 ? first : null
}
