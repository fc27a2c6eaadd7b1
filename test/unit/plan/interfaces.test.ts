import assert from 'node:assert/strict'
import { test } from 'node:test'
import { derivedMac } from '../../../server/inventory/xen-mac.ts'
import { bootMac } from '../../../server/plan/interfaces.ts'
import { settingsOf } from '../../../server/plan/settings.ts'
import { address, snapshotOf } from '../../fixtures.ts'

const snapshot = snapshotOf(`
profiles:
  metal: {}
  dom0: {hypervisor: xen}
machines:
  first: {profile: metal, interfaces: {eth0: {mac: '00:00:5e:00:53:01'}, eth1: {mac: '00:00:5e:00:53:02'}}}
  marked: {profile: metal, interfaces: {eth0: {mac: '00:00:5e:00:53:03'}, eth1: {mac: '00:00:5e:00:53:04', boot: true}}}
  bare: {profile: metal}
  xen1: {profile: dom0, interfaces: {eth0: {mac: '00:00:5e:00:53:05'}}}
  guest: {profile: metal, dom0: xen1, interfaces: {net0: {}}}
  cardless: {profile: metal, dom0: xen1}
`)

test('a machine boots by the MAC of its boot interface, a guest without one by the MAC derived from its name', () => {
  const macs = [...snapshot.machines.values()].map((machine) => [machine.hostname, bootMac(snapshot, machine)] as const)
  assert.deepEqual(Object.fromEntries(macs), {
    first: '00:00:5e:00:53:01',
    marked: '00:00:5e:00:53:04',
    bare: null,
    xen1: '00:00:5e:00:53:05',
    guest: derivedMac('guest', 'net0'),
    cardless: derivedMac('cardless', 'eth0'),
  })
})

test('it is the one that the machine’s settings name', () => {
  const server = { advertise: address('192.0.2.1'), addresses: [], httpPort: 80 }
  for (const machine of snapshot.machines.values())
    assert.equal(settingsOf(snapshot, machine, server).mac.value, bootMac(snapshot, machine), machine.hostname)
})
