// firstboot/installguest: one guest, armed and not running, from its installer to its own system.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import type { Dom0, Farm, Shell } from './dom0.ts'
import { commandsRun, cutPowerAt, disarm, dom0, farm, followInstalls, shells, until } from './dom0.ts'

async function armedDom0(t: TestContext, shell: Shell): Promise<Readonly<{ server: Farm; machine: Dom0 }>> {
  const server = await farm(t)
  const machine = dom0(t, shell, server.url)
  followInstalls(server, machine)
  return { server, machine }
}
const installLog = (machine: Dom0, guest: string): string =>
  readFileSync(machine.path(`var/log/bootstead/${guest}.install.log`), 'utf8')
const isUp = (machine: Dom0, guest: string): boolean => existsSync(join(machine.xen.folder, 'domains', guest))
/** What the stub's domains leave when the Dom0 loses its power. */
function loseDomains(machine: Dom0): void {
  for (const guest of ['acas1', 'acas2', 'acas3']) rmSync(join(machine.xen.folder, 'domains', guest), { force: true })
}

for (const shell of shells) {
  test(`${shell}: an armed guest is installed, logged, and started; the second run finds it not armed`, async (t) => {
    const { machine } = await armedDom0(t, shell)
    const first = await machine.run('installguest', ['acas1'])
    assert.equal(first.stderr, '')
    assert.equal(first.status, 0)
    assert.match(first.stdout, /acas1: installed and started\n$/)
    assert.deepEqual(machine.xen.calls(), ['create acas1_install', 'create acas1'])
    assert.match(installLog(machine, 'acas1'), /Linux on the console of acas1/)
    assert.equal(statSync(machine.path('var/log/bootstead/acas1.install.log')).mode & 0o077, 0, 'it may hold a token')
    assert.ok(!existsSync(machine.path('etc/xen/acas1_install')))

    const second = await machine.run('installguest', ['acas1'])
    assert.equal(second.status, 1)
    assert.match(second.stderr, /acas1: not armed/)
    assert.deepEqual(machine.xen.calls(), ['create acas1_install', 'create acas1'])
  })

  test(`${shell}: what is not armed, not here or no host name is never started`, async (t) => {
    const { server, machine } = await armedDom0(t, shell)
    for (const guest of ['acas3', 'acas9', '../acas1', 'acas1_install', '']) {
      const refused = await machine.run('installguest', [guest])
      assert.equal(refused.status, 1)
      assert.match(refused.stderr, /not armed|not a guest|no host name/)
    }
    disarm(server, 'acas1') // after xenconf had written its install configuration
    assert.equal((await machine.run('installguest', ['acas1'])).status, 1)
    await server.stop()
    const away = await machine.run('installguest', ['acas2'])
    assert.match(away.stderr, /without a fresh configuration/)
    assert.deepEqual(machine.xen.calls(), [])
  })

  test(`${shell}: a guest that runs is not installed over`, async (t) => {
    const { machine } = await armedDom0(t, shell)
    writeFileSync(join(machine.xen.folder, 'domains/acas1'), '-b----\n')
    for (const _ of [1, 2]) {
      const refused = await machine.run('installguest', ['acas1'])
      assert.equal(refused.status, 1)
      assert.match(refused.stderr, /acas1: running already; stop it first/)
    }
    assert.deepEqual(machine.xen.calls(), [])
  })

  test(`${shell}: an installer that crashes is a failure with the end of its log, and stays to be looked at`, async (t) => {
    const { machine } = await armedDom0(t, shell)
    machine.xen.behave('acas1', 'crash')
    const failed = await machine.run('installguest', ['acas1'])
    assert.equal(failed.status, 1)
    assert.match(failed.stderr, /\| last line\r?\n/)
    assert.match(failed.stderr, /token=\.\.\./)
    assert.doesNotMatch(failed.stderr, /0123456789abcdef/)
    assert.match(failed.stderr, /acas1: crashed in its installer.*\n$/)
    assert.ok(isUp(machine, 'acas1'))
    const again = await machine.run('installguest', ['acas1'])
    assert.equal(again.status, 1)
    assert.match(again.stderr, /acas1: crashed already; stop it first/)
    assert.deepEqual(machine.xen.calls(), ['create acas1_install'])
  })

  test(`${shell}: an installer that ends without its report is a failure, and may be tried again`, async (t) => {
    const { machine } = await armedDom0(t, shell)
    machine.xen.behave('acas1', 'quit')
    const failed = await machine.run('installguest', ['acas1'])
    assert.equal(failed.status, 1)
    assert.match(failed.stderr, /acas1: its installer ended without reporting success\n$/)
    assert.ok(!isUp(machine, 'acas1'))
    machine.xen.behave('acas1', 'succeed')
    assert.equal((await machine.run('installguest', ['acas1'])).status, 0)
    assert.deepEqual(machine.xen.calls(), ['create acas1_install', 'create acas1_install', 'create acas1'])
  })

  test(`${shell}: two at once install once`, async (t) => {
    const { machine } = await armedDom0(t, shell)
    const both = await Promise.all([machine.run('installguest', ['acas1']), machine.run('installguest', ['acas1'])])
    assert.deepEqual(
      both.map(({ status, stderr }) => [status, stderr]),
      [
        [0, ''],
        [0, ''],
      ],
    )
    assert.deepEqual(machine.xen.calls(), ['create acas1_install', 'create acas1'])
  })
}

