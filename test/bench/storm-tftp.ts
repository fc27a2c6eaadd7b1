// TFTP clients in lock-step, each with its own address: plain calls through koffi, which cost a third of Node's sockets.
import koffi from 'koffi'
import { sockaddrOf } from '../../server/serve/udp/sockaddr.ts'

type TftpClients = Readonly<{
  /** @returns how many octets the file has */
  fetch: (own: string, path: string) => Promise<number>
  /** How often a packet was sent again because no answer came. */
  repeats: () => number
  close: () => void
}>

const libc = koffi.load(null)
const socket = libc.func('int socket(int, int, int)') as (...words: number[]) => number
const bind = libc.func('int bind(int, void *, uint)') as (fd: number, address: Buffer, length: number) => number
const sendto = libc.func('int sendto(int, void *, size_t, int, void *, uint)') as (...words: unknown[]) => number
const recvfrom = libc.func('int recvfrom(int, void *, size_t, int, void *, void *)') as (...words: unknown[]) => number
const close = libc.func('int close(int)') as (fd: number) => number
const epollCreate = libc.func('int epoll_create1(int)') as (flags: number) => number
const epollControl = libc.func('int epoll_ctl(int, int, int, void *)') as (...words: unknown[]) => number
const epollWait = libc.func('int epoll_wait(int, void *, int, int)') as (...words: unknown[]) => number

/** struct epoll_event is packed on x86-64 alone (epoll_ctl(2)). */
const EVENT = process.arch === 'x64' ? { size: 12, tag: 4 } : { size: 16, tag: 8 }
const EVENTS_MOST = 256
const UDP = { ipv4: 2, datagram: 2, nonblocking: 0o4000 }
const BLKSIZE = 1432
const SILENCE_MS = 2000
const REPEATS_AT_MOST = 6

type Transfer = {
  fd: number
  /** What is sent again in silence, and to whom. */
  said: Buffer
  peer: Buffer
  block: number
  octets: number
  heard: number
  repeats: number
  resolve: (octets: number) => void
  reject: (why: Error) => void
}

export function openTftpClients(server: string): TftpClients {
  const well = sockaddrOf({ address: server, port: 69 })
  const poll = epollCreate(0)
  const transfers = new Map<number, Transfer>()
  const events = Buffer.alloc(EVENT.size * EVENTS_MOST)
  const packet = Buffer.alloc(BLKSIZE + 4)
  const from = Buffer.alloc(16)
  const fromLength = Buffer.alloc(4)
  let repeats = 0
  let isOpen = true

  const send = ({ fd, said, peer }: Transfer): void => void sendto(fd, said, said.length, 0, peer, peer.length)

  function acknowledge(transfer: Transfer): void {
    transfer.said.writeUInt16BE(transfer.block & 0xffff, 2)
    send(transfer)
  }

  function end(transfer: Transfer, why: string | null): void {
    transfers.delete(transfer.fd)
    close(transfer.fd)
    if (why === null) transfer.resolve(transfer.octets)
    else transfer.reject(new Error(`tftp: ${why}`))
  }

  function receive(transfer: Transfer, now: number): void {
    fromLength.writeUInt32LE(from.length)
    const length = recvfrom(transfer.fd, packet, packet.length, 0, from, fromLength)
    if (length < 4) return
    const [opcode, block] = [packet.readUInt16BE(0), packet.readUInt16BE(2)]
    if (opcode === 5) return end(transfer, packet.toString('latin1', 4, length))
    if (transfer.block < 0) {
      // The first answer says the server's TID.
      if (opcode !== 6) return end(transfer, `opcode ${opcode} instead of OACK`)
      Object.assign(transfer, { peer: Buffer.from(from), said: Buffer.from([0, 4, 0, 0]), block: 0 })
    } else {
      if (opcode !== 3 || block !== ((transfer.block + 1) & 0xffff)) return
      transfer.block++
      transfer.octets += length - 4
    }
    transfer.heard = now
    acknowledge(transfer)
    if (opcode === 3 && length < packet.length) end(transfer, null)
  }

  function repeatTheSilent(now: number): void {
    for (const transfer of transfers.values()) {
      if (now - transfer.heard < SILENCE_MS) continue
      if (transfer.repeats++ >= REPEATS_AT_MOST) {
        end(transfer, `silence after block ${transfer.block}`)
        continue
      }
      repeats++
      transfer.heard = now
      send(transfer)
    }
  }

  let looked = 0
  /** Between two turns of the event loop, in which everything else happens. */
  function turn(): void {
    if (!isOpen) return
    const ready = epollWait(poll, events, EVENTS_MOST, 0)
    const now = performance.now()
    for (let index = 0; index < ready; index++) {
      const transfer = transfers.get(events.readUInt32LE(index * EVENT.size + EVENT.tag))
      if (transfer !== undefined) receive(transfer, now)
    }
    if (now - looked > 100) {
      looked = now
      repeatTheSilent(now)
    }
    setImmediate(turn)
  }
  turn()

  return {
    fetch: (own, path) =>
      new Promise((resolve, reject) => {
        const fd = socket(UDP.ipv4, UDP.datagram | UDP.nonblocking, 0)
        const address = sockaddrOf({ address: own, port: 0 })
        const event = Buffer.alloc(EVENT.size)
        event.writeUInt32LE(1) // EPOLLIN
        event.writeUInt32LE(fd, EVENT.tag)
        if (fd < 0 || bind(fd, address, address.length) < 0 || epollControl(poll, 1, fd, event) < 0)
          return reject(new Error(`tftp: no socket at ${own}`))
        const said = Buffer.from(`\0\x01${path}\0octet\0tsize\x000\0blksize\0${BLKSIZE}\0`, 'latin1')
        const transfer = { fd, said, peer: well, block: -1, octets: 0, heard: performance.now(), repeats: 0 }
        const begun: Transfer = { ...transfer, resolve, reject }
        transfers.set(fd, begun)
        send(begun)
      }),
    repeats: () => repeats,
    close: () => {
      isOpen = false
      close(poll)
    },
  }
}
