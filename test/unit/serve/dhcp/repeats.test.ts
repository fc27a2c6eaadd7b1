import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { pino } from 'pino'
import { answerDhcp } from '../../../../server/plan/dhcp/answer.ts'
import { NO_ADDRESS, OPTION } from '../../../../server/plan/dhcp/message.ts'
import { ascii, ipv4List, messageType, u16 } from '../../../../server/plan/dhcp/options.ts'
import { answerProxyDhcp } from '../../../../server/plan/dhcp/proxy.ts'
import { decodeDhcp, encodeDhcp } from '../../../../server/render/dhcp.ts'
import { dhcpAnswering } from '../../../../server/serve/dhcp/answering.ts'
import type { Surroundings } from '../../../../server/serve/dhcp/answering.ts'
import { openDhcpDoor } from '../../../../server/serve/dhcp/door.ts'
import { openRepeats, questionOf } from '../../../../server/serve/dhcp/repeats.ts'
import type { Hear } from '../../../../server/serve/dhcp/socket.ts'
import type { UdpPeer } from '../../../../server/serve/udp/peer.ts'
import { openMetrics } from '../../../../server/serve/metrics.ts'
import type { Asked } from '../../plan/dhcp/asking.ts'
import { ask, farm, host, pxe } from '../../plan/dhcp/asking.ts'

const log = pino({ level: 'silent' })
const relay: UdpPeer = { address: '192.0.2.254', port: 67 }

type Basis = { snapshot: typeof farm }
type Sent = Readonly<{ to: UdpPeer; octets: string }>

/** A door whose one socket is the test itself: what it sends, and what becomes of it in the timeline and the figures. */
async function openDesk(basis: Basis, plan: Surroundings['plan'], keeps: boolean) {
  const sent: Sent[] = []
  const signs: unknown[] = []
  const count = { planned: 0 }
  const metrics = openMetrics(() => ({ revision: 1, machines: 1, inventoryUp: true, viewsUp: null }))
  const known = { templates: new Set<string>() }
  let hear: Hear = () => assert.fail('nobody listens')
  await openDhcpDoor({
    address: '127.0.0.1',
    port: 67,
    log,
    ...(keeps ? { basis: () => [basis.snapshot] } : {}),
    answer: dhcpAnswering({
      context: () => ({ snapshot: basis.snapshot, server: host, known, now: 0 }),
      plan: (context, request, arrival) => {
        count.planned++
        return plan(context, request, arrival)
      },
      timeline: { note: (sign) => void signs.push(sign), report: () => assert.fail('nobody reports') },
      metrics,
      seen: { note: () => undefined, forget: () => undefined, close: () => Promise.resolve() },
      log,
    }),
    sockets: (heard) => {
      hear = heard
      return {
        bind: () => Promise.resolve(),
        local: () => ({ address: '127.0.0.1', port: 67, family: 'IPv4' }),
        send: (octets, to) => void sent.push({ to, octets: Buffer.from(octets).toString('hex') }),
        close: () => Promise.resolve(),
      }
    },
  })
  const counted = async (): Promise<unknown> => (await metrics.dhcp.get()).values
  return { sent, signs, count, counted, ask: (datagram: Buffer) => hear(datagram, relay) }
}

const octetsOf = (request: ReturnType<typeof ask>): Buffer => Buffer.from(encodeDhcp(request, { maxSize: 1472 }))

const option = (code: number, ...values: readonly Uint8Array[]) =>
  fc.constantFrom(null, ...values).map((value) => (value === null ? [] : [[code, value] as const]))

/** Few values of each, so that the same request comes again and again, and all that a reply could depend on. */
const requests = fc
  .record({
    type: fc.constantFrom('DISCOVER', 'REQUEST', 'INFORM', 'DECLINE', 'RELEASE'),
    mac: fc.constantFrom('00:00:5e:00:53:01', '00:00:5e:00:53:06', '00:00:5e:00:53:99'),
    xid: fc.integer({ min: 0, max: 0xffffffff }),
    secs: fc.integer({ min: 0, max: 0xffff }),
    hops: fc.integer({ min: 0, max: 16 }),
    broadcast: fc.boolean(),
    ciaddr: fc.constantFrom(NO_ADDRESS, '192.0.2.11'),
    giaddr: fc.constantFrom(NO_ADDRESS, '192.0.2.254'),
    options: fc
      .tuple(
        fc.constantFrom([], pxe(7), pxe(0)),
        option(OPTION.requestedAddress, ipv4List(['192.0.2.11']), ipv4List(['192.0.2.99'])),
        option(OPTION.userClass, ascii('iPXE')),
        option(OPTION.parameterRequestList, Uint8Array.of(1, 3, 6), Uint8Array.of(6, 3, 1)),
        option(OPTION.maxMessageSize, u16(576), u16(1500)),
        option(OPTION.relayAgentInformation, Uint8Array.of(1, 1, 1), Uint8Array.of(1, 1, 2)),
      )
      .map((all) => all.flat()),
  })
  .map(({ type, ...fields }) => octetsOf(ask(type as 'DISCOVER', fields satisfies Asked)))

