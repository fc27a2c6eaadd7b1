import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { negotiate, type Negotiated } from '../../../../server/serve/tftp/options.ts'
import { openTransfer, type Step, type Transfer } from '../../../../server/serve/tftp/transfer.ts'
import { randomFrom } from '../../../random.ts'
import { transferOver } from './simulated-client.ts'

const plain = negotiate(new Map(), 0)
const windows = (windowsize: number, timeout = 1): Negotiated => ({
  ...plain,
  windowsize,
  timeoutMs: timeout * 1000,
  accepted: new Map([['windowsize', String(windowsize)]]),
})

/** Of a transfer that nobody answers, from its next step on: the waits, and why it ends. */
function silence(transfer: Transfer, first: Step): Readonly<{ waits: number[]; why: string }> {
  const waits: number[] = []
  for (let step = first; ; step = transfer.waited()) {
    if (step.kind === 'given-up') return { waits, why: step.why }
    assert.ok(step.kind === 'blocks' || step.kind === 'oack')
    waits.push(step.waitMs)
    assert.ok(waits.length < 1000, 'never given up')
  }
}

describe('silence', () => {
  test('RFC 1123 §4.2.3.2: retransmissions back off from 1 s to 8 s and end after the fifth', () => {
    const transfer = openTransfer(plain, 5000)
    transfer.begin()
    const { waits, why } = silence(transfer, transfer.acknowledged(1))
    assert.deepEqual(waits, [1000, 2000, 4000, 8000, 8000, 8000])
    assert.equal(why, 'no answer to block 2 of 10')
  })

  test('a client that never answered gets the first packet four times in 15 s, whatever time-out it asked for', () => {
    for (const negotiated of [plain, windows(16, 255)]) {
      const transfer = openTransfer(negotiated, 100_000)
      assert.deepEqual(silence(transfer, transfer.begin()).waits, [1000, 2000, 4000, 8000])
    }
  })

  test('an OACK that nobody answers is named', () => {
    const transfer = openTransfer(windows(4), 5000)
    assert.equal(silence(transfer, transfer.begin()).why, 'no answer to the options (OACK)')
  })

  test('a client that leaves with its last ACK lost is told from one that lacks something', () => {
    const transfer = openTransfer(plain, 511)
    assert.equal(silence(transfer, transfer.begin()).why, 'no answer to the last block')
  })

  test('RFC 2349: the time-out that was asked for is the first wait, and the silence is bounded for the longest too', () => {
    const waitsOf = (timeout: number): number[] => {
      const transfer = openTransfer(windows(1, timeout), 5000)
      transfer.begin()
      return silence(transfer, transfer.acknowledged(0)).waits
    }
    assert.deepEqual(waitsOf(3), [3000, 6000, 8000, 8000, 8000, 8000])
    assert.deepEqual(waitsOf(60), [60_000, 60_000])
    assert.deepEqual(waitsOf(255), [255_000, 255_000])
  })

  test('the back-off begins anew with each answer', () => {
    const transfer = openTransfer(plain, 5000)
    transfer.begin()
    transfer.waited()
    transfer.waited()
    const step = transfer.acknowledged(1)
    assert.deepEqual(step, { kind: 'blocks', first: 2, last: 2, waitMs: 1000 })
  })
})

describe('windows', () => {
  const opened = (windowsize: number): Transfer => {
    const transfer = openTransfer(windows(windowsize), 512 * 100)
    transfer.begin()
    return transfer
  }

  test('RFC 7440 §4: after the OACK the first window goes out, after its ACK the next', () => {
    const transfer = opened(8)
    assert.deepEqual(transfer.acknowledged(0), { kind: 'blocks', first: 1, last: 8, waitMs: 1000 })
    assert.deepEqual(transfer.acknowledged(8), { kind: 'blocks', first: 9, last: 16, waitMs: 1000 })
  })

  test('RFC 7440 §6: a loss halves what is sent at once, the rest of the window follows at intervals; whole windows double it', () => {
    const transfer = opened(8)
    transfer.acknowledged(0)
    assert.deepEqual(transfer.acknowledged(2), { kind: 'blocks', first: 3, last: 6, waitMs: 1 })
    assert.deepEqual(transfer.waited(), { kind: 'blocks', first: 7, last: 10, waitMs: 1000 })
    assert.deepEqual(transfer.acknowledged(10), { kind: 'blocks', first: 11, last: 18, waitMs: 1000 })
  })

  test('RFC 7440 §6: after silence a window goes out block by block', () => {
    const transfer = opened(4)
    transfer.acknowledged(0)
    const sent = [transfer.waited(), transfer.waited(), transfer.waited(), transfer.waited()]
    assert.deepEqual(
      sent.map((step) => step.kind === 'blocks' && [step.first, step.last, step.waitMs]),
      [
        [1, 1, 1],
        [2, 2, 1],
        [3, 3, 1],
        [4, 4, 2000],
      ],
    )
  })
})

