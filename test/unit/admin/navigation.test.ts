// What the pages' head leads to, for each role.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ownPlacesFor, placesFor } from '../../../server/admin/navigation.ts'

const labels = (entries: ReturnType<typeof placesFor>) =>
  entries.map((one) => ('below' in one ? `${one.label}: ${one.below.map(({ label }) => label).join(' ')}` : one.label))

test('few words, and what belongs together behind one of them', () => {
  assert.deepEqual(labels(placesFor('operator', '/')), [
    'Farm',
    'Machines',
    'Inventory: Networks Profiles Images Site Import and export',
    'Findings',
    'Seen',
    'Changes',
    'Generate',
  ])
})

test('nobody is led to what their role may not open', () => {
  assert.ok(!labels(placesFor('viewer', '/')).join().includes('Import'))
  const own = (role: 'viewer' | 'admin') => ownPlacesFor(role, '/').map(({ label }) => label)
  assert.deepEqual(
    [own('viewer'), own('admin')],
    [
      ['My account', 'API'],
      ['My account', 'Users', 'API'],
    ],
  )
})

test('where one is is marked: the place, and the menu that it is in', () => {
  const here = (path: string) => placesFor('viewer', path).flatMap(({ label, isHere }) => (isHere ? [label] : []))
  assert.deepEqual(
    [here('/'), here('/machines/web/edit'), here('/profiles/base')],
    [['Farm'], ['Machines'], ['Inventory']],
  )
  assert.deepEqual(here('/machinesque'), [])
})
