import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { canonicalJson, changedColumns, encodeRow } from '../../../server/inventory/encode.ts'
import type { FieldError, TableName } from '../../../server/inventory/rows.ts'
import { parseRow, rowKey, tableNames, tables } from '../../../server/inventory/rows.ts'

const minimal: Readonly<Record<TableName, Readonly<Record<string, unknown>>>> = {
  site: { name: 'timezone', value: '"Etc/UTC"' },
  networks: { name: 'farm', cidr: '192.0.2.0/24' },
  images: { name: 'el9', arch: 'x86_64', kernel: 'vmlinuz' },
  profiles: { name: 'base' },
  machines: { hostname: 'acas0001', profile: 'base' },
  interfaces: { machine: 'acas0001', name: 'eth0' },
}

function refused(table: TableName, columns: Readonly<Record<string, unknown>>): readonly FieldError[] {
  const parsed = parseRow(table, { ...minimal[table], ...columns })
  assert.ok(!parsed.ok, `${table} ${JSON.stringify(columns)} was taken`)
  return parsed.errors
}

function accepted(table: TableName, columns: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const parsed = parseRow(table, { ...minimal[table], ...columns })
  assert.ok(parsed.ok, `${table} ${JSON.stringify(columns)}: ${parsed.ok ? '' : JSON.stringify(parsed.errors)}`)
  return parsed.row
}

describe('every table', () => {
  test('has its minimal row, whose other columns have their empty value', () => {
    for (const table of tableNames) {
      const row = accepted(table, {})
      assert.deepEqual(Object.keys(row).toSorted(), Object.keys(tables[table].schema.shape).toSorted())
    }
    assert.equal(accepted('machines', {})['boot'], 'local')
    assert.deepEqual(accepted('networks', {})['dns'], [])
  })

  test('refuses a column it does not have, and names it', () => {
    for (const table of tableNames)
      assert.deepEqual(refused(table, { colour: 'red' }), [
        { field: 'colour', value: 'red', message: `${table} have no column of this name` },
      ])
  })

  test('refuses a row without its key, and what is no row at all, without throwing', () => {
    for (const table of tableNames) {
      for (const raw of [{}, null, 'x', 7, []]) assert.ok(!parseRow(table, raw).ok)
    }
  })

  test('takes its own encoding back: what is stored is what is read', () => {
    for (const table of tableNames) {
      const row = accepted(table, {})
      assert.deepEqual(parseRow(table, encodeRow(row as never)), { ok: true, row })
    }
  })

  test('reports all wrong columns of a row at once, each with its value', () => {
    const errors = refused('machines', { dom0: 'not a name', memory_mib: 'much', boot: 'never', cpus: 'all' })
    assert.deepEqual(
      errors.map(({ field, value }) => [field, value]),
      [
        ['dom0', 'not a name'],
        ['cpus', 'all'],
        ['memory_mib', 'much'],
        ['boot', 'never'],
      ],
    )
  })
})

