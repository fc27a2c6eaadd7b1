import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { OPTION6 } from '../../../../server/plan/dhcp6/message.ts'
import { association, clientId, optionOf, serverId } from '../../../../server/plan/dhcp6/options.ts'
import { snapshotOf } from '../../../fixtures.ts'
import {
  answer6,
  anywhere,
  ask6,
  associationsIn,
  duidLl,
  farm6,
  host6,
  ia,
  option,
  ourDuid,
  relayFrom,
  replyTo6,
  requesting,
  silence6,
  statusIn,
  toUs,
} from './asking6.ts'

describe('SOLICIT', () => {
  test('RFC 8415 §18.3.1: the reservation is advertised, with both identifiers and the preference that ends the wait', () => {
    const reply = replyTo6(ask6('SOLICIT', { options: [ia(7)] }))
    assert.equal(reply.type, 'ADVERTISE')
    assert.equal(reply.transactionId, 0x0a0b0c)
    assert.deepEqual(clientId(reply), duidLl('00:00:5e:00:53:01'))
    assert.deepEqual(serverId(reply), ourDuid)
    assert.deepEqual([...(optionOf(reply, OPTION6.preference) ?? [])], [255])
    assert.deepEqual(associationsIn(reply), ['7: 2001:db8:1::11 7200/7200'])
  })

  test('RFC 8415 §21.4: T1 is half, T2 four fifths of the lease', () => {
    const value = optionOf(replyTo6(ask6('SOLICIT', { options: [ia(7)] })), OPTION6.iaNa) ?? new Uint8Array()
    const view = new DataView(value.buffer, value.byteOffset)
    assert.deepEqual([view.getUint32(4), view.getUint32(8)], [3600, 5760])
  })

  test('RFC 8415 §18.3.1: with rapid commit the address is given at once', () => {
    const reply = replyTo6(ask6('SOLICIT', { options: [ia(7), option(OPTION6.rapidCommit)] }))
    assert.equal(reply.type, 'REPLY')
    assert.equal(optionOf(reply, OPTION6.rapidCommit)?.length, 0)
    assert.deepEqual(associationsIn(reply), ['7: 2001:db8:1::11 7200/7200'])
  })

  test('RFC 8415 §18.3.1, §18.3.9: one address is reserved, so other associations get a status each', () => {
    const temporary = association({ kind: 'IA_TA', iaid: 3 }, [0, 0], [])
    const prefix = association({ kind: 'IA_PD', iaid: 4 }, [0, 0], [])
    const reply = replyTo6(ask6('SOLICIT', { options: [ia(1), ia(2), temporary, prefix] }))
    assert.deepEqual(associationsIn(reply), [
      '1: 2001:db8:1::11 7200/7200',
      '2: NoAddrsAvail',
      '3: NoAddrsAvail',
      '4: NoPrefixAvail',
    ])
  })

  test('a stranger, a withheld machine and one without a reservation get silence, and are told of', () => {
    const stranger = duidLl('00:00:5e:00:53:99')
    assert.match(silence6(ask6('SOLICIT', { duid: stranger })), /^unserved: no interface .*00:00:5e:00:53:99$/)
    assert.match(silence6(ask6('SOLICIT', { duid: duidLl('00:00:5e:00:53:05') })), /^unserved: withheld is withheld: /)
    assert.match(
      silence6(ask6('SOLICIT', { duid: duidLl('00:00:5e:00:53:04') })),
      /^unserved: floating\/eth0 has no reserved IPv6 address$/,
    )
  })

  test('where the site has no IPv6, silence is nothing to tell of', () => {
    assert.match(silence6(ask6('SOLICIT', { duid: duidLl('00:00:5e:00:53:06') })), /^ignore: .* no network with cidr6$/)
  })

  test('a server that doesn’t listen on IPv6 says what is missing', () => {
    const { ipv6: _, ...without } = host6
    assert.match(silence6(ask6('SOLICIT'), anywhere, farm6, without), /--advertise ADDRESS/)
  })
})

