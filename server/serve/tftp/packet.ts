// TFTP packets as a server reads and writes them: RFC 1350 §5, with the options of RFC 2347.
//
// Decoding is total: whatever the octets, the answer is a value. A server is never sent DATA or OACK by a client that
// only reads, so those two are noise here and have an encoder only.

const OPCODE = { read: 1, write: 2, data: 3, ack: 4, error: 5, oack: 6 } as const

/** RFC 2347, "Packet Formats": the maximum size of a request packet is 512 octets. */
const REQUEST_MAX_BYTES = 512

/** RFC 1350 appendix I, and 8 from RFC 2347. */
export const ERROR_CODE = {
  undefined: 0,
  fileNotFound: 1,
  accessViolation: 2,
  illegalOperation: 4,
  unknownTransferId: 5,
  optionRefused: 8,
} as const
export type ErrorCode = (typeof ERROR_CODE)[keyof typeof ERROR_CODE]

/**
 * RRQ and WRQ. Option names are lower case here (RFC 2347: they are case-insensitive), as is the mode.
 *
 *      2 bytes    string   1 byte   string   1 byte   string   1 byte   string   1 byte
 *     +--------+----------+------+----------+------+----------+------+----------+------+
 *     | 1 or 2 |   path   |   0  |   mode   |   0  |   name   |   0  |   value  |   0  | ...
 *     +--------+----------+------+----------+------+----------+------+----------+------+
 */
export type RequestPacket = Readonly<{
  kind: 'read' | 'write'
  path: string
  mode: string
  options: ReadonlyMap<string, string>
}>

/**
 *      2 bytes   2 bytes
 *     +-------+-----------+
 *     |   4   |  block #  |
 *     +-------+-----------+
 */
type AckPacket = Readonly<{ kind: 'ack'; block: number }>

/**
 *      2 bytes    2 bytes     string   1 byte
 *     +-------+------------+----------+------+
 *     |   5   | error code |  message |   0  |
 *     +-------+------------+----------+------+
 */
type ErrorPacket = Readonly<{ kind: 'error'; code: number; message: string }>

/** `malformed` is a request that deserves ERROR 4; `noise` deserves nothing. */
type UnusablePacket = Readonly<{ kind: 'malformed' | 'noise'; why: string }>

type ClientPacket = RequestPacket | AckPacket | ErrorPacket | UnusablePacket

export function decodeTftp(datagram: Uint8Array): ClientPacket {
  if (datagram.length < 4) return { kind: 'noise', why: `${datagram.length} octets are too few for any TFTP packet` }
  const octets = Buffer.from(datagram.buffer, datagram.byteOffset, datagram.byteLength)
  const opcode = octets.readUInt16BE(0)
  switch (opcode) {
    case OPCODE.ack:
      return { kind: 'ack', block: octets.readUInt16BE(2) }
    case OPCODE.read:
      return decodeRequest('read', octets)
    case OPCODE.write:
      return decodeRequest('write', octets)
    case OPCODE.error:
      return { kind: 'error', code: octets.readUInt16BE(2), message: readable(octets.subarray(4)) }
    default:
      return { kind: 'noise', why: `opcode ${opcode} is not one a client sends to a server` }
  }
}

function decodeRequest(kind: 'read' | 'write', octets: Buffer): RequestPacket | UnusablePacket {
  if (octets.length > REQUEST_MAX_BYTES) return { kind: 'malformed', why: 'request is over 512 octets' }
  // What follows the last NUL is not a string. ROMs are known to leave rubbish there, so it is dropped, not refused.
  const strings = octets.toString('utf8', 2).split('\0').slice(0, -1)
  const [path, mode, ...rest] = strings
  if (path === undefined || mode === undefined) return { kind: 'malformed', why: 'request has no path or no mode' }
  return { kind, path, mode: mode.toLowerCase(), options: pairOptions(rest) }
}

/** RFC 2347: an option may be given only once; of a repeated one the first counts. A name without a value is dropped. */
function pairOptions(strings: readonly string[]): ReadonlyMap<string, string> {
  const options = new Map<string, string>()
  for (let index = 0; index + 1 < strings.length; index += 2) {
    const name = strings[index]?.toLowerCase() ?? ''
    if (!options.has(name)) options.set(name, strings[index + 1] ?? '')
  }
  return options
}

/** A stranger's text on its way to a log line: no control characters, and no more than a line of it. */
function readable(octets: Buffer): string {
  const text = octets.toString('utf8').split('\0', 1)[0] ?? ''
  return text.replace(/\p{Cc}/gu, '?').slice(0, 128)
}

/** DATA: this head, then the octets of the file. */
export const DATA_HEAD_SIZE = 4

/**
 * Writes the head of a DATA packet; the octets of the file follow it. `block` counts on from 1 without end: on the wire
 * it wraps from 65535 to 0, the only thing a 16-bit field can do with a file of more than 65535 blocks (RFC 1350 is
 * silent; clients agree on 0).
 *
 *      2 bytes   2 bytes     n bytes
 *     +-------+-----------+----------+
 *     |   3   |  block #  |  octets  |
 *     +-------+-----------+----------+
 */
export function writeDataHead(packet: Uint8Array, block: number): void {
  packet[0] = 0
  packet[1] = OPCODE.data
  packet[2] = (block >>> 8) & 0xff
  packet[3] = block & 0xff
}

/**
 *      2 bytes    2 bytes     string   1 byte
 *     +-------+------------+----------+------+
 *     |   5   | error code |  message |   0  |
 *     +-------+------------+----------+------+
 */
export function encodeError(code: ErrorCode, message: string): Uint8Array {
  return Buffer.concat([Buffer.from([0, OPCODE.error, 0, code]), Buffer.from(`${message.replaceAll('\0', '')}\0`)])
}

/**
 *      2 bytes   string   1 byte   string   1 byte
 *     +-------+----------+------+----------+------+
 *     |   6   |   name   |   0  |   value  |   0  | ...
 *     +-------+----------+------+----------+------+
 */
export function encodeOptionAck(options: ReadonlyMap<string, string>): Uint8Array {
  const strings = [...options].map(([name, value]) => `${name}\0${value}\0`)
  return Buffer.concat([Buffer.from([0, OPCODE.oack]), Buffer.from(strings.join(''))])
}

/**
 * RFC 1350 §1 by way of RFC 764: on the wire LF is CR LF and a bare CR is CR NUL. The one place where a file is
 * copied, so the door keeps it to files of a size that text has.
 */
export function encodeNetascii(octets: Uint8Array): Uint8Array {
  const wire = Buffer.allocUnsafe(octets.length * 2)
  let length = 0
  for (const octet of octets) {
    if (octet === LF) wire[length++] = CR
    wire[length++] = octet
    if (octet === CR) wire[length++] = 0
  }
  return wire.subarray(0, length)
}

const CR = 0x0d
const LF = 0x0a
