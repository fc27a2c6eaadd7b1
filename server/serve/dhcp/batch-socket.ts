// A socket of the DHCP door that takes what waits in one system call, and answers it in another.
import type { Inbox } from '../tftp/batch.ts'
import { openOutbox } from '../tftp/batch.ts'
import type { Libc, Polling } from '../tftp/libc.ts'
import { errorName } from '../tftp/libc.ts'
import { FAMILY } from '../tftp/sockaddr.ts'
import { ipv4Text, writeIpv4 } from '../../plan/dhcp/options.ts'
import type { DhcpSocket, Hear, Sender } from './socket.ts'
import { RECEIVE_BUFFER_BYTES } from './socket.ts'

/** So that other sockets, and timers, have their turn. */
const BATCHES_A_TURN = 4

/** @param inbox may be another socket's too: what is in it is dealt with before anything else is received */
export function batchSocket(libc: Libc, inbox: Inbox, hear: Hear): DhcpSocket {
  const outbox = openOutbox(libc)
  const to = Buffer.alloc(SOCKADDR_LENGTH)
  let open: Readonly<{ fd: number; polling: Polling }> | null = null
  let isFull = false
  let isFlushDue = false

  function takeTurn(): void {
    if (isFull) return flush()
    for (let batch = 0; batch < BATCHES_A_TURN; batch++) if (!takeBatch()) return
  }

  /** Returns whether more is waiting that can be answered. */
  function takeBatch(): boolean {
    if (open === null || isFull) return false
    isFlushDue = true
    const isMoreWaiting = inbox.receive(open.fd, (datagram, sockaddr) => hear(datagram, senderOf(sockaddr)))
    flush()
    return isMoreWaiting
  }

  /** While the socket takes no more, nothing is received either: clients ask again. */
  function flush(): void {
    isFlushDue = false
    if (open === null) return
    const wasFull = isFull
    isFull = outbox.flush(open.fd) === 'full'
    if (isFull !== wasFull) open.polling.change(isFull ? 'writable' : 'readable')
  }

  /** At the end of the batch that is being answered, or of this turn of the event loop. */
  function flushSoon(): void {
    if (isFlushDue) return
    isFlushDue = true
    setImmediate(flush)
  }

  return {
    bind: (place) => {
      const fd = 'fd' in place ? place.fd : boundSocket(libc, place)
      allowBroadcast(libc, fd)
      open = { fd, polling: libc.poll(fd, 'readable', takeTurn) }
    },
    local: () => localOf(libc, open?.fd ?? -1),
    send: (octets, address, failed) => {
      if (open === null) return failed(new Error('the socket is not open'))
      writeSockaddr(to, address)
      const why = (name: string): void => failed(new Error(`sendmmsg ${name}`))
      if (!outbox.add(to, octets, why)) {
        if (!isFull) flush()
        if (!outbox.add(to, octets, why)) why('ENOBUFS')
      }
      flushSoon()
    },
    close: () => {
      flush()
      open?.polling.close()
      if (open !== null) libc.close(open.fd)
      open = null
    },
  }
}

const SOCKADDR_LENGTH = 16

/** struct sockaddr_in: family in the host's order, port and address in the network's. */
function writeSockaddr(sockaddr: Buffer, { address, port }: Sender): void {
  sockaddr.writeUInt16LE(FAMILY.ipv4)
  sockaddr.writeUInt16BE(port, 2)
  writeIpv4(sockaddr, 4, address)
}

const senderOf = (sockaddr: Buffer): Sender => ({ address: ipv4Text(sockaddr, 4), port: sockaddr.readUInt16BE(2) })

const SOCK_DGRAM = 2
const SOCK_NONBLOCK = 0o4000
const SOCK_CLOEXEC = 0o2000000
const SOL_SOCKET = 1
const SO = { reuseAddr: 2, broadcast: 6, rcvBuf: 8, rcvBufForce: 33 } as const

/** @throws what the system call says, with its name as `code` */
function boundSocket(libc: Libc, place: Sender): number {
  const fd = libc.socket(FAMILY.ipv4, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)
  if (fd < 0) throw systemError(libc, 'socket')
  setOption(libc, fd, SO.reuseAddr, 1)
  // Beyond the system's limit (net.core.rmem_max) if we may, which takes CAP_NET_ADMIN.
  if (!setOption(libc, fd, SO.rcvBufForce, RECEIVE_BUFFER_BYTES)) setOption(libc, fd, SO.rcvBuf, RECEIVE_BUFFER_BYTES)
  const sockaddr = Buffer.alloc(SOCKADDR_LENGTH)
  writeSockaddr(sockaddr, place)
  if (libc.bind(fd, sockaddr, sockaddr.length) === 0) return fd
  const error = systemError(libc, 'bind')
  libc.close(fd)
  throw error
}

const allowBroadcast = (libc: Libc, fd: number): void => void setOption(libc, fd, SO.broadcast, 1)

function setOption(libc: Libc, fd: number, name: number, value: number): boolean {
  const octets = Buffer.alloc(4)
  octets.writeInt32LE(value)
  return libc.setsockopt(fd, SOL_SOCKET, name, octets, octets.length) === 0
}

function localOf(libc: Libc, fd: number): ReturnType<DhcpSocket['local']> {
  const sockaddr = Buffer.alloc(28)
  const length = Buffer.alloc(4)
  length.writeInt32LE(sockaddr.length)
  if (libc.getsockname(fd, sockaddr, length) < 0) throw systemError(libc, 'getsockname')
  return { ...senderOf(sockaddr), family: sockaddr.readUInt16LE(0) === FAMILY.ipv4 ? 'IPv4' : 'IPv6' }
}

function systemError(libc: Libc, call: string): Error {
  const code = errorName(libc.errno())
  return Object.assign(new Error(`${call} ${code}`), { code })
}
