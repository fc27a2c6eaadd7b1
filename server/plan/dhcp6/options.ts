// Reading and building single option values of DHCPv6. A reader answers null for what is absent or malformed.
import ipaddr from 'ipaddr.js'
import { ascii, u16, u32, u8 } from '../dhcp/options.ts'
import type { Dhcp6Message, Option6, Status6 } from './message.ts'
import { OPTION6, STATUS6 } from './message.ts'

/** RFC 8415 §21.1: code, length, value, over and over. Null when one runs past the end, or ends within its head. */
export function readOptions(octets: Uint8Array): readonly Option6[] | null {
  const view = viewOf(octets)
  const options: Option6[] = []
  for (let at = 0; at < octets.length;) {
    if (at + HEAD > octets.length) return null
    const end = at + HEAD + view.getUint16(at + 2)
    if (end > octets.length) return null
    options.push({ code: view.getUint16(at), value: octets.subarray(at + HEAD, end) })
    at = end
  }
  return options
}

/** @throws RangeError naming the option that is longer than its length can say */
export function writeOptions(options: readonly Option6[]): Uint8Array {
  return joined(
    options.flatMap(({ code, value }) => {
      if (value.length > 0xffff) throw new RangeError(`option ${code} of ${value.length} octets is over 65535`)
      return [u16(code), u16(value.length), value]
    }),
  )
}

const HEAD = 4

type Carrier = Pick<Dhcp6Message, 'options'>

export function optionOf({ options }: Carrier, code: number): Uint8Array | null {
  return options.find((one) => one.code === code)?.value ?? null
}

/** RFC 8415 §11.1: a DUID is a type and up to 128 octets; what has another length is none. */
export const clientId = (message: Carrier): Uint8Array | null => duidIn(message, OPTION6.clientId)
export const serverId = (message: Carrier): Uint8Array | null => duidIn(message, OPTION6.serverId)

function duidIn(message: Carrier, code: number): Uint8Array | null {
  const value = optionOf(message, code)
  return value !== null && value.length >= 3 && value.length <= 130 ? value : null
}

export type AssociationKind = 'IA_NA' | 'IA_TA' | 'IA_PD'

/** An identity association: a set of addresses that the client keeps for one of its interfaces. */
export type Association = Readonly<{
  kind: AssociationKind
  iaid: number
  /** Of prefixes none are read. */
  addresses: readonly string[]
}>

/** IAID, and for all but IA_TA then T1 and T2 (RFC 8415 §21.4, §21.5, §21.21). */
const associationHeads: ReadonlyMap<number, Readonly<{ kind: AssociationKind; head: number }>> = new Map([
  [OPTION6.iaNa, { kind: 'IA_NA', head: 12 }],
  [OPTION6.iaTa, { kind: 'IA_TA', head: 4 }],
  [OPTION6.iaPd, { kind: 'IA_PD', head: 12 }],
])

/** In the message's order; a malformed one counts as not there. */
export function associations(message: Carrier): readonly Association[] {
  return message.options.flatMap(({ code, value }): readonly Association[] => {
    const form = associationHeads.get(code)
    if (form === undefined || value.length < form.head) return []
    const inner = readOptions(value.subarray(form.head))
    if (inner === null) return []
    const addresses = inner.flatMap((one) => (one.code === OPTION6.iaAddress ? addressIn(one.value) : []))
    return [{ kind: form.kind, iaid: viewOf(value).getUint32(0), addresses }]
  })
}

/** RFC 8415 §21.6: the address, two lifetimes, options. */
const addressIn = (value: Uint8Array): readonly string[] => (value.length >= 24 ? [ipv6Text(value, 0)] : [])

/** RFC 8415 §21.7; null when the client names none. */
export function requestedOptions(message: Carrier): ReadonlySet<number> | null {
  const value = optionOf(message, OPTION6.optionRequest)
  if (value === null || value.length % 2 !== 0) return null
  return new Set(Array.from({ length: value.length / 2 }, (_, index) => viewOf(value).getUint16(index * 2)))
}

/** RFC 5970 §3.3: a list; firmware sends one, and the first is what it runs as. */
export function clientArchitecture6(message: Carrier): number | null {
  const value = optionOf(message, OPTION6.clientArchitecture)
  return value !== null && value.length >= 2 && value.length % 2 === 0 ? viewOf(value).getUint16(0) : null
}

