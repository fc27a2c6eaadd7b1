import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { closeStore, openStore } from '../../../server/inventory/store/open.ts'
import { readSnapshot } from '../../../server/inventory/store/read.ts'
import { recordInstalled } from '../../../server/inventory/store/record.ts'
import type { Cli } from './cli.ts'
import { openInstallableFarm } from './cli.ts'
import { clockwork, inventoryOf, says } from './clockwork.ts'

const armed = async (cli: Cli): Promise<string> =>
  ((await cli.json('machine', 'list', 'boot=install')) as { hostname: string }[])
    .map(({ hostname }) => hostname)
    .join(' ')

/** As if the installer had reported, with its token. */
async function finish(cli: Cli, machine: string): Promise<void> {
  const store = openStore(inventoryOf(cli))
  const token = (await readSnapshot(store)).tokens.get(machine)?.find(({ purpose }) => purpose === 'install')
  assert.ok(token)
  const at = '2096-11-23T12:30:00.000Z'
  const event = { machine, at, stage: 'installed', detail: null, progress: null, door: 'http', peer: null }
  assert.ok(await recordInstalled(store, token, event))
  await closeStore(store)
}

describe('install', () => {
  test('is machine install by a shorter name', async (t) => {
    const cli = await openInstallableFarm(t)
    const [short, long] = [await cli.run(['install', 'web']), await cli.run(['machine', 'install', 'web'])]
    assert.deepEqual([short.code, short.out], [0, long.out])
    assert.equal(await armed(cli), 'web')
  })

  test('DESIGN §3: a new Dom0’s guests are armed with it, and it is said why and what is erased', async (t) => {
    const cli = await openInstallableFarm(t)
    const { out, err } = await cli.run(['install', 'acas0001'])
    assert.equal(
      out,
      `armed for one install until 2096-11-24T12:00:00.000Z:
  acas0001: el 9 x86_64, erasing disk sda
guests that come along, as no install of them or of acas0001 is known (--no-guests leaves them out):
  acas0002: el 9 x86_64, erasing /dev/sda5 of acas0001 (xvda inside the guest)
  acas0003: el 9 x86_64, erasing /dev/sda6 of acas0001 (xvda inside the guest)
`,
    )
    assert.deepEqual([err, await armed(cli)], ['', 'acas0001 acas0002 acas0003'])
    assert.deepEqual(((await cli.json('install', 'acas0001')) as { along: string[] }).along, ['acas0002', 'acas0003'])
  })

  test('DESIGN §3: reinstalling a Dom0 does not wipe its guests, and the guests left out are named', async (t) => {
    const cli = await openInstallableFarm(t)
    await cli.ok('install', 'acas0001', '--no-guests')
    await finish(cli, 'acas0001')
    const again = await cli.run(['install', 'acas0001'])
    assert.equal(again.err, '2 guests not armed: acas[0002-0003]; --with-guests arms them too\n')
    assert.equal(await armed(cli), 'acas0001')
    await cli.ok('install', 'acas0001', '--with-guests')
    assert.equal(await armed(cli), 'acas0001 acas0002 acas0003')
  })

  test('a guest that was installed, be it on another Dom0, stays as it is when its new Dom0 is installed', async (t) => {
    const cli = await openInstallableFarm(t)
    await cli.ok('install', 'acas0002')
    await finish(cli, 'acas0002')
    const { err } = await cli.run(['install', 'acas0001'])
    assert.equal(err, '1 guest not armed: acas0002; --with-guests arms them too\n')
    assert.equal(await armed(cli), 'acas0001 acas0003')
  })

  test('a machine that was removed and added again is not new: its name was installed', async (t) => {
    const cli = await openInstallableFarm(t)
    await cli.ok('install', 'acas0002')
    await finish(cli, 'acas0002')
    await cli.ok('machine', 'rm', 'acas0002', '--yes')
    await cli.ok('import', 'farm.yaml')
    await cli.ok('install', 'acas0001')
    assert.equal(await armed(cli), 'acas0001 acas0003')
  })

  test('a guest that would come along and can’t be armed: nothing is armed, and both ways out are named', async (t) => {
    const cli = await openInstallableFarm(t)
    await cli.ok('machine', 'set', 'acas0003', 'vdisk=', '--force')
    const { code, err } = await cli.run(['install', 'acas0001'])
    assert.equal(code, 1)
    assert.match(err, /^bootstead: nothing was armed:\n {2}acas0003: .*/)
    assert.match(
      err,
      /\nnobody named acas0003; they come along, as their Dom0 is new: mend what is wrong, or leave the guests out with --no-guests\n$/,
    )
    assert.equal(await armed(cli), '')
    const named = await cli.run(['install', 'acas*'])
    assert.doesNotMatch(named.err, /nobody named/)
    await cli.ok('install', 'acas0001', '--no-guests')
    assert.equal(await armed(cli), 'acas0001')
  })

  test('a dry run says that guests would come along, and arms none', async (t) => {
    const cli = await openInstallableFarm(t)
    assert.match(await cli.ok('install', 'acas0001', '--dry-run'), /^would be armed .*\nguests that come along/s)
    assert.equal(await armed(cli), '')
  })

  test('what contradicts itself is wrong usage', async (t) => {
    const cli = await openInstallableFarm(t)
    for (const words of [
      '--with-guests --no-guests',
      '--watch --dry-run',
      '--timeout 5',
      '--watch --timeout soon',
      '--watch --timeout 0',
    ])
      assert.equal((await cli.run(['install', 'web', ...words.split(' ')])).code, 2, words)
    assert.equal(await armed(cli), '')
  })

  test('--watch follows what was armed; guests that were left out have no part in it', async (t) => {
    const cli = await openInstallableFarm(t)
    await cli.ok('install', 'acas0001', '--no-guests')
    await finish(cli, 'acas0001')
    const time = clockwork(inventoryOf(cli), {
      5: says('acas0002', 'failed', { detail: 'long ago' }),
      3600: says('acas0001', 'ready'),
    })
    const { code, out } = await cli.run(['install', 'acas0001', '--watch', '--json'], {
      ...time,
      now: () => time.now() + 3_600_000,
    })
    const [first, ...changes] = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    assert.deepEqual(
      [code, first?.['along'], changes.map((change) => `${String(change['machine'])} ${String(change['state'])}`)],
      [0, [], ['acas0001 armed', 'acas0001 ready']],
    )
  })
})
