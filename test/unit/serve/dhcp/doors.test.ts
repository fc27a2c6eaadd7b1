import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import type { Socket } from 'node:dgram'
import { once } from 'node:events'
import { test, type TestContext } from 'node:test'
import { pino } from 'pino'
import type { DhcpMessage } from '../../../../server/plan/dhcp/message.ts'
import { messageType } from '../../../../server/plan/dhcp/options.ts'
import { decodeDhcp, encodeDhcp } from '../../../../server/render/dhcp.ts'
import type { DhcpDoors, DhcpDoorsOptions } from '../../../../server/serve/dhcp/doors.ts'
import { openDhcpDoors } from '../../../../server/serve/dhcp/doors.ts'
import { openMetrics } from '../../../../server/serve/metrics.ts'
import type { Sign } from '../../../../server/serve/timeline.ts'
import { snapshotOf } from '../../../fixtures.ts'
import { ask, host, pxe } from '../../plan/dhcp/asking.ts'

/** Its relay is a socket of this test. */
const inventory = snapshotOf(`
networks: {here: {cidr: 127.0.0.0/8}}
profiles: {p: {}}
machines: {a: {profile: p, interfaces: {eth0: {mac: 00:00:5e:00:53:7f, ip: 127.0.0.9, network: here}}}}
`)
const mac = '00:00:5e:00:53:7f'

const log = pino({ level: 'silent' })
const loopback = '127.0.0.1'

async function open(t: TestContext, options: Pick<DhcpDoorsOptions, 'mode'> & Partial<DhcpDoorsOptions>) {
  const signs: Sign[] = []
  const metrics = openMetrics(() => ({ revision: 1, machines: 1, inventoryUp: true, viewsUp: null }))
  const at = { address: loopback, port: 0, pxePort: 0, log, ...options }
  const doors = await openDhcpDoors(at, {
    context: () => ({ snapshot: inventory, server: host, known: { templates: new Set() }, now: 0 }),
    onChange: () => undefined,
    timeline: { note: (sign) => void signs.push(sign), report: () => assert.fail('nobody reports') },
    metrics,
    seen: { note: () => assert.fail('everybody is served'), forget: () => undefined, close: () => Promise.resolve() },
  })
  t.after(doors.close)
  const answered = async (): Promise<number | undefined> => (await metrics.dhcp.get()).values[0]?.value
  return { doors, signs, answered }
}

async function clientSocket(t: TestContext): Promise<Socket> {
  const socket = createSocket('udp4')
  socket.bind(0, loopback)
  await once(socket, 'listening')
  t.after(() => socket.close())
  return socket
}

async function exchange(t: TestContext, request: DhcpMessage, to: number | null): Promise<DhcpMessage> {
  const socket = await clientSocket(t)
  const reply = once(socket, 'message') as Promise<[Buffer]>
  socket.send(encodeDhcp(request, { maxSize: 1472 }), to ?? assert.fail('that door is closed'), loopback)
  return decodeDhcp((await reply)[0])
}

test('each mode opens its doors, and those alone', async (t) => {
  const isOpen = ({ ports }: DhcpDoors): readonly boolean[] => [ports.dhcp !== null, ports.pxe !== null]
  assert.deepEqual(isOpen((await open(t, { mode: 'server' })).doors), [true, false])
  assert.deepEqual(isOpen((await open(t, { mode: 'proxy' })).doors), [true, true])
  assert.deepEqual(isOpen((await open(t, { mode: 'proxy-4011' })).doors), [false, true])
})

test('PXE 2.1 §2.2: 4011 answers to the port that asked; the timeline and the metrics have it', async (t) => {
  const { doors, signs, answered } = await open(t, { mode: 'proxy-4011' })
  const ack = await exchange(t, ask('REQUEST', { mac, ciaddr: loopback, options: pxe(7) }), doors.ports.pxe)
  assert.deepEqual([messageType(ack), ack.yiaddr, ack.file], ['ACK', '0.0.0.0', 'snponly.efi'])
  assert.deepEqual(
    signs.map(({ machine, stage, detail, peer }) => [machine, stage, detail, peer]),
    [['a', 'dhcp', 'uefi-x64 pxe: snponly.efi', loopback]],
  )
  assert.equal(await answered(), 1)
})

test('the door of DHCP offers an address in the mode server, and none in the mode proxy', async (t) => {
  for (const [mode, given] of [
    ['server', '127.0.0.9'],
    ['proxy', '0.0.0.0'],
  ] as const) {
    const relay = await clientSocket(t)
    const { doors } = await open(t, { mode, relayPort: relay.address().port })
    const offer = once(relay, 'message') as Promise<[Buffer]>
    const discover = ask('DISCOVER', { mac, giaddr: loopback, options: pxe() })
    relay.send(encodeDhcp(discover, { maxSize: 1472 }), doors.ports.dhcp ?? assert.fail('closed'), loopback)
    const { yiaddr, file } = decodeDhcp((await offer)[0])
    assert.deepEqual([yiaddr, file], [given, 'pxelinux.0'])
  }
})

test('a second door that can’t open closes the first, and says which it was', async (t) => {
  const taken = await clientSocket(t)
  const pxePort = taken.address().port
  await assert.rejects(open(t, { mode: 'proxy', pxePort }), { message: `listen for DHCP on 127.0.0.1 port ${pxePort}` })
})

test('systemd’s sockets are of port 67, which is another server’s if there is only 4011 for us', async (t) => {
  const inherited = [{ fd: 3, name: 'dhcp-eth0' }]
  await assert.rejects(open(t, { mode: 'proxy-4011', inherited }), /dhcp_mode is proxy-4011: disable their units/)
})
