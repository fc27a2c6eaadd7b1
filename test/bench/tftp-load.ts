// A TFTP load client that costs less than any server: epoll(7) and plain calls through koffi, in a process of its own.
// Many clients, each with its own address and for every transfer its own port, as machines have; every octet is compared.
import koffi from 'koffi'
import { sockaddrOf } from '../../server/serve/udp/sockaddr.ts'

export type TftpLoad = Readonly<{
  server: string
  port: number
  path: string
  /** What the file has in it: octet i is fileOf(size)[i]. */
  size: number
  blksize: number
  windowsize: number
  clients: number
  /** Clients begin no further transfer after this time. */
  seconds: number
}>

export type TftpLoadResult = Readonly<{
  transfers: number
  /** Transfers that ended in an ERROR, in silence, or with other octets. */
  failures: number
  /** Requests and ACKs that went unanswered for a second and were sent again. */
  repeats: number
  bytes: number
  /** From the first request to the last ACK. */
  seconds: number
  p50Ms: number
  p99Ms: number
}>

/** Octets that differ from block to block, so that a block in the wrong place shows. */
export const fileOf = (size: number): Buffer => Buffer.from(new Uint8Array(size).map((_, at) => (at * 31) >> 6))

const libc = koffi.load(null)
const call = {
  socket: libc.func('int socket(int, int, int)') as (...words: number[]) => number,
  bind: libc.func('int bind(int, void *, uint)') as (fd: number, address: Buffer, length: number) => number,
  connect: libc.func('int connect(int, void *, uint)') as (fd: number, address: Buffer, length: number) => number,
  send: libc.func('int send(int, void *, size_t, int)') as (fd: number, octets: Buffer, ...words: number[]) => number,
  sendto: libc.func('int sendto(int, void *, size_t, int, void *, uint)') as (...words: unknown[]) => number,
  recv: libc.func('int recv(int, void *, size_t, int)') as (fd: number, octets: Buffer, ...words: number[]) => number,
  recvfrom: libc.func('int recvfrom(int, void *, size_t, int, void *, void *)') as (...words: unknown[]) => number,
  close: libc.func('int close(int)') as (fd: number) => number,
  epollCreate: libc.func('int epoll_create1(int)') as (flags: number) => number,
  epollControl: libc.func('int epoll_ctl(int, int, int, void *)') as (...words: unknown[]) => number,
  epollWait: libc.func('int epoll_wait(int, void *, int, int)') as (...words: unknown[]) => number,
}

const UDP = { ipv4: 2, datagram: 2, nonblocking: 0o4000 }
const EPOLL = { add: 1, readable: 1 }
/** struct epoll_event is packed on x86-64 alone (epoll_ctl(2)). */
const EVENT = process.arch === 'x64' ? { size: 12, tag: 4 } : { size: 16, tag: 8 }
const SILENCE_MS = 1000
const REPEATS_AT_MOST = 8

type Client = {
  fd: number
  began: number
  heard: number
  /** The last block that came in order; null until the server has answered. */
  got: number | null
  acked: number
  repeats: number
}

