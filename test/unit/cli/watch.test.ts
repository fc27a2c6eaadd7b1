import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { sql } from 'kysely'
import type { Cli, Printed } from './cli.ts'
import { openInstallableFarm } from './cli.ts'
import type { Script } from './clockwork.ts'
import { all, clockwork, inventoryOf, says } from './clockwork.ts'

/** A Dom0 with two guests, from its arming to the end. */
const wholeInstall: Script = {
  60: says('acas0001', 'dhcp'),
  90: says('acas0001', 'installing', { detail: 'disk sda' }),
  600: says('acas0001', 'installed'),
  700: says('acas0001', 'guests'),
  730: all(says('acas0002', 'installing', { door: 'dom0' }), says('acas0003', 'installing', { door: 'dom0' })),
  800: says('acas0002', 'installing', { door: 'dom0', progress: 42, detail: 'packages' }),
  1300: all(says('acas0002', 'installed'), says('acas0003', 'installed')),
  1310: all(says('acas0002', 'ready', { door: 'dom0' }), says('acas0003', 'ready', { door: 'dom0' })),
  1320: says('acas0001', 'ready', { detail: 'guests: acas0002 acas0003' }),
}

async function watchInstall(t: Parameters<typeof openInstallableFarm>[0], script: Script, ...words: string[]) {
  const cli = await openInstallableFarm(t)
  const time = clockwork(inventoryOf(cli), script)
  return { cli, time, printed: await cli.run(['install', 'acas0001', '--watch', ...words], time) }
}

const clockOf = (line: string): string => line.replace(/^2096-11-23T(..:..:..)\.000Z {2}/, '$1 ')
const changesOf = ({ out }: Printed): readonly string[] =>
  out
    .trimEnd()
    .split('\n')
    .filter((line) => line.startsWith('2096'))
    .map(clockOf)

describe('install --watch, where nobody looks', () => {
  test('a line for each change, until the Dom0 and its guests are ready', async (t) => {
    const { printed } = await watchInstall(t, wholeInstall)
    assert.deepEqual([printed.code, printed.err], [0, ''])
    assert.deepEqual(changesOf(printed).slice(3), [
      '12:01:00 acas0001  dhcp',
      '12:01:30 acas0001  installing  disk sda',
      '12:10:00 acas0001  installed',
      '12:11:40 acas0001  guests',
      '12:12:10 acas0002  installing',
      '12:12:10 acas0003  installing',
      '12:13:20 acas0002  installing 42 %  packages',
      '12:21:40 acas0002  installed',
      '12:21:40 acas0003  installed',
      '12:21:50 acas0002  ready',
      '12:21:50 acas0003  ready',
      '12:22:00 acas0001  ready  guests: acas0002 acas0003',
    ])
    assert.match(printed.out, /\n3 machines: all well\n$/)
  })

  test('--json: one object a line, and nothing else', async (t) => {
    const { printed } = await watchInstall(t, wholeInstall, '--json')
    const lines = printed.out.trimEnd().split('\n')
    const [first, ...changes] = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
    assert.equal((first?.['armed'] as unknown[]).length, 3)
    assert.deepEqual(
      changes.find(({ progress }) => progress === 42),
      {
        at: '2096-11-23T12:13:20.000Z',
        machine: 'acas0002',
        dom0: 'acas0001',
        state: 'installing',
        stage: 'installing',
        phase: 'on',
        progress: 42,
        since: '2096-11-23T12:12:10.000Z',
        lastSeen: '2096-11-23T12:13:20.000Z',
        detail: 'packages',
      },
    )
  })

  test('what failed or stalled is named with stage and reason in the last line, after the end of its console', async (t) => {
    const console = Array.from({ length: 30 }, (_, line) => `line ${line}\n\n`).join('')
    const { printed } = await watchInstall(t, {
      ...wholeInstall,
      900: says('acas0003', 'failed', { door: 'dom0', detail: 'no space left\non device', console }),
      1300: () => Promise.resolve(),
      1310: () => Promise.resolve(),
      1320: says('acas0001', 'failed', { detail: 'guests failed: acas0003' }),
    })
    assert.equal(printed.code, 1)
    const lines = printed.err.trimEnd().split('\n')
    assert.deepEqual(
      lines.slice(0, -1),
      Array.from({ length: 10 }, (_, line) => `acas0003 | line ${line + 20}`),
    )
    assert.equal(
      lines.at(-1),
      'bootstead: 3 of 3 machines not well: acas0001 failed in guests: guests failed: acas0003; acas0002 stalled in installing; nothing heard for 30 minutes; acas0003 failed in installing: no space left | on device',
    )
    assert.equal(
      changesOf(printed).at(-1),
      '12:43:21 acas0002  stalled 42 %  in installing; nothing heard for 30 minutes',
    )
  })

  test('a machine that failed may recover while others are under way', async (t) => {
    const { printed } = await watchInstall(t, {
      ...wholeInstall,
      900: says('acas0003', 'failed', { door: 'dom0', detail: 'no space left' }),
      950: says('acas0003', 'installing', { door: 'dom0' }),
    })
    assert.equal(printed.code, 0)
  })

  test('guests that wait for a Dom0 that failed are not waited for', async (t) => {
    const { printed, time } = await watchInstall(t, { 90: says('acas0001', 'failed', { detail: 'no disk sda' }) })
    assert.deepEqual([printed.code, time.now() % 3_600_000], [1, 90_000])
    assert.equal(
      printed.err,
      'bootstead: 3 of 3 machines not well: acas0001 failed: no disk sda; acas[0002-0003] not begun, because of acas0001\n',
    )
  })

  test('an install that somebody takes back is not well', async (t) => {
    const cli = await openInstallableFarm(t)
    const time = clockwork(inventoryOf(cli), { 10: says('web', 'disarmed') })
    const { code, err } = await cli.run(['install', 'web', '--watch'], time)
    assert.deepEqual([code, err], [1, 'bootstead: 1 of 1 machine not well: web no longer to be installed: disarmed\n'])
  })

  test('--timeout ends the watching, and says how to go on', async (t) => {
    const { printed, time } = await watchInstall(t, wholeInstall, '--timeout', '15')
    assert.deepEqual([printed.code, time.now() % 3_600_000], [1, 900_000])
    assert.equal(
      printed.err,
      "bootstead: 3 of 3 machines not well: acas0001 not ready: guests; acas[0002-0003] not ready: installing; to go on: bootstead watch 'acas[0001-0003]'\n",
    )
  })

  test('Ctrl-C ends the watching and not the install, and says how to come back', async (t) => {
    const cli = await openInstallableFarm(t)
    const time = clockwork(inventoryOf(cli), { ...wholeInstall, 100: () => Promise.resolve(time.stop()) })
    const { code, err, out } = await cli.run(['install', 'acas0001', '--watch'], time)
    assert.equal(code, 1)
    assert.equal(err, "bootstead: no longer watching; what was begun goes on: bootstead watch 'acas[0001-0003]'\n")
    assert.match(out, /acas0001 {2}installing/)
    assert.match(await cli.ok('machine', 'list', 'acas0001'), /install/)
  })

  test('an inventory that goes away and comes back is said once, and outlived', async (t) => {
    const { printed } = await watchInstall(t, {
      ...wholeInstall,
      1000: (store) => sql`ALTER TABLE events RENAME TO gone`.execute(store.db),
      1200: (store) => sql`ALTER TABLE gone RENAME TO events`.execute(store.db),
    })
    assert.equal(printed.code, 0)
    assert.match(printed.err, /^the inventory is away, trying again: [^\n]*no such table[^\n]*\n$/)
  })
})

