// firstboot/installguest: one guest, armed and not running, from its installer to its own system.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import type { Dom0, Farm, Shell, Userland } from './dom0.ts'
import { commandsRun, cutPowerAt, disarm, dom0, farm, followInstalls, plain, until, userlands } from './dom0.ts'

async function armedDom0(t: TestContext, userland: Userland): Promise<Readonly<{ server: Farm; machine: Dom0 }>> {
  const server = await farm(t, userland.toolstack)
  const machine = dom0(t, userland, server.url)
  followInstalls(server, machine)
  return { server, machine }
}
const installLog = (machine: Dom0, guest: string): string =>
  readFileSync(machine.path(`var/log/bootstead/${guest}.install.log`), 'utf8')
const isUp = (machine: Dom0, guest: string): boolean => existsSync(join(machine.domains.folder, 'domains', guest))
/** What the stub's domains leave when the Dom0 loses its power. */
function loseDomains(machine: Dom0): void {
  for (const guest of ['acas1', 'acas2', 'acas3'])
    rmSync(join(machine.domains.folder, 'domains', guest), { force: true })
}

for (const { name, ...userland } of userlands) {
  test(`${name}: an armed guest is installed, logged, and started; the second run finds it not armed`, async (t) => {
    const { machine } = await armedDom0(t, userland)
    const first = await machine.run('installguest', ['acas1'])
    assert.equal(first.stderr, '')
    assert.equal(first.status, 0)
    assert.match(first.stdout, /acas1: installed and started\n$/)
    assert.deepEqual(machine.domains.calls(), ['create acas1_install', 'create acas1'])
    assert.match(installLog(machine, 'acas1'), /Linux on the console of acas1/)
    assert.equal(statSync(machine.path('var/log/bootstead/acas1.install.log')).mode & 0o077, 0, 'it may hold a token')
    assert.ok(!existsSync(machine.config('acas1_install')))

    const second = await machine.run('installguest', ['acas1'])
    assert.equal(second.status, 1)
    assert.match(second.stderr, /acas1: not armed/)
    assert.deepEqual(machine.domains.calls(), ['create acas1_install', 'create acas1'])
  })

  test(`${name}: the server hears of the installer, of its progress and console, and of the end`, async (t) => {
    const { server, machine } = await armedDom0(t, userland)
    machine.domains.behave('acas1', 'hang')
    writeFileSync(
      join(machine.domains.folder, 'console.acas1'),
      'Installing kernel-core.x86_64 (3/12)\nInstalling bash.x86_64 (9/12)\n',
    )
    const installing = machine.run('installguest', ['acas1'], { BOOTSTEAD_REPORT_POLLS: '1' })
    await until(() => server.guestEvents.some(({ progress }) => progress !== null), installing)
    machine.domains.behave('acas1', 'succeed')
    assert.equal((await installing).status, 0)
    const [first, last] = [server.guestEvents[0], server.guestEvents.at(-1)]
    assert.deepEqual(
      [first?.guest, first?.stage, first?.detail],
      ['acas1', 'installing', 'its installer was started on dom0a'],
    )
    assert.deepEqual([last?.stage, last?.progress], ['ready', '75'])
    assert.match(last?.console ?? '', /^last line$/m)
    assert.match(last?.console ?? '', /token=\.\.\.$/m)
    assert.doesNotMatch(JSON.stringify(server.guestEvents), /0123456789abcdef/)
    assert.ok(server.guestEvents.length <= 4, 'none while the console says nothing new')
  })

  test(`${name}: what is not armed, not here or no host name is never started`, async (t) => {
    const { server, machine } = await armedDom0(t, userland)
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
    assert.deepEqual(machine.domains.calls(), [])
  })

  test(`${name}: a guest that runs is not installed over`, async (t) => {
    const { machine } = await armedDom0(t, userland)
    writeFileSync(join(machine.domains.folder, 'domains/acas1'), '-b----\n')
    for (const _ of [1, 2]) {
      const refused = await machine.run('installguest', ['acas1'])
      assert.equal(refused.status, 1)
      assert.match(refused.stderr, /acas1: running already; stop it first/)
    }
    assert.deepEqual(machine.domains.calls(), [])
  })

  test(`${name}: an installer that crashes is a failure with the end of its log, and stays to be looked at`, async (t) => {
    const { server, machine } = await armedDom0(t, userland)
    machine.domains.behave('acas1', 'crash')
    const failed = await machine.run('installguest', ['acas1'])
    assert.equal(failed.status, 1)
    assert.match(failed.stderr, /\| last line\r?\n/)
    assert.match(failed.stderr, /token=\.\.\./)
    assert.doesNotMatch(failed.stderr, /0123456789abcdef/)
    assert.match(failed.stderr, /acas1: crashed in its installer.*\n$/)
    assert.ok(isUp(machine, 'acas1'))
    const report = server.guestEvents.at(-1)
    assert.match(`${report?.stage ?? ''}: ${report?.detail ?? ''}`, /^failed: crashed in its installer/)
    assert.match(report?.console ?? '', /^last line$/m)
    const again = await machine.run('installguest', ['acas1'])
    assert.equal(again.status, 1)
    assert.match(again.stderr, /acas1: crashed already; stop it first/)
    assert.deepEqual(machine.domains.calls(), ['create acas1_install'])
  })

  test(`${name}: an installer that ends without its report is a failure, and may be tried again`, async (t) => {
    const { machine } = await armedDom0(t, userland)
    machine.domains.behave('acas1', 'quit')
    const failed = await machine.run('installguest', ['acas1'])
    assert.equal(failed.status, 1)
    assert.match(failed.stderr, /acas1: its installer ended without reporting success\n$/)
    assert.ok(!isUp(machine, 'acas1'))
    machine.domains.behave('acas1', 'succeed')
    assert.equal((await machine.run('installguest', ['acas1'])).status, 0)
    assert.deepEqual(machine.domains.calls(), ['create acas1_install', 'create acas1_install', 'create acas1'])
  })

  test(`${name}: two at once install once`, async (t) => {
    const { machine } = await armedDom0(t, userland)
    const both = await Promise.all([machine.run('installguest', ['acas1']), machine.run('installguest', ['acas1'])])
    assert.deepEqual(
      both.map(({ status, stderr }) => [status, stderr]),
      [
        [0, ''],
        [0, ''],
      ],
    )
    assert.deepEqual(machine.domains.calls(), ['create acas1_install', 'create acas1'])
  })
}

