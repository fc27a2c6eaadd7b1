import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pino } from 'pino'
import type { Dhcp6Message } from '../../../../server/plan/dhcp6/message.ts'
import type { Asking } from '../../../../server/serve/dhcp/seen.ts'
import { dhcp6Answering } from '../../../../server/serve/dhcp6/answering.ts'
import { openMetrics } from '../../../../server/serve/metrics.ts'
import type { Sign } from '../../../../server/serve/timeline.ts'
import { anywhere, ask6, duidLl, farm6, host6, ia, ourDuid, pxe6, relayFrom, toUs } from '../../plan/dhcp6/asking6.ts'

function desk() {
  const signs: Sign[] = []
  const seen: Asking[] = []
  const forgotten: string[] = []
  const lines: string[] = []
  const metrics = openMetrics(() => ({ revision: 1, machines: 1, inventoryUp: true, viewsUp: null }))
  const answer = dhcp6Answering({
    context: () => ({ snapshot: farm6, server: host6, known: { templates: new Set() }, now: 0 }),
    duid: ourDuid,
    timeline: { note: (sign) => void signs.push(sign), report: () => assert.fail('nobody reports') },
    metrics,
    seen: {
      note: (asking) => void seen.push(asking),
      forget: (mac) => void forgotten.push(mac),
      close: () => Promise.resolve(),
    },
    log: pino({ base: null }, { write: (line: string) => void lines.push(line) }),
  })
  const counted = async (): Promise<Readonly<Record<string, number>>> =>
    Object.fromEntries((await metrics.dhcp6.get()).values.map(({ labels, value }) => [String(labels.outcome), value]))
  return { signs, seen, forgotten, lines, counted, ask: (request: Dhcp6Message) => answer(request, anywhere) }
}

test('a booting machine’s reply is a sign in its timeline; that of a system is none', () => {
  const { signs, forgotten, ask } = desk()
  ask(ask6('SOLICIT', { options: [ia(), ...pxe6(7)] }))
  ask(ask6('RENEW', { options: [toUs, ia(1, '2001:db8:1::11')] }))
  assert.deepEqual(signs, [
    {
      machine: 'a',
      stage: 'dhcp',
      detail: '2001:db8:1::11 to uefi-x64 pxe: tftp://[2001:db8:1::1]/shimx64.efi',
      door: 'dhcp6',
      peer: 'fe80::1234%eth0',
    },
  ])
  assert.deepEqual(forgotten, ['00:00:5e:00:53:01', '00:00:5e:00:53:01'])
})

test('who asks in vain is seen by MAC, or by DUID where nothing tells a MAC', () => {
  const { seen, ask } = desk()
  ask(ask6('SOLICIT', { duid: duidLl('00:00:5e:00:53:99'), options: pxe6(7), relays: [relayFrom('2001:db8:1::fe')] }))
  ask(ask6('SOLICIT', { duid: Uint8Array.of(0, 2, 0, 0, 0xab, 0x11, 7) }))
  assert.deepEqual(seen, [
    {
      mac: '00:00:5e:00:53:99',
      vendorClass: 'PXEClient:Arch:00007:UNDI:003016',
      architecture: 7,
      uuid: null,
      via: '2001:db8:1::fe',
    },
    { mac: '00020000ab1107', vendorClass: null, architecture: null, uuid: null, via: 'fe80::1234%eth0' },
  ])
})

test('a declined address is told once an hour, in the log and the timeline', () => {
  const { signs, lines, ask } = desk()
  for (let times = 0; times < 3; times++) ask(ask6('DECLINE', { options: [toUs, ia(1, '2001:db8:1::11')] }))
  assert.deepEqual(
    signs.map(({ detail }) => detail),
    ['its address 2001:db8:1::11 is in use by another host'],
  )
  assert.equal(lines.length, 1)
})

test('requests are counted by what became of them', async () => {
  const { counted, ask } = desk()
  ask(ask6('SOLICIT', { options: [ia()] }))
  ask(ask6('CONFIRM', { options: [ia(1, '2001:db8:9::1')] }))
  ask(ask6('DECLINE', { options: [toUs, ia(1, '2001:db8:1::11')] }))
  ask(ask6('SOLICIT', { duid: duidLl('00:00:5e:00:53:99') }))
  ask(ask6('RENEW', { options: [ia()] }))
  assert.deepEqual(await counted(), { answered: 1, refused: 1, declined: 1, unserved: 1, ignored: 1 })
})
