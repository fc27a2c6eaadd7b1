// A relay between wires that know no way to each other: everything that machines and server say to each other passes it.
//
// dhcrelay sends link selection (RFC 3527) and nothing of RFC 5107, and dnsmasq 2.90, dhcp-helper and systemd-networkd
// neither of the two; so the relay that overrides the server's identifier is one of our own, and the machines are real.
import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { after, before, describe, test, type TestContext } from 'node:test'
import type { DhcpMessage } from '../../server/plan/dhcp/message.ts'
import { NO_ADDRESS } from '../../server/plan/dhcp/message.ts'
import {
  linkSelection,
  messageType,
  serverIdentifier,
  serverIdentifierOverride,
} from '../../server/plan/dhcp/options.ts'
import { decodeDhcp } from '../../server/render/dhcp.ts'
import { ended } from '../boot/network.ts'
import { requireHostFiles } from '../boot/packages.ts'
import type { Lab, LabHost, ServedLab } from './dhcp-lab.ts'
import { openLab, serveDhcp } from './dhcp-lab.ts'
import { card, hasty, requireClients, startClient } from './dhcp-programs.ts'
import type { Packet, Watch } from './packets.ts'
import { watchPackets } from './packets.ts'

const SERVER = '192.0.2.1'
const RELAY = { onServers: '192.0.2.254', onClients: '198.51.100.1' } as const
const inventory = `
networks: {far: {cidr: 198.51.100.0/24}}
profiles: {p: {}}
machines:
  a: {profile: p, interfaces: {eth0: {mac: 00:00:5e:00:53:0a, ip: 198.51.100.10, network: far}}}
`

let lab: Lab
let host: LabHost
let router: LabHost
let served: ServedLab

before(async () => {
  requireClients()
  requireHostFiles([{ file: 'dhcrelay', debian: 'isc-dhcp-relay' }])
  lab = await openLab()
  host = await lab.addHost({ core0: `core ${SERVER}/24` })
  router = await lab.addHost({ core0: `core ${RELAY.onServers}/24`, far0: `far ${RELAY.onClients}/24` })
  served = await serveDhcp(host, inventory)
})
after(async () => {
  await served.close()
  await lab.close()
})

async function startOurs(): Promise<ChildProcess> {
  const program = join(import.meta.dirname, 'overriding-relay.ts')
  const words = ['--import', 'tsx', program, RELAY.onClients, RELAY.onServers, SERVER]
  const relay = router.spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(relay.stdout ?? assert.fail('no output'), 'data')
  return relay
}

const messageIn = ({ payload }: Packet): DhcpMessage => decodeDhcp(payload)
const isType = (type: string) => (packet: Packet) => messageType(messageIn(packet)) === type

type Wires = Readonly<{ far: Watch; core: Watch }>

/** A machine behind that relay, which is to have its lease in the end. */
async function plug(t: TestContext, relay: ChildProcess, conf?: string): Promise<Wires> {
  t.after(() => ended(relay))
  const client = await lab.addHost({ [card]: 'far' })
  await client.ip(`link set ${card} address 00:00:5e:00:53:0a`)
  const far = await watchPackets(client, card, 'udp and (port 67 or port 68)')
  const core = await watchPackets(host, 'core0', 'udp and (port 67 or port 68)')
  t.after(async () => {
    await Promise.all([far.close(), core.close()])
    await client.close()
  })
  const running = await startClient(client, 'dhclient', conf === undefined ? {} : { conf })
  t.after(running.close)
  await running.said(/^BOUND 198\.51\.100\.10$/)
  return { far, core }
}

describe('a machine behind a relay, whose server knows no way to it', () => {
  test('RFC 3527 §3: ISC dhcrelay -U names the subnet, and the machine is told the server’s own address', async (t) => {
    const words = ['-4', '-d', '--no-pid', '-id', 'far0', '-U', 'core0', SERVER]
    const { far, core } = await plug(t, router.spawn('dhcrelay', words, { stdio: 'ignore' }))
    const asked = messageIn(await core.until(isType('DISCOVER')))
    assert.deepEqual(
      [asked.giaddr, linkSelection(asked), serverIdentifierOverride(asked)],
      [RELAY.onServers, RELAY.onClients, null],
    )
    assert.equal(serverIdentifier(messageIn(await far.until(isType('ACK')))), SERVER)
  })

  test('RFC 5107 §4: one that overrides the identifier is what the machine chooses, and by way of it dhclient renews', async (t) => {
    const { far, core } = await plug(t, await startOurs(), hasty)
    assert.equal(serverIdentifier(messageIn(await far.until(isType('REQUEST')))), RELAY.onClients)
    const renewal = await far.until((packet) => isType('REQUEST')(packet) && packet.to.address === RELAY.onClients)
    assert.deepEqual([messageIn(renewal).ciaddr, messageIn(renewal).giaddr], ['198.51.100.10', NO_ADDRESS])
    const relayed = messageIn(
      await core.until((packet) => isType('REQUEST')(packet) && messageIn(packet).ciaddr !== NO_ADDRESS),
    )
    assert.deepEqual([relayed.giaddr, serverIdentifierOverride(relayed)], [RELAY.onServers, RELAY.onClients])
    const ack = await far.until((packet) => isType('ACK')(packet) && packet.to.address === '198.51.100.10')
    assert.deepEqual([ack.from.address, serverIdentifier(messageIn(ack))], [RELAY.onClients, RELAY.onClients])
    const answers = core.packets().filter((packet) => packet.from.address === SERVER)
    assert.deepEqual([...new Set(answers.map(({ to }) => to.address))], [RELAY.onServers])
  })
})
