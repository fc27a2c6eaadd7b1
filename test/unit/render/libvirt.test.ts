// A KVM guest's domains: valid by libvirt's own schemas, and what stands in them.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { KernelArg } from '../../../server/plan/arguments.ts'
import type { KvmGuest } from '../../../server/plan/guest.ts'
import { renderLibvirtInstall, renderLibvirtRunning } from '../../../server/render/libvirt.ts'
import { TemplateError } from '../../../server/render/templates.ts'
import { assertDomain, xpath } from './guest-readers.ts'

const guest: KvmGuest = {
  hypervisor: 'kvm',
  name: 'web',
  uuid: '564d1c2e-0000-4000-8000-00005e005301',
  arch: 'x86_64',
  virtio: true,
  memoryMiB: 2048,
  vcpus: 2,
  cpus: '2-3' as KvmGuest['cpus'],
  vifs: [
    { mac: '00:16:3e:00:53:02', bridge: 'br0' },
    { mac: '00:16:3e:00:53:03', bridge: 'br1' },
  ],
  disks: [
    { kind: 'block', device: '/dev/vg0/web', target: 'vda' },
    { kind: 'file', device: '/srv/kvm/web.img', target: 'vdb' },
  ],
  installKernel: '/var/lib/bootstead/boot/el9/vmlinuz',
  installInitrd: '/var/lib/bootstead/boot/el9/initrd.img',
}
const old: KvmGuest = {
  ...guest,
  arch: 'i386',
  virtio: false,
  cpus: null,
  disks: [{ kind: 'block', device: '/dev/vg0/web', target: 'hda' }],
}
const arg = (value: string): KernelArg => ({ value, origin: { layer: 'default', row: '', column: '' } })
const args = [arg('inst.ks=http://192.0.2.1/ks/web?token=T'), arg('console=ttyS0')]

describe('validity', () => {
  const guests: Readonly<Record<string, KvmGuest>> = {
    'virtio disks and cards': guest,
    'IDE and e1000, not pinned': old,
    'every bus in one machine': {
      ...guest,
      disks: ['vda', 'hda', 'sda'].map((target) => ({ kind: 'block', device: `/dev/vg0/${target}`, target })),
    },
    'no card, one CPU of a list': { ...guest, vifs: [], vcpus: 1, cpus: '0,4-5' as KvmGuest['cpus'] },
    'an ARM machine': { ...guest, arch: 'aarch64' },
    'a RISC-V machine': { ...guest, arch: 'riscv64' },
    'a name with two dashes': { ...guest, name: 'xn--web---x' },
  }
  for (const [what, one] of Object.entries(guests))
    test(`virt-xml-validate, both domains: ${what}`, () => {
      assertDomain(renderLibvirtRunning(one))
      assertDomain(renderLibvirtInstall(one, args))
      assertDomain(renderLibvirtInstall({ ...one, installInitrd: null }, []))
    })
})

