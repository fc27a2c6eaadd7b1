// firstboot/rc.local: a Dom0's first boot, and every other.
import assert from 'node:assert/strict'
import { copyFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import type { Dom0, Farm, Userland } from './dom0.ts'
import {
  commandsRun,
  cutPowerAt,
  dom0,
  farm,
  followInstalls,
  installConfig,
  plain,
  runningConfig,
  userlands,
} from './dom0.ts'

async function newDom0(t: TestContext, userland: Userland): Promise<Readonly<{ server: Farm; machine: Dom0 }>> {
  const server = await farm(t, userland.toolstack)
  const machine = dom0(t, userland, server.url)
  followInstalls(server, machine)
  return { server, machine }
}
const domains = (machine: Dom0): readonly string[] => readdirSync(join(machine.domains.folder, 'domains')).sort()
const isDone = (machine: Dom0): boolean => existsSync(machine.path('var/lib/bootstead/firstboot.done'))
const stagesOf = (server: Farm): readonly string[] => server.events.map((event) => event.replace(/:.*/s, ''))
/** Guests end with the power. */
function powerOff(machine: Dom0): void {
  for (const guest of domains(machine)) rmSync(join(machine.domains.folder, 'domains', guest))
  for (const name of readdirSync(machine.path('var/lib/bootstead')).filter((name) => name.endsWith('.installing')))
    writeFileSync(machine.path(`var/lib/bootstead/${name}`), 'another boot\n')
}

for (const { name, ...userland } of userlands) {
  test(`${name}: the first boot installs what is armed, starts the rest and says ready; later boots only start`, async (t) => {
    const { server, machine } = await newDom0(t, userland)
    const first = await machine.run('rc.local', ['--wait'])
    assert.equal(first.status, 0, first.stdout + first.stderr)
    assert.deepEqual(stagesOf(server), ['firstboot', 'guests', 'ready'])
    assert.equal(server.events[1], 'guests: to install: acas1 acas2 ')
    assert.deepEqual(domains(machine), ['acas1', 'acas2', 'acas3'])
    assert.ok(isDone(machine))
    const created = machine.domains.calls().filter((call) => call.startsWith('create '))
    assert.match(created[0] ?? '', /acas3/, 'nobody waits for the installs of others')

    const armed = installConfig('acas3', userland.toolstack)
    server.guests.set('acas3', { running: runningConfig('acas3', 512, userland.toolstack), install: armed })
    powerOff(machine)
    const asked = server.requests.length
    for (const _ of [1, 2]) assert.equal((await machine.run('rc.local', ['--wait'])).status, 0)
    assert.deepEqual(domains(machine), ['acas1', 'acas2', 'acas3'])
    assert.equal(server.requests.length, asked, 'a later boot needs no server')
    assert.equal(machine.domains.calls().filter((call) => call.endsWith('_install')).length, 2)
  })

  test(`${name}: a guest that fails is named with the end of its log; the next boot tries again`, async (t) => {
    const { server, machine } = await newDom0(t, userland)
    machine.domains.behave('acas1', 'crash')
    const failed = await machine.run('rc.local', ['--wait'])
    assert.equal(failed.status, 1)
    assert.deepEqual(stagesOf(server), ['firstboot', 'guests', 'failed'])
    const report = server.events.at(-1) ?? ''
    assert.match(report, /^failed: guests failed: acas1\nacas1 +FAILED: crashed in its installer/)
    assert.match(report, /^acas1: last line$/m)
    assert.doesNotMatch(report, /0123456789abcdef/)
    assert.deepEqual(
      domains(machine),
      ['acas1', 'acas2', 'acas3'],
      'the others run, the crashed one is there to be looked at',
    )
    assert.ok(!isDone(machine))

    machine.domains.behave('acas1', 'succeed')
    powerOff(machine)
    assert.equal((await machine.run('rc.local', ['--wait'])).status, 0)
    assert.equal(stagesOf(server).at(-1), 'ready')
    assert.deepEqual(domains(machine), ['acas1', 'acas2', 'acas3'])
    assert.equal(machine.domains.calls().filter((call) => call === 'create acas2_install').length, 1)
  })

  test(`${name}: a server that is away is waited for`, async (t) => {
    const { server, machine } = await newDom0(t, userland)
    await server.stop()
    const booting = machine.run('rc.local', ['--wait'])
    await new Promise((resolve) => setTimeout(resolve, 1500))
    await server.start()
    const run = await booting
    assert.equal(run.status, 0, run.stderr)
    assert.ok(isDone(machine))
    assert.equal(server.events.at(-1)?.startsWith('ready'), true)
  })

  test(`${name}: two at once: one does it, the other waits and finds it done`, async (t) => {
    const { server, machine } = await newDom0(t, userland)
    const both = await Promise.all([machine.run('rc.local', ['--wait']), machine.run('rc.local', ['--wait'])])
    assert.deepEqual(
      both.map(({ status }) => status),
      [0, 0],
    )
    assert.deepEqual(stagesOf(server), ['firstboot', 'guests', 'ready'])
    assert.equal(machine.domains.calls().length, 5)
  })
}

test('what the server refuses for good is reported as failed, and nothing is installed', async (t) => {
  const { server, machine } = await newDom0(t, plain)
  server.manifest = () => 'a login page\n'
  const failed = await machine.run('rc.local', ['--wait'], { BOOTSTEAD_POLL_SECONDS: '0' })
  assert.equal(failed.status, 1)
  assert.match(server.events.at(-1) ?? '', /^failed: xenconf: the manifest is not to be trusted/)
  assert.deepEqual(machine.domains.calls(), [])
  assert.ok(!isDone(machine))
})

test('without a hypervisor the server hears why', async (t) => {
  const { server, machine } = await newDom0(t, plain)
  writeFileSync(join(machine.domains.folder, 'silent'), '')
  assert.equal((await machine.run('rc.local', ['--wait'], { BOOTSTEAD_POLL_SECONDS: '0' })).status, 1)
  assert.equal(server.events.at(-1), 'failed: no hypervisor answers')
})

test('a report keeps every character, and no control characters', async (t) => {
  const { server, machine } = await newDom0(t, plain)
  machine.domains.behave('acas3', 'absent')
  machine.stub('uname', `printf 'a&b=c%%20+d;e \\033[1m\\n\\nf'`)
  await machine.run('rc.local', ['--wait'])
  assert.equal(server.events[0], 'firstboot: a&b=c%20+d;e [1m\n\nf')
})

test('a later boot finishes an install that the power cut, if the guest is still armed; meanwhile the others run', async (t) => {
  const { server, machine } = await newDom0(t, plain)
  assert.equal((await machine.run('rc.local', ['--wait'])).status, 0)
  for (const guest of ['acas1', 'acas2'])
    server.guests.set(guest, { running: runningConfig(guest), install: installConfig(guest) })
  rmSync(join(machine.domains.folder, 'installed/acas1'))
  rmSync(join(machine.domains.folder, 'installed/acas2'))
  assert.equal((await machine.run('allguests', ['destroy'])).status, 0)
  machine.domains.behave('acas1', 'hang')
  assert.equal((await machine.run('installguest', ['acas1'], { BOOTSTEAD_INSTALL_POLLS: '2' })).status, 1)
  powerOff(machine)
  const refused = await machine.run('allguests', ['create'])
  assert.match(refused.stdout, /^acas1 +FAILED: its install was interrupted: installguest acas1 does it again$/m)

  machine.domains.behave('acas1', 'succeed')
  powerOff(machine)
  const before = machine.domains.calls().length
  const booted = await machine.run('rc.local', ['--wait'])
  assert.equal(booted.status, 0, booted.stdout + booted.stderr)
  assert.deepEqual(domains(machine), ['acas1', 'acas2', 'acas3'])
  const calls = machine.domains.calls().slice(before)
  assert.deepEqual(calls.slice(-2), ['create acas1_install', 'create acas1'])
  assert.ok(!calls.includes('create acas2_install'), 'what nobody began is not begun by a boot')
})

test('a guest that does not start is tried twice, and named once, with the first error', async (t) => {
  const { server, machine } = await newDom0(t, plain)
  copyFileSync(machine.path('stubs/xl'), machine.path('stubs/xl.real'))
  const refuse = (times: number): void =>
    machine.stub(
      'xl',
      `case "$1 $2" in 'create '*acas3)
  echo >>'${machine.path('tries')}'
  if [ "$(/usr/bin/wc -l <'${machine.path('tries')}')" -le ${times} ]; then
    echo 'Parsing config' >&2; echo 'libxl: error: no free loop device' >&2; echo 'libxl: error: Destruction failed' >&2; exit 1
  fi ;;
esac
exec '${machine.path('stubs/xl.real')}' "$@"`,
    )
  refuse(2)
  assert.equal((await machine.run('rc.local', ['--wait'])).status, 1)
  assert.match(
    server.events.at(-1) ?? '',
    /^failed: guests failed: acas3\n.*failed: libxl: error: no free loop device$/m,
  )
  rmSync(machine.path('tries'))
  refuse(1)
  assert.equal((await machine.run('rc.local', ['--wait'])).status, 0)
})

test('SysV init does not wait: it goes on in the background, with a log', async (t) => {
  const { machine } = await newDom0(t, plain)
  const started = await machine.run('rc.local', ['start'])
  assert.equal(started.status, 0)
  assert.match(started.stdout, /in the background; see .*firstboot.log/)
  while (!isDone(machine)) await new Promise((resolve) => setTimeout(resolve, 50))
  assert.match(readFileSync(machine.path('var/log/bootstead/firstboot.log'), 'utf8'), /acas1 +installed and started/)
})

test('a power cut at any command: the boots after it end ready, and no installed guest is installed again', async (t) => {
  const tools = ['curl', 'mv', 'rm', 'cat', 'awk', 'date', 'mkfifo', 'sync', 'sed', 'tee', 'grep', 'sleep', 'mktemp']
  for (let at = 1, cut = true; cut; at += 23) {
    const { server, machine } = await newDom0(t, plain)
    cutPowerAt(machine, tools, at)
    await machine.run('rc.local', ['--wait'])
    cut = commandsRun(machine) >= at
    for (const tool of tools) rmSync(machine.path(`stubs/${tool}`))
    powerOff(machine)
    const installed = readdirSync(join(machine.domains.folder, 'installed'))
    const before = machine.domains.calls().length
    const again = await machine.run('rc.local', ['--wait'])
    const context = `after a cut at ${at}: ${again.stdout}${again.stderr}`
    assert.equal(again.status, 0, context)
    assert.ok(isDone(machine), context)
    assert.deepEqual(domains(machine), ['acas1', 'acas2', 'acas3'], context)
    assert.equal(stagesOf(server).at(-1), 'ready', context)
    const calls = machine.domains.calls().slice(before)
    for (const guest of [...installed, 'acas3']) assert.ok(!calls.includes(`create ${guest}_install`), context)
  }
})
