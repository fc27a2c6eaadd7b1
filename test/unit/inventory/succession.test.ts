// From an old picture of the inventory to a newer one, by what was noted on the way.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { emptySnapshot } from '../../../server/inventory/snapshot.ts'
import { noteSuccessor, rowsBetween } from '../../../server/inventory/succession.ts'

test('rows of all changes between two pictures are known, and of pictures that have nothing to do with each other none', () => {
  const [first, second, third, other] = [1, 2, 3, 4].map((revision) => ({ ...emptySnapshot, revision }))
  assert.ok(first && second && third && other)
  noteSuccessor(first, second, [{ table: 'machines', key: 'web' }])
  noteSuccessor(second, third, [{ table: 'networks', key: 'farm' }])
  assert.deepEqual(rowsBetween(first, third), [
    { table: 'machines', key: 'web' },
    { table: 'networks', key: 'farm' },
  ])
  assert.deepEqual(rowsBetween(second, second), [])
  assert.equal(rowsBetween(third, first), null, 'back')
  assert.equal(rowsBetween(first, other), null)
})
