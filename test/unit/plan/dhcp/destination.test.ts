import assert from 'node:assert/strict'
import { test } from 'node:test'
import { replyDestination } from '../../../../server/plan/dhcp/destination.ts'
import {
  MESSAGE_TYPE,
  NO_ADDRESS,
  OPTION,
  type DhcpMessage,
  type MessageType,
} from '../../../../server/plan/dhcp/message.ts'

function message(type: MessageType, fields: Partial<DhcpMessage> = {}): DhcpMessage {
  return {
    op: 'request',
    htype: 1,
    hops: 0,
    xid: 1,
    secs: 0,
    broadcast: false,
    ciaddr: NO_ADDRESS,
    yiaddr: NO_ADDRESS,
    siaddr: NO_ADDRESS,
    giaddr: NO_ADDRESS,
    chaddr: Uint8Array.from([0, 0, 0x5e, 0, 0x53, 1]),
    sname: '',
    file: '',
    options: new Map([[OPTION.messageType, Uint8Array.of(MESSAGE_TYPE[type])]]),
    ...fields,
  }
}

const giaddr = '198.51.100.1'
const ciaddr = '192.0.2.10'
const offer = message('OFFER', { yiaddr: ciaddr })
const ack = message('ACK', { yiaddr: ciaddr })
const nak = message('NAK')
const broadcast = { kind: 'broadcast', port: 68 }

const cases: [string, DhcpMessage, DhcpMessage, object][] = [
  [
    'a relayed request is answered to the relay, port 67',
    message('DISCOVER', { giaddr }),
    offer,
    { kind: 'unicast', address: giaddr, port: 67 },
  ],
  [
    'the relay comes before ciaddr',
    message('REQUEST', { giaddr, ciaddr }),
    ack,
    { kind: 'unicast', address: giaddr, port: 67 },
  ],
  [
    'a NAK too goes to the relay, which broadcasts it',
    message('REQUEST', { giaddr, ciaddr }),
    nak,
    { kind: 'unicast', address: giaddr, port: 67 },
  ],
  ['without a relay a NAK is broadcast, whatever ciaddr says', message('REQUEST', { ciaddr }), nak, broadcast],
  [
    'a client that renews is answered at its address, port 68',
    message('REQUEST', { ciaddr }),
    ack,
    { kind: 'unicast', address: ciaddr, port: 68 },
  ],
  [
    'ciaddr comes before the broadcast bit',
    message('REQUEST', { ciaddr, broadcast: true }),
    ack,
    { kind: 'unicast', address: ciaddr, port: 68 },
  ],
  [
    'an INFORM is answered at ciaddr',
    message('INFORM', { ciaddr }),
    message('ACK'),
    { kind: 'unicast', address: ciaddr, port: 68 },
  ],
  ['a client that asks for broadcast gets it', message('DISCOVER', { broadcast: true }), offer, broadcast],
  [
    'an INFORM by way of a relay is answered at ciaddr too (§4.3.5)',
    message('INFORM', { ciaddr, giaddr }),
    message('ACK'),
    { kind: 'unicast', address: ciaddr, port: 68 },
  ],
  [
    'an INFORM that names no address goes back to its relay',
    message('INFORM', { giaddr }),
    message('ACK'),
    { kind: 'unicast', address: giaddr, port: 67 },
  ],
  [
    'a client without an address gets a broadcast, Node having no way to reach its hardware address',
    message('DISCOVER'),
    offer,
    broadcast,
  ],
]

for (const [what, request, reply, destination] of cases) {
  test(`RFC 2131 §4.1: ${what}`, () => assert.deepEqual(replyDestination(request, reply), destination))
}