describe('REQUEST', () => {
  test('RFC 8415 §18.3.2: the address is assigned, and stays with the association that has it', () => {
    const reply = replyTo6(ask6('REQUEST', { options: [toUs, ia(1), ia(2, '2001:db8:1::11')] }))
    assert.equal(reply.type, 'REPLY')
    assert.deepEqual(associationsIn(reply), ['1: NoAddrsAvail', '2: 2001:db8:1::11 7200/7200'])
    assert.equal(optionOf(reply, OPTION6.preference), null)
  })

  test('RFC 8415 §18.3.2: an address of another link is refused with NotOnLink, one of this link is put right', () => {
    assert.deepEqual(associationsIn(replyTo6(ask6('REQUEST', { options: [toUs, ia(1, '2001:db8:9::1')] }))), [
      '1: NotOnLink',
    ])
    assert.deepEqual(associationsIn(replyTo6(ask6('REQUEST', { options: [toUs, ia(1, '2001:db8:1::99')] }))), [
      '1: 2001:db8:1::11 7200/7200',
    ])
  })

  test('RFC 8415 §16.4: one for another server, or for none, is discarded', () => {
    const other = option(OPTION6.serverId, [...ourDuid.subarray(0, 17), 99])
    assert.match(silence6(ask6('REQUEST', { options: [other, ia()] })), /^ignore: the REQUEST is for another server$/)
    assert.match(silence6(ask6('REQUEST', { options: [ia()] })), /^ignore: a REQUEST names no server$/)
    assert.match(silence6(ask6('REQUEST', { options: [option(OPTION6.serverId), ia()] })), /^ignore/)
  })
})

describe('RENEW and REBIND', () => {
  test('RFC 8415 §18.3.4: what is held beside the reservation ends, the reservation goes on', () => {
    for (const request of [
      ask6('RENEW', { options: [toUs, ia(5, '2001:db8:1::99', '2001:db8:1::11')] }),
      ask6('REBIND', { options: [ia(5, '2001:db8:1::99', '2001:db8:1::11')] }),
    ])
      assert.deepEqual(associationsIn(replyTo6(request)), ['5: 2001:db8:1::11 7200/7200, 2001:db8:1::99 0/0'])
  })

  test('RFC 8415 §18.3.4: an association that nothing is reserved for has no binding', () => {
    const options = [toUs, ia(5, '2001:db8:1::11'), ia(6, '2001:db8:1::99')]
    assert.deepEqual(associationsIn(replyTo6(ask6('RENEW', { options }))), [
      '5: 2001:db8:1::11 7200/7200',
      '6: NoBinding',
    ])
  })

  test('RFC 8415 §16.7: a REBIND that names a server is discarded', () => {
    assert.match(silence6(ask6('REBIND', { options: [toUs, ia()] })), /^ignore: a REBIND names a server$/)
  })

  test('a machine that was given another address learns of it at its next renewal', () => {
    const moved = snapshotOf(`
networks: {farm: {cidr: 192.0.2.0/24, cidr6: '2001:db8:1::/64'}}
profiles: {p: {}}
machines: {a: {profile: p, interfaces: {eth0: {mac: 00:00:5e:00:53:01, ip6: '2001:db8:1::42', network: farm}}}}
`)
    const renewal = ask6('RENEW', { options: [toUs, ia(5, '2001:db8:1::11')] })
    assert.deepEqual(associationsIn(replyTo6(renewal, anywhere, moved)), [
      '5: 2001:db8:1::42 3600/3600, 2001:db8:1::11 0/0',
    ])
  })
})

describe('CONFIRM', () => {
  test('RFC 8415 §18.3.3: addresses of this link are confirmed, whosever they are', () => {
    assert.equal(statusIn(replyTo6(ask6('CONFIRM', { options: [ia(1, '2001:db8:1::99')] }))), 'Success')
    assert.equal(
      statusIn(replyTo6(ask6('CONFIRM', { options: [ia(1, '2001:db8:1::11'), ia(2, '2001:db8:7::1')] }))),
      'NotOnLink',
    )
  })

  test('RFC 8415 §18.3.3: without an address there is nothing to confirm, and a stranger’s is not ours to judge', () => {
    assert.match(silence6(ask6('CONFIRM', { options: [ia(1)] })), /^ignore: a confirms no address$/)
    assert.match(
      silence6(ask6('CONFIRM', { duid: duidLl('00:00:5e:00:53:99'), options: [ia(1, '2001:db8:1::99')] })),
      /^ignore/,
    )
  })
})

