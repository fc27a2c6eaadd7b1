// The index of the farm follows the inventory, and finds what a full look would find.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Snapshot } from '../../../server/inventory/snapshot.ts'
import type { RowChange } from '../../../server/inventory/snapshot.ts'
import { changeSnapshot, rowOf } from '../../../server/inventory/snapshot.ts'
import { encodeRow } from '../../../server/inventory/encode.ts'
import { farmIndex, unreadableNames } from '../../../server/manage/farm-index.ts'
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

describe('the index of the farm', () => {
  test('has the words of each machine: name, profile, Dom0, MACs, also derived ones, and addresses', async () => {
    const { entries } = await farmIndex(snapshotOf(farm), known)
    assert.match(entries.get('web')?.words ?? '', /^web\nbase\n00:00:5e:00:53:02\n192\.0\.2\.14$/)
    assert.match(
      entries.get('acas0002')?.words ?? '',
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
    assert.equal(after.entries.get('acas0001'), before.entries.get('acas0001'))
    assert.equal(after.entries.has('web'), false)
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

  test('other templates are other findings', async () => {
    const snapshot = snapshotOf(farm)
    assert.equal((await farmIndex(snapshot, { templates: new Set() })).withheld.size, 4)
    assert.equal((await farmIndex(snapshot, known)).withheld.size, 0)
  })
})
