import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { DhcpMessage, MessageType } from '../../../../server/plan/dhcp/message.ts'
import { NO_ADDRESS, OPTION } from '../../../../server/plan/dhcp/message.ts'
import { messageType } from '../../../../server/plan/dhcp/options.ts'
import { address, snapshotOf } from '../../../fixtures.ts'
import { derivedMac } from '../../../../server/inventory/xen-mac.ts'
import type { Arrival } from '../../../../server/plan/dhcp/arrival.ts'
import type { Asked } from './asking.ts'
import {
  answer,
  ask,
  farm,
  host,
  number,
  onBoth,
  pxe,
  quads,
  reply,
  requested,
  serverId,
  silence,
  text,
  unserved,
} from './asking.ts'

describe('REQUEST', () => {
  test('RFC 2131 §4.3.2, SELECTING: server identifier ours, requested address the reservation: ACK', () => {
    const ack = reply(ask('REQUEST', { options: [requested('192.0.2.11'), serverId('192.0.2.1')] }))
    assert.deepEqual([messageType(ack), ack.yiaddr, ack.ciaddr], ['ACK', '192.0.2.11', NO_ADDRESS])
    assert.deepEqual(quads(ack, OPTION.serverIdentifier), ['192.0.2.1'])
  })

  test('RFC 2131 §4.3.2, SELECTING: server identifier ours, but not what was offered: NAK', () => {
    const nak = reply(ask('REQUEST', { options: [requested('192.0.2.99'), serverId('192.0.2.1')] }))
    assert.equal(messageType(nak), 'NAK')
  })

  test('RFC 2131 §4.3.2, SELECTING: another server was chosen: silence, for its reservation is not ours to refuse', () => {
    const { why, machine } = silence(ask('REQUEST', { options: [requested('192.0.2.99'), serverId('192.0.2.9')] }))
    assert.deepEqual([why, machine], ['a chose server 192.0.2.9', 'a'])
  })

  test('RFC 2131 §4.1: any address of this server is this server: ACK', () => {
    const several = { ...host, addresses: [...host.addresses, address('203.0.113.1')] }
    const asked = ask('REQUEST', { options: [requested('192.0.2.11'), serverId('203.0.113.1')] })
    const made = answer(asked, farm, several)
    assert.ok(made.kind === 'reply')
    assert.deepEqual([messageType(made.reply), quads(made.reply, OPTION.serverIdentifier)], ['ACK', ['192.0.2.1']])
    assert.equal(silence(asked).why, 'a chose server 203.0.113.1')
  })

  test('RFC 2131 §4.3.2, INIT-REBOOT: no server identifier, ciaddr zero, requested address the reservation: ACK', () => {
    const ack = reply(ask('REQUEST', { options: [requested('192.0.2.11')] }))
    assert.deepEqual([messageType(ack), ack.yiaddr, number(ack, OPTION.leaseTime)], ['ACK', '192.0.2.11', 7200])
  })

  test('RFC 2131 §4.3.2, INIT-REBOOT: a machine of ours on its network with another address: NAK', () => {
    assert.equal(messageType(reply(ask('REQUEST', { options: [requested('192.0.2.99')] }))), 'NAK')
    const relayed = ask('REQUEST', { giaddr: '192.0.2.254', options: [requested('198.51.100.11')] })
    assert.equal(messageType(reply(relayed)), 'NAK')
  })

  test('RFC 2131 §4.3.2, INIT-REBOOT: whom we don’t know gets no NAK, be it on a network of ours: silence', () => {
    for (const giaddr of [NO_ADDRESS, '192.0.2.254'])
      unserved(ask('REQUEST', { mac: '00:00:5e:00:53:99', giaddr, options: [requested('192.0.2.99')] }))
  })

  test('RFC 2131 §4.3.2, RENEWING: unicast, ciaddr the reservation: ACK with that ciaddr and a new lease', () => {
    const ack = reply(ask('REQUEST', { ciaddr: '192.0.2.11' }))
    assert.deepEqual([messageType(ack), ack.ciaddr, ack.yiaddr], ['ACK', '192.0.2.11', '192.0.2.11'])
    assert.equal(number(ack, OPTION.leaseTime), 7200)
  })

  test('RFC 2131 §4.3.2, RENEWING: by way of a router, which no interface of ours contradicts: ACK', () => {
    const eth1 = { interface: 'eth1', addresses: [address('198.51.100.1')] }
    const made = answer(ask('REQUEST', { ciaddr: '192.0.2.11' }), farm, onBoth, eth1)
    assert.ok(made.kind === 'reply')
    assert.equal(messageType(made.reply), 'ACK')
  })

  test('RFC 2131 §4.3.2, REBINDING: broadcast, by way of a relay perhaps: ACK', () => {
    const ack = reply(ask('REQUEST', { ciaddr: '192.0.2.11', broadcast: true, giaddr: '192.0.2.254' }))
    assert.deepEqual([messageType(ack), ack.ciaddr, ack.giaddr], ['ACK', '192.0.2.11', '192.0.2.254'])
  })

  test('RFC 2131 §4.3.2, RENEWING and REBINDING: the reservation has moved: NAK, so that the client begins anew', () => {
    assert.equal(messageType(reply(ask('REQUEST', { ciaddr: '192.0.2.99' }))), 'NAK')
    assert.equal(messageType(reply(ask('REQUEST', { ciaddr: '192.0.2.99', giaddr: '192.0.2.254' }))), 'NAK')
  })

  test('a NAK is for what is known to be wrong: a REQUEST that names no address at all is not refused', () => {
    assert.equal(silence(ask('REQUEST')).why, 'a names no address')
  })

  test('table 3: a NAK has no address, no lease and no boot file; it says why, and echoes the client identifier', () => {
    const nak = reply(
      ask('REQUEST', {
        broadcast: false,
        options: [requested('192.0.2.99'), serverId('192.0.2.1'), [61, Uint8Array.of(1, 2)], ...pxe()],
      }),
    )
    assert.deepEqual([nak.yiaddr, nak.ciaddr, nak.siaddr, nak.file], [NO_ADDRESS, NO_ADDRESS, NO_ADDRESS, ''])
    assert.deepEqual(
      [...nak.options.keys()],
      [OPTION.messageType, OPTION.serverIdentifier, OPTION.message, OPTION.clientIdentifier],
    )
    assert.equal(text(nak, OPTION.message), 'a has 192.0.2.11, not 192.0.2.99')
  })

  test('§4.3.2: a NAK by way of a relay has the broadcast bit set, so that the relay broadcasts it', () => {
    assert.equal(reply(ask('REQUEST', { giaddr: '192.0.2.254', options: [requested('192.0.2.99')] })).broadcast, true)
    assert.equal(reply(ask('REQUEST', { options: [requested('192.0.2.99')] })).broadcast, false)
  })
})

