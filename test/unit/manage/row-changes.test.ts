// Changes of rows in words: once for all machines alike, and never a secret.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { changeStories, showValue } from '../../../server/manage/row-changes.ts'

const machine = (key: string, before: object | null, after: object | null) =>
  ({ table: 'machines', key, before, after }) as Parameters<typeof changeStories>[0][number]

test('machines that change alike are one story, an interface is told under its machine', () => {
  const stories = changeStories([
    machine('a1', { memory_mib: 1 }, { memory_mib: 2 }),
    machine('a2', { memory_mib: 1 }, { memory_mib: 2 }),
    { table: 'interfaces', key: 'b/eth0', before: { ip: '192.0.2.1' }, after: null },
    machine('c', null, { hostname: 'c', profile: 'web', boot: 'local', notes: null }),
  ])
  assert.deepEqual(
    stories.map(({ folded, changes }) => [folded, changes.map(({ part, kind, fields }) => [part, kind, fields])]),
    [
      ['a[1-2]', [['', 'changed', [['memory_mib', '1', '2']]]]],
      ['b', [['interface.eth0', 'removed', []]]],
      ['c', [['', 'added', [['profile', '(none)', 'web']]]]],
    ],
  )
})

test('a secret is compared, and not shown', () => {
  const told = JSON.stringify(
    changeStories([
      machine('a', { params: '{"bmc_password":"one"}' }, { params: '{"bmc_password":"two"}' }),
      {
        table: 'site',
        key: 'root_password_hash',
        before: { name: 'root_password_hash', value: '"x1"' },
        after: { name: 'root_password_hash', value: '"x2"' },
      },
      machine('n', null, { params: '{"api_token":"three"}' }),
    ]),
  )
  assert.match(told, /bmc_password/)
  for (const secret of ['one', 'two', 'three', 'x1', 'x2']) assert.ok(!told.includes(`"${secret}`), told)
})

test('values are one line', () => {
  assert.deepEqual([null, ['a', 'b'], 'two\nlines', { a: 1 }, 7].map(showValue), [
    '',
    'a,b',
    '"two\\nlines"',
    '{"a":1}',
    '7',
  ])
})
