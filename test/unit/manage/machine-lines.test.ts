import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import { readSnapshot } from '../../../server/inventory/store/read.ts'
import type { Desk } from '../../../server/manage/desk.ts'
import { machineLines } from '../../../server/manage/machine-lines.ts'
import { tableRows } from '../../../server/manage/stored-rows.ts'
import { sqliteStore } from '../../fixtures.ts'
import { farm } from '../cli/cli.ts'

test('rows that can’t be read are in the list of all, in its order, withheld; no words find them', async (t) => {
  const store = await sqliteStore(t, farm)
  await sql`INSERT INTO machines (hostname, profile, vcpus) VALUES ('acas0002b', 'base', 'many')`.execute(store.db)
  await sql`INSERT INTO profiles (name, arch) VALUES ('odd', 'z80')`.execute(store.db)
  const snapshot = await readSnapshot(store)
  const desk = { store, known: { templates: new Set(['own.ks']) }, stallMinutes: 30, now: () => 0 } as unknown as Desk
  const lines = await machineLines(desk, snapshot, [])
  assert.deepEqual(
    lines.map(({ hostname, withheld, profile }) => [hostname, withheld, profile]),
    [
      ['acas0001', false, 'dom0'],
      ['acas0002', false, 'base'],
      ['acas0002b', true, null],
      ['acas0003', false, 'base'],
      ['web', false, 'base'],
    ],
  )
  assert.deepEqual(
    (await machineLines(desk, snapshot, ['acas*'])).map(({ hostname }) => hostname),
    ['acas0001', 'acas0002', 'acas0003'],
  )
  assert.deepEqual(tableRows(snapshot, 'profiles').unreadable, ['odd'])
})
