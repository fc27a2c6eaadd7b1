// DHCP messages to octets and back: RFC 2131 §2, RFC 2132, RFC 3396 (long options), RFC 3046 (option 82 last).
//
//      0               1               2               3
//     +---------------+---------------+---------------+---------------+
//     |     op (1)    |   htype (1)   |   hlen (1)    |   hops (1)    |   0
//     +---------------+---------------+---------------+---------------+
//     |                            xid (4)                            |   4
//     +-------------------------------+-------------------------------+
//     |           secs (2)            |           flags (2)           |   8
//     +-------------------------------+-------------------------------+
//     |      ciaddr (4), yiaddr (4), siaddr (4), giaddr (4)           |  12
//     +---------------------------------------------------------------+
//     |                          chaddr (16)                          |  28
//     |                          sname  (64)                          |  44
//     |                          file   (128)                         | 108
//     +---------------------------------------------------------------+
//     |        magic cookie 99.130.83.99, then options (variable)     | 236
//     +---------------------------------------------------------------+

import { OPTION, type DhcpMessage } from '../plan/dhcp/message.ts'
import { ipv4Text, writeIpv4 } from '../plan/dhcp/options.ts'

/** A datagram that is not a DHCP message; the message says where it stops being one. */
export class MalformedDhcp extends Error {
  override readonly name = 'MalformedDhcp'
}

/** A message is longer than it may be; the message names an option that found no place. */
export class DoesNotFit extends RangeError {
  override readonly name = 'DoesNotFit'
}

const AT = { xid: 4, secs: 8, flags: 10, ciaddr: 12, yiaddr: 16, siaddr: 20, giaddr: 24, chaddr: 28 } as const
const SNAME = { name: 'sname', at: 44, length: 64, overload: 2 } as const
const FILE = { name: 'file', at: 108, length: 128, overload: 1 } as const
const COOKIE_AT = 236
const OPTIONS_AT = 240
const MAGIC_COOKIE = 0x63825363 // RFC 2132 §2
const BROADCAST_FLAG = 0x8000 // RFC 2131 §2, figure 2
const CHADDR_MAX = 16
const FRAGMENT_MAX = 255
/** RFC 1542 §2.1: a BOOTP message has 300 octets, and there are relays and ROMs that drop what has fewer. */
const MESSAGE_MIN = 300

/** @throws MalformedDhcp, whatever the octets, and nothing else */
export function decodeDhcp(datagram: Uint8Array): DhcpMessage {
  const octets = new Uint8Array(datagram.buffer, datagram.byteOffset, datagram.byteLength)
  if (octets.length < OPTIONS_AT) throw new MalformedDhcp(`${octets.length} octets, of at least ${OPTIONS_AT}`)
  const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength)
  if (view.getUint32(COOKIE_AT) !== MAGIC_COOKIE) throw new MalformedDhcp('no magic cookie')
  const hlen = view.getUint8(2)
  if (hlen > CHADDR_MAX) throw new MalformedDhcp(`hlen ${hlen} is over ${CHADDR_MAX}`)
  const { options, overload } = decodeOptions(octets)
  return {
    op: decodeOp(view.getUint8(0)),
    htype: view.getUint8(1),
    hops: view.getUint8(3),
    xid: view.getUint32(AT.xid),
    secs: view.getUint16(AT.secs),
    broadcast: (view.getUint16(AT.flags) & BROADCAST_FLAG) !== 0,
    ciaddr: ipv4Text(octets, AT.ciaddr),
    yiaddr: ipv4Text(octets, AT.yiaddr),
    siaddr: ipv4Text(octets, AT.siaddr),
    giaddr: ipv4Text(octets, AT.giaddr),
    chaddr: octets.subarray(AT.chaddr, AT.chaddr + hlen),
    sname: overload & SNAME.overload ? '' : decodeText(octets, SNAME),
    file: overload & FILE.overload ? '' : decodeText(octets, FILE),
    options,
  }
}

function decodeOp(op: number): DhcpMessage['op'] {
  if (op === 1) return 'request'
  if (op === 2) return 'reply'
  throw new MalformedDhcp(`op ${op} is neither request (1) nor reply (2)`)
}

type Field = typeof SNAME | typeof FILE

/** Up to the first NUL; octet for octet, since RFC 2131 names no character set. */
function decodeText(octets: Uint8Array, field: Field): string {
  if (octets[field.at] === 0) return ''
  const end = octets.indexOf(0, field.at)
  const length = Math.min(end === -1 ? field.length : end - field.at, field.length)
  return Buffer.from(octets.buffer, octets.byteOffset + field.at, length).toString('latin1')
}

