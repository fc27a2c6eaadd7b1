// Clients that are slow, or many: none of them keeps a good one from its answer, at either listener.
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { TestContext } from 'node:test'
import type { Patience } from '../../../server/serve/http/connections.ts'
import { sqliteStore, startServer, temporaryFolder } from '../../fixtures.ts'
import { openTestSite } from '../site.ts'
import { getRaw, listenAt, untilClosed } from './wire.ts'

/** In the stead of seconds and minutes, so that a test waits for none. */
const patience: Patience = { headersMs: 300, requestMs: 600, silenceMs: 900 }

type Listener = Readonly<{ port: number; good: string }>
const listeners: Readonly<Record<string, (t: TestContext) => Promise<Listener>>> = {
  'the pages and the API': async (t) => {
    const { port } = await listenAt(t, await openTestSite(t), { patience })
    return { port, good: '/login' }
  },
  'the door that machines boot from': async (t) => {
    const stateDir = temporaryFolder(t)
    mkdirSync(join(stateDir, 'loaders'))
    writeFileSync(join(stateDir, 'loaders/large'), Buffer.alloc(32 << 20))
    const server = await startServer(t, await sqliteStore(t, 'site: {}'), {
      ...{ stateDir, dhcpPort: null, tftpPort: null, httpPatience: patience },
    })
    return { port: server.ports.http ?? 0, good: '/healthz' }
  },
}

/** Fifty clients that each do the same bad thing; what they heard until they were sent away. */
function crowd(t: TestContext, port: number, begin: string, goesOn: string | null): Promise<readonly string[]> {
  const sockets: readonly Socket[] = Array.from({ length: 50 }, () => connect(port, '127.0.0.1'))
  for (const socket of sockets) socket.write(begin)
  if (goesOn !== null) {
    const dribble = setInterval(() => sockets.forEach((socket) => socket.writable && socket.write(goesOn)), 50)
    t.after(() => clearInterval(dribble))
  }
  return Promise.all(sockets.map(untilClosed))
}

for (const [name, open] of Object.entries(listeners))
  describe(`${name}: a good client is answered, and sent away is who`, () => {
    const bad: Readonly<Record<string, readonly [begin: string, goesOn: string | null]>> = {
      'never ends the head of a request': ['GET / HTTP/1.1\r\nHost: x\r\nX: ', 'x'],
      'sends one header after the other without end': ['GET / HTTP/1.1\r\nHost: x\r\n', 'X: y\r\n'],
      'never ends a body': [
        'POST /events/x HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\n',
        'x',
      ],
      'sends a body in pieces without end': [
        'POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n',
        '1\r\nx\r\n',
      ],
      'says nothing at all': ['', null],
    }
    for (const [what, [begin, goesOn]] of Object.entries(bad))
      test(what, async (t) => {
        const { port, good } = await open(t)
        const ends = crowd(t, port, begin, goesOn)
        assert.equal((await getRaw(port, good)).status, 200)
        await ends
        assert.equal((await getRaw(port, good)).status, 200)
      })
  })

test('who asks for much and reads nothing is sent away, fifty of them too, and a good client has it all', async (t) => {
  const { port } = (await listeners['the door that machines boot from']?.(t)) ?? assert.fail()
  const lazy = Array.from({ length: 50 }, () => connect(port, '127.0.0.1').pause())
  t.after(() => lazy.forEach((socket) => socket.destroy()))
  for (const socket of lazy) {
    socket.on('error', () => undefined)
    socket.write('GET /large HTTP/1.1\r\nHost: x\r\n\r\n')
  }
  const whole = await fetch(`http://127.0.0.1:${port}/large`)
  assert.equal((await whole.arrayBuffer()).byteLength, 32 << 20)
  // What came before the end of each connection is less than was asked for.
  const read = await Promise.all(
    lazy.map(async (socket) => {
      await new Promise((resolve) => setTimeout(resolve, 2 * patience.silenceMs))
      socket.resume()
      return (await untilClosed(socket)).length
    }),
  )
  for (const bytes of read) assert.ok(bytes < 32 << 20, String(bytes))
})
