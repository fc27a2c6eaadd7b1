// The DHCP door: octets in, the plan's answer, octets out to where RFC 2131 §4.1 says. It decides nothing else.
//
// A socket bound to a unicast address never hears a broadcast, so a door for clients on the wire is bound to 0.0.0.0;
// one for relays alone may be bound to the address they are configured with.

import { createSocket, type Socket, type SocketOptions } from 'node:dgram'
import { once } from 'node:events'
import { networkInterfaces, type NetworkInterfaceInfo } from 'node:os'
import type { Logger } from 'pino'
import { replyDestination } from '../../plan/dhcp/destination.ts'
import { NO_ADDRESS, type DhcpMessage } from '../../plan/dhcp/message.ts'
import { formatMac, maxMessageSize } from '../../plan/dhcp/options.ts'
import { decodeDhcp, encodeDhcp, MalformedDhcp } from '../../render/dhcp.ts'

export type DhcpAnswer = Readonly<{ kind: 'reply'; reply: DhcpMessage }> | Readonly<{ kind: 'ignore'; why: string }>

export type DhcpSender = Readonly<{ address: string; port: number }>

export type DhcpDoorOptions = Readonly<{
  address: string
  port: number
  /** 68 and 67 (RFC 2131 §4.1) anywhere but in a test without privileges. */
  clientPort?: number
  relayPort?: number
  /**
   * 255.255.255.255 unless set. The kernel sends that out of one interface only, so a host with several names the
   * broadcast address of the boot network here.
   */
  broadcastAddress?: string
  /** PXE specification 2.1: on port 4011 the answer goes to the address and port that the request came from. */
  replyToSender?: boolean
  answer: (request: DhcpMessage, via: DhcpSender) => DhcpAnswer
  log: Logger
  /** Called when the reply has been handed to the kernel. */
  onReply?: (request: DhcpMessage, reply: DhcpMessage) => void
}>

export type DhcpDoor = Readonly<{ address: string; port: number; close: () => Promise<void> }>

/** A farm coming back after a power cut asks all at once. The kernel grants what net.core.rmem_max lets it. */
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024
const INTERFACES_FRESH_MS = 5000

/** Addresses here are always literals, and Node's default would send each of them through getaddrinfo's thread. */
const literalAddress: NonNullable<SocketOptions['lookup']> = (address, _options, callback) => callback(null, address, 4)

/** @throws what bind() says: address in use, not local, or a port that needs privilege */
export async function openDhcpDoor(options: DhcpDoorOptions): Promise<DhcpDoor> {
  const socket = createSocket({
    type: 'udp4',
    reuseAddr: true,
    recvBufferSize: RECEIVE_BUFFER_BYTES,
    lookup: literalAddress,
  })
  try {
    const listening = once(socket, 'listening')
    socket.bind({ address: options.address, port: options.port, exclusive: true })
    await listening
    socket.setBroadcast(true)
  } catch (cause) {
    socket.close()
    throw new Error(`listen for DHCP on ${options.address} port ${options.port}`, { cause })
  }
  const door: Door = { socket, options, broadcastsFor: directedBroadcastsOfThisHost() }
  socket.on('error', (err) => options.log.error({ err }, 'dhcp socket'))
  socket.on('message', (datagram, { address, port }) => receive(door, datagram, { address, port }))
  const { address, port } = socket.address()
  let closed: Promise<void> | null = null
  return { address, port, close: () => (closed ??= closeSocket(socket)) }
}

async function closeSocket(socket: Socket): Promise<void> {
  const closed = once(socket, 'close')
  socket.close()
  await closed
}

type Door = Readonly<{
  socket: Socket
  options: DhcpDoorOptions
  broadcastsFor: (yiaddr: string) => readonly string[]
}>

/** Whatever a datagram holds, and whatever the answer to it does, only that datagram is lost. */
function receive(door: Door, datagram: Uint8Array, via: DhcpSender): void {
  const { log } = door.options
  if (via.port === 0) return log.debug({ via }, 'dhcp dropped: source port 0') // forged; send() to it would throw
  try {
    serve(door, decodeDhcp(datagram), via)
  } catch (err) {
    if (err instanceof MalformedDhcp) return log.debug({ via, why: err.message }, 'dhcp dropped')
    log.error({ via, err }, 'dhcp request failed')
  }
}