/** RFC 3396 §5: the options field, then `file`, then `sname` are one buffer to find an option's fragments in. */
function decodeOptions(octets: Uint8Array): { options: ReadonlyMap<number, Uint8Array>; overload: number } {
  const options = new Map<number, Uint8Array>()
  collectOptions(octets, { name: 'options', at: OPTIONS_AT, length: octets.length - OPTIONS_AT }, options)
  const overload = decodeOverload(options.get(OPTION.overload))
  if (overload & FILE.overload) collectOptions(octets, FILE, options)
  if (overload & SNAME.overload) collectOptions(octets, SNAME, options)
  if (overload !== 0) options.delete(OPTION.overload)
  return { options, overload }
}

type Span = Readonly<{ name: string; at: number; length: number }>

/** A further fragment is joined to what there is of its option (RFC 3396 §5), in the place of the first. */
function collectOptions(octets: Uint8Array, { name, at: from, length }: Span, options: Map<number, Uint8Array>): void {
  const until = from + length
  for (let at = from; at < until;) {
    const code = octets[at] ?? 0
    if (code === OPTION.end) return
    if (code === OPTION.pad) {
      at++ // a single octet, without a length, wherever it is
      continue
    }
    const end = at + 2 + (at + 1 < until ? (octets[at + 1] ?? 0) : length)
    if (end > until) throw new MalformedDhcp(`option ${code} at ${name}+${at - from} runs past the end`)
    const value = new Uint8Array(octets.buffer, octets.byteOffset + at + 2, end - at - 2)
    const earlier = options.get(code)
    options.set(code, earlier === undefined ? value : joined(earlier, value))
    at = end
  }
  // No END: RFC 2132 §3.2 wants one, but everything has been read and nothing is ambiguous.
}

/** RFC 2132 §9.3: 1 is file, 2 is sname, 3 both. */
function decodeOverload(value: Uint8Array | undefined): number {
  if (value === undefined) return 0
  const overload = value[0] ?? 0
  if (value.length !== 1 || overload < 1 || overload > 3) throw new MalformedDhcp('option 52 is not 1, 2 or 3')
  return overload
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const both = new Uint8Array(first.length + second.length)
  both.set(first)
  both.set(second, first.length)
  return both
}

type EncodeLimits = Readonly<{
  /** Octets of the message (the UDP payload), from 300. RFC 2131 §2: a client takes 548 unless it says more. */
  maxSize: number
  /** Options that are the first to leave the options field when it is too small. */
  lesser?: readonly number[]
}>

/**
 * Options go out in the order of the map, but 82 last (RFC 3046 §2.1). Those that don't fit go whole into `file` and
 * `sname` (option 52) where these are empty.
 *
 * @param into memory of at least maxSize octets; what is returned is a view of it
 * @throws DoesNotFit naming the option that fits nowhere
 * @throws Error naming the field that can't be what it is
 */
export function encodeDhcp(message: DhcpMessage, limits: EncodeLimits, into?: Uint8Array): Uint8Array {
  const length = optionsLength(message.options) + END.length
  const layout = OPTIONS_AT + length > limits.maxSize ? layOutOverloaded(message, limits) : null
  const octets = blank(Math.max(MESSAGE_MIN, OPTIONS_AT + (layout?.options.length ?? length)), into)
  writeHeader(octets, message)
  writeText(octets, SNAME, message.sname)
  writeText(octets, FILE, message.file)
  if (layout === null) {
    writeOptions(octets, message.options)
    return octets
  }
  octets.set(layout.options, OPTIONS_AT)
  if (layout.file) octets.set(layout.file, FILE.at)
  if (layout.sname) octets.set(layout.sname, SNAME.at)
  return octets
}

const blank = (length: number, into: Uint8Array | undefined): Uint8Array =>
  into === undefined ? new Uint8Array(length) : into.subarray(0, length).fill(0)

function writeHeader(octets: Uint8Array, message: DhcpMessage): void {
  const { chaddr } = message
  if (chaddr.length > CHADDR_MAX) throw new RangeError(`chaddr of ${chaddr.length} octets is over ${CHADDR_MAX}`)
  const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength)
  view.setUint8(0, message.op === 'request' ? 1 : 2)
  view.setUint8(1, message.htype)
  view.setUint8(2, chaddr.length)
  view.setUint8(3, message.hops)
  view.setUint32(AT.xid, message.xid)
  view.setUint16(AT.secs, message.secs)
  view.setUint16(AT.flags, message.broadcast ? BROADCAST_FLAG : 0)
  writeIpv4(octets, AT.ciaddr, message.ciaddr)
  writeIpv4(octets, AT.yiaddr, message.yiaddr)
  writeIpv4(octets, AT.siaddr, message.siaddr)
  writeIpv4(octets, AT.giaddr, message.giaddr)
  octets.set(chaddr, AT.chaddr)
  view.setUint32(COOKIE_AT, MAGIC_COOKIE)
}

