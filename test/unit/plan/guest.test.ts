import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { GuestPlan } from '../../../server/plan/guest.ts'
import { planGuest } from '../../../server/plan/guest.ts'
import { settingsOf } from '../../../server/plan/settings.ts'
import { address, snapshotOf } from '../../fixtures.ts'

function guest({
  type = '',
  columns = 'vdisk: /dev/sda5',
  interfaces = '{eth0: {network: farm}}',
  image = 'image: el9',
} = {}): GuestPlan {
  const snapshot = snapshotOf(`
networks: {farm: {cidr: 192.0.2.0/24}, lab: {cidr: 198.51.100.0/24}}
images: {el9: {arch: x86_64, kernel: xen/vmlinuz, initrd: xen/initrd.img}}
profiles: {xen: {hypervisor: xen}, guest: {${image}${type === '' ? '' : `, guest_type: ${type}`}}}
machines:
  dom0: {profile: xen, interfaces: {eth0: {mac: 00:00:5e:00:53:01, network: farm, bridge: xenbr0}, eth1: {network: lab, bridge: xenbr1}}}
  web: {profile: guest, dom0: dom0, memory_mib: 2048, ${columns}, interfaces: ${interfaces}}`)
  const machine = snapshot.machines.get('web')
  assert.ok(machine)
  return planGuest(
    snapshot,
    settingsOf(snapshot, machine, { advertise: address('192.0.2.1'), addresses: [], httpPort: 80 }),
  )
}

test('a guest with nothing but a disk and memory: one CPU, pygrub, paravirtual', () => {
  const { name, type, memoryMiB, vcpus, cpus, bootloader } = guest()
  assert.deepEqual(
    { name, type, memoryMiB, vcpus, cpus, bootloader },
    { name: 'web', type: 'pv', memoryMiB: 2048, vcpus: 1, cpus: null, bootloader: 'pygrub' },
  )
})

describe('disks', () => {
  test('block devices go by phy without /dev/, files by file; the guest’s names follow the order of the list', () => {
    assert.deepEqual(guest({ columns: 'vdisk: "/dev/sda5,/dev/vg0/web,/srv/xen/web.img"' }).disks, [
      { prefix: 'phy', device: 'sda5', target: 'xvda' },
      { prefix: 'phy', device: 'vg0/web', target: 'xvdb' },
      { prefix: 'file', device: '/srv/xen/web.img', target: 'xvdc' },
    ])
  })

  test('a target that is given holds; a full machine’s disks are hda, hdb', () => {
    assert.deepEqual(
      guest({ columns: 'vdisk: "/dev/sda5:sda1,/dev/sda6"' }).disks.map(({ target }) => target),
      ['sda1', 'xvdb'],
    )
    assert.deepEqual(
      guest({ type: 'hvm', columns: 'vdisk: "/dev/sda5,/dev/sda6"' }).disks.map(({ target }) => target),
      ['hda', 'hdb'],
    )
  })
})

describe('network', () => {
  test('each interface joins its own bridge or that of the Dom0 on its network, with its MAC or one of its own', () => {
    const { vifs } = guest({
      interfaces:
        '{eth0: {network: farm}, eth1: {network: lab, mac: 00:16:3e:00:53:02}, eth2: {network: farm, bridge: br9}}',
    })
    assert.deepEqual(
      vifs.map(({ bridge }) => bridge),
      ['xenbr0', 'xenbr1', 'br9'],
    )
    assert.match(vifs[0]?.mac ?? '', /^00:16:3e:/)
    assert.equal(vifs[1]?.mac, '00:16:3e:00:53:02')
    assert.notEqual(vifs[0]?.mac, vifs[2]?.mac)
  })

  test('a full machine’s card is one that every installer has a driver for', () => {
    assert.equal(guest({ type: 'hvm' }).vifs[0]?.model, 'e1000')
    assert.equal(guest({ type: 'pvh' }).vifs[0]?.model, null)
  })
})

test('the UUID is the row’s, else derived from the name: the same domain after every start', () => {
  assert.equal(guest().uuid, guest({ type: 'hvm' }).uuid)
  assert.match(guest().uuid, /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/) // RFC 9562 §5.5, §4.1
  assert.equal(
    guest({ columns: 'vdisk: /dev/sda5, uuid: 564d1c2e-0000-4000-8000-00005e005301' }).uuid,
    '564d1c2e-0000-4000-8000-00005e005301',
  )
})

test('the install kernel and initrd are where xenconf puts them; a guest without an image has none', () => {
  const { installKernel, installInitrd } = guest()
  assert.deepEqual(
    [installKernel, installInitrd],
    ['/var/lib/bootstead/boot/el9/xen/vmlinuz', '/var/lib/bootstead/boot/el9/xen/initrd.img'],
  )
  assert.deepEqual([guest({ image: '' }).installKernel, guest({ image: '' }).installInitrd], [null, null])
})

test('the param bootloader replaces pygrub', () => {
  assert.equal(
    guest({ columns: 'vdisk: /dev/sda5, params: {bootloader: /usr/lib/xen/bin/pygrub}' }).bootloader,
    '/usr/lib/xen/bin/pygrub',
  )
})