function loadTftp(load: TftpLoad): TftpLoadResult {
  const file = fileOf(load.size)
  const blocks = Math.floor(load.size / load.blksize) + 1
  const server = sockaddrOf({ address: load.server, port: load.port })
  const request = requestFor(load)
  const packet = Buffer.alloc(load.blksize + 4)
  const peer = Buffer.alloc(16)
  const peerLength = Buffer.from(Uint32Array.of(16).buffer)
  const ack = Buffer.from([0, 4, 0, 0])
  const poll = call.epollCreate(0)
  const latencies: number[] = []
  const count = { failures: 0, repeats: 0, running: 0 }
  const began = performance.now()

  function begin(client: Client, tag: number): void {
    const now = performance.now()
    Object.assign(client, { fd: -1, began: now, heard: now, got: null, acked: 0, repeats: 0 })
    if (now - began > load.seconds * 1000) return
    client.fd = call.socket(UDP.ipv4, UDP.datagram | UDP.nonblocking, 0)
    const event = Buffer.alloc(EVENT.size)
    event.writeUInt32LE(EPOLL.readable)
    event.writeUInt32LE(tag, EVENT.tag)
    const own = sockaddrOf({ address: `198.19.${tag >> 8}.${tag & 255}`, port: 0 })
    if (
      client.fd < 0 ||
      call.bind(client.fd, own, own.length) < 0 ||
      call.epollControl(poll, EPOLL.add, client.fd, event) < 0
    )
      throw new Error('no socket to be had, or 198.19.0.0/16 is not this host’s')
    count.running++
    call.sendto(client.fd, request, request.length, 0, server, server.length)
  }

  function end(client: Client, tag: number, isWhole: boolean): void {
    call.close(client.fd)
    count.running--
    if (isWhole) latencies.push(performance.now() - client.began)
    else count.failures++
    begin(client, tag)
  }

  function acknowledge(client: Client, block: number): void {
    ack.writeUInt16BE(block & 0xffff, 2)
    client.acked = block
    call.send(client.fd, ack, 4, 0)
  }

  /** The first answer says the server's TID. */
  function receiveFirst(client: Client): number {
    peerLength.writeUInt32LE(16)
    const length = call.recvfrom(client.fd, packet, packet.length, 0, peer, peerLength)
    if (length >= 4) call.connect(client.fd, peer, 16)
    return length
  }

  /** One window, or what there is of it. */
  function receive(client: Client, tag: number): void {
    for (let datagram = 0; datagram < load.windowsize; datagram++) {
      const isFirst = client.got === null
      const length = isFirst ? receiveFirst(client) : call.recv(client.fd, packet, packet.length, 0)
      if (length < 4) return
      const opcode = packet.readUInt16BE(0)
      client.heard = performance.now()
      if (opcode === 6) {
        client.got = 0
        return acknowledge(client, 0)
      }
      if (opcode !== 3) return end(client, tag, false)
      const next = (client.got ?? 0) + 1
      if (packet.readUInt16BE(2) !== (next & 0xffff)) {
        // A block is missing: the window is to begin again (RFC 7440 §4). In lock-step it is an old one.
        if (load.windowsize > 1 && client.got !== null && client.acked !== client.got) acknowledge(client, client.got)
        continue
      }
      const start = (next - 1) * load.blksize
      const finish = Math.min(start + load.blksize, load.size)
      if (length - 4 !== finish - start || packet.compare(file, start, finish, 4, length) !== 0)
        return end(client, tag, false)
      client.got = next
      if (next !== blocks && next % load.windowsize !== 0 && next - client.acked < load.windowsize) continue
      acknowledge(client, next)
      return next === blocks ? end(client, tag, true) : undefined
    }
  }

  function repeat(client: Client, tag: number, now: number): void {
    if (client.fd < 0 || now - client.heard < SILENCE_MS) return
    if (client.repeats++ >= REPEATS_AT_MOST) return end(client, tag, false)
    client.heard = now
    count.repeats++
    if (client.got === null) call.sendto(client.fd, request, request.length, 0, server, server.length)
    else acknowledge(client, client.got)
  }

  const clients = Array.from({ length: load.clients }, (): Client => ({
    fd: -1,
    began: 0,
    heard: 0,
    got: null,
    acked: 0,
    repeats: 0,
  }))
  clients.forEach(begin)
  const events = Buffer.alloc(EVENT.size * load.clients)
  let looked = began
  while (count.running > 0) {
    const ready = call.epollWait(poll, events, load.clients, 100)
    for (let index = 0; index < ready; index++) {
      const tag = events.readUInt32LE(index * EVENT.size + EVENT.tag)
      const client = clients[tag]
      if (client !== undefined && client.fd >= 0) receive(client, tag)
    }
    const now = performance.now()
    if (now - looked < 100) continue
    looked = now
    clients.forEach((client, tag) => repeat(client, tag, now))
  }
  const seconds = (performance.now() - began) / 1000
  call.close(poll)
  const sorted = latencies.sort((a, b) => a - b)
  const quantile = (part: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? NaN
  return {
    transfers: sorted.length,
    failures: count.failures,
    repeats: count.repeats,
    bytes: sorted.length * load.size,
    seconds,
    p50Ms: quantile(0.5),
    p99Ms: quantile(0.99),
  }
}

function requestFor({ path, blksize, windowsize }: TftpLoad): Buffer {
  const options = windowsize > 1 ? ['blksize', blksize, 'windowsize', windowsize] : ['blksize', blksize]
  return Buffer.concat([
    Buffer.from([0, 1]),
    Buffer.from([path, 'octet', ...options].map((word) => `${word}\0`).join('')),
  ])
}

if (import.meta.filename === process.argv[1]) {
  const load = JSON.parse(process.argv[2] ?? '{}') as TftpLoad
  process.stdout.write(JSON.stringify(loadTftp(load)))
}
