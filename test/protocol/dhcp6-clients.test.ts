// Clients of operating systems with two replicas of the DHCPv6 server, on the servers' wire and behind a relay.
import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Dhcp6Message, MessageType6 } from '../../server/plan/dhcp6/message.ts'
import { macOfDuid } from '../../server/plan/dhcp6/identity.ts'
import { clientId, serverId } from '../../server/plan/dhcp6/options.ts'
import { decodeDhcp6 } from '../../server/render/dhcp6.ts'
import { readSeen } from '../../server/serve/dhcp/seen-file.ts'
import { ended } from '../boot/network.ts'
import { requireHostFiles } from '../boot/packages.ts'
import { associationsIn, statusIn } from '../unit/plan/dhcp6/asking6.ts'
import type { Lab, LabHost, ServedLab } from './dhcp-lab.ts'
import { openLab, serveDhcp } from './dhcp-lab.ts'
import type { RunningClient } from './dhcp-programs.ts'
import { card } from './dhcp-programs.ts'
import type { Client6Options, Dhcp6Program } from './dhcp6-programs.ts'
import { dhcp6Programs, requireClients6, settled, startClient6 } from './dhcp6-programs.ts'
import type { Packet, Watch } from './packets.ts'
import { watchPackets } from './packets.ts'

type Wire = 'near' | 'away'
const macOf = (wire: Wire, index: number): string => `00:00:5e:00:53:${wire === 'near' ? 1 : 2}${index}`
const ipOf = (wire: Wire, index: number): string => `2001:db8:${wire === 'near' ? 1 : 2}::1${index}`
const stranger = 9

const inventory = `
networks:
  near: {cidr: 192.0.2.0/24, cidr6: '2001:db8:1::/64', dns6: ['2001:db8:1::53'], domain: example.org}
  away: {cidr: 198.51.100.0/24, cidr6: '2001:db8:2::/64'}
profiles: {p: {}}
machines:
${(['near', 'away'] as const)
  .flatMap((wire) =>
    Array.from(
      { length: stranger },
      (_, index) =>
        `  ${wire}${index}: {profile: p, interfaces: {eth0: {mac: "${macOf(wire, index)}", ip6: "${ipOf(wire, index)}", network: ${wire}}}}`,
    ),
  )
  .join('\n')}
`

/** RFC 4861 §4.2: addresses by DHCPv6 (managed), and a default route, which DHCPv6 can't give. */
const radvdConf = ['near0 2001:db8:1::/64', 'away0 2001:db8:2::/64']
  .map((line) => line.split(' '))
  .map(
    ([name, prefix]) => `interface ${name} { AdvSendAdvert on; AdvManagedFlag on; AdvOtherConfigFlag on;
  MinRtrAdvInterval 3; MaxRtrAdvInterval 4; prefix ${prefix} { AdvAutonomous off; }; };`,
  )
  .join('\n')

let lab: Lab
let servers: readonly ServedLab[]
const helpers: ChildProcess[] = []
let folder: string

before(async () => {
  requireClients6()
  requireHostFiles([
    { file: 'dhcrelay', debian: 'isc-dhcp-relay' },
    { file: 'radvd', debian: 'radvd' },
  ])
  lab = await openLab()
  folder = await mkdtemp(join(tmpdir(), 'bootstead-dhcp6-'))
  const hosts = await Promise.all([1, 2].map((index) => lab.addHost({ near0: `near 2001:db8:1::${index}/64` })))
  const router = await lab.addHost({ near0: 'near 2001:db8:1::fe/64', away0: 'away 2001:db8:2::fe/64' })
  for (const host of hosts) await settled(host, 'near0')
  for (const name of ['near0', 'away0']) await settled(router, name)
  await router.run('sysctl', ['-q', '-w', 'net.ipv6.conf.all.forwarding=1'])
  servers = await Promise.all(hosts.map((host) => serveDhcp(host, inventory, [], ['--doors=dhcp6', '--listen=::'])))
  await writeFile(join(folder, 'radvd.conf'), radvdConf)
  helpers.push(
    router.spawn('dhcrelay', ['-6', '-d', '--no-pid', '-l', 'away0', '-u', 'near0'], { stdio: 'ignore' }),
    router.spawn(
      'radvd',
      ['--nodaemon', '--logmethod', 'stderr', '--config', join(folder, 'radvd.conf'), '--pidfile', join(folder, 'pid')],
      { stdio: 'ignore' },
    ),
  )
})
after(async () => {
  for (const helper of helpers) await ended(helper)
  for (const server of servers) await server.close()
  await lab.close()
  await rm(folder, { recursive: true })
})

