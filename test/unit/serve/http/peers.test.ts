// Who asks, by address.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { networkOf, plainAddress, standsForMany } from '../../../../server/serve/http/peers.ts'

test('an address is counted as it is, one of IPv6 by its /64, and one of IPv4 in IPv6’s clothes as itself', () => {
  assert.equal(networkOf('192.0.2.1'), networkOf('::ffff:192.0.2.1'))
  assert.equal(networkOf('2001:db8::1'), networkOf('2001:db8:0:0:ffff::2'))
  assert.notEqual(networkOf('2001:db8::1'), networkOf('2001:db8:0:1::1'))
  assert.equal(networkOf('fe80::1%eth0'), networkOf('fe80::2'))
  assert.equal(networkOf(''), '')
  assert.equal(plainAddress('::ffff:192.0.2.1'), '192.0.2.1')
})

test('this host and the proxies that are named stand for many, nobody else', () => {
  const isMany = standsForMany(['192.0.2.1'])
  assert.deepEqual(['192.0.2.1', '::ffff:192.0.2.1', '127.0.0.1', '::1', '192.0.2.2', '::ffff:192.0.2.2'].map(isMany), [
    true,
    true,
    true,
    true,
    false,
    false,
  ])
})
