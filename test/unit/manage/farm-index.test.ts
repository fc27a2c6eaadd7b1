// The index of the farm follows the inventory, and finds what a full look would find.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Snapshot } from '../../../server/inventory/snapshot.ts'
import type { RowChange } from '../../../server/inventory/snapshot.ts'
import { changeSnapshot, rowOf } from '../../../server/inventory/snapshot.ts'
import { noteSuccessor } from '../../../server/inventory/succession.ts'
import type { FarmIndex } from '../../../server/manage/farm-index.ts'
import { encodeRow } from '../../../server/inventory/encode.ts'
import { entryOf, farmIndex, unreadableNames } from '../../../server/manage/farm-index.ts'
import { snapshotOf } from '../../fixtures.ts'
import { farm } from '../cli/cli.ts'

const known = { templates: new Set(['own.ks']) }

function changed(
  snapshot: Snapshot,
  table: 'machines' | 'interfaces' | 'profiles',
  key: string,
  columns: object,
): Snapshot {
  const row = rowOf(snapshot, table, key)
  const change: RowChange = { table, key, raw: { ...(row === null ? {} : encodeRow(row)), ...columns } }
  return changeSnapshot(snapshot, [change], snapshot.revision + 1)
}

const withheldIn = async (snapshot: Snapshot): Promise<readonly string[]> =>
  [...(await farmIndex(snapshot, known)).withheld].toSorted()

/** What it says, in one order. */
const plain = ({ entries, places, found, ...index }: FarmIndex) => ({
  ...{ entries, places: [...places], unreadable: index.unreadable },
  found: [...found].toSorted(([a], [b]) => (a < b ? -1 : 1)),
  ...{ withheld: [...index.withheld].toSorted(), strays: [...index.strays].toSorted() },
})

