// All scripts of firstboot/: what a reader, a linter and the installer expect of them; and the real server behind them.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { readEvents } from '../../server/inventory/store/read.ts'
import { recordArming } from '../../server/inventory/store/record.ts'
import { sqliteStore, startServer, temporaryFolder } from '../fixtures.ts'
import { dom0, firstbootFolder, plain, scripts, userlands } from './dom0.ts'

const text = (name: string): string => readFileSync(join(firstbootFolder, name), 'utf8')

test('shellcheck has nothing to say', () => {
  const files = [...scripts, 'bootstead.sh'].map((name) => `firstboot/${name}`)
  const checked = spawnSync('shellcheck', [...files, 'test/firstboot/stub-toolstack'], {
    cwd: join(firstbootFolder, '..'),
    encoding: 'utf8',
  })
  assert.equal(checked.error, undefined, 'the Debian package shellcheck is needed: make packages')
  assert.equal(checked.stdout, '')
  assert.equal(checked.status, 0)
})

test('every script says what is true after success, stops at errors, and is no template', () => {
  for (const name of scripts) {
    const [shebang, ...lines] = text(name).split('\n')
    assert.equal(shebang, '#!/bin/sh')
    assert.match(lines[0] ?? '', /^# After success, /, name)
    assert.ok(lines.includes('set -eu'), name)
    assert.doesNotMatch(text(name), /\{\{|\{%/)
  }
})

for (const { name, ...userland } of userlands)
  test(`${name}: --help says what a script does, on any machine`, async (t) => {
    const machine = dom0(t, userland, 'http://127.0.0.1:1')
    for (const script of scripts) {
      const { status, stdout, stderr } = await machine.run(script, ['--help'])
      assert.deepEqual([status, stderr], [0, ''])
      assert.ok(stdout.startsWith(`Usage: ${script}`))
      assert.equal((await machine.run(script, ['--nonsense', 'acas1', 'acas2'])).status, 2)
    }
  })

test('the unit is one that systemd takes', () => {
  assert.ok(existsSync('/usr/bin/systemd-analyze'), 'this test needs systemd-analyze: apt-get install systemd')
  const unit = join(firstbootFolder, 'bootstead-firstboot.service')
  const verified = spawnSync('systemd-analyze', ['verify', unit], { encoding: 'utf8' })
  assert.doesNotMatch(verified.stderr, /bootstead-firstboot\.service:\d+|Unknown/)
})

const pages = readdirSync(join(firstbootFolder, 'man')).sort()
/** The manual of a script; rc.local is known by what systemd runs it as. */
const pageOf = (script: string): string => `${script === 'rc.local' ? 'bootstead-firstboot' : script}.8`

test('each script has a manual, and mandoc has no warning for it', () => {
  assert.deepEqual(pages, scripts.map(pageOf).sort())
  const checked = spawnSync(
    'mandoc',
    ['-Tlint', '-Wwarning', ...pages.map((page) => join(firstbootFolder, 'man', page))],
    {
      encoding: 'utf8',
    },
  )
  assert.equal(checked.error, undefined, 'the Debian package mandoc is needed: make packages')
  assert.deepEqual([checked.status, checked.stdout], [0, ''])
})

for (const script of scripts)
  test(`${script}: its manual has the sections of one, and every option of its --help and variable of its text`, async (t) => {
    const help = (await dom0(t, plain, 'http://127.0.0.1:1').run(script, ['--help'])).stdout
    const shown = spawnSync('mandoc', ['-Tascii', join(firstbootFolder, 'man', pageOf(script))], { encoding: 'utf8' })
    const manual = shown.stdout.replaceAll(/.\x08/g, '')
    const headings = [
      'NAME',
      'SYNOPSIS',
      'DESCRIPTION',
      'OPTIONS',
      'EXIT STATUS',
      'ENVIRONMENT',
      'FILES',
      'EXAMPLES',
      'SEE ALSO',
    ]
    for (const heading of headings) assert.match(manual, new RegExp(`^${heading}$`, 'm'))
    const options: readonly string[] = help.match(/(?<=[ [])--?[a-z]+/g) ?? []
    assert.ok(options.includes('--help'))
    for (const option of options) assert.match(manual, new RegExp(`(^|[ [])${option}\\b`, 'm'))
    for (const [variable] of text(script).matchAll(/BOOTSTEAD_[A-Z]+_POLLS/g))
      assert.ok(manual.includes(variable), variable)
  })

test('what the kickstart installs is what lies here', () => {
  const snippet = readFileSync(join(firstbootFolder, '../kickstart-templates/snippets/post-firstboot-dom0.sh'), 'utf8')
  const words = (variable: string): readonly string[] =>
    (new RegExp(`for ${variable} in (.*); do`).exec(snippet)?.[1] ?? '').split(' ')
  const direct = [...snippet.matchAll(/"\$firstboot_url\/([a-z][^"$]*)"/g)].map(([, name]) => name ?? '')
  const installed = [...new Set([...words('script'), ...direct])].sort()
  assert.deepEqual(installed, [...scripts, 'bootstead.sh', 'bootstead-firstboot.service'].sort())
  assert.deepEqual([...words('page')].sort(), pages)
})

test('a README of at most 25 lines', () => {
  assert.ok(text('README.md').trimEnd().split('\n').length <= 25)
})

const sha256 = (body: string): string => createHash('sha256').update(body).digest('hex')
const [kernel, initrd] = ['a kernel', 'an initrd']
const inventory = `
networks: {lab: {cidr: 127.0.0.0/8}}
images: {el9: {arch: x86_64, kernel: vmlinuz, initrd: initrd.img, tree_url: repo/el9, sha256: {vmlinuz: ${sha256(kernel)}, initrd.img: ${sha256(initrd)}}}}
profiles:
  dom0: {family: el, version: "9", template: plain.ks, image: el9, hypervisor: xen}
  guest: {family: el, version: "9", template: plain.ks, image: el9, guest_type: pvh}
machines:
  dom0a: {profile: dom0, disk: sda, interfaces: {eth0: {mac: 02:00:00:00:00:01, ip: 127.0.0.11, network: lab, bridge: br0}}}
  acas1: {profile: guest, dom0: dom0a, vdisk: /dev/vg0/acas1, vcpus: 1, memory_mib: 512, interfaces: {eth0: {mac: 02:00:00:00:00:02, ip: 127.0.0.12, network: lab}}}
  acas2: {profile: guest, dom0: dom0a, vdisk: /dev/vg0/acas2, vcpus: 1, memory_mib: 512, interfaces: {eth0: {mac: 02:00:00:00:00:03, ip: 127.0.0.13, network: lab}}}
`

function stateWithImage(t: TestContext): string {
  const folder = temporaryFolder(t)
  mkdirSync(join(folder, 'images/el9'), { recursive: true })
  writeFileSync(join(folder, 'images/el9/vmlinuz'), kernel)
  writeFileSync(join(folder, 'images/el9/initrd.img'), initrd)
  return folder
}

test('against the real server: a Dom0 of two guests, one armed, boots for the first time and is ready', async (t) => {
  const store = await sqliteStore(t, inventory)
  const templates = { sources: new Map([['plain.ks', 'text\n']]), names: new Set(['plain.ks']) }
  const server = await startServer(t, store, { templates, stateDir: stateWithImage(t) })
  const base = `http://127.0.0.1:${server.ports.http ?? 0}`
  await recordArming(store, ['dom0a', 'acas1'], { who: 'test', now: Date.now(), expiresAt: Date.now() + 600_000 })
  await server.live.catchUp()
  const tokens = server.live.snapshot().tokens.get('dom0a') ?? []
  const secret = tokens.find(({ purpose }) => purpose === 'machine')?.secret
  const machine = dom0(t, plain, base, secret)
  // A guest's installer has its token from its own install configuration.
  machine.stub(
    'report-installed',
    `token=$(sed -n 's/^extra = .*token=\\([^" ]*\\).*/\\1/p' "$2")
exec curl -fsS -H "Authorization: Bearer $token" -d stage=installed ${base}/events/$1`,
  )
  const booted = await machine.run('rc.local', ['--wait'], { STUB_REPORT: machine.path('stubs/report-installed') })
  assert.equal(booted.status, 0, booted.stdout + booted.stderr)
  assert.deepEqual([...machine.domains.calls()].sort(), ['create acas1', 'create acas1_install', 'create acas2'])
  assert.deepEqual(readdirSync(machine.path('etc/xen')).sort(), ['acas1', 'acas2'])
  await server.close()
  const stages = async (host: string): Promise<readonly string[]> =>
    (await readEvents(store, host, 100)).map(({ stage }) => stage).filter((stage) => stage !== 'armed')
  assert.deepEqual(await stages('dom0a'), ['firstboot', 'guests', 'ready'])
  assert.deepEqual(await stages('acas1'), ['installing', 'installed', 'ready'])
})