test('a server that is away when the installer ends is waited for', async (t) => {
  const { server, machine } = await armedDom0(t, plain)
  machine.domains.behave('acas1', 'hang')
  const installing = machine.run('installguest', ['acas1'])
  await until(() => isUp(machine, 'acas1'), installing)
  await server.stop()
  machine.domains.behave('acas1', 'succeed')
  await until(() => !isUp(machine, 'acas1'), installing)
  await new Promise((resolve) => setTimeout(resolve, 1500))
  await server.start()
  const finished = await installing
  assert.equal(finished.status, 0, finished.stderr)
  assert.match(finished.stderr, /connect/i)
})

test('a hypervisor that gives no answer for a while is not a guest that ended', async (t) => {
  const { machine } = await armedDom0(t, plain)
  machine.domains.behave('acas1', 'hang')
  const installing = machine.run('installguest', ['acas1'])
  await until(() => isUp(machine, 'acas1'), installing)
  writeFileSync(join(machine.domains.folder, 'silent'), '')
  await new Promise((resolve) => setTimeout(resolve, 500))
  rmSync(join(machine.domains.folder, 'silent'))
  machine.domains.behave('acas1', 'succeed')
  assert.equal((await installing).status, 0)
  assert.deepEqual(machine.domains.calls(), ['create acas1_install', 'create acas1'])
})

test('a domain that was shut down, and whose own daemon is gone, is cleaned up', async (t) => {
  const { server, machine } = await armedDom0(t, plain)
  machine.domains.behave('acas1', 'hang')
  const installing = machine.run('installguest', ['acas1'])
  await until(() => isUp(machine, 'acas1'), installing)
  disarm(server, 'acas1')
  writeFileSync(join(machine.domains.folder, 'domains/acas1'), '---s--\n')
  assert.equal((await installing).status, 0)
  assert.deepEqual(machine.domains.calls(), ['create acas1_install', 'destroy acas1', 'create acas1'])
})

