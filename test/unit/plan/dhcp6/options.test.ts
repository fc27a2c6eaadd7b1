import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Option6 } from '../../../../server/plan/dhcp6/message.ts'
import { OPTION6 } from '../../../../server/plan/dhcp6/message.ts'
import {
  association,
  associations,
  clientArchitecture6,
  clientId,
  domainNames,
  iaAddress,
  ntpServer,
  requestedOptions,
  status,
  statusOf,
  userClasses,
  vendorClass6,
  vendorClassOption,
  writeOptions,
} from '../../../../server/plan/dhcp6/options.ts'

const octets = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex.replaceAll(' ', ''), 'hex'))
const hex = (value: Uint8Array): string => Buffer.from(value).toString('hex')
const having = (...options: (readonly [number, string])[]) => ({
  options: options.map(([code, value]): Option6 => ({ code, value: octets(value) })),
})

describe('reading', () => {
  test('RFC 8415 §21.4 to §21.6: associations by kind, each with its addresses', () => {
    const held = iaAddress('2001:db8::10', 10, 20)
    const options = [
      association({ kind: 'IA_NA', iaid: 7 }, [5, 8], [held, status('Success', '')]),
      association({ kind: 'IA_TA', iaid: 8 }, [0, 0], [held]),
      association({ kind: 'IA_PD', iaid: 9 }, [0, 0], []),
    ]
    assert.deepEqual(associations({ options }), [
      { kind: 'IA_NA', iaid: 7, addresses: ['2001:db8::10'] },
      { kind: 'IA_TA', iaid: 8, addresses: ['2001:db8::10'] },
      { kind: 'IA_PD', iaid: 9, addresses: [] },
    ])
    assert.equal(options[1]?.value.length, 4 + 28)
  })

  test('a malformed association counts as none, a short address in one too', () => {
    assert.deepEqual(associations(having([3, '00000001'], [3, `${'00'.repeat(12)}0005`])), [])
    assert.deepEqual(associations(having([3, `${'00'.repeat(12)}00050002abcd`])), [
      { kind: 'IA_NA', iaid: 0, addresses: [] },
    ])
  })

  test('RFC 8415 §11.1: a DUID has three octets at least and 130 at most', () => {
    assert.equal(clientId(having([1, '0001'])), null)
    assert.equal(clientId(having([1, 'ab'.repeat(131)])), null)
    assert.equal(hex(clientId(having([1, '000301'])) ?? octets('')), '000301')
  })

  test('RFC 8415 §21.7: the options that are asked for; an odd length asks for none', () => {
    assert.deepEqual(requestedOptions(having([6, '00170018'])), new Set([23, 24]))
    assert.equal(requestedOptions(having([6, '001700'])), null)
    assert.equal(requestedOptions(having()), null)
  })

  test('RFC 5970 §3.3: the first architecture; RFC 8415 §21.15, §21.16: classes with two octets of length', () => {
    assert.equal(clientArchitecture6(having([61, '00070010'])), 7)
    assert.equal(clientArchitecture6(having([61, '07'])), null)
    assert.deepEqual(userClasses(having([15, '0004 69505845'])), ['iPXE'])
    assert.deepEqual(userClasses(having([15, '69505845'])), [])
    const value = vendorClassOption(343, 'PXEClient')
    assert.deepEqual(vendorClass6({ options: [value] }), { enterprise: 343, words: ['PXEClient'] })
    assert.equal(vendorClass6(having([16, '0000'])), null)
  })

  test('no reader throws, whatever an option holds', () => {
    const option = fc.record({
      code: fc.constantFrom(...Object.values(OPTION6)),
      value: fc.uint8Array({ maxLength: 60 }),
    })
    fc.assert(
      fc.property(fc.array(option, { maxLength: 5 }), (options) => {
        const readers = [associations, clientArchitecture6, clientId, requestedOptions, statusOf, userClasses]
        for (const read of [...readers, vendorClass6]) assert.notEqual(read({ options }), undefined)
      }),
    )
  })
})

describe('building', () => {
  test('RFC 8415 §10: names are labels with their lengths and an empty one', () => {
    assert.equal(hex(domainNames(['example.org'])), '076578616d706c65036f726700')
    assert.throws(() => domainNames(['a..b']), RangeError)
    assert.throws(() => domainNames(['a'.repeat(64)]), RangeError)
  })

  test('RFC 5908 §4: a time server by address is sub-option 1, by name 3', () => {
    assert.equal(hex(ntpServer('2001:db8::1').value), `0001001020010db8000000000000000000000001`)
    assert.equal(hex(ntpServer('a.b').value), '00030005 0161016200'.replace(' ', ''))
  })

  test('RFC 8415 §21.13: a status and its words', () => {
    const { value } = status('NotOnLink', 'no')
    assert.equal(hex(value), '00046e6f')
    assert.equal(statusOf({ options: [status('NotOnLink', 'no')] }), 4)
    assert.equal(hex(writeOptions([{ code: 13, value }])), '000d000400046e6f')
  })
})
