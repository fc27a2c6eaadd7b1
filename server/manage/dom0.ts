// What a Dom0 holds: whose each CPU is, how its memory is shared out, which of its devices are whose. Pure.
import { cpuNumbers, formatCpus } from '../inventory/cpus.ts'
import { defaultDom0MemoryMiB } from '../inventory/findings.ts'
import { effectiveParam, profileChain } from '../inventory/profiles.ts'
import type { Machine } from '../inventory/rows.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import { compareNaturally } from '../inventory/natural-order.ts'
import type { Vdisk } from '../inventory/vdisk.ts'
import { vdisks } from '../inventory/vdisk.ts'
import { guestsOf } from '../plan/guests-along.ts'
import type { Dom0Device } from './dom0-devices.ts'
import { dom0Devices } from './dom0-devices.ts'

type Cpu = Readonly<{
  number: number
  /** Guests, and the Dom0 itself, that are pinned to it. */
  holders: readonly string[]
  /** The Dom0 has no CPU of that number. */
  isBeyond: boolean
}>

export type Dom0Picture = Readonly<{
  hostname: string
  guests: readonly Machine[]
  /** Null: its row doesn't say how many it has. */
  vcpus: number | null
  cpus: readonly Cpu[]
  /** `2-3,6`: nobody is pinned to these; '' when there are none. */
  free: string
  /** Guests that run wherever there is room. */
  unpinned: readonly string[]
  memory: Readonly<{
    totalMiB: number | null
    keptMiB: number
    parts: readonly Readonly<{ guest: string; mib: number }>[]
    /** What is not given away; less than nothing: so much too much is. Null when the total is not known. */
    freeMiB: number | null
  }>
  /** In natural order of the devices. */
  disks: readonly (Vdisk & Readonly<{ guest: string }>)[]
  /** Whose each of its known devices is, and how large. */
  devices: readonly Dom0Device[]
}>

/** More are not drawn. */
export const mostCpus = 512

export function dom0Picture(snapshot: Snapshot, dom0: Machine): Dom0Picture {
  const guests = guestsOf(snapshot, dom0)
  const cpus = cpusOf(dom0, guests)
  return {
    hostname: dom0.hostname,
    guests,
    vcpus: dom0.vcpus,
    cpus,
    free: formatCpus(cpus.flatMap(({ number, holders }) => (holders.length === 0 ? [number] : []))),
    unpinned: guests.flatMap(({ hostname, cpus: pinned }) => (pinned === null ? [hostname] : [])),
    memory: memoryOf(snapshot, dom0, guests),
    disks: guests
      .flatMap(({ hostname, vdisk }) => vdisks(vdisk).map((disk) => ({ ...disk, guest: hostname })))
      .sort((a, b) => compareNaturally(a.device, b.device)),
    devices: dom0Devices(snapshot, dom0, guests),
  }
}

function cpusOf(dom0: Machine, guests: readonly Machine[]): readonly Cpu[] {
  const holders = new Map<number, string[]>()
  for (const { hostname, cpus } of [dom0, ...guests])
    for (const number of cpus === null ? [] : cpuNumbers(cpus))
      holders.set(number, [...(holders.get(number) ?? []), hostname])
  const own = dom0.vcpus ?? 0
  const count = Math.min(mostCpus, Math.max(own, ...[...holders.keys()].map((number) => number + 1)))
  return Array.from({ length: count }, (_, number) => ({
    number,
    holders: holders.get(number) ?? [],
    isBeyond: dom0.vcpus !== null && number >= own,
  }))
}

function memoryOf(snapshot: Snapshot, dom0: Machine, guests: readonly Machine[]): Dom0Picture['memory'] {
  const kept = effectiveParam(snapshot, dom0, profileChain(snapshot, dom0.profile), 'dom0_memory_mib')
  const keptMiB = typeof kept === 'number' ? kept : defaultDom0MemoryMiB
  const parts = guests.flatMap(({ hostname, memory_mib }) =>
    memory_mib === null ? [] : [{ guest: hostname, mib: memory_mib }],
  )
  const given = parts.reduce((sum, { mib }) => sum + mib, keptMiB)
  return {
    totalMiB: dom0.memory_mib,
    keptMiB,
    parts,
    freeMiB: dom0.memory_mib === null ? null : dom0.memory_mib - given,
  }
}