test('an installer that never ends is given up, and left running', async (t) => {
  const { machine } = await armedDom0(t, plain)
  machine.domains.behave('acas1', 'hang')
  const failed = await machine.run('installguest', ['acas1'], { BOOTSTEAD_INSTALL_POLLS: '5' })
  assert.equal(failed.status, 1)
  assert.match(failed.stderr, /acas1: still in its installer/)
  assert.ok(isUp(machine, 'acas1'))
  machine.domains.behave('acas1', 'succeed')
  rmSync(join(machine.domains.folder, 'ticks/acas1')) // it needs three moments more
  const again = await machine.run('installguest', ['acas1'])
  assert.equal(again.status, 0, again.stderr)
  assert.match(again.stdout, /was started before; waiting for its end/)
  assert.deepEqual(machine.domains.calls(), ['create acas1_install', 'create acas1'])
})

const progresses: readonly Readonly<{ console: string; progress: string | null; source: string }>[] = [
  { console: 'Installing bash.x86_64 (12/345)', progress: '3', source: "Anaconda's transaction_progress.py" },
  { console: 'Installing glibc (3/12)\nInstalling bash (12/12)', progress: '99', source: 'never all' },
  { console: 'Installing the base system  ... 10%... 20%', progress: '20', source: "cdebconf's text.c" },
  { console: 'Installing the base system  ..10%..21%', progress: '21', source: "cdebconf's text.c, as it was" },
  { console: 'mounted (1/2), 100% sure, Installing x (5/0)', progress: null, source: 'no installer' },
]
for (const { console, progress, source } of progresses)
  test(`progress of an install: ${source}: ${progress ?? 'none'}`, async (t) => {
    const { server, machine } = await armedDom0(t, plain)
    writeFileSync(join(machine.domains.folder, 'console.acas1'), `${console}\n`)
    assert.equal((await machine.run('installguest', ['acas1'])).status, 0)
    assert.equal(server.guestEvents.at(-1)?.progress, progress)
  })

test('an install does not depend on reports: refused, or without an answer for as long as it takes', async (t) => {
  const { server, machine } = await armedDom0(t, plain)
  server.intercept = (path, response) => path === 'events/acas1' && Boolean(response.writeHead(404).end())
  const refused = await machine.run('installguest', ['acas1'], { BOOTSTEAD_REPORT_POLLS: '1' })
  assert.deepEqual([refused.status, refused.stderr], [0, ''])
  assert.deepEqual(server.guestEvents, [])

  machine.stub('curl', `case "$*" in */events/*) exec sleep 3 ;; esac; exec /usr/bin/curl "$@"`)
  const begun = machine.run('installguest', ['acas2'], { BOOTSTEAD_REPORT_POLLS: '1' })
  await until(() => machine.domains.calls().includes('create acas2'), begun)
  const slow = await begun
  assert.deepEqual([slow.status, slow.stderr], [0, ''])
})

/** Fifos stand in for terminals: tty2 is in use, tty4 is the first that is not and that is there. */
function fakeTerminals(machine: Dom0): void {
  mkdirSync(machine.path('dev'))
  for (const name of ['tty2', 'tty4']) spawnSync('mkfifo', [machine.path(`dev/${name}`)])
  for (const name of ['vcs', 'vcs1', 'vcs2', 'vcs5']) writeFileSync(machine.path(`dev/${name}`), '')
}

