import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Cli } from './cli.ts'
import { openFarm } from './cli.ts'

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
})
