// All lines of a local address over one socket, in batches: what waits is received in one system call, and everything
// that is to be sent in answer to it in another.
//
// So the clients of an address share a server's TID. RFC 1350 §4 tells transfers apart by the two TIDs together, and the
// client's is its own.

import { openInbox, openOutbox, type Inbox } from './batch.ts'
import { errorName, type Libc, type Polling } from './libc.ts'
import type { Line, Lines, Listening } from './lines.ts'
import { keyOf, sockaddrOf, type SockaddrKey } from './sockaddr.ts'
import { openStrangers } from './strangers.ts'

/** A line is an entry in a map: a bound for what strangers can make us hold, not for descriptors. */
const MOST = 10_000

/** A window of each of some hundred clients; the kernel counts three times the octets of a small packet. */
const BUFFER_BYTES = 16 * 1024 * 1024

/** So that other sockets, and timers, have their turn. */
const BATCHES_A_TURN = 4

export function sharedLines(libc: Libc): Lines {
  const inbox = openInbox(libc)
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
  const fd = openSocket(libc, local)
  const outbox = openOutbox(libc)
  const lines = new Map<SockaddrKey, Listening>()
  const strangers = openStrangers()
  let polling: Polling | null = libc.poll(fd, 'readable', takeTurn, 'bare')
  let isFull = false
  let isFlushDue = false

  function takeTurn(): void {
    if (polling === null) return
    if (isFull) return void flush()
    for (let batch = 0; batch < BATCHES_A_TURN; batch++) {
      isFlushDue = true // by this very loop
      const isMoreWaiting = inbox.receive(fd, take)
      if (!flush() || !isMoreWaiting) return
    }
  }

  function take(datagram: Buffer, sockaddr: Buffer): void {
    const key = keyOf(sockaddr)
    const line = lines.get(key)
    if (line !== undefined) return line.receive(datagram)
    const answer = strangers.answer(key, sockaddr, datagram)
    if (answer !== null) put(() => outbox.add(sockaddr, answer, () => undefined))
  }

  /**
   * While the socket takes no more, nothing is received either: the clients wait for us, and not we for them.
   * Returns whether it takes more.
   */
  function flush(): boolean {
    isFlushDue = false
    if (polling === null) return false
    const wasFull = isFull
    isFull = outbox.flush(fd) === 'full'
    if (isFull !== wasFull) polling.change(isFull ? 'writable' : 'readable')
    if (lines.size === 0) close()
    return !isFull && lines.size > 0
  }

  function close(): void {
    polling?.close()
    polling = null
    libc.close(fd)
    onClose()
  }

  /** At the end of the batch that is being answered, or of this turn of the event loop. */
  function flushSoon(): void {
    if (isFlushDue) return
    isFlushDue = true
    setImmediate(flush)
  }

  /** `add` puts a packet into the outbox unless that has no room; what finds none twice is lost. */
  function put(add: () => boolean): void {
    if (!add()) {
      if (!isFull) flush()
      add()
    }
    flushSoon()
  }

  return {
    open: (sockaddr, listening) => {
      const key = keyOf(sockaddr)
      const { failed } = listening
      lines.set(key, listening)
      return {
        data: (block, bytes, start, end) => put(() => outbox.addData(sockaddr, block, bytes, start, end, failed)),
        send: (packet) => put(() => outbox.add(sockaddr, packet, failed)),
        close: () => {
          if (lines.get(key) === listening) lines.delete(key)
          strangers.left(key)
          setImmediate(flush) // closes the port, if that was its last line, when all is sent; and promises go on
        },
      }
    },
  }
}

const SOCK_DGRAM = 2
const SOCK_NONBLOCK = 0o4000
const SOCK_CLOEXEC = 0o2000000
const SOL_SOCKET = 1
/** Each with the name that goes beyond the system's limit (net.core.rmem_max), which takes CAP_NET_ADMIN. */
const BUFFERS = [
  { name: 7, forced: 32 }, // SO_SNDBUF, SO_SNDBUFFORCE
  { name: 8, forced: 33 }, // SO_RCVBUF, SO_RCVBUFFORCE
] as const

/** @throws when there is no descriptor left, or the address is not of this host any more */
function openSocket(libc: Libc, local: string): number {
  const address = sockaddrOf({ address: local, port: 0 })
  const fd = libc.socket(address.readUInt16LE(0), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)
  if (fd < 0) throw new Error(`socket: ${errorName(libc.errno())}`)
  const size = Buffer.alloc(4)
  size.writeInt32LE(BUFFER_BYTES)
  for (const { name, forced } of BUFFERS)
    if (libc.setsockopt(fd, SOL_SOCKET, forced, size, size.length) < 0)
      libc.setsockopt(fd, SOL_SOCKET, name, size, size.length)
  if (libc.bind(fd, address, address.length) < 0) {
    const why = errorName(libc.errno())
    libc.close(fd)
    throw new Error(`bind to ${local}: ${why}`)
  }
  return fd
}
