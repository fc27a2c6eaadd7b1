import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import {
  parseCsvTable,
  parseYamlDocument,
  renderCsvTable,
  renderYamlDocument,
} from '../../../server/inventory/document.ts'
import { encodeRow } from '../../../server/inventory/encode.ts'
import type { TableName } from '../../../server/inventory/rows.ts'
import { parseRow, rowKey, tableNames } from '../../../server/inventory/rows.ts'
import type { RowChange, Snapshot } from '../../../server/inventory/snapshot.ts'
import { changeSnapshot, emptySnapshot, rowsOf } from '../../../server/inventory/snapshot.ts'
import { snapshotOf } from '../../fixtures.ts'

const rowsIn = (snapshot: Snapshot): unknown => tableNames.map((table) => rowsOf(snapshot, table).map(encodeRow))
const errorsOf = (yaml: string): readonly string[] => parseYamlDocument(yaml, 'farm.yaml').errors
const csvErrors = (text: string, table: TableName): readonly string[] => parseCsvTable(text, table, 'farm.csv').errors

const text = fc.string({ unit: 'grapheme', maxLength: 12 })
const word = fc.stringMatching(/^[a-z][a-z0-9]{0,6}$/)
const paramsOf = fc.dictionary(fc.stringMatching(/^[a-z][a-z0-9_]{0,5}\+?$/), fc.jsonValue({ maxDepth: 2 }), {
  maxKeys: 3,
})
const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(value, { nil: null })
const address = fc.integer({ min: 1, max: 254 }).map((octet) => `192.0.2.${octet}`)

/** Rows as the store holds them; what the schemas refuse is left out. */
const rawRows: fc.Arbitrary<readonly RowChange[]> = fc
  .record({
    site: fc.array(
      fc.record({ name: word, value: fc.jsonValue({ maxDepth: 2 }).map((value) => JSON.stringify(value)) }),
      { maxLength: 3 },
    ),
    networks: fc.array(
      fc.record({
        name: word,
        cidr: fc.constant('192.0.2.0/24'),
        gateway: maybe(address),
        dns: fc.array(address, { maxLength: 3 }),
        ntp: fc.array(word, { maxLength: 2 }),
        mtu: maybe(fc.integer({ min: 68, max: 9216 })),
        vlan: maybe(fc.integer({ min: 1, max: 4094 })),
      }),
      { maxLength: 3 },
    ),
    images: fc.array(
      fc.record({
        name: word,
        arch: fc.constantFrom('i386', 'x86_64'),
        kernel: word,
        tree_url: maybe(text),
        sha256: fc.dictionary(word, fc.constant('0'.repeat(64)), { maxKeys: 2 }),
      }),
      { maxLength: 2 },
    ),
    profiles: fc.array(
      fc.record({
        name: word,
        parent: maybe(word),
        version: maybe(fc.constantFrom('9', '9.10', '4')),
        kernel_args: maybe(text),
        repositories: maybe(fc.array(fc.record({ name: word, url: text }), { maxLength: 2 })),
        params: paramsOf,
      }),
      { maxLength: 3 },
    ),
    machines: fc.array(
      fc.record({
        hostname: fc.oneof(word, fc.constantFrom('1e3', 'null', 'true', '0x1f', '12')),
        profile: word,
        dom0: maybe(word),
        cpus: maybe(fc.constantFrom('2', '2-3', '0,4')),
        memory_mib: maybe(fc.integer({ min: 1, max: 99999 })),
        boot: fc.constantFrom('local', 'install', 'hold'),
        vdisk: maybe(fc.constantFrom('/dev/sda5', '/dev/a:xvda,/dev/b')),
        params: paramsOf,
        notes: maybe(fc.string({ unit: 'binary', maxLength: 12 })),
      }),
      { maxLength: 4 },
    ),
    interfaces: fc.array(
      fc.record({
        machine: word,
        name: fc.constantFrom('eth0', 'eth1'),
        mac: maybe(fc.constant('00:00:5e:00:53:01')),
        ip: maybe(address),
        boot: fc.boolean(),
      }),
      { maxLength: 4 },
    ),
  })
  .map((tables) =>
    tableNames.flatMap((table) =>
      tables[table].flatMap((raw): RowChange[] => {
        const parsed = parseRow(table, raw)
        return parsed.ok ? [{ table, key: rowKey(table, raw), raw: encodeRow(parsed.row) }] : []
      }),
    ),
  )

