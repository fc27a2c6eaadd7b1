// What is done is what was seen, or nothing.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { recordEdits } from '../../../server/inventory/store/record.ts'
import { readSnapshot } from '../../../server/inventory/store/read.ts'
import { applyDecided, changedSince, versionsOf } from '../../../server/manage/decided.ts'
import { editsToSet } from '../../../server/manage/machines.ts'
import { reviewEdits } from '../../../server/manage/review.ts'
import { sqliteStore } from '../../fixtures.ts'
import { testDesk } from '../../admin/site.ts'
import { farm, noon } from '../cli/cli.ts'

test('edits are done as long as their rows are what was seen, in every column', async (t) => {
  const store = await sqliteStore(t, farm)
  const desk = testDesk(store, 'test', () => noon)
  const before = await readSnapshot(store)
  const set = (snapshot: typeof before, value: string) =>
    editsToSet(store, snapshot, ['acas0002', 'acas0003'], [{ kind: 'column', column: 'memory_mib', value }])
  const edits = await set(before, '1024')
  const { seen } = await reviewEdits(before, desk.known, edits)
  assert.equal((await applyDecided(desk, before, await set(before, '512'), { seen, force: false })).kind, 'other')
  const [own] = await editsToSet(store, before, ['acas0002'], [{ kind: 'column', column: 'notes', value: 'mine' }])
  assert.ok(own)
  await recordEdits(store, [own], 'cli:bob')
  assert.equal((await applyDecided(desk, before, edits, { seen, force: false })).kind, 'other', 'an old picture')
  const now = await readSnapshot(store)
  assert.equal((await applyDecided(desk, now, await set(now, '1024'), { seen, force: false })).kind, 'other')
  assert.equal(await changedSince(desk, ['acas0002', 'web'], before.revision), 'cli:bob changed acas0002')
  assert.equal(await changedSince(desk, ['web'], before.revision), '')
  const anew = await reviewEdits(now, desk.known, await set(now, '1024'))
  assert.equal((await versionsOf(desk, now, anew.diffs)).length, 2)
  const done = await applyDecided(desk, now, await set(now, '1024'), { seen: anew.seen, force: false })
  assert.equal(done.kind, 'done')
  assert.equal((await readSnapshot(store)).machines.get('acas0002')?.memory_mib, 1024)
})
