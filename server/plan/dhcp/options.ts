// Reading and building single option values. A reader answers null for an option that is absent or malformed: real
// ROMs send both, and what a missing architecture or UUID means is for the plan to say.

import {
  MESSAGE_TYPE,
  NO_ADDRESS,
  OPTION,
  PXE_SUB_OPTION,
  RELAY_SUB_OPTION,
  type DhcpMessage,
  type MessageType,
} from './message.ts'

const TYPE_BY_NUMBER = new Map<number, MessageType>(
  Object.entries(MESSAGE_TYPE).map(([name, number]) => [number, name as MessageType]),
)

export function messageType(message: DhcpMessage): MessageType | null {
  const value = message.options.get(OPTION.messageType)
  return value?.length === 1 ? (TYPE_BY_NUMBER.get(value[0] ?? 0) ?? null) : null
}

export function requestedAddress(message: DhcpMessage): string | null {
  return singleAddress(message.options.get(OPTION.requestedAddress))
}

export function serverIdentifier(message: DhcpMessage): string | null {
  return singleAddress(message.options.get(OPTION.serverIdentifier))
}

function singleAddress(value: Uint8Array | undefined): string | null {
  return value?.length === 4 ? ipv4Text(value, 0) : null
}

/** RFC 4578 §2.1 allows a list; firmware sends one, and the first is what it runs as. */
export function clientArchitecture(message: DhcpMessage): number | null {
  const value = message.options.get(OPTION.clientArchitecture)
  return value && value.length >= 2 && value.length % 2 === 0 ? readU16(value) : null
}

/** RFC 2132 §9.10; a value below the legal minimum of 576 is given as it is. */
export function maxMessageSize(message: DhcpMessage): number | null {
  const value = message.options.get(OPTION.maxMessageSize)
  return value?.length === 2 ? readU16(value) : null
}

export function vendorClass(message: DhcpMessage): string | null {
  const value = message.options.get(OPTION.vendorClass)
  return value && value.length > 0 ? text(value) : null
}

/**
 * RFC 3004 §4 makes this a list of length-prefixed strings; iPXE sends the bare string. Read as a
 * list that would begin with a string of 105 octets (`i`), so the two can be told apart: it is a list only if the
 * lengths add up to the end.
 */
export function userClass(message: DhcpMessage): readonly string[] {
  const value = message.options.get(OPTION.userClass)
  if (!value || value.length === 0) return []
  return lengthPrefixed(value) ?? [text(value)]
}

function lengthPrefixed(value: Uint8Array): readonly string[] | null {
  const classes: string[] = []
  for (let at = 0; at < value.length;) {
    const length = value[at] ?? 0
    const end = at + 1 + length
    if (length === 0 || end > value.length) return null
    classes.push(text(value.subarray(at + 1, end)))
    at = end
  }
  return classes
}

export function parameterRequestList(message: DhcpMessage): readonly number[] {
  return [...(message.options.get(OPTION.parameterRequestList) ?? [])]
}

/**
 * RFC 4578 §2.3: a type octet of 0 and 16 octets of GUID, in the order of SMBIOS 2.6 §7.2.1, whose first three fields
 * are little-endian. The text is what `dmidecode -s system-uuid` prints. Null also for all zeros and all ones, by
 * which SMBIOS says "not present" and "not set": boards that ship so would all be one machine.
 */
export function machineUuid(message: DhcpMessage): string | null {
  const value = message.options.get(OPTION.machineUuid)
  if (value?.length !== 17 || value[0] !== 0) return null
  const guid = value.subarray(1)
  if (guid.every((octet) => octet === 0) || guid.every((octet) => octet === 0xff)) return null
  const field = (...order: number[]): string => order.map((index) => hex(guid[index] ?? 0)).join('')
  return [field(3, 2, 1, 0), field(5, 4), field(7, 6), field(8, 9), field(10, 11, 12, 13, 14, 15)].join('-')
}

/** RFC 3046 §2.0: the relay's sub-options (1 circuit, 2 remote, 5 link selection by RFC 3527 …); opaque octets each. */
export function relayAgentInformation(message: DhcpMessage): ReadonlyMap<number, Uint8Array> | null {
  return encapsulated(message.options.get(OPTION.relayAgentInformation), { padAndEnd: false })
}

/** RFC 3527: an address of the subnet that the client is on, where the relay's own is on another. */
export function linkSelection(message: DhcpMessage): string | null {
  return singleAddress(relayAgentInformation(message)?.get(RELAY_SUB_OPTION.linkSelection))
}

/** RFC 5107: the address by which the relay wants to be taken for the server, so that renewals pass it too. */
export function serverIdentifierOverride(message: DhcpMessage): string | null {
  return singleAddress(relayAgentInformation(message)?.get(RELAY_SUB_OPTION.serverIdentifierOverride))
}

/** iPXE's features and build facts; that it is there at all is what tells iPXE from firmware. */
export function ipxeFeatures(message: DhcpMessage): ReadonlyMap<number, Uint8Array> | null {
  return encapsulated(message.options.get(OPTION.ipxe), { padAndEnd: true })
}

