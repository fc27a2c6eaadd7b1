// What is generated of what has changed is, byte for byte, what would be generated of everything.
import assert from 'node:assert/strict'
import {
  appendFileSync,
  existsSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { TestContext } from 'node:test'
import fc from 'fast-check'
import { knownTemplates, loadTemplates } from '../../../server/cli/templates.ts'
import type { RowChange, Snapshot } from '../../../server/inventory/snapshot.ts'
import { changeSnapshot } from '../../../server/inventory/snapshot.ts'
import type { Past } from '../../../server/inventory/store/history.ts'
import { derivedMac } from '../../../server/inventory/xen-mac.ts'
import type { TargetName } from '../../../server/render/targets.ts'
import { openTarget, renderTarget, targetNames } from '../../../server/render/targets.ts'
import { templateEngine } from '../../../server/render/templates.ts'
import { rollBack } from '../../../server/serve/disk/rollback.ts'
import type { GenerateOptions, Generated, Picture, Place } from '../../../server/serve/generate.ts'
import { compareTarget, diskTarget, generate, publishedFolder } from '../../../server/serve/generate.ts'
import { address, snapshotOf, temporaryFolder } from '../../fixtures.ts'

const sources = loadTemplates(null)
const engine = templateEngine(sources)

const picture = (snapshot: Snapshot, now = 0, changed: Partial<Picture> = {}): Picture => ({
  snapshot,
  inventory: 'sqlite:test',
  server: { advertise: null, addresses: [address('192.0.2.1')], httpPort: 8080 },
  known: knownTemplates(sources),
  now,
  engine,
  loaders: [],
  imagesFolder: '/nonexistent',
  ...changed,
})

const placeAt = (folder: string): Place => ({
  folder,
  main: null,
  check: false,
  reload: null,
  restart: null,
  controlSocket: null,
})

const options = (past: Past | null, more: Partial<GenerateOptions> = {}): GenerateOptions => ({
  past: () => Promise.resolve(past),
  verify: false,
  isTold: false,
  ...more,
})

type Texts = ReadonlyMap<string, string>

/** What lies in the target's folder, but for what Bootstead keeps for itself. */
function published(target: TargetName, place: Place): Texts {
  const base = publishedFolder(target, place)
  const files = readdirSync(base, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !path.includes('/.bootstead/'))
  return new Map(files.map((path) => [path.slice(base.length + 1), readFileSync(path, 'utf8')] as const).toSorted())
}

/** What a folder would hold that was generated into for the first time. */
function whole(target: TargetName, place: Place, now: Picture): Texts {
  const files = openTarget({ ...now, folder: publishedFolder(target, place) }, target)
  const texts = [...renderTarget(files)].flatMap((file) =>
    file.kind === 'text' ? [[file.path, file.sections.map(({ text }) => text).join('')] as const] : [],
  )
  return new Map(texts.toSorted())
}

const put = (table: RowChange['table'], key: string, raw: Readonly<Record<string, unknown>>): RowChange => ({
  table,
  key,
  raw,
})
const gone = (table: RowChange['table'], key: string): RowChange => ({ table, key, raw: null })

/** Hosts of one network, as many as a share is for: one more, and there are two shares. */
const crowd = Array.from({ length: 128 }, (_, index): readonly RowChange[] => [
  put('machines', `c${index}`, { hostname: `c${index}`, profile: 'base' }),
  put('interfaces', `c${index}/eth0`, {
    machine: `c${index}`,
    name: 'eth0',
    mac: `02:00:00:00:00:${index.toString(16).padStart(2, '0')}`,
    ip: `198.51.100.${index + 1}`,
    network: 'big',
  }),
]).flat()

/** The clock is in milliseconds, and begins with 0. */
const token = (machine: string, id: string, expiresAt: number, used: boolean): RowChange =>
  put('tokens', `${machine}/${id}`, {
    id,
    machine,
    purpose: 'install',
    secret: `secret-${id}`,
    created_at: '1970-01-01T00:00:00.000Z',
    expires_at: new Date(expiresAt).toISOString(),
    used_at: used ? '1970-01-01T00:00:01.000Z' : null,
  })

const farm = changeSnapshot(
  snapshotOf(`
site: { timezone: Etc/UTC, domain: example.org }
networks:
  farm: { cidr: 192.0.2.0/24, gateway: 192.0.2.254 }
  big: { cidr: 198.51.100.0/24 }
images: { el9: { arch: x86_64, kernel: vmlinuz, initrd: initrd.img } }
profiles:
  base: { family: el, version: "9", template: el9.ks, image: el9 }
  xen: { parent: base, hypervisor: xen }
machines:
  d1: { profile: xen, vcpus: 8, memory_mib: 8192, disk: sda, interfaces: { eth0: { mac: 00:00:5e:00:53:01, ip: 192.0.2.11, network: farm, bridge: xenbr0 } } }
  g1: { profile: base, dom0: d1, vdisk: /dev/sda5, memory_mib: 2048, interfaces: { eth0: { ip: 192.0.2.12, network: farm } } }
  m1: { profile: base, disk: sda, boot: install, interfaces: { eth0: { mac: 00:00:5e:00:53:02, ip: 192.0.2.14, network: farm }, eth1: { mac: 00:00:5e:00:53:03, ip: 198.51.100.201, network: big } } }
  m2: { profile: base, disk: sda, interfaces: { eth0: { mac: 00:00:5e:00:53:04 } } }
`),
  [...crowd.slice(0, -2), token('m1', 't1', 30, false)],
  1,
)

const host = fc.constantFrom('d1', 'g1', 'm1', 'm2', 'c3', 'new')
const change: fc.Arbitrary<RowChange> = fc.oneof(
  fc
    .record({
      hostname: host,
      profile: fc.constantFrom('base', 'xen', 'none'),
      dom0: fc.constantFrom('d1', 'm1', null),
      vdisk: fc.constantFrom('/dev/sda5', null),
      memory_mib: fc.constantFrom(2048, 'unreadable'),
      boot: fc.constantFrom('local', 'rescue', 'hold', 'install'),
      params: fc.constantFrom({}, { loader: 'ipxe' }, { dhcp_lease_seconds: 600 }),
    })
    .map((row) => put('machines', row.hostname, { disk: 'sda', ...row })),
  fc
    .record({
      machine: host,
      name: fc.constantFrom('eth0', 'eth1'),
      mac: fc.constantFrom('00:00:5e:00:53:01', '00:00:5e:00:53:09', derivedMac('g1', 'eth0'), null),
      ip: fc.constantFrom('192.0.2.12', '192.0.2.99', '198.51.100.202', '203.0.113.5', 'bad', null),
      network: fc.constantFrom('farm', 'big', 'more', null),
      boot: fc.boolean(),
    })
    .map((row) => put('interfaces', `${row.machine}/${row.name}`, row)),
  host.map((key) => gone('machines', key)),
  fc.tuple(host, fc.constantFrom('eth0', 'eth1')).map(([machine, nic]) => gone('interfaces', `${machine}/${nic}`)),
  fc.constantFrom(...crowd),
  fc.constantFrom(...crowd.slice(-2)),
  fc.constantFrom('big', 'more').map((key) => gone('networks', key)),
  fc
    .record({
      name: fc.constantFrom('farm', 'big', 'more'),
      cidr: fc.constantFrom('192.0.2.0/24', '198.51.100.0/24', '203.0.113.0/24', 'bad'),
      relay: fc.constantFrom('192.0.2.2', '203.0.113.9', null),
      next_server: fc.constantFrom('192.0.2.7', null),
    })
    .map((row) => put('networks', row.name, row)),
  fc
    .record({ name: fc.constantFrom('base', 'xen', 'other'), parent: fc.constantFrom('base', 'other', null) })
    .map((row) => put('profiles', row.name, { family: 'el', version: '9', template: 'el9.ks', image: 'el9', ...row })),
  fc
    .constantFrom('vmlinuz', 'other')
    .map((kernel) => put('images', 'el9', { name: 'el9', arch: 'x86_64', kernel, initrd: 'initrd.img' })),
  fc
    .constantFrom('"a.example.org"', '"b.example.org"')
    .map((value) => put('site', 'domain', { name: 'domain', value })),
  fc
    .constantFrom('true', '["farm"]')
    .map((value) => put('site', 'declared_subnets', { name: 'declared_subnets', value })),
  fc
    .tuple(host, fc.constantFrom('t1', 't2'), fc.nat(100), fc.boolean())
    .map(([machine, id, expiresAt, used]) => token(machine, id, expiresAt, used)),
  fc.tuple(host, fc.constantFrom('t1', 't2')).map(([machine, id]) => gone('tokens', `${machine}/${id}`)),
)

const step = fc.record({
  rows: fc.array(change, { maxLength: 4 }),
  passes: fc.nat(40),
  verify: fc.boolean(),
})

describe('of any changes of any rows, and any time', () => {
  for (const target of targetNames)
    test(`${target}: what is rendered again leaves the folder that rendering everything gives`, async (t) => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 4 }), async (steps) => {
          const folder = temporaryFolder(t)
          const place = placeAt(folder)
          let held = { snapshot: farm, now: 0 }
          await generate(target, place, picture(farm), options(null))
          for (const { rows, passes, verify } of steps) {
            const revision = held.snapshot.revision + rows.length
            const next = { snapshot: changeSnapshot(held.snapshot, rows, revision), now: held.now + passes }
            const now = picture(next.snapshot, next.now)
            const past = { snapshot: held.snapshot, rows }
            const { publication } = await generate(target, place, now, options(past, { verify }))
            assert.deepEqual(publication.conflicts, [])
            assert.deepEqual(published(target, place), whole(target, place, now))
            held = next
          }
          rmSync(folder, { recursive: true })
        }),
        { numRuns: 25 },
      )
    })
})

