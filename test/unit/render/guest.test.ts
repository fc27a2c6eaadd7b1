// Guest configurations of the sample farm, byte for byte, and read by the parser that xm uses: Python's.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { describe, test } from 'node:test'
import type { KernelArg } from '../../../server/plan/arguments.ts'
import type { GuestPlan } from '../../../server/plan/guest.ts'
import { renderInstall, renderRunning } from '../../../server/render/guest.ts'
import { TemplateError } from '../../../server/render/templates.ts'

const guest: GuestPlan = {
  name: 'web',
  uuid: '564d1c2e-0000-4000-8000-00005e005301',
  type: 'pv',
  memoryMiB: 2048,
  vcpus: 2,
  cpus: null,
  bootloader: 'pygrub',
  vifs: [{ mac: '00:16:3e:00:53:02', bridge: 'xenbr0', model: null }],
  disks: [
    { prefix: 'phy', device: 'sda5', target: 'xvda' },
    { prefix: 'file', device: '/srv/xen/web.img', target: 'xvdb' },
  ],
  installKernel: '/var/lib/bootstead/boot/el9/vmlinuz',
  installInitrd: '/var/lib/bootstead/boot/el9/initrd.img',
}
const arg = (value: string): KernelArg => ({ value, origin: { layer: 'default', row: '', column: '' } })

/** The names that the configuration sets, as xm reads them: it executes the file as Python. */
function readByPython(text: string): Readonly<Record<string, unknown>> {
  const program =
    'import json,sys\nns={}\nexec(compile(sys.stdin.read(),"guest","exec"),ns)\ndel ns["__builtins__"]\nprint(json.dumps(ns))'
  const done = spawnSync('python3', ['-c', program], { input: text, encoding: 'utf8' })
  assert.equal(done.status, 0, done.stderr)
  return JSON.parse(done.stdout) as Readonly<Record<string, unknown>>
}

describe('the running configuration', () => {
  test('xmdomain.cfg(5): Python reads back what the plan says; a reboot restarts the guest', () => {
    assert.deepEqual(readByPython(renderRunning(guest)), {
      name: 'web',
      uuid: guest.uuid,
      memory: 2048,
      vcpus: 2,
      bootloader: 'pygrub',
      on_poweroff: 'destroy',
      on_reboot: 'restart',
      on_crash: 'restart',
      vif: ['mac=00:16:3e:00:53:02,bridge=xenbr0'],
      disk: ['phy:sda5,xvda,w', 'file:/srv/xen/web.img,xvdb,w'],
    })
  })

  test('xl.cfg(5): pvh says its type, hvm its builder; pv says neither, for xm knows only it', () => {
    const of = (type: GuestPlan['type']): Readonly<Record<string, unknown>> =>
      readByPython(renderRunning({ ...guest, type }))
    assert.deepEqual([of('pv')['type'], of('pv')['builder']], [undefined, undefined])
    assert.deepEqual([of('pvh')['type'], of('pvh')['bootloader']], ['pvh', 'pygrub'])
    assert.deepEqual([of('hvm')['builder'], of('hvm')['boot'], of('hvm')['bootloader']], ['hvm', 'c', undefined])
  })

  test('pinned CPUs stand in it; a guest that isn’t pinned has no such line', () => {
    const [cpus] = [{ ...guest, cpus: '2-4' as GuestPlan['cpus'] }]
    assert.equal(readByPython(renderRunning(cpus))['cpus'], '2-4')
    assert.equal('cpus' in readByPython(renderRunning(guest)), false)
  })

  test('a guest without interfaces has an empty list', () => {
    assert.deepEqual(readByPython(renderRunning({ ...guest, vifs: [] }))['vif'], [])
  })
})

describe('the install configuration', () => {
  test('DESIGN §5: it boots the install kernel with its arguments, and the end of the installer is the end of the domain', () => {
    const read = readByPython(renderInstall(guest, [arg('ks=http://192.0.2.1/ks/web?token=T'), arg('ip=192.0.2.12')]))
    assert.deepEqual(
      ['kernel', 'ramdisk', 'extra', 'on_poweroff', 'on_reboot', 'on_crash', 'bootloader'].map((name) => read[name]),
      [
        '/var/lib/bootstead/boot/el9/vmlinuz',
        '/var/lib/bootstead/boot/el9/initrd.img',
        'ks=http://192.0.2.1/ks/web?token=T ip=192.0.2.12',
        'destroy',
        'destroy',
        'preserve',
        undefined,
      ],
    )
  })

  test('it has the same name, UUID, memory, CPUs, cards and disks as the running one', () => {
    const [running, install] = [readByPython(renderRunning(guest)), readByPython(renderInstall(guest, []))]
    for (const name of ['name', 'uuid', 'memory', 'vcpus', 'vif', 'disk'])
      assert.deepEqual(install[name], running[name])
  })

  test('without arguments or an initrd their lines are left out', () => {
    const read = readByPython(renderInstall({ ...guest, installInitrd: null }, []))
    assert.deepEqual(['extra' in read, 'ramdisk' in read], [false, false])
  })
})

describe('values that would end a string', () => {
  test('a quote, a backslash or a line end is refused, with the guest and the word and no other argument: one has the token', () => {
    for (const hazard of ['init="x"', 'a\\b', 'a\nb'])
      assert.throws(
        () => renderInstall(guest, [arg('ks=http://192.0.2.1/ks/web?token=secret'), arg(hazard)]),
        (error) =>
          error instanceof TemplateError &&
          error.message.startsWith(`web: ${JSON.stringify(hazard)}: a quote, backslash or control character`) &&
          !error.message.includes('secret'),
      )
  })

  test('a single quote, a dollar and a hash are characters to both readers', () => {
    assert.equal(readByPython(renderInstall(guest, [arg("it's $x #y")]))['extra'], "it's $x #y")
  })
})
