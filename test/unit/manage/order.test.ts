// Machines in order: those without a value come last, and equal ones by their names.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { atOnce } from '../../../server/inventory/slices.ts'
import type { FarmEntry } from '../../../server/manage/farm-index.ts'
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
    atOnce(entriesSortedBy(index, field)).map(({ machine }) => machine.hostname)
  assert.deepEqual(names('hostname'), ['m1', 'm2', 'm3', 'm9', 'm10'])
  assert.deepEqual(names('vcpus'), ['m3', 'm9', 'm10', 'm1', 'm2'])
  assert.deepEqual(names('dom0'), ['m1', 'm9', 'm2', 'm3', 'm10'])
  assert.equal(atOnce(entriesSortedBy(index, 'vcpus')), atOnce(entriesSortedBy(index, 'vcpus')), 'sorted once')
})

test('after a change the order is the one before with what changed in it, and another where the field changed', () => {
  const entry = (hostname: string, vcpus: number, notes: string) =>
    ({ machine: { hostname, vcpus, notes } }) as FarmEntry
  const [a, b, c] = [entry('a', 4, ''), entry('b', 1, ''), entry('c', 4, '')]
  const places = new Map([a, b, c].map(({ machine }, place) => [machine.hostname, place]))
  const sorted = (...entries: readonly FarmEntry[]) => atOnce(entriesSortedBy({ entries, places }, 'vcpus'))
  assert.deepEqual(sorted(a, b, c), [b, a, c])
  const noted = entry('a', 4, 'moved')
  assert.deepEqual(sorted(noted, b, c), [b, noted, c])
  const smaller = entry('c', 0, '')
  assert.deepEqual(sorted(noted, b, smaller), [smaller, b, noted])
  assert.deepEqual(sorted(a, b, c), [b, a, c], 'an earlier picture is asked again')
})
