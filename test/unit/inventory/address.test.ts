import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Ipv4Network } from '../../../server/inventory/address.ts'
import {
  broadcastOf,
  isHostAddress,
  macFileName,
  netmaskOf,
  networkContains,
  parseIpv4,
  parseMac,
  parseNetwork,
  parseUuid,
  prefixLengthOf,
} from '../../../server/inventory/address.ts'
import { address } from '../../fixtures.ts'

function network(text: string): Ipv4Network {
  const parsed = parseNetwork(text)
  if (parsed === null) throw new Error(`${text} is no network`)
  return parsed
}

describe('MAC addresses', () => {
  test('every notation a site may have stored reads as the same six octets', () => {
    for (const text of [
      '00:00:5e:00:53:af',
      '00-00-5E-00-53-AF',
      '0000.5e00.53af',
      '00005E0053AF',
      ' 00:00:5e:00:53:af\n',
    ])
      assert.equal(parseMac(text), '00:00:5e:00:53:af')
  })

  test('IEEE 802-2014 §8.2: a group address is no interface’s, nor are six zero octets', () => {
    for (const text of ['01:00:5e:00:00:01', 'ff:ff:ff:ff:ff:ff', '33:33:00:00:00:01', '00:00:00:00:00:00'])
      assert.equal(parseMac(text), null)
  })

  test('a locally administered address is a machine’s as much as any', () => {
    assert.equal(parseMac('02:00:00:00:00:01'), '02:00:00:00:00:01')
  })

  test('what has not twelve hexadecimal digits is no MAC', () => {
    for (const text of ['', '00:00:5e:00:53', '00:00:5e:00:53:01:02', '00:00:5e:00:53:0g', 'eth0', '00 00 5e 00 53 01'])
      assert.equal(parseMac(text), null, text)
  })

  test('PXELINUX, doc/pxelinux.txt: the menu’s name is the ARP hardware type and the MAC, in lower case with dashes', () => {
    const mac = parseMac('00:00:5E:00:53:AF')
    assert.ok(mac)
    assert.equal(macFileName(mac), '01-00-00-5e-00-53-af')
  })
})

describe('IPv4 addresses and networks', () => {
  test('an address is four decimal octets', () => {
    assert.equal(parseIpv4('192.0.2.10'), '192.0.2.10')
    assert.equal(parseIpv4(' 192.0.2.10 '), '192.0.2.10')
    assert.equal(parseIpv4('0.0.0.0'), '0.0.0.0')
  })

  test('RFC 6943 §3.1.1: octal, hexadecimal and short forms, which programs read differently, are refused', () => {
    for (const text of [
      '192.0.2',
      '192.0.2.256',
      '0300.0.2.1',
      '192.0.2.010',
      '0xc0.0.2.1',
      '3221225985',
      '',
      '2001:db8::1',
      'a.b.c.d',
      '192.0.2.1/24',
      '-1.0.0.0',
    ])
      assert.equal(parseIpv4(text), null, text)
  })

  test('a network’s host bits are zero', () => {
    assert.equal(parseNetwork('192.0.2.0/24'), '192.0.2.0/24')
    assert.equal(parseNetwork('192.0.2.0/024'), null)
    assert.equal(parseNetwork(' 192.0.2.128/25 '), '192.0.2.128/25')
    assert.equal(parseNetwork('0.0.0.0/0'), '0.0.0.0/0')
    assert.equal(parseNetwork('192.0.2.7/32'), '192.0.2.7/32')
    for (const text of [
      '192.0.2.1/24',
      '192.0.2.0',
      '192.0.2.0/33',
      '192.0.2.0/-1',
      '192.0.2.0/',
      '/24',
      '192.0.2.0/24/8',
    ])
      assert.equal(parseNetwork(text), null, text)
  })

  test('netmask and broadcast address follow from the prefix', () => {
    const rows = [
      ['192.0.2.0/24', '255.255.255.0', '192.0.2.255'],
      ['192.0.2.128/26', '255.255.255.192', '192.0.2.191'],
      ['10.0.0.0/8', '255.0.0.0', '10.255.255.255'],
      ['0.0.0.0/0', '0.0.0.0', '255.255.255.255'],
      ['192.0.2.7/32', '255.255.255.255', '192.0.2.7'],
    ] as const
    for (const [text, mask, broadcast] of rows)
      assert.deepEqual([netmaskOf(network(text)), broadcastOf(network(text))], [mask, broadcast])
  })

  test('RFC 1122 §3.2.1.3: a network’s first and last address are no host’s; RFC 3021: a /31 has two hosts', () => {
    const hosts = (text: string, addresses: readonly string[]): readonly boolean[] =>
      addresses.map((one) => isHostAddress(network(text), address(one)))
    assert.deepEqual(hosts('192.0.2.0/24', ['192.0.2.0', '192.0.2.1', '192.0.2.254', '192.0.2.255']), [
      false,
      true,
      true,
      false,
    ])
    assert.deepEqual(hosts('192.0.2.0/31', ['192.0.2.0', '192.0.2.1']), [true, true])
    assert.deepEqual(hosts('192.0.2.9/32', ['192.0.2.9']), [true])
  })

  test('whatever the prefix: a network contains its own first and last address, and not their neighbours', () => {
    const number = fc.integer({ min: 0, max: 0xffffffff })
    const quad = (value: number): string => [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join('.')
    fc.assert(
      fc.property(number, fc.integer({ min: 1, max: 32 }), (value, prefix) => {
        const size = 2 ** (32 - prefix)
        const first = Math.floor(value / size) * size
        const parsed = network(`${quad(first)}/${prefix}`)
        assert.equal(prefixLengthOf(parsed), prefix)
        assert.equal(broadcastOf(parsed), quad(first + size - 1))
        assert.ok(networkContains(parsed, address(quad(value))))
        assert.ok(networkContains(parsed, address(quad(first))) && networkContains(parsed, broadcastOf(parsed)))
        if (first > 0) assert.ok(!networkContains(parsed, address(quad(first - 1))))
        if (first + size <= 0xffffffff) assert.ok(!networkContains(parsed, address(quad(first + size))))
      }),
    )
  })
})

describe('UUIDs', () => {
  test('RFC 9562 §4: 32 hexadecimal digits in any case, with dashes or without', () => {
    const canonical = '564d1c2e-0000-4000-8000-00005e005301'
    for (const text of [canonical, canonical.toUpperCase(), canonical.replaceAll('-', ''), ` ${canonical} `])
      assert.equal(parseUuid(text), canonical)
    for (const text of ['', '564d1c2e', `${canonical}0`, canonical.replace('5', 'g'), `{${canonical}}`])
      assert.equal(parseUuid(text), null, text)
  })
})
