// DHCPv6 messages to octets and back: RFC 8415 §8 (clients and servers), §9 (relays), §21.1 (options).
//
//      0               1               2               3
//     +---------------+-----------------------------------------------+
//     | msg-type (1)  |              transaction-id (3)               |   0
//     +---------------+-----------------------------------------------+
//     |             options: code (2), length (2), value              |   4
//     +---------------------------------------------------------------+
//
//     +---------------+---------------+
//     | msg-type (1)  | hop-count (1) |  link-address (16)                 0
//     +---------------+---------------+
//     |  peer-address (16)            |  options, one of them the message  18
//     +-------------------------------+
import type { Dhcp6Message, MessageType6, Option6, Relay } from '../plan/dhcp6/message.ts'
import { HOP_COUNT_LIMIT, isFromServer, MESSAGE_TYPE6, OPTION6 } from '../plan/dhcp6/message.ts'
import { ipv6List, ipv6Text, joined, readOptions, writeOptions } from '../plan/dhcp6/options.ts'

/** A datagram that is not a DHCPv6 message; the message says where it stops being one. */
export class MalformedDhcp6 extends Error {
  override readonly name = 'MalformedDhcp6'
}

const RELAY_FORW = 12 // RFC 8415 §7.3
const RELAY_REPL = 13
const MESSAGE_HEAD = 4
const RELAY_HEAD = 34

const typeByNumber = new Map<number, MessageType6>(
  Object.entries(MESSAGE_TYPE6).map(([name, number]) => [number, name as MessageType6]),
)

/** @throws MalformedDhcp6, whatever the octets, and nothing else */
export function decodeDhcp6(datagram: Uint8Array): Dhcp6Message {
  const relays: Relay[] = []
  const relayTypes = new Set<number>()
  let octets = new Uint8Array(datagram.buffer, datagram.byteOffset, datagram.byteLength)
  while (octets[0] === RELAY_FORW || octets[0] === RELAY_REPL) {
    relayTypes.add(octets[0])
    if (relays.length > HOP_COUNT_LIMIT) throw new MalformedDhcp6(`more than ${HOP_COUNT_LIMIT + 1} relays`)
    const { relay, inner } = decodeRelay(octets)
    relays.unshift(relay)
    octets = inner
  }
  const message = { ...decodeMessage(octets), relays }
  relayTypes.delete(isFromServer(message) ? RELAY_REPL : RELAY_FORW)
  if (relayTypes.size > 0) throw new MalformedDhcp6(`a ${message.type} goes the other way than its relay message`)
  return message
}

function decodeMessage(octets: Uint8Array): Omit<Dhcp6Message, 'relays'> {
  if (octets.length < MESSAGE_HEAD) throw new MalformedDhcp6(`${octets.length} octets, of at least ${MESSAGE_HEAD}`)
  const [number = 0, first = 0, second = 0, third = 0] = octets
  const type = typeByNumber.get(number)
  if (type === undefined) throw new MalformedDhcp6(`message type ${number}`)
  const transactionId = (first << 16) | (second << 8) | third
  return { type, transactionId, options: decodeOptions(octets.subarray(MESSAGE_HEAD)) }
}

function decodeRelay(octets: Uint8Array): Readonly<{ relay: Relay; inner: Uint8Array<ArrayBuffer> }> {
  if (octets.length < RELAY_HEAD)
    throw new MalformedDhcp6(`a relay message of ${octets.length} octets, of at least ${RELAY_HEAD}`)
  const options = decodeOptions(octets.subarray(RELAY_HEAD))
  const [carried, ...more] = options.filter(({ code }) => code === OPTION6.relayMessage)
  if (carried === undefined || more.length > 0)
    throw new MalformedDhcp6(`a relay message with ${more.length === 0 ? 'no' : 'more than one'} message in it`)
  const relay: Relay = {
    hopCount: octets[1] ?? 0,
    linkAddress: ipv6Text(octets, 2),
    peerAddress: ipv6Text(octets, 18),
    options: options.filter((one) => one !== carried),
  }
  return { relay, inner: carried.value as Uint8Array<ArrayBuffer> }
}

function decodeOptions(octets: Uint8Array): readonly Option6[] {
  const options = readOptions(octets)
  if (options === null) throw new MalformedDhcp6('an option runs past the end')
  return options
}

/** @throws Error naming what can't be what it is */
export function encodeDhcp6(message: Dhcp6Message): Uint8Array {
  const { type, transactionId, options, relays } = message
  if (!Number.isInteger(transactionId) || transactionId < 0 || transactionId > 0xffffff)
    throw new RangeError(`transaction id ${transactionId} is not one of 24 bits`)
  const id = [transactionId >>> 16, (transactionId >>> 8) & 0xff, transactionId & 0xff]
  const innermost = joined([Uint8Array.of(MESSAGE_TYPE6[type], ...id), writeOptions(options)])
  return relays.reduce<Uint8Array>((inner, relay) => encodeRelay(relay, isFromServer(message), inner), innermost)
}

function encodeRelay({ hopCount, linkAddress, peerAddress, options }: Relay, isReply: boolean, inner: Uint8Array) {
  const head = Uint8Array.of(isReply ? RELAY_REPL : RELAY_FORW, hopCount)
  const carried: Option6 = { code: OPTION6.relayMessage, value: inner }
  return joined([head, ipv6List([linkAddress, peerAddress]), writeOptions([...options, carried])])
}
