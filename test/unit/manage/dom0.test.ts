// A Dom0 as it is drawn: CPUs, memory and devices, as its rows and its guests' rows say.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dom0Picture, mostCpus } from '../../../server/manage/dom0.ts'
import { snapshotOf } from '../../fixtures.ts'

const farmOf = (dom0: string, ...guests: readonly string[]) =>
  `profiles: { host: { hypervisor: xen, params: { dom0_memory_mib: 512 } }, guest: {} }
machines:
  big: { profile: host, ${dom0} interfaces: { eth0: { mac: 00:00:5e:00:53:01 } } }
${guests.map((columns, index) => `  g${index + 1}: { profile: guest, dom0: big, ${columns} }`).join('\n')}`

function pictureOf(dom0: string, ...guests: readonly string[]) {
  const snapshot = snapshotOf(farmOf(dom0, ...guests))
  const machine = snapshot.machines.get('big')
  assert.ok(machine)
  return dom0Picture(snapshot, machine)
}

test('each CPU has its holders: guests, the Dom0 itself, several, nobody', () => {
  const { cpus, free, unpinned } = pictureOf('vcpus: 6, cpus: 0,', 'cpus: 1-2', 'cpus: "2"', 'memory_mib: 64')
  assert.deepEqual(
    cpus.map(({ holders }) => holders.join('+')),
    ['big', 'g1', 'g1+g2', '', '', ''],
  )
  assert.deepEqual([free, unpinned], ['3-5', ['g3']])
})

test('CPUs that a guest is pinned to and the Dom0 lacks are drawn, and marked', () => {
  const { cpus } = pictureOf('vcpus: 2,', 'cpus: 1-3')
  assert.deepEqual(
    cpus.map(({ isBeyond }) => isBeyond),
    [false, false, true, true],
  )
})

test('of a Dom0 that doesn’t say how many CPUs it has those are drawn that are known', () => {
  const { cpus, vcpus } = pictureOf('', 'cpus: "0,4"')
  assert.deepEqual([vcpus, cpus.length, cpus.some(({ isBeyond }) => isBeyond)], [null, 5, false])
  assert.equal(pictureOf('', 'memory_mib: 64').cpus.length, 0)
  assert.equal(pictureOf('vcpus: 4096,').cpus.length, mostCpus)
})

test('memory is what the Dom0 keeps, what each guest has, and what is left or too much', () => {
  const { memory } = pictureOf('memory_mib: 4096,', 'memory_mib: 1024', 'vcpus: 1', 'memory_mib: 2048')
  assert.deepEqual(memory, {
    totalMiB: 4096,
    keptMiB: 512,
    parts: [
      { guest: 'g1', mib: 1024 },
      { guest: 'g3', mib: 2048 },
    ],
    freeMiB: 512,
  })
  assert.equal(pictureOf('memory_mib: 1024,', 'memory_mib: 1024').memory.freeMiB, -512)
  assert.equal(pictureOf('', 'memory_mib: 1024').memory.freeMiB, null)
})

test('devices stand in natural order, each with its guest', () => {
  const { disks } = pictureOf('', 'vdisk: "/dev/sda10:xvda"', 'vdisk: "/dev/sda9,/srv/g2.img"')
  assert.deepEqual(
    disks.map(({ device, guest, target, kind }) => [device, guest, target, kind]),
    [
      ['/dev/sda9', 'g2', null, 'block'],
      ['/dev/sda10', 'g1', 'xvda', 'block'],
      ['/srv/g2.img', 'g2', null, 'file'],
    ],
  )
})
