import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { negotiate } from '../../../../server/serve/tftp/options.ts'

describe('options', () => {
  const negotiated = (requested: Record<string, string>, size = 1000) => {
    const { accepted, ...rest } = negotiate(new Map(Object.entries(requested)), size)
    return { ...rest, accepted: Object.fromEntries(accepted) }
  }

  for (const value of ['0', '7', '65465', '-8', '1e3', ' 512', '0x200', '512.0', '', 'junk', '9'.repeat(400)]) {
    test(`RFC 2348: a blksize of ${JSON.stringify(value.slice(0, 8))} is not acknowledged and 512 stays`, () => {
      const { blksize, accepted } = negotiated({ blksize: value })
      assert.deepEqual({ blksize, accepted }, { blksize: 512, accepted: {} })
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
})
