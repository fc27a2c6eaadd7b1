import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Arrival } from '../../../../server/plan/dhcp/arrival.ts'
import { strayWay } from '../../../../server/plan/dhcp/arrival.ts'
import type { DhcpMessage } from '../../../../server/plan/dhcp/message.ts'
import { OPTION } from '../../../../server/plan/dhcp/message.ts'
import { address } from '../../../fixtures.ts'
import { ask, farm, onBoth } from './asking.ts'

const network = farm.networks.get('farm')
assert.ok(network)
const on = (name: string, ...addresses: readonly string[]): Arrival => ({
  interface: name,
  addresses: addresses.map(address),
})
const selecting = (...octets: readonly number[]): DhcpMessage['options'] =>
  new Map([[OPTION.relayAgentInformation, Uint8Array.of(5, octets.length, ...octets)]])
const discover = ask('DISCOVER')

const ways: readonly (readonly [string, DhcpMessage, Arrival | null, string | null])[] = [
  ['a socket that hears all interfaces contradicts nobody', discover, null, null],
  ['an interface in the network', discover, on('eth0', '192.0.2.1'), null],
  ['an interface with an address in the network among others', discover, on('eth0', '203.0.113.1', '192.0.2.1'), null],
  ['an interface of another network', discover, on('eth1', '198.51.100.1'), 'on interface eth1'],
  ['an interface without an address, when another has the network', discover, on('eth2'), 'on interface eth2'],
  [
    'who has an address may be beyond a router',
    { ...discover, ciaddr: '192.0.2.11' },
    on('eth1', '198.51.100.1'),
    null,
  ],
  ['a relay in the network', { ...discover, giaddr: '192.0.2.7' }, null, null],
  ['the relay that the network names', { ...discover, giaddr: '203.0.113.254' }, null, null],
  ['a relay counts, not the interface', { ...discover, giaddr: '192.0.2.7' }, on('eth1', '198.51.100.1'), null],
  ['a relay elsewhere', { ...discover, giaddr: '203.0.113.9' }, null, 'through relay 203.0.113.9'],
  [
    'RFC 3527 §3: the selected subnet comes before the relay',
    { ...discover, giaddr: '203.0.113.9', options: selecting(192, 0, 2, 0) },
    null,
    null,
  ],
  [
    'RFC 3527 §3: and before the relay that the network names',
    { ...discover, giaddr: '203.0.113.254', options: selecting(198, 51, 100, 0) },
    null,
    'through relay 203.0.113.254 for subnet 198.51.100.0',
  ],
]

for (const [what, request, arrival, expected] of ways)
  test(what, () => assert.equal(strayWay(request, network, arrival, onBoth), expected))
