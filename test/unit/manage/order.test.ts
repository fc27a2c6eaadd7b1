// Machines in order: those without a value come last, and equal ones by their names.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { farmIndex } from '../../../server/manage/farm-index.ts'
import { entriesSortedBy } from '../../../server/manage/order.ts'
import { snapshotOf } from '../../fixtures.ts'

const snapshot = snapshotOf(`
profiles: { base: {} }
machines:
  m10: { profile: base, vcpus: 2 }
  m9: { profile: base, vcpus: 2, dom0: m10 }
  m2: { profile: base }
  m1: { profile: base, vcpus: 4, dom0: m10 }
  m3: { profile: base, vcpus: 1 }
`)

test('sorted by a field, those without one come last, and equal ones by name', async () => {
  const index = await farmIndex(snapshot, { templates: new Set() })
  const names = (field: Parameters<typeof entriesSortedBy>[1]) =>
    entriesSortedBy(index, field).map(({ machine }) => machine.hostname)
  assert.deepEqual(names('hostname'), ['m1', 'm2', 'm3', 'm9', 'm10'])
  assert.deepEqual(names('vcpus'), ['m3', 'm9', 'm10', 'm1', 'm2'])
  assert.deepEqual(names('dom0'), ['m1', 'm9', 'm2', 'm3', 'm10'])
  assert.equal(entriesSortedBy(index, 'vcpus'), entriesSortedBy(index, 'vcpus'), 'sorted once')
})
