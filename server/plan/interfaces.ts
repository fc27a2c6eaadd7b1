// A machine's interfaces as they will be on the wire.
import type { MacAddress } from '../inventory/address.ts'
import type { Interface, Machine } from '../inventory/rows.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import { bootInterface } from '../inventory/snapshot.ts'
import { derivedMac } from '../inventory/xen-mac.ts'

/** The interface's MAC; a guest's that has none gets the one derived from its name. */
export function effectiveMac(machine: Machine, nic: Pick<Interface, 'name' | 'mac'>): MacAddress | null {
  return nic.mac ?? (machine.dom0 === null ? null : derivedMac(machine.hostname, nic.name))
}

/** The MAC that it boots by, and that its menus are named after; a guest without interfaces has that of an `eth0`. */
export function bootMac(snapshot: Snapshot, machine: Machine): MacAddress | null {
  return effectiveMac(machine, bootInterface(snapshot, machine.hostname) ?? { name: 'eth0', mac: null })
}
