import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isTooDeep, mostDeep } from '../../../server/inventory/depth.ts'

const nested = (levels: number): unknown => {
  let value: unknown = 'innermost'
  for (let level = 0; level < levels; level++) value = level % 2 === 0 ? [value, 1] : { a: null, b: value }
  return value
}

test('so many levels are not too deep, one more is', () => {
  for (const levels of [0, 1, 7, mostDeep]) assert.equal(isTooDeep(nested(levels)), false, String(levels))
  for (const levels of [mostDeep + 1, 10 * mostDeep, 100_000]) assert.equal(isTooDeep(nested(levels)), true)
})

test('what holds itself is too deep, and what holds one thing many times is as deep as that', () => {
  const own: unknown[] = []
  own.push(own, own)
  assert.equal(isTooDeep({ own }), true)
  let shared: unknown = 'x'
  for (let level = 0; level < 50; level++) shared = Array.from({ length: 10 }, () => shared)
  assert.equal(isTooDeep(shared), false)
})
