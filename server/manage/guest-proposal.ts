// What a new guest of a Dom0 could have: what is free there, in the measure of the guest that came before it.
import type { MacAddress } from '../inventory/address.ts'
import { parseMac } from '../inventory/address.ts'
import { formatCpus } from '../inventory/cpus.ts'
import type { Machine } from '../inventory/rows.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import { bootInterface } from '../inventory/snapshot.ts'
import { dom0Picture } from './dom0.ts'

export type GuestProposal = Readonly<{
  /** Columns of the machine; '' where nothing is free, or nothing is known. */
  machine: Readonly<Record<'profile' | 'dom0' | 'vdisk' | 'vcpus' | 'cpus' | 'memory_mib', string>>
  nic: Readonly<Record<'network' | 'mac' | 'bridge' | 'vlan', string>>
}>

/** Of the first guest, which has none to be measured by. */
const [firstVcpus, firstMiB] = [2, 2048]

export function guestProposal(snapshot: Snapshot, dom0: Machine): GuestProposal {
  const { guests, cpus, devices, memory } = dom0Picture(snapshot, dom0)
  const like = guests.at(-1)
  const free = cpus.filter(({ holders, isBeyond }) => holders.length === 0 && !isBeyond).map(({ number }) => number)
  const isPinning = like === undefined ? free.length > 0 : like.cpus !== null
  const wanted = like?.vcpus ?? firstVcpus
  const pinned = isPinning ? free.slice(0, wanted) : []
  const vcpus = isPinning && pinned.length > 0 ? pinned.length : wanted
  const mib = Math.min(like?.memory_mib ?? firstMiB, memory.freeMiB ?? Infinity)
  const nic = like === undefined ? null : bootInterface(snapshot, like.hostname)
  return {
    machine: {
      profile: like?.profile ?? '',
      dom0: dom0.hostname,
      vdisk: devices.find(({ holders }) => holders.length === 0)?.device ?? '',
      vcpus: String(vcpus),
      cpus: formatCpus(pinned),
      memory_mib: mib > 0 ? String(mib) : '',
    },
    nic: {
      network: (nic ?? bootInterface(snapshot, dom0.hostname))?.network ?? '',
      mac: nextMac(snapshot, guests),
      bridge: nic?.bridge ?? '',
      vlan: nic?.vlan == null ? '' : String(nic.vlan),
    },
  }
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
