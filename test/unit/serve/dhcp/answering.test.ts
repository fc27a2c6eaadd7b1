import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pino } from 'pino'
import { answerDhcp } from '../../../../server/plan/dhcp/answer.ts'
import type { DhcpMessage } from '../../../../server/plan/dhcp/message.ts'
import { dhcpAnswering } from '../../../../server/serve/dhcp/answering.ts'
import type { DhcpVia } from '../../../../server/serve/dhcp/door.ts'
import { openMetrics } from '../../../../server/serve/metrics.ts'
import type { Sign } from '../../../../server/serve/timeline.ts'
import { ask, farm, host, pxe, requested, serverId } from '../../plan/dhcp/asking.ts'

const via: DhcpVia = { sender: { address: '192.0.2.254', port: 67 }, arrival: null }
const stranger = '00:00:5e:00:53:99'

function desk() {
  const signs: Sign[] = []
  const seen: string[] = []
  const lines: Record<string, unknown>[] = []
  const metrics = openMetrics(() => ({ revision: 1, machines: 1, inventoryUp: true, viewsUp: null }))
  const answer = dhcpAnswering({
    context: () => ({ snapshot: farm, server: host, known: { templates: new Set() }, now: 0 }),
    plan: answerDhcp,
    timeline: { note: (sign) => void signs.push(sign), report: () => assert.fail('nobody reports') },
    metrics,
    seen: {
      note: (_asking, { why }) => void seen.push(why),
      forget: () => void seen.push('answered'),
      close: () => Promise.resolve(),
    },
    log: pino(
      { base: null },
      { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) },
    ),
  })
  const counted = async (): Promise<Readonly<Record<string, number>>> =>
    Object.fromEntries((await metrics.dhcp.get()).values.map(({ labels, value }) => [String(labels.outcome), value]))
  return { signs, seen, lines, counted, ask: (request: DhcpMessage) => answer(request, via) }
}

test('a booting machine’s reply is a sign in its timeline; that of a system which renews its lease is none', () => {
  const { signs, ask: asks } = desk()
  asks(ask('DISCOVER', { options: pxe(7) }))
  asks(ask('REQUEST', { ciaddr: '192.0.2.11' }))
  assert.deepEqual(signs, [
    {
      machine: 'a',
      stage: 'dhcp',
      detail: '192.0.2.11 to uefi-x64 pxe: shimx64.efi',
      door: 'dhcp',
      peer: '192.0.2.254',
    },
  ])
})

test('a booting machine that there is no boot file for is told so in its timeline, by the name of its architecture', () => {
  const { signs, ask: asks } = desk()
  asks(ask('DISCOVER', { options: pxe(10) }))
  asks(ask('DISCOVER', { mac: '00:00:5e:00:53:11', giaddr: '198.51.100.254', options: pxe(7) }))
  assert.deepEqual(
    signs.map(({ detail }) => detail),
    ['192.0.2.11 to ARM 32-bit UEFI (type 10): no boot file', '198.51.100.11 to uefi-x64 pxe: no boot file'],
  )
})

test('a refusal of a booting machine says what it wanted', () => {
  const { signs, ask: asks } = desk()
  asks(ask('REQUEST', { options: [requested('192.0.2.99'), ...pxe()] }))
  assert.deepEqual(
    signs.map(({ detail }) => detail),
    ['bios pxe refused: a has 192.0.2.11, not 192.0.2.99'],
  )
})

test('RFC 2131 §4.3.3: a declined address is one event and one warning, however often it is declined in an hour', () => {
  const { signs, lines, ask: asks } = desk()
  for (let times = 0; times < 3; times++)
    asks(ask('DECLINE', { options: [requested('192.0.2.11'), serverId('192.0.2.1')] }))
  assert.deepEqual(
    signs.map(({ machine, detail }) => [machine, detail]),
    [['a', 'its address 192.0.2.11 is in use by another host']],
  )
  assert.deepEqual(
    lines.map(({ level, machine, msg }) => [level, machine, msg]),
    [[40, 'a', 'dhcp: its address 192.0.2.11 is in use by another host']],
  )
})

test('whoever gets no answer is noted with the reason, until it gets one', () => {
  const { seen, ask: asks } = desk()
  asks(ask('DISCOVER', { mac: stranger }))
  asks(ask('DISCOVER'))
  asks(ask('RELEASE', { mac: stranger }))
  assert.deepEqual(seen, [`no interface of the inventory has MAC ${stranger}`, 'answered'])
})

test('every request counts once, by what became of it', async () => {
  const { counted, ask: asks } = desk()
  asks(ask('DISCOVER'))
  asks(ask('REQUEST', { options: [requested('192.0.2.99')] }))
  asks(ask('RELEASE'))
  asks(ask('DISCOVER', { mac: stranger }))
  asks(ask('DECLINE', { options: [requested('192.0.2.11')] }))
  assert.deepEqual(await counted(), { answered: 1, refused: 1, ignored: 1, unserved: 1, declined: 1 })
})
