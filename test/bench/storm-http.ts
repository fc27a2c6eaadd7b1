// An HTTP client that costs little: a keep-alive connection from a machine's own address, one request at a time.
import { connect } from 'node:net'
import { once } from 'node:events'

export type Browser = Readonly<{
  /** The body of what is small enough to be a text; of anything larger the octets are counted only. */
  fetch: (url: URL) => Promise<string>
  /** How many octets it was sent. */
  close: () => number
}>

const textMost = 64 * 1024
const silenceMs = 30_000
/** What is received into: every connection's data is looked at before the next one's. */
const buffer = Buffer.alloc(256 * 1024)

type Awaited = {
  head: string
  left: number
  body: string
  resolve: (body: string) => void
  reject: (why: Error) => void
}

export async function openBrowser(own: string, server: string): Promise<Browser> {
  let awaited: Awaited | null = null
  let octets = 0
  const socket = connect({
    port: 80,
    host: server,
    localAddress: own,
    noDelay: true,
    onread: {
      buffer,
      callback: (length) => {
        octets += length
        take(buffer.subarray(0, length))
        return true
      },
    },
  })
  const fail = (why: Error): void => {
    awaited?.reject(why)
    awaited = null
  }
  socket.setTimeout(silenceMs, () => socket.destroy(new Error('silence')))
  socket.on('close', () => fail(new Error('the connection was closed')))
  const connected = once(socket, 'connect')
  socket.on('error', fail)
  await connected

  function take(chunk: Buffer): void {
    if (awaited === null) return
    const body = awaited.left < 0 ? bodyBehindHead(awaited, chunk) : chunk
    if (body === null) return
    if (awaited.left <= textMost) awaited.body += body.toString('latin1')
    awaited.left -= body.length
    if (awaited.left > 0) return
    awaited.resolve(awaited.body)
    awaited = null
  }

  /** What of the body came along; null while the head isn't complete. */
  function bodyBehindHead(answer: Awaited, chunk: Buffer): Buffer | null {
    const before = answer.head.length
    answer.head += chunk.toString('latin1')
    const end = answer.head.indexOf('\r\n\r\n')
    if (end < 0) return null
    const head = answer.head.slice(0, end)
    if (!head.startsWith('HTTP/1.1 200 ')) {
      fail(new Error(head.split('\r\n')[0]))
      return null
    }
    answer.left = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0)
    return chunk.subarray(end + 4 - before)
  }

  return {
    fetch: (url) =>
      new Promise((resolve, reject) => {
        awaited = { head: '', left: -1, body: '', resolve, reject }
        socket.write(`GET ${url.pathname}${url.search} HTTP/1.1\r\nHost: ${url.host}\r\nUser-Agent: iPXE/1.21\r\n\r\n`)
      }),
    close: () => {
      socket.destroy()
      return octets
    },
  }
}
