import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Cli } from './cli.ts'
import { openFarm, openInstallableFarm } from './cli.ts'

/** The newest revision's number, as `log` prints it. */
async function newest(cli: Cli): Promise<string> {
  return String(((await cli.json('log', '--limit', '1')) as { revision: number }[])[0]?.revision)
}

describe('earlier revisions', () => {
  test('revert takes the inventory back as a new change, and says what it changes', async (t) => {
    const cli = await openFarm(t)
    const exported = await cli.ok('export')
    const revision = await newest(cli)
    await cli.ok('machine', 'set', 'acas0002', 'memory_mib=4096', 'params.rack=r7')
    await cli.ok('machine', 'rm', 'web', '--yes')
    const preview = await cli.ok('revert', revision, '--dry-run')
    assert.match(preview, /acas0002\n {2}memory_mib: 4096 → 2048\n {2}params.rack: "r7" → \(none\)/)
    assert.match(preview, /web\n {2}added .*profile=base/)
    assert.notEqual(await cli.ok('export'), exported, 'a dry run changes nothing')
    await cli.ok('revert', revision)
    assert.equal(await cli.ok('export'), exported)
    assert.ok(Number(await newest(cli)) > Number(revision))
    assert.match(await cli.ok('revert', revision), /^nothing to change\n$/, 'a second time there is nothing to do')
  })

  test('revert can be taken back itself', async (t) => {
    const cli = await openFarm(t)
    const first = await newest(cli)
    await cli.ok('machine', 'set', 'web', 'notes=changed')
    const [second, exported] = [await newest(cli), await cli.ok('export')]
    await cli.ok('revert', first)
    await cli.ok('revert', second)
    assert.equal(await cli.ok('export'), exported)
  })

  test('explain --at shows what was answered then, by the row of that time', async (t) => {
    const cli = await openFarm(t)
    const revision = await newest(cli)
    await cli.ok('machine', 'set', 'web', 'interface.eth0.ip=192.0.2.99')
    assert.match(await cli.ok('explain', 'web'), /DHCPOFFER of 192\.0\.2\.99/)
    const then = await cli.ok('explain', 'web', '--at', revision)
    assert.match(then, /DHCPOFFER of 192\.0\.2\.14/)
    assert.equal(await cli.ok('explain', 'web', '--at', revision), then)
    await cli.ok('machine', 'rm', 'web', '--yes')
    assert.equal(await cli.ok('explain', 'web', '--at', revision), then, 'also when the machine is gone today')
  })

  test('a revision that is not there, or is no revision, is refused with what one looks like', async (t) => {
    const cli = await openFarm(t)
    const missing = await cli.run(['revert', '99999'])
    assert.deepEqual(
      [missing.code, missing.err],
      [1, 'bootstead: there is no revision 99999 yet; bootstead log shows the newest\n'],
    )
    const nonsense = await cli.run(['explain', 'web', '--at', 'yesterday-ish'])
    assert.equal(nonsense.code, 1)
    assert.match(nonsense.err, /yesterday-ish is no revision: expected .*its number in `bootstead log`, a time such as/)
  })

  test('a revision is named by a time, too', async (t) => {
    const cli = await openFarm(t)
    assert.match((await cli.run(['explain', 'web', '--at', '2001-01-01'])).err, /there is no machine web/)
    assert.match(await cli.ok('explain', 'web', '--at', '2999-01-01'), /DHCPOFFER/)
  })

  test('diff says once what changes alike, in the words that differ, and leaves out whom nothing concerns', async (t) => {
    const cli = await openFarm(t)
    const before = await newest(cli)
    await cli.ok('machine', 'set', 'acas0002,acas0003', 'memory_mib=1024')
    await cli.ok('machine', 'set', 'web', 'interface.eth0.ip=192.0.2.99')
    const after = await newest(cli)
    const diff = await cli.ok('diff', before)
    assert.equal(
      diff.split('\n\n').slice(0, 2).join('\n\n'),
      [
        `revision ${before} → ${after}: 3 machines change in 2 ways\n`,
        'acas[0002-0003] (2)',
        '  dom0/DOM0/xen/HOSTNAME',
        '    -memory = 2048',
        '    +memory = 1024',
        '  dom0/DOM0/xen/HOSTNAME_install',
        '    -memory = 2048',
        '    +memory = 1024',
      ].join('\n'),
    )
    assert.match(diff, /\nweb\n {2}dhcp\n {4}-DHCPOFFER of 192\.0\.2\.14\n/)
    const back = (await cli.json('diff', after, before)) as {
      ways: { machines: string[]; changes: { path: string; hunks: string[][] }[] }[]
    }
    const guests = back.ways.find(({ machines }) => machines.length === 2)
    assert.deepEqual(guests?.changes[0], {
      path: 'dom0/DOM0/xen/HOSTNAME',
      hunks: [['-memory = 1024', '+memory = 2048']],
    })
    assert.match(await cli.ok('diff', after), /no machine is told anything else/)
  })

  test('diff shows a machine that came and one that went, and no token', async (t) => {
    const cli = await openInstallableFarm(t)
    const before = await newest(cli)
    await cli.ok('machine', 'install', 'web')
    await cli.ok('machine', 'rm', 'acas0003', '--yes')
    const diff = await cli.ok('diff', before)
    assert.match(diff, /\nweb\n {2}dhcp\n {4}-boots: local: boot is local\n {4}\+boots: install: armed at /)
    assert.match(diff, /\nacas0003\n.*\n {2}dhcp\n {4}-DHCPOFFER/s)
    assert.match(diff, /token=TOKEN-OF-THE-INSTALL/)
    assert.doesNotMatch(diff, /token=(?!TOKEN-OF-THE-INSTALL)/)
  })
})
