import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mergeTexts, plainText } from '../../../../server/admin/pages/merge.ts'

test('what I changed and what somebody else changed are put together; where we meet mine stands, and is named', () => {
  const was = { a: '1', b: '1', c: '1', d: '1' }
  const { texts, theirs, both, mine } = mergeTexts({
    was,
    mine: { ...was, b: '2', c: '2', d: '3' },
    now: { ...was, a: '9', c: '9', d: '3' },
  })
  assert.deepEqual(texts, { a: '9', b: '2', c: '2', d: '3' })
  assert.deepEqual(theirs, ['a', 'c', 'd'])
  assert.deepEqual(both, ['c'], 'who gave the same value meets nobody')
  assert.deepEqual(mine, ['b', 'c', 'd'])
})

test('what the form did not send was not touched; what came meanwhile is in it', () => {
  const { texts, theirs, mine } = mergeTexts({ was: { a: '1' }, mine: { new: 'x' }, now: { a: '1', b: '2' } })
  assert.deepEqual([texts, theirs, mine], [{ a: '1', b: '2', new: 'x' }, ['b'], ['new']])
})

test('lines that a browser ends in CR LF are those that the store has', () => {
  assert.equal(plainText('one\r\ntwo\r\n'), 'one\ntwo')
})
