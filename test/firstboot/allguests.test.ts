// firstboot/allguests: every guest of this Dom0 at once, and who failed.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import type { Dom0, Farm, Userland } from './dom0.ts'
import { cutPowerAt, dom0, farm, followInstalls, plain, runningConfig, userlands } from './dom0.ts'

async function pulledDom0(t: TestContext, userland: Userland): Promise<Readonly<{ server: Farm; machine: Dom0 }>> {
  const server = await farm(t, userland.toolstack)
  const machine = dom0(t, userland, server.url)
  followInstalls(server, machine)
  assert.equal((await machine.run('xenconf')).status, 0)
  return { server, machine }
}
const domains = (machine: Dom0): readonly string[] => readdirSync(join(machine.domains.folder, 'domains')).sort()
const lines = (text: string): readonly string[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => line.replace(/ +/, ' '))
    .sort()

for (const { name, ...userland } of userlands) {
  test(`${name}: create starts what does not run; the second time there is nothing to start`, async (t) => {
    const { machine } = await pulledDom0(t, userland)
    writeFileSync(machine.path('etc/xen/handmade'), 'name = "handmade"\n')
    const first = await machine.run('allguests', ['create'])
    assert.equal(first.status, 0, first.stderr)
    assert.deepEqual(lines(first.stdout), ['3 guests: all well', 'acas1 started', 'acas2 started', 'acas3 started'])
    assert.deepEqual(domains(machine), ['acas1', 'acas2', 'acas3'])
    const second = await machine.run('allguests', ['create'])
    assert.equal(second.status, 0)
    assert.deepEqual(
      lines(second.stdout).slice(1),
      ['acas1', 'acas2', 'acas3'].map((guest) => `${guest} running already`),
    )
    assert.equal(machine.domains.calls().length, 3)
  })

  test(`${name}: create twice at once starts each guest once`, async (t) => {
    const { machine } = await pulledDom0(t, userland)
    const both = await Promise.all([machine.run('allguests', ['create']), machine.run('allguests', ['create'])])
    assert.deepEqual(
      both.map(({ status }) => status),
      [0, 0],
    )
    assert.deepEqual([...machine.domains.calls()].sort(), ['create acas1', 'create acas2', 'create acas3'])
  })

  test(`${name}: install installs what is armed, in parallel, and nothing else; the second time nothing`, async (t) => {
    const { machine } = await pulledDom0(t, userland)
    const first = await machine.run('allguests', ['install'])
    assert.equal(first.status, 0, first.stdout + first.stderr)
    assert.deepEqual(lines(first.stdout), [
      '3 guests: all well',
      'acas1 installed and started',
      'acas2 installed and started',
      'acas3 not armed',
    ])
    assert.deepEqual([...machine.domains.calls()].sort(), [
      'create acas1',
      'create acas1_install',
      'create acas2',
      'create acas2_install',
    ])
    const second = await machine.run('allguests', ['install'])
    assert.equal(second.status, 0)
    assert.equal(machine.domains.calls().length, 4)
  })

  test(`${name}: who failed is named, and the others are done`, async (t) => {
    const { machine } = await pulledDom0(t, userland)
    machine.domains.behave('acas1', 'crash')
    const failed = await machine.run('allguests', ['install'])
    assert.equal(failed.status, 1, failed.stdout + failed.stderr)
    assert.match(failed.stdout, /^acas1 +FAILED: crashed in its installer/m)
    assert.match(failed.stdout, /^acas2 +installed and started$/m)
    assert.match(failed.stdout, /^3 guests, failed: acas1\n$/m)
    const crashed = await machine.run('allguests', ['create'])
    assert.equal(crashed.status, 1, crashed.stdout + crashed.stderr)
    assert.match(
      crashed.stdout,
      new RegExp(`^acas1 +FAILED: crashed, and still there: ${machine.toolstack} destroy acas1$`, 'm'),
    )
    assert.match(crashed.stdout, /failed: acas1\n$/)
  })

  test(`${name}: destroy, of the guests named, and no other`, async (t) => {
    const { machine } = await pulledDom0(t, userland)
    assert.equal((await machine.run('allguests', ['create'])).status, 0)
    for (const said of ['destroyed', 'not running']) {
      const run = await machine.run('allguests', ['destroy', 'acas1', 'acas2'])
      assert.equal(run.status, 0)
      assert.deepEqual(lines(run.stdout).slice(1), [`acas1 ${said}`, `acas2 ${said}`])
    }
    const unknown = await machine.run('allguests', ['destroy', 'acas3', 'dom0x'])
    assert.equal(unknown.status, 1)
    assert.match(unknown.stderr, /dom0x is no guest of this Dom0; nothing was done/)
    assert.deepEqual(domains(machine), ['acas3'])
  })

  test(`${name}: reboot shuts down and starts from the present configuration, and starts what does not run`, async (t) => {
    const { server, machine } = await pulledDom0(t, userland)
    assert.equal((await machine.run('allguests', ['create', 'acas1'])).status, 0)
    const changed = runningConfig('acas1', 1024, userland.toolstack)
    server.guests.set('acas1', { running: changed, install: null })
    assert.equal((await machine.run('xenconf')).status, 0)
    const first = await machine.run('allguests', ['reboot', 'acas1', 'acas2'])
    assert.equal(first.status, 0, first.stdout)
    assert.deepEqual(lines(first.stdout), ['2 guests: all well', 'acas1 rebooted', 'acas2 started; it was not running'])
    assert.equal(readFileSync(join(machine.domains.folder, 'configs/acas1'), 'utf8'), changed)
    const second = await machine.run('allguests', ['reboot', 'acas1'])
    assert.deepEqual(lines(second.stdout), ['1 guests: all well', 'acas1 rebooted'])
    assert.deepEqual(
      machine.domains.calls().filter((call) => call.endsWith('acas1')),
      ['create acas1', 'shutdown acas1', 'create acas1', 'shutdown acas1', 'create acas1'],
    )
  })

  test(`${name}: reboot leaves alone who does not shut down, and says the way out; the others are done`, async (t) => {
    const { machine } = await pulledDom0(t, userland)
    assert.equal((await machine.run('allguests', ['create'])).status, 0)
    machine.domains.behave('acas2', 'deaf')
    const run = await machine.run('allguests', ['reboot'], { BOOTSTEAD_SHUTDOWN_POLLS: '15' })
    assert.equal(run.status, 1)
    assert.match(
      run.stdout,
      /^acas2 +FAILED: does not shut down; .*: allguests destroy acas2, then allguests create acas2$/m,
    )
    assert.match(run.stdout, /^3 guests, failed: acas2\n$/m)
    assert.match(run.stdout, /^acas1 +rebooted$/m)
    assert.deepEqual(domains(machine), ['acas1', 'acas2', 'acas3'])
    assert.equal(machine.domains.calls().filter((call) => call === 'create acas2').length, 1)
  })

  test(`${name}: --jobs bounds what is done at a time`, async (t) => {
    const { server, machine } = await pulledDom0(t, userland)
    for (let n = 10; n < 16; n++)
      server.guests.set(`acas${n}`, { running: runningConfig(`acas${n}`, 512, userland.toolstack), install: null })
    assert.equal((await machine.run('xenconf')).status, 0)
    const stub = machine.path(`stubs/${machine.toolstack}`)
    copyFileSync(stub, `${stub}.real`)
    const at = machine.path('at')
    machine.stub(
      machine.toolstack,
      `[ "$1" = create ] || exec '${stub}.real' "$@"
PATH=/usr/bin
mkdir -p '${at}' && : >'${at}/'$$ && ls '${at}' | wc -l >>'${at}.counts' && sleep 0.3
'${stub}.real' "$@"; status=$?; rm '${at}/'$$; exit $status`,
    )
    const run = await machine.run('allguests', ['create', '--jobs', '2'])
    assert.equal(run.status, 0, run.stdout)
    const counts = spawnSync('cat', [`${at}.counts`], { encoding: 'utf8' })
      .stdout.trim()
      .split('\n')
      .map(Number)
    assert.equal(counts.length, 9)
    assert.ok(Math.max(...counts) <= 2, `at most two at a time: ${counts.join(' ')}`)
  })
}

