// Where requests arrive: a socket for each address of this host, since one that hears all of them can't tell which was
// asked, and a client drops answers from another.

import type { Socket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import type { Logger } from 'pino'
import { followPlaces, type FollowedPlaces, type Interfaces } from '../udp/follow-places.ts'
import { openNodeSocket } from '../udp/node-socket.ts'
import type { UdpPeer } from '../udp/peer.ts'

/** `local` is the address that was asked; `reply` sends from there. What can't be sent is dropped. */
export type Request = Readonly<{
  datagram: Uint8Array
  peer: UdpPeer
  local: string
  reply: (packet: Uint8Array) => void
}>

type Options = Readonly<{
  /** One of this host's, `0.0.0.0` for all of IPv4, or `::` for all of both families; those that come later too. */
  address: string
  port: number
  receive: (request: Request) => void
  log: Logger
  /** How often addresses are looked for. */
  lookMs?: number
}>

/** A whole rack powered on at once asks within a millisecond: room for some thousand requests. */
const RECEIVE_BUFFER_BYTES = 1024 * 1024

const FAMILIES: Readonly<Record<string, readonly string[]>> = { '0.0.0.0': ['IPv4'], '::': ['IPv4', 'IPv6'] }

/** @throws what bind() says: address in use, not local, or a port that needs privilege */
export function openListeners(options: Options): Promise<FollowedPlaces> {
  const { address, port, log, lookMs } = options
  const families = FAMILIES[address]
  return followPlaces({
    port,
    places: (interfaces) => (families === undefined ? [address] : localAddresses(interfaces, families)),
    keyOf: (local) => local,
    open: (local, at) => openListener(options, local, at),
    isNotYetThere: (code) => families !== undefined && code === 'EADDRNOTAVAIL',
    name: 'tftp',
    log,
    ...(lookMs === undefined ? {} : { lookMs }),
  })
}

function localAddresses(interfaces: Interfaces, families: readonly string[]): readonly string[] {
  return Object.entries(interfaces).flatMap(([name, addresses = []]) =>
    addresses
      .filter((one) => families.includes(one.family))
      .map(({ address }) => (/^fe[89ab]/i.test(address) ? `${address}%${name}` : address)),
  )
}

async function openListener({ receive, log }: Options, local: string, port: number): Promise<Socket> {
  const isV6 = isIPv6(local)
  const socket = await openNodeSocket(
    { type: isV6 ? 'udp6' : 'udp4', ipv6Only: isV6, recvBufferSize: RECEIVE_BUFFER_BYTES },
    { address: local, port },
  ).catch((cause: unknown) => {
    throw new Error(`listen for TFTP on ${local} port ${port}`, { cause })
  })
  let isOpen = true
  socket.on('close', () => (isOpen = false))
  socket.on('error', (err) => log.error({ err }, 'tftp socket'))
  socket.on('message', (datagram, { address, port: from }) => {
    const peer = { address, port: from }
    const dropped = (err: Error | null): void => {
      if (err) log.debug({ peer, why: err.message }, 'tftp dropped')
    }
    const reply = (packet: Uint8Array): void => {
      if (isOpen) socket.send(packet, from, address, dropped)
    }
    receive({ datagram, peer, local, reply })
  })
  return socket
}
