import assert from 'node:assert/strict'
import { test } from 'node:test'
import { linesOf, paramsChanged } from '../../../../server/admin/pages/param-lines.ts'

const params = {
  rack: 'r12',
  count: 8,
  'packages+': ['vim', 'httpd'],
  digits: '8',
  nothing: null,
  empty: '',
  script: 'one\ntwo',
  spaced: ' x ',
  equation: 'a = b',
}

test('params become lines, and the lines the same params', () => {
  const lines = linesOf(JSON.stringify(params))
  assert.match(lines, /^rack = r12\ncount = 8\n/)
  const given = paramsChanged('', lines).flatMap((one) =>
    one.kind === 'param' ? [[one.name, one.value] as const] : [],
  )
  assert.deepEqual(Object.fromEntries(given), params)
  assert.deepEqual(paramsChanged(lines, lines), [])
})

test('a line that goes takes its param away; what is only written otherwise is no change', () => {
  assert.deepEqual(paramsChanged('rack = r12\nrow = 7', 'row=7'), [{ kind: 'param', name: 'rack', value: undefined }])
  assert.deepEqual(paramsChanged('list = ["a","b"]', 'list = [ "a", "b" ]'), [])
})

test('what is no JSON is shown as it is', () => {
  assert.equal(linesOf('{"rack":'), '{"rack":')
  assert.equal(linesOf(null), '')
})
