// A socket of the DHCP door, by whichever way of sending and receiving this machine has.
import { createSocket } from 'node:dgram'
import type { SocketOptions } from 'node:dgram'
import { once } from 'node:events'
import type { Logger } from 'pino'
import { openInbox } from '../tftp/batch.ts'
import { loadLibc } from '../tftp/libc.ts'
import { batchSocket } from './batch-socket.ts'

export type Sender = Readonly<{ address: string; port: number }>

/** A place of our own, or a socket that somebody opened and bound for us. */
export type Place = Sender | Readonly<{ fd: number }>

export type DhcpSocket = Readonly<{
  /** @throws what bind() says */
  bind: (place: Place) => Promise<void> | void
  /** Where it is bound to. */
  local: () => Sender & Readonly<{ family: 'IPv4' | 'IPv6' }>
  /** Returns at once. What can't be sent is lost, and `failed` told. `octets` are read before it returns. */
  send: (octets: Uint8Array, to: Sender, failed: (err: Error) => void) => void
  close: () => Promise<void> | void
}>

/** `datagram` is valid during the call only. */
export type Hear = (datagram: Buffer, sender: Sender) => void

export type SocketMaker = (hear: Hear, log: Logger) => DhcpSocket

/** A farm coming back after a power cut asks all at once: room for some thousand requests. */
export const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024

/** DHCP in an Ethernet frame is shorter; a relay may add to it. */
const RECEIVED_MOST = 2048

/** The batches of Linux where there are some: Node's own means take several times the processor time. */
export async function socketMaker(log: Logger): Promise<SocketMaker> {
  const libc = await loadLibc()
  log.info(
    { why: typeof libc === 'string' ? libc : undefined },
    `dhcp ${typeof libc === 'string' ? 'one by one' : 'in batches'}`,
  )
  if (typeof libc === 'string') return plainSocket
  const inbox = openInbox(libc, RECEIVED_MOST)
  return (hear) => batchSocket(libc, inbox, hear)
}

/** Addresses here are always literals, and Node's default would send each of them through getaddrinfo's thread. */
const literalAddress: NonNullable<SocketOptions['lookup']> = (address, _options, callback) => callback(null, address, 4)

export const plainSocket: SocketMaker = (hear, log) => {
  // What a socket that is handed over has from its unit. The kernel grants what net.core.rmem_max lets it.
  const options = { reuseAddr: true, recvBufferSize: RECEIVE_BUFFER_BYTES } as const
  const made = (place: Place) =>
    createSocket({ ...('fd' in place ? {} : options), type: 'udp4', lookup: literalAddress })
  let socket: ReturnType<typeof made> | null = null
  return {
    bind: async (place) => {
      const opened = made(place)
      opened.on('message', (datagram, { address, port }) => hear(datagram, { address, port }))
      try {
        const listening = once(opened, 'listening')
        opened.bind({ ...place, exclusive: true })
        await listening
      } catch (error) {
        opened.close()
        throw error
      }
      opened.setBroadcast(true)
      opened.on('error', (err) => log.error({ err }, 'dhcp socket'))
      socket = opened
    },
    local: () => {
      if (socket === null) throw new Error('the socket is not open')
      return socket.address() as ReturnType<DhcpSocket['local']>
    },
    send: (octets, { address, port }, failed) => {
      if (socket === null) return failed(new Error('the socket is not open'))
      socket.send(Uint8Array.from(octets), port, address, (err) => {
        if (err !== null) failed(err)
      })
    },
    close: async () => {
      if (socket === null) return
      const closed = once(socket, 'close')
      socket.close()
      socket = null
      await closed
    },
  }
}
