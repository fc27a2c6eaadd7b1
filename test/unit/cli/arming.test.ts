// `install` refuses what could not work, each with its reason, and arms nothing then.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { closeStore, openStore } from '../../../server/inventory/store/open.ts'
import { readSnapshot } from '../../../server/inventory/store/read.ts'
import { join } from 'node:path'
import type { Cli } from './cli.ts'
import { openInstallableFarm } from './cli.ts'

async function tokensIn(cli: Cli): Promise<readonly string[]> {
  const store = openStore(`sqlite:${join(cli.folder, 'state/inventory.sqlite')}`)
  const snapshot = await readSnapshot(store)
  await closeStore(store)
  return [...snapshot.tokens.values()].flat().map(({ secret }) => secret)
}

/** The farm with one thing changed, which storing may have to be forced, and the words of the refusal. */
const cases: readonly (readonly [what: string, changes: readonly (readonly string[])[], reason: RegExp])[] = [
  [
    'memory beyond the Dom0’s',
    [['machine', 'set', 'acas0002', 'memory_mib=32768', '--force']],
    /acas0002: withheld: .*the guests of acas0001 want 34816 MiB and it keeps 1024 itself, but it has 16384/,
  ],
  [
    'CPUs that the Dom0 doesn’t have',
    [['machine', 'set', 'acas0002', 'cpus=6-9', '--force']],
    /acas0002: withheld: .*acas0001 has CPUs 0 to 7, not 8, 9/,
  ],
  [
    'CPUs that another guest is pinned to',
    [
      ['machine', 'set', 'acas0003', 'cpus=2-3'],
      ['machine', 'set', 'acas0002', 'cpus=3', '--force'],
    ],
    /acas0002: withheld: .*CPU 3 is pinned to acas0003 too; give each its own or set the param share_cpus on both/,
  ],
  [
    'a vdisk given twice',
    [['machine', 'set', 'acas0002', 'vdisk=/dev/sda6', '--force']],
    /acas0002: withheld: .*\/dev\/sda6 is given to acas0003 too; two guests would overwrite each other/,
  ],
  [
    'a bridge that is missing',
    [['machine', 'set', 'acas0001', 'interface.eth0.bridge=', '--force']],
    /acas0002: withheld: .*names no bridge, nor does an interface of acas0001 on its network; name one/,
  ],
  [
    'a profile that is missing',
    [['machine', 'set', 'acas0002', 'profile=nothing', '--force']],
    /acas0002: withheld: .*there is no profile nothing; name one that exists/,
  ],
  [
    'an image that is missing',
    [['profile', 'set', 'base', 'image=nothing', '--force']],
    /acas0002, web: withheld: .*there is no image of this name; add it with: bootstead image add/,
  ],
  [
    'an image without checksums',
    [['image', 'set', 'el9', 'sha256={}']],
    /acas0002: image el9 has no sha256 of vmlinuz and initrd\.img, so acas0001 can't verify what it fetches; bootstead image add el9 records it/,
  ],
  [
    'a name that is too long',
    [['machine', 'set', 'acas0002', `domain=${'d'.repeat(60)}.example.org`]],
    /acas0002: the name acas0002\.d+\.example\.org has 81 characters, and Linux takes 64: shorten the host name or the domain \(machine acas0002, domain\)/,
  ],
  [
    'a kernel command line that is too long',
    [['machine', 'set', 'acas0002', `params.kernel_args=${'x'.repeat(1000)}`]],
    /acas0002: its installer's kernel command line has 1\d{3} characters, and 1023 are read: shorten kernel_args/,
  ],
  [
    'a kind of guest that the Dom0’s Xen can’t install',
    [
      ['profile', 'set', 'dom0', 'version=5'],
      ['profile', 'set', 'base', 'guest_type=hvm'],
    ],
    /acas0002: Xen 3\.0\.3 on acas0001 can't boot the installer of a guest of type hvm \(profile base\): give it guest_type pv/,
  ],
  [
    'a Dom0 that is withheld',
    [['machine', 'set', 'acas0001', 'interface.eth0.ip=198.51.100.11', '--force']],
    /acas0002: its Dom0 acas0001 is withheld: interfaces acas0001\/eth0: ip "198\.51\.100\.11": the address is outside network farm/,
  ],
]

describe('a guest with', () => {
  for (const [what, changes, reason] of cases)
    test(`${what} is not armed, nor is anything beside it`, async (t) => {
      const cli = await openInstallableFarm(t)
      for (const words of changes) await cli.ok(...words)
      const { code, err, out } = await cli.run(['machine', 'install', 'acas0002', 'web'])
      assert.equal(code, 1)
      assert.match(err, reason)
      assert.equal(out, '')
      assert.deepEqual(await tokensIn(cli), [])
    })
})

test('a guest with none of it is armed, with tokens as long as the check of its command line takes them for', async (t) => {
  const cli = await openInstallableFarm(t)
  assert.match(await cli.ok('machine', 'install', 'acas0002'), /acas0002: el 9 x86_64, erasing \/dev\/sda5 of acas0001/)
  for (const secret of await tokensIn(cli)) assert.match(secret, /^[\w-]{22}$/)
})

test('show prints the domains of a KVM Dom0’s guests', async (t) => {
  const cli = await openInstallableFarm(t)
  await cli.ok('profile', 'set', 'dom0', 'hypervisor=kvm')
  assert.match(
    await cli.ok('show', 'acas0001'),
    /^libvirt\/acas0002_install\.xml +dom0\/acas0001\/libvirt\/acas0002_install\.xml/m,
  )
  assert.match(await cli.ok('show', 'acas0001', 'libvirt/acas0002.xml'), /^<!-- acas0002: its running configuration\./)
})

test('check names a network’s gateway that its machines can’t reach', async (t) => {
  const cli = await openInstallableFarm(t)
  await cli.ok('network', 'set', 'farm', 'gateway=203.0.113.1', '--force')
  const { out, err } = await cli.run(['check'])
  assert.match(out + err, /farm.*gateway.*203\.0\.113\.1.*outside the network \(192\.0\.2\.0\/24\)/)
})
