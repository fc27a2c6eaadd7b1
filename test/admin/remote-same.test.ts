// The same command lines, once on the database and once over the API of a real server: what is printed, and the exit code.
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { sql } from 'kysely'
import { writeSeen } from '../../server/serve/dhcp/seen-file.ts'
import { recordConsoles, recordEvents } from '../../server/inventory/store/record.ts'
import type { Store } from '../../server/inventory/store/open.ts'
import { closeStore, openStore } from '../../server/inventory/store/open.ts'
import { requireHostFiles } from '../boot/packages.ts'
import type { Cli, Printed } from '../unit/cli/cli.ts'
import { openRemoteFarm, openUsedFarm } from './remote-farm.ts'

const config = 'targets: { tftpboot: { folder: tftpboot, reload: [/bin/true] } }\n'
const prepare = (cli: Cli): void => void cli.write('bootstead.yaml', config)

/** What differs by nature: the folder, the time, who signs, secrets that are made anew. */
const alike = ({ code, out, err }: Printed, folder: string): Printed => {
  const plain = (text: string): string =>
    text
      .replaceAll(folder, 'FOLDER')
      .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, 'TIME')
      .replaceAll(/cli:operator|api:admin\/far/g, 'WHO')
      .replaceAll(/token=[\w-]{20,}/g, 'token=TOKEN')
      .replaceAll(/[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}/g, 'UUID')
      .replaceAll(/"tookMs": \d+/g, '"tookMs": N')
  return { code, out: plain(out), err: plain(err) }
}