const terminals: readonly Readonly<{
  by: string
  shells: readonly Shell[]
  prepare: (machine: Dom0) => void
  shows: (machine: Dom0) => void
}>[] = [
  {
    by: 'openvt',
    shells: ['dash', 'bash'], // busybox's shell has an openvt of its own
    prepare: (machine) =>
      machine.stub(
        'openvt',
        `PATH=/usr/bin:$PATH; echo "$*" >'${machine.path('openvt.called')}'\n[ "$1" = -- ] && shift\nscript -qfc "$*" /dev/null </dev/null >/dev/null 2>&1 &`,
      ),
    shows: (machine) =>
      assert.match(readFileSync(machine.path('openvt.called'), 'utf8'), /installguest --console acas1$/m),
  },
  {
    by: 'asking the kernel',
    shells: ['dash', 'busybox'],
    prepare: (machine) => {
      machine.stub('openvt', 'exit 1')
      fakeTerminals(machine)
    },
    shows: (machine) => {
      const shown = spawnSync('timeout', ['1', 'dd', `if=${machine.path('dev/tty4')}`, 'iflag=nonblock'], {
        encoding: 'utf8',
      })
      assert.match(shown.stdout, /Linux on the console of acas1/)
    },
  },
]
for (const { by, shells, prepare, shows } of terminals)
  for (const shell of shells)
    test(`${shell}: the console is on a terminal found by ${by}, both ways, in the log, and again when it ends`, async (t) => {
      const { machine } = await armedDom0(t, { ...plain, shell })
      prepare(machine)
      mkdirSync(machine.path('var/lib/bootstead'), { recursive: true })
      spawnSync('mkfifo', [machine.path('var/lib/bootstead/acas1.console')]) // a killed run left it; opening it would wait for ever
      machine.domains.behave('acas1', 'hang')
      const seen = (): number => installLog(machine, 'acas1').split('last line').length - 1
      const consoles = (): readonly string[] =>
        spawnSync('pgrep', ['-f', `${machine.path('stubs/xl')} console acas1`], { encoding: 'utf8' })
          .stdout.trim()
          .split('\n')
      const installing = machine.run('installguest', ['acas1'])
      await until(() => isUp(machine, 'acas1') && seen() === 1, installing)
      shows(machine)
      for (const pid of consoles()) process.kill(Number(pid))
      await until(() => seen() === 2, installing)
      machine.domains.behave('acas1', 'succeed')
      const run = await installing
      assert.equal(run.status, 0, run.stderr)
      assert.match(installLog(machine, 'acas1'), /== .* install of acas1 begins/)
      assert.equal(statSync(machine.path('var/log/bootstead/acas1.install.log')).mode & 0o077, 0)
      assert.doesNotMatch(installLog(machine, 'acas1'), /invalid domain|tty from store/)
    })

test('without a free terminal, the console is in the log alone', async (t) => {
  const { machine } = await armedDom0(t, plain)
  machine.stub('openvt', 'exit 1')
  mkdirSync(machine.path('dev'))
  for (const name of ['tty2', 'vcs2', 'vcs3']) writeFileSync(machine.path(`dev/${name}`), '')
  assert.equal((await machine.run('installguest', ['acas1'])).status, 0)
  assert.match(installLog(machine, 'acas1'), /last line/)
})

test('xm is asked where there is no xl, or xl does not work', async (t) => {
  const { machine } = await armedDom0(t, plain)
  copyFileSync(machine.path('stubs/xl'), machine.path('stubs/xl.real'))
  machine.stub('xm', `exec '${machine.path('stubs/xl.real')}' "$@"`)
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
      const { machine } = await armedDom0(t, plain)
      cutPowerAt(machine, tools, at)
      cut = (await machine.run('installguest', ['acas1'])).status !== 0
      assert.equal(cut, commandsRun(machine) >= at)
      for (const tool of tools) rmSync(machine.path(`stubs/${tool}`))
      if (domains === 'lost with the power') {
        loseDomains(machine)
        writeFileSync(machine.path('var/lib/bootstead/acas1.installing'), 'another boot\n')
      }
      const wasInstalled = existsSync(join(machine.domains.folder, 'installed/acas1'))
      const again = await machine.run('installguest', ['acas1'])
      const context = `after a cut at ${at}: ${again.stdout}${again.stderr}`
      if (wasInstalled && again.status !== 0) assert.match(again.stderr, /not armed/, context)
      else assert.equal(again.status, 0, context)
      const started = await machine.run('allguests', ['create', 'acas1'])
      assert.equal(started.status, 0, context)
      assert.ok(isUp(machine, 'acas1'))
      const creates = machine.domains.calls()
      assert.equal(creates.at(-1), 'create acas1', context)
      if (domains === 'still there') assert.deepEqual(creates, ['create acas1_install', 'create acas1'], context)
    }
  })
