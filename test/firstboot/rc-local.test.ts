// firstboot/rc.local: a Dom0's first boot, and every other.
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import type { Dom0, Farm, Shell } from './dom0.ts'
import { commandsRun, cutPowerAt, dom0, farm, followInstalls, installConfig, runningConfig, shells } from './dom0.ts'

async function newDom0(t: TestContext, shell: Shell): Promise<Readonly<{ server: Farm; machine: Dom0 }>> {
  const server = await farm(t)
  const machine = dom0(t, shell, server.url)
  followInstalls(server, machine)
  return { server, machine }
}
const domains = (machine: Dom0): readonly string[] => readdirSync(join(machine.xen.folder, 'domains')).sort()
const isDone = (machine: Dom0): boolean => existsSync(machine.path('var/lib/bootstead/firstboot.done'))
const stagesOf = (server: Farm): readonly string[] => server.events.map((event) => event.replace(/:.*/s, ''))
/** Guests end with the power. */
function powerOff(machine: Dom0): void {
  for (const guest of domains(machine)) rmSync(join(machine.xen.folder, 'domains', guest))
  for (const name of readdirSync(machine.path('var/lib/bootstead')).filter((name) => name.endsWith('.installing')))
    writeFileSync(machine.path(`var/lib/bootstead/${name}`), 'another boot\n')
}

for (const shell of shells) {
  test(`${shell}: the first boot installs what is armed, starts the rest and says ready; later boots only start`, async (t) => {
    const { server, machine } = await newDom0(t, shell)
    const first = await machine.run('rc.local', ['--wait'])
    assert.equal(first.status, 0, first.stdout + first.stderr)
    assert.deepEqual(stagesOf(server), ['firstboot', 'guests', 'ready'])
    assert.equal(server.events[1], 'guests: to install: acas1 acas2 ')
    assert.deepEqual(domains(machine), ['acas1', 'acas2', 'acas3'])
    assert.ok(isDone(machine))

    server.guests.set('acas3', { running: runningConfig('acas3'), install: installConfig('acas3') })
    powerOff(machine)
    const asked = server.requests.length
    for (const _ of [1, 2]) assert.equal((await machine.run('rc.local', ['--wait'])).status, 0)
    assert.deepEqual(domains(machine), ['acas1', 'acas2', 'acas3'])
    assert.equal(server.requests.length, asked, 'a later boot needs no server')
    assert.equal(machine.xen.calls().filter((call) => call.endsWith('_install')).length, 2)
  })

  test(`${shell}: a guest that fails is named with the end of its log; the next boot tries again`, async (t) => {
    const { server, machine } = await newDom0(t, shell)
    machine.xen.behave('acas1', 'crash')
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

    machine.xen.behave('acas1', 'succeed')
    powerOff(machine)
    assert.equal((await machine.run('rc.local', ['--wait'])).status, 0)
    assert.equal(stagesOf(server).at(-1), 'ready')
    assert.deepEqual(domains(machine), ['acas1', 'acas2', 'acas3'])
    assert.equal(machine.xen.calls().filter((call) => call === 'create acas2_install').length, 1)
  })

  test(`${shell}: a server that is away is waited for`, async (t) => {
    const { server, machine } = await newDom0(t, shell)
    await server.stop()
    const booting = machine.run('rc.local', ['--wait'])
    await new Promise((resolve) => setTimeout(resolve, 1500))
    await server.start()
    const run = await booting
    assert.equal(run.status, 0, run.stderr)
    assert.ok(isDone(machine))
    assert.equal(server.events.at(-1)?.startsWith('ready'), true)
  })

  test(`${shell}: two at once: one does it, the other waits and finds it done`, async (t) => {
    const { server, machine } = await newDom0(t, shell)
    const both = await Promise.all([machine.run('rc.local', ['--wait']), machine.run('rc.local', ['--wait'])])
    assert.deepEqual(
      both.map(({ status }) => status),
      [0, 0],
    )
    assert.deepEqual(stagesOf(server), ['firstboot', 'guests', 'ready'])
    assert.equal(machine.xen.calls().length, 5)
  })
}

test('what the server refuses for good is reported as failed, and nothing is installed', async (t) => {
  const { server, machine } = await newDom0(t, 'dash')
  server.manifest = () => 'a login page\n'
  const failed = await machine.run('rc.local', ['--wait'], { BOOTSTEAD_POLL_SECONDS: '0' })
  assert.equal(failed.status, 1)
  assert.match(server.events.at(-1) ?? '', /^failed: xenconf: the manifest is not to be trusted/)
  assert.deepEqual(machine.xen.calls(), [])
  assert.ok(!isDone(machine))
})

test('without a hypervisor the server hears why', async (t) => {
  const { server, machine } = await newDom0(t, 'dash')
  writeFileSync(join(machine.xen.folder, 'silent'), '')
  assert.equal((await machine.run('rc.local', ['--wait'], { BOOTSTEAD_POLL_SECONDS: '0' })).status, 1)
  assert.equal(server.events.at(-1), 'failed: no hypervisor answers')
})

test('a report keeps every character, and no control characters', async (t) => {
  const { server, machine } = await newDom0(t, 'dash')
  machine.xen.behave('acas3', 'absent')
  machine.stub('uname', `printf 'a&b=c%%20+d;e \\033[1m\\n\\nf'`)
  await machine.run('rc.local', ['--wait'])
  assert.equal(server.events[0], 'firstboot: a&b=c%20+d;e [1m\n\nf')
})

test('SysV init does not wait: it goes on in the background, with a log', async (t) => {
  const { machine } = await newDom0(t, 'dash')
  const started = await machine.run('rc.local', ['start'])
  assert.equal(started.status, 0)
  assert.match(started.stdout, /in the background; see .*firstboot.log/)
  while (!isDone(machine)) await new Promise((resolve) => setTimeout(resolve, 50))
  assert.match(readFileSync(machine.path('var/log/bootstead/firstboot.log'), 'utf8'), /acas1 +installed and started/)
})

test('a power cut at any command: the boots after it end ready, and no installed guest is installed again', async (t) => {
  const tools = ['curl', 'mv', 'rm', 'cat', 'awk', 'date', 'mkfifo', 'sync', 'sed', 'tee', 'grep', 'sleep', 'mktemp']
  for (let at = 1, cut = true; cut; at += 23) {
    const { server, machine } = await newDom0(t, 'dash')
    cutPowerAt(machine, tools, at)
    await machine.run('rc.local', ['--wait'])
    cut = commandsRun(machine) >= at
    for (const tool of tools) rmSync(machine.path(`stubs/${tool}`))
    powerOff(machine)
    const installed = readdirSync(join(machine.xen.folder, 'installed'))
    const before = machine.xen.calls().length
    const again = await machine.run('rc.local', ['--wait'])
    const context = `after a cut at ${at}: ${again.stdout}${again.stderr}`
    assert.equal(again.status, 0, context)
    assert.ok(isDone(machine), context)
    assert.deepEqual(domains(machine), ['acas1', 'acas2', 'acas3'], context)
    assert.equal(stagesOf(server).at(-1), 'ready', context)
    const calls = machine.xen.calls().slice(before)
    for (const guest of [...installed, 'acas3']) assert.ok(!calls.includes(`create ${guest}_install`), context)
  }
})
