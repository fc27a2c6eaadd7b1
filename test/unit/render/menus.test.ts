// The boot menus of the sample farm, byte for byte where they are served, and read by real parsers.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { loadTemplates } from '../../../server/cli/templates.ts'
import type { RowChange } from '../../../server/inventory/snapshot.ts'
import { changeSnapshot, emptySnapshot } from '../../../server/inventory/snapshot.ts'
import type { Plan } from '../../../server/plan/boot.ts'
import { planBoot } from '../../../server/plan/boot.ts'
import { artefactAt } from '../../../server/render/catalogue.ts'
import { ipxeText } from '../../../server/render/menu-quoting.ts'
import type { Menu, MenuView } from '../../../server/render/menus.ts'
import { menuTemplates, menuView } from '../../../server/render/menus.ts'
import { TemplateError, templateEngine } from '../../../server/render/templates.ts'
import { assertGolden } from '../../golden/golden.ts'
import { address, snapshotOf } from '../../fixtures.ts'
import { known, sampleRows } from './farm.ts'

const sources = loadTemplates(null)
const engine = templateEngine(sources)
const menus = Object.keys(menuTemplates) as readonly Menu[]
const server = { advertise: address('192.0.2.1'), addresses: [], httpPort: 80 }

/** The sample farm: one machine armed, others with every other plan, one armed that can't be installed. */
const actions = {
  acas0001: 'install',
  acas0004: 'memtest',
  acas0007: 'hold',
  acas0010: 'install',
  acas0021: 'rescue',
  acas0024: 'local',
  acas0022: 'install',
} as const
const farm = (() => {
  const rows = changeSnapshot(emptySnapshot, sampleRows('farm.yaml'), 1)
  const changes = Object.entries(actions).flatMap(([hostname, boot]): RowChange[] => {
    const machine = rows.machines.get(hostname)
    assert.ok(machine)
    const disk = hostname === 'acas0010' ? null : machine.disk
    const token = {
      id: 't',
      machine: hostname,
      purpose: 'install',
      secret: `token-of-${hostname}`,
      created_at: '2026-01-02T03:04:05.000Z',
      expires_at: '2026-01-03T03:04:05.000Z',
      used_at: null,
    }
    const put: RowChange = { table: 'machines', key: hostname, raw: { ...machine, boot, disk } }
    return boot === 'install' ? [put, { table: 'tokens', key: `${hostname}/t`, raw: token }] : [put]
  })
  return changeSnapshot(rows, changes, 2)
})()
const context = { snapshot: farm, server, known, now: Date.parse('2026-01-02T12:00:00.000Z'), engine }

function menusOf(hostname: string): readonly Readonly<{ menu: Menu; path: string; text: string }>[] {
  const plan = planBoot(context, hostname)
  assert.ok(plan.kind !== 'ignore', plan.why)
  const { menu: paths } = menuView(plan)
  return menus.map((menu) => {
    const ref = artefactAt(farm, paths[menu])
    assert.ok(ref, paths[menu])
    const rendered = ref.artefact.render(context, ref)
    assert.ok(rendered.kind === 'text')
    return { menu, path: paths[menu], text: rendered.text }
  })
}

/** One `a` whose only free value is its kernel arguments. */
function planWith(kernelArgs: string, params = '{}'): Exclude<Plan, { kind: 'ignore' }> {
  const rows = snapshotOf(`
networks: {n: {cidr: 192.0.2.0/24}}
images: {i: {arch: x86_64, kernel: vmlinuz, initrd: initrd.img}}
profiles: {p: {family: el, version: "9", image: i}}
machines: {a: {profile: p, boot: rescue, params: ${params}, interfaces: {eth0: {mac: 00:00:5e:00:53:01, ip: 192.0.2.11, network: n}}}}`)
  const machine = rows.machines.get('a')
  assert.ok(machine)
  const snapshot = changeSnapshot(
    rows,
    [{ table: 'machines', key: 'a', raw: { ...machine, params: { ...machine.params, kernel_args: kernelArgs } } }],
    2,
  )
  const plan = planBoot({ ...context, snapshot }, 'a')
  assert.ok(plan.kind !== 'ignore', plan.why)
  return plan
}
const render = (menu: Menu, view: MenuView): string => engine.render(menuTemplates[menu], view, [], 'a')

