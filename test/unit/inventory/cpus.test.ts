import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { cpuNumbers, parseCpus } from '../../../server/inventory/cpus.ts'

test('xl.cfg(5), cpus: numbers and ranges, in whatever order, become one ascending text', () => {
  const rows = [
    ['2-3', '2-3'],
    ['3,2', '2-3'],
    ['5,0-1,1,3', '0-1,3,5'],
    [' 2 - 3 , 4 ', '2-4'],
    ['7', '7'],
    ['0', '0'],
  ] as const
  for (const [text, canonical] of rows) assert.equal(parseCpus(text), canonical)
})

test('what names no CPU is refused: an empty part, a range that runs backwards, words, exclusions, numbers beyond 9999', () => {
  for (const text of ['', ',', '2,', '3-2', 'all', '^1', '0-^1', '-1', '1-2-3', '10000', '2;3', '1.5'])
    assert.equal(parseCpus(text), null, text)
})

test('every set of CPUs reads back as itself, and its text is the shortest', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 0, max: 64 }), { minLength: 1 }), (numbers) => {
      const cpus = parseCpus(numbers.join(','))
      assert.ok(cpus)
      assert.deepEqual(
        cpuNumbers(cpus),
        numbers.toSorted((a, b) => a - b),
      )
      assert.equal(parseCpus(cpus), cpus)
      const ends = cpus.split(',').map((part) => part.split('-').map(Number))
      for (const [index, [first]] of ends.entries())
        if (index > 0) assert.ok((first ?? 0) > (ends[index - 1]?.at(-1) ?? 0) + 1, cpus)
    }),
  )
})
