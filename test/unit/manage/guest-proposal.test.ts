// What is proposed for a new guest: what is free on its Dom0, in the measure of the guest before it.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { guestProposal, placeFor } from '../../../server/manage/guest-proposal.ts'
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

test('as many disks as the guest before it has, each seen by its guest as there', () => {
  const { machine } = proposalFor('vdisk: "/dev/vg0/root:xvda,/dev/vg0/data:xvde", memory_mib: 512')
  assert.equal(machine.vdisk, '/dev/sda5:xvda,/dev/sda6:xvde')
  assert.equal(
    proposalFor('vdisk: "/dev/vg0/a,/dev/vg0/b,/dev/vg0/c"').machine.vdisk,
    '',
    'three are wanted, and two are free',
  )
})

describe('a guest that moves', () => {
  const farm = `
profiles: { host: { hypervisor: xen, params: { create_partitions: [5000, 5000] } }, guest: {} }
machines:
  from: { profile: host, disk: sda, vcpus: 4, memory_mib: 8192 }
  to: { profile: host, disk: sda, vcpus: 8, cpus: "0", memory_mib: 4096 }
  old: { profile: guest, dom0: to, vdisk: /dev/sda1, cpus: 2-3, memory_mib: 1024 }
  web: { profile: guest, dom0: from, vdisk: "/dev/sda1:xvda", vcpus: 3, cpus: 1-3, memory_mib: 2048 }
`
  function placeOf(hostname: string, dom0: string) {
    const snapshot = snapshotOf(farm)
    const guest = snapshot.machines.get(hostname)
    assert.ok(guest)
    return placeFor(snapshot, guest, dom0)
  }

  test('is proposed what is free there, in its own measure', () => {
    assert.deepEqual(placeOf('web', 'to'), {
      ...{ dom0: 'to', vdisk: '/dev/sda2:xvda', vcpus: '3', cpus: '1,4-5', memory_mib: '2048' },
    })
  })

  test('where it is now may stay where it is: its own CPUs, device and memory are free to it', () => {
    assert.deepEqual(placeOf('old', 'to'), {
      ...{ dom0: 'to', vdisk: '/dev/sda1', vcpus: '', cpus: '1-2', memory_mib: '1024' },
    })
  })

  test('to who is no Dom0 is proposed nothing', () => {
    for (const name of ['nobody', 'old', 'web']) assert.equal(placeOf('web', name), null)
  })
})
