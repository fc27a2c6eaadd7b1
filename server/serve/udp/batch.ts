// Many datagrams in one system call: recvmmsg(2) and sendmmsg(2), with all they point at in one arena each.
//
// An arena is an ArrayBuffer that holds, for each of COUNT datagrams, the kernel's structures and the octets:
//
//      struct mmsghdr[COUNT]  struct iovec[COUNT]  struct sockaddr_in6[COUNT]  octets
//
// Pointers are written in one place, from an index or offset that is checked there, so the kernel can't be led astray
// by what a client sends.

import { constants } from 'node:os'
import { errorName, type Libc } from './libc.ts'

/** The layout of 64-bit Linux, little-endian (linux/socket.h, uapi/linux/uio.h). */
const MMSGHDR = { size: 64, name: 0, nameLength: 8, iov: 16, iovLength: 24, octets: 56 }
const IOVEC = { size: 16, base: 0, length: 8 }
const SOCKADDR_SIZE = 28
const SOCKADDR_SLOT = 32
const MSG_DONTWAIT = 0x40

/** As many ACKs as wait in a busy moment; more would only lengthen the time until the first is answered. */
const COUNT = 64

type Arena = Readonly<{
  octets: Buffer
  words: Uint32Array
  /** Offset of the first octet that is no structure. */
  free: number
  /** The address of the i-th mmsghdr, for the kernel. */
  headers: readonly bigint[]
  addressAt: (index: number) => number
  /** Points the i-th datagram at octets of the arena. */
  point: (index: number, offset: number, length: number) => void
}>

function openArena(libc: Libc, size: number): Arena {
  const iovecs = COUNT * MMSGHDR.size
  const addresses = iovecs + COUNT * IOVEC.size
  const free = addresses + COUNT * SOCKADDR_SLOT
  const memory = new ArrayBuffer(free + size)
  const octets = Buffer.from(memory)
  const words = new Uint32Array(memory)
  const base = Number(libc.addressOf(memory)) // user space ends below 2 ** 53 on every architecture of libc.ts
  const writePointer = (at: number, offset: number): void => {
    words[at >>> 2] = (base + offset) >>> 0
    words[(at >>> 2) + 1] = Math.floor((base + offset) / 2 ** 32)
  }
  const addressAt = (index: number): number => addresses + index * SOCKADDR_SLOT
  const point = (index: number, offset: number, length: number): void => {
    if (!(index >= 0 && index < COUNT && offset >= free && length >= 0 && offset + length <= octets.length))
      throw new RangeError(`datagram ${index} at ${offset}, ${length} octets, is not in the arena`)
    writePointer(iovecs + index * IOVEC.size + IOVEC.base, offset)
    words[(iovecs + index * IOVEC.size + IOVEC.length) >>> 2] = length
  }
  const indices = Array.from({ length: COUNT }, (_, index) => index)
  for (const index of indices) {
    const header = index * MMSGHDR.size
    writePointer(header + MMSGHDR.name, addressAt(index))
    writePointer(header + MMSGHDR.iov, iovecs + index * IOVEC.size)
    words[(header + MMSGHDR.iovLength) >>> 2] = 1
  }
  return { octets, words, free, headers: indices.map((index) => BigInt(base + index * MMSGHDR.size)), addressAt, point }
}

export type Inbox = Readonly<{
  /**
   * Takes what waits at the socket, some at a time. Both views are valid during the call only.
   * Returns whether more may be waiting.
   */
  receive: (fd: number, take: (datagram: Buffer, sockaddr: Buffer) => void) => boolean
}>

/** @param most octets of a datagram; of a longer one the rest is dropped */
export function openInbox(libc: Libc, most: number): Inbox {
  const arena = openArena(libc, COUNT * most)
  const { octets, words, headers } = arena
  const slots = headers.map((_, index) => {
    const offset = arena.free + index * most
    arena.point(index, offset, most)
    const at = arena.addressAt(index)
    return { offset, header: index * MMSGHDR.size, sockaddr: octets.subarray(at, at + SOCKADDR_SIZE) }
  })
  const [first = 0n] = headers
  return {
    receive: (fd, take) => {
      for (const { header } of slots) words[(header + MMSGHDR.nameLength) >>> 2] = SOCKADDR_SIZE
      const count = libc.recvmmsg(fd, first, COUNT, MSG_DONTWAIT, null)
      for (let index = 0; index < count; index++) {
        const slot = slots[index]
        if (slot === undefined) break
        const length = Math.min(words[(slot.header + MMSGHDR.octets) >>> 2] ?? 0, most)
        take(octets.subarray(slot.offset, slot.offset + length), slot.sockaddr)
      }
      return count === COUNT
    },
  }
}

export type Outbox = Readonly<{
  /**
   * A datagram of a head and, behind it, a body; all of it is copied at once.
   * False when there is no room left: flush first.
   */
  add: (sockaddr: Buffer, head: Uint8Array, failed: Failed, body?: Uint8Array) => boolean
  /** Sends what was added. `full`: the socket takes no more now, and what is left stays for the next flush. */
  flush: (fd: number) => 'sent' | 'full'
}>

type Failed = (why: string) => void

/** Room for a few of the largest datagrams, or COUNT of those that fit an Ethernet frame. */
const SENT_MOST = 256 * 1024

const { EAGAIN, EINTR } = constants.errno

export function openOutbox(libc: Libc): Outbox {
  const arena = openArena(libc, SENT_MOST)
  const { octets, words, headers, free } = arena
  const failures: (Failed | null)[] = headers.map(() => null)
  /** Added are `begun` up to `count`; the next octet goes to `used`. */
  let begun = 0
  let count = 0
  let used = free

  const hasRoom = (length: number): boolean => count < COUNT && used + length <= octets.length

  function commit(sockaddr: Buffer, length: number, failed: Failed): void {
    sockaddr.copy(octets, arena.addressAt(count))
    words[(count * MMSGHDR.size + MMSGHDR.nameLength) >>> 2] = sockaddr.length
    arena.point(count, used, length)
    failures[count] = failed
    count++
    used += (length + 7) & ~7
  }

  return {
    add: (sockaddr, head, failed, body) => {
      const length = head.length + (body?.length ?? 0)
      if (!hasRoom(length)) return false
      octets.set(head, used)
      if (body !== undefined) octets.set(body, used + head.length)
      commit(sockaddr, length, failed)
      return true
    },
    flush: (fd) => {
      while (begun < count) {
        const sent = libc.sendmmsg(fd, headers[begun] ?? 0n, count - begun, MSG_DONTWAIT)
        if (sent > 0) {
          begun += sent
          continue
        }
        const errno = libc.errno()
        if (errno === EAGAIN) return 'full'
        if (errno === EINTR) continue
        failures[begun]?.(errorName(errno)) // this one can't be sent; the others are none the worse
        begun++
      }
      begun = count = 0
      used = free
      failures.fill(null)
      return 'sent'
    },
  }
}
