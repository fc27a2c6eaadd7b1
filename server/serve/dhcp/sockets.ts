// The sockets of the DHCP door, and by which of them a reply leaves. Either systemd opened one for each interface and
// bound it to that device, or we open one that hears everything and one for each address of this host.
//
// Node can't bind a socket to a device, and a socket bound to a unicast address never hears a broadcast. But it sends
// them: see sourcesFor().
import { networkInterfaces } from 'node:os'
import type { Logger } from 'pino'
import type { Arrival } from '../../plan/dhcp/arrival.ts'
import type { InheritedSocket } from '../inherited.ts'
import type { UdpPeer } from '../udp/peer.ts'
import type { DhcpSocket, Place, SocketMaker } from './socket.ts'
import type { OwnAddress } from './wires.ts'
import { freshFor, ownAddresses, sourcesFor } from './wires.ts'

export type Heard = Readonly<{
  /** Valid during the call only. */
  datagram: Buffer
  sender: UdpPeer
  /** The interface on which it was heard; null when the socket hears every one, and can't tell. */
  arrival: Arrival | null
  /** Where it was heard: what goes to a single address leaves here too. */
  socket: DhcpSocket
  /** Those by which a broadcast reaches a client that is to have the address `reserved`. */
  broadcasters: (reserved: string) => readonly DhcpSocket[]
}>

type DhcpSockets = Readonly<{ address: string; port: number; close: () => Promise<void> }>

type Options = Readonly<{ make: SocketMaker; hear: (heard: Heard) => void; log: Logger }>

const ADDRESSES_FRESH_MS = 5000
const ANY = '0.0.0.0'

const socketName = /^dhcp-(.+)$/

/** @throws Error naming a socket that isn't meant for DHCP, or can't be used */
export async function adoptSockets(inherited: readonly InheritedSocket[], options: Options): Promise<DhcpSockets> {
  const own = freshFor(ADDRESSES_FRESH_MS, () => ownAddresses(networkInterfaces()))
  const addressesOn = (device: string) => own().flatMap((one) => (one.interface === device ? one.address : []))
  const opened: DhcpSocket[] = []
  try {
    for (const { fd, name } of inherited) {
      const device = socketName.exec(name)?.[1]
      if (device === undefined)
        throw new Error(`systemd hands over a socket named ${name}; name it by FileDescriptorName=dhcp-INTERFACE`)
      const socket = newSocket(options, {
        arrival: () => ({ interface: device, addresses: addressesOn(device) }),
        broadcasters: () => [socket],
      })
      await bind(socket, { fd }, `systemd's socket ${name}`)
      opened.push(socket)
      if (socket.local().family !== 'IPv4')
        throw new Error(`systemd's socket ${name} is not one of IPv4; open it by ListenDatagram=0.0.0.0:67`)
    }
  } catch (error) {
    await closeAll(opened)
    throw error
  }
  const { address = ANY, port = 0 } = opened[0]?.local() ?? {}
  return { address, port, close: () => closeAll(opened) }
}

/**
 * On a loopback address one socket is all. On any other, broadcasts are heard too and answered from that address; on
 * 0.0.0.0 from each that this host has.
 * @throws what bind() says: address in use, not local, or a port that needs privilege
 */
export async function openSockets(
  wanted: Readonly<{ address: string; port: number }>,
  options: Options,
): Promise<DhcpSockets> {
  const isLoopback = wanted.address.startsWith('127.')
  const name = `${wanted.address} port ${wanted.port}`
  const isWanted = ({ address }: OwnAddress): boolean => wanted.address === ANY || wanted.address === address
  if (!isLoopback && wanted.address !== ANY && !ownAddresses(networkInterfaces()).some(isWanted))
    throw new Error(`listen for DHCP on ${name}`, { cause: new Error('this host has no such address') })
  const listener = newSocket(options, {
    arrival: () => null,
    broadcasters: (reserved) => outlets.towards(reserved) ?? [listener],
  })
  const outlets = isLoopback ? noOutlets : openOutlets(() => listener.local().port, isWanted, options)
  await bind(listener, { address: isLoopback ? wanted.address : ANY, port: wanted.port }, name)
  outlets.refresh()
  return { ...listener.local(), close: () => closeAll([listener, ...outlets.sockets()]) }
}

type Outlets = Readonly<{
  refresh: () => void
  sockets: () => readonly DhcpSocket[]
  /** Null when this host has no address to broadcast from. */
  towards: (reserved: string) => readonly DhcpSocket[] | null
}>

const noOutlets: Outlets = { refresh: () => undefined, sockets: () => [], towards: () => null }

/** A socket for each address, opened and closed as addresses come and go. What is sent to one of them is heard there. */
function openOutlets(port: () => number, isWanted: (own: OwnAddress) => boolean, options: Options): Outlets {
  const sockets = new Map<string, DhcpSocket>()
  const towards: Outlets['towards'] = (reserved) => {
    const found = sourcesFor(refreshed(), reserved).flatMap(({ address }) => sockets.get(address) ?? [])
    return found.length > 0 ? found : null
  }
  const open = (address: string): void => {
    const socket = newSocket(options, { arrival: () => null, broadcasters: (to) => towards(to) ?? [socket] })
    sockets.set(address, socket)
    bind(socket, { address, port: port() }, `${address} port ${port()}`).catch((err: unknown) => {
      options.log.warn({ err, address }, 'no dhcp broadcast from this address')
      sockets.delete(address)
    })
  }
  const refreshed = freshFor(ADDRESSES_FRESH_MS, () => {
    const own = ownAddresses(networkInterfaces()).filter(isWanted)
    const present = new Set<string>(own.map(({ address }) => address))
    for (const [address, socket] of sockets)
      if (!present.has(address)) {
        sockets.delete(address)
        void socket.close()
      }
    for (const address of present) if (!sockets.has(address)) open(address)
    return own
  })
  return { refresh: () => void refreshed(), sockets: () => [...sockets.values()], towards }
}

type Whereabouts = Readonly<{ arrival: () => Arrival | null; broadcasters: Heard['broadcasters'] }>

function newSocket({ make, hear, log }: Options, { arrival, broadcasters }: Whereabouts): DhcpSocket {
  const socket = make((datagram, sender) => hear({ datagram, sender, arrival: arrival(), socket, broadcasters }), log)
  return socket
}

async function bind(socket: DhcpSocket, place: Place, name: string): Promise<void> {
  try {
    await socket.bind(place)
  } catch (cause) {
    await socket.close()
    throw new Error(`listen for DHCP on ${name}`, { cause })
  }
}

async function closeAll(sockets: readonly DhcpSocket[]): Promise<void> {
  await Promise.all(sockets.map(async (socket) => socket.close()))
}
