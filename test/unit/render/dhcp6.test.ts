import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import ipaddr from 'ipaddr.js'
import fc from 'fast-check'
import type { Dhcp6Message, Option6, Relay } from '../../../server/plan/dhcp6/message.ts'
import { isFromServer, MESSAGE_TYPE6, OPTION6 } from '../../../server/plan/dhcp6/message.ts'
import { readOptions } from '../../../server/plan/dhcp6/options.ts'
import { decodeDhcp6, encodeDhcp6, MalformedDhcp6 } from '../../../server/render/dhcp6.ts'

const octetsOf = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex.replaceAll(/\s/g, ''), 'hex'))
const relay: Relay = { hopCount: 0, linkAddress: '2001:db8::1', peerAddress: 'fe80::1', options: [] }
const solicit: Dhcp6Message = { type: 'SOLICIT', transactionId: 0x010203, options: [], relays: [] }

const address = fc
  .uint8Array({ minLength: 16, maxLength: 16 })
  .map((octets) => new ipaddr.IPv6([...octets]).toRFC5952String())
const option = fc.record({
  code: fc.integer({ min: 0, max: 0xffff }).filter((code) => code !== OPTION6.relayMessage),
  value: fc.uint8Array({ maxLength: 300 }),
})
const options = fc.array(option, { maxLength: 8 })
const message: fc.Arbitrary<Dhcp6Message> = fc.record({
  type: fc.constantFrom(...(Object.keys(MESSAGE_TYPE6) as (keyof typeof MESSAGE_TYPE6)[])),
  transactionId: fc.integer({ min: 0, max: 0xffffff }),
  options,
  relays: fc.array(
    fc.record({ hopCount: fc.integer({ min: 0, max: 255 }), linkAddress: address, peerAddress: address, options }),
    { maxLength: 9 },
  ),
})

const plain = (one: Dhcp6Message): unknown => {
  const shown = (all: readonly Option6[]) => all.map(({ code, value }) => [code, Buffer.from(value).toString('hex')])
  return {
    ...one,
    options: shown(one.options),
    relays: one.relays.map((each) => ({ ...each, options: shown(each.options) })),
  }
}

describe('the codec', () => {
  test('RFC 8415 §8: type, transaction, options, each as it stands; an option may come twice and be unknown', () => {
    const decoded = decodeDhcp6(octetsOf('01 0a0b0c  0001 0003 000400  fff0 0000  0008 0002 0064  0008 0002 0065'))
    assert.deepEqual(plain(decoded), {
      type: 'SOLICIT',
      transactionId: 0x0a0b0c,
      options: [
        [1, '000400'],
        [0xfff0, ''],
        [8, '0064'],
        [8, '0065'],
      ],
      relays: [],
    })
  })

  test('RFC 8415 §9: relay messages are a list, the one nearest to the client first', () => {
    const [near, far] = [
      { ...relay, options: [{ code: OPTION6.interfaceId, value: octetsOf('6574') }] },
      { ...relay, hopCount: 1, linkAddress: '::', peerAddress: '2001:db8::1' },
    ]
    const octets = encodeDhcp6({ ...solicit, relays: [near, far] })
    assert.deepEqual([octets[0], octets[1]], [12, 1])
    assert.deepEqual(plain(decodeDhcp6(octets)), plain({ ...solicit, relays: [near, far] }))
    assert.equal(encodeDhcp6({ ...solicit, type: 'REPLY', relays: [near] })[0], 13)
  })

  test('RFC 8415 §7.6: nine relays at most, for none passes on what eight have passed before it', () => {
    const nested = (count: number) => encodeDhcp6({ ...solicit, relays: Array.from({ length: count }, () => relay) })
    assert.equal(decodeDhcp6(nested(9)).relays.length, 9)
    assert.throws(() => decodeDhcp6(nested(10)), MalformedDhcp6)
  })

  test('RFC 8415 §9: a relay message without a message, with two, or with one that goes the other way is malformed', () => {
    const head = `0c00${'00'.repeat(32)}`
    const inner = '0009 0004 01010203'
    assert.equal(decodeDhcp6(octetsOf(head + inner)).type, 'SOLICIT')
    for (const bad of [head, head + inner + inner, `${head}0009 0004 07010203`, `${head}0009 0000`, '0d00'])
      assert.throws(() => decodeDhcp6(octetsOf(bad)), MalformedDhcp6)
  })

  test('an option that runs past the end, or a message without its head or of an unknown type, is malformed', () => {
    for (const bad of ['', '01', '010203', '01 010203 0001', '01 010203 0001 0004 00', '0e 010203', '00 010203'])
      assert.throws(() => decodeDhcp6(octetsOf(bad)), MalformedDhcp6)
  })

  test('whatever the octets, decoding ends with a message or MalformedDhcp6', () => {
    const near = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc
        .tuple(message, fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 6 }), fc.nat())
        .map(([one, changes, length]) => {
          const octets = encodeDhcp6(one)
          for (const [at, octet] of changes) octets[at % octets.length] = octet
          return octets.subarray(0, 1 + (length % octets.length))
        }),
    )
    fc.assert(
      fc.property(near, (octets) => {
        try {
          encodeDhcp6(decodeDhcp6(octets))
        } catch (error) {
          assert.ok(error instanceof MalformedDhcp6, String(error))
        }
      }),
      { numRuns: 2000 },
    )
  })

  test('what was encoded decodes to the same, and again to the same octets', () => {
    fc.assert(
      fc.property(message, (one) => {
        const octets = encodeDhcp6(one)
        assert.deepEqual(plain(decodeDhcp6(octets)), plain(one))
        assert.deepEqual(encodeDhcp6(decodeDhcp6(octets)), octets)
        if (one.relays.length > 0) assert.equal(octets[0], isFromServer(one) ? 13 : 12)
      }),
    )
  })

  test('a datagram within a larger buffer is read within its own bounds', () => {
    const buffer = Buffer.concat([Buffer.alloc(7, 0xff), encodeDhcp6(solicit), Buffer.alloc(9, 0xff)])
    assert.deepEqual(plain(decodeDhcp6(buffer.subarray(7, -9))), plain(solicit))
  })

  test('what can’t be encoded is refused by name', () => {
    assert.throws(() => encodeDhcp6({ ...solicit, transactionId: 0x1000000 }), /transaction id 16777216/)
    const huge = { code: 200, value: new Uint8Array(0x10000) }
    assert.throws(() => encodeDhcp6({ ...solicit, options: [huge] }), /option 200/)
  })
})

test('RFC 8415 §21.1: options are read to the last octet or not at all', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (octets) => {
      const length = readOptions(octets)?.reduce((sum, { value }) => sum + 4 + value.length, 0)
      assert.ok(length === undefined || length === octets.length)
    }),
  )
})