describe('the index of the farm', () => {
  test('has the words of each machine: name, profile, Dom0, MACs, also derived ones, and addresses', async () => {
    const index = await farmIndex(snapshotOf(farm), known)
    assert.match(entryOf(index, 'web')?.words ?? '', /^web\nbase\n00:00:5e:00:53:02\n192\.0\.2\.14$/)
    assert.match(
      entryOf(index, 'acas0002')?.words ?? '',
      /^acas0002\nbase\nacas0001\n00:16:3e:[0-9a-f:]{8}\n192\.0\.2\.12$/,
    )
  })

  test('looks again at whom a change touches: rivals for an address, guests of a Dom0, users of a profile', async () => {
    const first = snapshotOf(farm)
    assert.deepEqual(await withheldIn(first), [])
    const twice = changed(first, 'interfaces', 'web/eth0', { ip: '192.0.2.11' })
    assert.deepEqual(await withheldIn(twice), ['acas0001', 'web'])
    const small = changed(first, 'machines', 'acas0001', { memory_mib: 2048 })
    assert.deepEqual(await withheldIn(small), ['acas0002', 'acas0003'])
    const lost = changed(first, 'profiles', 'base', { template: 'gone.ks' })
    assert.deepEqual(await withheldIn(lost), ['acas0001', 'acas0002', 'acas0003', 'web'])
    assert.deepEqual(await withheldIn(first), [], 'and back')
  })

  test('has what is wrong with each machine, what only warns too, as long as it is wrong', async () => {
    const first = snapshotOf(farm)
    assert.equal((await farmIndex(first, known)).found.size, 0)
    const many = changed(first, 'machines', 'acas0002', { vcpus: 16 })
    const { found, withheld } = await farmIndex(many, known)
    assert.deepEqual(
      [...found].map(([name, own]) => [name, own.map(({ field, severity }) => `${field} ${severity}`)]),
      [['acas0002', ['vcpus warning']]],
    )
    assert.equal(withheld.size, 0)
    const gone = changeSnapshot(many, [{ table: 'machines', key: 'acas0002', raw: null }], 9)
    assert.equal((await farmIndex(gone, known)).found.size, 0)
  })

  test('keeps what did not change, and forgets who went', async () => {
    const first = snapshotOf(farm)
    const before = await farmIndex(first, known)
    const after = await farmIndex(changeSnapshot(first, [{ table: 'machines', key: 'web', raw: null }], 2), known)
    assert.deepEqual(entryOf(after, 'acas0001'), entryOf(before, 'acas0001'))
    assert.equal(entryOf(after, 'web'), undefined)
    assert.deepEqual(
      await Promise.all([farmIndex(first, known), farmIndex(first, known)]).then(([a, b]) => a === b),
      true,
    )
  })

  test('a row that can’t be read has no entry, is named, and is withheld until it is mended', async () => {
    const first = snapshotOf(farm)
    const spoiled = changed(first, 'machines', 'web', { memory_mib: 'much' })
    assert.deepEqual(unreadableNames(spoiled), ['web'])
    assert.deepEqual(await withheldIn(spoiled), ['web'])
    assert.deepEqual(await withheldIn(first), [])
  })

  test('followed through any changes it is what it would be if it were made anew', async () => {
    const name = fc.constantFrom('acas0001', 'acas0002', 'acas0003', 'web', 'web2', 'web10')
    const machine = fc.record({
      profile: fc.constantFrom('base', 'web', 'nothing'),
      dom0: fc.constantFrom(null, 'acas0001', 'web'),
      memory_mib: fc.constantFrom(null, 2048, 'much'),
    })
    const nic = fc.record({ ip: fc.constantFrom('192.0.2.11', '192.0.2.14', '198.51.100.1', 'anywhere') })
    const change = fc.oneof(
      fc.tuple(fc.constant('machines' as const), name, fc.option(machine)),
      fc.tuple(fc.constant('interfaces' as const), name, fc.option(nic)),
      fc.tuple(
        fc.constant('profiles' as const),
        fc.constantFrom('base', 'web'),
        fc.constantFrom({}, { template: 'x' }, null),
      ),
      fc.tuple(
        fc.constant('networks' as const),
        fc.constant('farm'),
        fc.constantFrom({ cidr: '198.51.100.0/24' }, null),
      ),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(change, { minLength: 1, maxLength: 3 }), { maxLength: 8 }), async (steps) => {
        let snapshot = snapshotOf(farm)
        for (const step of steps) {
          const before = snapshot
          const rows = step.map(([table, key, columns]): RowChange => {
            const at = table === 'interfaces' ? `${key}/eth0` : key
            const own = { machines: { hostname: key }, interfaces: { machine: key, name: 'eth0' } }
            const named = table === 'machines' || table === 'interfaces' ? own[table] : { name: key }
            return { table, key: at, raw: columns === null ? null : { ...named, ...columns } }
          })
          snapshot = changeSnapshot(before, rows, before.revision + 1)
          noteSuccessor(before, snapshot, rows)
          await farmIndex(before, known)
          const followed = plain(await farmIndex(snapshot, known))
          assert.deepEqual(followed, plain(await farmIndex({ ...snapshot }, known)))
        }
      }),
      { numRuns: 60 },
    )
  })

  test('who asks with an old picture gets the index of the newer one that is there', async () => {
    const first = snapshotOf(farm)
    const second = changed(first, 'machines', 'web', { notes: 'moved' })
    noteSuccessor(first, second, [{ table: 'machines', key: 'web' }])
    const [before, after] = await Promise.all([farmIndex(first, known), farmIndex(second, known)])
    assert.equal(after.entries[0], before.entries[0], 'what did not change is the same')
    assert.equal(entryOf(after, 'web')?.machine.notes, 'moved')
    assert.equal(await farmIndex(first, known), after)
  })

  test('other templates are other findings', async () => {
    const snapshot = snapshotOf(farm)
    assert.equal((await farmIndex(snapshot, { templates: new Set() })).withheld.size, 4)
    assert.equal((await farmIndex(snapshot, known)).withheld.size, 0)
  })
})