test('what a guest leaves running holds no lock', async (t) => {
  const { machine } = await pulledDom0(t, plain)
  assert.equal((await machine.run('allguests', ['create'])).status, 0)
  for (const guest of ['acas1', 'acas2', 'acas3'])
    assert.equal(spawnSync('flock', ['-n', machine.path(`var/lib/bootstead/guest.${guest}.lock`), 'true']).status, 0)
})

test('a Dom0 without guests is no failure; install without the server is', async (t) => {
  const { server, machine } = await pulledDom0(t, plain)
  server.guests.clear()
  assert.equal((await machine.run('xenconf')).status, 0)
  const none = await machine.run('allguests', ['create'])
  assert.equal(none.stdout, '0 guests: all well\n')
  assert.equal(none.status, 0)
  await server.stop()
  assert.equal((await machine.run('allguests', ['install'])).status, 1)
})

test('a guest that left while it runs is named and left alone, until it ends', async (t) => {
  const { server, machine } = await pulledDom0(t, plain)
  assert.equal((await machine.run('allguests', ['create'])).status, 0)
  const acas1 = server.guests.get('acas1')
  assert.ok(acas1)
  server.guests.delete('acas1')
  assert.equal((await machine.run('xenconf')).status, 0)
  for (const action of ['create', 'destroy']) {
    const run = await machine.run('allguests', [action])
    assert.equal(run.status, 0)
    assert.match(
      run.stdout,
      /^acas1 +left this Dom0, but is still here, running; nothing was done \(xl shutdown acas1\)$/m,
    )
    assert.match(run.stdout, /^2 guests: all well$/m)
  }
  assert.deepEqual(domains(machine), ['acas1'])
  server.guests.set('acas1', acas1) // it comes back
  assert.equal((await machine.run('xenconf')).status, 0)
  assert.doesNotMatch((await machine.run('allguests', ['create'])).stdout, /left this Dom0/)
  server.guests.delete('acas1')
  assert.equal((await machine.run('xenconf')).status, 0)
  rmSync(join(machine.domains.folder, 'domains/acas1'))
  for (const _ of [1, 2]) assert.doesNotMatch((await machine.run('allguests', ['create'])).stdout, /acas1/)
})