describe('the running domain', () => {
  const xml = renderLibvirtRunning(guest)
  const found = (expression: string, text = xml): readonly string[] => xpath(text, expression)

  test('Format of domain XML: name, UUID, memory in KiB (the unit of every libvirt), CPUs and where they run', () => {
    assert.deepEqual(found('/domain/@type | /domain/name | /domain/uuid | /domain/memory'), [
      'kvm',
      'web',
      guest.uuid,
      '2097152',
    ])
    assert.deepEqual(found('/domain/memory/@unit'), ['KiB'])
    assert.deepEqual(found('/domain/vcpu | /domain/vcpu/@placement | /domain/vcpu/@cpuset').toSorted(), [
      '2',
      '2-3',
      'static',
    ])
    assert.deepEqual(found('/domain/vcpu/@cpuset', renderLibvirtRunning(old)), [])
  })

  test('a reboot and a crash restart it, a power-off ends it', () => {
    assert.deepEqual(found('/domain/on_poweroff | /domain/on_reboot | /domain/on_crash'), [
      'destroy',
      'restart',
      'restart',
    ])
  })

  test('disks by device or file, raw and past the Dom0’s cache, on the bus of their name; the first one boots', () => {
    assert.deepEqual(found('//disk/@type'), ['block', 'file'])
    assert.deepEqual(found('//disk/source/@dev | //disk/source/@file'), ['/dev/vg0/web', '/srv/kvm/web.img'])
    assert.deepEqual(found('//disk/driver/@type | //disk/driver/@cache'), ['raw', 'none', 'raw', 'none'])
    assert.deepEqual(found('//disk/target/@dev | //disk/target/@bus'), ['vda', 'virtio', 'vdb', 'virtio'])
    assert.deepEqual(found('//disk[boot/@order = 1]/target/@dev'), ['vda'])
    assert.deepEqual(found('/domain/os/kernel'), [])
  })

  test('each card has its MAC and its bridge; virtio where the release drives it, else e1000', () => {
    assert.deepEqual(found('//interface/mac/@address'), ['00:16:3e:00:53:02', '00:16:3e:00:53:03'])
    assert.deepEqual(found('//interface/source/@bridge'), ['br0', 'br1'])
    assert.deepEqual(found('//interface/model/@type'), ['virtio', 'virtio'])
    assert.deepEqual(found('//interface/model/@type', renderLibvirtRunning(old)), ['e1000', 'e1000'])
  })

  test('IDE is a pc’s, 32 bits are i686, ARM boots by UEFI; what libvirt knows better it chooses', () => {
    const machineOf = (one: KvmGuest): readonly string[] =>
      found('/domain/os/type/@arch | /domain/os/type/@machine | /domain/os/@firmware', renderLibvirtRunning(one))
    assert.deepEqual(machineOf(guest), ['x86_64'])
    assert.deepEqual(machineOf(old), ['i686', 'pc'])
    assert.deepEqual(machineOf({ ...guest, arch: 'aarch64' }), ['efi', 'aarch64', 'virt'])
  })

  test('a serial console that virsh console shows; no virtio device for a release without its driver', () => {
    assert.deepEqual(found('//console/target/@type | //serial/@type'), ['pty', 'serial'])
    assert.deepEqual(found('//memballoon/@model | //rng/@model'), ['virtio', 'virtio'])
    assert.deepEqual(found('//memballoon/@model | //rng/@model', renderLibvirtRunning(old)), ['none'])
  })

  test('its first line says whose it is, which a Dom0’s script looks for', () => {
    assert.equal(
      xml.split('\n')[0],
      '<!-- web: its running configuration. Written by xenconf from the inventory: change it there. -->',
    )
  })
})

describe('the install domain', () => {
  const xml = renderLibvirtInstall(guest, args)

  test('DESIGN §5: it boots the install kernel with its arguments, and the end of the installer is the end of the domain', () => {
    assert.deepEqual(xpath(xml, '/domain/os/kernel | /domain/os/initrd | /domain/os/cmdline'), [
      '/var/lib/bootstead/boot/el9/vmlinuz',
      '/var/lib/bootstead/boot/el9/initrd.img',
      'inst.ks=http://192.0.2.1/ks/web?token=T console=ttyS0',
    ])
    assert.deepEqual(xpath(xml, '/domain/on_poweroff | /domain/on_reboot | /domain/on_crash'), [
      'destroy',
      'destroy',
      'preserve',
    ])
  })

  test('it is the running one in everything else', () => {
    const bare = (text: string): string =>
      text.replaceAll(/^ *<(kernel|initrd|cmdline|on_reboot|on_crash)>.*\n|^<!--.*\n/gm, '')
    assert.equal(bare(xml), bare(renderLibvirtRunning(guest)))
  })
})

describe('XML 1.0', () => {
  test('§2.4: &, <, > and quotes of an argument are read back as they are', () => {
    const value = `a="1" b='2' c=<&> d=]]>`
    const xml = renderLibvirtInstall(guest, [arg(value)])
    assertDomain(xml)
    assert.deepEqual(xpath(xml, '/domain/os/cmdline'), [value])
  })

  test('§2.2: a character that no document may have is refused, with the guest and the word and no other argument', () => {
    for (const hazard of ['a\nb', 'a\u0001b', 'a\ud800b', 'a\uffffb'])
      assert.throws(
        () => renderLibvirtInstall(guest, [arg('ks=http://192.0.2.1/ks/web?token=secret'), arg(hazard)]),
        (error) =>
          error instanceof TemplateError &&
          error.message.startsWith(`web: ${JSON.stringify(hazard)}: a control character`) &&
          !error.message.includes('secret'),
      )
  })
})
