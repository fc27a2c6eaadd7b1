import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { OPTION } from '../../../server/plan/dhcp/message.ts'
import type { DhcpMessage } from '../../../server/plan/dhcp/message.ts'
import { u16 } from '../../../server/plan/dhcp/options.ts'
import { encodeReply, expendable } from '../../../server/render/dhcp-fit.ts'
import { decodeDhcp, DoesNotFit } from '../../../server/render/dhcp.ts'
import { snapshotOf } from '../../fixtures.ts'
import { ask, pxe, reply } from '../plan/dhcp/asking.ts'

const longDomain = ['farm', ...Array.from({ length: 3 }, () => 'd'.repeat(60)), 'example.org'].join('.')
const farm = snapshotOf(`
networks:
  farm: {cidr: 192.0.2.0/24, gateway: 192.0.2.254, dns: [192.0.2.1, 192.0.2.2], ntp: [192.0.2.3], domain: ${longDomain}, mtu: 9000}
profiles: {p: {}}
machines:
  a: {profile: p, interfaces: {eth0: {mac: 00:00:5e:00:53:01, ip: 192.0.2.11, network: farm}}}
`)

type Options = readonly (readonly [number, Uint8Array])[]
const discover = (...options: Options): DhcpMessage => ask('DISCOVER', { options: [...pxe(), ...options] })
const fitted = (request: DhcpMessage) => {
  const answer = reply(request, farm)
  const { octets, dropped } = encodeReply(request, answer)
  return { octets, dropped, given: [...answer.options.keys()], message: decodeDhcp(octets) }
}
const size = (octets: number): Options[number] => [OPTION.maxMessageSize, u16(octets)]
const clientId = (octets: number): Options[number] => [OPTION.clientIdentifier, new Uint8Array(octets).fill(7)]
const relayed = (octets: number): Options[number] => [OPTION.relayAgentInformation, new Uint8Array(octets).fill(1)]
const asking = (...codes: readonly number[]): Options[number] => [OPTION.parameterRequestList, Uint8Array.from(codes)]

/** Of the host and its network. */
const hostOptions = [1, 3, 6, 12, 15, 26, 28, 42]

describe('a reply is as long as its client takes it', () => {
  test('RFC 2131 §2: without option 57 an IP datagram of 576 octets, so a message of 548', () => {
    const { octets, dropped } = fitted(discover())
    assert.ok(octets.length <= 548)
    assert.deepEqual(dropped, [])
  })

  test('RFC 2132 §9.10: less than 576 is not legal and counts as 576; more than an Ethernet frame is not sent', () => {
    for (const [asked, most] of [
      [0, 548],
      [575, 548],
      [1200, 1172],
      [65535, 1472],
    ] as const) {
      const { octets, given } = fitted(discover(size(asked), clientId(100), relayed(100)))
      assert.ok(octets.length <= most, `${octets.length} of ${most}`)
      if (most > 1000) assert.deepEqual(new Set(decodeDhcp(octets).options.keys()), new Set(given))
    }
  })

  test('what it can do without is left out in the table’s order, what it didn’t ask for first', () => {
    const few = fitted(discover(clientId(50), relayed(20), asking(58, 59, 28)))
    assert.deepEqual(few.dropped, [66, 42, 15])
    const more = fitted(discover(clientId(160), relayed(60), asking(15)))
    assert.deepEqual(more.dropped, [58, 59, 28, 66, 42, 12, 6, 26, 15])
  })

  test('what says what the message is, where the client is and what it boots is never left out', () => {
    const kept = [53, 54, 51, 1, 3, 67, 60, 43, 61, 82]
    const { dropped, message } = fitted(discover(clientId(160), relayed(60)))
    assert.ok(dropped.length > 0)
    for (const code of kept) assert.ok(message.options.has(code), `option ${code}`)
    assert.deepEqual(
      kept.filter((code) => expendable.some((one) => one.code === code)),
      [],
    )
  })

  test('RFC 2132 §9.3: what it can’t do without stays in the options field, where a ROM finds it that reads no option 52', () => {
    const overloaded = Array.from({ length: 100 }, (_, index) => 576 + index * 4).filter((most) => {
      const { octets, message } = fitted(discover(size(most), clientId(40), relayed(20)))
      const codes: number[] = []
      for (let at = 240; octets[at] !== OPTION.end; at += 2 + (octets[at + 1] ?? 0)) codes.push(octets[at] ?? 0)
      const elsewhere = [...message.options.keys()].filter((code) => !codes.includes(code))
      assert.ok(elsewhere.every((code) => expendable.some((one) => one.code === code)))
      return elsewhere.length > 0
    })
    assert.ok(overloaded.length > 0)
  })

  test('RFC 2132 §9.8: as long as all fits, options come in the client’s order, the mask before the router', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (list) => {
        const { message } = fitted(discover(size(1500), asking(...list)))
        const given = [...message.options.keys()].filter((code) => list.includes(code) && hostOptions.includes(code))
        const asked = [...new Set(list)].filter((code) => given.includes(code))
        const router = asked.indexOf(3)
        const mask = asked.indexOf(1)
        if (router !== -1 && mask > router) asked.splice(router, 0, ...asked.splice(mask, 1))
        assert.deepEqual(given, asked)
      }),
    )
  })

  test('RFC 3046 §2.2: when nothing else is left, the reply goes without the relay’s option, which is never cut', () => {
    const { dropped, message } = fitted(discover(clientId(200), relayed(120)))
    assert.deepEqual(dropped, [58, 59, 28, 66, 42, 15, 12, 6, 26, 82])
    assert.deepEqual([message.options.has(82), message.options.get(61)?.length], [false, 200])
  })

  test('when not even that fits, an error names the option that found no place', () => {
    const request = discover(clientId(400), relayed(250))
    assert.throws(() => encodeReply(request, reply(request, farm)), DoesNotFit)
  })

  test('whatever the client sends along, its reply is no longer than it takes, says all but what was dropped, or fits nowhere', () => {
    fc.assert(
      fc.property(
        fc.nat(400),
        fc.nat(255),
        fc.integer({ min: 0, max: 2000 }),
        fc.uint8Array({ maxLength: 40 }),
        (client, relay, maximum, list) => {
          const request = discover(size(maximum), clientId(client), relayed(relay), asking(...list))
          const answer = reply(request, farm)
          try {
            const { octets, dropped } = encodeReply(request, answer)
            assert.ok(octets.length <= Math.min(Math.max(maximum, 576), 1500) - 28)
            const expected = [...answer.options].filter(([code]) => !dropped.includes(code))
            assert.deepEqual(new Map(decodeDhcp(octets).options), new Map(expected))
          } catch (error) {
            assert.ok(error instanceof DoesNotFit)
          }
        },
      ),
    )
  })

  test('docs/reference/dhcp.md has the same order', async () => {
    const manual = await readFile(join(import.meta.dirname, '../../../docs/reference/dhcp.md'), 'utf8')
    const order = /in the order ([\d, ]+);/.exec(manual.replaceAll(/\s+/g, ' '))?.[1]
    assert.equal(order, expendable.map(({ code }) => code).join(', '))
  })

  test('each option that can be left out says why, and stands in the table once', () => {
    assert.equal(new Set(expendable.map(({ code }) => code)).size, expendable.length)
    for (const { why } of expendable) assert.ok(why.length > 0)
  })
})
