import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, test } from 'node:test'
import { closeNodeSocket, openNodeSocket } from '../../../../server/serve/udp/node-socket.ts'

describe('a socket of Node’s', () => {
  for (const { type, address } of [
    { type: 'udp4', address: '127.0.0.1' },
    { type: 'udp6', address: '::1' },
  ] as const)
    test(`${type}: sends to an address without asking for its name, and its port is free when it is closed`, async () => {
      const socket = await openNodeSocket({ type }, { address, port: 0 })
      const { port } = socket.address()
      const heard = once(socket, 'message') as Promise<[Buffer]>
      socket.send('hello', port, address)
      assert.equal((await heard)[0].toString(), 'hello')
      await closeNodeSocket(socket)
      await closeNodeSocket(await openNodeSocket({ type }, { address, port }))
    })

  test('what bind says is thrown, with its code', async () => {
    await assert.rejects(openNodeSocket({ type: 'udp4' }, { address: '192.0.2.77', port: 0 }), {
      code: 'EADDRNOTAVAIL',
    })
  })
})
