// By what a DHCPv6 client can be told: the DUID is the host's, the address it asks from is the interface's.
import ipaddr from 'ipaddr.js'
import type { MacAddress, MachineUuid } from '../../inventory/address.ts'
import { parseMac, parseUuid } from '../../inventory/address.ts'
import type { Relay } from './message.ts'
import { OPTION6 } from './message.ts'
import { optionOf } from './options.ts'

/** IANA, ARP hardware types: of others no MAC is known here. */
const ETHERNET = 1

/** RFC 8415 §11.2 (type 1: hardware type, time, MAC) and §11.4 (type 3: hardware type, MAC). */
export function macOfDuid(duid: Uint8Array): MacAddress | null {
  const isEthernet = u16At(duid, 2) === ETHERNET
  if (isEthernet && u16At(duid, 0) === 1 && duid.length === 14) return macIn(duid.subarray(8))
  if (isEthernet && u16At(duid, 0) === 3 && duid.length === 10) return macIn(duid.subarray(4))
  return null
}

/**
 * RFC 6355 §4 (type 4). In the RFC's order first, then with the first three fields turned round: EDK2 copies them as
 * SMBIOS has them (NetworkPkg/Dhcp6Dxe, Dhcp6GenerateClientId).
 */
export function uuidsOfDuid(duid: Uint8Array): readonly MachineUuid[] {
  if (u16At(duid, 0) !== 4 || duid.length !== 18) return []
  const octets = [...duid.subarray(2)]
  const turned = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15].map((index) => octets[index] ?? 0)
  return [octets, turned].flatMap((one) => parseUuid(hexOf(one)) ?? [])
}

/** RFC 6939 §4: a hardware type, and the address that the client's frame came from. */
export function macOfRelay(relay: Relay): MacAddress | null {
  const value = optionOf(relay, OPTION6.clientLinkLayerAddress)
  return value !== null && value.length === 8 && u16At(value, 0) === ETHERNET ? macIn(value.subarray(2)) : null
}

/** RFC 4291, appendix A: a link-local address made of the interface's MAC; null for one that is made otherwise. */
export function macOfLinkLocal(address: string): MacAddress | null {
  const [plain = ''] = address.split('%')
  if (!ipaddr.IPv6.isValid(plain)) return null
  const parsed = ipaddr.IPv6.parse(plain)
  const octets = parsed.toByteArray().slice(8)
  if (parsed.range() !== 'linkLocal' || octets[3] !== 0xff || octets[4] !== 0xfe) return null
  const [first = 0, second = 0, third = 0, , , ...rest] = octets
  return macIn([first ^ 0x02, second, third, ...rest])
}

const u16At = (octets: Uint8Array, at: number): number => ((octets[at] ?? 0) << 8) | (octets[at + 1] ?? 0)

const macIn = (octets: Iterable<number>): MacAddress | null => parseMac(hexOf(octets))

export const hexOf = (octets: Iterable<number>): string => Buffer.from([...octets]).toString('hex')
