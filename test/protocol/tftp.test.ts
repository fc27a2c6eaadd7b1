import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, mock, test, type TestContext } from 'node:test'
import fc from 'fast-check'
import { pino } from 'pino'
import {
  openTftpDoor,
  type Served,
  type TftpDoor,
  type TftpDoorOptions,
  type TransferEnd,
} from '../../server/serve/tftp/door.ts'
import { negotiate } from '../../server/serve/tftp/options.ts'
import { decodeTftp, encodeNetascii } from '../../server/serve/tftp/packet.ts'
import { ack, error, rrq, TftpTestClient, wrq, type Reply } from './tftp-client.ts'

const log = pino({ level: 'silent' })

/** Long enough that no retransmission can come between, however loaded the machine. */
const UNHURRIED = { timeout: '255' }

const SIZES = [0, 511, 512, 1024, 100_000]
const WRAPPING = 40_000_000 // 78,126 blocks of 512

/** Octets that differ from block to block, so that a block in the wrong place shows. */
function fileOf(size: number): Uint8Array {
  return new Uint8Array(size).map((_, index) => (index * 31) >> 3)
}

const files = new Map([...SIZES, WRAPPING].map((size) => [`boot/${size}`, fileOf(size)]))
const bytesOf = (size: number): Uint8Array => files.get(`boot/${size}`) ?? assert.fail(`no file of ${size}`)

function resolve(path: string): Served {
  const bytes = files.get(path)
  return bytes ? { kind: 'bytes', bytes } : { kind: 'refused', code: 'not-found', why: `no such file: ${path}` }
}

type Stage = Readonly<{
  door: TftpDoor
  client: TftpTestClient
  ends: TransferEnd[]
  nextEnd: () => Promise<TransferEnd>
}>

/** A door, a client, and what the door says of the transfers that ended; all gone when the test is. */
async function stage(t: TestContext, options: Partial<TftpDoorOptions> = {}): Promise<Stage> {
  const ends: TransferEnd[] = []
  let told = 0
  let onEnd = (): void => undefined
  const door = await openTftpDoor({
    address: '127.0.0.1',
    port: 0,
    resolve,
    log,
    graceMs: 0,
    onEnd: (end) => {
      ends.push(end)
      onEnd()
    },
    ...options,
  })
  const client = await TftpTestClient.open(options.address === undefined ? {} : { address: options.address })
  t.after(async () => {
    await door.close()
    await client.close()
  })
  const nextEnd = async (): Promise<TransferEnd> => {
    if (ends.length <= told) await new Promise<void>((arrived) => (onEnd = arrived))
    return ends[told++] ?? assert.fail('woken without an end')
  }
  return { door, client, ends, nextEnd }
}

async function another(t: TestContext, addresses = {}): Promise<TftpTestClient> {
  const client = await TftpTestClient.open(addresses)
  t.after(() => client.close())
  return client
}

/** Asks for a file and reads its OACK and the first DATA; what is left is finish(). */
async function begin(client: TftpTestClient, port: number, path: string, options: Record<string, string> = UNHURRIED) {
  await client.send(rrq(path, options), port)
  const { port: tid } = await client.nextOf('oack')
  await client.send(ack(0), tid)
  return { tid, first: await client.nextOf('data') }
}

const countOf = (client: TftpTestClient, kind: Reply['kind']): number =>
  client.received.filter((reply) => reply.kind === kind).length

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

  test('RFC 764: netascii is undone by reading CR LF as LF and CR NUL as CR, for any octets', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (octets) => {
        const undone = Buffer.from(encodeNetascii(octets))
          .toString('latin1')
          .replace(/\r([\n\0])/g, (_, next) => (next === '\n' ? '\n' : '\r'))
        assert.equal(undone, Buffer.from(octets).toString('latin1'))
      }),
    )
  })
})

