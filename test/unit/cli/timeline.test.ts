import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { openStore, closeStore } from '../../../server/inventory/store/open.ts'
import { stageTimes } from '../../../server/cli/timeline-table.ts'
import type { Cli } from './cli.ts'
import { openInstallableFarm } from './cli.ts'
import type { Script } from './clockwork.ts'
import { all, clockwork, inventoryOf, says } from './clockwork.ts'

async function perform(cli: Cli, script: Script): Promise<void> {
  const store = openStore(inventoryOf(cli))
  for (const [second, act] of Object.entries(script))
    await act(store, new Date(Date.parse('2096-11-23T12:00:00.000Z') + Number(second) * 1000).toISOString())
  await closeStore(store)
}

async function installing(t: Parameters<typeof openInstallableFarm>[0]): Promise<Cli> {
  const cli = await openInstallableFarm(t)
  await cli.ok('install', 'acas0001')
  await perform(cli, {
    60: says('acas0001', 'dhcp'),
    600: says('acas0001', 'installed'),
    700: says('acas0001', 'guests'),
    720: says('acas0003', 'installing', { door: 'dom0', progress: 40, detail: 'packages', console: '\none\n\ntwo\n' }),
    730: says('acas0002', 'failed', { door: 'dom0', detail: 'no space left', console: 'what went before\n' }),
  })
  return cli
}

describe('the timeline of a Dom0', () => {
  test('its guests side by side with it, then all events in their order, each with its machine', async (t) => {
    const cli = await installing(t)
    const { out } = await cli.run(['timeline', 'acas0001'], {
      now: () => Date.parse('2096-11-23T12:13:00.000Z'),
    })
    assert.equal(
      out,
      `MACHINE   STATE       PROGRESS  ARMED                DHCP      LOADER  KICKSTART  INSTALLING  INSTALLED  FIRSTBOOT  GUESTS    READY
acas0001  guests      -         2096-11-23 12:00:00  12:01:00  -       -          -           12:10:00   -          12:11:40  -
acas0002  failed      -         2096-11-23 12:00:00  -         -       -          -           -          -          -         -
acas0003  installing  40 %      2096-11-23 12:00:00  -         -       -          12:12:00    -          -          -         -

2096-11-23T12:00:00.000Z  acas0001  armed  by cli:operator  (admin)
2096-11-23T12:00:00.000Z  acas0002  armed  by cli:operator  (admin)
2096-11-23T12:00:00.000Z  acas0003  armed  by cli:operator  (admin)
2096-11-23T12:01:00.000Z  acas0001  dhcp  (http)
2096-11-23T12:10:00.000Z  acas0001  installed  (http)
2096-11-23T12:11:40.000Z  acas0001  guests  (http)
2096-11-23T12:12:00.000Z  acas0003  installing 40 %  packages  (dom0)
2096-11-23T12:12:10.000Z  acas0002  failed  no space left  (dom0)
`,
    )
  })

  test('--json has its own events, with --guests those of its guests too', async (t) => {
    const cli = await installing(t)
    const machines = async (...words: string[]): Promise<readonly string[]> =>
      ((await cli.json('timeline', 'acas0001', ...words)) as { machine: string }[]).map(({ machine }) => machine)
    assert.deepEqual(await machines(), ['acas0001', 'acas0001', 'acas0001', 'acas0001'])
    assert.deepEqual((await machines('--guests', '--limit', '3')).toSorted(), ['acas0001', 'acas0002', 'acas0003'])
  })
})

describe('the timeline of one machine', () => {
  test('its events, its state, and while it is installing or when that failed the end of its console', async (t) => {
    const cli = await installing(t)
    const at = { now: () => Date.parse('2096-11-23T12:13:00.000Z') }
    assert.equal(
      (await cli.run(['timeline', 'acas0003'], at)).out,
      `2096-11-23T12:00:00.000Z  armed  by cli:operator  (admin)
2096-11-23T12:12:00.000Z  installing 40 %  packages  (dom0)

acas0003 is installing 40 % since 2096-11-23T12:12:00.000Z: packages

its console at 2096-11-23T12:12:00.000Z (--console shows more):
  | one
  | two
`,
    )
    const failed = (await cli.run(['timeline', 'acas0002'], at)).out
    assert.match(failed, /\nacas0002 is failed since .*: no space left\n/)
    assert.match(failed, /\n {2}\| what went before\n$/)
    await perform(cli, { 800: says('acas0003', 'installed'), 801: says('acas0003', 'ready', { door: 'dom0' }) })
    assert.match((await cli.run(['timeline', 'acas0003'], at)).out, /acas0003 is ready since [^\n]*\n$/)
  })

  test('--console prints what is kept, as it is; of a machine that has shown none it says so', async (t) => {
    const cli = await installing(t)
    assert.equal(await cli.ok('timeline', 'acas0003', '--console'), '\none\n\ntwo\n')
    const { code, err } = await cli.run(['timeline', 'acas0001', '--console'])
    assert.deepEqual([code, /acas0001 has shown no console since it was armed/.test(err)], [1, true])
    assert.equal((await cli.run(['timeline', 'acas0003', '--console', '--follow'])).code, 2)
  })

  test('a machine that is gone has its events still; one that never was is an error', async (t) => {
    const cli = await installing(t)
    await cli.ok('machine', 'rm', 'acas0003', '--yes')
    assert.match(await cli.ok('timeline', 'acas0003'), /installing 40 %/)
    assert.equal((await cli.run(['timeline', 'acas0009'])).code, 1)
    assert.match(await cli.ok('timeline', 'web'), /^web has reported nothing yet\n$/)
  })
})

describe('--follow', () => {
  test('goes on with each new event once, until it is ended', async (t) => {
    const cli = await installing(t)
    const follow = async (name: string, ...words: string[]): Promise<string> => {
      const time = clockwork(inventoryOf(cli), {
        5: all(says('acas0003', 'installed'), says('acas0001', 'firstboot')),
        6: says('acas0003', 'ready', { door: 'dom0' }),
        9: () => Promise.resolve(time.stop()),
      })
      const { code, out } = await cli.run(['timeline', name, '--follow', ...words], time)
      assert.equal(code, 0)
      return out
    }
    assert.match(
      await follow('acas0001'),
      /acas0002 {2}failed .*\n[^\n]*acas0003 {2}installed .*\n[^\n]*acas0001 {2}firstboot .*\n[^\n]*acas0003 {2}ready {2}\(dom0\)\n$/,
    )
    const lines = (await follow('acas0003', '--json', '--limit', '1')).trimEnd().split('\n')
    assert.deepEqual(
      lines.map((line) => (JSON.parse(line) as { stage: string }).stage),
      ['installing', 'installed', 'ready'],
    )
  })
})

test('a stage’s time has its date where that is another than before', () => {
  const events = [
    ['armed', '2096-11-23T23:59:00.000Z'],
    ['dhcp', '2096-11-24T00:01:00.000Z'],
    ['loader', '2096-11-24T00:02:00.000Z'],
    ['dhcp', '2096-11-25T00:03:00.000Z'],
  ].map(([stage = '', at = '']) => ({ stage, at, detail: null, progress: null, door: 'dhcp' }))
  assert.deepEqual(stageTimes(events).slice(0, 4), ['2096-11-23 23:59:00', '2096-11-24 00:01:00', '00:02:00', ''])
})
