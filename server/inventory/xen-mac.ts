// A guest without a MAC of its own gets one in Xen's range, the same one for ever.
import { createHash } from 'node:crypto'
import type { MacAddress } from './address.ts'

/**
 * 00:16:3e is Xensource's OUI (IEEE registry), of which the lower half of the last three octets is for locally
 * generated addresses (xen-devel, docs/misc/vif naming): the first bit stays 0.
 */
export function derivedMac(hostname: string, nic: string): MacAddress {
  const digest = createHash('sha256').update(`${hostname}/${nic}`).digest()
  const octets = [0x00, 0x16, 0x3e, (digest[0] ?? 0) & 0x7f, digest[1] ?? 0, digest[2] ?? 0]
  return octets.map((octet) => octet.toString(16).padStart(2, '0')).join(':') as MacAddress
}
