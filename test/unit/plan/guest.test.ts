import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { GuestPlan, KvmGuest, XenGuest } from '../../../server/plan/guest.ts'
import { planGuest } from '../../../server/plan/guest.ts'
import type { Settings } from '../../../server/plan/settings.ts'
import { settingsOf } from '../../../server/plan/settings.ts'
import { address, snapshotOf } from '../../fixtures.ts'

type Rows = Readonly<{ type?: string; columns?: string; interfaces?: string; guest?: string; dom0?: string }>

function planned({
  type = '',
  columns = 'vdisk: /dev/sda5',
  interfaces = '{eth0: {network: farm}}',
  guest = 'image: el9',
  dom0 = 'hypervisor: xen',
}: Rows = {}): GuestPlan | null {
  const snapshot = snapshotOf(`
networks: {farm: {cidr: 192.0.2.0/24}, lab: {cidr: 198.51.100.0/24}}
images: {el9: {arch: x86_64, kernel: xen/vmlinuz, initrd: xen/initrd.img}}
profiles: {dom0: {${dom0}}, guest: {${[guest, type && `guest_type: ${type}`].filter(Boolean).join(', ')}}}
machines:
  dom0: {profile: dom0, interfaces: {eth0: {mac: 00:00:5e:00:53:01, network: farm, bridge: xenbr0}, eth1: {network: lab, bridge: xenbr1}}}
  web: {profile: guest, dom0: dom0, memory_mib: 2048, ${columns}, interfaces: ${interfaces}}`)
  const of = (hostname: string): Settings => {
    const machine = snapshot.machines.get(hostname)
    assert.ok(machine)
    return settingsOf(snapshot, machine, { advertise: address('192.0.2.1'), addresses: [], httpPort: 80 })
  }
  return planGuest(snapshot, of('dom0'), of('web'))
}
function xen(rows: Rows = {}): XenGuest {
  const plan = planned(rows)
  assert.ok(plan?.hypervisor === 'xen')
  return plan
}
function kvm(rows: Rows = {}): KvmGuest {
  const plan = planned({ dom0: 'hypervisor: kvm', ...rows })
  assert.ok(plan?.hypervisor === 'kvm')
  return plan
}
const targets = ({ disks }: GuestPlan): readonly string[] => disks.map(({ target }) => target)

const el5 = 'family: el, version: "5"'
const el9 = 'family: el, version: "9", image: el9'

test('a guest with nothing but a disk and memory: one CPU, paravirtual, pygrub', () => {
  const { name, type, memoryMiB, vcpus, cpus, bootloader, hvm } = xen()
  assert.deepEqual(
    { name, type, memoryMiB, vcpus, cpus, bootloader, hvm },
    { name: 'web', type: 'pv', memoryMiB: 2048, vcpus: 1, cpus: null, bootloader: 'pygrub', hvm: null },
  )
})

test('its Dom0’s profile chooses the hypervisor; without one there is no plan', () => {
  assert.equal(planned({ dom0: 'hypervisor: kvm' })?.hypervisor, 'kvm')
  assert.equal(planned({ dom0: 'hypervisor: none' }), null)
  assert.equal(planned({ dom0: '' }), null)
})

describe('disks', () => {
  test('block devices and files in the order of the list, which names them to the guest', () => {
    assert.deepEqual(xen({ columns: 'vdisk: "/dev/sda5,/dev/vg0/web,/srv/xen/web.img"' }).disks, [
      { kind: 'block', device: '/dev/sda5', target: 'xvda' },
      { kind: 'block', device: '/dev/vg0/web', target: 'xvdb' },
      { kind: 'file', device: '/srv/xen/web.img', target: 'xvdc' },
    ])
  })

  const two = 'vdisk: "/dev/sda5,/dev/sda6"'
  test('a target that is given holds, and the others go around it', () => {
    assert.deepEqual(targets(xen({ columns: 'vdisk: "/dev/sda5:sda1,/dev/sda6"' })), ['sda1', 'xvdb'])
    assert.deepEqual(targets(kvm({ columns: 'vdisk: "/dev/sda5:vdb,/dev/sda6"' })), ['vdb', 'vdc'])
  })

  test('libxl_dm.c: a full machine whose release has Xen’s drivers sees xvda, an old one the IDE disk hda', () => {
    assert.deepEqual(targets(xen({ type: 'hvm', guest: el9, columns: two })), ['xvda', 'xvdb'])
    assert.deepEqual(targets(xen({ type: 'hvm', guest: el5, columns: two })), ['hda', 'hdb'])
    assert.deepEqual(targets(xen({ type: 'hvm', guest: el9, columns: two, dom0: `hypervisor: xen, ${el5}` })), [
      'hda',
      'hdb',
    ])
  })

  test('KVM: virtio for the releases that drive it, else IDE', () => {
    assert.deepEqual([targets(kvm({ guest: el9, columns: two })), kvm({ guest: el9 }).virtio], [['vda', 'vdb'], true])
    assert.deepEqual([targets(kvm({ guest: el5, columns: two })), kvm({ guest: el5 }).virtio], [['hda', 'hdb'], false])
  })
})

test('each interface joins its own bridge or that of the Dom0 on its network, with its MAC or one of its own', () => {
  const { vifs } = xen({
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

test('the UUID is the row’s, else derived from the name: the same domain after every start, under either hypervisor', () => {
  assert.equal(xen().uuid, kvm().uuid)
  assert.match(xen().uuid, /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/) // RFC 9562 §5.5, §4.1
  assert.equal(
    xen({ columns: 'vdisk: /dev/sda5, uuid: 564d1c2e-0000-4000-8000-00005e005301' }).uuid,
    '564d1c2e-0000-4000-8000-00005e005301',
  )
})

test('the install kernel and initrd are where xenconf puts them; a guest without an image has none', () => {
  const { installKernel, installInitrd } = xen()
  assert.deepEqual(
    [installKernel, installInitrd],
    ['/var/lib/bootstead/boot/el9/xen/vmlinuz', '/var/lib/bootstead/boot/el9/xen/initrd.img'],
  )
  const { installKernel: none } = xen({ guest: '' })
  assert.equal(none, null)
})

describe('what the Dom0’s Xen asks for', () => {
  const old = `hypervisor: xen, ${el5}`

  test('xm 3.0.3, run_bootloader(): pygrub by its path; the param bootloader replaces it', () => {
    assert.equal(xen({ dom0: old }).bootloader, '/usr/bin/pygrub')
    const columns = 'vdisk: /dev/sda5, params: {bootloader: /usr/lib/xen/bin/pygrub}'
    for (const dom0 of [old, 'hypervisor: xen'])
      assert.equal(xen({ dom0, columns }).bootloader, '/usr/lib/xen/bin/pygrub')
  })

  test('xm 3.0.3, xmexample.hvm: a full machine names its firmware, and the device model of the Dom0’s architecture', () => {
    const modelOf = (arch: string): string | undefined =>
      xen({ type: 'hvm', dom0: `${old}, arch: ${arch}` }).hvm?.deviceModel
    assert.equal(modelOf('i386'), '/usr/lib/xen/bin/qemu-dm')
    assert.equal(modelOf('x86_64'), '/usr/lib64/xen/bin/qemu-dm')
    assert.equal(xen({ type: 'pv', dom0: old }).hvm, null)
    assert.equal(xen({ type: 'hvm' }).hvm, null)
  })
})

test('a guest of KVM has its own architecture, not its Dom0’s', () => {
  assert.equal(kvm({ guest: 'arch: i386', dom0: 'hypervisor: kvm, arch: x86_64' }).arch, 'i386')
})