const giaddr = '192.0.2.254'
const itself = '192.0.2.11'

/** RFC 2131 §4.3.6, table 4: how a REQUEST of each state is told from the others, and what of it is right or wrong. */
const states: readonly (readonly [string, Asked, 'ACK' | 'NAK' | null])[] = [
  ['SELECTING', { options: [serverId('192.0.2.1'), requested(itself)] }, 'ACK'],
  ['SELECTING by way of a relay', { giaddr, options: [serverId('192.0.2.1'), requested(itself)] }, 'ACK'],
  ['SELECTING, not what was offered', { options: [serverId('192.0.2.1'), requested('192.0.2.99')] }, 'NAK'],
  ['SELECTING another server', { options: [serverId('192.0.2.9'), requested(itself)] }, null],
  ['SELECTING without an address', { options: [serverId('192.0.2.1')] }, null],
  ['INIT-REBOOT', { options: [requested(itself)] }, 'ACK'],
  ['INIT-REBOOT by way of a relay', { giaddr, options: [requested(itself)] }, 'ACK'],
  ['INIT-REBOOT, its address of before', { options: [requested('192.0.2.99')] }, 'NAK'],
  ['INIT-REBOOT, its address on another network', { giaddr, options: [requested('198.51.100.11')] }, 'NAK'],
  ['RENEWING', { ciaddr: itself }, 'ACK'],
  ['RENEWING, its address of before', { ciaddr: '192.0.2.99' }, 'NAK'],
  ['REBINDING', { ciaddr: itself, broadcast: true }, 'ACK'],
  ['REBINDING by way of a relay', { giaddr, ciaddr: itself }, 'ACK'],
  ['REBINDING, its address of before', { giaddr, ciaddr: '192.0.2.99' }, 'NAK'],
]

