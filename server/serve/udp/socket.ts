// Sockets by system calls, for batches.
import { errorName, type Libc } from './libc.ts'
import type { UdpPeer } from './peer.ts'
import { sockaddrOf } from './sockaddr.ts'

const SOCK_DGRAM = 2
const SOCK_NONBLOCK = 0o4000
const SOCK_CLOEXEC = 0o2000000
const SOL_SOCKET = 1
const SO = { reuseAddress: 2, broadcast: 6 } as const
/** Each with the name that goes beyond the system's limit (net.core.rmem_max, wmem_max), which takes CAP_NET_ADMIN. */
const SO_BUFFER = { send: { name: 7, forced: 32 }, receive: { name: 8, forced: 33 } } as const

type Options = Readonly<{
  /** Octets that may wait, as the kernel counts them: several times those of a small packet. */
  receiveBytes: number
  sendBytes?: number
  reuseAddress?: boolean
}>

/** @throws when there is no descriptor left, or what bind() says, with its name as `code` */
export function openSocket(libc: Libc, place: UdpPeer, { receiveBytes, sendBytes, reuseAddress }: Options): number {
  const address = sockaddrOf(place)
  const fd = libc.socket(address.readUInt16LE(0), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)
  if (fd < 0) throw systemError(libc, 'socket')
  if (reuseAddress === true) setOption(libc, fd, SO.reuseAddress, 1)
  setBuffer(libc, fd, SO_BUFFER.receive, receiveBytes)
  if (sendBytes !== undefined) setBuffer(libc, fd, SO_BUFFER.send, sendBytes)
  if (libc.bind(fd, address, address.length) === 0) return fd
  const error = systemError(libc, `bind to ${place.address}`)
  libc.close(fd)
  throw error
}

export const allowBroadcast = (libc: Libc, fd: number): void => void setOption(libc, fd, SO.broadcast, 1)

/** Of what the last call met. */
export function systemError(libc: Libc, call: string): Error {
  const code = errorName(libc.errno())
  return Object.assign(new Error(`${call}: ${code}`), { code })
}

function setBuffer(
  libc: Libc,
  fd: number,
  { name, forced }: Readonly<Record<'name' | 'forced', number>>,
  size: number,
) {
  if (!setOption(libc, fd, forced, size)) setOption(libc, fd, name, size)
}

function setOption(libc: Libc, fd: number, name: number, value: number): boolean {
  const octets = Buffer.alloc(4)
  octets.writeInt32LE(value)
  return libc.setsockopt(fd, SOL_SOCKET, name, octets, octets.length) === 0
}