const moved = (ip: string): RowChange =>
  put('interfaces', 'm1/eth0', { machine: 'm1', name: 'eth0', mac: '00:00:5e:00:53:02', ip, network: 'farm' })

/** Generated into once. */
async function begun(t: TestContext, target: TargetName, more: Partial<Place> = {}) {
  const place = { ...placeAt(join(temporaryFolder(t), 'out')), ...more }
  await generate(target, place, picture(farm), options(null))
  const again = (now: Picture, past: Past | null, more: Partial<GenerateOptions> = {}): Promise<Generated> =>
    generate(target, place, now, options(past, more))
  return { place, again, base: publishedFolder(target, place) }
}

const unchanged: Past = { snapshot: farm, rows: [] }

const whatOf = ({ publication }: Generated) => publication.conflicts.map(({ path, what }) => `${path} ${what}`)

for (const target of targetNames)
  describe(target, () => {
    test('nothing has changed: nothing is rendered, and no file is written, not the manifest either', async (t) => {
      const { place, again } = await begun(t, target)
      const manifest = join(place.folder, '.bootstead/manifest.db')
      const before = statSync(manifest)
      for (const verify of [false, true]) {
        const { publication, rendered, files, basis } = await again(picture(farm, 20), unchanged, { verify })
        assert.equal(publication.kind, 'unchanged')
        assert.deepEqual([rendered, files], [0, whole(target, place, picture(farm)).size])
        assert.deepEqual(basis, { revision: 1, missing: [], at: 0 })
      }
      const after = statSync(manifest)
      assert.deepEqual([after.ino, after.mtimeMs], [before.ino, before.mtimeMs])
    })

    test('one machine has changed: its own files are rendered and written', async (t) => {
      const { place, again } = await begun(t, target)
      const next = changeSnapshot(farm, [moved('192.0.2.77')], 2)
      const { publication, rendered, files, basis } = await again(picture(next, 5), {
        snapshot: farm,
        rows: [moved('')],
      })
      assert.ok(rendered > 0 && rendered <= 4 && rendered < files, `${rendered} of ${files}`)
      assert.deepEqual(basis, { revision: 2, missing: [], at: 5 })
      assert.equal(publication.kind, 'published')
      assert.deepEqual(published(target, place), whole(target, place, picture(next)))
    })

    test('a comparison renders as little, and says what would be written', async (t) => {
      const { place } = await begun(t, target)
      const hold = put('machines', 'm1', { hostname: 'm1', profile: 'base', disk: 'sda', boot: 'hold' })
      const next = changeSnapshot(farm, [hold, moved('192.0.2.77')], 2)
      const paths: string[] = []
      const { rendered, written, removed, files } = await compareTarget(target, place, picture(next), {
        ...options({ snapshot: farm, rows: [hold, moved('')] }),
        onChange: ({ path }) => void paths.push(path),
      })
      assert.ok(rendered < files)
      assert.deepEqual([paths.length, removed], [written, 0])
      assert.ok(written > 0)
    })

    test('a file that was edited is reported until somebody settles it, though its machines stay the same', async (t) => {
      const { place, again, base } = await begun(t, target)
      const path = [...published(target, place).keys()].find((one) => /hosts|reservations|pxelinux/.test(one)) ?? ''
      const bytes = readFileSync(join(base, path))
      appendFileSync(join(base, path), '# by hand\n')
      assert.deepEqual(whatOf(await again(picture(farm), unchanged)), [], 'nobody looked')
      assert.deepEqual(whatOf(await again(picture(farm), unchanged, { verify: true })), [`${path} edited`])
      for (const verify of [false, true, false])
        assert.deepEqual(whatOf(await again(picture(farm), unchanged, { verify })), [`${path} edited`])
      writeFileSync(join(base, path), bytes)
      assert.deepEqual(whatOf(await again(picture(farm), unchanged)), [])
      assert.equal((await again(picture(farm), unchanged)).rendered, 0, 'it is settled')

      appendFileSync(join(base, path), '# by hand\n')
      const adopted = await again(picture(farm), unchanged, { adopt: new Set([path]) })
      assert.deepEqual([adopted.publication.kind, adopted.rendered], ['published', 1])
      assert.deepEqual(readFileSync(join(base, path)), bytes)
    })

    test('a file that vanished, or was only touched, is seen when every file is looked at', async (t) => {
      const { place, again, base } = await begun(t, target)
      const [first = '', second = ''] = [...published(target, place).keys()]
      rmSync(join(base, first))
      utimesSync(join(base, second), 1, 1)
      const before = statSync(join(base, second))
      assert.equal((await again(picture(farm), unchanged)).publication.kind, 'unchanged')
      assert.ok(!existsSync(join(base, first)))
      const { publication, rendered } = await again(picture(farm), unchanged, { verify: true })
      assert.deepEqual([publication.kind === 'published' && publication.written, rendered], [1, 2])
      assert.deepEqual(published(target, place), whole(target, place, picture(farm)))
      assert.deepEqual(statSync(join(base, second)).mtimeMs, before.mtimeMs)
      assert.equal((await again(picture(farm), unchanged, { verify: true })).rendered, 0)
    })

    test('after a rollback everything is rendered', async (t) => {
      const { place, again } = await begun(t, target)
      const hold = put('machines', 'm1', { hostname: 'm1', profile: 'base', disk: 'sda', boot: 'hold' })
      const rows = [hold, moved('192.0.2.77')]
      const next = changeSnapshot(farm, rows, 2)
      await again(picture(next), { snapshot: farm, rows })
      await rollBack(diskTarget(target, place), null, { now: new Date(0) })
      assert.deepEqual(published(target, place), whole(target, place, picture(farm)))
      const { rendered, files } = await again(picture(next), { snapshot: next, rows: [] })
      assert.equal(rendered, files)
      assert.deepEqual(published(target, place), whole(target, place, picture(next)))
    })

    test('when anything else has changed that files are rendered from, everything is', async (t) => {
      const { place, again } = await begun(t, target)
      const server = { advertise: null, addresses: [address('192.0.2.2')], httpPort: 80 }
      const others: readonly Partial<Picture>[] = [
        { server },
        { engine: templateEngine(new Map([...sources, ['site/pxe/menu.ipxe', '#!ipxe\n']])) },
        { known: { templates: new Set(['other.ks', 'el9.ks']) } },
        { imagesFolder: '/elsewhere' },
        { inventory: 'sqlite:other' },
      ]
      for (const changed of others) {
        const now = picture(farm, 0, changed)
        const { rendered, files } = await again(now, unchanged)
        assert.equal(rendered, files, Object.keys(changed).join())
        assert.equal((await again(now, unchanged)).rendered, 0)
        assert.deepEqual(published(target, place), whole(target, place, now))
      }
      const { rendered, files } = await again(picture(farm, 0, others.at(-1)), null)
      assert.equal(rendered, files, 'the history does not tell what has changed')
    })
  })

