// A stranger that asked for an address in vain becomes a machine of the inventory.
import { parseMac } from '../inventory/address.ts'
import type { Edit } from '../inventory/encode.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import type { Assignment } from './assignments.ts'
import { Refused } from './failure.ts'
import { editsToAdd } from './machines.ts'

/**
 * @param nic the name of its interface with that MAC
 * @throws Refused when it is no stranger, or no MAC of Ethernet, and as editsToAdd() does
 */
export function adoptStranger(
  snapshot: Snapshot,
  { mac: given, hostname, nic }: Readonly<{ mac: string; hostname: string; nic: string }>,
  assignments: readonly Assignment[],
): readonly Edit[] {
  const mac = parseMac(given)
  if (mac === null) throw new Refused(`${given} is no MAC address such as 00:00:5e:00:53:01`)
  const holder = snapshot.byMac.get(mac)?.[0]
  if (holder !== undefined)
    throw new Refused(`${mac} is no stranger: it is interface ${holder.name} of machine ${holder.machine}`)
  return editsToAdd(
    snapshot,
    [hostname.toLowerCase()],
    [...assignments, { kind: 'interface', name: nic, column: 'mac', value: mac }],
  )
}
