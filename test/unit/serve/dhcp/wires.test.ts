import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { NetworkInterfaceInfo } from 'node:os'
import { freshFor, ownAddresses, sourcesFor } from '../../../../server/serve/dhcp/wires.ts'
import { address } from '../../../fixtures.ts'

const on = (name: string, text: string, netmask = '255.255.255.0') => ({
  interface: name,
  address: address(text),
  netmask,
})

describe('from where a broadcast is sent', () => {
  const farm = on('eth0', '192.0.2.1')
  const lab = on('eth1', '198.51.100.1')

  test('from our address in the subnet of the address given', () => {
    assert.deepEqual(sourcesFor([farm, lab], '192.0.2.10'), [farm])
    assert.deepEqual(sourcesFor([farm, lab], '198.51.100.10'), [lab])
  })

  test('from every interface when we have no address in that subnet', () => {
    assert.deepEqual(sourcesFor([farm, lab], '203.0.113.10'), [farm, lab])
    assert.deepEqual(sourcesFor([], '203.0.113.10'), [])
  })

  test('once from each interface, however many addresses it has', () => {
    const second = on('eth0', '192.0.2.2')
    assert.equal(sourcesFor([farm, second], '192.0.2.10').length, 1)
    assert.equal(sourcesFor([farm, second, lab], '203.0.113.10').length, 2)
  })

  test('subnets of any length: a half, a single address, everything', () => {
    const halves = [on('eth0', '192.0.2.1', '255.255.255.128'), on('eth1', '192.0.2.129', '255.255.255.128')]
    assert.deepEqual(sourcesFor(halves, '192.0.2.200'), [halves[1]])
    const [single, all] = [on('eth0', '192.0.2.10', '255.255.255.255'), on('eth1', '10.1.2.3', '0.0.0.0')]
    assert.deepEqual(sourcesFor([single, all], '192.0.2.11'), [all])
  })
})

test('own addresses are those of IPv4, and none of loopback’s', () => {
  const info = (fields: Partial<NetworkInterfaceInfo>): NetworkInterfaceInfo =>
    ({
      family: 'IPv4',
      internal: false,
      address: '192.0.2.1',
      netmask: '255.255.255.0',
      ...fields,
    }) as NetworkInterfaceInfo
  const interfaces = {
    lo: [info({ internal: true, address: '127.0.0.1', netmask: '255.0.0.0' })],
    eth0: [info({}), info({ family: 'IPv6', address: '2001:db8::1' })],
    gone: undefined,
  }
  assert.deepEqual(ownAddresses(interfaces), [on('eth0', '192.0.2.1')])
})

test('what was read is good for its time, then read anew', (t) => {
  const clock = t.mock.method(performance, 'now', () => 0)
  let reads = 0
  const fresh = freshFor(5000, () => ++reads)
  assert.deepEqual([fresh(), fresh()], [1, 1])
  clock.mock.mockImplementation(() => 5000)
  assert.equal(fresh(), 1)
  clock.mock.mockImplementation(() => 5001)
  assert.equal(fresh(), 2)
})
