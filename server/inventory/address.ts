// MAC, IP and UUID text, each with a type that only its parser makes.
import ipaddr from 'ipaddr.js'

declare const brand: unique symbol
type Branded<Name extends string> = string & { readonly [brand]: Name }

/** Six octets, lower case, colons: `00:00:5e:00:53:01`. */
export type MacAddress = Branded<'MacAddress'>
/** Dotted quad without leading zeros: `192.0.2.1`. */
export type Ipv4Address = Branded<'Ipv4Address'>
/** A network in CIDR form whose host bits are zero: `192.0.2.0/24`. */
export type Ipv4Network = Branded<'Ipv4Network'>
/** A unicast address that is more than one link's, as RFC 5952 writes it: `2001:db8::1`. */
export type Ipv6Address = Branded<'Ipv6Address'>
/** The same with the length of its prefix; host bits are zero: `2001:db8::/64`. */
export type Ipv6Network = Branded<'Ipv6Network'>
/** SMBIOS system UUID, canonical lower case text. */
export type MachineUuid = Branded<'MachineUuid'>

const canonicalMac = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/
const twelveHexDigits = /^[0-9a-f]{12}$/

/** Accepts colons, dashes, Cisco's dots or bare digits (as sites store them); null when it isn't a unicast MAC. */
export function parseMac(text: string): MacAddress | null {
  const mac = canonicalMac.test(text) ? text : withColons(text)
  if (mac === null || mac === '00:00:00:00:00:00') return null
  if (Number.parseInt(mac.slice(0, 2), 16) & 1) return null // group bit: no interface sends from it (IEEE 802-2014 §8.2)
  return mac as MacAddress
}

function withColons(text: string): string | null {
  const digits = text.trim().toLowerCase().replaceAll(/[:.-]/g, '')
  return twelveHexDigits.test(digits) ? digits.replaceAll(/(..)(?=.)/g, '$1:') : null
}

/** The `01-MAC` form in which PXELINUX and GRUB ask for a machine's menu: the ARP hardware type, then the MAC with dashes. */
export function macFileName(mac: MacAddress): string {
  return `01-${mac.replaceAll(':', '-')}`
}

export function parseIpv4(text: string): Ipv4Address | null {
  const trimmed = text.trim()
  return ipaddr.IPv4.isValidFourPartDecimal(trimmed) ? (trimmed as Ipv4Address) : null
}

export function parseNetwork(text: string): Ipv4Network | null {
  const [address = '', prefix = '', ...rest] = text.trim().split('/')
  const parsed = parseIpv4(address)
  if (rest.length > 0 || parsed === null || !/^\d{1,2}$/.test(prefix) || Number(prefix) > 32) return null
  const network = toIpv4(toNumber(parsed) & maskOf(Number(prefix)))
  return network === parsed ? (`${network}/${Number(prefix)}` as Ipv4Network) : null
}

/** What a host may be given: not link-local (it gives itself one), multicast, loopback, or IPv4 in disguise. */
export function parseIpv6(text: string): Ipv6Address | null {
  const address = wideIpv6(text)
  return address === null ? null : (address.toRFC5952String() as Ipv6Address)
}

export function parseIpv6Network(text: string): Ipv6Network | null {
  const [address = '', prefix = '', ...rest] = text.trim().split('/')
  const parsed = wideIpv6(address)
  if (rest.length > 0 || parsed === null || !/^\d{1,3}$/.test(prefix) || Number(prefix) > 128) return null
  const network = `${parsed.toRFC5952String()}/${Number(prefix)}`
  return ipaddr.IPv6.networkAddressFromCIDR(network).toString() === parsed.toString() ? (network as Ipv6Network) : null
}

function wideIpv6(text: string): ipaddr.IPv6 | null {
  const trimmed = text.trim()
  if (!ipaddr.IPv6.isValid(trimmed) || /[%.]/.test(trimmed)) return null
  const address = ipaddr.IPv6.parse(trimmed)
  return narrowRanges.has(address.range()) ? null : address
}

const narrowRanges: ReadonlySet<string> = new Set(['unspecified', 'loopback', 'linkLocal', 'multicast', 'ipv4Mapped'])

/** RFC 4122 text in any case, with or without dashes. */
export function parseUuid(text: string): MachineUuid | null {
  const digits = text.trim().toLowerCase().replaceAll('-', '')
  if (!/^[0-9a-f]{32}$/.test(digits)) return null
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5') as MachineUuid
}

function toNumber(address: Ipv4Address): number {
  let [number, octet] = [0, 0]
  for (let at = 0; at < address.length; at++) {
    if (address[at] !== '.') octet = octet * 10 + (address.charCodeAt(at) - 48)
    else [number, octet] = [number * 256 + octet, 0]
  }
  return number * 256 + octet
}

function toIpv4(value: number): Ipv4Address {
  return `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}` as Ipv4Address
}

function maskOf(prefix: number): number {
  return prefix === 0 ? 0 : (0xffffffff << (32 - prefix)) >>> 0
}

const prefixOf = (network: Ipv4Network): number => Number(network.slice(network.indexOf('/') + 1))
const baseOf = (network: Ipv4Network): Ipv4Address => network.slice(0, network.indexOf('/')) as Ipv4Address

export function networkContains(network: Ipv4Network, address: Ipv4Address): boolean {
  return ((toNumber(address) ^ toNumber(baseOf(network))) & maskOf(prefixOf(network))) === 0
}

export function netmaskOf(network: Ipv4Network): Ipv4Address {
  return toIpv4(maskOf(prefixOf(network)))
}

export function broadcastOf(network: Ipv4Network): Ipv4Address {
  return toIpv4(toNumber(baseOf(network)) | ~maskOf(prefixOf(network)))
}

export function prefixLengthOf(network: Ipv4Network): number {
  return prefixOf(network)
}

/** True for an address a host may have: not the network's own and not its broadcast address (RFC 3021: a /31 has neither). */
export function isHostAddress(network: Ipv4Network, address: Ipv4Address): boolean {
  return prefixOf(network) >= 31 || (address !== baseOf(network) && address !== broadcastOf(network))
}

export function ipv6NetworkContains(network: Ipv6Network, address: Ipv6Address): boolean {
  return ipaddr.IPv6.parse(address).match(ipaddr.IPv6.parseCIDR(network))
}

/** RFC 4862 §5.5.3 with RFC 2464 §4: what a card gives itself where routers advertise the network; null if it isn't a /64. */
export function autonomousAddress(network: Ipv6Network, mac: MacAddress): Ipv6Address | null {
  const [base, prefix] = ipaddr.IPv6.parseCIDR(network)
  if (prefix !== 64) return null
  const [first = 0, second = 0, third = 0, ...rest] = mac.split(':').map((octet) => Number.parseInt(octet, 16))
  const octets = [...base.toByteArray().slice(0, 8), first ^ 0x02, second, third, 0xff, 0xfe, ...rest]
  return new ipaddr.IPv6(octets).toRFC5952String() as Ipv6Address
}

/** RFC 4291 §2.6.1: the first address of a subnet is its routers'. RFC 6164: a /127 between two routers has none such. */
export function isIpv6HostAddress(network: Ipv6Network, address: Ipv6Address): boolean {
  const [base = '', prefix = '0'] = network.split('/')
  return Number(prefix) >= 127 || address !== base
}