function serve(door: Door, request: DhcpMessage, via: DhcpSender): void {
  const { answer, log } = door.options
  const mac = formatMac(request.chaddr)
  if (request.op === 'reply') return log.debug({ mac, via }, 'dhcp dropped: a reply')
  const answered = answer(request, via)
  if (answered.kind === 'ignore') return log.debug({ mac, via, why: answered.why }, 'dhcp ignored')
  const octets = encodeDhcp(answered.reply, { maxSize: payloadMax(request) })
  const { address, port } = destinationOf(door.options, request, answered.reply, via)
  send(door, { request, reply: answered.reply, octets, address, port })
}

/**
 * RFC 2131 §2: the size a client will take (option 57, at least 576) is that of the IP datagram, so the message may
 * have 28 octets less; and no more than an Ethernet frame holds, since boot ROMs don't reassemble.
 */
function payloadMax(request: DhcpMessage): number {
  const IP_AND_UDP_HEADERS = 20 + 8
  return Math.min(Math.max(maxMessageSize(request) ?? 576, 576), 1500) - IP_AND_UDP_HEADERS
}

function destinationOf(
  options: DhcpDoorOptions,
  request: DhcpMessage,
  reply: DhcpMessage,
  via: DhcpSender,
): Readonly<{ address: string; port: number }> {
  if (options.replyToSender && via.address !== NO_ADDRESS) return via
  const destination = replyDestination(request, reply)
  if (destination.kind === 'broadcast') {
    return { address: options.broadcastAddress ?? LIMITED_BROADCAST, port: options.clientPort ?? destination.port }
  }
  const port = destination.port === 67 ? options.relayPort : options.clientPort
  return { address: destination.address, port: port ?? destination.port }
}

const LIMITED_BROADCAST = '255.255.255.255'

type Outgoing = Readonly<{
  request: DhcpMessage
  reply: DhcpMessage
  octets: Uint8Array
  address: string
  port: number
}>

function send(door: Door, outgoing: Outgoing): void {
  const { request, reply, octets, address, port } = outgoing
  try {
    door.socket.send(octets, port, address, (err) => (err ? notSent(door, outgoing, err) : sent(door, request, reply)))
  } catch (err) {
    door.options.log.warn({ mac: formatMac(request.chaddr), address, port, err }, 'dhcp reply not sent') // door closed
  }
}

function notSent(door: Door, outgoing: Outgoing, err: NodeJS.ErrnoException): void {
  const { request, reply, address, port } = outgoing
  const unroutable = err.code === 'ENETUNREACH' && address === LIMITED_BROADCAST
  const instead = unroutable ? door.broadcastsFor(reply.yiaddr) : []
  for (const directed of instead) send(door, { ...outgoing, address: directed })
  if (instead.length > 0) return
  door.options.log.warn({ mac: formatMac(request.chaddr), address, port, err }, 'dhcp reply not sent')
}

function sent({ options }: Door, request: DhcpMessage, reply: DhcpMessage): void {
  try {
    options.onReply?.(request, reply)
  } catch (err) {
    options.log.error({ mac: formatMac(request.chaddr), err }, 'dhcp onReply')
  }
}

/** Reading the interfaces takes longer than answering, so what was read stays good for some seconds. */
function directedBroadcastsOfThisHost(): (yiaddr: string) => readonly string[] {
  let interfaces: readonly NetworkInterfaceInfo[] = []
  let readAt = -Infinity
  return (yiaddr) => {
    if (performance.now() - readAt > INTERFACES_FRESH_MS) {
      interfaces = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
      readAt = performance.now()
    }
    return directedBroadcasts(interfaces, yiaddr)
  }
}

/**
 * The broadcast address of each subnet that holds `yiaddr`. For a host without a default route, on which
 * 255.255.255.255 has no way out.
 */
export function directedBroadcasts(
  interfaces: readonly Pick<NetworkInterfaceInfo, 'family' | 'address' | 'netmask'>[],
  yiaddr: string,
): readonly string[] {
  const found = interfaces.flatMap(({ family, address, netmask }) => {
    if (family !== 'IPv4') return []
    const mask = ipv4Number(netmask)
    const hostBits = ~mask >>> 0
    const inside = ((ipv4Number(address) ^ ipv4Number(yiaddr)) & mask) === 0
    return inside && hostBits > 1 ? [ipv4Dotted((ipv4Number(address) | hostBits) >>> 0)] : [] // /31 and /32 have none
  })
  return [...new Set(found)]
}

const ipv4Number = (address: string): number =>
  address.split('.').reduce((number, quad) => ((number << 8) | Number(quad)) >>> 0, 0)

const ipv4Dotted = (number: number): string =>
  [24, 16, 8, 0].map((shift) => String((number >>> shift) & 0xff)).join('.')
