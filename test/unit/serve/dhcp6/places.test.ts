import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { NetworkInterfaceInfo } from 'node:os'
import { addressesOn, placesFor } from '../../../../server/serve/dhcp6/places.ts'

const card = (...addresses: string[]): readonly NetworkInterfaceInfo[] =>
  addresses.map((address): NetworkInterfaceInfo =>
    address.includes(':')
      ? { address, netmask: '', family: 'IPv6', mac: '', internal: address === '::1', cidr: null, scopeid: 0 }
      : { address, netmask: '', family: 'IPv4', mac: '', internal: address.startsWith('127.'), cidr: null },
  )
const host = {
  lo: card('127.0.0.1', '::1'),
  eth0: card('192.0.2.1', 'fe80::1', '2001:db8:1::1'),
  eth1: card('fe80::2', '2001:db8:2::1', '2001:db8:2::2'),
  eth2: card('198.51.100.1'),
}
const shown = (address: string) =>
  placesFor(address, host).map(
    (one) => `${one.address} on ${one.interface ?? 'any'}${one.joins.map((name) => ` +${name}`).join('')}`,
  )

test('RFC 8415 §7.1: on all addresses, each link’s group, the site’s group on all of them, and every address of ours', () => {
  assert.deepEqual(shown('::'), [
    'ff02::1:2%eth0 on eth0 +eth0',
    'ff02::1:2%eth1 on eth1 +eth1',
    'ff05::1:3 on any +eth0 +eth1',
    'fe80::1%eth0 on eth0',
    '2001:db8:1::1 on eth0',
    'fe80::2%eth1 on eth1',
    '2001:db8:2::1 on eth1',
    '2001:db8:2::2 on eth1',
  ])
})

test('on one address, the groups of its interface and it alone', () => {
  assert.deepEqual(shown('2001:db8:2::2'), [
    'ff02::1:2%eth1 on eth1 +eth1',
    'ff05::1:3 on any +eth1',
    '2001:db8:2::2 on eth1',
  ])
})

test('loopback is one place without a group, an address of nobody is none', () => {
  assert.deepEqual(shown('::1'), ['::1 on any'])
  assert.deepEqual(shown('2001:db8:9::1'), [])
})

test('an interface’s addresses are those that tell its network', () => {
  assert.deepEqual(addressesOn('eth1', host), ['2001:db8:2::1', '2001:db8:2::2'])
  assert.deepEqual(addressesOn('eth9', host), [])
})
