// A Xen guest's configurations as both of their readers understand them: Python, which is xm's, and xl's own library.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { KernelArg } from '../../../server/plan/arguments.ts'
import type { XenGuest } from '../../../server/plan/guest.ts'
import { TemplateError } from '../../../server/render/templates.ts'
import { renderXenInstall, renderXenRunning } from '../../../server/render/xen.ts'
import { readByPython, readByXl } from './guest-readers.ts'

const guest: XenGuest = {
  hypervisor: 'xen',
  name: 'web',
  uuid: '564d1c2e-0000-4000-8000-00005e005301',
  type: 'pv',
  memoryMiB: 2048,
  vcpus: 2,
  cpus: null,
  bootloader: 'pygrub',
  hvm: null,
  vifs: [
    { mac: '00:16:3e:00:53:02', bridge: 'xenbr0' },
    { mac: '00:16:3e:00:53:03', bridge: 'xenbr1' },
  ],
  disks: [
    { kind: 'block', device: '/dev/sda5', target: 'xvda' },
    { kind: 'block', device: '/dev/vg0/web', target: 'xvdb' },
    { kind: 'file', device: '/srv/xen/web.img', target: 'xvdc' },
  ],
  installKernel: '/var/lib/bootstead/boot/el9/vmlinuz',
  installInitrd: '/var/lib/bootstead/boot/el9/initrd.img',
}
const arg = (value: string): KernelArg => ({ value, origin: { layer: 'default', row: '', column: '' } })
const pinned = { ...guest, cpus: '2-4' as XenGuest['cpus'] }
const oldHvm: XenGuest = {
  ...guest,
  type: 'hvm',
  hvm: { loader: '/usr/lib/xen/boot/hvmloader', deviceModel: '/usr/lib/xen/bin/qemu-dm' },
}

describe('the running configuration', () => {
  test('xmdomain.cfg(5): Python reads back what the plan says; a reboot restarts the guest', () => {
    assert.deepEqual(readByPython(renderXenRunning(guest)), {
      name: 'web',
      uuid: guest.uuid,
      memory: 2048,
      vcpus: 2,
      bootloader: 'pygrub',
      on_poweroff: 'destroy',
      on_reboot: 'restart',
      on_crash: 'restart',
      vif: ['mac=00:16:3e:00:53:02,bridge=xenbr0', 'mac=00:16:3e:00:53:03,bridge=xenbr1'],
      disk: ['phy:/dev/sda5,xvda,w', 'phy:/dev/vg0/web,xvdb,w', 'file:/srv/xen/web.img,xvdc,w'],
    })
  })

  test('xl.cfg(5), xl-disk-configuration(5): so does xl, each disk with its place and its name', () => {
    const read = readByXl(renderXenRunning(pinned))
    assert.deepEqual(
      ['name', 'memory', 'vcpus', 'cpus', 'bootloader', 'on_reboot'].map((name) => read[name]),
      ['web', '2048', '2', '2-4', 'pygrub', 'restart'],
    )
    assert.deepEqual(read['disk'], [
      ['/dev/sda5', 'xvda'],
      ['/dev/vg0/web', 'xvdb'],
      ['/srv/xen/web.img', 'xvdc'],
    ])
  })

  test('xl.cfg(5): pvh says its type, hvm its builder; pv says neither, for xm knows only it', () => {
    const of = (type: XenGuest['type']): Readonly<Record<string, unknown>> =>
      readByXl(renderXenRunning({ ...guest, type }))
    assert.deepEqual([of('pv')['type'], of('pv')['builder'], of('pv')['bootloader']], [null, null, 'pygrub'])
    assert.deepEqual([of('pvh')['type'], of('pvh')['builder'], of('pvh')['bootloader']], ['pvh', null, 'pygrub'])
    assert.deepEqual([of('hvm')['type'], of('hvm')['builder'], of('hvm')['bootloader']], [null, 'hvm', null])
  })

  test('a full machine boots its disk, on a serial console, with cards that it and its own drivers know', () => {
    const read = readByPython(renderXenRunning({ ...guest, type: 'hvm' }))
    assert.deepEqual([read['boot'], read['serial'], 'kernel' in read], ['c', 'pty', false])
    assert.deepEqual((read['vif'] as string[])[0], 'type=ioemu,model=e1000,mac=00:16:3e:00:53:02,bridge=xenbr0')
  })

  test('xm 3.0.3, create.py: a full machine’s kernel is hvmloader, and a card has no model that its device model lacks', () => {
    const read = readByPython(renderXenRunning(oldHvm))
    assert.deepEqual(
      ['builder', 'kernel', 'device_model', 'pae', 'acpi', 'apic', 'boot'].map((name) => read[name]),
      ['hvm', '/usr/lib/xen/boot/hvmloader', '/usr/lib/xen/bin/qemu-dm', 1, 1, 1, 'c'],
    )
    assert.deepEqual((read['vif'] as string[])[0], 'type=ioemu,mac=00:16:3e:00:53:02,bridge=xenbr0')
    assert.equal(readByXl(renderXenRunning(oldHvm))['builder'], 'hvm')
  })

  test('xm 3.0, create.py: a disk is UNAME,DEV,MODE, and a card has only the options that configure_vifs() knows', () => {
    const options = ['backend', 'bridge', 'ip', 'mac', 'script', 'type', 'vifname', 'rate']
    for (const one of [guest, oldHvm]) {
      const { disk, vif } = readByPython(renderXenRunning(one)) as { disk: string[]; vif: string[] }
      for (const text of disk) assert.match(text, /^(phy|file):[^,]+,[a-z]+\d*,w$/)
      const used = vif.flatMap((text) => text.split(',').map((pair) => pair.split('=')[0] ?? ''))
      assert.deepEqual(
        used.filter((option) => !options.includes(option)),
        [],
      )
    }
  })

  test('pinned CPUs stand in it; a guest that isn’t pinned has no such line', () => {
    assert.equal(readByPython(renderXenRunning(pinned))['cpus'], '2-4')
    assert.equal('cpus' in readByPython(renderXenRunning(guest)), false)
  })

  test('a guest without interfaces has an empty list', () => {
    assert.deepEqual(readByPython(renderXenRunning({ ...guest, vifs: [] }))['vif'], [])
  })
})

