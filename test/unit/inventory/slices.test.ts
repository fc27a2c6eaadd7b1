// Computations that can be interrupted end with what they would have ended with in one go.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Map as PersistentMap } from 'immutable'
import {
  atOnce,
  firstOf,
  inSlices,
  listed,
  mapped,
  merged,
  sorted,
  turnTaking,
} from '../../../server/inventory/slices.ts'

type Item = Readonly<{ key: number; came: number }>
const compare = (a: Item, b: Item): number => a.key - b.key
const items = fc
  .array(fc.integer({ min: 0, max: 40 }), { maxLength: 3000, size: 'max' })
  .map((keys): readonly Item[] => keys.map((key, came) => ({ key, came })))

test('sorted in slices is sorted, and equal ones stay as they came', () => {
  fc.assert(
    fc.property(items, (all) => assert.deepEqual(atOnce(sorted(all, compare)), all.toSorted(compare))),
    { numRuns: 40 },
  )
})

test('of what is listed each key stands where its value does', () => {
  fc.assert(
    fc.property(items, (all) => {
      const map = PersistentMap(all.map((item) => [item.key, item]))
      const { keys, values } = listed(map)
      assert.deepEqual(new Map(keys.map((key, at) => [key, values[at]])), new Map(map))
      assert.equal(keys.length, map.size)
    }),
    { numRuns: 40 },
  )
})

test('two that are in order become one', () => {
  fc.assert(
    fc.property(items, items, (some, others) => {
      const [one, other] = [some.toSorted(compare), others.toSorted(compare)]
      assert.deepEqual(atOnce(merged(one, other, compare)), [...one, ...other].toSorted(compare))
    }),
    { numRuns: 40 },
  )
})

test('the first so many are those that sorting all would put first', () => {
  fc.assert(
    fc.property(items, fc.integer({ min: 1, max: 100 }), (all, most) => {
      const keys = atOnce(firstOf(all, most, compare)).map(({ key }) => key)
      assert.deepEqual(
        keys,
        all
          .toSorted(compare)
          .slice(0, most)
          .map(({ key }) => key),
      )
    }),
    { numRuns: 40 },
  )
  assert.deepEqual(atOnce(firstOf([3, 1, 2], Infinity, (a, b) => a - b)), [1, 2, 3])
})

test('others have their turns while a long computation goes on', async () => {
  const seen = { others: 0 }
  function* untilOthersCame(): Generator<void, string> {
    while (seen.others < 3) yield
    return 'done'
  }
  const timer = setInterval(() => seen.others++, 1)
  assert.equal(await inSlices(untilOthersCame()), 'done')
  clearInterval(timer)
})

test('each of a list changed in slices is what a map makes of it', () => {
  assert.deepEqual(atOnce(mapped([1, 2, 3], (one) => one * 2)), [2, 4, 6])
})

test('what is thrown within a slice reaches who waits', async () => {
  function* failing(): Generator<void, never> {
    yield
    throw new Error('no template')
  }
  await assert.rejects(inSlices(failing()), /no template/)
})

test('work that takes turns lets others have theirs', async () => {
  const seen = { others: 0 }
  const timer = setInterval(() => seen.others++, 1)
  const turn = turnTaking()
  while (seen.others < 3) await turn()
  clearInterval(timer)
  assert.ok(seen.others >= 3)
})
