// Roles: each has what those before it have.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lowerRole, mayAs, parseRole, roles } from '../../../server/admin/roles.ts'

test('an admin may all that an operator may, and an operator all that a viewer may', () => {
  const table = roles.map((role) => roles.map((least) => mayAs(role, least)))
  assert.deepEqual(table, [
    [true, false, false],
    [true, true, false],
    [true, true, true],
  ])
  assert.equal(lowerRole('admin', 'viewer'), 'viewer')
  assert.equal(lowerRole('operator', 'admin'), 'operator')
})

test('a role that another program wrote into the store gives nothing, and is named', () => {
  assert.throws(() => parseRole('root'), /root is no role; expected one of viewer, operator, admin/)
})
