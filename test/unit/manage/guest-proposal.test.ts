// What is proposed for a new guest: what is free on its Dom0, in the measure of the guest before it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { guestProposal } from '../../../server/manage/guest-proposal.ts'
import { snapshotOf } from '../../fixtures.ts'

function proposalFor(...guests: readonly string[]) {
  const snapshot = snapshotOf(`
networks: { farm: { cidr: 192.0.2.0/24 } }
profiles: { host: { hypervisor: xen, params: { create_partitions: [1024, extended, 5000, 5000] , partitions: [/ --onpart=sda1] } }, guest: {} }
machines:
  big: { profile: host, disk: sda, vcpus: 6, cpus: "0", memory_mib: 8192, interfaces: { eth0: { mac: 00:00:5e:00:53:01, network: farm } } }
${guests.map((columns, index) => `  g${index + 1}: { profile: guest, dom0: big, ${columns} }`).join('\n')}`)
  const dom0 = snapshot.machines.get('big')
  assert.ok(dom0)
  return guestProposal(snapshot, dom0)
}

test('a guest like the last one: as many of the free CPUs, its memory, the first free device, the next MAC', () => {
  const { machine, nic } = proposalFor(
    'vdisk: /dev/sda5, cpus: 1-2, vcpus: 2, memory_mib: 3072, interfaces: { eth0: { mac: 00:16:3e:00:53:0f, network: farm, bridge: br0, vlan: 30 } }',
  )
  assert.deepEqual(machine, {
    ...{ profile: 'guest', dom0: 'big', vdisk: '/dev/sda6' },
    ...{ vcpus: '2', cpus: '3-4', memory_mib: '3072' },
  })
  assert.deepEqual(nic, { network: 'farm', mac: '00:16:3e:00:53:10', bridge: 'br0', vlan: '30' })
})

test('never more CPUs or memory than are free', () => {
  const { machine } = proposalFor(
    'vdisk: /dev/sda5, cpus: 1-3, vcpus: 3, memory_mib: 5120',
    'vdisk: /dev/sda6, cpus: "4", vcpus: 3, memory_mib: 1024',
  )
  assert.deepEqual([machine.cpus, machine.vcpus, machine.memory_mib, machine.vdisk], ['5', '1', '1024', ''])
  assert.equal(proposalFor('memory_mib: 7168').machine.memory_mib, '', 'all is given away')
})

test('where guests are pinned nowhere and have no MACs of their own, so is the new one', () => {
  const { machine, nic } = proposalFor('vcpus: 4, memory_mib: 512')
  assert.deepEqual([machine.cpus, machine.vcpus, nic.mac], ['', '4', ''])
})

test('a MAC that somebody else has is passed over', () => {
  const { nic } = proposalFor(
    'interfaces: { eth0: { mac: 00:16:3e:00:53:02 }, eth1: { mac: 00:16:3e:00:53:03 } }',
    'interfaces: { eth0: { mac: 00:16:3e:00:53:01 } }',
  )
  assert.equal(nic.mac, '00:16:3e:00:53:04')
})

test('the first guest of a Dom0 is proposed a modest share, in the Dom0’s network', () => {
  const { machine, nic } = proposalFor()
  assert.deepEqual(machine, {
    ...{ profile: '', dom0: 'big', vdisk: '/dev/sda5' },
    ...{ vcpus: '2', cpus: '1-2', memory_mib: '2048' },
  })
  assert.deepEqual([nic.network, nic.mac], ['farm', ''])
})
