// The DHCP door: octets in, the plan's answer, octets out to where RFC 2131 §4.1 says. It decides nothing else.
import type { Logger } from 'pino'
import type { Arrival } from '../../plan/dhcp/arrival.ts'
import { replyDestination } from '../../plan/dhcp/destination.ts'
import { NO_ADDRESS, type DhcpMessage } from '../../plan/dhcp/message.ts'
import { formatMac } from '../../plan/dhcp/options.ts'
import { encodeReply, LONGEST_REPLY } from '../../render/dhcp-fit.ts'
import { decodeDhcp, MalformedDhcp } from '../../render/dhcp.ts'
import type { InheritedSocket } from '../inherited.ts'
import type { Outgoing, Repeatable, Repeats } from './repeats.ts'
import { addressTo, openRepeats, questionOf } from './repeats.ts'
import { quietLog, type QuietLog } from './quiet.ts'
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
      /** What is to be done when the same request is answered alike; without it no answer is kept. */
      again?: (via: DhcpVia) => void
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
  /** All that answers are made from: as long as each part is the same object, the same request has the same answer. */
  basis?: () => readonly unknown[]
  log: Logger
  /** Instead of the best that this machine has. */
  sockets?: SocketMaker
}>

export type DhcpDoor = Readonly<{ address: string; port: number; close: () => Promise<void> }>

/** @throws what bind() says: address in use, not local, or a port that needs privilege */
export async function openDhcpDoor(options: DhcpDoorOptions): Promise<DhcpDoor> {
  const { inherited = [], log } = options
  const repeats = options.basis === undefined ? null : openRepeats(options.basis)
  const quiet = quietLog(log, LINES_PER_MINUTE)
  const serving = { ...options, repeats, quiet, memory: new Uint8Array(LONGEST_REPLY) }
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
type Serving = DhcpDoorOptions & Readonly<{ repeats: Repeats | null; quiet: QuietLog; memory: Uint8Array }>

/** Whatever a datagram holds, and whatever the answer to it does, only that datagram is lost. */
function receive(serving: Serving, heard: Heard): void {
  const { repeats, quiet, log } = serving
  const via = heard.sender
  if (via.port === 0) return log.debug({ via }, 'dhcp dropped: source port 0') // forged; send() to it would throw
  try {
    const question = repeats === null ? '' : questionOf(heard)
    const known = repeats?.find(question)
    if (known === undefined) serve(serving, question, heard)
    else serveAgain(serving, known, heard)
  } catch (err) {
    if (err instanceof MalformedDhcp) return log.debug({ via, why: err.message }, 'dhcp dropped')
    quiet.error({ via, err }, 'dhcp request failed')
  }
}

function serve(serving: Serving, question: string, heard: Heard): void {
  const { answer, repeats, quiet, log } = serving
  const via = heard.sender
  const request = decodeDhcp(heard.datagram)
  const mac = formatMac(request.chaddr)
  if (request.op === 'reply') return log.debug({ mac, via }, 'dhcp dropped: a reply')
  const answered = answer(request, heard)
  if (answered.kind !== 'reply') return log.debug({ mac, via, why: answered.why }, 'dhcp ignored')
  const { octets, dropped } = encodeReply(request, answered.reply, serving.memory)
  const { reserved, again } = answered
  const outgoing = { mac, octets, reserved, destination: replyDestination(request, answered.reply) }
  if (dropped.length > 0) quiet.warn({ mac, options: dropped }, 'dhcp reply too long for its client: options left out')
  else if (again !== undefined && repeats?.isAskedAgain(question))
    repeats.keep(question, { ...outgoing, octets: Uint8Array.from(octets), again })
  send(serving, outgoing, heard)
}

function serveAgain(serving: Serving, known: Repeatable, heard: Heard): void {
  known.again(heard)
  addressTo(heard.datagram, known)
  send(serving, known, heard)
}

function send(serving: Serving, outgoing: Outgoing, heard: Heard): void {
  for (const { socket, ...to } of waysOf(serving, outgoing, heard))
    socket.send(outgoing.octets, to, (err) =>
      serving.quiet.warn({ mac: outgoing.mac, ...to, err }, 'dhcp reply not sent'),
    )
}

type Way = Readonly<{ socket: DhcpSocket; address: string; port: number }>

function waysOf(
  { replyToSender, relayPort, clientPort }: Serving,
  { destination, reserved }: Outgoing,
  { socket, sender, broadcasters }: Heard,
): readonly Way[] {
  if (replyToSender && sender.address !== NO_ADDRESS) return [{ socket, ...sender }]
  const port = (destination.port === 67 ? relayPort : clientPort) ?? destination.port
  if (destination.kind === 'unicast') return [{ socket, address: destination.address, port }]
  return broadcasters(reserved).map((one) => ({ socket: one, address: LIMITED_BROADCAST, port }))
}

const LIMITED_BROADCAST = '255.255.255.255'
