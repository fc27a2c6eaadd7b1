import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import type { Served, TftpDoorOptions, TransferProgress } from '../../server/serve/tftp/door.ts'
import { openTftpDoor } from '../../server/serve/tftp/door.ts'
import { ack, error, rrq, TftpTestClient, wrq } from './tftp-client.ts'
import {
  another,
  begin,
  bytesOf,
  countOf,
  log,
  openStage,
  resolve,
  SIZES,
  UNHURRIED,
  waitUntil,
  WAYS,
  WRAPPING,
  type Stage,
  type Way,
} from './tftp-stage.ts'

for (const way of Object.keys(WAYS) as Way[]) {
  describe(way, () => {
    const stage = (t: TestContext, options: Partial<TftpDoorOptions> = {}): Promise<Stage> => openStage(t, way, options)

    describe('files', () => {
      for (const size of SIZES) {
        test(`RFC 1350 §6: a file of ${size} octets ends in a DATA shorter than 512`, async (t) => {
          const { door, client, nextEnd } = await stage(t)
          assert.deepEqual(await client.fetch(door.port, `boot/${size}`), Buffer.from(bytesOf(size)))
          assert.equal(countOf(client, 'data'), Math.floor(size / 512) + 1)
          const { path, outcome, why, bytes } = await nextEnd()
          assert.deepEqual(
            { path, outcome, why, bytes },
            { path: `boot/${size}`, outcome: 'complete', why: null, bytes: size },
          )
        })
      }

      test('RFC 7440 §4: windows over the wrap of the block number, 65535 to 0, lose and repeat nothing', async (t) => {
        const { door, client } = await stage(t)
        const received = await client.fetch(door.port, `boot/${WRAPPING}`, {
          blksize: '512',
          windowsize: '5',
          ...UNHURRIED,
        })
        assert.equal(Buffer.compare(received, bytesOf(WRAPPING)), 0)
      })

      test('many clients at once each get the whole file', async (t) => {
        const { door } = await stage(t)
        const clients = await Promise.all(Array.from({ length: 50 }, () => another(t)))
        const received = await Promise.all(clients.map((client) => client.fetch(door.port, 'boot/100000')))
        for (const bytes of received) assert.equal(Buffer.compare(bytes, bytesOf(100_000)), 0)
      })

      test('an IPv6 client is served over IPv6', async (t) => {
        const { door, client } = await stage(t, { address: '::1' })
        assert.equal(Buffer.compare(await client.fetch(door.port, 'boot/1024'), bytesOf(1024)), 0)
      })

      test('the answer comes from the address that was asked, which need not be the first of the host', async (t) => {
        const { door } = await stage(t, { address: '127.0.0.2' })
        const client = await another(t, { address: '127.0.0.1', server: '127.0.0.2' })
        await client.fetch(door.port, 'boot/1024')
        assert.deepEqual(new Set(client.received.map(({ address }) => address)), new Set(['127.0.0.2']))
      })

      test('RFC 764: netascii sends LF as CR LF and a bare CR as CR NUL, and tsize says the translated size', async (t) => {
        const text: Served = { kind: 'bytes', bytes: Buffer.from('default linux\nprompt\r\n') }
        const { door, client } = await stage(t, { resolve: () => text })
        await client.send(rrq('menu', { tsize: '0' }, 'NetASCII'), door.port)
        const { options, port } = await client.nextOf('oack')
        await client.send(ack(0), port)
        const { payload } = await client.nextOf('data')
        await client.send(ack(1), port)
        assert.equal(payload.toString(), 'default linux\r\nprompt\r\0\r\n')
        assert.equal(Number(options['tsize']), payload.length)
      })

      test('a file too large to be text is refused in netascii rather than translated', async (t) => {
        const { door, client } = await stage(t)
        await client.send(rrq(`boot/${WRAPPING}`, {}, 'netascii'), door.port)
        assert.match((await client.nextOf('error')).message, /octet/)
      })
    })

    describe('options', () => {
      test('RFC 2347: without options there is no OACK and DATA 1 is the answer', async (t) => {
        const { door, client } = await stage(t)
        await client.send(rrq('boot/511'), door.port)
        assert.equal((await client.nextOf('data')).block, 1)
      })

      test('RFC 2347: option names count in any case, unknown ones are left out of the OACK', async (t) => {
        const { door, client } = await stage(t)
        await client.send(
          rrq('boot/100000', { BlkSize: '1468', multicast: '', TSIZE: '0', constructor: '1' }),
          door.port,
        )
        assert.deepEqual((await client.nextOf('oack')).options, { blksize: '1468', tsize: '100000' })
      })

      test('RFC 2347: when every option is unknown the request is served as though it had none', async (t) => {
        const { door, client } = await stage(t)
        await client.send(rrq('boot/511', { __proto__x: '1', blksize2: '512' }), door.port)
        await client.nextOf('data')
      })

      for (const blksize of ['8', '1468', '65464']) {
        test(`RFC 2348: a blksize of ${blksize} is granted and the file arrives whole`, async (t) => {
          const { door, client } = await stage(t)
          const received = await client.fetch(door.port, 'boot/100000', { blksize })
          assert.equal(Buffer.compare(received, bytesOf(100_000)), 0)
        })
      }

      test('RFC 2347: a client that refuses the OACK with ERROR 8 ends the transfer and is not answered', async (t) => {
        const { door, client, nextEnd } = await stage(t)
        await client.send(rrq('boot/1024', { tsize: '0' }), door.port)
        await client.send(error(8, 'only wanted the size'), (await client.nextOf('oack')).port)
        const end = await nextEnd()
        assert.deepEqual([end.outcome, end.bytes], ['declined', 0])
        assert.match(end.why ?? '', /only wanted the size \(error 8\)/)
        assert.equal(door.active(), 0)
        assert.equal(client.received.length, 1)
      })
    })

    describe('acknowledgements', () => {
      test('RFC 1123 §4.2.3.1: repeated ACKs are never answered, so no block is ever sent twice', async (t) => {
        const { door, client } = await stage(t)
        const { tid, first } = await begin(client, door.port, 'boot/100000')
        for (let repeat = 0; repeat < 20; repeat++) await client.send(ack(0), tid)
        await client.send(ack(1), tid)
        for (let repeat = 0; repeat < 20; repeat++) await client.send(ack(1), tid)
        const second = await client.nextOf('data')
        const rest = await client.finish(second, { from: 2 })
        assert.equal(Buffer.compare(Buffer.concat([first.payload, rest]), bytesOf(100_000)), 0)
        assert.equal(countOf(client, 'data'), 196)
      })

      test('RFC 1350 §2: late ACKs and ACKs of blocks not yet sent are ignored', async (t) => {
        const { door, client } = await stage(t)
        const { tid, first } = await begin(client, door.port, 'boot/100000')
        for (const block of [2, 3, 195, 196, 40_000, 65_535]) await client.send(ack(block), tid)
        const received = await client.finish(first)
        assert.equal(Buffer.compare(received, bytesOf(100_000)), 0)
        assert.equal(countOf(client, 'data'), 196)
      })

      test('RFC 7440 §4: an ACK within a window restarts it after the block it names', async (t) => {
        const { door, client } = await stage(t)
        const { tid, first } = await begin(client, door.port, 'boot/100000', { windowsize: '8', ...UNHURRIED })
        const second = await client.nextOf('data')
        await client.send(ack(2), tid) // as if 3 had been lost
        const parts = Buffer.concat([first.payload, second.payload])
        for (const block of [3, 4, 5, 6, 7, 8]) assert.equal((await client.nextOf('data')).block, block)
        const rest = await client.finish(await client.nextOf('data'), { from: 3, windowsize: 8 })
        assert.equal(Buffer.compare(Buffer.concat([parts, rest]), bytesOf(100_000)), 0)
      })

      test('RFC 7440 §4: when the first block of a window is lost, repeating the last ACK restarts the window once', async (t) => {
        const { door, client } = await stage(t)
        const { tid } = await begin(client, door.port, 'boot/100000', { windowsize: '4', ...UNHURRIED })
        for (let repeat = 0; repeat < 10; repeat++) await client.send(ack(0), tid)
        const blocks = [1]
        for (let count = 0; count < 7; count++) blocks.push((await client.nextOf('data')).block)
        assert.deepEqual(blocks, [1, 2, 3, 4, 1, 2, 3, 4])
        await client.send(ack(4), tid)
        for (let repeat = 0; repeat < 10; repeat++) await client.send(ack(4), tid) // caused by the copies: not to be answered
        const rest = await client.finish(await client.nextOf('data'), { from: 5, windowsize: 4 })
        assert.equal(Buffer.compare(rest, bytesOf(100_000).subarray(4 * 512)), 0)
        assert.equal(countOf(client, 'data'), 196 + 4)
      })

      test('RFC 1350 §2: without an ACK the same DATA is sent again, and the transfer goes on from there', async (t) => {
        const { door, client, nextEnd } = await stage(t)
        await client.send(rrq('boot/1024'), door.port)
        const [lost, again] = [await client.nextOf('data'), await client.nextOf('data')]
        assert.deepEqual(again, lost)
        assert.equal(Buffer.compare(await client.finish(again), bytesOf(1024)), 0)
        assert.equal((await nextEnd()).outcome, 'complete')
      })

      test('RFC 2347: a lost OACK is sent again', async (t) => {
        const { door, client } = await stage(t)
        await client.send(rrq('boot/1024', { timeout: '1' }), door.port)
        const [lost, again] = [await client.nextOf('oack'), await client.nextOf('oack')]
        assert.deepEqual(again, lost)
      })

      test('RFC 1350 §6: when the last ACK is lost the last DATA comes again, and its ACK completes the transfer', async (t) => {
        const { door, client, nextEnd } = await stage(t)
        await client.send(rrq('boot/511'), door.port)
        const { port } = await client.nextOf('data')
        await client.nextOf('data')
        await client.send(ack(1), port)
        assert.equal((await nextEnd()).outcome, 'complete')
      })

      test('a client that is gone does not disturb the transfers of others', async (t) => {
        const { door, client, ends } = await stage(t)
        const gone = await TftpTestClient.open()
        await gone.send(rrq('boot/100000'), door.port)
        await gone.next()
        await gone.close()
        const { first } = await begin(client, door.port, 'boot/100000')
        assert.equal(Buffer.compare(await client.finish(first), bytesOf(100_000)), 0)
        await waitUntil(() => ends.length > 0, 'the transfer did not end')
        assert.equal(door.active(), 1) // it may only be slow
      })
    })

    describe('transfer identifiers', () => {
      test('RFC 1350 §4: datagrams from a foreign TID do not disturb the transfer', async (t) => {
        const { door, client, nextEnd } = await stage(t)
        const stranger = await another(t)
        const { tid, first } = await begin(client, door.port, 'boot/100000')
        for (const octets of [error(0, 'stop'), ack(1), Buffer.alloc(0), Buffer.from([0]), rrq('boot/511')]) {
          await stranger.send(octets, tid).catch(() => undefined) // refused by the kernel, where it knows the stranger for one
        }
        assert.equal(Buffer.compare(await client.finish(first), bytesOf(100_000)), 0)
        assert.equal((await nextEnd()).outcome, 'complete')
        assert.equal(countOf(client, 'data'), 196)
      })

      test('RFC 1350 §4: junk from the right TID does not disturb the transfer either', async (t) => {
        const { door, client } = await stage(t)
        const { tid, first } = await begin(client, door.port, 'boot/100000')
        for (const octets of [[], [0], [0, 4], [0, 4, 0], [0, 3, 0, 1, 9], [0, 6, 0, 0], [0xff, 0xff, 0xff, 0xff]]) {
          await client.send(Buffer.from(octets), tid)
        }
        assert.equal(Buffer.compare(await client.finish(first), bytesOf(100_000)), 0)
      })

      test('a repeated request of a running transfer is ignored: one transfer, one TID', async (t) => {
        const { door, client } = await stage(t)
        const { first } = await begin(client, door.port, 'boot/1024')
        for (let repeat = 0; repeat < 5; repeat++) await client.send(rrq('boot/1024', UNHURRIED), door.port)
        await (await another(t)).fetch(door.port, 'boot/511') // by now the door has read the repeats
        await client.finish(first)
        assert.equal(new Set(client.received.map(({ port }) => port)).size, 1)
        assert.equal(countOf(client, 'oack'), 1)
      })

      test('a ROM that has one port for everything may leave a transfer and ask for the next file', async (t) => {
        const { door, client, nextEnd } = await stage(t)
        await client.send(rrq('boot/1024', { tsize: '0', ...UNHURRIED }), door.port)
        await client.nextOf('oack')
        assert.equal(Buffer.compare(await client.fetch(door.port, 'boot/1024'), bytesOf(1024)), 0)
        assert.match((await nextEnd()).why ?? '', /something else/)
        assert.equal((await nextEnd()).outcome, 'complete')
        assert.equal(countOf(client, 'error'), 0)
      })
    })

    describe('requests', () => {
      test('RFC 1350 §5: a file that is not there is ERROR 1 with the reason', async (t) => {
        const { door, client } = await stage(t)
        for (const path of ['nope', 'constructor', '__proto__', '%2e%2e/secret']) {
          await client.send(rrq(path), door.port)
          const { code, message } = await client.nextOf('error')
          assert.deepEqual([code, message], [1, `no such file: ${path}`])
        }
        assert.equal(door.active(), 0)
      })

      test('RFC 1350 §5: a refusal for access is ERROR 2', async (t) => {
        const { door, client } = await stage(t, {
          resolve: () => ({ kind: 'refused', code: 'access-violation', why: 'no' }),
        })
        await client.send(rrq('secret'), door.port)
        assert.equal((await client.nextOf('error')).code, 2)
      })

      test('a request to write is ERROR 2: the door is read only', async (t) => {
        const { door, client } = await stage(t)
        await client.send(wrq('boot/512'), door.port)
        const { code, message } = await client.nextOf('error')
        assert.deepEqual([code, message], [2, 'this server is read only'])
      })

      test('no path that leads upwards, has a backslash or a control character reaches the resolver', async (t) => {
        const asked: string[] = []
        const { door, client } = await stage(t, {
          resolve: (path) => {
            asked.push(path)
            return resolve(path)
          },
        })
        for (const path of [
          '../etc/passwd',
          '/../x',
          'boot/../../x',
          'boot/..',
          '..',
          '\\boot\\bcd',
          'a\nb',
          'a\x7f',
        ]) {
          await client.send(rrq(path), door.port)
          assert.equal((await client.nextOf('error')).code, 2, path)
        }
        for (const path of ['', '/', '///']) {
          await client.send(rrq(path), door.port)
          assert.equal((await client.nextOf('error')).code, 1, path)
        }
        assert.deepEqual(asked, [])
      })

      test('leading slashes are not part of a path: PXELINUX and GRUB ask with them, others without', async (t) => {
        const { door, client } = await stage(t)
        assert.equal((await client.fetch(door.port, '//boot/511')).length, 511)
      })

      test('RFC 1350 §1: mode mail is refused', async (t) => {
        const { door, client } = await stage(t)
        await client.send(rrq('boot/512', {}, 'mail'), door.port)
        assert.equal((await client.nextOf('error')).code, 4)
      })

      test('RFC 2347: a request without a mode, or over 512 octets, is ERROR 4', async (t) => {
        const { door, client } = await stage(t)
        for (const octets of [Buffer.from('\0\x01boot/512\0'), Buffer.from('\0\x01no end'), rrq('x'.repeat(512))]) {
          await client.send(octets, door.port)
          assert.equal((await client.nextOf('error')).code, 4)
        }
      })

      test('a resolver that throws is ERROR 0 for that client, and the door stays open', async (t) => {
        const { door, client } = await stage(t, {
          resolve: (path) => {
            if (path === 'broken') throw new Error('disk on fire')
            return resolve(path)
          },
        })
        await client.send(rrq('broken'), door.port)
        const { code, message } = await client.nextOf('error')
        assert.equal(code, 0)
        assert.doesNotMatch(message, /fire/)
        assert.equal((await client.fetch(door.port, 'boot/511')).length, 511)
      })

      test('a request repeated while the file is still being resolved is ignored', async (t) => {
        let calls = 0
        const { door, client } = await stage(t, {
          resolve: async (path) => {
            calls++
            await new Promise((later) => setTimeout(later, 50))
            return resolve(path)
          },
        })
        await client.send(rrq('boot/511'), door.port)
        await client.send(rrq('boot/511'), door.port)
        await client.finish(await client.nextOf('data'))
        assert.equal(calls, 1)
      })

      test('RFC 1350 §7: ERROR is never answered, nor is anything that is not a request', async (t) => {
        const { door, client } = await stage(t)
        const noise = [
          [],
          [0],
          [0, 1],
          [0, 1, 0],
          [0, 0, 0, 0],
          [0, 3, 0, 1],
          [0, 4, 0, 1],
          [0, 5, 0, 1, 65, 0],
          [0, 6, 65, 0],
          [1, 1, 1, 1],
        ]
        for (const octets of noise) await client.send(Buffer.from(octets), door.port)
        assert.equal((await client.fetch(door.port, 'boot/511')).length, 511)
        assert.equal(client.received.length, 1)
      })
    })

    describe('limits and closing', () => {
      test('beyond the limit per client a request waits for a place, and others are served', async (t) => {
        const { door, client } = await stage(t, { limits: { transfers: 3, transfersPerClient: 2 } })
        const [second, third] = [await another(t), await another(t)]
        const neighbour = await another(t, { address: '127.0.0.5', server: '127.0.0.1' })
        const { first } = await begin(client, door.port, 'boot/1024')
        await begin(second, door.port, 'boot/1024')
        await third.send(rrq('boot/511'), door.port)
        assert.equal((await neighbour.fetch(door.port, 'boot/511')).length, 511)
        assert.equal(third.received.length, 0)
        await client.finish(first)
        assert.equal((await third.finish(await third.nextOf('data'))).length, 511)
        assert.equal(third.received.length, 1)
      })

      test('beyond the limit of all transfers a request waits, and asking again while it waits changes nothing', async (t) => {
        const { door, client } = await stage(t, { limits: { transfers: 1 } })
        const second = await another(t)
        const { first } = await begin(client, door.port, 'boot/1024')
        for (let repeat = 0; repeat < 3; repeat++) await second.send(rrq('boot/512'), door.port)
        await waitUntil(() => door.active() === 2, 'nobody waits')
        await client.finish(first)
        assert.equal((await second.finish(await second.nextOf('data'))).length, 512)
        assert.equal(countOf(second, 'data'), 2)
      })

      test('a request whose turn does not come is ERROR 0 with the reason, and may be repeated', async (t) => {
        const { door, client } = await stage(t, { limits: { transfers: 1, waitMs: 20 } })
        const second = await another(t)
        const { first } = await begin(client, door.port, 'boot/1024')
        await second.send(rrq('boot/512'), door.port)
        const { code, message } = await second.nextOf('error')
        assert.deepEqual([code, message], [0, 'the server is busy with 1 transfers; try again'])
        await client.finish(first)
        assert.equal((await second.fetch(door.port, 'boot/512')).length, 512)
      })

      test('when too many wait a request is ERROR 0 at once', async (t) => {
        const { door, client } = await stage(t, { limits: { transfers: 1, waiting: 0 } })
        await begin(client, door.port, 'boot/1024')
        const second = await another(t)
        await second.send(rrq('boot/512'), door.port)
        assert.equal((await second.nextOf('error')).code, 0)
      })

      test('clients that never answer give their places back while others wait', async (t) => {
        const { door, client, nextEnd } = await stage(t, { limits: { transfers: 2 } })
        for (const silent of [await another(t), await another(t)]) await silent.send(rrq('boot/1024'), door.port)
        assert.equal((await client.fetch(door.port, 'boot/511')).length, 511)
        assert.match((await nextEnd()).why ?? '', /others waited/)
      })

      test('whoever hears of an end and throws does no harm', async (t) => {
        const { door, client, nextEnd } = await stage(t, {
          onEnd: () => {
            throw new Error('deaf')
          },
        })
        await client.fetch(door.port, 'boot/511')
        await nextEnd()
        assert.equal((await client.fetch(door.port, 'boot/512')).length, 512)
      })

      test('a long transfer tells of each tenth that it got further', async (t) => {
        const told: TransferProgress[] = []
        const { door, client } = await stage(t, { progressMs: 10, onProgress: (progress) => told.push(progress) })
        const { tid } = await begin(client, door.port, 'boot/100000')
        for (let block = 1; block <= 60; block++) {
          await client.send(ack(block), tid)
          await client.nextOf('data')
          if (block % 20 === 0) await waitUntil(() => told.at(-1)?.bytes === block * 512, 'progress was not told')
        }
        assert.deepEqual(told.map(({ path, size }) => [path, size])[0], ['boot/100000', 100_000])
        assert.ok(told.length <= 4, `${told.length} times in three tenths`)
      })

      test('a door that is closing lets a running transfer finish and admits no other', async (t) => {
        const { door, client, ends } = await stage(t, { graceMs: 60_000 })
        const { first } = await begin(client, door.port, 'boot/100000')
        const closed = door.close()
        assert.equal(Buffer.compare(await client.finish(first), bytesOf(100_000)), 0)
        await closed
        assert.deepEqual(
          ends.map(({ outcome }) => outcome),
          ['complete'],
        )
      })

      test('after the grace a closing door ends what is left and tells the client', async (t) => {
        const { door, client, ends } = await stage(t, { graceMs: 0 })
        await begin(client, door.port, 'boot/100000')
        await door.close()
        assert.equal((await client.nextOf('error')).message, 'the server is stopping')
        assert.deepEqual(
          ends.map(({ outcome, bytes }) => [outcome, bytes]),
          [['aborted', 0]],
        )
        assert.equal(door.active(), 0)
      })

      test('a door that cannot listen says where it tried to', async (t) => {
        const { door } = await stage(t)
        await assert.rejects(openTftpDoor({ address: '127.0.0.1', port: door.port, resolve, log }), {
          message: `listen for TFTP on 127.0.0.1 port ${door.port}`,
        })
      })
    })
  })
}
