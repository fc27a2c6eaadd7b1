// firstboot/allguests: every guest of this Dom0 at once, and who failed.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import type { Dom0, Farm, Shell } from './dom0.ts'
import { dom0, farm, followInstalls, runningConfig, shells } from './dom0.ts'

async function pulledDom0(t: TestContext, shell: Shell): Promise<Readonly<{ server: Farm; machine: Dom0 }>> {
  const server = await farm(t)
  const machine = dom0(t, shell, server.url)
  followInstalls(server, machine)
  assert.equal((await machine.run('xenconf')).status, 0)
  return { server, machine }
}
const domains = (machine: Dom0): readonly string[] => readdirSync(join(machine.xen.folder, 'domains')).sort()
const lines = (text: string): readonly string[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => line.replace(/ +/, ' '))
    .sort()

for (const shell of shells) {
  test(`${shell}: create starts what does not run; the second time there is nothing to start`, async (t) => {
    const { machine } = await pulledDom0(t, shell)
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
    assert.equal(machine.xen.calls().length, 3)
  })

  test(`${shell}: create twice at once starts each guest once`, async (t) => {
    const { machine } = await pulledDom0(t, shell)
    const both = await Promise.all([machine.run('allguests', ['create']), machine.run('allguests', ['create'])])
    assert.deepEqual(
      both.map(({ status }) => status),
      [0, 0],
    )
    assert.deepEqual([...machine.xen.calls()].sort(), ['create acas1', 'create acas2', 'create acas3'])
  })

  test(`${shell}: install installs what is armed, in parallel, and nothing else; the second time nothing`, async (t) => {
    const { machine } = await pulledDom0(t, shell)
    const first = await machine.run('allguests', ['install'])
    assert.equal(first.status, 0, first.stdout + first.stderr)
    assert.deepEqual(lines(first.stdout), [
      '3 guests: all well',
      'acas1 installed and started',
      'acas2 installed and started',
      'acas3 not armed',
    ])
    assert.deepEqual([...machine.xen.calls()].sort(), [
      'create acas1',
      'create acas1_install',
      'create acas2',
      'create acas2_install',
    ])
    const second = await machine.run('allguests', ['install'])
    assert.equal(second.status, 0)
    assert.equal(machine.xen.calls().length, 4)
  })

  test(`${shell}: who failed is named, and the others are done`, async (t) => {
    const { machine } = await pulledDom0(t, shell)
    machine.xen.behave('acas1', 'crash')
    const failed = await machine.run('allguests', ['install'])
    assert.equal(failed.status, 1, failed.stdout + failed.stderr)
    assert.match(failed.stdout, /^acas1 +FAILED: crashed in its installer/m)
    assert.match(failed.stdout, /^acas2 +installed and started$/m)
    assert.match(failed.stdout, /^3 guests, failed: acas1\n$/m)
    const crashed = await machine.run('allguests', ['create'])
    assert.equal(crashed.status, 1, crashed.stdout + crashed.stderr)
    assert.match(crashed.stdout, /^acas1 +FAILED: crashed, and still there: xl destroy acas1$/m)
    assert.match(crashed.stdout, /failed: acas1\n$/)
  })

  test(`${shell}: destroy and reboot, of the guests named`, async (t) => {
    const { machine } = await pulledDom0(t, shell)
    assert.equal((await machine.run('allguests', ['create'])).status, 0)
    const rebooted = await machine.run('allguests', ['reboot', 'acas1'])
    assert.deepEqual(lines(rebooted.stdout), ['1 guests: all well', 'acas1 reboots'])
    for (const said of ['destroyed', 'not running']) {
      const run = await machine.run('allguests', ['destroy', 'acas1', 'acas2'])
      assert.equal(run.status, 0)
      assert.deepEqual(lines(run.stdout).slice(1), [`acas1 ${said}`, `acas2 ${said}`])
    }
    assert.deepEqual(domains(machine), ['acas3'])
    const mixed = await machine.run('allguests', ['reboot'])
    assert.equal(mixed.status, 1)
    assert.match(mixed.stdout, /failed: acas1 acas2\n$/)
    const unknown = await machine.run('allguests', ['destroy', 'acas3', 'dom0x'])
    assert.equal(unknown.status, 1)
    assert.match(unknown.stderr, /dom0x is no guest of this Dom0; nothing was done/)
    assert.deepEqual(domains(machine), ['acas3'])
  })

  test(`${shell}: --jobs bounds what is done at a time`, async (t) => {
    const { server, machine } = await pulledDom0(t, shell)
    for (let n = 10; n < 16; n++) server.guests.set(`acas${n}`, { running: runningConfig(`acas${n}`), install: null })
    assert.equal((await machine.run('xenconf')).status, 0)
    const stub = machine.path('stubs/xl')
    machine.stub('xl.real', `exec /bin/sh '${stub}.stub' "$@"`)
    writeFileSync(`${stub}.stub`, spawnSync('cat', [stub]).stdout)
    const at = machine.path('at')
    machine.stub(
      'xl',
      `[ "$1" = create ] || exec '${stub}.real' "$@"
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
  const { machine } = await pulledDom0(t, 'dash')
  assert.equal((await machine.run('allguests', ['create'])).status, 0)
  for (const guest of ['acas1', 'acas2', 'acas3'])
    assert.equal(spawnSync('flock', ['-n', machine.path(`var/lib/bootstead/guest.${guest}.lock`), 'true']).status, 0)
})

test('a Dom0 without guests is no failure; install without the server is', async (t) => {
  const { server, machine } = await pulledDom0(t, 'dash')
  server.guests.clear()
  assert.equal((await machine.run('xenconf')).status, 0)
  const none = await machine.run('allguests', ['create'])
  assert.equal(none.stdout, '0 guests: all well\n')
  assert.equal(none.status, 0)
  await server.stop()
  assert.equal((await machine.run('allguests', ['install'])).status, 1)
})

test('a guest whose disk is missing fails alone, with the reason', async (t) => {
  const { machine } = await pulledDom0(t, 'dash')
  machine.xen.behave('acas2', 'absent')
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
  const { machine } = await pulledDom0(t, 'dash')
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
  assert.deepEqual(machine.xen.calls(), [])
  assert.ok(!existsSync(machine.path('var/lib/bootstead/guest.acas1.lock')))
  rmSync(machine.path('etc/bootstead/firstboot.conf'))
  assert.match((await machine.run('allguests', ['create'])).stderr, /firstboot.conf can't be read/)
})
