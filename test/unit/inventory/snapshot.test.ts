import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { Map as PersistentMap } from 'immutable'
import { allFindings } from '../../../server/inventory/findings.ts'
import type { RowChange, Snapshot } from '../../../server/inventory/snapshot.ts'
import {
  bootInterface,
  changeSnapshot,
  changeSnapshotInSlices,
  emptySnapshot,
  rowOf,
  rowsOf,
} from '../../../server/inventory/snapshot.ts'
import { derivedMac } from '../../../server/inventory/xen-mac.ts'
import { snapshotOf } from '../../fixtures.ts'

/** Everything a snapshot holds, as plain data whose order is that of the keys. */
function plain(snapshot: Snapshot): unknown {
  return Object.fromEntries(
    Object.entries(snapshot).map(([field, value]) => [
      field,
      PersistentMap.isMap(value)
        ? [...(value as PersistentMap<string, unknown>).entries()].toSorted(([a], [b]) => (a < b ? -1 : 1))
        : value,
    ]),
  )
}

const put = (table: RowChange['table'], key: string, raw: Readonly<Record<string, unknown>>): RowChange => ({
  table,
  key,
  raw,
})
const remove = (table: RowChange['table'], key: string): RowChange => ({ table, key, raw: null })
const machine = (hostname: string, columns: object = {}): RowChange =>
  put('machines', hostname, { hostname, profile: 'base', ...columns })
const nic = (host: string, name: string, columns: object = {}): RowChange =>
  put('interfaces', `${host}/${name}`, { machine: host, name, ...columns })

/** Few names, so that rows meet: the same MAC on two machines, a guest whose Dom0 comes later, a row that turns bad. */
const hostnames = fc.constantFrom('a', 'b', 'c')
const macs = fc.constantFrom('00:00:5e:00:53:01', '00:00:5e:00:53:02', 'zz', null, derivedMac('a', 'eth0'))
const ips = fc.constantFrom('192.0.2.1', '192.0.2.2', 'x', null)
const nicNames = fc.constantFrom('eth0', 'eth2', 'eth10')
const edit: fc.Arbitrary<RowChange> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .record({
        host: hostnames,
        dom0: fc.constantFrom('a', 'b', null),
        uuid: fc.constantFrom('564d1c2e-0000-4000-8000-00005e005301', null),
        memory: fc.constantFrom(1024, -1),
      })
      .map(({ host, dom0, uuid, memory }) => machine(host, { dom0, uuid, memory_mib: memory })),
  },
  {
    weight: 4,
    arbitrary: fc
      .record({ host: hostnames, name: nicNames, mac: macs, ip: ips })
      .map(({ host, name, mac, ip }) => nic(host, name, { mac, ip })),
  },
  { weight: 2, arbitrary: hostnames.map((host) => remove('machines', host)) },
  {
    weight: 2,
    arbitrary: fc.tuple(hostnames, nicNames).map(([host, name]) => remove('interfaces', `${host}/${name}`)),
  },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom('base', 'xen')
      .chain((name) =>
        fc.constantFrom(
          put('profiles', name, { name, hypervisor: 'xen' }),
          put('profiles', name, { name, hypervisor: 'vmware' }),
          remove('profiles', name),
        ),
      ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(hostnames, fc.constantFrom('t1', 't2'), fc.boolean()).map(([host, id, isThere]): RowChange =>
      isThere
        ? put('tokens', `${host}/${id}`, {
            id,
            machine: host,
            purpose: 'install',
            secret: 's',
            created_at: id,
            expires_at: null,
            used_at: null,
          })
        : remove('tokens', `${host}/${id}`),
    ),
  },
)

/** The rows that are left once all edits were made. */
function finalRows(edits: readonly RowChange[]): readonly RowChange[] {
  const rows = new Map<string, RowChange>()
  for (const change of edits) rows.set(`${change.table} ${change.key}`, change)
  return [...rows.values()].filter((row) => row.raw !== null)
}

/** Tokens stand in the order in which they were made; everything else has one order. */
const withSortedTokens = (snapshot: Snapshot): Snapshot => ({
  ...snapshot,
  tokens: snapshot.tokens.map((tokens) => tokens.toSorted((a, b) => (a.id < b.id ? -1 : 1))),
})