/** Null-terminated (RFC 2131 §2, table 1), so one octet less than the field is long. */
function writeText(octets: Uint8Array, field: Field, value: string): void {
  if (value.length >= field.length || /[^\x01-\xff]/.test(value)) {
    throw new RangeError(`${field.name} ${JSON.stringify(value)} does not fit ${field.length - 1} octets and a NUL`)
  }
  for (let index = 0; index < value.length; index++) octets[field.at + index] = value.charCodeAt(index)
}

type Options = DhcpMessage['options']

const END = Uint8Array.of(OPTION.end)
const OVERLOAD_LENGTH = 3

const fragmentsOf = (value: Uint8Array): number => Math.max(1, Math.ceil(value.length / FRAGMENT_MAX))

/** Header, length and value; RFC 3396 §4: beyond 255 octets as many of them as it takes, one behind the other. */
const optionLength = (value: Uint8Array): number => value.length + fragmentsOf(value) * 2

function optionsLength(options: Options): number {
  let length = 0
  for (const value of options.values()) length += optionLength(value)
  return length
}

function writeOptions(octets: Uint8Array, options: Options): void {
  let at = OPTIONS_AT
  for (const [code, value] of options)
    if (code !== OPTION.relayAgentInformation) at = writeOption(octets, at, code, value)
  const relayed = options.get(OPTION.relayAgentInformation)
  if (relayed !== undefined) at = writeOption(octets, at, OPTION.relayAgentInformation, relayed)
  octets[at] = OPTION.end
}

/** Returns where it ends. */
function writeOption(octets: Uint8Array, start: number, code: number, value: Uint8Array): number {
  if (!Number.isInteger(code) || code <= OPTION.pad || code >= OPTION.end || code === OPTION.overload) {
    throw new RangeError(`option ${code} is not one to be given: 0, 52 and 255 belong to the encoding`)
  }
  let at = start
  for (let index = 0; index < fragmentsOf(value); index++) {
    const fragment = value.length > FRAGMENT_MAX ? fragmentAt(value, index) : value
    octets[at] = code
    octets[at + 1] = fragment.length
    octets.set(fragment, at + 2)
    at += 2 + fragment.length
  }
  return at
}

const fragmentAt = (value: Uint8Array, index: number): Uint8Array =>
  value.subarray(index * FRAGMENT_MAX, (index + 1) * FRAGMENT_MAX)

type Layout = Readonly<{ options: Uint8Array; file: Uint8Array | null; sname: Uint8Array | null }>

type EncodedOption = Readonly<{ code: number; octets: Uint8Array }>

function encodeOption(code: number, value: Uint8Array): EncodedOption {
  const octets = new Uint8Array(optionLength(value))
  writeOption(octets, 0, code, value)
  return { code, octets }
}

type Space = { readonly field: Field | null; left: number; readonly parts: Uint8Array[] }

/**
 * Each option goes whole into the first of the options field, `file` and `sname` that has room for it: there are
 * clients that read option 52 but know nothing of RFC 3396. The message type and option 82 stay in the options field,
 * where ROMs and relays look for them, and the lesser options are placed last: there are ROMs that don't read option 52.
 */
function layOutOverloaded(message: DhcpMessage, { maxSize, lesser = [] }: EncodeLimits): Layout {
  const all = [...message.options].map(([code, value]) => encodeOption(code, value))
  const last = all.filter(({ code }) => code === OPTION.relayAgentInformation)
  const encoded = all.filter(({ code }) => code !== OPTION.relayAgentInformation)
  const lastOctets = Buffer.concat(last.map(({ octets }) => octets))
  const main: Space = {
    field: null,
    left: maxSize - OPTIONS_AT - OVERLOAD_LENGTH - lastOctets.length - END.length,
    parts: [],
  }
  const spare = [FILE, SNAME]
    .filter((field) => message[field.name] === '')
    .map((field): Space => ({ field, left: field.length - END.length, parts: [] }))
  const rank = (code: number): number => (code === OPTION.messageType ? 0 : lesser.includes(code) ? 2 : 1)
  const ranked = [...encoded].sort((a, b) => rank(a.code) - rank(b.code))
  for (const { code, octets } of ranked) {
    const space = [main, ...spare].find(({ left }) => octets.length <= left)
    if (!space) throw new DoesNotFit(`option ${code} (${octets.length} octets) does not fit a message of ${maxSize}`)
    space.parts.push(octets)
    space.left -= octets.length
  }
  if (main.left < 0) throw new DoesNotFit(`option 82 does not fit a message of ${maxSize}`)
  const used = spare.filter(({ parts }) => parts.length > 0)
  const overload = used.reduce((sum, { field }) => sum + (field?.overload ?? 0), 0)
  const contentOf = (field: Field): Uint8Array | null => {
    const space = used.find((candidate) => candidate.field === field)
    return space ? Buffer.concat([...space.parts, END]) : null
  }
  const options = Buffer.concat([...main.parts, Uint8Array.of(OPTION.overload, 1, overload), lastOctets, END])
  return { options, file: contentOf(FILE), sname: contentOf(SNAME) }
}
