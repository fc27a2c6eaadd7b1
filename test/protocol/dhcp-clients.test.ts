// Clients of operating systems with two replicas of the server, on the servers' wire and behind a relay.
import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { after, before, describe, test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { DhcpMessage } from '../../server/plan/dhcp/message.ts'
import { NO_ADDRESS } from '../../server/plan/dhcp/message.ts'
import {
  formatMac,
  linkSelection,
  messageType,
  requestedAddress,
  serverIdentifier,
} from '../../server/plan/dhcp/options.ts'
import { decodeDhcp } from '../../server/render/dhcp.ts'
import { readSeen } from '../../server/serve/dhcp/seen-file.ts'
import { ended } from '../boot/network.ts'
import { requireHostFiles } from '../boot/packages.ts'
import type { Lab, LabHost, ServedLab } from './dhcp-lab.ts'
import { openLab, serveDhcp } from './dhcp-lab.ts'
import type { ClientOptions, DhcpProgram, RunningClient } from './dhcp-programs.ts'
import { card, dhcpPrograms, hasty, requireClients, startClient } from './dhcp-programs.ts'
import type { Packet, Watch } from './packets.ts'
import { watchPackets } from './packets.ts'

/** The servers are on `near` and on `core`; `away` has a relay on `near`, `far` one on `core`. */
const subnets = { near: '192.0.2', away: '198.51.100', far: '203.0.113' } as const
type Wire = keyof typeof subnets
const wires = Object.keys(subnets) as readonly Wire[]
const macOf = (wire: Wire, index: number): string => `00:00:5e:00:53:${wires.indexOf(wire) + 1}${index.toString(16)}`
const ipOf = (wire: Wire, index: number): string => `${subnets[wire]}.${10 + index}`
const machine = (wire: Wire, index: number, ip: string): string =>
  `  ${wire}${index}: {profile: p, interfaces: {eth0: {mac: "${macOf(wire, index)}", ip: ${ip}, network: ${wire}}}}`
const stranger = 15

const inventory = `
networks:
  near: {cidr: 192.0.2.0/24, gateway: 192.0.2.254}
  away: {cidr: 198.51.100.0/24, gateway: 198.51.100.1}
  far: {cidr: 203.0.113.0/25, gateway: 203.0.113.1}
profiles: {p: {}}
machines:
${wires.flatMap((wire) => Array.from({ length: stranger }, (_, index) => machine(wire, index, ipOf(wire, index)))).join('\n')}
`
const replicas = ['192.0.2.1', '192.0.2.2'] as const
const onCore = ['203.0.113.129', '203.0.113.130'] as const

let lab: Lab
let hosts: readonly LabHost[]
let servers: readonly ServedLab[]
const relaying: ChildProcess[] = []

before(async () => {
  requireClients()
  requireHostFiles([{ file: 'dhcrelay', debian: 'isc-dhcp-relay' }])
  lab = await openLab()
  hosts = await Promise.all(
    replicas.map((address, index) =>
      lab.addHost({ near0: `near ${address}/24`, core0: `core ${onCore[index] ?? ''}/25` }),
    ),
  )
  const router = await lab.addHost({ near0: 'near 192.0.2.254/24', away0: 'away 198.51.100.1/24' })
  const farRouter = await lab.addHost({ core0: 'core 203.0.113.254/25', far0: 'far 203.0.113.1/25' })
  for (const host of hosts) await host.ip('route add 198.51.100.0/24 via 192.0.2.254')
  await router.run('sysctl', ['-q', '-w', 'net.ipv4.ip_forward=1'])
  servers = await Promise.all(hosts.map((host) => serveDhcp(host, inventory)))
  relaying.push(relay(router, ['-id', 'away0', '-iu', 'near0', ...replicas]))
  relaying.push(relay(farRouter, ['-id', 'far0', '-U', 'core0', ...onCore]))
})
after(async () => {
  for (const process of relaying) await ended(process)
  for (const server of servers) await server.close()
  await lab.close()
})

const relay = (host: LabHost, words: readonly string[]): ChildProcess =>
  host.spawn('dhcrelay', ['-4', '-d', '--no-pid', '-a', ...words], { stdio: 'ignore' })

type Plugged = Readonly<{
  host: LabHost
  watch: Watch
  start: (program: DhcpProgram, options?: ClientOptions) => Promise<RunningClient>
}>

/** A host with that MAC on that wire, and an eye on its card. */
async function plug(t: TestContext, wire: Wire, index: number): Promise<Plugged> {
  const host = await lab.addHost({ [card]: wire })
  await host.ip(`link set ${card} address ${macOf(wire, index)}`)
  const watch = await watchPackets(host, card, 'udp and (port 67 or port 68)')
  t.after(async () => {
    await watch.close()
    await host.close()
  })
  const start: Plugged['start'] = async (program, options) => {
    const client = await startClient(host, program, options)
    t.after(client.close)
    return client
  }
  return { host, watch, start }
}

const messageIn = ({ payload }: Packet): DhcpMessage => decodeDhcp(payload)
const isType = (type: string) => (packet: Packet) => messageType(messageIn(packet)) === type

/** To or from the client with that MAC: the wire has broadcasts of others too. */
const isOf = (mac: string, type: string) => (packet: Packet) =>
  isType(type)(packet) && formatMac(messageIn(packet).chaddr) === mac

async function hasAddress(host: LabHost, address: string): Promise<void> {
  for (
    const deadline = performance.now() + 30_000;
    !(await host.ip(`-4 address show dev ${card}`)).includes(address);
  ) {
    assert.ok(performance.now() < deadline, `no address ${address}`)
    await sleep(50)
  }
}

for (const [wire, how] of [
  ['near', 'on the servers’ wire'],
  ['away', 'through ISC dhcrelay with option 82'],
] as const)
  describe(`a client ${how}`, { concurrency: true }, () => {
    for (const [index, program] of dhcpPrograms.entries())
      test(`${program}: both replicas offer the same address, one is chosen, and it is configured`, async (t) => {
        const { host, watch, start } = await plug(t, wire, index)
        await start(program)
        const mac = macOf(wire, index)
        const ack = messageIn(await watch.until(isOf(mac, 'ACK')))
        const request = messageIn(await watch.until(isOf(mac, 'REQUEST')))
        assert.equal(ack.yiaddr, ipOf(wire, index))
        assert.equal(serverIdentifier(request), serverIdentifier(ack))
        for (const replica of replicas)
          await watch.until(
            (packet) =>
              isOf(mac, 'OFFER')(packet) &&
              serverIdentifier(messageIn(packet)) === replica &&
              messageIn(packet).yiaddr === ipOf(wire, index),
          )
        await hasAddress(host, ipOf(wire, index))
      })
  })

describe('a client in each of its states', { concurrency: true }, () => {
  test('RFC 2131 §4.4.5, RENEWING: udhcpc renews by unicast with its server, and is answered by unicast', async (t) => {
    const { watch, start } = await plug(t, 'near', 5)
    const client = await start('udhcpc')
    const chosen = serverIdentifier(messageIn(await watch.until(isOf(macOf('near', 5), 'ACK'))))
    await client.said(/^bound /)
    client.process.kill('SIGUSR1')
    const renewal = await watch.until(
      (packet) => isOf(macOf('near', 5), 'REQUEST')(packet) && messageIn(packet).ciaddr === ipOf('near', 5),
    )
    assert.deepEqual([renewal.to.address, serverIdentifier(messageIn(renewal))], [chosen, null])
    const ack = await watch.until(
      (packet) => isOf(macOf('near', 5), 'ACK')(packet) && packet.to.address === ipOf('near', 5),
    )
    assert.equal(ack.from.address, chosen)
    await client.said(/^renew /)
  })

  test('RFC 2131 §4.3.4: udhcpc releases its address, and gets the same again', async (t) => {
    const { watch, start } = await plug(t, 'near', 6)
    const client = await start('udhcpc')
    await client.said(/^bound 192\.0\.2\.16$/)
    client.process.kill('SIGUSR2')
    await watch.until(isOf(macOf('near', 6), 'RELEASE'))
    const again = await start('udhcpc')
    await again.said(/^bound 192\.0\.2\.16$/)
  })

  test('RFC 2131 §4.3.3: udhcpc finds another host at its address and declines it: an event, a warning, no lease', async (t) => {
    const squatter = await lab.addHost({ eth0: `near ${ipOf('near', 7)}/24` })
    t.after(squatter.close)
    const { watch, start } = await plug(t, 'near', 7)
    await start('udhcpc')
    const decline = messageIn(await watch.until(isOf(macOf('near', 7), 'DECLINE')))
    const replica = servers[replicas.findIndex((address) => address === serverIdentifier(decline))]
    const warning = await replica?.logged(({ msg }) => msg.includes('in use by another host'))
    assert.deepEqual(
      [warning?.['machine'], warning?.msg],
      ['near7', `dhcp: its address ${ipOf('near', 7)} is in use by another host`],
    )
  })

  test('RFC 2131 §4.4.5, RENEWING: from beyond a router by unicast too, with nothing of the relay in it', async (t) => {
    const { watch, start } = await plug(t, 'away', 5)
    const mac = macOf('away', 5)
    await start('dhclient', { conf: hasty })
    const chosen = serverIdentifier(messageIn(await watch.until(isOf(mac, 'ACK'))))
    const renewal = await watch.until((packet) => isOf(mac, 'REQUEST')(packet) && packet.to.address === chosen)
    const { ciaddr, giaddr } = messageIn(renewal)
    assert.deepEqual([ciaddr, giaddr], [ipOf('away', 5), NO_ADDRESS])
    const ack = await watch.until((packet) => isOf(mac, 'ACK')(packet) && packet.from.address === chosen)
    assert.equal(ack.to.address, ipOf('away', 5))
  })

  test('RFC 2131 §4.3.2, INIT-REBOOT: dhclient remembers its address, asks for that alone, and may keep it', async (t) => {
    const { watch, start } = await plug(t, 'near', 8)
    const client = await start('dhclient', { leased: ipOf('near', 8) })
    await client.said(/^REBOOT 192\.0\.2\.18$/)
    const request = messageIn(await watch.until(isOf(macOf('near', 8), 'REQUEST')))
    assert.deepEqual(
      [requestedAddress(request), request.ciaddr, serverIdentifier(request)],
      [ipOf('near', 8), NO_ADDRESS, null],
    )
    assert.deepEqual(watch.packets().filter(isOf(macOf('near', 8), 'DISCOVER')), [])
  })

  for (const [wire, how] of [
    ['near', 'by broadcast'],
    ['away', 'by the relay, which broadcasts it'],
  ] as const)
    test(`RFC 2131 §4.3.2, INIT-REBOOT: dhclient remembers an address that was moved: refused ${how}, and given the new one`, async (t) => {
      const { watch, start } = await plug(t, wire, 9)
      const client = await start('dhclient', { leased: `${subnets[wire]}.99` })
      const nak = await watch.until(isOf(macOf(wire, 9), 'NAK'))
      assert.deepEqual([nak.to.address, messageIn(nak).yiaddr], ['255.255.255.255', NO_ADDRESS])
      await client.said(new RegExp(`^BOUND ${ipOf(wire, 9)}$`))
    })

  test('RFC 2131 §4.3.2, RENEWING: a reservation moved meanwhile is refused at the next renewal, and the new one is bound', async (t) => {
    const { start } = await plug(t, 'near', 10)
    const client = await start('dhclient', { conf: hasty })
    await client.said(/^BOUND 192\.0\.2\.20$/)
    for (const server of servers) await server.put(`machines:\n${machine('near', 10, '192.0.2.200')}`)
    await client.said(/^BOUND 192\.0\.2\.200$/)
  })

  test('RFC 3527 §3: behind a relay that is reached at another network’s address, the subnet is the one that it selects', async (t) => {
    const core = await watchPackets(hosts[0] ?? assert.fail('no host'), 'core0', 'udp dst port 67')
    t.after(core.close)
    const { start } = await plug(t, 'far', 0)
    const client = await start('udhcpc')
    await client.said(/^bound 203\.0\.113\.10$/)
    const relayed = messageIn(await core.until(isOf(macOf('far', 0), 'DISCOVER')))
    assert.deepEqual([relayed.giaddr, linkSelection(relayed)], ['203.0.113.254', '203.0.113.1'])
  })
})

test('a stranger gets no answer from any replica, and each lists it as seen', async (t) => {
  const { host, watch, start } = await plug(t, 'away', stranger)
  await start('udhcpc')
  for (const server of servers) {
    const line = await server.logged(({ msg, mac }) => msg === 'dhcp: no answer' && mac === macOf('away', stranger))
    assert.equal(line['via'], '198.51.100.1')
    for (const deadline = performance.now() + 30_000; ((await readSeen(server.stateDir)) ?? []).length === 0;) {
      assert.ok(performance.now() < deadline, 'not listed')
      await sleep(100)
    }
    const listed = ((await readSeen(server.stateDir)) ?? []).find(({ mac }) => mac === macOf('away', stranger))
    assert.deepEqual([listed?.machine, listed?.via], [null, '198.51.100.1'])
    assert.match(listed?.vendorClass ?? '', /^udhcp /)
  }
  assert.deepEqual(watch.packets().filter(isOf(macOf('away', stranger), 'OFFER')), [])
  assert.equal((await host.ip(`-4 address show dev ${card}`)).trim(), '')
})

test('RFC 2131 §4.4.5, REBINDING: the chosen replica is gone: dhclient asks everybody, and the other one goes on', async (t) => {
  const { watch, start } = await plug(t, 'near', 0)
  const address = ipOf('near', 0)
  const client = await start('dhclient', { conf: hasty })
  await client.said(/^BOUND /)
  const first = serverIdentifier(messageIn(await watch.until(isOf(macOf('near', 0), 'ACK'))))
  const gone = replicas.findIndex((address) => address === first)
  await ended(servers[gone]?.process ?? assert.fail(`no replica ${first ?? ''}`))
  const rebinding = await watch.until(
    (packet) => isType('REQUEST')(packet) && packet.to.address === '255.255.255.255' && packet.from.address === address,
  )
  assert.deepEqual([messageIn(rebinding).ciaddr, serverIdentifier(messageIn(rebinding))], [address, null])
  const ack = await watch.until((packet) => isType('ACK')(packet) && packet.from.address === replicas[1 - gone])
  assert.deepEqual([ack.to.address, messageIn(ack).yiaddr], [address, address])
})
