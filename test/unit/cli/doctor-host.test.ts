import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { sharedPort, tooManyNeighbours, unsure } from '../../../server/cli/doctor-host.ts'
import type { Server } from '../../../server/plan/server.ts'
import { address, snapshotOf } from '../../fixtures.ts'
import { openCli } from './cli.ts'

const machines = (count: number, network: string, subnet: string): string =>
  Array.from(
    { length: count },
    (_, index) =>
      `  ${network}${index}: {profile: p, interfaces: {eth0: {ip: ${subnet}.${index + 10}, network: ${network}}}}`,
  ).join('\n')

const farm = snapshotOf(`
networks:
  near: {cidr: 192.0.2.0/24}
  also: {cidr: 198.51.100.0/24}
  far: {cidr: 203.0.113.0/25}
  told: {cidr: 203.0.113.128/25, next_server: 198.51.100.1}
  empty: {cidr: 203.0.113.0/28}
profiles: {p: {}}
machines:
${machines(60, 'near', '192.0.2')}
${machines(41, 'also', '198.51.100')}
${machines(70, 'far', '203.0.113')}
  told0: {profile: p, interfaces: {eth0: {ip: 203.0.113.200, network: told}}}
`)
const host: Server = {
  advertise: null,
  addresses: ['192.0.2.1', '198.51.100.1', '127.0.0.1'].map(address),
  httpPort: 80,
}

describe('the port', () => {
  const server = { pid: 900, program: 'bootstead' }

  test('that nobody has, or one server of ours, systemd’s socket beside it, is as it should be', () => {
    for (const holders of [[], [server], [{ pid: 1, program: 'systemd' }], [{ pid: 1, program: 'systemd' }, server]])
      assert.deepEqual(sharedPort(67, holders), [])
  })

  test('that two servers of ours have, or another program has, is told of by their names', () => {
    const [both] = sharedPort(67, [server, { pid: 901, program: 'bootstead' }])
    assert.deepEqual(
      [both?.about, both?.what],
      ['UDP port 67', 'bootstead (process 900) and bootstead (process 901) have it'],
    )
    const [other] = sharedPort(4011, [{ pid: 812, program: 'dnsmasq' }])
    assert.deepEqual([other?.about, other?.what], ['UDP port 4011', 'dnsmasq (process 812) has it'])
  })
})

describe('neighbours', () => {
  test('as many as the kernel remembers are none too many; machines behind a router are none', () => {
    assert.deepEqual(tooManyNeighbours(farm, host, 101), [])
    assert.deepEqual(tooManyNeighbours(farm, { addresses: [address('192.0.2.1')] }, 60), [])
  })

  test('one more on all wires of this host together: the line that makes room for twice as many', () => {
    const [complaint] = tooManyNeighbours(farm, host, 100)
    assert.match(complaint?.what ?? '', /^101 interfaces of also, near are neighbours .* remembers 100 at once/)
    assert.deepEqual(complaint?.commands, [
      'sysctl -w net.ipv4.neigh.default.gc_thresh2=128 net.ipv4.neigh.default.gc_thresh3=256',
    ])
  })

  test('where the kernel doesn’t say how many, nothing is said', () =>
    assert.deepEqual(tooManyNeighbours(farm, host, null), []))
})

describe('RFC 2131 §4.1: the address that machines behind relays are told', () => {
  test('is to be chosen by somebody where this host has several and none on their network', () => {
    const [complaint, ...others] = unsure(farm, host)
    assert.deepEqual(
      [complaint?.about, complaint?.what],
      ['network far', "its machines are told 192.0.2.1, the first of this host's 2 addresses"],
    )
    assert.deepEqual(others, [])
  })

  test('is no question with one address, or with advertise', () => {
    assert.deepEqual(unsure(farm, { ...host, addresses: ['192.0.2.1', '127.0.0.1'].map(address) }), [])
    assert.deepEqual(unsure(farm, { ...host, advertise: address('192.0.2.1') }), [])
  })
})

test('doctor prints what is the matter with the host beside what is with the database', async (t) => {
  const cli = openCli(t)
  await cli.ok('network', 'add', 'far', 'cidr=203.0.113.0/24')
  await cli.ok('profile', 'add', 'p', 'arch=x86_64')
  await cli.ok(
    'machine',
    'add',
    'a',
    'profile=p',
    '--interface',
    'eth0,mac=00:00:5e:00:53:01,ip=203.0.113.9,network=far',
  )
  const card = (text: string) => ({
    ...{ address: text, netmask: '255.255.255.0', family: 'IPv4', mac: '' },
    ...{ internal: false, cidr: null },
  })
  const interfaces = () => ({ eth0: [card('192.0.2.1')], eth1: [card('198.51.100.1')] }) as never
  const { code, out } = await cli.run(['doctor', '--dhcp-port', '1'], {
    interfaces,
    env: { BOOTSTEAD_STATE: `${cli.folder}/state` },
  })
  assert.equal(code, 0)
  assert.match(out, /^advice: network far: its machines are told 192\.0\.2\.1, .*\n {2}they renew .*next_server/)
})