test('an installer is not rebooted', async (t) => {
  const { machine } = await pulledDom0(t, plain)
  machine.domains.behave('acas1', 'hang')
  const installing = machine.run('installguest', ['acas1'], { BOOTSTEAD_INSTALL_POLLS: '3' })
  assert.equal((await installing).status, 1, 'left running')
  const run = await machine.run('allguests', ['reboot', 'acas1'])
  assert.match(run.stdout, /^acas1 +FAILED: its installer is at work$/m)
  assert.deepEqual(machine.domains.calls(), ['create acas1_install'])
})

test('a power cut at any command of a reboot: the next one ends with every guest running from what xenconf has', async (t) => {
  const tools = ['awk', 'sleep', 'mkfifo', 'grep', 'flock', 'rm']
  for (let at = 1, cut = true; cut; at += 7) {
    const { machine } = await pulledDom0(t, plain)
    assert.equal((await machine.run('allguests', ['create', 'acas1', 'acas2'])).status, 0)
    cutPowerAt(machine, tools, at)
    cut = (await machine.run('allguests', ['reboot', 'acas1', 'acas2'])).status !== 0
    for (const tool of tools) rmSync(machine.path(`stubs/${tool}`))
    const again = await machine.run('allguests', ['reboot', 'acas1', 'acas2'])
    assert.equal(again.status, 0, `after a cut at ${at}: ${again.stdout}`)
    assert.deepEqual(domains(machine), ['acas1', 'acas2'])
  }
})

test('a guest whose disk is missing fails alone, with the reason', async (t) => {
  const { machine } = await pulledDom0(t, plain)
  machine.domains.behave('acas2', 'absent')
  const run = await machine.run('allguests', ['create'])
  assert.equal(run.status, 1)
  assert.match(run.stdout, /^acas2 +FAILED: xl create \S+acas2 failed: xl: no such device$/m)
  assert.deepEqual(domains(machine), ['acas1', 'acas3'])
  assert.deepEqual(
    readdirSync(machine.path('var/lib/bootstead')).filter((name) => name.startsWith('allguests.')),
    [],
  )
})

test('words that mean nothing are refused before anything is done', async (t) => {
  const { machine } = await pulledDom0(t, plain)
  for (const args of [
    [],
    ['start'],
    ['create', '--jobs'],
    ['create', '--jobs', '0'],
    ['create', '--jobs', 'x'],
    ['create', '--force'],
  ]) {
    const refused = await machine.run('allguests', args)
    assert.equal(refused.status, 2)
    assert.match(refused.stderr, /^Usage: allguests/)
  }
  assert.deepEqual(machine.domains.calls(), [])
  assert.ok(!existsSync(machine.path('var/lib/bootstead/guest.acas1.lock')))
  rmSync(machine.path('etc/bootstead/firstboot.conf'))
  assert.match((await machine.run('allguests', ['create'])).stderr, /firstboot.conf can't be read/)
})
