// MAC, IPv4 and UUID text, each with a type that only its parser makes.
import ipaddr from 'ipaddr.js'

declare const brand: unique symbol
type Branded<Name extends string> = string & { readonly [brand]: Name }

/** Six octets, lower case, colons: `00:00:5e:00:53:01`. */
export type MacAddress = Branded<'MacAddress'>
/** Dotted quad without leading zeros: `192.0.2.1`. */
export type Ipv4Address = Branded<'Ipv4Address'>
/** A network in CIDR form whose host bits are zero: `192.0.2.0/24`. */
export type Ipv4Network = Branded<'Ipv4Network'>
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

/** RFC 4122 text in any case, with or without dashes. */
export function parseUuid(text: string): MachineUuid | null {
  const digits = text.trim().toLowerCase().replaceAll('-', '')
  if (!/^[0-9a-f]{32}$/.test(digits)) return null
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5') as MachineUuid
}

function toNumber(address: Ipv4Address): number {
  return address.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0)
}

function toIpv4(value: number): Ipv4Address {
  const unsigned = value >>> 0
  return [24, 16, 8, 0].map((shift) => (unsigned >>> shift) & 255).join('.') as Ipv4Address
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
