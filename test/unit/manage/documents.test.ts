// The inventory as documents: what is taken along and brought again changes nothing.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Document } from '../../../server/manage/documents.ts'
import type { Desk } from '../../../server/manage/desk.ts'
import { applyDocuments, exportDocuments, importedBy } from '../../../server/manage/documents.ts'
import { readSnapshot } from '../../../server/inventory/store/read.ts'
import { snapshotOf, sqliteStore } from '../../fixtures.ts'
import { farm } from '../cli/cli.ts'

const snapshot = snapshotOf(farm)

test('exported as YAML or CSV and imported again, every row is unchanged', async (t) => {
  const store = await sqliteStore(t, farm)
  const desk = { store, known: { templates: new Set(['own.ks']) }, who: 'test', now: () => 0 } as unknown as Desk
  const stored = await readSnapshot(store)
  for (const format of ['yaml', 'csv'] as const) {
    const { documents, unreadable } = exportDocuments(stored, { format, table: null })
    assert.equal(unreadable, 0)
    const { kind, review } = await applyDocuments(desk, stored, documents, { dryRun: true })
    const { tables, stories } = importedBy(review, kind === 'planned')
    assert.deepEqual(stories, [])
    assert.deepEqual(
      tables.map(({ table, added, changed, unchanged }) => [table, added + changed, unchanged]),
      [
        ['site', 0, 2],
        ['networks', 0, 1],
        ['images', 0, 1],
        ['profiles', 0, 2],
        ['machines', 0, 4],
        ['interfaces', 0, 5],
      ],
    )
  }
})

describe('an export', () => {
  test('of CSV has a document for each table that has rows, or the one that is asked for', () => {
    const names = (table: 'machines' | null) =>
      exportDocuments(snapshot, { format: 'csv', table }).documents.map(({ name }) => name)
    assert.deepEqual(names('machines'), ['machines.csv'])
    assert.deepEqual(names(null), [
      'site.csv',
      'networks.csv',
      'images.csv',
      'profiles.csv',
      'machines.csv',
      'interfaces.csv',
    ])
  })

  test('of YAML has interfaces under their machines only', () => {
    assert.throws(() => exportDocuments(snapshot, { format: 'yaml', table: 'interfaces' }), /give --table machines/)
    const [{ text }] = exportDocuments(snapshot, { format: 'yaml', table: 'machines' }).documents as [Document]
    assert.match(text, /eth0:/)
    assert.doesNotMatch(text, /networks:\n/)
  })
})

test('rows that can’t be read are named, each with its document, and nothing is imported', async () => {
  const documents = ['a', 'b'].map((name) => ({
    name: `${name}.yaml`,
    text: 'machines: { x: { vcpus: many } }',
    table: null,
  }))
  await assert.rejects(
    applyDocuments({} as Desk, snapshot, documents, {}),
    /^Refused: nothing was imported:\na\.yaml line 1: machines x: profile.*\n.*vcpus is "many"[^]*b\.yaml line 1: machines x: profile/,
  )
})
