import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Network } from '../../../server/inventory/rows.ts'
import type { Server } from '../../../server/plan/server.ts'
import { ownAddressFor, serverAddressFor, serverUrl } from '../../../server/plan/server.ts'
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