describe('following the rows', () => {
  test('changes applied one by one give the picture that the final rows give, every index of it', () => {
    fc.assert(
      fc.property(fc.array(edit, { maxLength: 30 }), (edits) => {
        const followed = edits.reduce((snapshot, change) => changeSnapshot(snapshot, [change], 7), emptySnapshot)
        const rebuilt = changeSnapshot(emptySnapshot, finalRows(edits), 7)
        assert.deepEqual(plain(withSortedTokens({ ...followed, revision: 7 })), plain(withSortedTokens(rebuilt)))
        const known = { templates: new Set<string>() }
        assert.deepEqual([...allFindings(followed, known)], [...allFindings(rebuilt, known)])
      }),
      { numRuns: 500 },
    )
  })

  test('the order in which rows arrive does not matter', () => {
    fc.assert(
      fc.property(
        fc.array(edit, { maxLength: 15 }).chain((edits) => {
          const rows = finalRows(edits)
          return fc.tuple(fc.constant(rows), fc.shuffledSubarray([...rows], { minLength: rows.length }))
        }),
        ([rows, shuffled]) =>
          assert.deepEqual(
            plain(withSortedTokens(changeSnapshot(emptySnapshot, rows, 1))),
            plain(withSortedTokens(changeSnapshot(emptySnapshot, shuffled, 1))),
          ),
      ),
    )
  })

  test('in slices or at once: the same picture, and the event loop gets its turns', () => {
    const rows = Array.from({ length: 10 }, (_, index) => machine(`n${index}`))
    const slices = changeSnapshotInSlices(emptySnapshot, rows, 3, 4)
    let turns = 0
    let step = slices.next()
    for (; step.done !== true; step = slices.next()) turns++
    assert.equal(turns, 2)
    assert.deepEqual(plain(step.value), plain(changeSnapshot(emptySnapshot, rows, 3)))
  })
})

describe('a picture', () => {
  test('never changes: who holds an older one goes on seeing what was true then', () => {
    const first = snapshotOf(
      'machines: {a: {profile: p, dom0: b, interfaces: {eth0: {mac: 00:00:5e:00:53:01, ip: 192.0.2.1}}}}',
    )
    const before = JSON.stringify(plain(first))
    const second = changeSnapshot(
      first,
      [
        machine('a', { dom0: 'c', memory_mib: 5 }),
        nic('a', 'eth0', { mac: '00:00:5e:00:53:02' }),
        machine('d'),
        remove('profiles', 'p'),
      ],
      2,
    )
    assert.equal(JSON.stringify(plain(first)), before)
    assert.deepEqual([first.revision, second.revision], [1, 2])
    assert.equal(second.machines.get('a')?.memory_mib, 5)
    assert.deepEqual([...second.byMac.keys()], ['00:00:5e:00:53:02'])
    assert.deepEqual([...second.guests], [['c', ['a']]])
  })

  test('shares what did not change with the one before it', () => {
    const first = snapshotOf('machines: {a: {profile: p}, b: {profile: p}}')
    const second = changeSnapshot(first, [machine('b', { memory_mib: 1 })], 2)
    assert.equal(second.machines.get('a'), first.machines.get('a'))
    assert.equal(second.networks, first.networks)
  })
})

