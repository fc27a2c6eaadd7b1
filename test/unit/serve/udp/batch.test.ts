import assert from 'node:assert/strict'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { describe, test, type TestContext } from 'node:test'
import fc from 'fast-check'
import { openInbox, openOutbox } from '../../../../server/serve/udp/batch.ts'
import { loadLibc, type Libc } from '../../../../server/serve/udp/libc.ts'
import { FAMILY, sockaddrOf } from '../../../../server/serve/udp/sockaddr.ts'

const [SOCK_DGRAM, SOCK_NONBLOCK] = [2, 0o4000]

async function loaded(): Promise<Libc> {
  const libc = await loadLibc()
  return typeof libc === 'string' ? assert.fail(`no koffi here, run npm ci: ${libc}`) : libc
}

/** A socket of libc's on loopback, and its port. */
function openFd(t: TestContext, libc: Libc): Readonly<{ fd: number; port: number }> {
  const fd = libc.socket(FAMILY.ipv4, SOCK_DGRAM | SOCK_NONBLOCK, 0)
  t.after(() => libc.close(fd))
  const address = sockaddrOf({ address: '127.0.0.1', port: 0 })
  assert.equal(libc.bind(fd, address, address.length), 0)
  const length = Buffer.from([address.length, 0, 0, 0])
  assert.equal(libc.getsockname(fd, address, length), 0)
  return { fd, port: address.readUInt16BE(2) }
}

/** A socket of Node's, and what arrived there. */
async function openListener(t: TestContext): Promise<Readonly<{ socket: Socket; port: number; arrived: Buffer[] }>> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 4 << 20 })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  t.after(() => socket.close())
  const arrived: Buffer[] = []
  socket.on('message', (datagram) => arrived.push(datagram))
  return { socket, port: socket.address().port, arrived }
}

async function until(condition: () => boolean, what: string): Promise<void> {
  for (let round = 0; round < 5000 && !condition(); round++) await new Promise((later) => setTimeout(later, 2))
  assert.ok(condition(), `${what} within ten seconds`)
}

const never = (why: string): never => assert.fail(why)

describe('batches', () => {
  test('whatever is put into an outbox arrives octet for octet, and what has no room is not taken', async (t) => {
    const libc = await loaded()
    const { fd } = openFd(t, libc)
    const { port, arrived } = await openListener(t)
    const address = sockaddrOf({ address: '127.0.0.1', port })
    const outbox = openOutbox(libc)
    const packets = fc.array(fc.uint8Array({ maxLength: 1500 }), { minLength: 1, maxLength: 100 })
    await fc.assert(
      fc.asyncProperty(packets, async (batch) => {
        arrived.length = 0
        const taken = batch.filter((packet) => outbox.add(address, packet, never))
        assert.equal(taken.length, Math.min(batch.length, 64))
        assert.equal(outbox.flush(fd), 'sent')
        await until(() => arrived.length === taken.length, `${taken.length} datagrams did not arrive`)
        assert.deepEqual(
          arrived,
          taken.map((packet) => Buffer.from(packet)),
        )
      }),
      { numRuns: 50 },
    )
  })

  test('RFC 2348: DATA of the largest blksize goes out in several batches', async (t) => {
    const libc = await loaded()
    const { fd } = openFd(t, libc)
    const { port, arrived } = await openListener(t)
    const address = sockaddrOf({ address: '127.0.0.1', port })
    const outbox = openOutbox(libc)
    const bytes = Buffer.from(new Uint8Array(65464).map((_, index) => index >> 3))
    let batches = 0
    for (let block = 1; block <= 20; block++) {
      if (outbox.add(address, Uint8Array.of(0, 3, 0, block), never, bytes)) continue
      assert.equal(outbox.flush(fd), 'sent')
      batches++
      block--
    }
    outbox.flush(fd)
    assert.ok(batches > 1)
    await until(() => arrived.length === 20, '20 blocks did not arrive')
    arrived.forEach((datagram, index) => {
      assert.equal(datagram.readUInt32BE(0), 0x30001 + index)
      assert.equal(bytes.compare(datagram, 4), 0)
    })
  })

  test('a datagram that can’t be sent says why, and those before and behind it are sent', async (t) => {
    const libc = await loaded()
    const { fd } = openFd(t, libc)
    const { port, arrived } = await openListener(t)
    const outbox = openOutbox(libc)
    const failures: string[] = []
    for (const to of [port, 0, port])
      // sendto(2): port 0 is EINVAL
      outbox.add(sockaddrOf({ address: '127.0.0.1', port: to }), Buffer.from('x'), (why) => failures.push(why))
    assert.equal(outbox.flush(fd), 'sent')
    await until(() => arrived.length === 2, 'the others did not arrive')
    assert.deepEqual(failures, ['EINVAL'])
  })

  test('a descriptor that is none fails each datagram, and nothing else', async () => {
    const outbox = openOutbox(await loaded())
    const failures: string[] = []
    for (let count = 0; count < 3; count++)
      outbox.add(sockaddrOf({ address: '127.0.0.1', port: 9 }), Buffer.from('x'), (why) => failures.push(why))
    assert.equal(outbox.flush(-1), 'sent')
    assert.deepEqual(failures, ['EBADF', 'EBADF', 'EBADF'])
  })

  test('an inbox takes what waits, from whom, 64 at a time, and of a longer datagram the first octets', async (t) => {
    const libc = await loaded()
    const { fd, port } = openFd(t, libc)
    const { socket, port: sender } = await openListener(t)
    const inbox = openInbox(libc, 576)
    const taken: Buffer[] = []
    const take = (datagram: Buffer, sockaddr: Buffer): void => {
      assert.equal(sockaddr.readUInt16BE(2), sender)
      taken.push(Buffer.from(datagram))
    }
    assert.equal(inbox.receive(fd, take), false)
    const sent = Array.from({ length: 70 }, (_, index) => Buffer.alloc(index * 10, index))
    for (const packet of sent)
      await new Promise<void>((resolve, reject) =>
        socket.send(packet, port, '127.0.0.1', (error) => (error ? reject(error) : resolve())),
      )
    assert.equal(inbox.receive(fd, take), true)
    assert.equal(inbox.receive(fd, take), false)
    assert.deepEqual(
      taken,
      sent.map((packet) => packet.subarray(0, 576)),
    )
  })
})
