import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { whoAsks } from '../../../server/cli/session.ts'
import { openCli, openFarm } from './cli.ts'

describe('exit codes', () => {
  test('help is 0, an unknown command, flag or setting is 2', async (t) => {
    const cli = openCli(t)
    assert.equal((await cli.run(['--help'])).code, 0)
    assert.equal((await cli.run(['machine', 'list', '--help'])).code, 0)
    assert.equal((await cli.run(['nosuch'])).code, 2)
    assert.equal((await cli.run(['machine', 'list', '--nosuch'])).code, 2)
    assert.equal((await cli.run(['machine', 'list', '--http-port', 'x'])).code, 2)
    assert.equal((await cli.run(['log', '--limit', '0'])).code, 2)
  })

  test('check is 0 for a sound inventory, 1 when a machine is withheld', async (t) => {
    const cli = await openFarm(t)
    assert.equal((await cli.run(['check'])).code, 0)
    await cli.ok('machine', 'set', 'web', 'profile=nosuch', '--force')
    const { code, out } = await cli.run(['check'])
    assert.equal(code, 1)
    assert.match(out, /^web\n {2}withheld: profile "nosuch": there is no profile nosuch/)
    assert.equal((await cli.run(['check', 'acas*'])).code, 0)
    const json = await cli.run(['check', 'web', '--json'])
    assert.equal(json.code, 1)
    assert.deepEqual((JSON.parse(json.out) as { withheld: string[] }).withheld, ['web'])
  })
})

describe('an inventory that can’t be used', () => {
  const sentence = async (t: Parameters<typeof openCli>[0], address: string) => {
    const { code, out, err } = await openCli(t).run(['machine', 'list', '--inventory', address])
    assert.equal(out, '')
    assert.equal(err.trimEnd().split('\n').length, 1, err)
    return { code, err }
  }

  test('a server that is down: one sentence without the password', async (t) => {
    const { code, err } = await sentence(t, 'mysql://op:s3cret@127.0.0.1:1/inventory')
    assert.equal(code, 1)
    assert.match(
      err,
      /^bootstead: the inventory mysql:\/\/op:\*\*\*@127\.0\.0\.1:1\/inventory can't be used: .*ECONNREFUSED/,
    )
  })

  test('a file that is no database', async (t) => {
    const cli = openCli(t)
    cli.write('text', 'not a database, but long enough to look at it '.repeat(100))
    const { code, err } = await cli.run(['machine', 'list', '--inventory', 'sqlite:text'])
    assert.equal(code, 1)
    assert.match(err, /not a database/)
  })

  test('an address of neither form is wrong usage', async (t) => {
    assert.equal((await sentence(t, 'postgres://x/y')).code, 2)
  })
})

test('a stack is shown with --debug only', async (t) => {
  const cli = openCli(t)
  assert.doesNotMatch((await cli.run(['machine', 'show', 'x'])).err, /^ {4}at /m)
  assert.match((await cli.run(['--debug', 'machine', 'show', 'x'])).err, /^ {4}at /m)
})

test('config shows each value, where it came from, and no password', async (t) => {
  const cli = openCli(t)
  cli.write('bootstead.yaml', 'http_port: 8080\ninventory: mysql://op:s3cret@db.example.org/farm\n')
  const out = await cli.ok('config', '--no-tftp')
  assert.match(out, /^http_port +8080 +\/.*\/bootstead\.yaml line 1$/m)
  assert.match(out, /^inventory +mysql:\/\/op:\*\*\*@db\.example\.org\/farm +\/.*\/bootstead\.yaml line 2$/m)
  assert.match(out, /^doors +dhcp,http,admin +flag --no-tftp$/m)
  assert.ok(!JSON.stringify(await cli.json('config')).includes('s3cret'))
})

test('the history says who it was: behind sudo, the person; and only root is believed about that', () => {
  const env = { SUDO_USER: 'alice' }
  assert.equal(whoAsks({ env, isRoot: true, username: 'root' }), 'cli:alice')
  assert.equal(whoAsks({ env, isRoot: false, username: 'bob' }), 'cli:bob')
  assert.equal(whoAsks({ env: {}, isRoot: true, username: 'root' }), 'cli:root')
})

