// The history as people remember it: what one did in one go, what became of each row, and taking that back.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeRow } from '../../../server/inventory/encode.ts'
import { rowOf } from '../../../server/inventory/snapshot.ts'
import type { ChangeRow } from '../../../server/inventory/store/open.ts'
import { changeSets, editsToTakeBack, netChanges } from '../../../server/manage/change-sets.ts'
import { snapshotOf } from '../../fixtures.ts'
import { farm } from '../cli/cli.ts'

const row = (
  id: number,
  key: string,
  before: object | null,
  after: object | null,
  { who = 'web:alice', at = '2026-11-23T12:00:00.000Z', table = 'machines' } = {},
): ChangeRow => ({
  ...{ id, at, who, table_name: table, row_key: key },
  before: before === null ? null : JSON.stringify(before),
  after: after === null ? null : JSON.stringify(after),
})

test('rows of one hand without a pause are one change; another hand, or a pause, begins another', () => {
  const sets = changeSets([
    row(5, 'd', null, {}, { at: '2026-11-23T12:00:09.000Z' }),
    row(4, 'c', null, {}, { who: 'cli:bob', at: '2026-11-23T12:00:01.500Z' }),
    row(3, 'b', null, {}, { at: '2026-11-23T12:00:01.500Z' }),
    row(2, 'a', null, {}),
  ])
  assert.deepEqual(
    sets.map(({ who, before, after, rows }) => [who, before, after, rows.length]),
    [
      ['web:alice', 4, 5, 1],
      ['cli:bob', 3, 4, 1],
      ['web:alice', 1, 3, 2],
    ],
  )
  assert.deepEqual(changeSets([]), [])
})

test('of each row it is told what became of it in all; what came and went is nothing, and arming is no inventory', () => {
  const { diffs, armed } = netChanges([
    row(7, 'a/1', { purpose: 'install' }, null, { table: 'tokens' }),
    row(6, 'gone', { vcpus: 1 }, null),
    row(5, 'gone', null, { vcpus: 1 }),
    row(4, 'same', { vcpus: 2 }, { vcpus: 1 }),
    row(3, 'same', { vcpus: 1 }, { vcpus: 2 }),
    row(2, 'a', { vcpus: 2 }, { vcpus: 3 }),
    row(1, 'a', { vcpus: 1 }, { vcpus: 2 }),
  ])
  assert.deepEqual(diffs, [{ table: 'machines', key: 'a', before: { vcpus: 1 }, after: { vcpus: 3 } }])
  assert.deepEqual(armed, ['a'])
})

test('a Dom0 and its guests that came together go together, with their interfaces', () => {
  const snapshot = snapshotOf(farm)
  const came = [
    ...['acas0001', 'acas0002', 'acas0003'].map((key) => ['machines', key] as const),
    ['interfaces', 'acas0001/eth0'] as const,
  ].map(([table, key]) => {
    const found = rowOf(snapshot, table, key)
    assert.ok(found)
    return { table, key, before: null, after: encodeRow(found) }
  })
  const { edits, stays } = editsToTakeBack(snapshot, came)
  assert.deepEqual(
    edits.map((edit) => (edit.kind === 'delete' ? edit.key : '')),
    ['acas0001', 'acas0002', 'acas0003'],
  )
  assert.deepEqual(stays, [])
  const alone = came.filter(({ key }) => key === 'acas0001')
  assert.throws(() => editsToTakeBack(snapshot, alone), /acas0001 still has 2 guests/)
})

test('a field that somebody has changed again stays, and its row is named', () => {
  const snapshot = snapshotOf(farm)
  const web = rowOf(snapshot, 'machines', 'web')
  assert.ok(web)
  const now = encodeRow(web)
  const diff = { table: 'machines', key: 'web', before: { ...now, vcpus: 1, disk: 'sda' }, after: { ...now, vcpus: 2 } }
  const { edits, stays } = editsToTakeBack(snapshot, [diff as never])
  assert.deepEqual(stays, ['web'])
  const [edit] = edits
  assert.ok(edit?.kind === 'put' && edit.table === 'machines')
  assert.deepEqual([Reflect.get(edit.row, 'disk'), Reflect.get(edit.row, 'vcpus')], ['sda', null])
})
