// What edits would do: which rows change, and who would be withheld because of it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Edit } from '../../../server/inventory/encode.ts'
import type { TableName } from '../../../server/inventory/rows.ts'
import { parseRow } from '../../../server/inventory/rows.ts'
import { reviewEdits } from '../../../server/manage/review.ts'
import { snapshotOf } from '../../fixtures.ts'

const known = { templates: new Set(['own.ks']) }
const snapshot = snapshotOf(`
networks: { farm: { cidr: 192.0.2.0/24 }, lab: { cidr: 198.51.100.0/24 } }
profiles: { base: { template: own.ks }, web: { parent: base }, other: { template: own.ks } }
machines:
  web1: { profile: web, interfaces: { eth0: { mac: 00:00:5e:00:53:01, ip: 192.0.2.1, network: farm } } }
  web2: { profile: web, interfaces: { eth0: { mac: 00:00:5e:00:53:02, ip: 198.51.100.2, network: lab } } }
  old: { profile: other, interfaces: { eth0: { mac: 00:00:5e:00:53:03, ip: 192.0.2.3, network: farm } } }
`)

function put(table: TableName, raw: Readonly<Record<string, unknown>>): Edit {
  const parsed = parseRow(table, raw)
  assert.ok(parsed.ok)
  return { kind: 'put', table, row: parsed.row }
}

const broken = async (...edits: readonly Edit[]): Promise<readonly string[]> =>
  (await reviewEdits(snapshot, known, edits)).broken.map(({ machine, field }) => `${machine} ${field}`).toSorted()

test('of a profile that changes, those are withheld that have it or inherit from it', async () => {
  assert.deepEqual(await broken(put('profiles', { name: 'base', template: 'gone.ks' })), [
    'web1 template',
    'web2 template',
  ])
  assert.deepEqual(await broken(put('profiles', { name: 'base', template: 'own.ks', kernel_args: 'quiet' })), [])
})

test('of a network that changes, those whose addresses are outside it then', async () => {
  assert.deepEqual(await broken(put('networks', { name: 'farm', cidr: '203.0.113.0/24' })), ['old ip', 'web1 ip'])
})

test('a removed profile withholds who named it, and an edit that changes nothing nobody', async () => {
  assert.deepEqual(await broken({ kind: 'delete', table: 'profiles', key: 'other' }), ['old profile'])
  const { edits, unchanged } = await reviewEdits(snapshot, known, [
    put('networks', { name: 'farm', cidr: '192.0.2.0/24' }),
  ])
  assert.deepEqual([edits.length, unchanged.length], [0, 1])
})
