// What a document is, and what it leaves as it is.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { csvTableOf, editsOfRows, formatOf, givenTwice, readDocument } from '../../../server/manage/import.ts'
import { snapshotOf } from '../../fixtures.ts'
import { farm } from '../cli/cli.ts'

test('a name tells the format, and a CSV its table by name or by columns', () => {
  assert.deepEqual(['a.CSV', 'a.yml', 'a.json', 'a.txt', ''].map(formatOf), ['csv', 'yaml', 'yaml', null, null])
  assert.deepEqual(csvTableOf('x,y\n', 'machines.csv'), { ok: true, table: 'machines' })
  assert.deepEqual(csvTableOf('hostname,profile\n', 'upload'), { ok: true, table: 'machines' })
  assert.deepEqual(csvTableOf('machine,name,mac\n', ''), { ok: true, table: 'interfaces' })
  const unclear = csvTableOf('name\n', '')
  assert.ok(!unclear.ok && unclear.fitting.length > 1)
  assert.deepEqual(csvTableOf('"', ''), { ok: false, columns: [], fitting: [] })
})

test('a CSV says nothing of columns that it doesn’t have; YAML says what a row is, but for its next boot', () => {
  const snapshot = snapshotOf(farm.replace('web: { profile: base', 'web: { boot: rescue, profile: base'))
  const csv = readDocument(snapshot, { text: 'hostname,memory_mib\nweb,512\n', name: 'x', table: 'machines' })
  assert.deepEqual(
    csv.rows.map(({ row }) => 'disk' in row && [row.disk, row.memory_mib, row.boot]),
    [['nvme0n1', 512, 'rescue']],
  )
  const yaml = readDocument(snapshot, { text: 'machines: { web: { profile: base } }', name: 'x', table: null })
  assert.deepEqual(
    yaml.rows.map(({ row }) => 'disk' in row && [row.disk, row.boot]),
    [[null, 'rescue']],
  )
  assert.equal(editsOfRows(yaml.rows).length, 1)
})

test('refused rows are told with line and fields, apart from the document’s own faults; twice is once too often', () => {
  const { refused, faults, errors } = readDocument(snapshotOf(''), {
    text: 'hostname,profile,vcpus\nok,base,1\nbad,base,x\n',
    name: 'm.csv',
    table: 'machines',
  })
  assert.deepEqual(
    refused.map(({ key, line, errors: own }) => [key, line, own.map(({ field }) => field)]),
    [['bad', 3, ['vcpus']]],
  )
  assert.deepEqual([faults, errors.length], [[], 1])
  const twice = readDocument(snapshotOf(''), {
    text: 'hostname,profile\na,base\na,base\n',
    name: '',
    table: 'machines',
  })
  assert.deepEqual(givenTwice(twice.rows), ['machines a: given twice; keep one of them'])
  assert.equal(readDocument(snapshotOf(''), { text: 'tables: 1', name: 'x', table: null }).faults.length, 1)
})
