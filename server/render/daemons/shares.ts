// Machines in shares: each file of a daemon's configuration has one share of them, so that a change rewrites little.
import { hash } from 'node:crypto'
import type { Interface } from '../../inventory/rows.ts'
import type { Snapshot } from '../../inventory/snapshot.ts'
import { compareNaturally } from '../../inventory/snapshot.ts'
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
  /** Its machines, ascending; of the share null those that are in none. */
  members: (share: string | null) => readonly string[]
}>

export function openShares({ machines, interfaces, networks }: Snapshot): Shares {
  const counts = new Map<string, number>()
  for (const nics of interfaces.values())
    for (const { ip, network } of nics)
      if (ip !== null && network !== null) counts.set(network, (counts.get(network) ?? 0) + 1)
  const names = new Map(
    [...networks.keys()].sort(compareNaturally).map((name) => [name, sharesOf(name, counts.get(name) ?? 0)]),
  )
  const sharesOfNics = (hostname: string, nics: readonly Interface[]): readonly string[] => {
    const shares: string[] = [] // a plain loop: it is run for every machine when one has changed
    for (const { ip, network } of nics) {
      const all = ip === null || network === null ? undefined : names.get(network)
      const share = all?.[firstBits(fnv1a(hostname), Math.log2(all.length))]
      if (share !== undefined && !shares.includes(share)) shares.push(share)
    }
    return shares
  }
  const of = (hostname: string): readonly string[] => sharesOfNics(hostname, interfaces.get(hostname) ?? [])
  const grouped: { members: ReadonlyMap<string, readonly string[]> | null } = { members: null }
  const group = (): ReadonlyMap<string, readonly string[]> => {
    const groups = new Map([...names.values()].flat().map((share): [string, string[]] => [share, []]))
    for (const [hostname, nics] of interfaces)
      for (const share of sharesOfNics(hostname, nics)) groups.get(share)?.push(hostname)
    return groups
  }
  return {
    names,
    of,
    members: (share) => {
      if (share === null)
        return [...machines.keys()].filter((hostname) => of(hostname).length === 0).sort(compareNaturally)
      grouped.members ??= group()
      return (grouped.members.get(share) ?? []).filter((hostname) => machines.has(hostname)).sort(compareNaturally)
    },
  }
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

/** What is reserved nothing and in no share. */
export function leftOutOfAll(context: PlanContext, shares: Shares): readonly LeftOut[] {
  return shares.members(null).flatMap((machine): LeftOut[] => {
    const reserved = reservationsOf(context, machine)
    return reserved.kind === 'left-out' ? [{ kind: 'left-out', machine, why: reserved.why }] : []
  })
}

const digest = (text: string): string => hash('sha1', text).slice(0, 6)

/** Whose lines a set's values are: its only machine's, or nobody's. */
export function ownerOf({ reservations }: ReservationSet): string | null {
  const machines = new Set(reservations.map(({ machine }) => machine))
  const [first = null] = machines
  return machines.size === 1 ? first : null
}
