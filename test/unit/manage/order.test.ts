// Machines in order: however the inventory comes to be what it is, its order is that of a sort.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { RowChange, Snapshot } from '../../../server/inventory/snapshot.ts'
import { changeSnapshot, compareNaturally, emptySnapshot } from '../../../server/inventory/snapshot.ts'
import { namesInOrder, namesSortedBy } from '../../../server/manage/order.ts'

const change = fc.record({
  name: fc.integer({ min: 1, max: 30 }).map((number) => `m${number}`),
  vcpus: fc.option(fc.integer({ min: 1, max: 4 })),
  isGone: fc.boolean(),
})

const changed = (snapshot: Snapshot, name: string, vcpus: number | null, isGone: boolean): Snapshot => {
  const row: RowChange = {
    table: 'machines',
    key: name,
    raw: isGone ? null : { hostname: name, profile: 'base', vcpus },
  }
  return changeSnapshot(snapshot, [row], snapshot.revision + 1)
}

test('after any changes the names are in natural order, each once', () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 40 }), (changes) => {
      let snapshot = emptySnapshot
      for (const { name, vcpus, isGone } of changes) {
        snapshot = changed(snapshot, name, vcpus, isGone)
        assert.deepEqual(namesInOrder(snapshot.machines), [...snapshot.machines.keys()].sort(compareNaturally))
      }
    }),
  )
})

test('sorted by a field, those without one come last, and equal ones by name', () => {
  let snapshot = emptySnapshot
  for (const [name, vcpus] of [
    ['m10', 2],
    ['m9', 2],
    ['m2', null],
    ['m1', 4],
    ['m3', 1],
  ] as const)
    snapshot = changed(snapshot, name, vcpus, false)
  assert.deepEqual(namesSortedBy(snapshot.machines, 'vcpus'), ['m3', 'm9', 'm10', 'm1', 'm2'])
})
