// The sockets of the DHCPv6 door: one for each place where it is to be heard, opened and closed as those come and go.
import { createSocket } from 'node:dgram'
import type { Socket } from 'node:dgram'
import { once } from 'node:events'
import { networkInterfaces } from 'node:os'
import type { Logger } from 'pino'
import type { Arrival6 } from '../../plan/dhcp6/arrival.ts'
import { literalAddress } from '../tftp/own-lines.ts'
import type { Place } from './places.ts'
import { addressesOn, placesFor } from './places.ts'

export type Heard6 = Readonly<{
  datagram: Uint8Array
  port: number
  arrival: Arrival6
  /** From the address that was asked, or that the interface has for who asked everybody. */
  reply: (octets: Uint8Array, port: number, sent: (error: Error | null) => void) => void
}>

export type Dhcp6Sockets = Readonly<{ port: number; close: () => Promise<void> }>

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
const LOOK_MS = 3000

/** @throws what bind() says: address in use, not local, or a port that needs privilege */
export async function openDhcp6Sockets(options: Options): Promise<Dhcp6Sockets> {
  const sockets = new Map<string, Socket>()
  const troubled = new Set<string>()
  const state = { port: options.port, timer: null as NodeJS.Timeout | null, isClosed: false }
  const openAt = async (place: Place): Promise<void> => {
    const socket = await openPlace(options, place, state.port)
    sockets.set(keyOf(place), socket)
    state.port = socket.address().port // of several the first may choose
  }
  const look = async (isFirst: boolean): Promise<void> => {
    const places = placesFor(options.address, networkInterfaces())
    if (isFirst && places.length === 0 && options.address !== '::')
      throw new Error(`listen for DHCPv6 on ${options.address}`, { cause: new Error('this host has no such address') })
    const present = new Set(places.map(keyOf))
    await closeAll([...sockets].filter(([key]) => !present.has(key) && sockets.delete(key)).map(([, socket]) => socket))
    for (const place of places.filter((one) => !sockets.has(keyOf(one)) && !state.isClosed))
      await openAt(place).catch((error: unknown) => {
        if (isFirst && !isNotYetThere(error)) throw error
        if (!troubled.has(keyOf(place))) options.log.warn({ err: error }, 'dhcp6 can not listen here; trying again')
        troubled.add(keyOf(place))
      })
  }
  const lookOn = (): void => {
    if (!state.isClosed)
      state.timer = setTimeout(() => void (looking = look(false).then(lookOn)), options.lookMs ?? LOOK_MS)
  }
  const close = async (): Promise<void> => {
    state.isClosed = true
    clearTimeout(state.timer ?? undefined)
    await looking
    await closeAll([...sockets.values()])
    sockets.clear()
  }
  let looking: Promise<void> = look(true)
  try {
    await looking
  } catch (error) {
    looking = Promise.resolve()
    await close()
    throw error
  }
  lookOn()
  return { port: state.port, close }
}

/** A group that another interface is to join is another place: its socket is opened anew. */
const keyOf = ({ address, joins }: Place): string => [address, ...joins].join(' ')

/** An IPv6 address is only tentative in its first second. */
const isNotYetThere = (error: unknown): boolean =>
  error instanceof Error &&
  ['EADDRNOTAVAIL', 'ENODEV', 'EINVAL'].includes((error.cause as NodeJS.ErrnoException | undefined)?.code ?? '')

async function openPlace({ hear, log }: Options, place: Place, port: number): Promise<Socket> {
  const socket = createSocket({
    type: 'udp6',
    ipv6Only: true,
    recvBufferSize: RECEIVE_BUFFER_BYTES,
    lookup: literalAddress,
  })
  try {
    const listening = once(socket, 'listening')
    socket.bind({ address: place.address, port, exclusive: true })
    await listening
    const [group = ''] = place.address.split('%')
    for (const name of place.joins) socket.addMembership(group, `::%${name}`)
  } catch (cause) {
    socket.close()
    throw new Error(`listen for DHCPv6 on ${place.address} port ${port}`, { cause })
  }
  let isOpen = true
  socket.on('close', () => (isOpen = false))
  socket.on('error', (err) => log.error({ err }, 'dhcp6 socket'))
  socket.on('message', (datagram, { address, port: from }) =>
    hear({
      datagram,
      port: from,
      arrival: arrivalAt(place, address),
      reply: (octets, to, sent) => {
        if (isOpen) socket.send(octets, to, address, sent)
      },
    }),
  )
  return socket
}

function arrivalAt({ address, interface: name }: Place, sender: string): Arrival6 {
  const heardOn = name ?? sender.split('%')[1] ?? null
  return {
    sender,
    to: address.startsWith('ff') ? 'multicast' : 'unicast',
    interface: heardOn === null ? null : { name: heardOn, addresses: addressesOn(heardOn, networkInterfaces()) },
  }
}

async function closeAll(sockets: readonly Socket[]): Promise<void> {
  await Promise.all(
    sockets.map(async (socket) => {
      const closed = once(socket, 'close')
      socket.close()
      await closed
    }),
  )
}
