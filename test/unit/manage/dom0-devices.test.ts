// A Dom0's devices: how large each is, as far as its params say, and whose.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dom0Devices } from '../../../server/manage/dom0-devices.ts'
import { guestsOf } from '../../../server/plan/guests-along.ts'
import { snapshotOf } from '../../fixtures.ts'

function devicesOf(disk: string, params: string, ...vdisks: readonly string[]) {
  const snapshot = snapshotOf(`profiles: { host: { hypervisor: xen, params: { ${params} } }, guest: {} }
machines:
  big: { profile: host, disk: ${disk} }
${vdisks.map((vdisk, index) => `  g${index + 1}: { profile: guest, dom0: big, vdisk: "${vdisk}" }`).join('\n')}`)
  const dom0 = snapshot.machines.get('big')
  assert.ok(dom0)
  return dom0Devices(snapshot, dom0, guestsOf(snapshot, dom0)).map(
    ({ device, mib, holders, isMissing }) =>
      `${device} ${mib ?? '?'} ${holders.join('+')}${isMissing ? ' missing' : ''}`,
  )
}

const made = 'create_partitions: [1024, 20480, extended, 70000, 70000, rest]'

test('partitions have the sizes and numbers that the install gives them; behind `extended` they begin at 5', () => {
  assert.deepEqual(devicesOf('sda', made), [
    '/dev/sda1 1024 ',
    '/dev/sda2 20480 ',
    '/dev/sda5 70000 ',
    '/dev/sda6 70000 ',
    '/dev/sda7 ? ',
  ])
})

test('of a disk whose name ends in a digit the partition’s number stands behind a p', () => {
  assert.deepEqual(devicesOf('nvme0n1', 'create_partitions: [512, 1024]', '/dev/nvme0n1p2'), [
    '/dev/nvme0n1p1 512 ',
    '/dev/nvme0n1p2 1024 g1',
  ])
})

test('a partition is the Dom0’s where its install formats it, a guest’s where it was given to one, or both', () => {
  const params = `${made}, partitions: ["/boot --onpart=sda1", [/, --onpart, /dev/sda2], "/scratch --size=100"]`
  assert.deepEqual(devicesOf('sda', params, '/dev/sda2', '/dev/sda5:xvda').slice(0, 4), [
    '/dev/sda1 1024 big',
    '/dev/sda2 20480 big+g1',
    '/dev/sda5 70000 g2',
    '/dev/sda6 70000 ',
  ])
})

test('a vdisk elsewhere has no size in the inventory; one on this disk that nobody makes is missing', () => {
  assert.deepEqual(devicesOf('sda', 'create_partitions: [1024]', '/dev/vg0/g1,/srv/g1.img', '/dev/sda9'), [
    '/dev/sda1 1024 ',
    '/dev/sda9 ? g2 missing',
    '/dev/vg0/g1 ? g1',
    '/srv/g1.img ? g1',
  ])
})

test('without create_partitions nothing is known of sizes, and nothing is missing', () => {
  assert.deepEqual(devicesOf('sda', 'rack: r1', '/dev/sda5'), ['/dev/sda5 ? g1'])
})
