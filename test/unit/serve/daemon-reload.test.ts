// What each daemon is told after a publication, by which of the ways that a site named.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import type { TargetName } from '../../../server/render/targets.ts'
import { targetNames } from '../../../server/render/targets.ts'
import { reloadWay } from '../../../server/serve/daemon-reload.ts'
import type { Place } from '../../../server/serve/generate.ts'
import { KeaAway } from '../../../server/serve/kea-control.ts'
import { temporaryFolder } from '../../fixtures.ts'

const silent: Place = { folder: '/f', main: null, check: true, reload: null, restart: null, controlSocket: null }

/** What ran after these paths changed, with commands that write down their names. */
async function told(
  t: TestContext,
  target: TargetName,
  commands: readonly ('reload' | 'restart')[],
  changed: readonly string[],
): Promise<string> {
  const log = join(temporaryFolder(t), 'log')
  const argv = (name: 'reload' | 'restart') =>
    commands.includes(name) ? ['sh', '-c', `printf ${name} >> ${log}`] : null
  const way = reloadWay(target, { ...silent, reload: argv('reload'), restart: argv('restart') })
  const tell = way?.(changed) ?? null
  if (tell === null) return 'nothing'
  const { ok, how } = await tell()
  assert.ok(ok)
  assert.match(how, /^sh -c printf re(load|start) .*: exit status 0$/)
  return readFileSync(log, 'utf8')
}

test('nobody is told where no way is named', () => {
  for (const target of targetNames) assert.equal(reloadWay(target, silent), null)
})

test('dnsmasq reads hosts and options again by a reload, and its head by a restart', async (t) => {
  const both = ['reload', 'restart'] as const
  assert.equal(await told(t, 'dnsmasq', both, ['hosts/farm-0', 'options/farm-0']), 'reload')
  assert.equal(await told(t, 'dnsmasq', both, ['hosts/farm-0', 'bootstead.conf']), 'restart')
})

test('of two ways the one that is named does for both', async (t) => {
  assert.equal(await told(t, 'dnsmasq', ['reload'], ['bootstead.conf']), 'reload')
  assert.equal(await told(t, 'dnsmasq', ['restart'], ['hosts/farm-0']), 'restart')
  assert.equal(await told(t, 'isc', ['reload'], ['hosts/farm-0.conf']), 'reload')
})

test('a TFTP root has a reload for whatever changed in it: a cache may be in front of it', async (t) => {
  assert.equal(await told(t, 'tftpboot', ['reload'], ['pxelinux.cfg/01-00-00-5e-00-53-01']), 'reload')
})

test('nothing changed, nothing is told', async (t) => {
  for (const target of targetNames) assert.equal(await told(t, target, ['reload'], []), 'nothing')
})

test('Kea’s control socket is used before a command', async (t) => {
  const controlSocket = join(temporaryFolder(t), 'kea4-ctrl-socket')
  const way = reloadWay('kea', { ...silent, controlSocket, reload: ['true'] })
  const tell = way?.(['subnets.json'])
  assert.ok(tell)
  await assert.rejects(tell(), KeaAway)
})