describe('RELEASE and DECLINE', () => {
  test('RFC 8415 §18.3.7: a release is acknowledged, what is not from here has no binding', () => {
    const reply = replyTo6(ask6('RELEASE', { options: [toUs, ia(1, '2001:db8:1::11'), ia(2, '2001:db8:1::99')] }))
    assert.equal(statusIn(reply), 'Success')
    assert.deepEqual(associationsIn(reply), ['2: NoBinding'])
  })

  test('RFC 8415 §18.3.8: a decline of the reservation is acknowledged, and the administrator is told', () => {
    const answer = answer6(ask6('DECLINE', { options: [toUs, ia(1, '2001:db8:1::11')] }))
    assert.ok(answer.kind === 'reply')
    assert.equal(answer.quarrel, 'its address 2001:db8:1::11 is in use by another host')
    assert.equal(statusIn(answer.reply), 'Success')
  })

  test('a decline of another address is no quarrel of ours', () => {
    const answer = answer6(ask6('DECLINE', { options: [toUs, ia(1, '2001:db8:1::99')] }))
    assert.ok(answer.kind === 'reply' && answer.quarrel === null)
    assert.deepEqual(associationsIn(answer.reply), ['1: NoBinding'])
  })
})

describe('INFORMATION-REQUEST', () => {
  test('RFC 8415 §18.3.6: configuration without an address, for a machine without a reservation too', () => {
    const reply = replyTo6(
      ask6('INFORMATION-REQUEST', { duid: duidLl('00:00:5e:00:53:04'), options: [requesting(OPTION6.dnsServers)] }),
    )
    assert.equal(reply.type, 'REPLY')
    assert.equal(optionOf(reply, OPTION6.dnsServers)?.length, 32)
    assert.deepEqual(associationsIn(reply), [])
  })

  test('RFC 8415 §16.12: it needs no client identifier, but may not name another server or ask for an address', () => {
    const sender = { ...anywhere, sender: 'fe80::200:5eff:fe00:5301%eth0' }
    const reply = replyTo6(ask6('INFORMATION-REQUEST', { duid: null }), sender)
    assert.equal(clientId(reply), null)
    assert.match(silence6(ask6('INFORMATION-REQUEST', { options: [ia()] })), /asks for addresses/)
    assert.match(silence6(ask6('INFORMATION-REQUEST', { options: [option(2, [0, 4, 9])] })), /another server/)
  })
})

describe('by unicast', () => {
  const toOurAddress = { ...anywhere, to: 'unicast' } as const

  test('RFC 8415 §18.4: who may speak to us alone is told to speak to all', () => {
    for (const type of ['REQUEST', 'RENEW', 'RELEASE', 'DECLINE'] as const) {
      const reply = replyTo6(ask6(type, { options: [toUs, ia(1, '2001:db8:1::11')] }), toOurAddress)
      assert.equal(statusIn(reply), 'UseMulticast')
      assert.deepEqual(
        reply.options.map(({ code }) => code),
        [OPTION6.clientId, OPTION6.serverId, OPTION6.statusCode],
      )
    }
  })

  test('RFC 8415 §16: SOLICIT, CONFIRM, REBIND and INFORMATION-REQUEST are discarded', () => {
    for (const type of ['SOLICIT', 'CONFIRM', 'REBIND', 'INFORMATION-REQUEST'] as const)
      assert.match(silence6(ask6(type), toOurAddress), /^ignore: a .* to this server alone$/)
  })

  test('RFC 8415 §19: a relay sends to us alone as a rule', () => {
    const request = ask6('SOLICIT', { options: [ia()], relays: [relayFrom('2001:db8:1::fe')] })
    assert.equal(replyTo6(request, toOurAddress).type, 'ADVERTISE')
  })
})

test('RFC 8415 §16: servers’ messages and those without a client identifier are discarded', () => {
  for (const type of ['ADVERTISE', 'REPLY', 'RECONFIGURE'] as const) assert.match(silence6(ask6(type)), /^ignore/)
  for (const type of ['SOLICIT', 'CONFIRM', 'REBIND'] as const)
    assert.match(silence6(ask6(type, { duid: null })), /without a client identifier$/)
  assert.match(silence6(ask6('SOLICIT', { options: [toUs] })), /names a server$/)
})

test('RFC 8415 §19.3: each relay gets back its hop count, addresses and Interface-Id, and nothing else of its own', () => {
  const relays = [
    relayFrom('2001:db8:1::fe', { options: [option(OPTION6.interfaceId, [1, 2]), option(37, [9])] }),
    relayFrom('::', { hopCount: 1, peerAddress: '2001:db8:1::fe', options: [option(OPTION6.interfaceId, [3])] }),
  ]
  assert.deepEqual(replyTo6(ask6('SOLICIT', { options: [ia()], relays })).relays, [
    { ...relays[0], options: [option(OPTION6.interfaceId, [1, 2])] },
    relays[1],
  ])
})
