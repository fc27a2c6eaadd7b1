import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseIpv6, parseIpv6Network } from '../../../server/inventory/address.ts'
import type { Network } from '../../../server/inventory/rows.ts'
import type { Server } from '../../../server/plan/server.ts'
import { ownAddressFor, ownIpv6AddressFor, serverAddressFor, serverUrl } from '../../../server/plan/server.ts'
import { address, snapshotOf } from '../../fixtures.ts'

const networks = snapshotOf(
  'networks: {farm: {cidr: 192.0.2.0/24}, lab: {cidr: 198.51.100.0/24}, far: {cidr: 203.0.113.0/24, next_server: 198.51.100.9}}',
).networks
const network = (name: string): Network => {
  const found = networks.get(name)
  assert.ok(found)
  return found
}
const host: Server = { advertise: null, addresses: [address('192.0.2.1'), address('198.51.100.1')], httpPort: 80 }

test('a machine is told our address on its own network, else our first one', () => {
  assert.equal(ownAddressFor(network('farm'), host), '192.0.2.1')
  assert.equal(ownAddressFor(network('lab'), host), '198.51.100.1')
  assert.equal(ownAddressFor(network('far'), host), '192.0.2.1')
  assert.equal(ownAddressFor(null, host), '192.0.2.1')
  assert.equal(ownAddressFor(network('farm'), { ...host, addresses: [] }), null)
})

test('--advertise holds for every network; a network’s next_server holds before it', () => {
  const told = { ...host, advertise: address('192.0.2.7') }
  assert.deepEqual(serverAddressFor(network('lab'), told), {
    value: '192.0.2.7',
    origin: { layer: 'server', row: 'configuration', column: 'advertise' },
  })
  assert.deepEqual(serverAddressFor(network('far'), told), {
    value: '198.51.100.9',
    origin: { layer: 'network', row: 'far', column: 'next_server' },
  })
})

test('RFC 2131 §4.1: of several addresses of ours, a network behind a relay is told the one that its next_server names', () => {
  const told = { ...host, advertise: address('192.0.2.7') }
  const far = { ...network('far'), next_server: address('198.51.100.1') }
  for (const server of [host, told]) assert.equal(ownAddressFor(far, server), '198.51.100.1')
  assert.equal(ownAddressFor(network('far'), told), '192.0.2.7', 'another host’s address is not this server')
})

test('where the address came from is said: on the machine’s network, or just the first we have', () => {
  assert.equal(serverAddressFor(network('lab'), host).origin.column, 'its address on lab')
  assert.equal(serverAddressFor(null, host).origin.column, 'its first address')
  assert.equal(
    serverAddressFor(network('farm'), { ...host, addresses: [address('203.0.113.1')] }).origin.column,
    'its first address',
  )
})

test('RFC 9110 §4.2.1: port 80 is left out of the URL, for loaders that know no other', () => {
  assert.equal(serverUrl(host, address('192.0.2.1')), 'http://192.0.2.1')
  assert.equal(serverUrl({ ...host, httpPort: 8080 }, address('192.0.2.1')), 'http://192.0.2.1:8080')
  assert.equal(serverUrl(host, null), null)
})

test('by IPv6: the advertised address, else ours on the network, else our first one; none where IPv6 is not listened on', () => {
  const [first, near] = ['2001:db8:9::1', '2001:db8:1::1'].map((text) => parseIpv6(text) ?? assert.fail(text))
  assert.ok(first !== undefined && near !== undefined)
  const six = { ...host, ipv6: { advertise: null, addresses: [first, near] } }
  const farm = { ...network('farm'), cidr6: parseIpv6Network('2001:db8:1::/64') }
  assert.equal(ownIpv6AddressFor(farm, six), near)
  assert.equal(ownIpv6AddressFor(network('lab'), six), first)
  assert.equal(ownIpv6AddressFor(farm, { ...six, ipv6: { ...six.ipv6, advertise: first } }), first)
  assert.equal(ownIpv6AddressFor(farm, host), null)
})

test('RFC 3986 §3.2.2: an IPv6 address stands in brackets', () => {
  assert.equal(serverUrl(host, parseIpv6('2001:db8::1')), 'http://[2001:db8::1]')
  assert.equal(serverUrl({ ...host, httpPort: 8080 }, parseIpv6('2001:db8::1')), 'http://[2001:db8::1]:8080')
})