/** RFC 8415 §21.15. */
export function userClasses(message: Carrier): readonly string[] {
  const value = optionOf(message, OPTION6.userClass)
  return (value === null ? null : lengthPrefixed(value))?.map(text) ?? []
}

type VendorClass6 = Readonly<{ enterprise: number; words: readonly string[] }>

/** RFC 8415 §21.16. */
export function vendorClass6(message: Carrier): VendorClass6 | null {
  const value = optionOf(message, OPTION6.vendorClass)
  const words = value === null || value.length < 4 ? null : lengthPrefixed(value.subarray(4))
  return value === null || words === null ? null : { enterprise: viewOf(value).getUint32(0), words: words.map(text) }
}

/** Two octets of length before each. */
function lengthPrefixed(value: Uint8Array): readonly Uint8Array[] | null {
  const parts: Uint8Array[] = []
  for (let at = 0; at < value.length;) {
    if (at + 2 > value.length) return null
    const end = at + 2 + viewOf(value).getUint16(at)
    if (end > value.length) return null
    parts.push(value.subarray(at + 2, end))
    at = end
  }
  return parts
}

export const status = (code: Status6, message: string): Option6 => ({
  code: OPTION6.statusCode,
  value: joined([u16(STATUS6[code]), new Uint8Array(Buffer.from(message, 'utf8'))]),
})

/** The code of the first status among these options; null when there is none. */
export function statusOf(message: Carrier): number | null {
  const value = optionOf(message, OPTION6.statusCode)
  return value === null || value.length < 2 ? null : viewOf(value).getUint16(0)
}

/** @param times T1 and T2 in seconds, for IA_NA and IA_PD */
export function association(
  { kind, iaid }: Pick<Association, 'kind' | 'iaid'>,
  times: readonly [number, number],
  options: readonly Option6[],
): Option6 {
  const [code] = [...associationHeads].find(([, form]) => form.kind === kind) ?? [OPTION6.iaNa]
  const head = kind === 'IA_TA' ? [u32(iaid)] : [u32(iaid), ...times.map(u32)]
  return { code, value: joined([...head, writeOptions(options)]) }
}

export function iaAddress(address: string, preferredSeconds: number, validSeconds: number): Option6 {
  return { code: OPTION6.iaAddress, value: joined([ipv6List([address]), u32(preferredSeconds), u32(validSeconds)]) }
}

export const preference = (value: number): Option6 => ({ code: OPTION6.preference, value: u8(value) })

/** RFC 5908 §4: each server in an option of its own, as address (sub-option 1) or as name (3). */
export function ntpServer(server: string): Option6 {
  const isAddress = ipaddr.IPv6.isValid(server)
  const value = isAddress ? ipv6List([server]) : domainNames([server])
  return { code: OPTION6.ntpServer, value: joined([u16(isAddress ? 1 : 3), u16(value.length), value]) }
}

export function vendorClassOption(enterprise: number, word: string): Option6 {
  const value = ascii(word)
  return { code: OPTION6.vendorClass, value: joined([u32(enterprise), u16(value.length), value]) }
}

/** One or more addresses. @throws on anything else */
export function ipv6List(addresses: readonly string[]): Uint8Array {
  return Uint8Array.from(addresses.flatMap((address) => ipaddr.IPv6.parse(address).toByteArray()))
}

/** RFC 1035 §3.1, uncompressed as RFC 8415 §10 wants it. @throws on a label that is empty or over 63 octets */
export function domainNames(names: readonly string[]): Uint8Array {
  const labels = names.flatMap((name) => [
    ...name.split('.').map((label) => {
      if (label === '' || label.length > 63) throw new RangeError(`${name} is not a domain name`)
      return joined([u8(label.length), ascii(label)])
    }),
    u8(0),
  ])
  return joined(labels)
}

/** The sixteen octets at an offset, as RFC 5952 writes them. */
export function ipv6Text(octets: Uint8Array, at: number): string {
  return new ipaddr.IPv6([...octets.subarray(at, at + 16)]).toRFC5952String()
}

export function joined(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts))
}

/** Latin-1, octet for octet: whoever shows it must expect anything. */
const text = (value: Uint8Array): string =>
  Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('latin1')

const viewOf = (value: Uint8Array): DataView => new DataView(value.buffer, value.byteOffset, value.byteLength)