describe('rows that can’t be read', () => {
  test('are kept with the reason, an interface’s under its machine, and go when they are mended or deleted', () => {
    const bad = changeSnapshot(
      emptySnapshot,
      [
        machine('a'),
        nic('a', 'eth0', { mac: 'zz' }),
        nic('a', 'eth1', { ip: 'x' }),
        put('profiles', 'p', { name: 'p', arch: 'vax' }),
      ],
      1,
    )
    const shown = (snapshot: Snapshot): unknown =>
      [...snapshot.unreadable].map(([spoiled, rows]) => [
        spoiled,
        rows.map((row) => `${row.key} ${row.errors[0]?.field ?? ''}`),
      ])
    assert.deepEqual(shown(bad), [
      ['machines/a', ['a/eth0 mac', 'a/eth1 ip']],
      ['profiles/p', ['p arch']],
    ])
    const mended = changeSnapshot(bad, [nic('a', 'eth0', { mac: '00:00:5e:00:53:01' }), remove('profiles', 'p')], 2)
    assert.deepEqual(shown(mended), [['machines/a', ['a/eth1 ip']]])
    assert.equal(changeSnapshot(mended, [remove('interfaces', 'a/eth1')], 3).unreadable.size, 0)
  })

  test('hold the row as it was given, so that a copy of the inventory is a copy of them too', () => {
    const raw = { machine: 'a', name: 'eth0', mac: 'zz' }
    const snapshot = changeSnapshot(emptySnapshot, [put('interfaces', 'a/eth0', raw)], 1)
    assert.deepEqual(snapshot.unreadable.get('machines/a')?.[0]?.raw, raw)
  })

  test('a row that turns bad leaves the indexes, so that nothing is served from what it was', () => {
    const good = changeSnapshot(
      emptySnapshot,
      [
        machine('a', { dom0: 'b', uuid: '564d1c2e-0000-4000-8000-00005e005301' }),
        nic('a', 'eth0', { mac: '00:00:5e:00:53:01', ip: '192.0.2.1' }),
      ],
      1,
    )
    const spoiled = changeSnapshot(
      good,
      [machine('a', { dom0: 'b', boot: 'never' }), nic('a', 'eth0', { mac: '00:00:5e:00:53:01', ip: 'x' })],
      2,
    )
    for (const index of ['machines', 'interfaces', 'byMac', 'byIp', 'byIp6', 'byUuid', 'guests'] as const)
      assert.equal(spoiled[index].size, 0, index)
  })
})

describe('indexes', () => {
  const snapshot = snapshotOf(`
machines:
  dom0: {profile: p, interfaces: {eth10: {}, eth2: {mac: 00:00:5e:00:53:02}, eth0: {mac: 00:00:5e:00:53:01, ip: 192.0.2.1}}}
  guest10: {profile: p, dom0: dom0, interfaces: {eth0: {}}}
  guest9: {profile: p, dom0: dom0}
`)

  test('interfaces stand in the natural order of their names: eth2 before eth10', () => {
    assert.deepEqual(
      snapshot.interfaces.get('dom0')?.map((one) => one.name),
      ['eth0', 'eth2', 'eth10'],
    )
  })

  test('a guest’s interface without a MAC is found by the one that Xen gives it, a Dom0’s by none', () => {
    const found = (host: string, name: string): unknown => snapshot.byMac.get(derivedMac(host, name))
    assert.deepEqual(found('guest10', 'eth0'), [{ machine: 'guest10', name: 'eth0' }])
    assert.equal(found('dom0', 'eth10'), undefined)
    const metal = changeSnapshot(snapshot, [machine('guest10', { dom0: null })], 2)
    assert.equal(metal.byMac.get(derivedMac('guest10', 'eth0')), undefined)
  })

  test('a machine boots from the interface marked boot, else the first with a MAC, else the first', () => {
    const named = (yaml: string): string | undefined =>
      bootInterface(snapshotOf(`machines: {a: {profile: p, interfaces: ${yaml}}}`), 'a')?.name
    assert.equal(named('{eth0: {mac: 00:00:5e:00:53:01}, eth1: {boot: true}}'), 'eth1')
    assert.equal(named('{eth0: {}, eth1: {mac: 00:00:5e:00:53:01}}'), 'eth1')
    assert.equal(named('{eth1: {}, eth0: {}}'), 'eth0')
    assert.equal(bootInterface(snapshot, 'guest9'), null)
  })

  test('rows are listed in the natural order of their keys and found by them', () => {
    assert.deepEqual(
      rowsOf(snapshot, 'machines').map((row) => row.hostname),
      ['dom0', 'guest9', 'guest10'],
    )
    assert.deepEqual(
      rowsOf(snapshot, 'interfaces').map((row) => `${row.machine}/${row.name}`),
      ['dom0/eth0', 'dom0/eth2', 'dom0/eth10', 'guest10/eth0'],
    )
    assert.equal(rowOf(snapshot, 'interfaces', 'dom0/eth2')?.mac, '00:00:5e:00:53:02')
    assert.equal(rowOf(snapshot, 'interfaces', 'dom0/eth3'), null)
    assert.equal(rowOf(snapshot, 'machines', 'nobody'), null)
  })
})
