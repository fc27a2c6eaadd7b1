import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { closeStore, openStore } from '../../../server/inventory/store/open.ts'
import { readSnapshot } from '../../../server/inventory/store/read.ts'
import { sql } from 'kysely'
import { join } from 'node:path'
import type { Cli } from './cli.ts'
import { openFarm, openInstallableFarm } from './cli.ts'

const listed = async (cli: Cli, ...words: string[]): Promise<readonly string[]> =>
  ((await cli.json('machine', 'list', ...words)) as { hostname: string }[]).map(({ hostname }) => hostname)

/** SQL by another program. */
async function bySql(cli: Cli, statement: string): Promise<void> {
  const store = openStore(`sqlite:${join(cli.folder, 'state/inventory.sqlite')}`)
  await sql.raw(statement).execute(store.db)
  await closeStore(store)
}

async function tokensOf(cli: Cli, hostname: string) {
  const store = openStore(`sqlite:${join(cli.folder, 'state/inventory.sqlite')}`)
  const snapshot = await readSnapshot(store)
  await closeStore(store)
  return snapshot.tokens.get(hostname) ?? []
}

describe('machine list', () => {
  test('ranges, patterns and filters name machines', async (t) => {
    const cli = await openFarm(t)
    assert.deepEqual(await listed(cli), ['acas0001', 'acas0002', 'acas0003', 'web'])
    assert.deepEqual(await listed(cli, 'acas[0002-0003]'), ['acas0002', 'acas0003'])
    assert.deepEqual(await listed(cli, 'acas*', 'dom0=acas0001'), ['acas0002', 'acas0003'])
    assert.deepEqual(await listed(cli, '--where', 'hypervisor=xen'), ['acas0001'])
    assert.deepEqual(await listed(cli, 'acas*', '--where', 'dom0=acas0001', '--where', 'ip!=192.0.2.13'), ['acas0002'])
  })

  test('an unknown machine is exit code 1, a filter that is none is 2', async (t) => {
    const cli = await openFarm(t)
    const { code, err, out } = await cli.run(['machine', 'list', 'acas0009'])
    assert.deepEqual([code, out], [1, ''])
    assert.equal(err, 'bootstead: there is no machine acas0009; bootstead machine list shows those there are\n')
    assert.equal((await cli.run(['machine', 'list', '--where', 'web'])).code, 2)
  })

  test('a row that can’t be read is listed as withheld instead of vanishing', async (t) => {
    const cli = await openFarm(t)
    await bySql(cli, `UPDATE machines SET vcpus = 'many' WHERE hostname = 'web'`)
    assert.match(await cli.ok('machine', 'list'), /^web +- +- +withheld/m)
  })
})

describe('machine show', () => {
  test('rows, settings with their origins, findings and plan; a secret is not shown', async (t) => {
    const cli = await openFarm(t)
    const out = await cli.ok('machine', 'show', 'web')
    assert.match(out, /params\.rack +r12 +machine web\.params\.rack/)
    assert.match(out, /params\.packages +vim +profile base\.params\.packages/)
    assert.match(out, /domain +farm\.example\.org +network farm\.domain/)
    assert.match(out, /plan\n {2}local: boot is local/)
    assert.match(out, /root_password_hash +\(secret\)/)
    assert.ok(!JSON.stringify(await cli.json('machine', 'show', 'web')).includes('never-shown'))
  })
})

describe('machine add', () => {
  test('a row with an interface', async (t) => {
    const cli = await openFarm(t)
    await cli.ok(
      'machine',
      'add',
      'db',
      'profile=base',
      'disk=sda',
      'params.rack=r1',
      '--interface',
      'eth0,mac=0000.5e00.5377,ip=192.0.2.77,network=farm',
    )
    assert.match(await cli.ok('machine', 'list', 'db'), /db +base +local +- +192\.0\.2\.77 +00:00:5e:00:53:77/)
  })

  test('a range of guests', async (t) => {
    const cli = await openFarm(t)
    await cli.ok(
      'machine',
      'add',
      'acas[0004-0005]',
      'profile=base',
      'dom0=acas0001',
      'memory_mib=512',
      'vdisk=/dev/sdb',
      '--force',
    )
    assert.deepEqual(await listed(cli, 'dom0=acas0001'), ['acas0002', 'acas0003', 'acas0004', 'acas0005'])
  })

  test('one that is there, and one that would be withheld, are refused', async (t) => {
    const cli = await openFarm(t)
    assert.match((await cli.run(['machine', 'add', 'web', 'profile=base'])).err, /there is a machine web already/)
    const { code, err } = await cli.run(['machine', 'add', 'db', 'profile=nosuch'])
    assert.equal(code, 1)
    assert.match(err, /db: profile "nosuch": there is no profile nosuch/)
  })
})