for (const [state, asks, expected] of states)
  test(`RFC 2131 §4.3.6, ${state}: ${expected ?? 'silence'}`, () => {
    const made = answer(ask('REQUEST', asks))
    assert.equal(made.kind === 'reply' ? messageType(made.reply) : null, expected)
    if (made.kind === 'reply') assert.equal(made.reply.yiaddr, expected === 'ACK' ? itself : NO_ADDRESS)
    // RFC 2131 §4.3.2: "If the DHCP server has no record of this client, then it MUST remain silent".
    assert.notEqual(answer(ask('REQUEST', { ...asks, mac: '00:00:5e:00:53:99' })).kind, 'reply')
  })

test('a machine of ours on the wire of another network of ours is not refused there: silence, and it is listed', () => {
  const elsewhere = { giaddr: '198.51.100.254' }
  for (const asks of [{ ciaddr: itself }, { options: [requested(itself)] }, { options: [requested('198.51.100.99')] }])
    assert.match(unserved(ask('REQUEST', { ...elsewhere, ...asks })).why, /^a asks through relay 198\.51\.100\.254/)
})

describe('INFORM, DECLINE, RELEASE', () => {
  test('RFC 2131 §4.3.5: INFORM is answered with the configuration, no address and no lease', () => {
    const ack = reply(ask('INFORM', { ciaddr: '192.0.2.11' }))
    assert.deepEqual([messageType(ack), ack.yiaddr, ack.ciaddr], ['ACK', NO_ADDRESS, '192.0.2.11'])
    for (const code of [OPTION.leaseTime, OPTION.renewalTime, OPTION.rebindingTime])
      assert.equal(ack.options.has(code), false)
    assert.deepEqual(quads(ack, OPTION.domainNameServer), ['192.0.2.1', '192.0.2.2'])
  })

  test('RFC 2131 §4.3.5: INFORM checks no address against the reservation, but its network has to be the machine’s', () => {
    assert.equal(messageType(reply(ask('INFORM', { ciaddr: '192.0.2.200' }))), 'ACK')
    assert.deepEqual(unserved(ask('INFORM', { ciaddr: '198.51.100.11' })), {
      kind: 'unserved',
      why: 'a informs from 198.51.100.11, which is not on its network farm',
      machine: 'a',
    })
  })

  test('INFORM of a stranger: silence, for what we would tell it is of the machine’s row', () => {
    unserved(ask('INFORM', { mac: '00:00:5e:00:53:99', ciaddr: '192.0.2.99' }))
  })

  test('an INFORM without ciaddr by way of a relay has the broadcast bit set: nobody knows an address', () => {
    assert.equal(reply(ask('INFORM', { giaddr: '192.0.2.254' })).broadcast, true)
    assert.equal(reply(ask('INFORM', { giaddr: '192.0.2.254', ciaddr: '192.0.2.11' })).broadcast, false)
  })

  test('RFC 2131 §4.3.3: DECLINE is not answered: the administrator is told that somebody else has the address', () => {
    assert.deepEqual(answer(ask('DECLINE', { options: [requested('192.0.2.11'), serverId('192.0.2.1')] })), {
      kind: 'declined',
      why: 'its address 192.0.2.11 is in use by another host',
      machine: 'a',
    })
  })

  test('a DECLINE of what another server gave, or of no address, tells nothing', () => {
    for (const options of [[requested('192.0.2.11'), serverId('192.0.2.9')], [requested('192.0.2.99')], []])
      assert.match(silence(ask('DECLINE', { options })).why, /^a declined .*, which is not of our giving$/)
  })

  test('RFC 2131 §4.3.4: RELEASE is not answered, and gives nothing up', () => {
    assert.equal(
      silence(ask('RELEASE', { ciaddr: '192.0.2.11', options: [serverId('192.0.2.1')] })).why,
      'a reservation is not given up',
    )
    assert.equal(reply(ask('DISCOVER')).yiaddr, '192.0.2.11')
  })

  test('what only servers send, or is no request, or has no type, is not answered', () => {
    for (const type of ['OFFER', 'ACK', 'NAK'] as const) assert.match(silence(ask(type)).why, /is a server's message/)
    assert.equal(silence(ask('DISCOVER', { op: 'reply' })).why, 'not a DHCP request')
    assert.equal(silence({ ...ask('DISCOVER'), options: new Map() }).why, 'not a DHCP request')
  })
})

describe('who gets no answer', () => {
  test('DESIGN §6: a stranger: silence, and no machine’s name', () => {
    const { why, machine } = unserved(ask('DISCOVER', { mac: '00:00:5e:00:53:99' }))
    assert.deepEqual([why, machine], ['no interface of the inventory has MAC 00:00:5e:00:53:99', null])
    assert.equal(
      unserved({ ...ask('DISCOVER'), chaddr: new Uint8Array(16) }).why,
      'no interface of the inventory has MAC of this length',
    )
  })

  test('a withheld machine: silence, with the row, the value and the way out', () => {
    const { why, machine } = unserved(ask('DISCOVER', { mac: '00:00:5e:00:53:05' }))
    assert.deepEqual(
      [why, machine],
      [
        'withheld is withheld: machines withheld: profile "nothing": there is no profile nothing; name one that exists',
        'withheld',
      ],
    )
  })

  test('a machine without a reserved address: somebody else may give it one', () => {
    assert.deepEqual(unserved(ask('DISCOVER', { mac: '00:00:5e:00:53:04' })), {
      kind: 'unserved',
      why: 'floating/eth0 has no reserved address',
      machine: 'floating',
    })
  })

  test('a server that does not know its own address can’t name itself', () => {
    const made = answer(ask('DISCOVER'), farm, { ...host, addresses: [] })
    assert.ok(made.kind === 'unserved' && made.why.includes('--advertise ADDRESS'))
  })

  test('what a stranger releases or declines, nobody has to know', () => {
    for (const type of ['RELEASE', 'DECLINE'] as const) silence(ask(type, { mac: '00:00:5e:00:53:99' }))
  })
})

describe('relays', () => {
  test('RFC 2131 §4.3.1: a relay on the machine’s network, or the one that its network names, is answered', () => {
    for (const giaddr of ['192.0.2.254', '192.0.2.7', '203.0.113.254'])
      assert.deepEqual(
        [reply(ask('DISCOVER', { giaddr })).giaddr, reply(ask('DISCOVER', { giaddr })).yiaddr],
        [giaddr, '192.0.2.11'],
      )
  })

  test('a relay elsewhere: the machine is plugged in where its address is of no use: silence, saying so', () => {
    const { why, machine } = unserved(ask('DISCOVER', { giaddr: '198.51.100.254' }))
    assert.deepEqual([why, machine], ['a asks through relay 198.51.100.254, which is not on its network farm', 'a'])
  })

  const relayed = (...subOptions: readonly number[]): readonly (readonly [number, Uint8Array])[] => [
    [OPTION.relayAgentInformation, Uint8Array.from(subOptions)],
  ]

  test('RFC 3527 §3: the subnet is the one that the relay selects, wherever its own address is', () => {
    const onFarm = relayed(1, 2, 0, 7, 5, 4, 192, 0, 2, 0)
    const offer = reply(ask('DISCOVER', { giaddr: '203.0.113.77', options: onFarm }))
    assert.deepEqual([offer.yiaddr, offer.giaddr], ['192.0.2.11', '203.0.113.77'])
    assert.deepEqual(offer.options.get(82), onFarm[0]?.[1])
    const elsewhere = ask('DISCOVER', { giaddr: '192.0.2.254', options: relayed(5, 4, 198, 51, 100, 0) })
    assert.equal(
      unserved(elsewhere).why,
      'a asks through relay 192.0.2.254 for subnet 198.51.100.0, which is not on its network farm',
    )
  })

  test('RFC 3527 §3: a selection that is no address counts as none', () => {
    assert.equal(reply(ask('DISCOVER', { giaddr: '192.0.2.254', options: relayed(5, 1, 9) })).yiaddr, '192.0.2.11')
  })

  test('RFC 5107 §4: the relay is to be taken for the server: in OFFER, ACK and NAK, and in what the client chose', () => {
    const giaddr = '192.0.2.254'
    const override = relayed(11, 4, 192, 0, 2, 254)
    const offer = reply(ask('DISCOVER', { giaddr, options: [...override, ...pxe()] }))
    assert.deepEqual([quads(offer, OPTION.serverIdentifier), offer.siaddr], [['192.0.2.254'], '192.0.2.1'])
    for (const [wanted, type] of [
      ['192.0.2.11', 'ACK'],
      ['192.0.2.99', 'NAK'],
    ] as const)
      for (const chosen of ['192.0.2.254', '192.0.2.1']) {
        const made = reply(ask('REQUEST', { giaddr, options: [requested(wanted), serverId(chosen), ...override] }))
        assert.deepEqual([messageType(made), quads(made, OPTION.serverIdentifier)], [type, ['192.0.2.254']])
      }
    const other = ask('REQUEST', { giaddr, options: [requested('192.0.2.11'), serverId('192.0.2.9'), ...override] })
    assert.equal(silence(other).why, 'a chose server 192.0.2.9')
  })

  test('RFC 5107 §4: without a relay nobody overrides the server’s identifier', () => {
    const offer = reply(ask('DISCOVER', { options: relayed(11, 4, 203, 0, 113, 66) }))
    assert.deepEqual(quads(offer, OPTION.serverIdentifier), ['192.0.2.1'])
  })

  test('RFC 3046 §2.2, RFC 6842 §3, RFC 4578 §2.3: 61, 97 and 82 go back octet by octet, 82 last', () => {
    const values: readonly (readonly [number, Uint8Array])[] = [
      [82, Uint8Array.of(1, 2, 0xff, 0x00)],
      [97, Uint8Array.from({ length: 17 }, (_, index) => index)],
      [61, Uint8Array.of(0xff, 0, 0, 0x80)],
    ]
    const offer = reply(ask('DISCOVER', { giaddr: '192.0.2.254', options: [...values, ...pxe()] }))
    for (const [code, value] of values) assert.deepEqual(offer.options.get(code), value)
    assert.equal([...offer.options.keys()].at(-1), 82)
    const without = reply(ask('DISCOVER'))
    for (const [code] of values) assert.equal(without.options.has(code), false)
  })

  test('RFC 3046 §2.2: 82 is in every reply, a refusal’s too', () => {
    const value = Uint8Array.of(1, 4, 0, 1, 2, 3, 2, 0)
    const asks = (type: MessageType, more: Asked['options'] = []): DhcpMessage =>
      reply(ask(type, { giaddr: '192.0.2.254', options: [[82, value], ...more] }))
    const replies = [asks('DISCOVER'), asks('REQUEST', [requested('192.0.2.11')]), asks('INFORM')]
    for (const made of [...replies, asks('REQUEST', [requested('192.0.2.99')])])
      assert.deepEqual([made.options.get(82), [...made.options.keys()].at(-1)], [value, 82], messageType(made) ?? '')
  })

  test('RFC 3046 §2.1: a switch may add 82 without being a relay: it goes back, and selects nothing', () => {
    const value = Uint8Array.of(1, 1, 7, 5, 4, 198, 51, 100, 0)
    const offer = reply(ask('DISCOVER', { options: [[82, value]] }))
    assert.deepEqual([offer.yiaddr, offer.options.get(82)], ['192.0.2.11', value])
  })

  test('an 82 whose lengths run past its end goes back as it came, and says nothing', () => {
    for (const value of [Uint8Array.of(5), Uint8Array.of(5, 4, 198, 51), Uint8Array.of(11, 9, 1)]) {
      const offer = reply(ask('DISCOVER', { giaddr: '192.0.2.254', options: [[82, value]] }))
      assert.deepEqual([offer.options.get(82), quads(offer, 54)], [value, ['192.0.2.1']])
    }
  })

  test('a UUID of a malformed length goes back as it came: it is the client’s to understand', () => {
    assert.deepEqual(reply(ask('DISCOVER', { options: [[97, Uint8Array.of(0)]] })).options.get(97), Uint8Array.of(0))
  })
})

describe('interfaces', () => {
  const eth0: Arrival = { interface: 'eth0', addresses: [address('192.0.2.1')] }
  const eth1: Arrival = { interface: 'eth1', addresses: [address('198.51.100.1')] }

  test('a machine that asks on its network’s interface is answered', () => {
    const made = answer(ask('DISCOVER'), farm, onBoth, eth0)
    assert.ok(made.kind === 'reply')
    assert.deepEqual([made.reply.yiaddr, made.reserved], ['192.0.2.11', '192.0.2.11'])
  })

  test('a machine that asks on the interface of another network is not: it is plugged in elsewhere', () => {
    const made = answer(ask('DISCOVER'), farm, onBoth, eth1)
    assert.deepEqual(made, {
      kind: 'unserved',
      why: 'a asks on interface eth1, which is not on its network farm',
      machine: 'a',
    })
  })

  test('a network that no interface of ours is on may be on any of their wires', () => {
    assert.equal(answer(ask('DISCOVER'), farm, { ...host, addresses: [address('203.0.113.1')] }, eth1).kind, 'reply')
  })

  test('a relayed request comes in wherever the route leads', () => {
    assert.equal(answer(ask('DISCOVER', { giaddr: '192.0.2.254' }), farm, onBoth, eth1).kind, 'reply')
  })
})

describe('by UUID', () => {
  const uuid = Uint8Array.of(0, 0x2e, 0x1c, 0x4d, 0x56, 0, 0, 0, 0x40, 0x80, 0, 0, 0, 0x5e, 0, 0x53, 0x01)
  const unknownCard = '00:00:5e:00:53:77'

  test('a machine whose boot interface has no MAC is known by option 97, whatever card it has', () => {
    const offer = reply(ask('DISCOVER', { mac: unknownCard, options: [[97, uuid]] }))
    assert.deepEqual([offer.yiaddr, text(offer, OPTION.hostname)], ['192.0.2.13', 'byname'])
  })

  test('RFC 4390 §2.1: InfiniBand says no hardware address (htype 32, hlen 0): known by its UUID, its 61 echoed', () => {
    const port = Uint8Array.of(0xff, 0, 0, 0, 1, 0, 3, 0, 1)
    const infiniband = { htype: 32, chaddr: new Uint8Array(), broadcast: true }
    const { htype, chaddr, broadcast, yiaddr, options } = reply({
      ...ask('DISCOVER', {
        options: [
          [61, port],
          [97, uuid],
        ],
      }),
      ...infiniband,
    })
    assert.deepEqual({ htype, chaddr, broadcast }, infiniband)
    assert.deepEqual([yiaddr, options.get(61)], ['192.0.2.13', port])
  })

  test('the MAC counts before the UUID, and a UUID alone is no way round a MAC that is written down', () => {
    assert.equal(reply(ask('DISCOVER', { options: [[97, uuid]] })).yiaddr, '192.0.2.11')
    const pinned = snapshotOf(
      `networks: {n: {cidr: 192.0.2.0/24}}\nprofiles: {p: {}}\nmachines: {a: {profile: p, uuid: 564d1c2e-0000-4000-8000-00005e005301, interfaces: {eth0: {mac: 00:00:5e:00:53:01, ip: 192.0.2.11, network: n}}}}`,
    )
    assert.match(
      unserved(ask('DISCOVER', { mac: unknownCard, options: [[97, uuid]] }), pinned).why,
      /no interface of the inventory/,
    )
  })
})

test('a guest without a MAC of its own is known by the one that its configuration gives it', () => {
  const snapshot = snapshotOf(`
networks: {n: {cidr: 192.0.2.0/24}}
profiles: {p: {}, xen: {hypervisor: xen}}
machines:
  dom0: {profile: xen, interfaces: {eth0: {mac: 00:00:5e:00:53:01, ip: 192.0.2.11, network: n, bridge: xenbr0}}}
  web: {profile: p, dom0: dom0, vdisk: /dev/sda5, memory_mib: 512, interfaces: {eth0: {ip: 192.0.2.12, network: n}}}`)
  assert.equal(reply(ask('DISCOVER', { mac: derivedMac('web', 'eth0') }), snapshot).yiaddr, '192.0.2.12')
})
