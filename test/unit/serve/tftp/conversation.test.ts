import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Conversation, type TransferEnd } from '../../../../server/serve/tftp/conversation.ts'
import type { Line, Lines, Listening } from '../../../../server/serve/tftp/lines.ts'
import type { Negotiated } from '../../../../server/serve/tftp/options.ts'

const peer = { address: '192.0.2.7', port: 1234 }
/** A time-out that no client may ask for, so that a transfer is given up within a tenth of a second. */
const quick: Negotiated = { blksize: 512, windowsize: 1, timeoutMs: 1, accepted: new Map() }
const ack = (block: number): Buffer => Buffer.from([0, 4, 0, block])

type Held = Readonly<{ conversation: Conversation; sent: string[]; heard: () => Listening; end: Promise<TransferEnd> }>

async function hold(change: Partial<Line> = {}): Promise<Held> {
  const sent: string[] = []
  let listening: Listening | null = null
  const line: Line = {
    data: (block, _bytes, start, end) => sent.push(`data ${block}: ${start} to ${end}`),
    send: (packet) => sent.push(Buffer.from(packet).toString('latin1')),
    close: () => sent.push('closed'),
    ...change,
  }
  const lines: Lines = {
    name: 'none',
    most: 1,
    open: (_local, _peer, who) => {
      listening = who
      return Promise.resolve(line)
    },
  }
  let onEnd = (_end: TransferEnd): void => undefined
  const end = new Promise<TransferEnd>((resolve) => (onEnd = resolve))
  const conversation = new Conversation({
    path: 'f',
    peer,
    bytes: new Uint8Array(1000),
    negotiated: quick,
    onEnd: (how) => onEnd(how),
  })
  await conversation.begin(lines, '192.0.2.1')
  return { conversation, sent, heard: () => listening ?? assert.fail('no line was opened'), end }
}

describe('conversations', () => {
  test('the last block is as short as the file leaves it, and its ACK closes the line', async () => {
    const { sent, heard, end } = await hold()
    heard().receive(ack(1))
    heard().receive(ack(2))
    assert.deepEqual(sent, ['data 1: 0 to 512', 'data 2: 512 to 1000', 'closed'])
    const { outcome, bytes, size } = await end
    assert.deepEqual([outcome, bytes, size], ['complete', 1000, 1000])
  })

  test('a client that falls silent is given up, and why its packets did not leave is told', async () => {
    const { sent, heard, end } = await hold()
    heard().receive(ack(1))
    heard().failed('EHOSTUNREACH')
    const { outcome, why, bytes } = await end
    assert.deepEqual([outcome, why, bytes], ['aborted', 'no answer to the last block; sending: EHOSTUNREACH', 512])
    assert.deepEqual(sent, ['data 1: 0 to 512', ...new Array<string>(6).fill('data 2: 512 to 1000'), 'closed'])
  })

  test('what failed before the client was heard again is no reason', async () => {
    const { heard, end } = await hold()
    heard().failed('EHOSTUNREACH')
    heard().receive(ack(1))
    assert.equal((await end).why, 'no answer to the last block')
  })

  test('a line that throws ends its own transfer', async () => {
    const { end } = await hold({
      data: () => {
        throw new Error('cut')
      },
    })
    assert.deepEqual([(await end).outcome, (await end).why], ['aborted', 'cut'])
  })

  test('RFC 1350 §7: an ERROR ends it without a word, a stop tells the client', async () => {
    const ended = await hold()
    ended.heard().receive(Buffer.from('\0\x05\0\x03disk full\0'))
    assert.deepEqual(
      [(await ended.end).outcome, (await ended.end).why],
      ['aborted', 'the client ended it: disk full (error 3)'],
    )
    assert.deepEqual(ended.sent.slice(1), ['closed'])
    const stopped = await hold()
    stopped.conversation.stop('the server is stopping')
    assert.deepEqual(stopped.sent.slice(1), ['\0\x05\0\0the server is stopping\0', 'closed'])
  })

  test('who takes nothing and gives no reason only asked for the size; whoever took a part, or has a reason, broke it off', async () => {
    const endAfter = async (...datagrams: readonly Uint8Array[]) => {
      const { heard, end } = await hold()
      for (const datagram of datagrams) heard().receive(datagram)
      return [(await end).outcome, (await end).why]
    }
    const [none, refused, full] = [0, 8, 3].map((code) => Buffer.from([0, 5, 0, code, 0]))
    assert.ok(none !== undefined && refused !== undefined && full !== undefined)
    assert.deepEqual(await endAfter(none), ['declined', 'the client ended it (error 0)'])
    assert.deepEqual(await endAfter(refused), ['declined', 'the client ended it (error 8)'])
    assert.deepEqual(await endAfter(full), ['aborted', 'the client ended it (error 3)'])
    assert.deepEqual(await endAfter(ack(1), none), ['aborted', 'the client ended it (error 0)'])
  })

  test('nothing that comes after the end has any effect', async () => {
    const { conversation, sent, heard } = await hold()
    conversation.giveUp('enough')
    const before = sent.length
    heard().receive(ack(1))
    heard().receive(Buffer.from('\0\x05\0\x03disk full\0'))
    conversation.stop('again')
    assert.deepEqual(sent.slice(before), [])
  })

  test('a client that has not answered is unheard, one that has is not', async () => {
    const { conversation, heard } = await hold()
    assert.deepEqual([conversation.isUnheardFor(0), conversation.isUnheardFor(60_000)], [true, false])
    heard().receive(ack(1))
    assert.equal(conversation.isUnheardFor(0), false)
    conversation.giveUp('enough')
  })
})
