// How many connections there may be, in all and of one client, over real sockets.
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { describe, test } from 'node:test'
import type { TestContext } from 'node:test'
import { limitConnections, timesOf } from '../../../../server/serve/http/connections.ts'
import { standsForMany } from '../../../../server/serve/http/peers.ts'

describe('connections', () => {
  async function start(
    t: TestContext,
    room: Readonly<{ inAll: number; ofOne: number }>,
    isMany = (_: string) => false,
  ) {
    const times = { headersMs: 5000, requestMs: 5000, silenceMs: 5000 }
    const server = createServer(timesOf(times), (_, response) => void response.end('good'))
    limitConnections(server, { patience: times, room: { ...room, isMany } })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    t.after(() => {
      server.closeAllConnections()
      server.close()
    })
    const { port } = server.address() as AddressInfo
    /** Null when the connection is ended without an answer. */
    const ask = (from: string): Promise<Socket | null> =>
      new Promise((resolve) => {
        const socket = connect({ port, host: '127.0.0.1', localAddress: from })
        t.after(() => socket.destroy())
        socket.on('error', () => resolve(null))
        socket.once('close', () => resolve(null))
        socket.once('data', () => resolve(socket))
        socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
      })
    return ask
  }
  const gone = (socket: Socket | null): Promise<unknown> =>
    new Promise((resolve) => (socket === null ? resolve(null) : socket.once('close', resolve).destroy()))

  test('of one address are so many and no more; another address is answered, and one that ends makes room', async (t) => {
    const ask = await start(t, { inAll: 100, ofOne: 3 })
    const mine = [await ask('127.0.0.2'), await ask('127.0.0.2'), await ask('127.0.0.2')]
    assert.ok(mine.every((socket) => socket !== null))
    assert.equal(await ask('127.0.0.2'), null)
    assert.ok((await ask('127.0.0.3')) !== null)
    await gone(mine[0] ?? null)
    for (let socket = null; socket === null;) socket = await ask('127.0.0.2')
    assert.equal(await ask('127.0.0.2'), null)
  })

  test('of a proxy are as many as there may be at all', async (t) => {
    const ask = await start(t, { inAll: 5, ofOne: 1 }, standsForMany(['127.0.0.9']))
    const all = await Promise.all(Array.from({ length: 5 }, () => ask('127.0.0.9')))
    assert.ok(all.every((socket) => socket !== null))
    assert.equal(await ask('127.0.0.8'), null)
  })
})