test('a server that is away when the installer ends is waited for', async (t) => {
  const { server, machine } = await armedDom0(t, 'dash')
  machine.xen.behave('acas1', 'hang')
  const installing = machine.run('installguest', ['acas1'])
  await until(() => isUp(machine, 'acas1'), installing)
  await server.stop()
  machine.xen.behave('acas1', 'succeed')
  await until(() => !isUp(machine, 'acas1'), installing)
  await new Promise((resolve) => setTimeout(resolve, 1500))
  await server.start()
  const finished = await installing
  assert.equal(finished.status, 0, finished.stderr)
  assert.match(finished.stderr, /connect/i)
})

test('a hypervisor that gives no answer for a while is not a guest that ended', async (t) => {
  const { machine } = await armedDom0(t, 'dash')
  machine.xen.behave('acas1', 'hang')
  const installing = machine.run('installguest', ['acas1'])
  await until(() => isUp(machine, 'acas1'), installing)
  writeFileSync(join(machine.xen.folder, 'silent'), '')
  await new Promise((resolve) => setTimeout(resolve, 500))
  rmSync(join(machine.xen.folder, 'silent'))
  machine.xen.behave('acas1', 'succeed')
  assert.equal((await installing).status, 0)
  assert.deepEqual(machine.xen.calls(), ['create acas1_install', 'create acas1'])
})

test('a domain that was shut down, and whose own daemon is gone, is cleaned up', async (t) => {
  const { server, machine } = await armedDom0(t, 'dash')
  machine.xen.behave('acas1', 'hang')
  const installing = machine.run('installguest', ['acas1'])
  await until(() => isUp(machine, 'acas1'), installing)
  disarm(server, 'acas1')
  writeFileSync(join(machine.xen.folder, 'domains/acas1'), '---s--\n')
  assert.equal((await installing).status, 0)
  assert.deepEqual(machine.xen.calls(), ['create acas1_install', 'destroy acas1', 'create acas1'])
})

test('an installer that never ends is given up, and left running', async (t) => {
  const { machine } = await armedDom0(t, 'dash')
  machine.xen.behave('acas1', 'hang')
  const failed = await machine.run('installguest', ['acas1'], { BOOTSTEAD_INSTALL_POLLS: '5' })
  assert.equal(failed.status, 1)
  assert.match(failed.stderr, /acas1: still in its installer/)
  assert.ok(isUp(machine, 'acas1'))
  machine.xen.behave('acas1', 'succeed')
  rmSync(join(machine.xen.folder, 'ticks/acas1')) // it needs three moments more
  const again = await machine.run('installguest', ['acas1'])
  assert.equal(again.status, 0, again.stderr)
  assert.match(again.stdout, /was started before; waiting for its end/)
  assert.deepEqual(machine.xen.calls(), ['create acas1_install', 'create acas1'])
})