describe('round trip', () => {
  test('a document that was exported reads back as the same inventory, whatever is in it', () => {
    fc.assert(
      fc.property(rawRows, (changes) => {
        const snapshot = changeSnapshot(emptySnapshot, changes, 1)
        const strays = [...snapshot.interfaces.keys()].filter((name) => !snapshot.machines.has(name)) // the document has interfaces under machines
        const inventory = changeSnapshot(
          snapshot,
          strays.flatMap((name) =>
            (snapshot.interfaces.get(name) ?? []).map((nic) => ({
              table: 'interfaces' as const,
              key: `${name}/${nic.name}`,
              raw: null,
            })),
          ),
          1,
        )
        const yaml = renderYamlDocument(inventory)
        const { rows, errors } = parseYamlDocument(yaml, 'export')
        assert.deepEqual(errors, [])
        const again = changeSnapshot(
          emptySnapshot,
          rows.map(({ table, key, row }) => ({ table, key, raw: encodeRow(row) })),
          1,
        )
        assert.deepEqual(rowsIn(again), rowsIn(inventory))
        assert.equal(renderYamlDocument(again), yaml)
      }),
      { numRuns: 300 },
    )
  })

  test('a table as CSV reads back as the same table, quotes, commas and line ends included', () => {
    fc.assert(
      fc.property(rawRows, (changes) => {
        const snapshot = changeSnapshot(emptySnapshot, changes, 1)
        for (const table of tableNames) {
          const { rows, errors } = parseCsvTable(renderCsvTable(snapshot, table), table, 'export')
          assert.deepEqual(errors, [])
          assert.deepEqual(
            rows.map(({ row }) => encodeRow(row)),
            rowsOf(snapshot, table).map(encodeRow),
          )
        }
      }),
      { numRuns: 300 },
    )
  })

  test('an export reads as a person would write it: what is not given is left out', () => {
    const yaml = renderYamlDocument(
      snapshotOf(
        'machines: {acas0001: {profile: base, boot: local, notes: "", params: {}, interfaces: {eth0: {mac: 00-00-5E-00-53-01, boot: no}}}}',
      ),
    )
    assert.equal(yaml, 'machines:\n  acas0001: { profile: base, interfaces: { eth0: { mac: 00:00:5e:00:53:01 } } }\n')
    assert.equal(renderYamlDocument(emptySnapshot), '{}\n')
    assert.deepEqual(parseYamlDocument('{}', 'x'), { rows: [], errors: [], faults: [], refused: [] })
  })

  test('an empty list of repositories is a choice, not an absence: a profile may want none of its parent’s', () => {
    const yaml = renderYamlDocument(snapshotOf('profiles: {a: {repositories: []}, b: {}}'))
    const { rows } = parseYamlDocument(yaml, 'x')
    assert.deepEqual(
      rows.map(({ row }) => ('repositories' in row ? row.repositories : 'none')),
      [[], null],
    )
  })
})

