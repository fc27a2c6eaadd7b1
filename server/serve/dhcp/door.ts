// The DHCP door: octets in, the plan's answer, octets out to where RFC 2131 §4.1 says. It decides nothing else.
import type { Socket } from 'node:dgram'
import type { Logger } from 'pino'
import type { Arrival } from '../../plan/dhcp/arrival.ts'
import { replyDestination } from '../../plan/dhcp/destination.ts'
import { NO_ADDRESS, type DhcpMessage } from '../../plan/dhcp/message.ts'
import { formatMac } from '../../plan/dhcp/options.ts'
import { encodeReply } from '../../render/dhcp-fit.ts'
import { decodeDhcp, MalformedDhcp } from '../../render/dhcp.ts'
import type { InheritedSocket } from '../inherited.ts'
import type { Heard } from './sockets.ts'
import { adoptSockets, openSockets } from './sockets.ts'

export type DoorAnswer =
  | Readonly<{
      kind: 'reply'
      reply: DhcpMessage
      /** The client's own address: a broadcast goes out on its wire. */
      reserved: string
    }>
  | Readonly<{ kind: 'ignore' | 'unserved' | 'declined'; why: string }>

export type DhcpVia = Readonly<{
  sender: Heard['sender']
  /** The interface on which it was heard, when the socket can tell. */
  arrival: Arrival | null
}>

export type DhcpDoorOptions = Readonly<{
  address: string
  port: number
  /** In place of sockets of our own on that address and port. */
  inherited?: readonly InheritedSocket[]
  /** 68 and 67 (RFC 2131 §4.1) anywhere but in a test without privileges. */
  clientPort?: number
  relayPort?: number
  /** PXE specification 2.1: on port 4011 the answer goes to the address and port that the request came from. */
  replyToSender?: boolean
  answer: (request: DhcpMessage, via: DhcpVia) => DoorAnswer
  log: Logger
  /** Called when the reply has been handed to the kernel. */
  onReply?: (request: DhcpMessage, reply: DhcpMessage) => void
}>

export type DhcpDoor = Readonly<{ address: string; port: number; close: () => Promise<void> }>

/** @throws what bind() says: address in use, not local, or a port that needs privilege */
export async function openDhcpDoor(options: DhcpDoorOptions): Promise<DhcpDoor> {
  const { inherited = [], log } = options
  const hear = (heard: Heard): void => receive(options, heard)
  const sockets =
    inherited.length > 0 ? await adoptSockets(inherited, { hear, log }) : await openSockets(options, { hear, log })
  let closed: Promise<void> | null = null
  return { address: sockets.address, port: sockets.port, close: () => (closed ??= sockets.close()) }
}

/** Whatever a datagram holds, and whatever the answer to it does, only that datagram is lost. */
function receive(options: DhcpDoorOptions, heard: Heard): void {
  const { log } = options
  const via = heard.sender
  if (via.port === 0) return log.debug({ via }, 'dhcp dropped: source port 0') // forged; send() to it would throw
  try {
    serve(options, decodeDhcp(heard.datagram), heard)
  } catch (err) {
    if (err instanceof MalformedDhcp) return log.debug({ via, why: err.message }, 'dhcp dropped')
    log.error({ via, err }, 'dhcp request failed')
  }
}

function serve(options: DhcpDoorOptions, request: DhcpMessage, heard: Heard): void {
  const { answer, log } = options
  const via = heard.sender
  const mac = formatMac(request.chaddr)
  if (request.op === 'reply') return log.debug({ mac, via }, 'dhcp dropped: a reply')
  const answered = answer(request, heard)
  if (answered.kind !== 'reply') return log.debug({ mac, via, why: answered.why }, 'dhcp ignored')
  const { octets, dropped } = encodeReply(request, answered.reply)
  if (dropped.length > 0) log.warn({ mac, options: dropped }, 'dhcp reply too long for its client: options left out')
  for (const way of waysOf(options, request, answered, heard))
    send(options, { ...way, request, reply: answered.reply, octets })
}

type Way = Readonly<{ socket: Socket; address: string; port: number }>

function waysOf(
  options: DhcpDoorOptions,
  request: DhcpMessage,
  { reply, reserved }: Extract<DoorAnswer, { kind: 'reply' }>,
  heard: Heard,
): readonly Way[] {
  const { socket, sender } = heard
  if (options.replyToSender && sender.address !== NO_ADDRESS) return [{ socket, ...sender }]
  const destination = replyDestination(request, reply)
  const port = (destination.port === 67 ? options.relayPort : options.clientPort) ?? destination.port
  if (destination.kind === 'unicast') return [{ socket, address: destination.address, port }]
  return heard.broadcasters(reserved).map((one) => ({ socket: one, address: LIMITED_BROADCAST, port }))
}

const LIMITED_BROADCAST = '255.255.255.255'

type Outgoing = Way & Readonly<{ request: DhcpMessage; reply: DhcpMessage; octets: Uint8Array }>

function send(options: DhcpDoorOptions, { socket, address, port, request, reply, octets }: Outgoing): void {
  const notSent = (err: unknown): void =>
    options.log.warn({ mac: formatMac(request.chaddr), address, port, err }, 'dhcp reply not sent')
  try {
    socket.send(octets, port, address, (err) => (err ? notSent(err) : sent(options, request, reply)))
  } catch (err) {
    notSent(err) // the door is closed
  }
}

function sent(options: DhcpDoorOptions, request: DhcpMessage, reply: DhcpMessage): void {
  try {
    options.onReply?.(request, reply)
  } catch (err) {
    options.log.error({ mac: formatMac(request.chaddr), err }, 'dhcp onReply')
  }
}