const changedFarm = { ...farm, site: farm.site.delete('dhcp_lease_seconds') }
const steps = fc.array(
  fc.record({ datagram: requests, snapshot: fc.constantFrom(farm, farm, farm, farm, changedFarm) }),
  { minLength: 1, maxLength: 60 },
)

const plans: readonly Readonly<{ name: string; plan: Surroundings['plan'] }>[] = [
  { name: 'the server', plan: answerDhcp },
  { name: 'proxyDHCP', plan: (context, request, arrival) => answerProxyDhcp(context, request, 'dhcp', arrival) },
]

describe('a door that keeps its answers', () => {
  for (const { name, plan } of plans)
    test(`of ${name} says and notes octet for octet what one that keeps none does, whatever is asked`, async () => {
      await fc.assert(
        fc.asyncProperty(steps, async (asked) => {
          const basis: Basis = { snapshot: farm }
          const [keeping, plain] = [await openDesk(basis, plan, true), await openDesk(basis, plan, false)]
          for (const { datagram, snapshot } of asked) {
            basis.snapshot = snapshot
            for (const desk of [keeping, plain]) for (let times = 0; times < 3; times++) desk.ask(Buffer.from(datagram))
          }
          assert.deepEqual(keeping.sent, plain.sent)
          assert.deepEqual(keeping.signs, plain.signs)
          assert.deepEqual(await keeping.counted(), await plain.counted())
        }),
        { numRuns: 200 },
      )
    })

  test('plans no more for a request that has come twice, and gives it its own transaction’s number', async () => {
    const desk = await openDesk({ snapshot: farm }, answerDhcp, true)
    for (const xid of [1, 2, 3, 4]) desk.ask(octetsOf(ask('DISCOVER', { xid, secs: xid, hops: xid, options: pxe(7) })))
    const replies = desk.sent.map(({ octets }) => decodeDhcp(Buffer.from(octets, 'hex')))
    assert.deepEqual(
      replies.map((reply) => [messageType(reply), reply.xid]),
      [
        ['OFFER', 1],
        ['OFFER', 2],
        ['OFFER', 3],
        ['OFFER', 4],
      ],
    )
    assert.deepEqual([desk.count.planned, desk.signs.length], [2, 4])
  })

  test('plans anew when the inventory is another, though the request is the same', async () => {
    const basis: Basis = { snapshot: farm }
    const desk = await openDesk(basis, answerDhcp, true)
    const datagram = octetsOf(ask('DISCOVER'))
    for (let times = 0; times < 3; times++) desk.ask(Buffer.from(datagram))
    basis.snapshot = changedFarm
    desk.ask(Buffer.from(datagram))
    const leases = desk.sent.map(({ octets }) =>
      Buffer.from(decodeDhcp(Buffer.from(octets, 'hex')).options.get(OPTION.leaseTime) ?? []).readUInt32BE(),
    )
    assert.deepEqual(leases, [7200, 7200, 7200, 3600])
  })

  test('plans each time for whoever gets no answer: strangers fill no memory', async () => {
    const desk = await openDesk({ snapshot: farm }, answerDhcp, true)
    const datagram = octetsOf(ask('DISCOVER', { mac: '00:00:5e:00:53:99' }))
    for (let times = 0; times < 3; times++) desk.ask(Buffer.from(datagram))
    assert.deepEqual([desk.count.planned, desk.sent.length], [3, 0])
  })
})

test('the same request on another interface, or on one that has got another address, is another question', () => {
  const datagram = octetsOf(ask('DISCOVER'))
  const from = (name: string, ...addresses: readonly string[]) =>
    questionOf({ datagram, arrival: { interface: name, addresses: addresses as never } })
  const questions = [questionOf({ datagram, arrival: null }), from('eth0'), from('eth1'), from('eth0', '192.0.2.1')]
  assert.equal(new Set(questions).size, questions.length)
  assert.equal(from('eth0', '192.0.2.1'), from('eth0', '192.0.2.1'))
})

test('an answer is worth keeping when its question comes again soon, not when half a million others came between', () => {
  const repeats = openRepeats(() => [])
  const few = Array.from({ length: 1000 }, (_, index) => `few ${index}`)
  assert.ok(few.filter(repeats.isAskedAgain).length < 50, 'asked for the first time')
  assert.ok(few.filter(repeats.isAskedAgain).length > 950, 'asked again')
  for (let index = 0; index < 500_000; index++) repeats.isAskedAgain(`many ${index}`)
  assert.ok(few.filter(repeats.isAskedAgain).length < 50, 'forgotten')
})

test('what is kept is bounded: of very many answers the oldest are forgotten', () => {
  const repeats = openRepeats(() => [])
  const answer = {
    mac: null,
    octets: new Uint8Array(300),
    destination: { kind: 'broadcast', port: 68 },
    reserved: NO_ADDRESS,
    again: () => undefined,
  } as const
  const total = 100_000
  for (let index = 0; index < total; index++) {
    repeats.find(String(index))
    repeats.keep(String(index), answer)
  }
  let kept = 0
  for (let index = 0; index < total; index++) if (repeats.find(String(index)) !== undefined) kept++
  assert.ok(kept > 10_000 && kept < 50_000, String(kept))
  assert.equal(repeats.find('0'), undefined)
  assert.notEqual(repeats.find(String(total - 1)), undefined)
})