describe('options', () => {
  const negotiated = (requested: Record<string, string>, size = 1000) => {
    const { accepted, ...rest } = negotiate(new Map(Object.entries(requested)), size)
    return { ...rest, accepted: Object.fromEntries(accepted) }
  }

  test('RFC 2347: without options there is no OACK and DATA 1 is the answer', async (t) => {
    const { door, client } = await stage(t)
    await client.send(rrq('boot/511'), door.port)
    assert.equal((await client.nextOf('data')).block, 1)
  })

  test('RFC 2347: option names count in any case, unknown ones are left out of the OACK', async (t) => {
    const { door, client } = await stage(t)
    await client.send(rrq('boot/100000', { BlkSize: '1468', multicast: '', TSIZE: '0', constructor: '1' }), door.port)
    assert.deepEqual((await client.nextOf('oack')).options, { blksize: '1468', tsize: '100000' })
  })

  test('RFC 2347: when every option is unknown the request is served as though it had none', async (t) => {
    const { door, client } = await stage(t)
    await client.send(rrq('boot/511', { __proto__x: '1', blksize2: '512' }), door.port)
    await client.nextOf('data')
  })

  test('RFC 2347: of an option given twice the first counts', () => {
    const decoded = decodeTftp(Buffer.from('\0\x01f\0octet\0blksize\x001024\0BLKSIZE\x008\0'))
    assert.ok(decoded.kind === 'read')
    assert.deepEqual([...decoded.options], [['blksize', '1024']])
  })

  for (const value of ['0', '7', '65465', '-8', '1e3', ' 512', '0x200', '512.0', '', 'junk', '9'.repeat(400)]) {
    test(`RFC 2348: a blksize of ${JSON.stringify(value.slice(0, 8))} is not acknowledged and 512 stays`, () => {
      const { blksize, accepted } = negotiated({ blksize: value })
      assert.deepEqual({ blksize, accepted }, { blksize: 512, accepted: {} })
    })
  }

  for (const blksize of ['8', '1468', '65464']) {
    test(`RFC 2348: a blksize of ${blksize} is granted and the file arrives whole`, async (t) => {
      const { door, client } = await stage(t)
      const received = await client.fetch(door.port, 'boot/100000', { blksize })
      assert.equal(Buffer.compare(received, bytesOf(100_000)), 0)
    })
  }

  test('RFC 7440 §3: a windowsize of 0 or of more than 65535 is not acknowledged, one beyond ours is cut down', () => {
    assert.deepEqual(negotiated({ windowsize: '0' }).accepted, {})
    assert.deepEqual(negotiated({ windowsize: '65536' }).accepted, {})
    assert.equal(negotiated({ windowsize: '65535' }).windowsize, 64)
    assert.deepEqual(negotiated({ windowsize: '65535' }).accepted, { windowsize: '64' })
  })

  test('RFC 2349: a timeout is echoed from 1 to 255 and otherwise not acknowledged', () => {
    assert.deepEqual(negotiated({ timeout: '255' }), {
      blksize: 512,
      windowsize: 1,
      timeoutMs: 255_000,
      accepted: { timeout: '255' },
    })
    assert.equal(negotiated({ timeout: '0' }).timeoutMs, 1000)
    assert.deepEqual(negotiated({ timeout: '256' }).accepted, {})
  })

  test('RFC 2349: tsize is answered with the size, except for an empty file, where curl would give up', () => {
    assert.deepEqual(negotiated({ tsize: '0' }, 123).accepted, { tsize: '123' })
    assert.deepEqual(negotiated({ tsize: '0' }, 0).accepted, {})
  })

  test('RFC 2347: whatever is asked, every option granted is one that was asked for and within its bounds', () => {
    const names = fc.constantFrom('blksize', 'windowsize', 'timeout', 'tsize', 'other')
    const values = fc.oneof(fc.string(), fc.nat().map(String), fc.bigInt().map(String))
    fc.assert(
      fc.property(fc.dictionary(names, values), (requested) => {
        const { blksize, windowsize, timeoutMs, accepted } = negotiated(requested)
        assert.ok(blksize >= 8 && blksize <= 65464 && windowsize >= 1 && windowsize <= 64)
        assert.ok(timeoutMs >= 1000 && timeoutMs <= 255_000)
        for (const name of Object.keys(accepted)) assert.ok(name in requested)
      }),
    )
  })

  test('RFC 2347: a client that refuses the OACK with ERROR 8 ends the transfer and is not answered', async (t) => {
    const { door, client, nextEnd } = await stage(t)
    await client.send(rrq('boot/1024', { tsize: '0' }), door.port)
    await client.send(error(8, 'only wanted the size'), (await client.nextOf('oack')).port)
    const end = await nextEnd()
    assert.deepEqual([end.outcome, end.bytes], ['aborted', 0])
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

  test('RFC 1123 §4.2.3.2: retransmissions back off from 1 s to 8 s and end after the fifth', async (t) => {
    const { door, client, ends } = await stage(t)
    mock.timers.enable({ apis: ['setTimeout'] })
    try {
      await client.send(rrq('boot/511'), door.port)
      await client.next()
      for (const waitMs of [1000, 2000, 4000, 8000, 8000]) {
        mock.timers.tick(waitMs)
        await client.next()
      }
      assert.equal(ends.length, 0)
      mock.timers.tick(8000)
      assert.match(ends[0]?.why ?? '', /no answer to block 1 of 1/)
    } finally {
      mock.timers.reset()
    }
    assert.equal(countOf(client, 'data'), 6)
    assert.equal(door.active(), 0)
  })

  test('a client that is gone ends its own transfer, other transfers go on', async (t) => {
    const { door, client, nextEnd } = await stage(t)
    const gone = await TftpTestClient.open()
    await gone.send(rrq('boot/100000'), door.port)
    await gone.next()
    await gone.close()
    const { first } = await begin(client, door.port, 'boot/100000')
    const end = await nextEnd()
    assert.deepEqual([end.outcome, end.bytes], ['aborted', 0])
    assert.match(end.why ?? '', /ECONNREFUSED/)
    assert.equal(Buffer.compare(await client.finish(first), bytesOf(100_000)), 0)
  })
})

describe('transfer identifiers', () => {
  test('RFC 1350 §4: datagrams from a foreign TID do not disturb the transfer', async (t) => {
    const { door, client, nextEnd } = await stage(t)
    const stranger = await another(t)
    const { tid, first } = await begin(client, door.port, 'boot/100000')
    // The transfer's socket is connect()ed: the kernel drops these or refuses them, so no ERROR 5 is to be expected.
    for (const octets of [error(0, 'stop'), ack(1), Buffer.alloc(0), Buffer.from([0]), rrq('boot/511')]) {
      await stranger.send(octets, tid).catch(() => undefined)
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
    for (const path of ['../etc/passwd', '/../x', 'boot/../../x', 'boot/..', '..', '\\boot\\bcd', 'a\nb', 'a\x7f']) {
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

  test('RFC 1350 §5: decoding answers any octets with a value', () => {
    const opcodes = fc.integer({ min: 0, max: 7 }).map((opcode) => Uint8Array.of(0, opcode))
    const datagrams = fc.tuple(fc.oneof(opcodes, fc.uint8Array({ maxLength: 2 })), fc.uint8Array({ maxLength: 600 }))
    fc.assert(
      fc.property(datagrams, ([head, tail]) => {
        const packet = decodeTftp(Buffer.concat([head, tail]))
        assert.ok(['read', 'write', 'ack', 'error', 'malformed', 'noise'].includes(packet.kind))
      }),
    )
  })
})

/** For a state that another party reaches by itself; fails by the test's own time-out. */
async function waitUntil(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((later) => setTimeout(later, 2))
}

describe('limits and closing', () => {
  test('beyond the limit per client requests wait for the client to ask again, others are served', async (t) => {
    const { door, client } = await stage(t, { limits: { transfers: 3, transfersPerClient: 2 } })
    const [second, third] = [await another(t), await another(t)]
    const neighbour = await another(t, { address: '127.0.0.5', server: '127.0.0.1' })
    const { first } = await begin(client, door.port, 'boot/1024')
    await begin(second, door.port, 'boot/1024')
    await third.send(rrq('boot/511'), door.port)
    assert.equal((await neighbour.fetch(door.port, 'boot/511')).length, 511)
    await client.finish(first)
    await waitUntil(() => door.active() === 1)
    assert.equal((await third.fetch(door.port, 'boot/511')).length, 511)
    assert.equal(third.received.length, 1)
  })

  test('beyond the limit of all transfers requests are dropped without a word', async (t) => {
    const { door, client } = await stage(t, { limits: { transfers: 1, transfersPerClient: 5 } })
    const second = await another(t)
    const { first } = await begin(client, door.port, 'boot/1024')
    await second.send(rrq('boot/511'), door.port)
    await client.finish(first)
    await waitUntil(() => door.active() === 0)
    assert.equal((await second.fetch(door.port, 'boot/512')).length, 512)
    assert.deepEqual(
      second.received.map(({ kind }) => kind),
      ['data', 'data'],
    )
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

describe('descriptors', () => {
  const doorUrl = new URL('../../server/serve/tftp/door.ts', import.meta.url).href
  const program = `
    import { pino } from 'pino'
    const { openTftpDoor } = await import(${JSON.stringify(doorUrl)})
    const bytes = new Uint8Array(5000)
    const door = await openTftpDoor({
      address: '127.0.0.1', port: 0, graceMs: 0, log: pino({ level: 'silent' }),
      limits: { transfers: 1000, transfersPerClient: 1000 },
      resolve: () => ({ kind: 'bytes', bytes }),
      onEnd: ({ why }) => console.log(why),
    })
    console.log('port ' + door.port)
    process.stdin.on('end', () => door.close()).resume()`

  test('a process out of descriptors loses the transfers it has none for, and serves on when some are free', async (t) => {
    const args = ['--nofile=64', process.execPath, '--import', 'tsx', '--input-type=module', '-e', program]
    const server = spawn('prlimit', args, { stdio: ['pipe', 'pipe', 'inherit'] })
    server.on('error', () => assert.fail('no prlimit here: install the Debian package util-linux'))
    t.after(() => server.kill())
    let said = ''
    server.stdout.on('data', (text: Buffer) => (said += text.toString()))
    await waitUntil(() => /port \d+\n/.test(said))
    const port = Number(/port (\d+)/.exec(said)?.[1])
    const clients = await Promise.all(Array.from({ length: 100 }, () => another(t)))
    for (const client of clients) await client.send(rrq('file', UNHURRIED), port)
    await waitUntil(() => said.includes('EMFILE'))
    for (const client of clients)
      for (const { port: tid } of client.received) await client.send(error(0, 'enough'), tid)
    await waitUntil(() => said.includes('enough'))
    assert.equal((await (await another(t)).fetch(port, 'file')).length, 5000)
    server.stdin.end()
    const [code] = (await once(server, 'close')) as [number | null]
    assert.equal(code, 0)
  })
})

type Outcome = Readonly<{ code: number | null; said: string }>

/** Runs a client program to its end; a missing one is a failure that says what to install. */
function run(program: string, debianPackage: string, args: readonly string[], cwd: string): Promise<Outcome> {
  return new Promise((resolved, reject) => {
    const child = spawn(program, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'], timeout: 120_000 })
    let said = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text: Buffer) => (said += text.toString()))
    child.on('error', () => reject(new Error(`no ${program} here: install the Debian package ${debianPackage}`)))
    child.on('close', (code) => resolved({ code, said }))
  })
}

describe('real clients', () => {
  const clients = [
    {
      name: 'tftp-hpa',
      fetch: (port: number, path: string, cwd: string) =>
        run('tftp', 'tftp-hpa', ['-m', 'binary', '127.0.0.1', `${port}`, '-c', 'get', path, 'got'], cwd),
    },
    {
      name: 'atftp with blksize 1428 and windowsize 8',
      fetch: (port: number, path: string, cwd: string) => {
        const options = ['--option', 'blksize 1428', '--option', 'windowsize 8', '--option', 'tsize 0']
        return run('atftp', 'atftp', [...options, '-g', '-r', path, '-l', 'got', '127.0.0.1', `${port}`], cwd)
      },
    },
    {
      name: 'curl',
      fetch: (port: number, path: string, cwd: string) =>
        run('curl', 'curl', ['-sS', '-o', 'got', `tftp://127.0.0.1:${port}/${path}`], cwd),
    },
    { name: 'npm tftp', fetch: fetchWithNpmTftp },
  ]
  const empty = Buffer.alloc(0) // curl and others create no file for nothing

  for (const { name, fetch } of clients) {
    for (const size of SIZES) {
      test(`${name} fetches ${size} octets`, async (t) => {
        const { door, nextEnd } = await stage(t)
        const cwd = await directory(t)
        const { code, said } = await fetch(door.port, `boot/${size}`, cwd)
        assert.equal(code, 0, said)
        const got = await readFile(join(cwd, 'got')).catch(() => empty)
        assert.equal(Buffer.compare(got, bytesOf(size)), 0)
        assert.equal((await nextEnd()).outcome, 'complete')
      })
    }
  }

  test('tftp-hpa fetches 40 MB by 512 octets, past block 65535', async (t) => {
    const { door } = await stage(t)
    const cwd = await directory(t)
    const { code, said } = await (clients[0]?.fetch(door.port, `boot/${WRAPPING}`, cwd) ?? assert.fail('no client'))
    assert.equal(code, 0, said)
    assert.equal(Buffer.compare(await readFile(join(cwd, 'got')), bytesOf(WRAPPING)), 0)
  })

  test('tftp-hpa undoes our netascii, its default mode', async (t) => {
    const text = Buffer.from('default linux\n\rlabel linux\r\n')
    const { door } = await stage(t, { resolve: () => ({ kind: 'bytes', bytes: text }) })
    const cwd = await directory(t)
    const args = ['-m', 'ascii', '127.0.0.1', `${door.port}`, '-c', 'get', 'menu', 'got']
    const { code, said } = await run('tftp', 'tftp-hpa', args, cwd)
    assert.equal(code, 0, said)
    assert.deepEqual(await readFile(join(cwd, 'got')), text)
  })

  test('curl names the reason when there is no such file', async (t) => {
    const { door } = await stage(t)
    const { code } = await run('curl', 'curl', ['-sS', `tftp://127.0.0.1:${door.port}/nope`], tmpdir())
    assert.equal(code, 68) // CURLE_TFTP_NOTFOUND
  })
})

async function directory(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'bootstead-tftp-'))
  t.after(() => rm(path, { recursive: true }))
  return path
}

type NpmTftp = Readonly<{
  createClient: (options: { host: string; port: number }) => {
    get: (remote: string, local: string, done: (error?: Error) => void) => void
  }
}>

function fetchWithNpmTftp(port: number, path: string, cwd: string): Promise<Outcome> {
  const npmTftp = createRequire(import.meta.url)('tftp') as NpmTftp
  return new Promise((resolved) => {
    npmTftp.createClient({ host: '127.0.0.1', port }).get(path, join(cwd, 'got'), (failure) => {
      resolved(failure ? { code: 1, said: failure.message } : { code: 0, said: '' })
    })
  })
}
