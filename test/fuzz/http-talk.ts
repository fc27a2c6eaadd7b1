// HTTP requests of all sorts on raw connections, whole and in pieces, and clients that leave in the middle.
import { connect } from 'node:net'
import type { Chance } from './chance.ts'
import { SERVER } from './farm.ts'
import { mutated } from './mutate.ts'

/** Longer than an answer takes; a request that is not complete gets none. */
const SILENCE_MS = 200

/** Resolves when the connection is over. */
export async function talkHttp(chance: Chance): Promise<void> {
  const request = httpRequest(chance)
  const octets = chance.is(0.4) ? mutated(request, chance) : request
  const at = chance.below(octets.length + 1)
  const socket = connect({ port: 80, host: chance.is(0.2) ? SERVER.ipv6 : SERVER.ipv4 })
  const isHasty = chance.is(0.3)
  await new Promise<void>((resolve) => {
    const end = (): void => {
      socket.destroy()
      resolve()
    }
    socket.setTimeout(SILENCE_MS, end)
    socket.on('error', end).on('close', end)
    socket.on('data', () => {
      if (isHasty) end()
    })
    socket.on('connect', () => {
      socket.write(octets.subarray(0, at))
      setImmediate(() => socket.write(octets.subarray(at)))
    })
  })
}

const paths = [
  ...[
    '/',
    '/healthz',
    '/metrics',
    '/images/el9/vmlinuz',
    '/images/el9/initrd.img',
    '/pxelinux.0',
    '/empty.0',
    '/ks/m0',
  ],
  ...[
    '/ipxe/02:00:00:00:00:02.ipxe',
    '/events/m0',
    '/events/%00',
    '/dom0/m0/manifest',
    '/ks/%2e%2e/%2e%2e/etc/passwd',
    '/%',
  ],
  ...[
    '//',
    '/../../../etc/passwd',
    '/images/..%2f..%2finventory.sqlite',
    '/%c0%ae%c0%ae/',
    '/constructor',
    '/__proto__/x',
  ],
  ...[
    '*',
    'http://example.org/',
    'example.org:80',
    '/\u{1F480}',
    `/${'a'.repeat(9000)}`,
    '/?'.padEnd(5000, 'x=1&'),
    '/\\..\\',
  ],
]
const methods = [
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'DELETE',
  'OPTIONS',
  'TRACE',
  'CONNECT',
  'get',
  'PRI',
  '\0',
  'GET'.repeat(400),
]
const headers = [
  ...[
    'Range: bytes=0-0',
    'Range: bytes=5-2',
    'Range: bytes=-1',
    'Range: bytes=0-1,2-3,4-5',
    `Range: bytes=${'0-1,'.repeat(900)}`,
  ],
  ...[
    'If-None-Match: *',
    'If-Modified-Since: never',
    'Content-Length: -1',
    'Content-Length: 5',
    'Content-Length: 999999999',
  ],
  ...[
    'Transfer-Encoding: chunked',
    'Transfer-Encoding: chunked, chunked',
    'Expect: 100-continue',
    'Connection: close',
    'Upgrade: h2c',
  ],
  ...[
    'Authorization: Bearer x',
    'Authorization: Basic ===',
    'X-Forwarded-For: 192.0.2.9, ::1, x',
    'Cookie: a=b',
    'Host: ',
    ': x',
    ' x',
  ],
  ...[
    'Content-Type: application/json',
    'Content-Type: application/x-www-form-urlencoded',
    'Content-Encoding: gzip',
    `X: ${'y'.repeat(20_000)}`,
  ],
]
const bodies = [
  '',
  '{}',
  '{"stage":',
  '{"__proto__":{"stage":"installed"}}',
  'stage=installed&detail=%',
  '[]',
  '5\r\nstage\r\n0\r\n\r\n',
  '['.repeat(5000),
]

function httpRequest(chance: Chance): Uint8Array {
  const method = chance.is(0.6) ? chance.one(['GET', 'GET', 'HEAD', 'POST']) : chance.one(methods)
  const version = chance.is(0.95) ? 'HTTP/1.1' : chance.one(['HTTP/1.0', 'HTTP/2.0', 'HTTP/9', ''])
  const lines = [`${method} ${chance.one(paths)} ${version}`, 'Host: 192.0.2.1']
  for (let count = chance.below(chance.is(0.95) ? 4 : 1500); count > 0; count--) lines.push(chance.one(headers))
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${chance.one(bodies)}`)
}
