import assert from 'node:assert/strict'
import type { Socket } from 'node:dgram'
import { once } from 'node:events'
import { describe, test, type TestContext } from 'node:test'
import { openInbox } from '../../../../server/serve/udp/batch.ts'
import { loadLibc, type Libc } from '../../../../server/serve/udp/libc.ts'
import { closeNodeSocket, openNodeSocket } from '../../../../server/serve/udp/node-socket.ts'
import { sockaddrOf } from '../../../../server/serve/udp/sockaddr.ts'
import { openSocket } from '../../../../server/serve/udp/socket.ts'
import { openTurns, type Turns } from '../../../../server/serve/udp/turns.ts'

const libc = await loaded()
const inbox = openInbox(libc, 2048)
const loopback = { address: '127.0.0.1', port: 0 }
const never = (why: string): never => assert.fail(why)

async function loaded(): Promise<Libc> {
  const found = await loadLibc()
  return typeof found === 'string' ? assert.fail(`no koffi here, run npm ci: ${found}`) : found
}

type Taken = Readonly<{ datagram: string; sockaddr: Buffer }>

/** Turns of a socket on loopback, where it is, and how to answer. */
function opened(
  t: TestContext,
  {
    calls = libc,
    flushed,
    take = () => undefined,
  }: Partial<{
    calls: Libc
    flushed: () => void
    take: (taken: Taken, turns: Turns) => void
  }> = {},
): Readonly<{ turns: Turns; port: number }> {
  const fd = openSocket(libc, loopback, { receiveBytes: 4 << 20, sendBytes: 4 << 20 })
  const turns: Turns = openTurns({
    libc: calls,
    fd,
    inbox,
    take: (datagram, sockaddr) => take({ datagram: datagram.toString(), sockaddr: Buffer.from(sockaddr) }, turns),
    how: 'turn',
    ...(flushed === undefined ? {} : { flushed }),
  })
  t.after(() => turns.close())
  const address = sockaddrOf(loopback)
  assert.equal(libc.getsockname(fd, address, Buffer.from([address.length, 0, 0, 0])), 0)
  return { turns, port: address.readUInt16BE(2) }
}

async function client(t: TestContext): Promise<Socket> {
  const socket = await openNodeSocket({ type: 'udp4', recvBufferSize: 4 << 20 }, loopback)
  t.after(() => closeNodeSocket(socket))
  return socket
}

async function heardAll(socket: Socket, count: number): Promise<readonly string[]> {
  const heard: string[] = []
  await new Promise<void>((resolve) =>
    socket.on('message', (datagram) => {
      if (heard.push(datagram.toString()) === count) resolve()
    }),
  )
  return heard
}

const addressOf = (socket: Socket): Buffer => sockaddrOf({ address: '127.0.0.1', port: socket.address().port })

describe('turns', () => {
  test('what is heard is answered, by a head and a body as one datagram, however many there are', async (t) => {
    const asker = await client(t)
    const { port } = opened(t, {
      take: ({ datagram, sockaddr }, turns) =>
        turns.send(sockaddr.subarray(0, 16), Buffer.from('to '), never, Buffer.from(datagram)),
    })
    const answers = heardAll(asker, 300)
    for (let index = 0; index < 300; index++) asker.send(String(index), port, '127.0.0.1')
    assert.deepEqual((await answers).toSorted(), Array.from({ length: 300 }, (_, index) => `to ${index}`).toSorted())
  })

  test('what is sent by itself leaves at the end of the turn, also when it is more than a batch', async (t) => {
    const listener = await client(t)
    const { turns } = opened(t)
    const heard = heardAll(listener, 200)
    for (let index = 0; index < 200; index++) turns.send(addressOf(listener), Buffer.from(String(index)), never)
    assert.equal((await heard).length, 200)
  })

  test('while the socket takes no more, what finds no room is lost and its sender told, and then it goes on', async (t) => {
    const listener = await client(t)
    let isBlocked = true
    const { turns } = opened(t, {
      calls: {
        ...libc,
        sendmmsg: (...call) => (isBlocked ? -1 : libc.sendmmsg(...call)),
        errno: () => (isBlocked ? 11 : libc.errno()), // EAGAIN
      },
    })
    const lost: string[] = []
    for (let index = 0; index < 100; index++)
      turns.send(addressOf(listener), Buffer.from(String(index)), (why) => lost.push(why))
    assert.deepEqual([...new Set(lost)], ['ENOBUFS'])
    const heard = heardAll(listener, 100 - lost.length)
    isBlocked = false // the kernel says by the poll that it takes more
    assert.deepEqual(
      await heard,
      Array.from({ length: 100 - lost.length }, (_, index) => String(index)),
    )
  })

  test('closed, it says so to who sends, and closing in the middle of a batch ends it', async (t) => {
    const asker = await client(t)
    const taken: string[] = []
    const { turns, port } = opened(t, {
      take: ({ datagram }, itself) => {
        taken.push(datagram)
        itself.close()
      },
    })
    asker.send('last', port, '127.0.0.1')
    while (taken.length === 0) await new Promise((later) => setTimeout(later, 2))
    const failures: string[] = []
    turns.send(addressOf(asker), Buffer.from('x'), (why) => failures.push(why))
    turns.flush()
    turns.close()
    assert.deepEqual([taken, failures], [['last'], ['EBADF']])
  })

  test('after every flush its owner is told, who may close it then', async (t) => {
    const listener = await client(t)
    const heard = once(listener, 'message') as Promise<[Buffer]>
    let flushes = 0
    const { turns } = opened(t, {
      flushed: () => {
        flushes++
        turns.close()
      },
    })
    turns.send(addressOf(listener), Buffer.from('farewell'), never)
    assert.equal((await heard)[0].toString(), 'farewell')
    turns.flush()
    assert.equal(flushes, 1)
  })
})
