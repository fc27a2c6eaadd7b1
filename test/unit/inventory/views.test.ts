import assert from 'node:assert/strict'
import { test } from 'node:test'
import { refusalOf, parseRow } from '../../../server/inventory/rows.ts'
import { bucketOf, viewColumnsOf, viewJudge } from '../../../server/inventory/views.ts'

const columns = ['hostname', 'profile', 'notes', 'params']
const judge = viewJudge('machines', columns)
const row = (hostname: unknown, more: Readonly<Record<string, unknown>> = {}, key = String(hostname)) => ({
  bucket: bucketOf(key.trim().toLowerCase()),
  columns: { hostname, profile: 'el9', notes: null, params: null, ...more },
})
const errorsOf = (refused: string | null): readonly string[] =>
  (refusalOf({ refused })?.errors ?? []).map(
    ({ field, value, message }) => `${field} ${JSON.stringify(value)} ${message}`,
  )

test('capitals and spaces around a host name are forgiven, and columns stand as we would write them', () => {
  const judged = judge([row('ACAS0001 ', { params: '{"b": 1, "a": 2}' })])
  assert.deepEqual(
    [...judged.values()],
    [
      {
        key: 'acas0001',
        row: { hostname: 'acas0001', profile: 'el9', notes: null, params: '{"a":2,"b":1}' },
        refused: null,
      },
    ],
  )
})

test('rows of one key that say the same are one; those that differ are refused, and their neighbours are not', () => {
  assert.equal(judge([row('a'), row('A ')]).get('a')?.refused, null)
  const judged = judge([row('a'), row('A', { notes: 'other' }), row('b')])
  assert.match(errorsOf(judged.get('a')?.refused ?? null).join(), /^hostname "a, A" 2 rows of the view have this key/)
  assert.equal(judged.get('b')?.refused, null)
})

test('a key that is missing or too long has a place of its own to be reported from', () => {
  const judged = judge([row(null, {}, ''), row('x'.repeat(80)), row('a/b')])
  assert.deepEqual(
    [...judged].map(([key, { refused }]) => [key, refused !== null]),
    [
      ['(no hostname)', true],
      [`${'x'.repeat(60)}...`, true],
      ['a|b', true],
    ],
  )
})

test('a key with a tab, which the parser trims and the database does not, is refused', () => {
  const [only] = judge([{ ...row('a'), bucket: 0, columns: { ...row('a').columns, hostname: 'a\t' } }]).values()
  assert.match(errorsOf(only?.refused ?? null).join(), /can not be seen/)
})

test('DESIGN §7: what a params column says is not repeated, it may hold a secret', () => {
  const [only] = judge([row('a', { params: '{"root_password_hash": "geheim"' })]).values()
  const refused = only?.refused ?? ''
  assert.ok(refused.includes('expected JSON') && !refused.includes('geheim'))
})

test('a value too long for its column is refused', () => {
  const [only] = viewJudge('networks', ['name', 'cidr', 'dns'])([
    {
      bucket: bucketOf('n'),
      columns: { name: 'n', cidr: '192.0.2.0/24', dns: Array.from({ length: 30 }, (_, i) => `192.0.2.${i}`).join(',') },
    },
  ]).values()
  assert.match(errorsOf(only?.refused ?? null).join(), /expected at most 255 characters/)
})

test('a refused row of ours can not be read, for the reasons the view gave; a text of somebody else is no refusal', () => {
  const [only] = judge([row('a', { profile: null })]).values()
  const parsed = parseRow('machines', { hostname: 'a', profile: 'el9', refused: only?.refused })
  assert.deepEqual(parsed.ok ? [] : parsed.errors.map(({ field }) => field), ['profile'])
  assert.equal(refusalOf({ refused: 'x' }), null)
})

test('what the next boot does is not for a view to say', () => {
  assert.ok(!viewColumnsOf('machines').includes('boot'))
  assert.ok(viewColumnsOf('interfaces').includes('boot'))
})