describe('watch', () => {
  test('a Dom0 brings its guests; metal is done when it is installed', async (t) => {
    const cli = await openInstallableFarm(t)
    await cli.ok('install', 'acas0001', 'web')
    const time = clockwork(inventoryOf(cli), { ...wholeInstall, 2000: says('web', 'installed') })
    const { code, out } = await cli.run(['watch', 'acas0001', 'web'], time)
    assert.equal(code, 0)
    assert.match(out, /\n2096-11-23T12:33:20\.000Z {2}web {2}installed\n4 machines: all well\n$/)
  })

  test('a guest by itself is done when its Dom0 says that it is ready, or is installed if that says nothing', async (t) => {
    const watched = async (script: Script): Promise<string | undefined> => {
      const cli = await openInstallableFarm(t)
      await cli.ok('install', 'acas0002')
      const printed = await cli.run(['watch', 'acas0002'], clockwork(inventoryOf(cli), script))
      assert.equal(printed.code, 0)
      return changesOf(printed).at(-1)
    }
    assert.equal(await watched(wholeInstall), '12:21:50 acas0002  ready')
    assert.equal(await watched({ 100: says('acas0002', 'installed') }), '12:01:40 acas0002  installed')
  })

  test('what is ready ends at once; a guest without anything before it is no matter, one that failed is', async (t) => {
    const cli = await openInstallableFarm(t)
    const run = (script: Script): Promise<Printed> =>
      cli.run(['watch', 'acas0001'], clockwork(inventoryOf(cli), script))
    assert.match((await run({})).err, /1 of 3 machines not well: acas0001 not armed \(bootstead install arms it\)\n$/)
    await cli.ok('install', 'acas0001', '--no-guests')
    assert.equal((await run({ 1: says('acas0001', 'ready') })).code, 0)
    await cli.ok('install', 'acas0002')
    assert.match((await run({ 2: says('acas0002', 'failed') })).err, /1 of 3 machines not well: acas0002 failed\n$/)
    assert.match((await run({})).err, /acas0002 failed\n$/, 'and again, for who comes back')
  })

  test('an unknown machine, and none at all', async (t) => {
    const cli: Cli = await openInstallableFarm(t)
    assert.equal((await cli.run(['watch', 'acas0009'])).code, 1)
    assert.equal((await cli.run(['watch'])).code, 2)
  })
})
