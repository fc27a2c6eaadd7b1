// What pages send back with a change: another one on each page, good for one session.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { csrfTokenOf, isCsrfToken, newSecret } from '../../../server/admin/secrets.ts'

test('tokens of a session differ from page to page, and each is good for that session alone', () => {
  const [own, other] = [newSecret(), newSecret()]
  const [one, another] = [csrfTokenOf(own), csrfTokenOf(own)]
  assert.notEqual(one, another)
  assert.ok(isCsrfToken(one, own))
  assert.ok(isCsrfToken(another, own))
  assert.equal(isCsrfToken(one, other), false)
  for (const wrong of ['', 'x', one.slice(1), `${one}AAAA`, one.slice(0, 43), 'A'.repeat(86)])
    assert.equal(isCsrfToken(wrong, own), false, wrong)
})
