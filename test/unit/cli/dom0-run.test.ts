// What `dom0 run` refuses and shows before any ssh is started; test/protocol/dom0-run.test.ts has the rest.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { describe, test } from 'node:test'
import { openFarm } from './cli.ts'

describe('dom0 run, before anything is run', () => {
  test('machines that are no Dom0 are named with their profile, and the way to leave them out works', async (t) => {
    const cli = await openFarm(t)
    const { code, out, err } = await cli.run(['dom0', 'run', '*', '--', 'xenconf'])
    assert.deepEqual([code, out], [1, ''])
    assert.equal(
      err,
      'bootstead: nothing was run: not all of these are Dom0s (hypervisor=xen,kvm leaves the others out)\n' +
        '  acas[0002-0003], web: profile base has no hypervisor\n',
    )
    const onlyDom0s = ['*', 'hypervisor=xen,kvm']
    const dry = await cli.run(['dom0', 'run', ...onlyDom0s, '--dry-run', '--json', '--', 'xl', 'list', '--json'])
    assert.deepEqual(JSON.parse(dry.out), {
      dryRun: true,
      command: 'xl list --json',
      machines: [{ hostname: 'acas0001', address: null }],
    })
  })

  test('no command, no --, no machine, no such machine, and bad options', async (t) => {
    const cli = await openFarm(t)
    const code = async (...words: string[]): Promise<number> => (await cli.run(['dom0', 'run', ...words])).code
    const { code: without, err } = await cli.run(['dom0', 'run', 'acas0001', 'xenconf'])
    assert.deepEqual([without, /behind the machines and --/.test(err)], [2, true])
    assert.equal(await code('acas0001', '--'), 2)
    assert.equal(await code('acas0001', '--', ''), 2)
    assert.equal(await code('--', 'xenconf'), 2)
    assert.equal(await code('acas0009', '--', 'xenconf'), 1)
    assert.equal(await code('acas0001', '--where', 'boot=install', '--', 'xenconf'), 1)
    assert.equal(await code('acas0001', '--ssh-config', 'nosuch', '--', 'xenconf'), 1)
    for (const bad of [
      ['--jobs', '0'],
      ['--timeout', '-1'],
      ['--user', '-oProxyCommand=x'],
      ['--ssh-option', 'StrictHostKeyChecking=no'],
      ['--ssh-option', 'Port'],
    ])
      assert.equal(await code('acas0001', ...bad, '--', 'xenconf'), 2, bad.join(' '))
  })

  test('a dry run prints the ssh command lines, which a shell takes back', async (t) => {
    const cli = await openFarm(t)
    const words = ['--address', '--ssh-option', 'Port=2222', '--dry-run', '--', 'printf', "it's"]
    const { code, out } = await cli.run(['dom0', 'run', 'acas0001', ...words])
    assert.equal(code, 0)
    const read = execFileSync('sh', ['-c', `printf '%s\\n' ${out.trimEnd()}`], { encoding: 'utf8' }).split('\n')
    assert.equal(read[0], 'ssh')
    for (const option of ['Port=2222', 'Hostname=192.0.2.11', 'HostKeyAlias=acas0001', 'StrictHostKeyChecking=yes'])
      assert.ok(read.includes(option), option)
    assert.match(read.at(-2) ?? '', /sh -c 'printf '\\''it/)
  })

  test('a machine without an address can’t be reached by it; one that is withheld is noted', async (t) => {
    const cli = await openFarm(t)
    await cli.ok('machine', 'set', 'acas0001', 'interface.eth0.ip=')
    const none = await cli.run(['dom0', 'run', 'acas0001', '--address', '--dry-run', '--', 'xenconf'])
    assert.deepEqual([none.code, none.err], [1, 'bootstead: nothing was run: no address in the inventory: acas0001\n'])
    await cli.ok('machine', 'set', 'acas0001', 'interface.eth0.network=nosuch', '--force')
    const { code, err } = await cli.run(['dom0', 'run', 'acas0001', '--dry-run', '--', 'xenconf'])
    assert.equal(code, 0)
    assert.match(err, /^withheld, and run on all the same: acas0001; bootstead check says why\n$/)
  })

  test('without ssh on the PATH the package is named', async (t) => {
    const cli = await openFarm(t)
    const env = {
      BOOTSTEAD_STATE: `${cli.folder}/state`,
      BOOTSTEAD_TEMPLATES: `${cli.folder}/templates`,
      PATH: cli.folder,
    }
    const { code, err } = await cli.run(['dom0', 'run', 'acas0001', '--', 'xenconf'], { env })
    assert.deepEqual([code, err], [1, 'bootstead: there is no ssh on the PATH: install openssh-client\n'])
  })
})