describe('columns', () => {
  const rows: readonly (readonly [
    TableName,
    string,
    readonly (readonly [given: unknown, read: unknown])[],
    readonly (readonly [given: unknown, message: RegExp])[],
  ])[] = [
    [
      'machines',
      'hostname',
      [
        ['ACAS0001', 'acas0001'],
        [' a ', 'a'],
        ['9a', '9a'],
        ['a'.repeat(63), 'a'.repeat(63)],
      ],
      [
        ['a.example.org', /no domain \(RFC 1123/],
        ['-a', /host name/],
        ['a_b', /host name/],
        ['a'.repeat(64), /63 at most/],
        ['', /host name/],
        ['a/b', /host name/],
        ['..', /host name/],
      ],
    ],
    [
      'machines',
      'domain',
      [
        ['Example.ORG', 'example.org'],
        ['', null],
        [undefined, null],
      ],
      [
        ['-x.org', /domain name/],
        ['a..b', /domain name/],
        [`${'a.'.repeat(127)}a`, /domain name/],
      ],
    ],
    [
      'machines',
      'uuid',
      [['564D1C2E00004000800000005E005301', '564d1c2e-0000-4000-8000-00005e005301']],
      [['7', /UUID such as/]],
    ],
    [
      'machines',
      'vcpus',
      [
        [8, 8],
        ['8', 8],
        ['8.00', 8],
        ['', null],
        [null, null],
      ],
      [
        [0, /whole number from 1 to 4096/],
        ['four', /whole number/],
        [1.5, /whole number/],
        [true, /whole number/],
        [[3], /whole number/],
        ['0x10', /whole number/],
        ['1e3', /whole number/],
        ['8 GiB', /whole number/],
      ],
    ],
    [
      'machines',
      'memory_mib',
      [['16384', 16384]],
      [
        ['16 GiB', /whole number of MiB from 1/],
        [-1, /whole number of MiB/],
      ],
    ],
    [
      'machines',
      'cpus',
      [
        ['3,2', '2-3'],
        [2, '2'],
        ['', null],
      ],
      [
        ['all', /CPU numbers such as 2-3/],
        [1.5, /CPU numbers/],
      ],
    ],
    ['machines', 'vdisk', [['/dev/sda5', '/dev/sda5']], [['sda5', /devices such as \/dev\/sda5/]]],
    [
      'machines',
      'arch',
      [
        ['i386', 'i386'],
        ['', null],
      ],
      [['amd64', /"i386"\|"x86_64"\|"aarch64"\|"riscv64"/]],
    ],
    [
      'machines',
      'boot',
      [
        ['install', 'install'],
        ['', 'local'],
        [null, 'local'],
      ],
      [['pxe', /"local"\|"install"\|"rescue"\|"memtest"\|"hold"/]],
    ],
    [
      'machines',
      'disk',
      [
        ['sda', 'sda'],
        ['/dev/disk/by-id/x', '/dev/disk/by-id/x'],
      ],
      [
        ['sda; reboot', /device such as \/dev\/sda/],
        ['$(x)', /device/],
      ],
    ],
    [
      'machines',
      'serial_console',
      [
        ['ttyS0', 'ttyS0'],
        ['ttyS1,115200n8', 'ttyS1,115200n8'],
        ['hvc0', 'hvc0'],
      ],
      [
        ['ttyS0 init=/bin/sh', /console such as/],
        ['tty', /console/],
      ],
    ],
    [
      'machines',
      'params',
      [
        ['{"a":1}', { a: 1 }],
        [{ 'packages+': ['vim'] }, { 'packages+': ['vim'] }],
        ['', {}],
        [null, {}],
      ],
      [
        ['{', /expected JSON/],
        ['[]', /record|object/],
        [{ 'a b': 1 }, /Invalid key|name such as/],
      ],
    ],
    ['machines', 'notes', [['two\nlines', 'two\nlines']], [['x'.repeat(65536), /65535/]]],
    [
      'interfaces',
      'mac',
      [['00-00-5E-00-53-01', '00:00:5e:00:53:01']],
      [
        ['01:00:5e:00:00:01', /unicast MAC/],
        [7, /unicast MAC/],
      ],
    ],
    ['interfaces', 'ip', [['192.0.2.10', '192.0.2.10']], [['192.0.2.300', /IPv4 address such as/]]],
    [
      'interfaces',
      'name',
      [
        ['eth0.30', 'eth0.30'],
        ['enp1s0f0np0', 'enp1s0f0np0'],
      ],
      [
        ['eth0/1', /interface name such as/],
        ['x'.repeat(16), /interface name/],
        ['0eth', /interface name/],
      ],
    ],
    [
      'interfaces',
      'bridge',
      [
        ['xenbr0', 'xenbr0'],
        ['', null],
      ],
      [['br 0', /bridge name such as/]],
    ],
    [
      'interfaces',
      'vlan',
      [
        [30, 30],
        ['4094', 4094],
      ],
      [
        [0, /whole number from 1 to 4094/],
        [4095, /whole number/],
      ],
    ],
    [
      'interfaces',
      'boot',
      [
        [1, true],
        ['0', false],
        ['yes', true],
        ['no', false],
        ['Y', true],
        ['N', false],
        ['true', true],
        ['', false],
        [true, true],
      ],
      [
        ['maybe', /expected yes or no/],
        [2, /expected yes or no/],
      ],
    ],
    [
      'networks',
      'cidr',
      [['192.0.2.0/24', '192.0.2.0/24']],
      [
        ['192.0.2.1/24', /bits behind the prefix are zero/],
        ['', /network such as/],
      ],
    ],
    [
      'networks',
      'dns',
      [
        ['192.0.2.1, 192.0.2.2', ['192.0.2.1', '192.0.2.2']],
        [['192.0.2.1'], ['192.0.2.1']],
        ['', []],
      ],
      [['ns.example.org', /IPv4 address/]],
    ],
    ['networks', 'ntp', [['ntp.example.org', ['ntp.example.org']]], [[['a b'], /name or address of a time server/]]],
    ['networks', 'mtu', [[9000, 9000]], [[67, /whole number from 68 to 9216/]]],
    [
      'profiles',
      'version',
      [
        [9, '9'],
        ['9.4', '9.4'],
        ['10', '10'],
      ],
      [
        ['9.4.1', /version such as/],
        ['nine', /version/],
      ],
    ],
    ['profiles', 'family', [['debian', 'debian']], [['ubuntu', /"el"\|"fedora"\|"debian"/]]],
    [
      'profiles',
      'template',
      [['site/el9.ks', 'site/el9.ks']],
      [
        ['../el9.ks', /relative path/],
        ['/etc/passwd', /relative path/],
      ],
    ],
    [
      'profiles',
      'kernel_args',
      [['quiet nomodeset', 'quiet nomodeset']],
      [
        ['a\nb', /control characters/],
        ['x'.repeat(2001), /2000/],
      ],
    ],
    [
      'profiles',
      'repositories',
      [
        ['[{"name":"base","url":"repo/el9"}]', [{ name: 'base', url: 'repo/el9' }]],
        ['', null],
        [[], []],
      ],
      [
        [[{ name: 'a b', url: 'x' }], /repository name/],
        [[{ name: 'a' }], /.*/],
      ],
    ],
    [
      'images',
      'kernel',
      [['images/pxeboot/vmlinuz', 'images/pxeboot/vmlinuz']],
      [
        ['../vmlinuz', /relative path/],
        ['/boot/vmlinuz', /relative path/],
        ['a b', /relative path/],
      ],
    ],
    [
      'images',
      'sha256',
      [[{ vmlinuz: 'a'.repeat(64) }, { vmlinuz: 'a'.repeat(64) }]],
      [[{ vmlinuz: 'abc' }, /sha256 in hex/]],
    ],
    [
      'interfaces',
      'ip6',
      [
        ['2001:DB8::10', '2001:db8::10'],
        ['', null],
      ],
      [['fe80::1', /an IPv6 address such as/]],
    ],
    [
      'networks',
      'cidr6',
      [
        ['2001:db8:0::/64', '2001:db8::/64'],
        [null, null],
      ],
      [['2001:db8::1/64', /an IPv6 network/]],
    ],
    [
      'networks',
      'dns6',
      [
        ['2001:db8::1, 2001:db8::2', ['2001:db8::1', '2001:db8::2']],
        ['', []],
      ],
      [[['192.0.2.1'], /an IPv6 address/]],
    ],
    [
      'site',
      'value',
      [
        ['"text"', 'text'],
        ['[1,2]', [1, 2]],
        ['null', null],
        ['', null],
      ],
      [['Etc/UTC', /expected JSON/]],
    ],
    ['site', 'name', [['ssh_keys', 'ssh_keys']], [['SSH', /name such as timezone/]]],
  ]
  for (const [table, column, good, bad] of rows)
    test(`${table}.${column}: what is read, and what is refused with the column's name`, () => {
      for (const [given, read] of good) assert.deepEqual(accepted(table, { [column]: given })[column], read)
      for (const [given, message] of bad) {
        const [error] = refused(table, { [column]: given })
        assert.equal(error?.field.split('.')[0], column, JSON.stringify(error))
        assert.match(error.message, message)
        assert.deepEqual(error.value, given)
      }
    })
})

test('a control character in a value that reaches a menu or a configuration is refused, so that it can start no line there', () => {
  for (const [table, column] of [
    ['profiles', 'kernel_args'],
    ['images', 'tree_url'],
    ['machines', 'disk'],
    ['machines', 'serial_console'],
  ] as const)
    for (const character of ['\n', '\r', '\0', '\u0085'])
      assert.ok(refused(table, { [column]: `x${character}y` }).length > 0, `${column} ${JSON.stringify(character)}`)
})

test('a row’s key is its key columns; an interface’s names its machine', () => {
  assert.equal(rowKey('machines', { hostname: 'acas0001' }), 'acas0001')
  assert.equal(rowKey('interfaces', { machine: 'acas0001', name: 'eth0' }), 'acas0001/eth0')
})

test('equal values are equal texts: JSON with sorted keys, lists with commas, booleans as 0 and 1', () => {
  assert.equal(canonicalJson({ b: [{ d: 1, c: 2 }], a: null }), '{"a":null,"b":[{"c":2,"d":1}]}')
  assert.deepEqual(
    { ...encodeRow(accepted('networks', { dns: ['192.0.2.1', '192.0.2.2'] }) as never) }['dns'],
    '192.0.2.1,192.0.2.2',
  )
  assert.equal({ ...encodeRow(accepted('interfaces', { boot: 'yes' }) as never) }['boot'], 1)
})

test('a diff names the columns that differ and no others', () => {
  const before = accepted('machines', { params: { a: 1, b: 2 } }) as never
  const same = accepted('machines', { params: { b: 2, a: 1 } }) as never
  const after = accepted('machines', { params: { a: 1 }, memory_mib: 5 }) as never
  assert.deepEqual(changedColumns(before, same), [])
  assert.deepEqual(changedColumns(before, after), ['memory_mib', 'params'])
  assert.deepEqual(changedColumns(null, accepted('site', {}) as never), ['name', 'value'])
})
