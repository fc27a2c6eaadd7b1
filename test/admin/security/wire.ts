// The administration side on a port, and bytes sent to it as they are: a client would put paths and lengths in order first.
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import type { TestContext } from 'node:test'
import type { AdminOptions, RunningAdmin } from '../../../server/admin/server.ts'
import { openAdmin } from '../../../server/admin/server.ts'
import type { TestSite } from '../site.ts'

/** On a free port of loopback. */
export async function listenAt(
  t: TestContext,
  { admin }: TestSite,
  options: Partial<AdminOptions> = {},
): Promise<RunningAdmin> {
  const running = await openAdmin({
    ...admin,
    now: admin.now,
    ...{ listen: '127.0.0.1', port: 0, tls: null, trustProxy: [] },
    ...options,
  })
  t.after(running.close)
  return running
}

type RawAnswer = Readonly<{ status: number; head: string; body: string }>

/** @param head request line and headers, each with its CRLF, without the empty line */
export async function askRaw(port: number, head: string, body: string | Buffer = ''): Promise<RawAnswer> {
  const socket = connect(port, '127.0.0.1')
  const ended = untilClosed(socket)
  socket.write(Buffer.concat([Buffer.from(`${head}Connection: close\r\n\r\n`, 'latin1'), Buffer.from(body)]))
  return parseAnswer(await ended)
}

/** Of bytes on the wire; status 0 when the connection was ended without any. */
export function parseAnswer(heard: string): RawAnswer {
  const [head = '', ...rest] = heard.split('\r\n\r\n')
  return { status: Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1] ?? 0), head, body: rest.join('\r\n\r\n') }
}

/** GET of that path, byte for byte. */
export const getRaw = (
  port: number,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<RawAnswer> =>
  askRaw(
    port,
    `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${Object.entries(headers)
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join('')}`,
  )

/** Everything that comes until the server ends the connection. */
export async function untilClosed(socket: Socket): Promise<string> {
  const parts: Buffer[] = []
  socket.on('data', (part: Buffer) => parts.push(part))
  socket.on('error', () => undefined) // a reset is an end too
  await new Promise((resolve) => socket.once('close', resolve))
  return Buffer.concat(parts).toString()
}
