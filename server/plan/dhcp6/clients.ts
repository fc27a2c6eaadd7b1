// Who asks by DHCPv6: firmware, iPXE or an operating system, and on what platform.
import type { Client } from '../dhcp/clients.ts'
import { clientFrom } from '../dhcp/clients.ts'
import type { Dhcp6Message } from './message.ts'
import { clientArchitecture6, userClasses, vendorClass6 } from './options.ts'

/** Null for an architecture type that isn't in the table. */
export function clientOf6(request: Dhcp6Message): Client | null {
  return clientFrom(clientArchitecture6(request) ?? 0, {
    vendorClass: vendorClass6(request)?.words[0] ?? null,
    isIpxe: userClasses(request).includes('iPXE'),
  })
}
