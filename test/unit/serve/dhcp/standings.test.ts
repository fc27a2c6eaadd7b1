import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import fc from 'fast-check'
import type { MacAddress } from '../../../../server/inventory/address.ts'
import type { RowChange, Snapshot } from '../../../../server/inventory/snapshot.ts'
import { changeSnapshot } from '../../../../server/inventory/snapshot.ts'
import type { PlanContext } from '../../../../server/plan/boot.ts'
import { standingByMac } from '../../../../server/plan/dhcp/asker.ts'
import { openStandings } from '../../../../server/serve/dhcp/standings.ts'
import { snapshotOf } from '../../../fixtures.ts'
import { host } from '../../plan/dhcp/asking.ts'

const farm = snapshotOf(`
networks: {n: {cidr: 192.0.2.0/24, gateway: 192.0.2.254}}
profiles: {p: {}, x: {hypervisor: xen}}
machines:
  a: {profile: p, interfaces: {eth0: {mac: 00:00:5e:00:53:01, ip: 192.0.2.11, network: n}}}
  b: {profile: p, interfaces: {eth0: {mac: 00:00:5e:00:53:02, ip: 192.0.2.12, network: n}}}
  dom0: {profile: x, memory_mib: 8192, interfaces: {eth0: {mac: 00:00:5e:00:53:03, ip: 192.0.2.13, network: n, bridge: br0}}}
  guest: {profile: p, dom0: dom0, vdisk: /dev/sdb1, memory_mib: 2048, interfaces: {eth0: {ip: 192.0.2.14, network: n}}}
  other: {profile: p, dom0: dom0, vdisk: /dev/sdb2, memory_mib: 2048, interfaces: {eth0: {mac: 00:00:5e:00:53:05, ip: 192.0.2.15, network: n}}}
`)
const known = { templates: new Set<string>() }
const macs = [...farm.byMac.keys(), '00:00:5e:00:53:02' as MacAddress, '00:00:5e:00:53:99' as MacAddress]

function opened(t: TestContext, snapshot: Snapshot = farm) {
  let context: PlanContext = { snapshot, server: host, known, now: 0 }
  const standings = openStandings(() => context)
  t.after(() => standings.close())
  return {
    find: (mac: string) => standings.find(mac as MacAddress),
    fresh: (mac: string) => standingByMac(context, mac as MacAddress),
    change: (rows: readonly RowChange[], isTold = true) => {
      context = { ...context, snapshot: changeSnapshot(context.snapshot, rows, context.snapshot.revision + 1) }
      if (isTold) standings.changed(rows.map(({ table, key }) => ({ table, key })))
    },
  }
}

const nic = (machine: string, mac: string | null, ip: string): RowChange => ({
  table: 'interfaces',
  key: `${machine}/eth0`,
  raw: { machine, name: 'eth0', mac, ip, network: 'n' },
})
const gone = (table: RowChange['table'], key: string): RowChange => ({ table, key, raw: null })
const guest = (vdisk: string, memory: number): RowChange => ({
  table: 'machines',
  key: 'guest',
  raw: { hostname: 'guest', profile: 'p', dom0: 'dom0', vdisk, memory_mib: memory },
})

/** Some of which spoil neighbours: the same address, the same disk, more memory than there is. */
const changes = fc.constantFrom<RowChange>(
  nic('a', '00:00:5e:00:53:01', '192.0.2.12'),
  nic('a', '00:00:5e:00:53:02', '192.0.2.11'),
  nic('a', '00:00:5e:00:53:99', '192.0.2.11'),
  nic('a', '00:00:5e:00:53:01', '192.0.2.11'),
  nic('guest', null, '192.0.2.15'),
  nic('guest', '00:00:5e:00:53:99', '192.0.2.14'),
  gone('interfaces', 'a/eth0'),
  gone('machines', 'b'),
  { table: 'machines', key: 'b', raw: { hostname: 'b', profile: 'nothing' } },
  { table: 'machines', key: 'b', raw: { hostname: 'b', profile: 'p', params: '{"dhcp_lease_seconds": 60}' } },
  guest('/dev/sdb1', 2048),
  guest('/dev/sdb2', 2048),
  guest('/dev/sdb1', 16_384),
  gone('machines', 'dom0'),
  { table: 'networks', key: 'n', raw: { name: 'n', cidr: '192.0.2.0/24', gateway: '192.0.2.253' } },
  gone('networks', 'n'),
  { table: 'site', key: 'domain', raw: { name: 'domain', value: '"example.org"' } },
)

describe('what interfaces are told, kept', () => {
  test('is what would be worked out anew, whatever rows change, told of or not', (t) => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ rows: fc.array(changes, { minLength: 1, maxLength: 3 }), isTold: fc.boolean() }), {
          maxLength: 8,
        }),
        (steps) => {
          const desk = opened(t)
          for (const { rows, isTold } of [{ rows: [], isTold: true }, ...steps]) {
            desk.change(rows, isTold)
            for (const mac of macs) assert.deepEqual(desk.find(mac), desk.fresh(mac))
          }
        },
      ),
      { numRuns: 300 },
    )
  })

  test('is the same object until a change touches its machine; a token touches none', (t) => {
    const desk = opened(t)
    const [a, b] = [desk.find('00:00:5e:00:53:01'), desk.find('00:00:5e:00:53:02')]
    desk.change([nic('a', '00:00:5e:00:53:01', '192.0.2.99')])
    assert.notEqual(desk.find('00:00:5e:00:53:01'), a)
    assert.equal(desk.find('00:00:5e:00:53:02'), b)
    desk.change([gone('tokens', 'b/1')])
    assert.equal(desk.find('00:00:5e:00:53:02'), b)
  })

  test('machines that are told alike share what they have in common', (t) => {
    const desk = opened(t)
    const [a, b] = [desk.find('00:00:5e:00:53:01'), desk.find('00:00:5e:00:53:02')]
    assert.ok(a !== null && b !== null && !('kind' in a) && !('kind' in b))
    assert.equal(a.common, b.common)
  })

  test('of a MAC that nobody has nothing is kept: it is looked for each time, and found when it comes', (t) => {
    const desk = opened(t)
    assert.equal(desk.find('00:00:5e:00:53:99'), null)
    desk.change([nic('a', '00:00:5e:00:53:99', '192.0.2.11')])
    assert.ok(desk.find('00:00:5e:00:53:99') !== null)
    assert.equal(desk.find('00:00:5e:00:53:01'), null)
  })

  test('all is worked out ahead, in pauses, so that the first to ask finds it', async (t) => {
    const rows = Array.from({ length: 300 }, (_, index): readonly RowChange[] => {
      const [machine, octet] = [`n${index}`, index.toString(16).padStart(4, '0').replace(/^(..)/, '$1:')]
      return [
        { table: 'machines', key: machine, raw: { hostname: machine, profile: 'p' } },
        nic(machine, `02:00:00:00:${octet}`, `198.51.100.${index % 250}`),
      ]
    })
    const snapshot = changeSnapshot(farm, rows.flat(), 2)
    const looked = new Set<string>()
    const get = (mac: MacAddress) => {
      looked.add(mac)
      return snapshot.byMac.get(mac)
    }
    const watched = { ...snapshot, byMac: { get, keys: () => snapshot.byMac.keys() } }
    const { find } = opened(t, watched as unknown as Snapshot)
    while (looked.size < snapshot.byMac.size) await new Promise((later) => setTimeout(later, 5))
    looked.clear()
    for (const mac of snapshot.byMac.keys()) assert.ok(find(mac) !== null)
    assert.equal(looked.size, 0)
  })
})