type Plugged = Readonly<{
  host: LabHost
  watch: Watch
  start: (program: Dhcp6Program, options?: Client6Options) => Promise<RunningClient>
}>

/** A host with that MAC on that wire, and an eye on its card. */
async function plug(t: TestContext, wire: Wire, index: number): Promise<Plugged> {
  const host = await lab.addHost({ [card]: wire })
  await host.ip(`link set ${card} down`)
  await host.ip(`link set ${card} address ${macOf(wire, index)}`)
  await host.ip(`link set ${card} up`)
  const watch = await watchPackets(host, card, 'udp and (port 546 or port 547)')
  await settled(host, card)
  t.after(async () => {
    await watch.close()
    await host.close()
  })
  const start: Plugged['start'] = async (program, options) => {
    const client = await startClient6(host, program, options)
    t.after(client.close)
    return client
  }
  return { host, watch, start }
}

const messageIn = ({ payload }: Packet): Dhcp6Message => decodeDhcp6(payload)

/** From or to the card with that MAC, whose link-local address it has made. */
function isOf(wire: Wire, index: number, ...types: readonly MessageType6[]) {
  const own = `fe80::200:5eff:fe00:53${wire === 'near' ? 1 : 2}${index}`
  return (packet: Packet): boolean =>
    [packet.from.address, packet.to.address].includes(own) && types.includes(messageIn(packet).type)
}

async function hasAddress(host: LabHost, address: string): Promise<void> {
  for (
    const deadline = performance.now() + 30_000;
    !(await host.ip(`-6 address show dev ${card}`)).includes(address);
  ) {
    assert.ok(performance.now() < deadline, `no address ${address}`)
    await sleep(50)
  }
}

async function leaseFolder(t: TestContext): Promise<string> {
  const leases = await mkdtemp(join(tmpdir(), 'bootstead-leases-'))
  t.after(() => rm(leases, { recursive: true }))
  return leases
}

/** As if what is in the file had been leased so many seconds earlier. */
async function age(leases: string, seconds: number): Promise<void> {
  const text = await readFile(leases, 'utf8')
  await writeFile(
    leases,
    text.replaceAll(/starts (\d+);/g, (_, at: string) => `starts ${Number(at) - seconds};`),
  )
}

const duidIn = (message: Dhcp6Message): string => Buffer.from(serverId(message) ?? []).toString('hex')

/** What each replica gives, told apart by their DUIDs (RFC 8415 §11): a REPLY at once to who is in haste, as networkd is. */
async function offers(watch: Watch, wire: Wire, index: number): Promise<readonly Dhcp6Message[]> {
  const byDuid = new Map<string, Dhcp6Message>()
  await watch.until((packet) => {
    if (isOf(wire, index, 'ADVERTISE', 'REPLY')(packet)) byDuid.set(duidIn(messageIn(packet)), messageIn(packet))
    return byDuid.size === servers.length
  })
  return [...byDuid.values()]
}

for (const [wire, how] of [
  ['near', 'on the servers’ wire'],
  ['away', 'through ISC dhcrelay'],
] as const)
  describe(`a client ${how}`, { concurrency: true }, () => {
    for (const [index, program] of dhcp6Programs.entries())
      test(`${program}: both replicas give the same address, one is chosen, and it is configured`, async (t) => {
        const { host, watch, start } = await plug(t, wire, index)
        await start(program)
        await hasAddress(host, ipOf(wire, index))
        const given = new RegExp(`: ${ipOf(wire, index)} 3600/3600`)
        for (const one of await offers(watch, wire, index)) assert.match(associationsIn(one).join(), given)
      })
  })