test('with openvt, the console is on a terminal and in the log', async (t) => {
  const { machine } = await armedDom0(t, 'bash')
  machine.stub('openvt', `echo "$*" >'${machine.path('openvt.called')}'\n[ "$1" = -- ] && shift\n"$@" &`)
  mkdirSync(machine.path('var/lib/bootstead'), { recursive: true })
  spawnSync('mkfifo', [machine.path('var/lib/bootstead/acas1.console')]) // a killed run left it; opening it would wait for ever
  machine.xen.behave('acas1', 'hang')
  const installing = machine.run('installguest', ['acas1'])
  await until(() => isUp(machine, 'acas1') && installLog(machine, 'acas1').includes('last line'), installing)
  machine.xen.behave('acas1', 'succeed')
  const run = await installing
  assert.equal(run.status, 0, run.stderr)
  assert.match(readFileSync(machine.path('openvt.called'), 'utf8'), /installguest --console acas1$/m)
  assert.match(installLog(machine, 'acas1'), /== .* install of acas1 begins/)
  assert.equal(statSync(machine.path('var/log/bootstead/acas1.install.log')).mode & 0o077, 0)
})

test('without a free terminal, the console is in the log alone', async (t) => {
  const { machine } = await armedDom0(t, 'dash')
  machine.stub('openvt', 'exit 1')
  assert.equal((await machine.run('installguest', ['acas1'])).status, 0)
  assert.match(installLog(machine, 'acas1'), /last line/)
})

test('xm is asked where there is no xl, or xl does not work', async (t) => {
  const { machine } = await armedDom0(t, 'dash')
  machine.stub('xm', `exec '${machine.path('stubs/xl.real')}' "$@"`)
  machine.stub('xl.real', readFileSync(machine.path('stubs/xl'), 'utf8'))
  machine.stub('xl', 'exit 1')
  assert.equal((await machine.run('installguest', ['acas1'])).status, 0)
  rmSync(machine.path('stubs/xl'))
  assert.equal((await machine.run('installguest', ['acas2'])).status, 0)
  machine.stub('xm', 'exit 1')
  const none = await machine.run('installguest', ['acas2'])
  assert.equal(none.status, 1)
  assert.match(none.stderr, /no hypervisor answers/)
})

for (const domains of ['lost with the power', 'still there'] as const)
  test(`killed at any command, domains ${domains}: the next run installs what is armed, and never twice at a time`, async (t) => {
    const tools = ['curl', 'mv', 'rm', 'cat', 'awk', 'date', 'mkfifo', 'sync', 'sed', 'sleep']
    for (let at = 1, cut = true; cut; at += 5) {
      const { machine } = await armedDom0(t, 'dash')
      cutPowerAt(machine, tools, at)
      cut = (await machine.run('installguest', ['acas1'])).status !== 0
      assert.equal(cut, commandsRun(machine) >= at)
      for (const tool of tools) rmSync(machine.path(`stubs/${tool}`))
      if (domains === 'lost with the power') {
        loseDomains(machine)
        writeFileSync(machine.path('var/lib/bootstead/acas1.installing'), 'another boot\n')
      }
      const wasInstalled = existsSync(join(machine.xen.folder, 'installed/acas1'))
      const again = await machine.run('installguest', ['acas1'])
      const context = `after a cut at ${at}: ${again.stdout}${again.stderr}`
      if (wasInstalled && again.status !== 0) assert.match(again.stderr, /not armed/, context)
      else assert.equal(again.status, 0, context)
      const started = await machine.run('allguests', ['create', 'acas1'])
      assert.equal(started.status, 0, context)
      assert.ok(isUp(machine, 'acas1'))
      const creates = machine.xen.calls()
      assert.equal(creates.at(-1), 'create acas1', context)
      if (domains === 'still there') assert.deepEqual(creates, ['create acas1_install', 'create acas1'], context)
    }
  })
