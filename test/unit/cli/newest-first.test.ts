import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newestFirst } from '../../../server/cli/newest-first.ts'

const numbers = Array.from({ length: 2500 }, (_, index) => 2500 - index)

test('pages of a list are put together until there are so many, or no more', async () => {
  const asked: Readonly<Record<string, string>>[] = []
  const read = (page: Readonly<Record<string, string>>): Promise<readonly number[]> => {
    asked.push(page)
    const rest = numbers.filter((number) => number < Number(page['before'] ?? Infinity))
    return Promise.resolve(rest.slice(0, Number(page['limit'])))
  }
  const same = (number: number): number => number
  assert.deepEqual(await newestFirst(1200, same, read), numbers.slice(0, 1200))
  assert.deepEqual(asked, [{ limit: '1000' }, { limit: '200', before: '1501' }])
  assert.deepEqual(await newestFirst(9000, same, read), numbers)
})