function run(program: string, args: readonly string[], input: string): string {
  const done = spawnSync(program, args, { input, encoding: 'utf8' })
  assert.ifError(done.error)
  assert.equal(done.status, 0, `${program}: ${done.stderr}\n${input}`)
  return done.stdout
}

describe('the sample farm', () => {
  for (const [hostname, boot] of Object.entries(actions))
    for (const menu of menus)
      test(`${hostname}, boot ${boot}: its ${menu} menu, where it is served`, () => {
        const { path, text } = menusOf(hostname).find((one) => one.menu === menu) ?? { path: '', text: '' }
        assertGolden(path, text)
      })

  test('GRUB reads every one of its menus, and the file that leads to them: grub-script-check', () => {
    for (const hostname of Object.keys(actions))
      for (const { menu, text } of menusOf(hostname)) if (menu === 'grub') run('grub-script-check', [], text)
    run('grub-script-check', [], readFileSync(join(import.meta.dirname, '../../../pxe/grub-entry.cfg'), 'utf8'))
  })

  test('the three menus of a machine say the same plan: one kernel, one initrd, the same arguments', () => {
    for (const hostname of ['acas0001', 'acas0021', 'acas0022']) {
      const plan = planBoot(context, hostname)
      assert.ok(plan.kind === 'install' || plan.kind === 'rescue')
      const { kernel, initrd } = plan.boot
      for (const { text } of menusOf(hostname)) {
        assert.ok(text.includes(`/${kernel}`) && text.includes(`/${initrd ?? ''}`))
        for (const { value } of plan.boot.args) assert.ok(text.includes(value), value)
      }
    }
  })

  test('DESIGN §3: only the menu of an armed machine has a token in it, and only its own', () => {
    for (const [hostname, boot] of Object.entries(actions))
      for (const { text } of menusOf(hostname)) {
        const tokens = [...text.matchAll(/token-of-(\w+)/g)].map(([, owner]) => owner)
        assert.deepEqual(tokens, boot === 'install' && hostname !== 'acas0010' ? [hostname] : [])
      }
  })

  test('an armed machine that can’t be installed is held, and its menu says why', () => {
    for (const { text } of menusOf('acas0010')) {
      assert.match(text, /names no disk that an install may erase; set it: bootstead machine set acas0010 disk=sda/)
      assert.doesNotMatch(text, /vmlinuz/)
    }
  })

  test('a held machine asks again by itself, at its own menu', () => {
    for (const { path, text } of menusOf('acas0007'))
      assert.match(text, new RegExp(`(CONFIG|configfile|chain .*) ?\\S*/${path}`))
  })
})

