// All lines of a local address over one socket, in batches: what waits is received in one system call, and everything
// that is to be sent in answer to it in another.
//
// So the clients of an address share a server's TID. RFC 1350 §4 tells transfers apart by the two TIDs together, and the
// client's is its own.

import { openInbox, type Inbox } from '../udp/batch.ts'
import type { Libc } from '../udp/libc.ts'
import { keyOf, sockaddrOf, type SockaddrKey } from '../udp/sockaddr.ts'
import { openSocket } from '../udp/socket.ts'
import { openTurns } from '../udp/turns.ts'
import type { Line, Lines, Listening } from './lines.ts'
import { DATA_HEAD_SIZE, writeDataHead } from './packet.ts'
import { openStrangers } from './strangers.ts'

/** A line is an entry in a map: a bound for what strangers can make us hold, not for descriptors. */
const MOST = 10_000

/** A window of each of some hundred clients; the kernel counts three times the octets of a small packet. */
const BUFFER_BYTES = 16 * 1024 * 1024

/** What a client sends is ACKs, and ERRORs with a line of text. */
const RECEIVED_MOST = 576

export function sharedLines(libc: Libc): Lines {
  const inbox = openInbox(libc, RECEIVED_MOST)
  const ports = new Map<string, Port>()
  return {
    name: 'batches',
    most: MOST,
    open: (local, peer, listening) =>
      new Promise((resolve) => {
        const port = ports.get(local) ?? openPort(libc, inbox, local, () => ports.delete(local))
        ports.set(local, port)
        resolve(port.open(sockaddrOf(peer), listening))
      }),
  }
}

type Port = Readonly<{ open: (sockaddr: Buffer, listening: Listening) => Line }>

/** Closes itself with its last line, so that the next one has another TID. */
function openPort(libc: Libc, inbox: Inbox, local: string, onClose: () => void): Port {
  const fd = openSocket(libc, { address: local, port: 0 }, { receiveBytes: BUFFER_BYTES, sendBytes: BUFFER_BYTES })
  const lines = new Map<SockaddrKey, Listening>()
  const strangers = openStrangers()
  const turns = openTurns({ libc, fd, inbox, take, how: 'bare', flushed: closeIfLeft })
  /** Written anew for each packet, which is copied at once. */
  const head = new Uint8Array(DATA_HEAD_SIZE)

  function take(datagram: Buffer, sockaddr: Buffer): void {
    const key = keyOf(sockaddr)
    const line = lines.get(key)
    if (line !== undefined) return line.receive(datagram)
    const answer = strangers.answer(key, sockaddr, datagram)
    if (answer !== null) turns.send(sockaddr, answer, () => undefined)
  }

  function closeIfLeft(): void {
    if (lines.size > 0) return
    turns.close()
    onClose()
  }

  return {
    open: (sockaddr, listening) => {
      const key = keyOf(sockaddr)
      const { failed } = listening
      lines.set(key, listening)
      return {
        data: (block, bytes, start, end) => {
          writeDataHead(head, block)
          turns.send(sockaddr, head, failed, bytes.subarray(start, end))
        },
        send: (packet) => turns.send(sockaddr, packet, failed),
        close: () => {
          if (lines.get(key) === listening) lines.delete(key)
          strangers.left(key)
          setImmediate(turns.flush) // closes the port, if that was its last line, when all is sent; and promises go on
        },
      }
    },
  }
}
