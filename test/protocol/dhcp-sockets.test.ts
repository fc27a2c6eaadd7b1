// By which interface a reply leaves: a host with two networks and no default route, with sockets of its own and of systemd's.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import type { DhcpMessage } from '../../server/plan/dhcp/message.ts'
import { formatMac, messageType } from '../../server/plan/dhcp/options.ts'
import { decodeDhcp } from '../../server/render/dhcp.ts'
import { readSeen } from '../../server/serve/dhcp/seen-file.ts'
import { temporaryFolder } from '../fixtures.ts'
import { requireHostFiles } from '../boot/packages.ts'
import type { Lab, LabHost } from './dhcp-lab.ts'
import { openLab, serveDhcp } from './dhcp-lab.ts'
import type { Packet } from './packets.ts'
import { watchPackets } from './packets.ts'

const inventory = `
networks:
  farm: {cidr: 192.0.2.0/24}
  lab: {cidr: 198.51.100.0/24}
profiles: {p: {}}
machines:
  a: {profile: p, interfaces: {eth0: {mac: 00:00:5e:00:53:0a, ip: 192.0.2.10, network: farm}}}
  b: {profile: p, interfaces: {eth0: {mac: 00:00:5e:00:53:0b, ip: 198.51.100.10, network: lab}}}
`
const macs = { a: '00:00:5e:00:53:0a', b: '00:00:5e:00:53:0b' } as const
const leaseScript = join(import.meta.dirname, 'dhcp-clients/lease-script')

/** As a .socket unit with BindToDevice= hands them over, which systemd-socket-activate can't. */
const handedOver = (
  name: string,
  [family, address] = ['PF_INET', 'pack_sockaddr_in(67, INADDR_ANY)'],
): readonly string[] => [
  'perl',
  '-e',
  `use Socket; $^F = 99; my @devices = split /,/, shift;
   for (@devices) {
     socket(my $s, ${family}, SOCK_DGRAM, 0) or die $!;
     setsockopt($s, SOL_SOCKET, 25, pack "a16", $_) or die $!; # SO_BINDTODEVICE
     setsockopt($s, SOL_SOCKET, SO_REUSEADDR, 1) or die $!;
     bind($s, ${address}) or die $!;
     push @kept, $s;
   }
   die "not from 3 on" if fileno($kept[0]) != 3;
   $ENV{LISTEN_PID} = $$; $ENV{LISTEN_FDS} = @devices; $ENV{LISTEN_FDNAMES} = join ':', map { "${name}-$_" } @devices;
   exec @ARGV or die $!`,
  'farm0,lab0',
]
const deviceBound = handedOver('dhcp')

let lab: Lab
let host: LabHost
let clients: Readonly<Record<'a' | 'b', LabHost>>

before(async () => {
  requireHostFiles([
    { file: 'udhcpc', debian: 'udhcpc' },
    { file: 'perl', debian: 'perl' },
    { file: 'systemd-socket-activate', debian: 'systemd' },
  ])
  lab = await openLab()
  host = await lab.addHost({ farm0: 'farm 192.0.2.1/24', lab0: 'lab 198.51.100.1/24' })
  clients = { a: await lab.addHost({ eth0: 'farm' }), b: await lab.addHost({ eth0: 'lab' }) }
})
after(() => lab.close())

/** What udhcpc got for that MAC; null when nobody answered three times. */
async function lease(client: LabHost, mac: string): Promise<string | null> {
  await client.ip('address flush dev eth0')
  await client.ip(`link set eth0 address ${mac}`)
  const options = ['-i', 'eth0', '-s', leaseScript, '-f', '-q', '-n', '-t', '3', '-T', '1']
  const said = await client.run('udhcpc', options).catch(() => '')
  return /^bound (\S+)$/m.exec(said)?.[1] ?? null
}

type Passed = Readonly<{ type: string | null; mac: string | null; from: string; to: string }>
const passed = ({ payload, from, to }: Packet): Passed => {
  const message: DhcpMessage = decodeDhcp(payload)
  return { type: messageType(message), mac: formatMac(message.chaddr), from: from.address, to: to.address }
}

/** Both clients get their leases, each by broadcasts on its own wire only. */
async function bothAreServed(): Promise<void> {
  const watches = {
    a: await watchPackets(clients.a, 'eth0', 'udp src port 67'),
    b: await watchPackets(clients.b, 'eth0', 'udp src port 67'),
  }
  assert.equal(await lease(clients.a, macs.a), '192.0.2.10')
  assert.equal(await lease(clients.b, macs.b), '198.51.100.10')
  for (const name of ['a', 'b'] as const) {
    await watches[name].until((packet) => passed(packet).type === 'ACK')
    await watches[name].close()
    const from = { a: '192.0.2.1', b: '198.51.100.1' }[name]
    const replies = watches[name].packets().map(passed)
    assert.deepEqual(
      [...new Set(replies.map((reply) => JSON.stringify(reply)))].toSorted(),
      ['ACK', 'OFFER'].map((type) => JSON.stringify({ type, mac: macs[name], from, to: '255.255.255.255' })),
    )
  }
}

