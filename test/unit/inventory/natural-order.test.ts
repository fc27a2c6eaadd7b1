// Names in the order in which people count.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { compareNaturally } from '../../../server/inventory/natural-order.ts'

test('digits compare as numbers, and a zero before them only where nothing else differs', () => {
  const names = [
    'acas10',
    'eth2',
    'acas9',
    'b',
    'eth10',
    'a',
    'acas09',
    'acas9-x',
    'acas',
    'acas9.3',
    'acas9/1',
    'eth2.10',
    'eth2.9',
  ]
  assert.deepEqual(names.toSorted(compareNaturally), [
    ...['a', 'acas', 'acas09', 'acas9', 'acas9-x', 'acas9.3', 'acas9/1', 'acas10'],
    ...['b', 'eth2', 'eth2.9', 'eth2.10', 'eth10'],
  ])
})

/** Characters of names of hosts, and some of the others that may stand in a row. */
const plain = ['a', 'b', 'z', '0', '1', '2', '9', '-', '.', '/']
const others = ['A', 'Z', '_', ':', ' ', 'é', 'ß', '٢', '\u0301', '\u200b', '\0']
const character = fc.oneof(
  { arbitrary: fc.constantFrom(...plain), weight: 6 },
  { arbitrary: fc.constantFrom(...others), weight: 1 },
)
const ending = fc.array(character, { maxLength: 6 }).map((characters) => characters.join(''))

test('it is the order of the collator, and its own where the collator sees no difference', () => {
  const collator = new Intl.Collator('en', { numeric: true })
  const inText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
  fc.assert(
    fc.property(ending, ending, ending, (begin, one, other) => {
      const [a, b] = [begin + one, begin + other]
      assert.equal(Math.sign(compareNaturally(a, b)), Math.sign(collator.compare(a, b) || inText(a, b)))
    }),
    { numRuns: 20_000 },
  )
})