/** In this order: later ones see what earlier ones did. */
const lines: readonly (readonly string[])[] = [
  ['machine', 'list'],
  ['machine', 'list', '--json'],
  ['machine', 'list', 'acas*', '--where', 'profile=base'],
  ['machine', 'list', 'nobody'],
  ['machine', 'list', 'acas[3-'],
  ['machine', 'list', 'notes=a b'],
  ['machine', 'show', 'web'],
  ['machine', 'show', 'acas0001', '--json'],
  ['machine', 'show', 'acas*'],
  ['machine', 'set', 'web', 'vcpus=2', 'params.rack=r13', '--dry-run'],
  ['machine', 'set', 'web', 'vcpus=2', 'params.rack=r13', 'interface.eth0.30='],
  ['machine', 'set', 'web', 'vcpus=2'],
  ['machine', 'set', 'acas000[2-3]', 'memory_mib=1024', 'notes=of both', '--json'],
  ['machine', 'set', 'web', 'params.bmc_password=hunter2'],
  ['machine', 'set', 'web', 'params.bmc_password=hunter3'],
  ['machine', 'set', 'web', 'vcpus=many', 'disk=s d'],
  ['machine', 'set', 'web', 'vcpu=2'],
  ['machine', 'set', 'web'],
  ['machine', 'set', 'vcpus=2'],
  ['machine', 'set', 'web', 'boot=install'],
  ['machine', 'set', 'web', 'interface.eth0.ip=198.51.100.1'],
  ['machine', 'set', 'web', 'interface.eth0.ip=198.51.100.1', '--dry-run'],
  ['machine', 'set', 'web', 'interface.eth0.ip=198.51.100.1', '--force'],
  ['machine', 'list', 'web'],
  ['check'],
  ['check', '--json'],
  ['check', 'acas0001'],
  ['check', 'nobody'],
  ['machine', 'set', 'web', 'interface.eth0.ip=192.0.2.14'],
  ['check'],
  ['machine', 'add', 'db[01-02]', 'profile=base', 'disk=sda', '--interface', 'eth0,network=farm', '--force'],
  ['machine', 'add', 'db01', 'profile=base'],
  ['machine', 'add', 'db03', 'profile=none'],
  ['machine', 'set', 'db01', 'interface.eth0.mac=00:00:5e:00:53:61', 'interface.eth0.ip=192.0.2.61'],
  ['machine', 'rm', 'acas0001', '--yes'],
  ['machine', 'rm', 'db02'],
  ['machine', 'rm', 'db02', '--yes'],
  ['machine', 'rm', '--where', 'profile=nobody', '--yes'],
  ['machine', 'rm', 'db02', '--yes'],
  ['machine', 'rm', 'db01', '--yes', '--json'],
  ['network', 'list'],
  ['network', 'show', 'farm'],
  ['network', 'show', 'none'],
  ['network', 'add', 'lab', 'cidr=198.51.100.0/24', 'gateway=198.51.100.254'],
  ['network', 'add', 'lab', 'cidr=198.51.100.0/24'],
  ['network', 'set', 'lab', 'dns=192.0.2.1,192.0.2.2', '--dry-run'],
  ['network', 'set', 'lab', 'cidr=nothing'],
  ['network', 'set', 'none', 'vlan=3'],
  ['network', 'rm', 'farm'],
  ['network', 'rm', 'lab', '--json'],
  ['network', 'rm', 'lab'],
  ['profile', 'list', '--json'],
  ['profile', 'show', 'base', '--json'],
  ['profile', 'add', 'web', 'parent=base', 'params.packages+=["nginx"]'],
  ['profile', 'set', 'base', 'kernel_args=quiet', 'params.root_password_hash=$6$other'],
  ['image', 'list'],
  ['image', 'show', 'el9'],
  ['image', 'set', 'el9', 'tree_url=http://192.0.2.1/el9'],
  ['site', 'list'],
  ['site', 'list', '--json'],
  ['site', 'show', 'timezone'],
  ['site', 'show', 'root_password_hash'],
  ['site', 'show', 'none'],
  ['site', 'set', 'timezone=Europe/Paris', 'ntp=["192.0.2.9"]'],
  ['site', 'set', 'timezone='],
  ['site', 'rm', 'ntp'],
  ['site', 'rm', 'ntp'],
  ['explain', 'web'],
  ['explain', 'web', '--arch', 'uefi-x64', '--stage', 'ipxe', '--text'],
  ['explain', '00:00:5e:00:53:99', '--json'],
  ['explain', 'web', '--at', '3'],
  ['explain', 'web', '--at', 'yesterday'],
  ['explain', 'nobody'],
  ['show', 'web'],
  ['show', 'acas0001', '--json'],
  ['show', 'web', 'kickstart'],
  ['show', 'web', 'kickstart', '--json'],
  ['show', 'web', 'nothing'],
  ['show', 'acas0001', 'xen/acas0002'],
  ['timeline', 'acas0003', '--console'],
  ['timeline', 'acas0003', '--console', '--json'],
  ['timeline', 'acas0003'],
  ['watch', 'acas0001', 'acas0003', '--timeout', '1'],
  ['install', 'web', '--dry-run'],
  ['install', 'acas0001', 'web', '--hours', '2'],
  ['install', 'acas0001', '--json', '--dry-run', '--with-guests'],
  ['install', '--where', 'profile=nobody'],
  ['install', 'nobody'],
  ['show', 'web', 'pxelinux'],
  ['machine', 'disarm', 'acas0001'],
  ['machine', 'rescue', 'acas000[2-3]', '--json'],
  ['machine', 'hold', '--where', 'profile=nobody'],
  ['profile', 'set', 'base', 'image='],
  ['install', 'acas0001', 'web'],
  ['install', 'acas0001', '--json'],
  ['profile', 'set', 'base', 'image=el9'],
  ['machine', 'list'],
  ['timeline', 'web'],
  ['timeline', 'web', '--json'],
  ['timeline', 'acas0001', '--limit', '3'],
  ['timeline', 'acas0001', '--json', '--guests'],
  ['timeline', 'acas0003'],
  ['timeline', 'nobody'],
  ['timeline', 'acas0003', '--console'],
  ['timeline', 'web', '--console'],
  ['watch', 'acas0001', '--timeout', '1', '--json'],
  ['watch', 'acas0003', '--timeout', '1'],
  ['watch', '--where', 'profile=nobody'],
  ['seen'],
  ['seen', '--json'],
  ['log'],
  ['log', '--machine', 'web', '--json'],
  ['log', '--limit', '2'],
  ['diff', '1'],
  ['diff', '1', 'now', '--json'],
  ['diff', '999999'],
  ['revert', '20', '--dry-run'],
  ['revert', '20', '--json'],
  ['revert', '20'],
  ['revert', 'never'],
  ['import', 'more.yaml', '--dry-run'],
  ['import', 'more.yaml'],
  ['import', 'machines.csv', '--json'],
  ['import', 'more.yaml', 'networks.csv'],
  ['import', 'bad.yaml'],
  ['import', 'missing.yaml'],
  ['import', 'odd.csv'],
  ['import', 'broken.yaml'],
  ['import', 'broken.yaml', '--force'],
  ['import', 'armed.yaml'],
  ['export'],
  ['export', '--format', 'csv', '--table', 'machines'],
  ['export', '--format', 'csv', '--table', 'images'],
  ['export', '--table', 'interfaces'],
  ['export', '--format', 'csv'],
  ['export', '--out', 'out/farm.yaml'],
  ['export', '--format', 'csv', '--out', 'out'],
  ['generate', '--check'],
  ['generate', '--diff'],
  ['generate'],
  ['generate', 'tftpboot', '--json'],
  ['machine', 'set', 'web', 'boot=local'],
  ['generate', '--diff', '--json'],
  ['generate', '--no-check', '--no-reload'],
  ['generate', '--adopt', 'nothing'],
  ['rollback', '--list'],
  ['rollback', '--list', '--json'],
  ['rollback', '--to', '77'],
  ['rollback', '--no-reload', '--json'],
  ['user', 'list'],
  ['user', 'list', '--json'],
  ['user', 'rm', 'nobody'],
  ['user', 'rm', 'viewer'],
  ['token', 'list', '--user', 'operator', '--json'],
  ['token', 'rm', 'operator/none'],
  ['token', 'rm', 'operator/far'],
  ['token', 'rm', 'far'],
  ['machine', 'frobnicate'],
]

