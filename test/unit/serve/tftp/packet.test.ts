import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { decodeTftp, encodeNetascii } from '../../../../server/serve/tftp/packet.ts'

describe('packets', () => {
  test('RFC 2347: of an option given twice the first counts', () => {
    const decoded = decodeTftp(Buffer.from('\0\x01f\0octet\0blksize\x001024\0BLKSIZE\x008\0'))
    assert.ok(decoded.kind === 'read')
    assert.deepEqual([...decoded.options], [['blksize', '1024']])
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