describe('dhclient', { concurrency: true }, () => {
  test('RFC 8415 §18.2.2: of the replicas only the one that was chosen replies', async (t) => {
    const { watch, start } = await plug(t, 'near', 3)
    const client = await start('dhclient')
    await client.said(new RegExp(`^BOUND6 ${ipOf('near', 3)}$`))
    const request = messageIn(await watch.until(isOf('near', 3, 'REQUEST')))
    await watch.until(isOf('near', 3, 'REPLY'))
    const replies = watch
      .packets()
      .filter(isOf('near', 3, 'REPLY'))
      .map(messageIn)
      .map(duidIn)
    assert.deepEqual([...new Set(replies)], [duidIn(request)])
  })

  for (const [index, type, secondsAgo] of [
    [6, 'RENEW', 2000],
    [7, 'REBIND', 3000],
  ] as const)
    test(`RFC 8415 §18.2.3 to §18.2.5: started again ${secondsAgo} seconds later it confirms its address, sends ${type}, and keeps it`, async (t) => {
      const leases = await leaseFolder(t)
      const { watch, start } = await plug(t, 'away', index)
      const first = await start('dhclient', { folder: leases })
      await first.said(/^BOUND6 /)
      await ended(first.process, 'SIGKILL')
      await age(join(leases, 'leases'), secondsAgo)
      const second = await start('dhclient', { folder: leases })
      const confirm = messageIn(await watch.until(isOf('away', index, 'CONFIRM')))
      const verdict = await watch.until(
        (packet) => messageIn(packet).transactionId === confirm.transactionId && isOf('away', index, 'REPLY')(packet),
      )
      assert.equal(statusIn(messageIn(verdict)), 'Success')
      await watch.until(isOf('away', index, type))
      await second.said(new RegExp(`^${type}6 ${ipOf('away', index)}$`))
    })

  test('RFC 8415 §18.2.7: it releases its address, and the replica says so', async (t) => {
    const leases = await leaseFolder(t)
    const { watch, start } = await plug(t, 'away', 3)
    const first = await start('dhclient', { folder: leases })
    await first.said(/^BOUND6 /)
    await ended(first.process, 'SIGKILL')
    await start('dhclient', { folder: leases, words: ['-r'] })
    const release = messageIn(await watch.until(isOf('away', 3, 'RELEASE')))
    const reply = await watch.until(
      (packet) => messageIn(packet).transactionId === release.transactionId && isOf('away', 3, 'REPLY')(packet),
    )
    assert.equal(statusIn(messageIn(reply)), 'Success')
    assert.equal(macOfDuid(clientId(release) ?? new Uint8Array()), macOf('away', 3))
  })

  test('RFC 8415 §18.2.6: it asks for configuration alone', async (t) => {
    const { watch, start } = await plug(t, 'near', 4)
    await start('dhclient', { words: ['-S'] })
    await watch.until(isOf('near', 4, 'INFORMATION-REQUEST'))
    const reply = messageIn(await watch.until(isOf('near', 4, 'REPLY')))
    assert.deepEqual([associationsIn(reply), reply.options.some(({ code }) => code === 23)], [[], true])
  })

  test('RFC 8415 §18.2.8: it finds another host at its address and declines it: a warning of the replica', async (t) => {
    const { watch, start } = await plug(t, 'near', 5)
    await start('dhclient', { words: ['-e', 'DECLINES=yes'] })
    await watch.until(isOf('near', 5, 'DECLINE'))
    const warnings = servers.map((server) => server.logged(({ msg }) => msg.includes('in use by another host')))
    const warning = await Promise.race(warnings)
    assert.deepEqual(
      [warning['machine'], warning.msg],
      ['near5', `dhcp6: its address ${ipOf('near', 5)} is in use by another host`],
    )
  })

  test('a stranger gets no answer from any replica, and each lists it as seen', async (t) => {
    const { watch, start } = await plug(t, 'away', stranger)
    await start('dhclient')
    for (const server of servers) {
      const line = await server.logged(({ msg, mac }) => msg === 'dhcp: no answer' && mac === macOf('away', stranger))
      assert.equal(line['via'], '2001:db8:2::fe')
      const listed = async () => (await readSeen(server.stateDir))?.find(({ mac }) => mac === macOf('away', stranger))
      for (const deadline = performance.now() + 30_000; (await listed()) === undefined;) {
        assert.ok(performance.now() < deadline, 'not listed')
        await sleep(100)
      }
      assert.equal((await listed())?.machine, null)
    }
    assert.deepEqual(watch.packets().filter(isOf('away', stranger, 'ADVERTISE', 'REPLY')), [])
  })
})
