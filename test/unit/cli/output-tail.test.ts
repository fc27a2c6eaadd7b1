import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openTail } from '../../../server/cli/output-tail.ts'

test('output is kept whole, up to a mebibyte of its end', () => {
  const tail = openTail()
  assert.equal(tail.text(), '')
  tail.add(Buffer.from('one\n'))
  tail.add(Buffer.from('two\n'))
  assert.equal(tail.text(), 'one\ntwo\n')
  for (let part = 0; part < 40; part++) tail.add(Buffer.alloc(65_536, part === 39 ? 'z' : 'y'))
  const [first = '', last = ''] = tail.text().split('\n')
  assert.match(first, /^\(\d+ bytes before this were not kept\)$/)
  assert.equal(last.length, 1_048_576)
  assert.equal(Number(/\d+/.exec(first)?.[0]) + last.length, 8 + 40 * 65_536)
  assert.ok(last.endsWith('z'))
})