describe('the install configuration', () => {
  const args = [arg('ks=http://192.0.2.1/ks/web?token=T'), arg('ip=192.0.2.12')]

  test('DESIGN §5: it boots the install kernel with its arguments, and the end of the installer is the end of the domain', () => {
    for (const read of [readByPython, readByXl]) {
      const found = read(renderXenInstall(guest, args))
      assert.deepEqual(
        ['kernel', 'ramdisk', 'extra', 'on_poweroff', 'on_reboot', 'on_crash'].map((name) => found[name]),
        [
          '/var/lib/bootstead/boot/el9/vmlinuz',
          '/var/lib/bootstead/boot/el9/initrd.img',
          'ks=http://192.0.2.1/ks/web?token=T ip=192.0.2.12',
          'destroy',
          'destroy',
          'preserve',
        ],
      )
      assert.ok(found['bootloader'] === undefined || found['bootloader'] === null)
    }
  })

  test('it has the same name, UUID, memory, CPUs, type, cards and disks as the running one', () => {
    for (const type of ['pv', 'pvh', 'hvm'] as const) {
      const one = { ...pinned, type }
      const [running, install] = [readByXl(renderXenRunning(one)), readByXl(renderXenInstall(one, args))]
      for (const name of ['name', 'uuid', 'memory', 'vcpus', 'cpus', 'type', 'builder', 'vif', 'disk'])
        assert.deepEqual(install[name], running[name])
    }
  })

  test('without arguments or an initrd their lines are left out', () => {
    const read = readByPython(renderXenInstall({ ...guest, installInitrd: null }, []))
    assert.deepEqual(['extra' in read, 'ramdisk' in read], [false, false])
  })
})

describe('values that would end a string', () => {
  test('a quote, a backslash or a line end is refused, with the guest and the word and no other argument: one has the token', () => {
    for (const hazard of ['init="x"', 'a\\b', 'a\nb'])
      assert.throws(
        () => renderXenInstall(guest, [arg('ks=http://192.0.2.1/ks/web?token=secret'), arg(hazard)]),
        (error) =>
          error instanceof TemplateError &&
          error.message.startsWith(`web: ${JSON.stringify(hazard)}: a quote, backslash or control character`) &&
          !error.message.includes('secret'),
      )
  })

  test('a single quote, a dollar and a hash are characters to both readers', () => {
    for (const read of [readByPython, readByXl])
      assert.equal(read(renderXenInstall(guest, [arg("it's $x #y")]))['extra'], "it's $x #y")
  })
})