describe('machine set', () => {
  test('prints before and after, equal changes together', async (t) => {
    const cli = await openFarm(t)
    const out = await cli.ok(
      'machine',
      'set',
      'acas[0001-0003]',
      '--where',
      'dom0=acas0001',
      'memory_mib=1024',
      'params.rack=r7',
    )
    assert.equal(out, 'acas[0002-0003] (2)\n  memory_mib: 2048 → 1024\n  params.rack: (none) → "r7"\n')
  })

  test('an empty value clears, JSON is JSON, an interface is addressed and removed', async (t) => {
    const cli = await openFarm(t)
    await cli.ok(
      'machine',
      'set',
      'web',
      'disk=',
      'params.rack=',
      'params.ports=[1,2]',
      'interface.eth1.mac=00:00:5e:00:53:99',
      'interface.eth0.30=',
    )
    const { machine, interfaces } = (await cli.json('machine', 'show', 'web')) as {
      machine: { disk: unknown; params: unknown }
      interfaces: { name: string; mac: string }[]
    }
    assert.equal(machine.disk, null)
    assert.deepEqual(machine.params, { ports: [1, 2] })
    assert.deepEqual(
      interfaces.map(({ name, mac }) => [name, mac]),
      [
        ['eth0', '00:00:5e:00:53:02'],
        ['eth1', '00:00:5e:00:53:99'],
      ],
    )
  })

  test('a dry run changes nothing', async (t) => {
    const cli = await openFarm(t)
    const before = await cli.ok('export')
    assert.match(await cli.ok('machine', 'set', 'web', 'vcpus=4', '--dry-run'), /vcpus: \(none\) → 4/)
    assert.equal(await cli.ok('export'), before)
  })

  test('a value no column takes, and a field there is not, change nothing', async (t) => {
    const cli = await openFarm(t)
    const before = await cli.ok('export')
    const bad = await cli.run(['machine', 'set', 'acas*', 'vcpus=4', 'memory_mib=lots'])
    assert.equal(bad.code, 1)
    assert.match(bad.err, /machines acas0003: memory_mib is "lots"/)
    const unknown = await cli.run(['machine', 'set', 'web', 'memory=4'])
    assert.equal(unknown.code, 2)
    assert.match(unknown.err, /machines have no field memory; expected one of domain, /)
    assert.equal((await cli.run(['machine', 'set', 'profile!=base', 'vcpus=4'])).code, 2)
    assert.equal((await cli.run(['machine', 'set', 'vcpus=4'])).code, 2, 'naming no machine is not naming all')
    assert.equal(await cli.ok('export'), before)
  })

  test('a machine that would be withheld is refused, also when it is another than the one that is set', async (t) => {
    const cli = await openFarm(t)
    const { code, err } = await cli.run(['machine', 'set', 'acas0001', 'memory_mib=2048'])
    assert.equal(code, 1)
    assert.match(err, /2 machines would be withheld/)
    assert.equal((await cli.run(['machine', 'set', 'acas0001', 'memory_mib=2048', '--force'])).code, 0)
  })

  test('boot=install is refused with the command that arms', async (t) => {
    const cli = await openFarm(t)
    const { code, err } = await cli.run(['machine', 'set', 'web', 'boot=install'])
    assert.equal(code, 2)
    assert.match(err, /bootstead machine install web/)
  })

  test('boot=hold takes back an arming and is on the timeline', async (t) => {
    const cli = await openInstallableFarm(t)
    await cli.ok('machine', 'install', 'web')
    await cli.ok('machine', 'set', 'web', 'boot=hold')
    assert.deepEqual(await tokensOf(cli, 'web'), [])
    assert.match(await cli.ok('timeline', 'web'), /hold {2}by cli:operator/)
  })

  test('a row that can’t be read is mended by the field that spoils it, and keeps the others', async (t) => {
    const cli = await openFarm(t)
    await bySql(cli, `UPDATE machines SET vcpus = 'many' WHERE hostname = 'web'`)
    await bySql(cli, `UPDATE interfaces SET mac = 'none' WHERE machine = 'acas0001'`)
    await cli.ok('machine', 'set', 'web', 'vcpus=4')
    await cli.ok('machine', 'set', 'acas0001', 'interface.eth0.mac=00:00:5e:00:53:01')
    const out = await cli.ok('machine', 'list')
    assert.match(out, /^web +base +local +- +192\.0\.2\.14/m)
    assert.match(out, /^acas0001 +dom0 +local +- +192\.0\.2\.11 +00:00:5e:00:53:01/m)
    assert.equal((await cli.run(['check'])).code, 0)
  })
})

