// A TFTP client for tests, written from the RFCs alone (it shares no code with the server) and in no way well behaved:
// it sends whatever it is told to whichever port it is told to.

import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'

export type Reply = Readonly<{ port: number; address: string }> &
  (
    | Readonly<{ kind: 'data'; block: number; payload: Buffer }>
    | Readonly<{ kind: 'oack'; options: Readonly<Record<string, string>> }>
    | Readonly<{ kind: 'error'; code: number; message: string }>
  )

/** Only ever reached when something is wrong; no assertion depends on it. */
const PATIENCE_MS = 20_000

/** The real timers, whatever a test puts in their place for the server. */
const { setTimeout, clearTimeout } = globalThis

export class TftpTestClient {
  readonly #socket: Socket
  readonly #server: string
  readonly #received: Reply[] = []
  #read = 0
  #onArrival: (() => void) | null = null

  static async open(addresses: Readonly<{ address?: string; server?: string }> = {}): Promise<TftpTestClient> {
    const { address = '127.0.0.1' } = addresses
    const socket = createSocket({ type: address.includes(':') ? 'udp6' : 'udp4', recvBufferSize: 4 << 20 })
    socket.bind(0, address)
    await once(socket, 'listening')
    return new TftpTestClient(socket, addresses.server ?? address)
  }

  private constructor(socket: Socket, server: string) {
    this.#socket = socket
    this.#server = server
    socket.on('message', (octets, { address, port }) => {
      this.#received.push({ ...parseReply(octets), address, port })
      this.#onArrival?.()
    })
  }

  /** Everything ever received, in order. */
  get received(): readonly Reply[] {
    return this.#received
  }

  send(octets: Uint8Array, port: number): Promise<void> {
    return new Promise((resolve, reject) =>
      this.#socket.send(octets, port, this.#server, (error) => (error ? reject(error) : resolve())),
    )
  }

  /** The next reply not yet read, waiting for it if need be. */
  async next(): Promise<Reply> {
    if (this.#read === this.#received.length) await this.#arrival()
    const reply = this.#received[this.#read++]
    if (!reply) throw new Error('woken without a reply')
    return reply
  }

  #arrival(): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`the server said nothing for ${PATIENCE_MS} ms`)), PATIENCE_MS)
      this.#onArrival = () => {
        clearTimeout(timer)
        this.#onArrival = null
        resolve()
      }
    })
  }

  async nextOf<K extends Reply['kind']>(kind: K): Promise<Extract<Reply, { kind: K }>> {
    const reply = await this.next()
    if (reply.kind !== kind) throw new Error(`expected ${kind}, got ${JSON.stringify(reply)}`)
    return reply as Extract<Reply, { kind: K }>
  }

  /** Asks, and acknowledges lock-step (or window by window) to the end. Resolves with the file. */
  async fetch(port: number, path: string, options: Record<string, string> = {}): Promise<Buffer> {
    await this.send(rrq(path, options), port)
    let reply = await this.next()
    let blksize = 512
    let windowsize = 1
    if (reply.kind === 'oack') {
      blksize = Number(reply.options['blksize'] ?? 512)
      windowsize = Number(reply.options['windowsize'] ?? 1)
      await this.send(ack(0), reply.port)
      reply = await this.next()
    }
    return this.finish(reply, { blksize, windowsize })
  }

  /** The rest of a transfer whose first DATA is `first`; blocks out of order are dropped and the last good one acknowledged. */
  async finish(first: Reply, { blksize = 512, windowsize = 1, from = 1 } = {}): Promise<Buffer> {
    const parts: Buffer[] = []
    let reply = first
    for (let expected = from; ; reply = await this.next()) {
      if (reply.kind !== 'data') throw new Error(`expected DATA ${expected}, got ${JSON.stringify(reply)}`)
      if (reply.block !== (expected & 0xffff)) continue
      parts.push(reply.payload)
      const last = reply.payload.length < blksize
      if (last || (expected - from + 1) % windowsize === 0) await this.send(ack(expected), reply.port)
      if (last) return Buffer.concat(parts)
      expected++
    }
  }

  async close(): Promise<void> {
    const closed = once(this.#socket, 'close')
    this.#socket.close()
    await closed
  }
}

export function rrq(path: string, options: Record<string, string> = {}, mode = 'octet'): Buffer {
  return request(1, path, options, mode)
}

export function wrq(path: string): Buffer {
  return request(2, path, {}, 'octet')
}

function request(opcode: number, path: string, options: Record<string, string>, mode: string): Buffer {
  const strings = [path, mode, ...Object.entries(options).flat()]
  return Buffer.concat([Buffer.from([0, opcode]), ...strings.map((text) => Buffer.from(`${text}\0`))])
}

export function ack(block: number): Buffer {
  return Buffer.from([0, 4, (block >> 8) & 0xff, block & 0xff])
}

export function error(code: number, message: string): Buffer {
  return Buffer.concat([Buffer.from([0, 5, 0, code]), Buffer.from(`${message}\0`)])
}

type Parsed =
  | { kind: 'data'; block: number; payload: Buffer }
  | { kind: 'oack'; options: Record<string, string> }
  | { kind: 'error'; code: number; message: string }

function parseReply(octets: Buffer): Parsed {
  const opcode = octets.readUInt16BE(0)
  if (opcode === 3) return { kind: 'data', block: octets.readUInt16BE(2), payload: octets.subarray(4) }
  if (opcode === 5)
    return { kind: 'error', code: octets.readUInt16BE(2), message: octets.toString('utf8', 4, octets.length - 1) }
  if (opcode !== 6) throw new Error(`a server has no business sending opcode ${opcode}`)
  const strings = octets.toString('utf8', 2).split('\0')
  const options: Record<string, string> = {}
  for (let index = 0; index + 1 < strings.length; index += 2) options[strings[index] ?? ''] = strings[index + 1] ?? ''
  return { kind: 'oack', options }
}
