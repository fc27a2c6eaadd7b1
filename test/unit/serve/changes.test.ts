// What was changed, kept for those who take it in later.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TouchedRow } from '../../../server/inventory/touched.ts'
import { openChanges } from '../../../server/serve/changes.ts'

const row = (key: string): TouchedRow => ({ table: 'machines', key })

test('each takes what came between two positions, whenever that was', () => {
  const changes = openChanges()
  const start = changes.end()
  assert.deepEqual(changes.between(start, changes.end()), [])
  changes.add([row('node1'), row('node2')])
  const middle = changes.end()
  changes.add([])
  changes.add([row('node1')])
  assert.deepEqual(changes.between(start, middle), [row('node1'), row('node2')])
  assert.deepEqual(changes.between(middle, changes.end()), [row('node1')])
  assert.deepEqual(changes.between(start, changes.end()), [row('node1'), row('node2'), row('node1')])
})

test('positions stay what they are when what nobody needs is forgotten', () => {
  const changes = openChanges()
  changes.add([row('node1')])
  const middle = changes.end()
  changes.add([row('node2')])
  changes.forgetBefore(middle)
  assert.deepEqual(changes.between(middle, changes.end()), [row('node2')])
  const end = changes.end()
  changes.forgetBefore(end)
  changes.add([row('node3')])
  assert.deepEqual(changes.between(end, changes.end()), [row('node3')])
})

test('when anything may have changed, that is said of every stretch with it, and of none without', () => {
  const changes = openChanges()
  changes.add([row('node1')])
  const before = changes.end()
  changes.add(null)
  const after = changes.end()
  changes.add([row('node2')])
  assert.equal(changes.between(0, changes.end()), null)
  assert.equal(changes.between(before, after), null)
  assert.deepEqual(changes.between(0, before), [row('node1')])
  assert.deepEqual(changes.between(after, changes.end()), [row('node2')])
})

test('rows that nobody takes in for long are not kept for ever: it stays known that there were some', () => {
  const changes = openChanges(3)
  changes.add([row('node1'), row('node2')])
  changes.add([row('node3'), row('node4')])
  assert.equal(changes.between(0, changes.end()), null)
  const position = changes.end()
  changes.add([row('node5')])
  assert.deepEqual(changes.between(position, changes.end()), [row('node5')])
  changes.forgetBefore(position)
  changes.add([row('node6'), row('node7')])
  assert.deepEqual(changes.between(position, changes.end()), [row('node5'), row('node6'), row('node7')])
})
