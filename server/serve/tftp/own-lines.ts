// A socket for each line, with Node's own means: works everywhere, at a descriptor and two system calls a packet.
//
// The socket is connect()ed to the client: sending is then twice as fast, and the kernel drops whatever comes from
// anyone else and reports a client that is gone (ECONNREFUSED).

import { createSocket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import { literalAddress } from '../udp/node-socket.ts'
import type { UdpPeer } from '../udp/peer.ts'
import type { Line, Lines, Listening } from './lines.ts'
import { DATA_HEAD_SIZE, writeDataHead } from './packet.ts'

/** Below the usual limit of 1024 descriptors. */
const MOST = 800

export function ownLines(): Lines {
  return { name: 'a socket for each transfer', most: MOST, open: openOwnLine }
}

function openOwnLine(local: string, peer: UdpPeer, { receive, failed }: Listening): Promise<Line> {
  const socket = createSocket({ type: isIPv6(peer.address) ? 'udp6' : 'udp4', lookup: literalAddress })
  let isOpen = true
  const close = (): void => {
    if (isOpen) socket.close()
    isOpen = false
  }
  const sent = (error: Error | null): void => {
    if (error !== null) failed(error.message)
  }
  const line: Line = {
    data: (block, bytes, start, end) => {
      const head = Buffer.allocUnsafe(DATA_HEAD_SIZE)
      writeDataHead(head, block)
      if (isOpen) socket.send([head, bytes.subarray(start, end)], sent)
    },
    send: (packet) => {
      if (isOpen) socket.send(packet, sent)
    },
    close,
  }
  return new Promise((resolve, reject) => {
    socket.once('error', (error) => {
      close()
      reject(error)
    })
    socket.once('connect', () => {
      socket.removeAllListeners('error').on('error', (error) => failed(error.message))
      resolve(line)
    })
    socket.on('message', (datagram, sender) => {
      // The kernel filters from connect() on; this is for what arrived in the microseconds between bind() and connect().
      if (sender.port === peer.port && sender.address === peer.address) receive(datagram)
    })
    socket.bind({ address: local, port: 0, exclusive: true })
    socket.connect(peer.port, peer.address)
  })
}
