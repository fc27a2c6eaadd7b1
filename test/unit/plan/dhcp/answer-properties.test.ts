// What holds for every request, whatever is in it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { answerDhcp } from '../../../../server/plan/dhcp/answer.ts'
import type { DhcpMessage, MessageType } from '../../../../server/plan/dhcp/message.ts'
import { MESSAGE_TYPE, NO_ADDRESS, OPTION } from '../../../../server/plan/dhcp/message.ts'
import { messageType, u8 } from '../../../../server/plan/dhcp/options.ts'
import { decodeDhcp, encodeDhcp } from '../../../../server/render/dhcp.ts'
import { ask, farm, host, onBoth } from './asking.ts'

const reserved = new Map([
  ['00:00:5e:00:53:01', '192.0.2.11'],
  ['00:00:5e:00:53:11', '198.51.100.11'],
  ['00:00:5e:00:53:02', '198.51.100.12'],
])
const stranger = '00:00:5e:00:53:99'

const addresses = fc.constantFrom(
  ...[NO_ADDRESS, '192.0.2.1', '192.0.2.11', '192.0.2.99', '192.0.2.254', '198.51.100.11', '198.51.100.254'],
  ...['203.0.113.254', '255.255.255.255', '127.0.0.1'],
)
const addressOctets = addresses.map((text) => Uint8Array.from(text.split('.'), Number))
const anyOctets = fc.uint8Array({ maxLength: 40 })
const words = ['PXEClient', 'PXEClient:Arch:00007', 'HTTPClient', 'iPXE', '\x04iPXE', 'udhcp 1.35', '']

const option = fc.oneof(
  fc.tuple(fc.constantFrom(OPTION.requestedAddress, OPTION.serverIdentifier), fc.oneof(addressOctets, anyOctets)),
  fc.tuple(
    fc.constantFrom(OPTION.vendorClass, OPTION.userClass),
    fc.oneof(
      fc.constantFrom(...words).map((word) => Buffer.from(word)),
      anyOctets,
    ),
  ),
  fc.tuple(
    fc.constant(OPTION.relayAgentInformation),
    fc.oneof(
      fc.tuple(fc.constantFrom(5, 11), addressOctets).map(([code, quad]) => Uint8Array.of(code, 4, ...quad)),
      anyOctets,
    ),
  ),
  fc.tuple(fc.constantFrom(OPTION.clientArchitecture, OPTION.maxMessageSize), fc.uint8Array({ maxLength: 4 })),
  fc.tuple(fc.integer({ min: 1, max: 254 }), anyOctets).filter(([code]) => code !== 52 && code !== 53),
)

const types = Object.keys(MESSAGE_TYPE) as readonly MessageType[]

const requestFrom = (mac: string): fc.Arbitrary<DhcpMessage> =>
  fc
    .record({
      type: fc.constantFrom(...types),
      options: fc.array(option, { maxLength: 8 }),
      fields: fc.record({
        xid: fc.nat(0xffffffff),
        secs: fc.nat(0xffff),
        hops: fc.nat(255),
        broadcast: fc.boolean(),
        ciaddr: addresses,
        giaddr: addresses,
        yiaddr: addresses,
        siaddr: addresses,
      }),
    })
    .map(({ type, options, fields }) => ask(type, { ...fields, mac, options }))

test('whatever a machine of the inventory sends: nothing throws, and no address but its own is given', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...reserved.keys()).chain((mac) => fc.tuple(fc.constant(mac), requestFrom(mac))),
      fc.constantFrom(host, onBoth),
      ([mac, request], server) => {
        const made = answerDhcp({ snapshot: farm, server, known: { templates: new Set() }, now: 0 }, request)
        if (made.kind !== 'reply') return assert.ok(made.why !== '')
        const { reply } = made
        assert.equal(made.reserved, reserved.get(mac))
        assert.ok([NO_ADDRESS, made.reserved].includes(reply.yiaddr))
        assert.ok(['OFFER', 'ACK', 'NAK'].includes(messageType(reply) ?? ''))
        assert.deepEqual(
          [reply.op, reply.xid, reply.htype, reply.giaddr, reply.chaddr, reply.hops, reply.secs],
          ['reply', request.xid, request.htype, request.giaddr, request.chaddr, 0, 0],
        )
        for (const code of [OPTION.clientIdentifier, OPTION.machineUuid, OPTION.relayAgentInformation])
          assert.deepEqual(reply.options.get(code), request.options.get(code))
        const again = decodeDhcp(encodeDhcp(reply, { maxSize: 1472 }))
        assert.deepEqual([again.yiaddr, messageType(again)], [reply.yiaddr, messageType(reply)])
      },
    ),
  )
})

test('whatever a stranger sends: silence', () => {
  fc.assert(
    fc.property(requestFrom(stranger), (request) => {
      const made = answerDhcp({ snapshot: farm, server: host, known: { templates: new Set() }, now: 0 }, request)
      assert.ok(made.kind === 'ignore' || made.kind === 'unserved', made.kind)
    }),
  )
})

test('RFC 2131 §4.1: a request that is sent again is answered again, and alike', () => {
  fc.assert(
    fc.property(requestFrom('00:00:5e:00:53:01'), (request) => {
      const context = { snapshot: farm, server: host, known: { templates: new Set<string>() }, now: 0 }
      assert.deepEqual(answerDhcp(context, request), answerDhcp({ ...context, now: 5000 }, request))
    }),
  )
})

test('a type that stands in the request as no type does is no request', () => {
  for (const value of [new Uint8Array(), u8(0), u8(9), Uint8Array.of(1, 1)]) {
    const request = ask('DISCOVER', { options: [[OPTION.messageType, value]] })
    const made = answerDhcp({ snapshot: farm, server: host, known: { templates: new Set() }, now: 0 }, request)
    assert.deepEqual([made.kind, made.kind === 'reply' ? '' : made.why], ['ignore', 'not a DHCP request'])
  }
})
