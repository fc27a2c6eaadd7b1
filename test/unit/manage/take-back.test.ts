import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Logged } from '../../../server/manage/history.ts'
import { takeBack } from '../../../server/manage/take-back.ts'
import { snapshotOf } from '../../fixtures.ts'

const snapshot = snapshotOf(`
profiles: { base: { family: el } }
machines:
  a: { profile: base, memory_mib: 4096, vcpus: 8, boot: rescue, params: { rack: r2, row: b } }
  dom0: { profile: base }
  guest: { profile: base, dom0: dom0, vdisk: /dev/sda5 }
`)
const change = (before: Logged['before'], after: Logged['after'], key = 'a', table = 'machines'): Logged => ({
  ...{ revision: 7, at: '2026-11-23T12:00:00.000Z', who: 'test', table, key, before, after },
})
const row = { hostname: 'a', profile: 'base' }

test('fields are what they were; what was changed again since stays, and is named', () => {
  const { edits, stays } = takeBack(
    snapshot,
    change(
      { ...row, memory_mib: 2048, vcpus: 1, boot: 'local', params: '{"rack":"r1"}' },
      { ...row, memory_mib: 4096, vcpus: 2, boot: 'install', params: '{"rack":"r2"}' },
    ),
  )
  const [edit] = edits
  assert.ok(edit?.kind === 'put' && 'vcpus' in edit.row)
  const { memory_mib, vcpus, boot, params } = edit.row
  assert.deepEqual(
    { memory_mib, vcpus, boot, params },
    { memory_mib: 2048, vcpus: 8, boot: 'rescue', params: { rack: 'r1', row: 'b' } },
  )
  assert.deepEqual(stays, ['vcpus'])
})

test('a param that the change added goes, and one that it took away comes back', () => {
  const { edits } = takeBack(
    snapshot,
    change({ ...row, params: '{"gone":[1,2]}' }, { ...row, params: '{"rack":"r2"}' }),
  )
  const [edit] = edits
  assert.ok(edit?.kind === 'put' && 'vcpus' in edit.row)
  assert.deepEqual(edit.row.params, { gone: [1, 2], row: 'b' })
})

test('the last param that goes leaves none', () => {
  const alone = snapshotOf(
    'profiles: { base: { family: el } }\nmachines: { a: { profile: base, params: { rack: r2 } } }',
  )
  const { edits } = takeBack(alone, change({ ...row, params: '{}' }, { ...row, params: '{"rack":"r2"}' }))
  const [edit] = edits
  assert.ok(edit?.kind === 'put' && 'vcpus' in edit.row)
  assert.deepEqual(edit.row.params, {})
})

test('what came goes, unless a guest would stay without its Dom0; what went comes, and is not armed', () => {
  assert.deepEqual(takeBack(snapshot, change(null, row)).edits, [{ kind: 'delete', table: 'machines', key: 'a' }])
  assert.deepEqual(takeBack(snapshot, change(null, row, 'nobody')).edits, [])
  assert.throws(() => takeBack(snapshot, change(null, row, 'dom0')), /still has 1 guest/)
  const [edit] = takeBack(snapshot, change({ hostname: 'b', profile: 'base', boot: 'install' }, null, 'b')).edits
  assert.ok(edit?.kind === 'put' && 'vcpus' in edit.row)
  assert.equal(edit.row.boot, 'local')
})

test('what stands in the way is said', () => {
  assert.throws(() => takeBack(snapshot, change(row, null)), /there is a new row machines a since/)
  assert.throws(() => takeBack(snapshot, change(row, row, 'nobody')), /has been removed since/)
  assert.throws(() => takeBack(snapshot, change(null, {}, 'a/1', 'tokens')), /what is armed is no row of the inventory/)
})
