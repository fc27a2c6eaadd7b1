import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { describe, test, type TestContext } from 'node:test'
import { pino } from 'pino'
import type { DhcpSocket, Hear, SocketMaker } from '../../../../server/serve/dhcp/socket.ts'
import { plainSocket, socketMaker } from '../../../../server/serve/dhcp/socket.ts'

const log = pino({ level: 'silent' })
const makers: readonly Readonly<{ name: string; make: SocketMaker }>[] = [
  { name: 'a socket of Node’s', make: plainSocket },
  { name: 'a socket in batches', make: await socketMaker(log) },
]

async function opened(t: TestContext, make: SocketMaker, hear: Hear): Promise<DhcpSocket> {
  const socket = make(hear, log)
  await socket.bind({ address: '127.0.0.1', port: 0 })
  t.after(() => socket.close())
  return socket
}

async function client(t: TestContext) {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 4 * 1024 * 1024 })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  t.after(() => socket.close())
  return socket
}

test('where there is koffi, sockets work in batches', () => {
  assert.notEqual(makers[1]?.make, plainSocket, 'the optional package koffi is not installed')
})

for (const { name, make } of makers)
  describe(name, () => {
    test('says who sent a datagram, and its answer comes from where it was asked', async (t) => {
      const asker = await client(t)
      const { port } = asker.address()
      const socket = await opened(t, make, (datagram, sender) => {
        assert.deepEqual(sender, { address: '127.0.0.1', port })
        socket.send(Buffer.from(`heard ${datagram.toString()}`), sender, (err) => assert.fail(err))
      })
      const answered = once(asker, 'message') as Promise<[Buffer, { port: number }]>
      asker.send('hello', socket.local().port, '127.0.0.1')
      const [answer, { port: from }] = await answered
      assert.deepEqual([answer.toString(), from], ['heard hello', socket.local().port])
    })

    test('hears and answers many more datagrams than one batch takes, each once', async (t) => {
      const asker = await client(t)
      const memory = Buffer.alloc(8)
      const socket = await opened(t, make, (datagram, sender) => {
        datagram.copy(memory) // every answer from the same memory
        socket.send(memory.subarray(0, datagram.length), sender, (err) => assert.fail(err))
      })
      const answers: string[] = []
      const all = new Promise<void>((resolve) =>
        asker.on('message', (answer) => {
          if (answers.push(answer.toString()) === 500) resolve()
        }),
      )
      const { port } = socket.local()
      for (let index = 0; index < 500; index++) asker.send(String(index), port, '127.0.0.1')
      await all
      assert.deepEqual(
        answers.map(Number).toSorted((a, b) => a - b),
        Array.from({ length: 500 }, (_, index) => index),
      )
    })

    test('tells of what the kernel refuses to send, and the next answer leaves', async (t) => {
      const asker = await client(t)
      const socket = await opened(t, make, () => assert.fail('nobody asks'))
      const refused = new Promise<Error>((resolve) =>
        socket.send(Buffer.from('x'), { address: '192.0.2.9', port: 67 }, resolve),
      )
      assert.match((await refused).message, /EINVAL/) // from loopback's address nothing leaves this host
      const heard = once(asker, 'message')
      socket.send(Buffer.from('y'), { address: '127.0.0.1', port: asker.address().port }, (err) => assert.fail(err))
      await heard
    })

    test('can not be bound to an address that is not this host’s, and says so', async () => {
      const socket = make(() => assert.fail('nobody asks'), log)
      await assert.rejects(async () => socket.bind({ address: '192.0.2.1', port: 0 }), { code: 'EADDRNOTAVAIL' })
      await socket.close()
    })

    test('is gone when it is closed: its port is free, and what is to be sent is refused', async (t) => {
      const socket = make(() => assert.fail('nobody asks'), log)
      await socket.bind({ address: '127.0.0.1', port: 0 })
      const { address, port } = socket.local()
      await socket.close()
      await socket.close()
      const next = createSocket('udp4')
      t.after(() => next.close())
      next.bind(port, address)
      await once(next, 'listening')
      const refused = await new Promise<Error>((resolve) => socket.send(Buffer.from('x'), { address, port }, resolve))
      assert.match(refused.message, /not open/)
    })
  })
