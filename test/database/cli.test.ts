// The command line on both databases: what SQLite and MySQL spell differently must not show in a command.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { TestContext } from 'node:test'
import { databases, flavours } from '../databases.ts'
import type { Cli } from '../unit/cli/cli.ts'
import { farm, openCli } from '../unit/cli/cli.ts'
import { clockwork, says } from '../unit/cli/clockwork.ts'

const inventories = databases()

for (const flavour of flavours) {
  describe(`the command line on ${flavour}`, () => {
    /** With an empty database in its configuration: an SQLite file by its relative path. */
    const opened = async (t: TestContext): Promise<Cli & Readonly<{ address: string }>> => {
      const cli = openCli(t)
      const own = `${cli.folder}/`
      const address = flavour === 'SQLite' ? `sqlite:${own}inventory.sqlite` : await inventories.address(t, flavour)
      cli.write('bootstead.yaml', `inventory: ${address.replace(own, '')}\n`)
      return { ...cli, address }
    }

    test('an empty database becomes an inventory on first use; the round trip is the identity', async (t) => {
      const [from, to] = [await opened(t), await opened(t)]
      await from.ok('import', from.write('farm.yaml', farm))
      const exported = await from.ok('export')
      await to.ok('import', to.write('all.yaml', exported))
      assert.equal(await to.ok('export'), exported)
      assert.match(await from.ok('import', 'farm.yaml'), /^machines +0 +0 +4$/m)
    })

    test('a change is signed, and is in the history of its machine', async (t) => {
      const cli = await opened(t)
      await cli.ok('import', cli.write('farm.yaml', farm))
      await cli.ok('machine', 'set', 'web', 'vcpus=4', 'interface.eth0.30.vlan=31')
      await cli.ok('machine', 'set', 'acas*', 'vcpus=2')
      const out = await cli.ok('log', '--machine', 'web', '--limit', '2')
      assert.match(out, /cli:operator {2}interfaces web\/eth0\.30\n {2}vlan: 30 → 31/)
      assert.match(out, /cli:operator {2}machines web\n {2}vcpus: \(none\) → 4/)
    })

    test('arming, the timeline, and taking it back', async (t) => {
      const cli = await opened(t)
      await cli.ok('import', cli.write('farm.yaml', farm))
      cli.write('state/images/el9/vmlinuz', 'kernel')
      cli.write('state/images/el9/initrd.img', 'initrd')
      await cli.ok('machine', 'install', 'acas0001')
      assert.match(await cli.ok('machine', 'list', 'acas0003'), /acas0003 +base +install +armed/)
      await cli.ok('machine', 'disarm', 'acas*')
      assert.match(await cli.ok('timeline', 'acas0003'), /armed {2}by cli:operator.*\n.*disarmed {2}by cli:operator/)
    })

    test('watching an install, its timeline and its console', async (t) => {
      const cli = await opened(t)
      await cli.ok('import', cli.write('farm.yaml', farm))
      cli.write('state/images/el9/vmlinuz', 'kernel')
      cli.write('state/images/el9/initrd.img', 'initrd')
      const failed = { detail: 'no disk', console: 'one\ntwo\n' }
      const time = clockwork(cli.address, { 5: says('web', 'installing'), 9: says('web', 'failed', failed) })
      const { code, err } = await cli.run(['install', 'web', '--watch'], time)
      assert.equal(code, 1)
      assert.match(err, /^web \| one\nweb \| two\n.*web failed in installing: no disk\n$/s)
      assert.match(await cli.ok('timeline', 'web'), /web is failed in installing since .*: no disk\n.*\n {2}\| two\n$/s)
      assert.equal(await cli.ok('timeline', 'web', '--console'), 'one\ntwo\n')
      assert.match(await cli.ok('machine', 'show', 'web'), /console\n {2}one\n {2}two\n$/)
    })

    test('removing a Dom0 with its guests leaves nothing of them', async (t) => {
      const cli = await opened(t)
      await cli.ok('import', cli.write('farm.yaml', farm))
      await cli.ok('machine', 'rm', 'acas*', '--yes')
      assert.doesNotMatch(await cli.ok('export'), /acas/)
    })
  })
}

test('a database that is down: one sentence, exit code 1', async (t) => {
  const cli = openCli(t)
  const address = await inventories.address(t, 'MariaDB')
  cli.write('bootstead.yaml', `inventory: ${address.replace(/:\d+\//, ':1/')}\n`)
  const { code, err } = await cli.run(['machine', 'list'])
  assert.equal(code, 1)
  assert.match(err, /^bootstead: the inventory mysql:.* can't be used: .*\n$/)
})
