// A machine's interfaces as they will be on the wire.
import type { MacAddress } from '../inventory/address.ts'
import type { Interface, Machine } from '../inventory/rows.ts'
import { derivedMac } from '../inventory/xen-mac.ts'

/** The interface's MAC; a guest's that has none gets the one derived from its name. */
export function effectiveMac(machine: Machine, nic: Interface): MacAddress | null {
  return nic.mac ?? (machine.dom0 === null ? null : derivedMac(machine.hostname, nic.name))
}