describe('YAML errors', () => {
  test('a value that can’t be read is named with file, line, row, column and value; the other rows are read', () => {
    const { rows, errors } = parseYamlDocument(
      'machines:\n  a:\n    profile: base\n    memory_mib: much\n  b:\n    profile: base\n    interfaces:\n      eth0:\n        mac: zz\n',
      'farm.yaml',
    )
    assert.deepEqual(errors, [
      'farm.yaml line 3: machines a: memory_mib is "much": expected a whole number of MiB from 1 to 67108864',
      'farm.yaml line 9: interfaces eth0: mac is "zz": expected a unicast MAC address such as 00:00:5e:00:53:01',
    ])
    assert.deepEqual(
      rows.map(({ key }) => key),
      ['b'],
    )
  })

  test('a key given twice is refused with its line: one of the two would be lost', () => {
    assert.deepEqual(errorsOf('machines:\n  a: {profile: x}\n  b: {profile: x}\n  a: {profile: y}\n'), [
      'farm.yaml line 4: the key a is given twice',
    ])
    assert.deepEqual(errorsOf('machines:\n  a:\n    profile: x\n    profile: y\n'), [
      'farm.yaml line 4: the key profile is given twice',
    ])
    assert.deepEqual(errorsOf('site: {a: 1}\nsite: {b: 1}\n'), ['farm.yaml line 2: the key site is given twice'])
  })

  test('a table or a column that does not exist is named, with those there are', () => {
    assert.deepEqual(errorsOf('hosts: {}'), [
      'farm.yaml: hosts is not one of site, networks, images, profiles, machines',
    ])
    assert.deepEqual(errorsOf('interfaces: {eth0: {}}'), [
      'farm.yaml: interfaces is not one of site, networks, images, profiles, machines',
    ])
    assert.deepEqual(errorsOf('constructor: {}'), [
      'farm.yaml: constructor is not one of site, networks, images, profiles, machines',
    ])
    assert.deepEqual(errorsOf('machines:\n  a: {profile: x, colour: red}\n'), [
      'farm.yaml line 2: machines a: colour is "red": machines have no column of this name',
    ])
  })

  test('a document of another shape says what was expected where', () => {
    assert.deepEqual(errorsOf('- a\n- b\n'), [
      'farm.yaml: expected the tables site, networks, images, profiles, machines, interfaces as keys',
    ])
    assert.deepEqual(errorsOf('machines: [a]'), ['farm.yaml: machines: expected one key for each row'])
    assert.deepEqual(errorsOf('machines: {a: 5}'), ['farm.yaml: machines a: expected columns'])
    assert.deepEqual(errorsOf('machines: {a: {profile: x, interfaces: [eth0]}}'), [
      'farm.yaml: machines a: interfaces: expected one key for each interface',
    ])
    assert.deepEqual(errorsOf('machines: {a: {profile: x, interfaces: {eth0: 5}}}'), [
      'farm.yaml: machines a: interface eth0: expected columns',
    ])
  })

  test('text that is no YAML is an error with its place, and nothing is read', () => {
    const { rows, errors } = parseYamlDocument('machines:\n  a: {profile: x\n  b: y\n', 'farm.yaml')
    assert.deepEqual(rows, [])
    assert.match(errors[0] ?? '', /^farm\.yaml: .* at line \d, column \d+:\n\n {2}b: y\n +\^\n$/)
  })

  test('an empty document, or one of comments, is an empty inventory', () => {
    for (const yaml of ['', '# nothing yet\n', 'machines:\n', 'machines: {}\nsite:\n'])
      assert.deepEqual(parseYamlDocument(yaml, 'x'), { rows: [], errors: [], faults: [], refused: [] })
  })

  test('a document of aliases that multiply without end is refused, not expanded', () => {
    const bomb = [
      'a: &a [x,x,x,x,x,x,x,x,x,x]',
      ...'bcdefgh'.split('').map((name, index) => `${name}: &${name} [${`*${'abcdefg'[index] ?? ''},`.repeat(10)}]`),
    ].join('\n')
    assert.deepEqual(parseYamlDocument(bomb, 'x').rows, [])
    assert.deepEqual(parseYamlDocument(bomb, 'x').errors, [
      'x: its aliases stand for more than 1000 values; write out what is meant',
    ])
  })

  test('a document that is nested without end is refused in one sentence, whatever it is made of', () => {
    const depth = 100_000
    const deep = [
      ...['[', '{a: ', '- ', '? '].map((open) => open.repeat(depth)),
      `machines: ${'['.repeat(depth)}${']'.repeat(depth)}`,
      `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`,
      `machines: {a: {profile: p, params: {x: ${'['.repeat(98)}${']'.repeat(98)}}}}`,
      'machines: {a: &a {profile: p, params: {x: *a, y: *a}}}',
    ]
    for (const text of deep) {
      const { rows, errors } = parseYamlDocument(text, 'x')
      assert.deepEqual([rows, errors], [[], ['x: is nested more than 100 deep; nothing that is meant is']])
    }
    const usual = `machines: {a: {profile: p, params: {x: ${'['.repeat(96)}${']'.repeat(96)}}}}`
    assert.equal(parseYamlDocument(usual, 'x').rows.length, 1)
  })

  test('of very many errors the first ones are told, each with its place', () => {
    for (const text of ['!a '.repeat(30_000), 'a: b\n'.repeat(30_000)]) {
      const { rows, errors } = parseYamlDocument(text, 'x')
      assert.deepEqual([rows.length, errors.length], [0, 21])
      assert.match(errors[0] ?? '', / line \d/)
      assert.match(errors[20] ?? '', /^x: and 29\d{3} more like these$/)
    }
  })

  test('a JSON document is YAML too', () => {
    const { rows, errors } = parseYamlDocument('{"machines": {"a": {"profile": "base"}}}', 'farm.json')
    assert.deepEqual([rows.length, errors.length], [1, 0])
  })

  test('values a person may well leave unquoted read as what was meant', () => {
    const { rows, errors } = parseYamlDocument(
      'profiles: {p: {version: 9}}\nmachines: {a: {profile: p, cpus: 2, vcpus: "8"}}',
      'x',
    )
    assert.deepEqual(errors, [])
    const [profile, machine] = rows.map(({ row }) => row as unknown as Record<string, unknown>)
    assert.deepEqual([profile?.['version'], machine?.['cpus'], machine?.['vcpus']], ['9', '2', 8])
  })
})

