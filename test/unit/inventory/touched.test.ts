import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { RowChange, Snapshot } from '../../../server/inventory/snapshot.ts'
import { changeSnapshot } from '../../../server/inventory/snapshot.ts'
import { machinesTouched } from '../../../server/inventory/touched.ts'
import { derivedMac } from '../../../server/inventory/xen-mac.ts'
import { artefactsOf } from '../../../server/render/catalogue.ts'
import { templateEngine } from '../../../server/render/templates.ts'
import { knownTemplates, loadTemplates } from '../../../server/cli/templates.ts'
import { planBoot } from '../../../server/plan/boot.ts'
import { server } from '../render/farm.ts'
import { snapshotOf } from '../../fixtures.ts'

const farm = snapshotOf(`
site: { timezone: Etc/UTC, domain: example.org }
networks: { farm: { cidr: 192.0.2.0/24, gateway: 192.0.2.254 }, store: { cidr: 198.51.100.0/24 } }
images: { el9: { arch: x86_64, kernel: vmlinuz, initrd: initrd.img }, el6: { arch: x86_64, kernel: vmlinuz, initrd: initrd.img } }
profiles:
  base: { family: el, version: "9", template: el9.ks, image: el9 }
  old: { parent: base, version: "6", template: el6.ks, image: el6 }
  xen: { parent: base, hypervisor: xen }
machines:
  d1: { profile: xen, vcpus: 8, memory_mib: 8192, disk: sda, boot: rescue, interfaces: { eth0: { mac: 00:00:5e:00:53:01, ip: 192.0.2.11, network: farm, bridge: xenbr0 } } }
  g1: { profile: base, dom0: d1, vdisk: /dev/sda5, memory_mib: 2048, cpus: 2-3, interfaces: { eth0: { ip: 192.0.2.12, network: farm } } }
  g2: { profile: old, dom0: d1, vdisk: /dev/sda6, memory_mib: 2048, interfaces: { eth0: { ip: 192.0.2.13, network: farm } } }
  m1: { profile: old, disk: sda, boot: rescue, interfaces: { eth0: { mac: 00:00:5e:00:53:02, ip: 192.0.2.14, network: farm }, eth1: { ip: 198.51.100.1, network: store } } }
  m2: { profile: base, disk: sda, interfaces: { eth0: { mac: 00:00:5e:00:53:03, ip: 192.0.2.15, network: farm } } }
`)

const names = ['d1', 'g1', 'g2', 'm1', 'm2', 'new']
const templates = loadTemplates(null)
const known = knownTemplates(templates)
const engine = templateEngine(templates)

/** Everything a machine is served, and why; a machine that is served nothing has only the why. */
function served(snapshot: Snapshot, hostname: string): string {
  const context = { snapshot, server, known, now: 0, engine }
  const texts = artefactsOf(context, hostname).map(({ artefact, path }) => {
    const guest = /\/(?:xen|libvirt)\/([a-z0-9-]+?)(?:_install)?(?:\.xml)?$/.exec(path)?.[1] ?? null
    return [path, artefact.render(context, { artefact, hostname, guest })]
  })
  const { kind, why } = planBoot(context, hostname)
  return JSON.stringify([kind, why, ...texts])
}

const put = (table: RowChange['table'], key: string, raw: Readonly<Record<string, unknown>>): RowChange => ({
  table,
  key,
  raw,
})
const host = fc.constantFrom(...names)
const change: fc.Arbitrary<RowChange> = fc.oneof(
  fc
    .record({
      hostname: host,
      profile: fc.constantFrom('base', 'old', 'xen', 'none'),
      dom0: fc.constantFrom('d1', 'm1', null),
      vdisk: fc.constantFrom('/dev/sda5', '/dev/sda7', null),
      memory_mib: fc.constantFrom(2048, 6000, null, 'unreadable'),
      boot: fc.constantFrom('local', 'rescue', 'hold'),
    })
    .map((row) => put('machines', row.hostname, { disk: 'sda', ...row })),
  fc
    .record({
      machine: host,
      name: fc.constantFrom('eth0', 'eth1'),
      mac: fc.constantFrom('00:00:5e:00:53:01', '00:00:5e:00:53:09', derivedMac('g1', 'eth0'), null),
      ip: fc.constantFrom('192.0.2.12', '192.0.2.99', 'bad', null),
      network: fc.constantFrom('farm', 'store', null),
      bridge: fc.constantFrom('br7', null),
    })
    .map((row) => put('interfaces', `${row.machine}/${row.name}`, row)),
  host.map((key): RowChange => ({ table: 'machines', key, raw: null })),
  fc.constantFrom('192.0.2.0/25', '192.0.2.0/24', 'bad').map((cidr) => put('networks', 'farm', { name: 'farm', cidr })),
  fc
    .record({
      name: fc.constantFrom('base', 'old', 'xen'),
      parent: fc.constantFrom('base', 'old', null),
      guest_type: fc.constantFrom('pv', 'hvm', null),
      hypervisor: fc.constantFrom('xen', 'kvm', null),
    })
    .map((row) => put('profiles', row.name, { family: 'el', version: '9', template: 'el9.ks', image: 'el9', ...row })),
  fc
    .constantFrom('el9', 'el6')
    .map((name) => put('images', name, { name, arch: 'x86_64', kernel: 'other', initrd: 'initrd.img' })),
  fc
    .constantFrom('a.example.org', 'b.example.org')
    .map((value) => put('site', 'domain', { name: 'domain', value: JSON.stringify(value) })),
)

describe('machinesTouched', () => {
  test('no machine outside the set is answered otherwise after any change of rows', () => {
    fc.assert(
      fc.property(
        fc.array(change, { minLength: 1, maxLength: 3 }),
        fc.array(change, { maxLength: 4 }),
        (rows, earlier) => {
          const before = changeSnapshot(farm, earlier, 2)
          const after = changeSnapshot(before, rows, 3)
          const touched = machinesTouched(before, after, rows)
          for (const hostname of names)
            if (!touched.has(hostname)) assert.equal(served(after, hostname), served(before, hostname), hostname)
        },
      ),
      { numRuns: 200 },
    )
  })

  test('one machine touches its neighbours on the Dom0, and nobody else', () => {
    const row = put('machines', 'g1', { hostname: 'g1', profile: 'base', dom0: 'd1', memory_mib: 1024 })
    const touched = machinesTouched(farm, changeSnapshot(farm, [row], 2), [row])
    assert.deepEqual([...touched].sort(), ['d1', 'g1', 'g2'])
  })

  test('of a machine that says it is a guest and has guests all of them are touched', () => {
    const both = changeSnapshot(farm, [put('machines', 'd1', { hostname: 'd1', profile: 'base', dom0: 'm1' })], 2)
    assert.deepEqual([...machinesTouched(both, both, [{ table: 'interfaces', key: 'd1/eth0' }])].sort(), [
      'd1',
      'g1',
      'g2',
      'm1',
    ])
  })

  test('a network touches the machines on it, an image those that boot it, a site value everybody', () => {
    const touchedBy = (table: 'networks' | 'images' | 'site', key: string): readonly string[] =>
      [...machinesTouched(farm, farm, [{ table, key }])].sort()
    assert.deepEqual(touchedBy('networks', 'store'), ['m1'])
    assert.deepEqual(touchedBy('images', 'el6'), ['d1', 'g1', 'g2', 'm1'])
    assert.deepEqual(touchedBy('site', 'timezone'), ['d1', 'g1', 'g2', 'm1', 'm2'])
  })
})