/** PXE 2.1, table 2-1: the boot server type and layer that a ROM has chosen; there only when it asks for its boot server. */
export function bootItem(message: DhcpMessage): Uint8Array | null {
  const value = encapsulated(message.options.get(OPTION.vendorSpecific), { padAndEnd: true })?.get(
    PXE_SUB_OPTION.bootItem,
  )
  return value?.length === 4 ? value : null
}

/** Code, length, value, over and over. Sub-option codes 0 and 255 are padding and end only where RFC 2132 §8.4 rules. */
function encapsulated(
  value: Uint8Array | undefined,
  { padAndEnd }: Readonly<{ padAndEnd: boolean }>,
): ReadonlyMap<number, Uint8Array> | null {
  if (!value) return null
  const subOptions = new Map<number, Uint8Array>()
  for (let at = 0; at < value.length;) {
    const code = value[at] ?? 0
    if (padAndEnd && code === OPTION.end) break
    if (padAndEnd && code === OPTION.pad) {
      at++
      continue
    }
    const end = at + 2 + (value[at + 1] ?? value.length)
    if (end > value.length) return null
    if (!subOptions.has(code)) subOptions.set(code, value.subarray(at + 2, end))
    at = end
  }
  return subOptions
}

/** `00:00:5e:00:53:01`, or null when the hardware address isn't six octets long. */
export function formatMac(chaddr: Uint8Array): string | null {
  if (chaddr.length !== 6) return null
  let text = hex(chaddr[0] ?? 0)
  for (let index = 1; index < 6; index++) text += `:${hex(chaddr[index] ?? 0)}`
  return text
}

/** One or more dotted quads. @throws on anything else */
export function ipv4List(addresses: readonly string[]): Uint8Array {
  const value = new Uint8Array(addresses.length * 4)
  addresses.forEach((address, index) => writeIpv4(value, index * 4, address))
  return value
}

export function u8(value: number): Uint8Array {
  return Uint8Array.of(within(value, 0xff))
}

export function u16(value: number): Uint8Array {
  return Uint8Array.of(within(value, 0xffff) >>> 8, value & 0xff)
}

/** Seconds, mostly: 0xffffffff is "for ever" (RFC 2131 §3.3). */
export function u32(value: number): Uint8Array {
  return Uint8Array.of(within(value, 0xffffffff) >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff)
}

/** RFC 2132 §2: NVT ASCII, without a trailing NUL. @throws on a character that isn't printable ASCII */
export function ascii(value: string): Uint8Array {
  const octets = new Uint8Array(value.length)
  for (let index = 0; index < value.length; index++) {
    const code = value.charCodeAt(index)
    if (code < 0x20 || code > 0x7e) throw new RangeError(`${JSON.stringify(value)} is not printable ASCII`)
    octets[index] = code
  }
  return octets
}

/** The dotted quad at an offset that has four octets behind it. */
export function ipv4Text(octets: Uint8Array, at: number): string {
  if (octets[at] === 0 && octets[at + 1] === 0 && octets[at + 2] === 0 && octets[at + 3] === 0) return NO_ADDRESS
  return `${octets[at] ?? 0}.${octets[at + 1] ?? 0}.${octets[at + 2] ?? 0}.${octets[at + 3] ?? 0}`
}

/** Read digit by digit: a reply has a dozen addresses. @throws RangeError when `address` isn't a dotted quad */
export function writeIpv4(target: Uint8Array, at: number, address: string): void {
  let [quads, digits, quad] = [0, 0, 0]
  for (let index = 0; index <= address.length; index++) {
    const digit = address.charCodeAt(index) - DIGIT_ZERO // NaN behind the end
    if (digit >= 0 && digit <= 9) {
      quad = quad * 10 + digit
      if (++digits > 3 || quad > 255) throw notIpv4(address)
    } else {
      if (digits === 0 || quads === 4 || !(index === address.length || address[index] === '.')) throw notIpv4(address)
      target[at + quads++] = quad
      digits = quad = 0
    }
  }
  if (quads !== 4) throw notIpv4(address)
}

const notIpv4 = (address: string): RangeError => new RangeError(`${JSON.stringify(address)} is not an IPv4 address`)

const DIGIT_ZERO = 48

function within(value: number, max: number): number {
  if (!Number.isInteger(value) || value < 0 || value > max) throw new RangeError(`${value} is not from 0 to ${max}`)
  return value
}

const readU16 = (value: Uint8Array): number => ((value[0] ?? 0) << 8) | (value[1] ?? 0)

const HEX = Array.from({ length: 256 }, (_, octet) => octet.toString(16).padStart(2, '0'))
const hex = (octet: number): string => HEX[octet] ?? ''

/**
 * Octet for octet. Not by a Buffer: to give one its memory would cost ten times as much; nor by spreading, which goes through
 * an iterator and takes five times as long.
 */
export const text = (value: Uint8Array): string => Reflect.apply(String.fromCharCode, null, value) as string
