import assert from 'node:assert/strict'
import { test } from 'node:test'
import { onceAnHour, quietLog } from '../../../server/serve/quiet.ts'

const minute = 60_000

function collected() {
  const lines: unknown[][] = []
  const take = (...line: unknown[]): void => void lines.push(line)
  return { lines, log: { info: take, warn: take, error: take } }
}

test('who repeats himself is news once an hour', (t) => {
  t.mock.timers.enable({ apis: ['Date'] })
  const isNews = onceAnHour(10)
  assert.deepEqual([isNews('a'), isNews('a'), isNews('b')], [true, false, true])
  t.mock.timers.tick(60 * minute - 1)
  assert.equal(isNews('a'), false)
  t.mock.timers.tick(1)
  assert.equal(isNews('a'), true)
})

test('of more keys than it may hold the oldest are news again', () => {
  const isNews = onceAnHour(2)
  for (const key of ['a', 'b', 'c']) isNews(key)
  assert.deepEqual([isNews('c'), isNews('a')], [false, true])
})

test('a minute has so many lines, and one at its end that says how many more there were', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const { lines, log } = collected()
  const quiet = quietLog(log, 2, 'bootstead seen')
  for (const mac of ['a', 'b', 'c', 'd', 'e']) quiet.info({ mac }, 'no answer')
  assert.deepEqual(lines, [
    [{ mac: 'a' }, 'no answer'],
    [{ mac: 'b' }, 'no answer'],
  ])
  t.mock.timers.tick(minute)
  assert.deepEqual(lines.splice(0), [
    [{ mac: 'a' }, 'no answer'],
    [{ mac: 'b' }, 'no answer'],
    [{ more: 3 }, '3 more lines like these in the last minute: bootstead seen'],
  ])
  quiet.info({ mac: 'f' }, 'no answer')
  t.mock.timers.tick(minute)
  assert.deepEqual(lines, [[{ mac: 'f' }, 'no answer']])
})

test('what was kept back is said at the end', () => {
  const { lines, log } = collected()
  const quiet = quietLog(log, 1)
  for (const mac of ['a', 'b']) quiet.info({ mac }, 'no answer')
  quiet.close()
  quiet.close()
  assert.equal(lines.length, 2)
  assert.deepEqual(lines[1]?.[0], { more: 1 })
})

test('warnings and other lines count together', () => {
  const { lines, log } = collected()
  const quiet = quietLog(log, 2)
  quiet.warn({}, 'not sent')
  quiet.info({}, 'no answer')
  quiet.warn({}, 'not sent')
  quiet.close()
  assert.deepEqual(
    lines.map(([, message]) => message),
    ['not sent', 'no answer', '1 more lines like these in the last minute'],
  )
})