describe('any wire', () => {
  const sizes = fc.integer({ min: 0, max: 3000 })
  const windowsizes = fc.constantFrom(1, 1, 2, 5, 16, 64)
  const seeds = fc.integer()
  const negotiatedOf = (windowsize: number): Negotiated => ({
    ...(windowsize === 1 ? plain : windows(windowsize)),
    blksize: 16,
  })
  const parts = fc.double({ min: 0, max: 0.3, noNaN: true })

  test('the file arrives whole, or the transfer ends with a reason', () => {
    fc.assert(
      fc.property(
        sizes,
        windowsizes,
        seeds,
        parts,
        parts,
        fc.integer({ max: 3000, min: 0 }),
        (size, windowsize, seed, loss, duplicates, delayMs) => {
          const course = transferOver(negotiatedOf(windowsize), size, { loss, duplicates, delayMs }, randomFrom(seed))
          if (course.end === 'complete') assert.ok(course.isWhole)
          else assert.match(course.why ?? '', /^no answer to /)
        },
      ),
      { numRuns: 300 },
    )
  })

  test('where nothing is lost, what comes twice or late does not keep the file from arriving', () => {
    fc.assert(
      fc.property(sizes, windowsizes, seeds, fc.integer({ max: 400, min: 0 }), (size, windowsize, seed, delayMs) => {
        const wire = { loss: 0, duplicates: 0.3, delayMs }
        const course = transferOver(negotiatedOf(windowsize), size, wire, randomFrom(seed))
        assert.deepEqual([course.end, course.isWhole], ['complete', true])
      }),
      { numRuns: 300 },
    )
  })

  test('RFC 1123 §4.2.3.1: in lock-step a block is sent once for each wait that ends before its ACK, however often ACKs come', () => {
    fc.assert(
      fc.property(sizes, seeds, parts, fc.integer({ max: 400, min: 0 }), (size, seed, duplicates, delayMs) => {
        const course = transferOver(negotiatedOf(1), size, { loss: 0, duplicates, delayMs }, randomFrom(seed))
        assert.equal(course.waits, 0) // an answer takes less than the time-out
        assert.ok(course.timesSent.every((times) => times === 1))
      }),
    )
  })

  test('no storm: at most a window is sent for a packet heard, and for a wait', () => {
    fc.assert(
      fc.property(sizes, windowsizes, seeds, parts, parts, (size, windowsize, seed, loss, duplicates) => {
        const wire = { loss, duplicates, delayMs: 50 }
        const { sent, heard, waits } = transferOver(negotiatedOf(windowsize), size, wire, randomFrom(seed))
        assert.ok(sent <= windowsize * (heard + waits + 1), `${sent} for ${heard} heard and ${waits} waits`)
      }),
    )
  })

  test('whatever ACKs are invented, each is answered by a window at most, and no block is sent that is not in the file', () => {
    const acks = fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 300 })
    fc.assert(
      fc.property(acks, windowsizes, (invented, windowsize) => {
        const negotiated = negotiatedOf(windowsize)
        const transfer = openTransfer(negotiated, 16 * 200)
        transfer.begin()
        for (const block of invented) {
          const step = transfer.acknowledged(block)
          if (step.kind === 'complete') return
          if (step.kind === 'blocks')
            assert.ok(step.first >= 1 && step.last <= 201 && step.last - step.first < windowsize)
        }
      }),
    )
  })

  test('the block number wraps as often as it has to', () => {
    const course = transferOver(windows(64), 512 * 140_000, { loss: 0, duplicates: 0, delayMs: 0 }, () => 0.5)
    assert.deepEqual([course.end, course.isWhole, course.sent], ['complete', true, 140_001 + 1])
  })
})
