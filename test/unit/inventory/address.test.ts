import assert from 'node:assert/strict'
import { SocketAddress } from 'node:net'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Ipv4Network, Ipv6Address, Ipv6Network } from '../../../server/inventory/address.ts'
import {
  autonomousAddress,
  broadcastOf,
  ipv6NetworkContains,
  isHostAddress,
  isIpv6HostAddress,
  macFileName,
  netmaskOf,
  networkContains,
  parseIpv4,
  parseIpv6,
  parseIpv6Network,
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

describe('IPv6', () => {
  const six = (text: string): Ipv6Address => parseIpv6(text) ?? assert.fail(text)
  const network6 = (text: string): Ipv6Network => parseIpv6Network(text) ?? assert.fail(text)

  test('RFC 5952: every notation reads as the same text', () => {
    for (const text of ['2001:db8::1', '2001:0DB8:0:0:0:0:0:1', ' 2001:db8:0:0::0001\n'])
      assert.equal(parseIpv6(text), '2001:db8::1')
    assert.equal(parseIpv6('2001:db8:0:1:0:0:0:1'), '2001:db8:0:1::1') // §4.2.3: the longest run
    assert.equal(parseIpv6('2001:db8:0:0:1:0:0:1'), '2001:db8::1:0:0:1') // the first of two
    assert.equal(parseIpv6('2001:db8:0:1:1:1:1:1'), '2001:db8:0:1:1:1:1:1') // §4.2.2: one group stays
  })

  test('an address reads as the kernel prints it, so that a peer’s can be compared', () => {
    const octets = fc.uint8Array({ minLength: 8, maxLength: 8 })
    const rest = fc.array(fc.constantFrom(0, 0, 1, 0xff), { minLength: 8, maxLength: 8 })
    fc.assert(
      fc.property(octets, rest, (random, zeros) => {
        const all = [0x20, 0x01, ...random.slice(2), ...zeros]
        const text = Array.from({ length: 8 }, (_, at) =>
          (((all[at * 2] ?? 0) << 8) | (all[at * 2 + 1] ?? 0)).toString(16),
        ).join(':')
        assert.equal(parseIpv6(text), new SocketAddress({ family: 'ipv6', address: text }).address)
      }),
    )
  })

  test('what no host is given is refused: link-local, multicast, loopback, none, IPv4 in disguise, a zone', () => {
    for (const text of [
      'fe80::1',
      'ff02::1',
      '::1',
      '::',
      '::ffff:192.0.2.1',
      '2001:db8::1%eth0',
      '192.0.2.1',
      '',
      'x',
    ])
      assert.equal(parseIpv6(text), null)
  })

  test('a network’s host bits are zero', () => {
    assert.equal(parseIpv6Network('2001:DB8:0::/64'), '2001:db8::/64')
    for (const text of [
      '2001:db8::1/64',
      '2001:db8::',
      '2001:db8::/129',
      '2001:db8::/x',
      '2001:db8::/6/4',
      'fe80::/64',
    ])
      assert.equal(parseIpv6Network(text), null)
  })

  test('a network holds what has its prefix, whatever its length', () => {
    assert.ok(ipv6NetworkContains(network6('2001:db8::/33'), six('2001:db8:7fff::1')))
    assert.ok(!ipv6NetworkContains(network6('2001:db8::/33'), six('2001:db8:8000::1')))
  })

  test('RFC 4291 §2.6.1: the first address is the routers’, but for a /127 (RFC 6164)', () => {
    assert.ok(!isIpv6HostAddress(network6('2001:db8::/64'), six('2001:db8::')))
    assert.ok(isIpv6HostAddress(network6('2001:db8::/64'), six('2001:db8::1')))
    assert.ok(isIpv6HostAddress(network6('2001:db8::/127'), six('2001:db8::')))
  })

  test('RFC 4862 §5.5.3: the address that a card gives itself, in a /64 only', () => {
    const mac = parseMac('00:00:5e:00:53:01') ?? assert.fail()
    assert.equal(autonomousAddress(network6('2001:db8:1::/64'), mac), '2001:db8:1:0:200:5eff:fe00:5301')
    assert.equal(autonomousAddress(network6('2001:db8:1::/63'), mac), null)
  })
})