describe('log', () => {
  test('who, what, before and after; of one machine and its interfaces; secrets are not shown', async (t) => {
    const cli = await openFarm(t)
    await cli.ok('machine', 'set', 'web', 'vcpus=4', 'params.bmc_password=hunter2', 'interface.eth0.vlan=30')
    await cli.ok('machine', 'rm', 'acas0003', '--yes')
    const out = await cli.ok('log', '--machine', 'web', '--limit', '2')
    assert.match(out, /Z {2}cli:operator {2}interfaces web\/eth0\n {2}vlan: \(none\) → 30\n/)
    assert.match(
      out,
      /Z {2}cli:operator {2}machines web\n {2}vcpus: \(none\) → 4\n {2}params\.bmc_password: \(none\) → \(secret\)/,
    )
    assert.match(await cli.ok('log'), /machines acas0003 {2}removed/)
    const everything =
      (await cli.ok('log', '--limit', '1000')) + JSON.stringify(await cli.json('log', '--limit', '1000'))
    assert.ok(!everything.includes('hunter2') && !everything.includes('never-shown'))
  })
})

describe('the other tables', () => {
  test('list, show, add, set and rm', async (t) => {
    const cli = await openFarm(t)
    await cli.ok('network', 'add', 'lab', 'cidr=198.51.100.0/24', 'dns=198.51.100.1,198.51.100.2')
    assert.match(await cli.ok('network', 'list'), /^lab +198\.51\.100\.0\/24 +- +198\.51\.100\.1,198\.51\.100\.2/m)
    assert.match(
      await cli.ok('network', 'set', 'lab', 'mtu=9000', 'dns='),
      /networks lab\n {2}dns: 198\.51\.100\.1,198\.51\.100\.2 → \(none\)\n {2}mtu: \(none\) → 9000/,
    )
    assert.match(await cli.ok('network', 'show', 'farm'), /machines +acas\[0001-0003\], web \(4\)/)
    await cli.ok('network', 'rm', 'lab')
    assert.equal((await cli.run(['network', 'show', 'lab'])).code, 1)
  })

  test('what machines need is not removed or spoilt', async (t) => {
    const cli = await openFarm(t)
    const refusals = [
      ['network rm farm', /acas\[0001-0003\], web: interface\.eth0\.network "farm": there is no network/],
      ['profile rm base', /acas0001: profile "dom0": there is no profile base, the parent of profile dom0/],
      ['image rm el9', /acas\[0001-0003\], web: profiles base: image "el9": there is no image/],
      ['profile set base template=nosuch.ks', /acas\[0001-0003\], web: profiles base: template "nosuch\.ks"/],
    ] as const
    for (const [words, why] of refusals) {
      const { code, err } = await cli.run(words.split(' '))
      assert.equal(code, 1)
      assert.match(err, /4 machines would be withheld/)
      assert.match(err, why)
    }
  })

  test('site values are JSON or text, and secrets are not listed', async (t) => {
    const cli = await openFarm(t)
    await cli.ok('site', 'set', 'language=en_US.UTF-8', 'ssh_keys=["ssh-ed25519 AAAA a@example.org"]')
    const out = await cli.ok('site', 'list')
    assert.match(out, /language +"en_US\.UTF-8"/)
    assert.match(out, /ssh_keys +\["ssh-ed25519 AAAA a@example\.org"\]/)
    assert.match(out, /root_password_hash +\(secret\)/)
    await cli.ok('site', 'rm', 'language')
    assert.equal((await cli.run(['site', 'show', 'language'])).code, 1)
  })
})

describe('images', () => {
  test('from single files into the state folder and the inventory; checked; removed with their files', async (t) => {
    const cli = await openFarm(t)
    cli.write('k', 'kernel')
    cli.write('i', 'initrd')
    assert.match(
      await cli.ok('image', 'add', 'rescue', '--kernel', 'k', '--initrd', 'i'),
      /^added: image rescue \(x86_64\): vmlinuz, initrd\.img\n/,
    )
    assert.match(await cli.ok('image', 'check', 'rescue'), /rescue: whole/)
    cli.write('state/images/rescue/vmlinuz', 'a 404 page')
    const { code, err } = await cli.run(['image', 'check', 'rescue'])
    assert.equal(code, 1)
    assert.match(err, /vmlinuz is altered/)
    await cli.ok('image', 'rm', 'rescue')
    assert.doesNotMatch(await cli.ok('image', 'list'), /rescue/)
  })

  test('a name that would leave the folder, and a source that is none or two, are wrong usage', async (t) => {
    const cli = await openFarm(t)
    assert.equal((await cli.run(['image', 'add', '../x', '--kernel', 'k'])).code, 2)
    assert.equal((await cli.run(['image', 'add', 'x'])).code, 2)
    assert.equal((await cli.run(['image', 'add', 'x', '--kernel', 'k', '--iso', 'y'])).code, 2)
  })
})
