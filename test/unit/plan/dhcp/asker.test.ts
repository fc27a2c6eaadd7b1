import assert from 'node:assert/strict'
import { test } from 'node:test'
import { askerOf } from '../../../../server/plan/dhcp/asker.ts'
import type { DhcpMessage } from '../../../../server/plan/dhcp/message.ts'
import { OPTION } from '../../../../server/plan/dhcp/message.ts'
import type { Silence, Standing } from '../../../../server/plan/dhcp/standing.ts'
import { ask, farm, host, onBoth } from './asking.ts'

const found = (request: DhcpMessage, server = host): Standing | Silence =>
  askerOf({ snapshot: farm, server, known: { templates: new Set() }, now: 0 }, request, null)

function asker(request: DhcpMessage, server = host): readonly (string | null)[] {
  const one = found(request, server)
  assert.ok(!('kind' in one))
  return [one.hostname, one.nic, one.network?.name ?? null, one.common.ownAddress]
}

/** As `dmidecode` has it: 564d1c2e-0000-4000-8000-00005e005301. */
const uuid = Uint8Array.from(Buffer.from('002e1c4d5600000040800000005e005301', 'hex'))

test('a machine is known by the MAC of any of its interfaces; our address is the one on that network', () => {
  assert.deepEqual(asker(ask('DISCOVER', { mac: '00:00:5e:00:53:01' })), ['a', 'eth0', 'farm', '192.0.2.1'])
  const second = ask('DISCOVER', { mac: '00:00:5e:00:53:11' })
  assert.deepEqual(asker(second, onBoth), ['a', 'eth1', 'lab', '198.51.100.1'])
})

test('RFC 4578 §2.3: a machine without a MAC is known by its UUID, as its boot interface', () => {
  const request = ask('DISCOVER', { mac: '02:00:00:00:00:99', options: [[OPTION.machineUuid, uuid]] })
  assert.deepEqual(asker(request), ['byname', 'eth0', 'farm', '192.0.2.1'])
})

test('an interface without an address is known too: what it lacks is for whoever gives addresses to say', () => {
  assert.deepEqual(asker(ask('DISCOVER', { mac: '00:00:5e:00:53:04' })), ['floating', 'eth0', 'farm', '192.0.2.1'])
})

test('a server that does not know its own address tells nobody anything, and says how to tell it', () => {
  assert.deepEqual(found(ask('DISCOVER'), { ...host, addresses: [] }), {
    kind: 'unserved',
    why: 'this server does not know its own address; start it with --advertise ADDRESS',
    machine: 'a',
  })
})