describe('CSV errors', () => {
  test('a value that can’t be read is named with its line, counting the lines of quoted fields', () => {
    assert.deepEqual(
      csvErrors('hostname,profile,notes,memory_mib\na,base,"two\nlines",1\nb,base,,much\n', 'machines'),
      ['farm.csv line 4: machines b: memory_mib is "much": expected a whole number of MiB from 1 to 67108864'],
    )
  })

  test('a column that the table does not have is named', () => {
    assert.deepEqual(csvErrors('hostname,profile,colour\na,base,red\n', 'machines'), [
      'farm.csv line 2: machines a: colour is "red": machines have no column of this name',
    ])
  })

  test('a line of another length, or quotes that never end, are errors and no half-read row', () => {
    assert.match(
      csvErrors('hostname,profile\na,base,extra\n', 'machines').join(),
      /^farm\.csv: .*Invalid Record Length.*line 2/,
    )
    assert.match(csvErrors('hostname,profile\n"a,base\n', 'machines').join(), /^farm\.csv: Quote Not Closed/)
  })

  test('columns may stand in any order; those left out are what the inventory has', () => {
    const { rows, errors } = parseCsvTable('memory_mib,hostname\n4096,a\n', 'machines', 'x', (_, key) => ({
      hostname: key,
      profile: 'base',
      notes: 'kept',
    }))
    assert.deepEqual(errors, [])
    assert.deepEqual(
      rows
        .map(({ row }) => encodeRow(row))
        .map(({ hostname, memory_mib, profile, notes }) => [hostname, memory_mib, profile, notes]),
      [['a', 4096, 'base', 'kept']],
    )
  })

  test('a byte order mark and empty lines, as spreadsheets write them, are passed over', () => {
    const { rows, errors } = parseCsvTable('\uFEFFhostname,profile\r\n\r\na,base\r\n', 'machines', 'x')
    assert.deepEqual([rows.map(({ key }) => key), errors], [['a'], []])
  })
})
