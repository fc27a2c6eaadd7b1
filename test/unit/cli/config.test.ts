import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Host, Resolution, Surroundings } from '../../../server/cli/config.ts'
import { resolveConfig } from '../../../server/cli/config.ts'
import { UsageError } from '../../../server/cli/failure.ts'
import { settingNames } from '../../../server/cli/settings.ts'

type Given = Readonly<{ files?: Readonly<Record<string, string>>; writable?: readonly string[] }> &
  Partial<Surroundings>

function resolved({ files = {}, writable = [], ...surroundings }: Given): Resolution {
  const host: Host = {
    read: (path) => files[path] ?? null,
    exists: (path) => path in files,
    isWritable: (path) => writable.includes(path),
  }
  return resolveConfig({
    flags: {},
    env: {},
    cwd: '/here',
    home: '/home/op',
    isRoot: false,
    isTerminal: true,
    host,
    ...surroundings,
  })
}

const complaintOf = (given: Given): string => {
  try {
    resolved(given)
  } catch (error) {
    assert.ok(error instanceof UsageError, String(error))
    return error.message
  }
  return assert.fail('it was taken')
}

describe('where a value comes from', () => {
  test('a flag goes before the environment, that before the file, that before the default', () => {
    const file = { '/here/bootstead.yaml': '# ours\nhttp_port: 8081\n' }
    const env = { BOOTSTEAD_HTTP_PORT: '8082' }
    const flags = { httpPort: '8083' }
    const ports = [
      resolved({}),
      resolved({ files: file }),
      resolved({ files: file, env }),
      resolved({ files: file, env, flags }),
    ]
    assert.deepEqual(
      ports.map(({ config, origins }) => [config.httpPort, origins.httpPort]),
      [
        [80, 'default'],
        [8081, '/here/bootstead.yaml line 2'],
        [8082, 'BOOTSTEAD_HTTP_PORT'],
        [8083, 'flag --http-port'],
      ],
    )
  })

  test('bootstead.yaml is the one of --config, of BOOTSTEAD_CONFIG, of the folder, of /etc/bootstead', () => {
    const files = {
      '/a': 'tftp_port: 1',
      '/b': 'tftp_port: 2',
      '/here/bootstead.yaml': 'tftp_port: 3',
      '/etc/bootstead/bootstead.yaml': 'tftp_port: 4',
    }
    const env = { BOOTSTEAD_CONFIG: '/b' }
    assert.equal(resolved({ files, env, flags: { config: '/a' } }).file, '/a')
    assert.equal(resolved({ files, env }).file, '/b')
    assert.equal(resolved({ files }).config.tftpPort, 3)
    assert.equal(resolved({ files, cwd: '/elsewhere' }).config.tftpPort, 4)
    assert.equal(resolved({ cwd: '/elsewhere' }).file, null)
  })

  test('an empty variable counts as not set, as a unit or compose file leaves it', () => {
    assert.equal(resolved({ env: { BOOTSTEAD_HTTP_PORT: '', BOOTSTEAD_CONFIG: '' } }).origins.httpPort, 'default')
  })

  test('a relative path starts where it was written', () => {
    const files = { '/etc/bootstead/bootstead.yaml': 'templates: ours\ninventory: sqlite:inventory.sqlite' }
    const { config } = resolved({ files, cwd: '/elsewhere', env: { BOOTSTEAD_STATE: 'state' } })
    assert.equal(config.templates, '/etc/bootstead/ours')
    assert.equal(config.inventory, 'sqlite:/etc/bootstead/inventory.sqlite')
    assert.equal(config.state, '/elsewhere/state')
  })
})

describe('defaults', () => {
  test('the state folder is the system’s for root and for whoever may write it, else the user’s own', () => {
    assert.equal(resolved({ isRoot: true }).config.state, '/var/lib/bootstead')
    assert.equal(resolved({ writable: ['/var/lib/bootstead'] }).config.state, '/var/lib/bootstead')
    assert.equal(resolved({}).config.state, '/home/op/.local/state/bootstead')
    assert.equal(resolved({ env: { XDG_STATE_HOME: '/x' } }).config.state, '/x/bootstead')
  })

  test('the inventory is in the state folder, wherever that comes from', () => {
    assert.equal(resolved({ flags: { state: '/s' } }).config.inventory, 'sqlite:/s/inventory.sqlite')
  })

  test('templates are /etc/bootstead/templates when it is there, logs are text on a terminal', () => {
    assert.equal(resolved({}).config.templates, null)
    assert.equal(resolved({ files: { '/etc/bootstead/templates': '' } }).config.templates, '/etc/bootstead/templates')
    assert.equal(resolved({}).config.logFormat, 'text')
    assert.equal(resolved({ isTerminal: false }).config.logFormat, 'json')
  })

  test('every setting has an origin', () => {
    assert.deepEqual(Object.keys(resolved({}).origins), [...settingNames])
  })
})

