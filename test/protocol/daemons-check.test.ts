// The daemons' own checkers on complete configurations around ours, and whose lines they complain about.
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { before, describe, test } from 'node:test'
import type { TestContext } from 'node:test'
import { loadTemplates, knownTemplates } from '../../server/cli/templates.ts'
import type { Snapshot } from '../../server/inventory/snapshot.ts'
import { checkFiles, checkers, machinesNamed } from '../../server/render/daemons/check.ts'
import type { SiteMain } from '../../server/render/daemons/check.ts'
import type { DiskFile, LeftOut } from '../../server/render/files.ts'
import type { DaemonName } from '../../server/render/targets.ts'
import { daemonNames, openTarget, renderTarget } from '../../server/render/targets.ts'
import { templateEngine } from '../../server/render/templates.ts'
import { blameLines, commandCheck } from '../../server/serve/disk/check.ts'
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

/** A generation as the publisher stages it, and where its check may write. */
function stage(
  t: TestContext,
  daemon: DaemonName,
  snapshot: Snapshot,
  edit: (text: string) => string = (text) => text,
) {
  const generation = temporaryFolder(t)
  const staged = openTarget(contextOf(snapshot, generation), daemon)
  const files = { ...staged, render: (path: string) => staged.render(path).map((file) => edited(file, edit)) }
  for (const file of renderTarget(files)) {
    if (file.kind !== 'text') continue
    mkdirSync(join(generation, dirname(file.path)), { recursive: true })
    writeFileSync(join(generation, file.path), file.sections.map(({ text }) => text).join(''))
  }
  return { generation, scratch: join(temporaryFolder(t), 'scratch'), files }
}

const edited = (file: DiskFile | LeftOut, edit: (text: string) => string): DiskFile | LeftOut =>
  file.kind === 'text'
    ? { ...file, sections: file.sections.map(({ machine, text }) => ({ machine, text: edit(text) })) }
    : file

function check(
  daemon: DaemonName,
  { generation, scratch, files }: ReturnType<typeof stage>,
  main: SiteMain | null = null,
) {
  const command = { ...checkers[daemon], timeoutMs: 60_000 }
  return commandCheck(command, (_, folder) => checkFiles(daemon, files, folder, main))(generation, scratch)
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
        const blamed = blameLines(verdict.output, staged.generation, staged.scratch, (path) => {
          const [file] = staged.files.render(path)
          if (file?.kind !== 'text') return null
          return JSON.stringify(file.sections.map(({ machine, text }) => [machine, Buffer.byteLength(text)]))
        })
        const machines = new Set(blamed.flatMap(({ machine }) => machine ?? [])) // the line that includes it is nobody's
        assert.deepEqual([...machines], ['node2'], verdict.output)
      })

      test('is given the site’s own configuration with the files that are about to be published', async (t) => {
        const published = '/nonexistent/current'
        const site = (more: string): SiteMain => ({ published, text: `${checkers[daemon].main(published)}${more}` })
        assert.deepEqual(await check(daemon, stage(t, daemon, farm), site('')), { ok: true })
        assert.equal((await check(daemon, stage(t, daemon, farm), site('no such statement;\n'))).ok, false)
      })
    })

  test('Kea names no place for an address that the site reserved too, but the machine is found by it', async (t) => {
    const folder = '/nonexistent/current'
    const own = '{ "hw-address": "00:00:5e:00:53:99", "ip-address": "10.8.3.4" },'
    const text = checkers.kea.main(folder).replace('"reservations": [', `"reservations": [ ${own}`)
    const verdict = await check('kea', stage(t, 'kea', farm), { text, published: folder })
    assert.ok(!verdict.ok)
    assert.deepEqual(machinesNamed(farm, verdict.output), ['subnet'])
  })
})