/** After somebody's SQL has left rows that can't be read. */
const spoiledLines: readonly (readonly string[])[] = [
  ['machine', 'list'],
  ['machine', 'show', 'odd'],
  ['machine', 'set', 'odd*', 'notes=x'],
  ['profile', 'list'],
  ['profile', 'show', 'odd'],
  ['check'],
  ['check', 'odd'],
  ['export'],
  ['profile', 'set', 'odd', 'arch=x86_64'],
  ['machine', 'set', 'odd', 'vcpus=2'],
  ['machine', 'set', 'odd', 'vcpus=2', '--force'],
  ['machine', 'rm', 'odd', '--yes'],
  ['machine', 'list'],
]

const files: Readonly<Record<string, string>> = {
  'more.yaml':
    'machines: { api01: { profile: base, disk: sda, params: { rack: r1 }, interfaces: { eth0: { mac: 00:00:5e:00:53:71, ip: 192.0.2.71, network: farm } } } }\nsite: { timezone: Etc/UTC }\n',
  'machines.csv': 'hostname,profile,notes\napi01,base,from a table\napi02,base,another\n',
  'networks.csv': 'name,cidr\nlab,198.51.100.0/24\n',
  'bad.yaml': 'machines: { api03: { profile: base, vcpus: many, colour: red } }\nprofiles: 3\n',
  'odd.csv': 'one,two\n1,2\n',
  'broken.yaml': 'machines: { api01: { profile: gone } }\n',
  'armed.yaml': 'machines: { api02: { profile: base, boot: install } }\n',
}

async function report(store: Store): Promise<void> {
  const told = { at: '2096-11-23T12:00:01.000Z', door: 'dom0', peer: null, progress: 40, detail: 'packages' }
  await recordEvents(store, [
    { ...told, machine: 'acas0003', stage: 'armed', progress: null, detail: null },
    { ...told, machine: 'acas0003', stage: 'installing' },
  ])
  await recordConsoles(store, [{ machine: 'acas0003', at: told.at, tail: 'one\n\ntwo\n' }])
}

async function spoil({ db }: Store): Promise<void> {
  await sql`INSERT INTO profiles (name, family, arch) VALUES ('odd', 'el', 'z80')`.execute(db)
  await sql`INSERT INTO machines (hostname, profile, vcpus) VALUES ('odd', 'base', 'many')`.execute(db)
}

async function onStore(folder: string, work: (store: Store) => Promise<void>): Promise<void> {
  const store = openStore(`sqlite:${join(folder, 'state/inventory.sqlite')}`)
  await work(store)
  await closeStore(store)
}

const stranger = {
  ...{ mac: '00:00:5e:00:53:78', machine: null, why: 'no machine has this MAC', vendorClass: 'PXEClient' },
  ...{ architecture: 0, uuid: null, via: 'eth0', firstAt: '2096-11-23T11:00:00.000Z' },
  ...{ lastAt: '2096-11-23T11:00:04.000Z', count: 3 },
}

describe('every command that works over the API', () => {
  test('prints the same, and ends with the same exit code, as on the database', async (t) => {
    requireHostFiles([{ file: 'grub-script-check', debian: 'grub-common' }])
    const near = await openUsedFarm(t, prepare)
    const far = await openRemoteFarm(t, { prepare })
    assert.deepEqual(
      alike(await far.run(['seen']), far.cli.folder),
      alike(await near.cli.run(['seen']), near.cli.folder),
      'before anybody was listed',
    )
    for (const { folder } of [near.cli, far.cli]) {
      for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
      mkdirSync(join(folder, 'out'))
      await writeSeen(join(folder, 'state'), [stranger])
      await onStore(folder, report)
    }
    const clock = (): Readonly<{ now: () => number; wait: (ms: number) => Promise<void> }> => {
      let now = Date.parse('2096-11-23T12:00:00.000Z')
      return { now: () => now, wait: (ms) => Promise.resolve(void (now += ms)) }
    }
    const compare = async (words: readonly string[]): Promise<void> => {
      const [here, there] = [await near.cli.run(words, clock()), await far.run(words, 'admin', clock())]
      assert.deepEqual(alike(there, far.cli.folder), alike(here, near.cli.folder), words.join(' '))
    }
    for (const words of lines) await compare(words)
    for (const { folder } of [near.cli, far.cli]) await onStore(folder, spoil)
    for (const words of spoiledLines) await compare(words)
  })
})
