import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { foldNames } from '../../../server/manage/names.ts'
import { expandRange } from '../../../server/inventory/select.ts'

test('neighbours become ranges, in natural order', () => {
  assert.equal(foldNames(['acas0002', 'acas0001', 'web', 'acas0004']), 'acas[0001-0002,0004], web')
  assert.equal(foldNames(['n9', 'n10', 'n11']), 'n[9-11]')
  assert.equal(foldNames(['acas1000', 'acas0999', 'acas1001']), 'acas[0999-1001]')
  assert.equal(foldNames(['n0', 'n1', 'n10']), 'n[0-1,10]')
  assert.equal(foldNames(['n08', 'n9', 'n10']), 'n[08,10], n9')
  assert.equal(foldNames(['r1-n1', 'r1-n2', 'r2-n1']), 'r1-n[1-2], r2-n1')
  assert.equal(foldNames([]), '')
})

test('what is folded is what a selector unfolds', () => {
  const name = fc.stringMatching(/^[a-c]{1,2}-?[0-9]{0,4}(-ib)?$/)
  fc.assert(
    fc.property(fc.uniqueArray(name), (names) => {
      const unfolded = foldNames(names)
        .split(', ')
        .flatMap((part) => (part === '' ? [] : expandRange(part)))
      assert.deepEqual(unfolded.toSorted(), names.toSorted())
    }),
  )
})
