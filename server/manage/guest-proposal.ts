// Where a guest could live on a Dom0: what is free there, in its own measure or, of a new one, in that of the last guest.
import type { MacAddress } from '../inventory/address.ts'
import { parseMac } from '../inventory/address.ts'
import { cpuNumbers, formatCpus } from '../inventory/cpus.ts'
import type { Machine } from '../inventory/rows.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import { bootInterface, changeSnapshot } from '../inventory/snapshot.ts'
import type { Vdisk } from '../inventory/vdisk.ts'
import { vdisks } from '../inventory/vdisk.ts'
import type { Dom0Device } from './dom0-devices.ts'
import type { Dom0Picture } from './dom0.ts'
import { dom0Picture } from './dom0.ts'

/** Columns of the machine; '' where nothing is free, or nothing is known. */
type GuestPlace = Readonly<Record<'dom0' | 'vdisk' | 'vcpus' | 'cpus' | 'memory_mib', string>>

type GuestProposal = Readonly<{
  machine: GuestPlace & Readonly<{ profile: string }>
  nic: Readonly<Record<'network' | 'mac' | 'bridge' | 'vlan', string>>
}>

/** Of the first guest, which has none to be measured by. */
const [firstVcpus, firstMiB] = [2, 2048]

export function guestProposal(snapshot: Snapshot, dom0: Machine): GuestProposal {
  const picture = dom0Picture(snapshot, dom0)
  const like = picture.guests.at(-1)
  const nic = like === undefined ? null : bootInterface(snapshot, like.hostname)
  return {
    machine: { profile: like?.profile ?? '', ...placeLike(picture, like) },
    nic: {
      network: (nic ?? bootInterface(snapshot, dom0.hostname))?.network ?? '',
      mac: nextMac(snapshot, picture.guests),
      bridge: nic?.bridge ?? '',
      vlan: nic?.vlan == null ? '' : String(nic.vlan),
    },
  }
}

/** For a guest that is there already: what it holds now is as free as the rest. Null when there is no such Dom0. */
export function placeFor(snapshot: Snapshot, guest: Machine, dom0Name: string): GuestPlace | null {
  const gone = { table: 'machines', key: guest.hostname, raw: null } as const
  const without = changeSnapshot(snapshot, [gone], snapshot.revision)
  const dom0 = without.machines.get(dom0Name)
  return dom0 === undefined || dom0.dom0 !== null ? null : placeLike(dom0Picture(without, dom0), guest)
}

function placeLike({ hostname, cpus, devices, memory }: Dom0Picture, like: Machine | undefined): GuestPlace {
  const free = cpus.filter(({ holders, isBeyond }) => holders.length === 0 && !isBeyond).map(({ number }) => number)
  const isPinning = like === undefined ? free.length > 0 : like.cpus !== null
  const wanted = like?.vcpus ?? (like?.cpus == null ? firstVcpus : cpuNumbers(like.cpus).length)
  const pinned = isPinning ? free.slice(0, wanted) : []
  const mib = Math.min(like?.memory_mib ?? firstMiB, memory.freeMiB ?? Infinity)
  return {
    dom0: hostname,
    vdisk: disksLike(devices, vdisks(like?.vdisk ?? null)),
    vcpus: like !== undefined && like.vcpus === null ? '' : String(pinned.length > 0 ? pinned.length : wanted),
    cpus: formatCpus(pinned),
    memory_mib: mib > 0 ? String(mib) : '',
  }
}

/** As many of the free devices, each given as its fellow is; one for who has none to be like. */
function disksLike(devices: readonly Dom0Device[], like: readonly Vdisk[]): string {
  const free = devices.filter(({ holders }) => holders.length === 0).map(({ device }) => device)
  const targets = like.length === 0 ? [null] : like.map(({ target }) => target)
  if (free.length < targets.length) return ''
  return targets.map((target, at) => [free[at], ...(target === null ? [] : [target])].join(':')).join(',')
}

/** The next free one behind those of the other guests; '' where theirs are made from their names. */
function nextMac(snapshot: Snapshot, guests: readonly Machine[]): MacAddress | '' {
  const macs = guests.flatMap(({ hostname }) => bootInterface(snapshot, hostname)?.mac ?? []).sort()
  let last = macs.at(-1)
  while (last !== undefined) {
    const next = parseMac((BigInt(`0x${last.replaceAll(':', '')}`) + 1n).toString(16).padStart(12, '0'))
    // Behind the last of its vendor's: another's begin.
    if (next === null || next.slice(0, 8) !== last.slice(0, 8)) return ''
    if (!snapshot.byMac.has(next)) return next
    last = next
  }
  return ''
}
