// The DHCP door: octets in, the plan's answer, octets out to where RFC 2131 §4.1 says. It decides nothing else.
import type { Logger } from 'pino'
import type { Arrival } from '../../plan/dhcp/arrival.ts'
import type { ReplyDestination } from '../../plan/dhcp/destination.ts'
import { replyDestination } from '../../plan/dhcp/destination.ts'
import { NO_ADDRESS, type DhcpMessage } from '../../plan/dhcp/message.ts'
import { formatMac } from '../../plan/dhcp/options.ts'
import { encodeReply, LONGEST_REPLY } from '../../render/dhcp-fit.ts'
import { decodeDhcp, MalformedDhcp } from '../../render/dhcp.ts'
import type { InheritedSocket } from '../inherited.ts'
import { quietLog, type QuietLog } from '../quiet.ts'
import type { UdpPeer } from '../udp/peer.ts'
import type { DhcpSocket, SocketMaker } from './socket.ts'
import { socketMaker } from './socket.ts'
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
  /** The request's octets are valid during the call only. */
  answer: (request: DhcpMessage, via: DhcpVia) => DoorAnswer
  log: Logger
  /** Instead of the best that this machine has. */
  sockets?: SocketMaker
}>

export type DhcpDoor = Readonly<{ address: string; port: number; close: () => Promise<void> }>

/** @throws what bind() says: address in use, not local, or a port that needs privilege */
export async function openDhcpDoor(options: DhcpDoorOptions): Promise<DhcpDoor> {
  const { inherited = [], log } = options
  const quiet = quietLog(log, LINES_PER_MINUTE)
  const serving = { ...options, quiet, memory: new Uint8Array(LONGEST_REPLY) }
  const hear = (heard: Heard): void => receive(serving, heard)
  const ways = { make: options.sockets ?? (await socketMaker(log)), hear, log }
  const sockets = inherited.length > 0 ? await adoptSockets(inherited, ways) : await openSockets(options, ways)
  let closed: Promise<void> | null = null
  const close = (): Promise<void> => {
    quiet.close()
    return sockets.close()
  }
  return { address: sockets.address, port: sockets.port, close: () => (closed ??= close()) }
}

/** Of requests that fail, and replies that can't be sent as they are: a forged one makes a line each. */
const LINES_PER_MINUTE = 20

/** Every reply is written to the same memory, one after the other. */
type Serving = DhcpDoorOptions & Readonly<{ quiet: QuietLog; memory: Uint8Array }>

/** Whatever a datagram holds, and whatever the answer to it does, only that datagram is lost. */
function receive(serving: Serving, heard: Heard): void {
  const { quiet, log } = serving
  const via = heard.sender
  if (via.port === 0) return log.debug({ via }, 'dhcp dropped: source port 0') // forged; send() to it would throw
  try {
    serve(serving, heard)
  } catch (err) {
    if (err instanceof MalformedDhcp) return log.debug({ via, why: err.message }, 'dhcp dropped')
    quiet.error({ via, err }, 'dhcp request failed')
  }
}

function serve(serving: Serving, heard: Heard): void {
  const { answer, quiet, log, memory } = serving
  const via = heard.sender
  const request = decodeDhcp(heard.datagram)
  const mac = formatMac(request.chaddr)
  if (request.op === 'reply') return log.debug({ mac, via }, 'dhcp dropped: a reply')
  const answered = answer(request, heard)
  if (answered.kind !== 'reply') return log.debug({ mac, via, why: answered.why }, 'dhcp ignored')
  const { reply, reserved } = answered
  const { octets, dropped } = encodeReply(request, reply, memory)
  if (dropped.length > 0) quiet.warn({ mac, options: dropped }, 'dhcp reply too long for its client: options left out')
  for (const { socket, to } of waysOf(serving, replyDestination(request, reply), reserved, heard))
    socket.send(octets, to, (err) => quiet.warn({ mac, ...to, err }, 'dhcp reply not sent'))
}

type Way = Readonly<{ socket: DhcpSocket; to: UdpPeer }>

function waysOf(
  { replyToSender, relayPort, clientPort }: Serving,
  destination: ReplyDestination,
  reserved: string,
  { socket, sender, broadcasters }: Heard,
): readonly Way[] {
  if (replyToSender && sender.address !== NO_ADDRESS) return [{ socket, to: sender }]
  const port = (destination.port === 67 ? relayPort : clientPort) ?? destination.port
  if (destination.kind === 'unicast') return [{ socket, to: { address: destination.address, port } }]
  return broadcasters(reserved).map((one) => ({ socket: one, to: { address: LIMITED_BROADCAST, port } }))
}

const LIMITED_BROADCAST = '255.255.255.255'