describe('values', () => {
  test('doors are a list in YAML, words with commas elsewhere, and --no-dhcp takes one away', () => {
    assert.deepEqual(resolved({}).config.doors, ['dhcp', 'tftp', 'http', 'admin'])
    assert.deepEqual(resolved({ env: { BOOTSTEAD_DOORS: 'http, tftp' } }).config.doors, ['tftp', 'http'])
    const files = { '/here/bootstead.yaml': 'doors: [dhcp, http]' }
    const { config, origins } = resolved({ files, flags: { dhcp: false } })
    assert.deepEqual(config.doors, ['http'])
    assert.equal(origins.doors, 'flag --no-dhcp')
  })

  test('what this server is to DHCP is one word', () => {
    assert.equal(resolved({}).config.dhcpMode, 'server')
    assert.equal(resolved({ files: { '/here/bootstead.yaml': 'dhcp_mode: proxy' } }).config.dhcpMode, 'proxy')
    assert.equal(resolved({ flags: { dhcpMode: 'proxy-4011' } }).config.dhcpMode, 'proxy-4011')
    assert.equal(
      complaintOf({ env: { BOOTSTEAD_DHCP_MODE: 'full' } }),
      'BOOTSTEAD_DHCP_MODE: dhcp_mode is full: expected one of server, proxy, proxy-4011',
    )
  })

  test('one address is advertised, or one of each family', () => {
    const advertised = (value: unknown) => resolved({ flags: { advertise: value } }).config.advertise
    assert.deepEqual(advertised('192.0.2.1'), ['192.0.2.1'])
    assert.deepEqual(advertised('2001:DB8::1, 192.0.2.1'), ['192.0.2.1', '2001:db8::1'])
    assert.match(
      complaintOf({ flags: { advertise: '192.0.2.1,192.0.2.2' } }),
      /advertise is 192.0.2.1,192.0.2.2: expected/,
    )
    assert.match(complaintOf({ flags: { advertise: 'fe80::1' } }), /advertise is fe80::1: expected/)
  })

  test('true and false in the words of YAML, units and people', () => {
    const { config, origins } = resolved({ flags: { verifyAddress: false } })
    assert.equal(config.verifyAddress, false)
    assert.equal(origins.verifyAddress, 'flag --no-verify-address')
    assert.equal(resolved({ env: { BOOTSTEAD_VERIFY_ADDRESS: 'no' } }).config.verifyAddress, false)
    assert.equal(resolved({ files: { '/here/bootstead.yaml': 'verify_address: false' } }).config.verifyAddress, false)
  })
})

describe('what can’t be used', () => {
  test('every bad value is told at once, with its place and what is expected', () => {
    const files = { '/here/bootstead.yaml': 'listen: 0.0.0.0\nadvertise: here\n' }
    assert.equal(
      complaintOf({ files, env: { BOOTSTEAD_TFTP_PORT: '70000' }, flags: { httpPort: 'x' } }),
      [
        '/here/bootstead.yaml line 2: advertise is here: expected an address such as 192.0.2.1, an IPv6 address, or one of each',
        'flag --http-port: http_port is x: expected a port number from 0 to 65535',
        'BOOTSTEAD_TFTP_PORT: tftp_port is 70000: expected a port number from 0 to 65535',
      ].join('\n'),
    )
  })

  test('an unknown key of the file is an error with its line', () => {
    assert.match(
      complaintOf({ files: { '/here/bootstead.yaml': 'listen: 0.0.0.0\nhttp-port: 1' } }),
      /^\/here\/bootstead\.yaml line 2: http-port is not a setting; expected one of inventory, /,
    )
  })

  test('a file that is no list of settings, is no YAML, or is named and not there', () => {
    assert.match(complaintOf({ files: { '/here/bootstead.yaml': '- 1' } }), /expected lines such as http_port: 8080/)
    assert.match(complaintOf({ files: { '/here/bootstead.yaml': 'a: 1\nb: [' } }), /^\/here\/bootstead\.yaml line 2: /)
    assert.equal(
      complaintOf({ flags: { config: 'x.yaml' } }),
      '/here/x.yaml: no such file, though flag --config names it',
    )
  })

  test('no password is repeated, not even one with an @ in it', () => {
    const complaint = complaintOf({ env: { BOOTSTEAD_DOORS: 'mysql://u:p@ss@h/d' } })
    assert.ok(!complaint.includes('p@ss') && !complaint.includes('ss@'), complaint)
  })
})