describe('a host with two networks and no default route', () => {
  test('sends each client its reply on its own wire only, from the address it has there', async (t) => {
    const server = await serveDhcp(host, inventory)
    t.after(server.close)
    await bothAreServed()
  })

  test('told to listen on one address hears broadcasts all the same, which a socket bound to it would not', async (t) => {
    const server = await serveDhcp(host, inventory, [], ['--listen=198.51.100.1'])
    t.after(server.close)
    assert.equal(await lease(clients.b, macs.b), '198.51.100.10')
  })

  test('takes up an address that it gets while it serves', async (t) => {
    await host.ip('address del 198.51.100.1/24 dev lab0')
    const server = await serveDhcp(host, inventory)
    t.after(server.close)
    assert.equal(await lease(clients.b, macs.b), null)
    await host.ip('address add 198.51.100.1/24 dev lab0')
    for (let got = null, tries = 0; got !== '198.51.100.10'; tries++) {
      assert.ok(tries < 5, 'never')
      got = await lease(clients.b, macs.b)
    }
  })

  test('with a socket for each device, as systemd opens them, does the same', async (t) => {
    const server = await serveDhcp(host, inventory, deviceBound)
    t.after(server.close)
    await bothAreServed()
  })

  test('with a socket for each device knows a machine on another network’s wire: silence, and a line in the list', async (t) => {
    const server = await serveDhcp(host, inventory, deviceBound)
    t.after(server.close)
    assert.equal(await lease(clients.b, macs.a), null)
    const { why, via } = await server.logged(({ msg }) => msg === 'dhcp: no answer')
    assert.deepEqual([why, via], ['a asks on interface lab0, which is not on its network farm', 'lab0'])
    server.process.kill('SIGTERM')
    await server.logged(({ msg }) => msg === 'stopped')
    assert.deepEqual(
      (await readSeen(server.stateDir))?.map(({ mac, machine }) => [mac, machine]),
      [[macs.a, 'a']],
    )
  })
})

describe('systemd', () => {
  test('starts the server at the first request, which is answered by the socket that it came in on', async (t) => {
    await host.ip('route add 255.255.255.255/32 dev farm0') // this program can't bind a socket to a device
    t.after(() => host.ip('route del 255.255.255.255/32 dev farm0'))
    const activate = ['systemd-socket-activate', '--datagram', '--fdname=dhcp-farm0', '--listen=0.0.0.0:67']
    const serving = serveDhcp(host, inventory, activate)
    const got = { address: null as string | null }
    for (let tries = 0; got.address === null && tries < 10; tries++) got.address = await lease(clients.a, macs.a)
    t.after((await serving).close)
    assert.equal(got.address, '192.0.2.10')
  })

  test('a socket of another name is refused, naming it and what it has to be named', async () => {
    const misnamed = serveDhcp(host, inventory, handedOver('web'))
    await assert.rejects(misnamed, /named web-farm0; name it by FileDescriptorName=dhcp-INTERFACE/)
  })

  test('a socket of IPv6 is refused', async () => {
    const ipv6 = handedOver('dhcp', ['PF_INET6', 'Socket::pack_sockaddr_in6(67, pack "x16")'])
    await assert.rejects(serveDhcp(host, inventory, ipv6), /dhcp-farm0 is not one of IPv4/)
  })

  test('reads the units of docs/how-to/dhcp-sockets.md without a complaint', async (t) => {
    const manual = await readFile(join(import.meta.dirname, '../../docs/how-to/dhcp-sockets.md'), 'utf8')
    const units = [...manual.matchAll(/^```ini\n# \/etc\/systemd\/system\/(\S+)\n(.*?)^```/gms)]
    assert.deepEqual(
      units.map(([, name]) => name),
      ['bootstead.service', 'bootstead-dhcp-eth0.socket'],
    )
    const folder = temporaryFolder(t)
    const paths = units.map(([, name = '']) => join(folder, name))
    for (const [, name = '', text = ''] of units)
      await writeFile(join(folder, name), text.replace('/usr/bin/bootstead', '/bin/true'))
    const { stderr } = await promisify(execFile)('systemd-analyze', ['verify', '--man=no', ...paths])
    assert.equal(stderr, '')
  })
})
