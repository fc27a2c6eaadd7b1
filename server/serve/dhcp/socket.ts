// A socket of the DHCP door, by whichever way of sending and receiving this machine has.
import type { Socket } from 'node:dgram'
import type { Logger } from 'pino'
import { openInbox } from '../udp/batch.ts'
import { loadLibc } from '../udp/libc.ts'
import { closeNodeSocket, openNodeSocket } from '../udp/node-socket.ts'
import type { UdpPeer } from '../udp/peer.ts'
import { batchSocket } from './batch-socket.ts'

/** A place of our own, or a socket that somebody opened and bound for us. */
export type Place = UdpPeer | Readonly<{ fd: number }>

export type DhcpSocket = Readonly<{
  /** @throws what bind() says */
  bind: (place: Place) => Promise<void> | void
  /** Where it is bound to. */
  local: () => UdpPeer & Readonly<{ family: 'IPv4' | 'IPv6' }>
  /** Returns at once. What can't be sent is lost, and `failed` told. `octets` are read before it returns. */
  send: (octets: Uint8Array, to: UdpPeer, failed: (err: Error) => void) => void
  close: () => Promise<void> | void
}>

/** `datagram` is valid during the call only. */
export type Hear = (datagram: Buffer, sender: UdpPeer) => void

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

export const plainSocket: SocketMaker = (hear, log) => {
  // What a socket that is handed over has from its unit. The kernel grants what net.core.rmem_max lets it.
  const options = { reuseAddr: true, recvBufferSize: RECEIVE_BUFFER_BYTES } as const
  let socket: Socket | null = null
  return {
    bind: async (place) => {
      socket = await openNodeSocket({ ...('fd' in place ? {} : options), type: 'udp4' }, place)
      socket.on('message', (datagram, { address, port }) => hear(datagram, { address, port }))
      socket.on('error', (err) => log.error({ err }, 'dhcp socket'))
      socket.setBroadcast(true)
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
      const open = socket
      socket = null
      if (open !== null) await closeNodeSocket(open)
    },
  }
}