describe('syntax that each loader needs', () => {
  test('doc/syslinux.txt: SERIAL is the first directive; TIMEOUT is in tenths; DEFAULT names a label that is there', () => {
    for (const hostname of Object.keys(actions)) {
      const text = menusOf(hostname).find(({ menu }) => menu === 'pxelinux')?.text ?? ''
      const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
      if (text.includes('SERIAL')) assert.match(lines[0] ?? '', /^SERIAL 0 115200$/)
      const wanted = /^DEFAULT (\w+)$/m.exec(text)?.[1] ?? ''
      assert.match(text, new RegExp(`^LABEL ${wanted}$`, 'm'))
    }
  })

  test('ipxe.org/scripting: a script begins with #!ipxe, and each way through it ends in a command that does not return', () => {
    for (const hostname of Object.keys(actions)) {
      const text = menusOf(hostname).find(({ menu }) => menu === 'ipxe')?.text ?? ''
      assert.match(text, /^#!ipxe\n/)
      assert.match(text, /^:failed\n(.*\n)*sleep 30\nchain .* \|\| goto failed\n$/m)
    }
  })

  test('a serial console that no loader knows by number is left to the kernel', () => {
    const view = (serial: string): MenuView['serial'] => menuView(planWith('', `{serial_console: "${serial}"}`)).serial
    assert.deepEqual(view('ttyS1,115200n8'), { unit: '1', speed: '115200' })
    assert.deepEqual(view('ttyS0'), { unit: '0', speed: '9600' })
    assert.equal(view('hvc0'), null)
    assert.equal(view('ttyAMA0'), null)
  })

  test('localboot and its drive are numbers, as loaders write them; any other param of that name counts as not given', () => {
    const local = (params: string): MenuView['local'] => {
      const plan = planWith('', params)
      return menuView({ kind: 'local', why: 'x', settings: plan.settings }).local
    }
    assert.deepEqual(local('{}'), { pxelinux: '0', ipxe_drive: '0x80' })
    assert.deepEqual(local('{localboot: -1, localboot_drive: "0x81"}'), { pxelinux: '-1', ipxe_drive: '0x81' })
    assert.deepEqual(local('{localboot: "0\\nLABEL x", localboot_drive: "0x80 || shell"}'), {
      pxelinux: '0',
      ipxe_drive: '0x80',
    })
  })
})

describe('values that would be commands', () => {
  const hazards = [
    "it's",
    'a$b',
    '${net_default_mac}',
    'a;reboot',
    'a&&b',
    'a|b',
    '"x y"',
    'a\\b',
    '{x}',
    'a<b>c',
    '#c',
    '`x`',
    '*?[a]',
    '-o',
    '!a',
    '~x',
  ]

  test('GRUB manual, Quoting: every word reaches the kernel as it stands in the inventory', () => {
    const text = render('grub', menuView(planWith(hazards.join(' '))))
    run('grub-script-check', [], text)
    // Single quotes mean the same to a POSIX shell, which can show the words that it reads.
    const linux = /^linux .*$/m.exec(text)?.[0] ?? ''
    const words = run('sh', [], `linux() { printf '%s\\n' "$@"; }\n${linux}\n`).split('\n')
    const expected = hazards.flatMap((hazard) => hazard.split(' '))
    assert.deepEqual(words.slice(-expected.length - 1, -1), expected)
  })

  test('doc/syslinux.txt: APPEND takes the rest of its line as it is', () => {
    const text = render('pxelinux', menuView(planWith(hazards.join(' '))))
    assert.ok(/^ {2}APPEND (.*)$/m.exec(text)?.[1]?.endsWith(hazards.join(' ')))
  })

  test('ipxe.org/scripting: what iPXE would read as its own is refused, with template, line and machine; it has no quotes', () => {
    for (const hazard of ['a && reboot', '${net0/mac}', 'a || b', 'a ;; b']) {
      const view = menuView(planWith(hazard))
      assert.throws(
        () => render('ipxe', view),
        (error) =>
          error instanceof TemplateError &&
          /^a: template pxe\/menu\.ipxe line \d+: .*set the param loader/.test(error.message),
      )
      for (const menu of ['grub', 'pxelinux'] as const) assert.ok(render(menu, view).length > 0)
    }
    assert.equal(ipxeText('a & b ; c $ d'), 'a & b ; c $ d')
  })

  test('a line end starts no line of any menu', () => {
    const view = menuView(planWith('quiet\nLABEL evil'))
    for (const menu of menus)
      assert.throws(
        () => render(menu, view),
        (error) => error instanceof TemplateError && /"quiet\\nLABEL" can't stand on one line/.test(error.message),
      )
  })

  test('DESIGN §7: a refusal shows the word at fault, never the arguments beside it: a token may be among them', () => {
    const view = menuView(planWith('token=secret && x'))
    assert.throws(
      () => render('ipxe', view),
      (error: Error) => !error.message.includes('secret'),
    )
    assert.throws(
      () => render('grub', menuView(planWith('token=secret a\nb'))),
      (error: Error) => !error.message.includes('secret'),
    )
  })

  test('a reason is printed in the loader’s own quotes, and in ASCII', () => {
    const { settings } = planWith('')
    const view = menuView({ kind: 'hold', why: "it's „odd“; $x", settings })
    assert.equal(view.why, "it's ?odd?; $x")
    run('grub-script-check', [], render('grub', view))
    assert.match(render('grub', view), /^echo 'a: it'\\''s \?odd\?; \$x'$/m)
  })
})