test('what was published as a folder and is gone altogether is published again, whatever has changed', async (t) => {
  const { place, again } = await begun(t, 'kea')
  rmSync(join(place.folder, 'generations'), { recursive: true })
  const next = changeSnapshot(farm, [moved('192.0.2.77')], 2)
  await again(picture(next), { snapshot: farm, rows: [moved('')] })
  assert.deepEqual(published('kea', place), whole('kea', place, picture(next)))
})

test('what a checker refused is rendered again with the next publication', async (t) => {
  const main = join(temporaryFolder(t), 'dnsmasq.conf')
  const { place, again, base } = await begun(t, 'dnsmasq', { main, check: false })
  writeFileSync(main, `port=0\nconf-file=${base}/bootstead.conf\nno-such-option\n`)
  const checked = { ...place, check: true }
  const [one, two] = [moved('192.0.2.77'), put('machines', 'c3', { hostname: 'c3', profile: 'base', boot: 'hold' })]
  const next = changeSnapshot(farm, [one], 2)
  const refused = await generate('dnsmasq', checked, picture(next), options({ snapshot: farm, rows: [one] }))
  assert.equal(refused.publication.kind, 'refused')
  assert.deepEqual(published('dnsmasq', place), whole('dnsmasq', place, picture(farm)))
  writeFileSync(main, `port=0\nconf-file=${base}/bootstead.conf\n`)
  const later = changeSnapshot(next, [two], 3)
  const asked: number[] = []
  await generate('dnsmasq', checked, picture(later), {
    ...options(null),
    past: ({ revision }) => {
      asked.push(revision)
      return Promise.resolve({ snapshot: farm, rows: [one, two] })
    },
  })
  assert.deepEqual(asked, [1], 'what is in force was made from the first picture')
  assert.deepEqual(published('dnsmasq', place), whole('dnsmasq', place, picture(later)))
  assert.equal((await again(picture(later), { snapshot: later, rows: [] })).rendered, 0)
})

test('two machines with one MAC have one menu, and the other is told why it has none', async (t) => {
  const place = placeAt(temporaryFolder(t))
  const mac = derivedMac('g1', 'eth0')
  const twin = put('interfaces', 'm2/eth0', { machine: 'm2', name: 'eth0', mac })
  const { publication, leftOut } = await generate(
    'tftpboot',
    place,
    picture(changeSnapshot(farm, [twin], 2)),
    options(null),
  )
  assert.equal(publication.kind, 'published')
  assert.match(leftOut.find(({ machine }) => machine === 'm2')?.why ?? '', /withheld: .*g1\/eth0 has the same MAC/)
})

test('a machine that comes to be in no file is told with the change that makes it so', async (t) => {
  const { again } = await begun(t, 'isc')
  const bare = put('interfaces', 'm2/eth0', { machine: 'm2', name: 'eth0', mac: '00:00:5e:00:53:07' })
  const { leftOut } = await again(picture(changeSnapshot(farm, [bare], 2)), { snapshot: farm, rows: [bare] })
  assert.deepEqual(leftOut, [{ kind: 'left-out', machine: 'm2', why: 'none of its interfaces has an address' }])
})
