// Where requests arrive: a socket for each address of this host, since one that hears all of them can't tell which was
// asked, and a client drops answers from another.

import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { isIPv6 } from 'node:net'
import { networkInterfaces } from 'node:os'
import type { Logger } from 'pino'
import { literalAddress } from './own-lines.ts'
import type { TftpPeer } from './peer.ts'

/** `local` is the address that was asked; `reply` sends from there. What can't be sent is dropped. */
export type Request = Readonly<{
  datagram: Uint8Array
  peer: TftpPeer
  local: string
  reply: (packet: Uint8Array) => void
}>

export type Listeners = Readonly<{ port: number; close: () => void }>

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

const LOOK_MS = 3000

const wildcards: readonly string[] = ['0.0.0.0', '::']

/** @throws what bind() says: address in use, not local, or a port that needs privilege */
export async function openListeners(options: Options): Promise<Listeners> {
  const sockets = new Map<string, Socket>()
  const state = { port: options.port, looking: null as NodeJS.Timeout | null, isClosed: false }
  const close = (): void => {
    state.isClosed = true
    clearTimeout(state.looking ?? undefined)
    for (const socket of sockets.values()) socket.close()
    sockets.clear()
  }
  const listenAt = async (local: string): Promise<void> => {
    const socket = await openListener(options, local, state.port)
    if (state.isClosed) return void socket.close()
    sockets.set(local, socket)
    state.port = socket.address().port // of several the first may choose
  }
  if (!wildcards.includes(options.address)) {
    await listenAt(options.address)
    return { port: state.port, close }
  }
  const troubled = new Set<string>()
  const look = async (isFirst: boolean): Promise<void> => {
    const present = new Set(localAddresses(options.address))
    for (const [local, socket] of sockets) {
      if (present.has(local)) continue
      sockets.delete(local)
      socket.close()
    }
    for (const local of present) {
      if (sockets.has(local)) continue
      await listenAt(local).catch((error: unknown) => {
        if (isFirst && !isNotYetThere(error)) throw error
        if (!troubled.has(local)) options.log.warn({ err: error }, 'tftp can not listen here; trying again')
        troubled.add(local)
      })
    }
    if (!state.isClosed) state.looking = setTimeout(() => void look(false), options.lookMs ?? LOOK_MS)
  }
  await look(true).catch((error: unknown) => {
    close()
    throw error
  })
  return { port: state.port, close }
}

function localAddresses(wildcard: string): string[] {
  const families = wildcard === '::' ? ['IPv4', 'IPv6'] : ['IPv4']
  return Object.entries(networkInterfaces()).flatMap(([name, addresses = []]) =>
    addresses
      .filter((one) => families.includes(one.family))
      .map(({ address }) => (/^fe[89ab]/i.test(address) ? `${address}%${name}` : address)),
  )
}

/** An IPv6 address is only tentative in its first second. */
const isNotYetThere = (error: unknown): boolean =>
  error instanceof Error && (error.cause as NodeJS.ErrnoException | undefined)?.code === 'EADDRNOTAVAIL'

async function openListener({ receive, log }: Options, local: string, port: number): Promise<Socket> {
  const isV6 = isIPv6(local)
  const socket = createSocket({
    type: isV6 ? 'udp6' : 'udp4',
    ipv6Only: isV6,
    recvBufferSize: RECEIVE_BUFFER_BYTES,
    lookup: literalAddress,
  })
  try {
    const listening = once(socket, 'listening')
    socket.bind({ address: local, port, exclusive: true })
    await listening
  } catch (cause) {
    socket.close()
    throw new Error(`listen for TFTP on ${local} port ${port}`, { cause })
  }
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
