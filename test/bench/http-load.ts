// A load client that costs little: raw keep-alive sockets, one request at a time on each.
import { connect } from 'node:net'
import type { Socket } from 'node:net'

type LoadResult = Readonly<{ requests: number; seconds: number; failures: number; bytes: number }>

/** Fetches every path once, over `connections` sockets. */
export async function fetchAll(port: number, paths: readonly string[], connections: number): Promise<LoadResult> {
  const queue = { next: 0, failures: 0, bytes: 0 }
  const began = process.hrtime.bigint()
  await Promise.all(Array.from({ length: connections }, () => drain(port, paths, queue)))
  return {
    requests: paths.length,
    seconds: Number(process.hrtime.bigint() - began) / 1e9,
    failures: queue.failures,
    bytes: queue.bytes,
  }
}

type Queue = { next: number; failures: number; bytes: number }

function drain(port: number, paths: readonly string[], queue: Queue): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    let received = Buffer.alloc(0)
    const sendNext = (): void => {
      const path = paths[queue.next++]
      if (path === undefined) socket.end(() => resolve())
      else request(socket, path)
    }
    socket.on('error', reject)
    socket.on('connect', sendNext)
    socket.on('data', (chunk) => {
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk])
      const total = responseLength(received)
      if (total === null || received.length < total) return
      queue.bytes += total
      if (!received.subarray(0, 13).includes(' 200 ')) queue.failures++
      received = received.subarray(total)
      sendNext()
    })
  })
}

function request(socket: Socket, path: string): void {
  socket.write(`GET ${path} HTTP/1.1\r\nHost: bench\r\n\r\n`)
}

/** Head and body together, or null while the head isn't complete. */
function responseLength(received: Buffer): number | null {
  const end = received.indexOf('\r\n\r\n')
  if (end < 0) return null
  const length = /\r\ncontent-length: (\d+)/i.exec(received.toString('latin1', 0, end))?.[1]
  return end + 4 + Number(length ?? 0)
}
