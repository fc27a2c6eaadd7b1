// The daemons' own checkers on complete configurations around ours, and whose lines they complain about.
import assert from 'node:assert/strict'
import { mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { before, describe, test } from 'node:test'
import type { TestContext } from 'node:test'
import { loadTemplates, knownTemplates } from '../../server/cli/templates.ts'
import type { Snapshot } from '../../server/inventory/snapshot.ts'
import { checkers, machinesNamed } from '../../server/render/daemons/check.ts'
import type { DaemonName } from '../../server/render/targets.ts'
import { daemonNames, openTarget, renderTarget } from '../../server/render/targets.ts'
import { templateEngine } from '../../server/render/templates.ts'
import { daemonCheck } from '../../server/serve/daemon-check.ts'
import type { CheckVerdict } from '../../server/serve/disk/check.ts'
import { blameLines } from '../../server/serve/disk/check.ts'
import { address, snapshotOf, temporaryFolder } from '../fixtures.ts'
import { requirePrograms } from './daemons-lab.ts'

const sources = loadTemplates(null)
const contextOf = (snapshot: Snapshot, folder: string) => ({
  snapshot,
  folder,
  server: { advertise: null, addresses: [address('192.0.2.1')], httpPort: 8080 },
  known: knownTemplates(sources),
  now: 0,
  engine: templateEngine(sources),
  loaders: [],
  imagesFolder: '/nonexistent',
})

/** A generation as the publisher stages it below its folder, with the sections of its files. */
function stage(
  t: TestContext,
  daemon: DaemonName,
  snapshot: Snapshot,
  edit: (text: string) => string = (text) => text,
) {
  const folder = temporaryFolder(t)
  const generation = join(folder, 'generations/1')
  mkdirSync(generation, { recursive: true })
  const sections = new Map<string, string>()
  for (const file of renderTarget(openTarget(contextOf(snapshot, join(folder, 'current')), daemon))) {
    if (file.kind !== 'text') continue
    const edited = file.sections.map(({ machine, text }) => ({ machine, text: edit(text) }))
    mkdirSync(join(generation, dirname(file.path)), { recursive: true })
    writeFileSync(join(generation, file.path), edited.map(({ text }) => text).join(''))
    sections.set(file.path, JSON.stringify(edited.map(({ machine, text }) => [machine, Buffer.byteLength(text)])))
  }
  return { folder, generation, scratch: join(folder, '.bootstead/check'), sections }
}
type Staged = ReturnType<typeof stage>

/** @param main the text of the site's own main file */
function check(daemon: DaemonName, staged: Staged, main: string | null = null): Promise<CheckVerdict> {
  const { folder, generation, scratch } = staged
  const file = join(folder, 'site.conf')
  if (main !== null) writeFileSync(file, main)
  const place = { folder, main: main === null ? null : file, check: true, reload: null, restart: null }
  return daemonCheck(daemon, { ...place, controlSocket: null })(generation, scratch)
}

const standIn = (daemon: DaemonName, { folder }: Staged): string => checkers[daemon].main(join(folder, 'current'))

function blamedMachines(output: string, { generation, scratch, sections }: Staged): readonly string[] {
  const blamed = blameLines(output, generation, scratch, (path) => sections.get(path) ?? null)
  return [...new Set(blamed.flatMap(({ machine }) => machine ?? []))] // the line that includes it is nobody's
}

const farm = snapshotOf(`
networks:
  farm: {cidr: 192.0.2.0/24, gateway: 192.0.2.254, dns: [192.0.2.1], ntp: [192.0.2.1], domain: farm.example.org}
  farm-again: {cidr: 192.0.2.0/24}
  within: {cidr: 192.0.2.128/25}
  far: {cidr: 10.7.0.0/16, relay: 203.0.113.9}
  farther: {cidr: 10.8.0.0/16, relay: 203.0.113.9}
  A+b_c.d-e: {cidr: 198.51.100.0/24, relay: 192.0.2.9, mtu: 9216}
  pair: {cidr: 10.9.0.0/31}
  one: {cidr: 10.9.1.1/32}
  empty: {cidr: 10.10.0.0/16}
profiles: {metal: {}}
machines:
  node1: {profile: metal, interfaces: {eth0: {mac: 00:00:5e:00:53:01, ip: 192.0.2.11, network: farm}, a.b_c-1: {mac: 00:00:5e:00:53:11, ip: 10.7.0.1, network: far}}}
  node2: {profile: metal, interfaces: {eth0: {mac: 00:00:5e:00:53:02, ip: 192.0.2.12, network: farm-again}}}
  host: {profile: metal, interfaces: {group.30: {mac: 00:00:5e:00:53:03, ip: 192.0.2.130, network: within}}}
  3com: {profile: metal, domain: 1.example.org, interfaces: {eth0: {mac: 00:00:5e:00:53:04, ip: 198.51.100.4, network: A+b_c.d-e}}}
  include: {profile: metal, params: {dhcp_lease_seconds: 4294967294}, interfaces: {eth0: {mac: 00:00:5e:00:53:05, ip: 10.9.0.0, network: pair}}}
  subnet: {profile: metal, params: {dhcp_lease_seconds: 60}, interfaces: {eth0: {mac: 00:00:5e:00:53:06, ip: 10.8.3.4, network: farther}}}
  alone: {profile: metal, interfaces: {eth0: {mac: 00:00:5e:00:53:07, ip: 10.9.1.1, network: one}}}
`)

describe('checkers of the daemons', () => {
  before(requirePrograms)

  for (const daemon of daemonNames)
    describe(daemon, () => {
      test('takes a farm with every odd name that a row may hold', async (t) => {
        assert.deepEqual(await check(daemon, stage(t, daemon, farm)), { ok: true })
      })

      test('takes an empty inventory', async (t) => {
        assert.deepEqual(await check(daemon, stage(t, daemon, snapshotOf('{}'))), { ok: true })
      })

      test('refuses a spoiled line, and the line is its machine’s', async (t) => {
        const staged = stage(t, daemon, farm, (text) => text.replace('00:00:5e:00:53:02', '00:00:5e:00:53:0x'))
        const verdict = await check(daemon, staged)
        assert.ok(!verdict.ok)
        assert.deepEqual(blamedMachines(verdict.output, staged), ['node2'], verdict.output)
      })

      test('is given the site’s own configuration with the files that are about to be published', async (t) => {
        const staged = stage(t, daemon, farm)
        assert.deepEqual(await check(daemon, staged, standIn(daemon, staged)), { ok: true })
        const again = stage(t, daemon, farm)
        const wrong = await check(daemon, again, `${standIn(daemon, again)}no such statement;\n`)
        assert.ok(!wrong.ok)
        assert.match(wrong.output, /site\.conf/, 'it is named as the site knows it')
      })

      test('reads the new generation and not the one that is published', async (t) => {
        const staged = stage(t, daemon, farm)
        const broken = stage(t, daemon, farm, (text) => `${text}no such statement;\n`)
        renameSync(broken.generation, join(staged.folder, 'generations/0'))
        symlinkSync('generations/0', join(staged.folder, 'current'))
        assert.deepEqual(await check(daemon, staged), { ok: true })
      })
    })

  test('Kea names no place for an address that the site reserved too, but the machine is found by it', async (t) => {
    const staged = stage(t, 'kea', farm)
    const own = '{ "hw-address": "00:00:5e:00:53:99", "ip-address": "10.8.3.4" },'
    const main = standIn('kea', staged).replace('"reservations": [', `"reservations": [ ${own}`)
    const verdict = await check('kea', staged, main)
    assert.ok(!verdict.ok)
    assert.deepEqual(machinesNamed(farm, verdict.output), ['subnet'])
  })

  test('dnsmasq reads many hosts in several runs: the last ones are not forgotten', async (t) => {
    const names = Array.from({ length: 9000 }, (_, index) => ({
      name: `node${index}`,
      octets: [index >>> 8, index & 255].map((octet) => octet.toString(16).padStart(2, '0')).join(':'),
      ip: `10.20.${index >>> 8}.${index & 255}`,
    }))
    const machines = names.map(
      ({ name, octets, ip }) =>
        `  ${name}: {profile: metal, interfaces: {eth0: {mac: 02:00:00:00:${octets}, ip: ${ip}, network: wide}}}`,
    )
    const wide = snapshotOf(
      `networks: {wide: {cidr: 10.20.0.0/16}}\nprofiles: {metal: {}}\nmachines:\n${machines.join('\n')}\n`,
    )
    assert.deepEqual(await check('dnsmasq', stage(t, 'dnsmasq', wide)), { ok: true })
    for (const { name, octets } of [names[1], names[4500], names[8999]].flatMap((one) => one ?? [])) {
      const staged = stage(t, 'dnsmasq', wide, (text) => text.replace(`02:00:00:00:${octets}`, 'no mac'))
      const verdict = await check('dnsmasq', staged)
      assert.ok(!verdict.ok, name)
      assert.deepEqual(blamedMachines(verdict.output, staged), [name])
    }
  })
})
