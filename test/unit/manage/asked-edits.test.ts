// Edits in turn: each sees what those before it have changed, and what can't be is refused by the row's own words.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { encodeRow } from '../../../server/inventory/encode.ts'
import type { AskedEdit } from '../../../server/manage/asked-edits.ts'
import { editsInTurn } from '../../../server/manage/asked-edits.ts'
import type { Desk } from '../../../server/manage/desk.ts'
import { Misworded, Refused } from '../../../server/manage/failure.ts'
import { NoSuchRow } from '../../../server/manage/stored-rows.ts'
import { snapshotOf } from '../../fixtures.ts'
import { farm } from '../cli/cli.ts'

/** No row here is unreadable, so no store is asked. */
const desk = { store: null } as unknown as Desk
const snapshot = snapshotOf(farm)
const edits = (...asked: readonly AskedEdit[]) => editsInTurn(desk, snapshot, asked)

test('words come after what is said beside them, and a row that several change is made of all of them', async () => {
  const made = await edits(
    { edit: 'add row', table: 'profiles', name: 'db', words: ['parent=base', 'params.rack=r1'] },
    {
      edit: 'set row',
      table: 'profiles',
      name: 'db',
      set: { params: { row: 7 }, arch: 'x86_64' },
      words: ['arch=i386'],
    },
    { edit: 'add machine', machine: { hostname: 'db[1-2]', profile: 'db' }, words: ['vcpus=2'] },
    { edit: 'set machines', select: ['db1'], words: ['vcpus=4'] },
  )
  const rows = made.map((edit) => (edit.kind === 'put' ? encodeRow(edit.row) : edit))
  assert.deepEqual(
    rows.map((row) =>
      'name' in row ? [row['arch'], row['params']] : 'hostname' in row ? [row['hostname'], row['vcpus']] : row,
    ),
    [
      ['i386', '{"rack":"r1","row":7}'],
      ['db1', 4],
      ['db2', 2],
    ],
  )
})

test('a site’s value is any JSON', async () => {
  const [edit] = await edits({ edit: 'put row', table: 'site', name: 'ntp', row: { value: ['192.0.2.9'] } })
  assert.deepEqual(edit?.kind === 'put' ? encodeRow(edit.row)['value'] : null, '["192.0.2.9"]')
})

describe('refused is', () => {
  const refused: readonly (readonly [string, AskedEdit, new (...given: never[]) => Error, RegExp])[] = [
    [
      'a second row of a name',
      { edit: 'add row', table: 'networks', name: 'farm', words: [] },
      Refused,
      /there is a network farm already; change it with: bootstead network set/,
    ],
    [
      'a row that is not there',
      { edit: 'set row', table: 'site', name: 'x', set: { value: 1 } },
      NoSuchRow,
      /there is no site value x; bootstead site list/,
    ],
    ['the removal of one', { edit: 'remove row', table: 'images', name: 'x' }, NoSuchRow, /there is no image x/],
    [
      'a word of no column',
      { edit: 'set machines', select: ['web'], words: ['vcpu=1'] },
      Misworded,
      /machines have no field vcpu/,
    ],
    [
      'a word that renames',
      { edit: 'set machines', select: ['web'], words: ['hostname=x'] },
      Misworded,
      /keeps its hostname/,
    ],
    [
      'a patch that arms',
      { edit: 'set machines', select: ['web'], set: { boot: 'install' } },
      Refused,
      /a field arms nothing/,
    ],
    [
      'a word that arms',
      { edit: 'set machines', select: ['web'], words: ['boot=install'] },
      Refused,
      /a field arms nothing/,
    ],
    [
      'a value that its column can’t hold',
      { edit: 'set machines', select: ['web'], words: ['vcpus=x'] },
      Refused,
      /machines web: vcpus is "x"/,
    ],
  ]
  for (const [name, asked, kind, why] of refused)
    test(name, () => assert.rejects(edits(asked), (error: Error) => error instanceof kind && why.test(error.message)))

  test('a row that one changes and another removes', () =>
    assert.rejects(
      edits(
        { edit: 'set machines', select: ['web'], words: ['vcpus=1'] },
        { edit: 'remove machines', select: ['web'] },
      ),
      /machines web is changed by one of the edits and removed by another/,
    ))
})
