// The sockets of the DHCPv6 door: one for each place where it is to be heard, opened and closed as those come and go.
import type { Socket } from 'node:dgram'
import { networkInterfaces } from 'node:os'
import type { Logger } from 'pino'
import type { Arrival6 } from '../../plan/dhcp6/arrival.ts'
import { followPlaces, type FollowedPlaces, type Interfaces } from '../udp/follow-places.ts'
import { closeNodeSocket, openNodeSocket } from '../udp/node-socket.ts'
import type { Place } from './places.ts'
import { addressesOn, ANY6, placesFor } from './places.ts'

export type Heard6 = Readonly<{
  datagram: Uint8Array
  port: number
  arrival: Arrival6
  /** From the address that was asked, or that the interface has for who asked everybody. */
  reply: (octets: Uint8Array, port: number, sent: (error: Error | null) => void) => void
}>

type Options = Readonly<{
  address: string
  port: number
  hear: (heard: Heard6) => void
  log: Logger
  /** How often interfaces and addresses are looked for. */
  lookMs?: number
}>

/** A farm coming back after a power cut asks all at once. The kernel grants what net.core.rmem_max lets it. */
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024

/** @throws what bind() says: address in use, not local, or a port that needs privilege */
export async function openDhcp6Sockets(options: Options): Promise<FollowedPlaces> {
  const { address, port, log, lookMs } = options
  if (address !== ANY6 && placesFor(address, networkInterfaces()).length === 0)
    throw new Error(`listen for DHCPv6 on ${address}`, { cause: new Error('this host has no such address') })
  return followPlaces({
    port,
    places: (interfaces) => placesFor(address, interfaces),
    keyOf,
    open: (place, at, interfaces) => openPlace(options, place, at, interfaces),
    isNotYetThere: (code) => ['EADDRNOTAVAIL', 'ENODEV', 'EINVAL'].includes(code),
    name: 'dhcp6',
    log,
    ...(lookMs === undefined ? {} : { lookMs }),
  })
}

/** A group that another interface is to join is another place: its socket is opened anew. */
const keyOf = ({ address, joins }: Place): string => [address, ...joins].join(' ')

async function openPlace(
  { hear, log }: Options,
  place: Place,
  port: number,
  interfaces: () => Interfaces,
): Promise<Socket> {
  const socket = await openMember(place, port).catch((cause: unknown) => {
    throw new Error(`listen for DHCPv6 on ${place.address} port ${port}`, { cause })
  })
  let isOpen = true
  socket.on('close', () => (isOpen = false))
  socket.on('error', (err) => log.error({ err }, 'dhcp6 socket'))
  socket.on('message', (datagram, { address, port: from }) =>
    hear({
      datagram,
      port: from,
      arrival: arrivalAt(place, address, interfaces()),
      reply: (octets, to, sent) => {
        if (isOpen) socket.send(octets, to, address, sent)
      },
    }),
  )
  return socket
}

async function openMember({ address, joins }: Place, port: number): Promise<Socket> {
  const options = { type: 'udp6', ipv6Only: true, recvBufferSize: RECEIVE_BUFFER_BYTES } as const
  const socket = await openNodeSocket(options, { address, port })
  const [group = ''] = address.split('%')
  try {
    for (const name of joins) socket.addMembership(group, `::%${name}`)
    return socket
  } catch (error) {
    await closeNodeSocket(socket)
    throw error
  }
}

function arrivalAt({ address, interface: name }: Place, sender: string, interfaces: Interfaces): Arrival6 {
  const heardOn = name ?? sender.split('%')[1] ?? null
  return {
    sender,
    to: address.startsWith('ff') ? 'multicast' : 'unicast',
    interface: heardOn === null ? null : { name: heardOn, addresses: addressesOn(heardOn, interfaces) },
  }
}