describe('machine rm', () => {
  test('asks at a terminal, and needs --yes elsewhere', async (t) => {
    const cli = await openFarm(t)
    assert.equal((await cli.run(['machine', 'rm', 'web'])).code, 2)
    assert.equal((await cli.run(['machine', 'rm', 'web'], { confirm: () => Promise.resolve(false) })).code, 1)
    assert.deepEqual(await listed(cli, 'web'), ['web'])
    assert.equal((await cli.run(['machine', 'rm', 'web'], { confirm: () => Promise.resolve(true) })).code, 0)
    assert.equal((await cli.run(['machine', 'list', 'web'])).code, 1)
  })

  test('a Dom0 goes with its guests or not at all', async (t) => {
    const cli = await openFarm(t)
    const { code, err } = await cli.run(['machine', 'rm', 'acas[0001-0002]', '--yes'])
    assert.equal(code, 1)
    assert.match(err, /acas0001 still has 1 guest: acas0003/)
    await cli.ok('machine', 'rm', 'acas[0001-0003]', '--yes')
    assert.deepEqual(await listed(cli), ['web'])
  })

  test('a row that can’t be read can be removed by its name', async (t) => {
    const cli = await openFarm(t)
    await bySql(cli, `UPDATE machines SET vcpus = 'many' WHERE hostname = 'web'`)
    await cli.ok('machine', 'rm', 'web', '--yes')
    assert.equal((await cli.run(['check'])).code, 0)
  })
})

describe('machine install', () => {
  test('arms for so many hours, mints a token that it does not print, and names the disk', async (t) => {
    const cli = await openInstallableFarm(t)
    const out = await cli.ok('machine', 'install', 'web', '--hours', '2')
    assert.match(out, /until 2096-11-23T14:00:00\.000Z:\n {2}web: el 9 x86_64, erasing disk nvme0n1\n/)
    const tokens = await tokensOf(cli, 'web')
    assert.deepEqual(tokens.map(({ purpose, expires_at }) => [purpose, expires_at]).sort(), [
      ['install', '2096-11-23T14:00:00.000Z'],
      ['machine', null],
    ])
    for (const { secret } of tokens)
      assert.ok(!out.includes(secret) && !JSON.stringify(await cli.json('machine', 'show', 'web')).includes(secret))
    assert.match(await cli.ok('machine', 'list', 'web'), /web +base +install +armed/)
  })

  test('the guests of a Dom0 as they are asked for; their disks are the Dom0’s devices', async (t) => {
    const cli = await openInstallableFarm(t)
    await cli.ok('machine', 'install', 'acas0001', '--no-guests')
    assert.deepEqual(await tokensOf(cli, 'acas0002'), [])
    const out = await cli.ok('machine', 'install', 'acas0001', '--with-guests')
    assert.match(out, /acas0003: el 9 x86_64, erasing \/dev\/sda6 of acas0001 \(xvda inside the guest\)/)
    assert.equal((await tokensOf(cli, 'acas0003')).length, 2)
  })

  test('all or none: one machine without a disk leaves the others unarmed', async (t) => {
    const cli = await openInstallableFarm(t)
    await cli.ok('machine', 'set', 'web', 'disk=')
    const { code, err } = await cli.run(['machine', 'install', '*'])
    assert.equal(code, 1)
    assert.match(err, /web: machine web names no disk that an install may erase/)
    assert.deepEqual(await listed(cli, 'boot=install'), [])
  })

  test('a machine that is withheld, and one that there is not', async (t) => {
    const cli = await openInstallableFarm(t)
    await cli.ok('machine', 'set', 'web', 'profile=nosuch', '--force')
    assert.match((await cli.run(['machine', 'install', 'web'])).err, /web: withheld: profile "nosuch"/)
    assert.match((await cli.run(['machine', 'install', 'acas[0001-0009]'])).err, /there is no machine acas0004/)
  })

  test('an image whose files are not there', async (t) => {
    const cli = await openFarm(t)
    const { code, err } = await cli.run(['machine', 'install', 'web'])
    assert.equal(code, 1)
    assert.match(err, /image el9: .*vmlinuz is missing; mend it with: bootstead image add el9/)
  })

  test('a dry run checks and arms nothing; disarm takes an arming back', async (t) => {
    const cli = await openInstallableFarm(t)
    assert.match(await cli.ok('machine', 'install', 'web', '--dry-run'), /would be armed/)
    assert.deepEqual(await tokensOf(cli, 'web'), [])
    await cli.ok('machine', 'install', 'web')
    await cli.ok('machine', 'disarm', 'web')
    assert.deepEqual(await tokensOf(cli, 'web'), [])
    assert.match(await cli.ok('machine', 'list', 'web'), /web +base +local +disarmed/)
  })
})

describe('the boot actions', () => {
  for (const action of ['local', 'rescue', 'memtest', 'hold'])
    test(`machine ${action} sets boot`, async (t) => {
      const cli = await openFarm(t)
      await cli.ok('machine', action, 'acas*')
      assert.deepEqual((await listed(cli, `boot=${action}`)).slice(0, 3), ['acas0001', 'acas0002', 'acas0003'])
      assert.equal((await cli.run(['machine', action])).code, 2)
    })
})
