import assert from 'node:assert/strict'
import type { NetworkInterfaceInfo } from 'node:os'
import { test } from 'node:test'
import { parseIpv4, parseIpv6 } from '../../../server/inventory/address.ts'
import { serverFacts } from '../../../server/cli/server-facts.ts'

const one = (address: string): NetworkInterfaceInfo =>
  address.includes(':')
    ? { address, netmask: '', family: 'IPv6', mac: '', internal: address === '::1', cidr: null, scopeid: 0 }
    : { address, netmask: '', family: 'IPv4', mac: '', internal: address.startsWith('127.'), cidr: null }
const host = {
  lo: [one('127.0.0.1'), one('::1')],
  eth0: [one('192.0.2.1'), one('169.254.3.4'), one('fe80::1'), one('2001:db8:1::1')],
}
const facts = (listen: string, ...advertise: readonly string[]) => {
  const addresses = advertise.flatMap((text) => parseIpv4(text) ?? parseIpv6(text) ?? [])
  return serverFacts({ listen, advertise: addresses.length === 0 ? null : addresses, httpPort: 80 }, host)
}

test('on 0.0.0.0 nobody can come by IPv6', () => {
  assert.deepEqual(facts('0.0.0.0'), { advertise: null, addresses: ['192.0.2.1', '127.0.0.1'], httpPort: 80 })
})

test('on :: machines may come by either family; link-local addresses are nobody’s boot server', () => {
  assert.deepEqual(facts('::'), {
    advertise: null,
    addresses: ['192.0.2.1', '127.0.0.1'],
    ipv6: { advertise: null, addresses: ['2001:db8:1::1'] },
    httpPort: 80,
  })
})

test('a server on one address has only that one for its machines', () => {
  assert.deepEqual(facts('192.0.2.1').addresses, ['192.0.2.1'])
  assert.equal(facts('192.0.2.1').ipv6, undefined)
  assert.deepEqual(facts('2001:db8:1::1').ipv6?.addresses, ['2001:db8:1::1'])
})

test('each advertised address is for its family', () => {
  const both = facts('::', '192.0.2.9', '2001:db8:9::9')
  assert.deepEqual([both.advertise, both.ipv6?.advertise], ['192.0.2.9', '2001:db8:9::9'])
  assert.deepEqual(
    [facts('::', '2001:db8:9::9').advertise, facts('::', '2001:db8:9::9').ipv6?.advertise],
    [null, '2001:db8:9::9'],
  )
})
