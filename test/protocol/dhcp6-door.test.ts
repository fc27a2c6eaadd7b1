// The DHCPv6 door on loopback, where relays can be played: they speak to the server alone, from any port.
import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import type { Socket } from 'node:dgram'
import { once } from 'node:events'
import { test, type TestContext } from 'node:test'
import fc from 'fast-check'
import type { Dhcp6Message } from '../../server/plan/dhcp6/message.ts'
import { decodeDhcp6, encodeDhcp6 } from '../../server/render/dhcp6.ts'
import { openDhcp6Door } from '../../server/serve/dhcp6/door.ts'
import type { Dhcp6Door } from '../../server/serve/dhcp6/door.ts'
import { silent } from '../fixtures.ts'
import { answer6, ask6, associationsIn, ia, relayFrom, statusIn, toUs } from '../unit/plan/dhcp6/asking6.ts'

type Talk = Readonly<{ door: Dhcp6Door; relay: Socket; ask: (octets: Uint8Array) => Promise<Dhcp6Message> }>

/** One socket plays relay and client: what comes back to its port is the reply. */
async function talk(t: TestContext): Promise<Talk> {
  const relay = createSocket('udp6')
  relay.bind(0, '::1')
  await once(relay, 'listening')
  const port = relay.address().port
  const door = await openDhcp6Door({
    ...{ address: '::1', port: 0, clientPort: port, relayPort: port, log: silent },
    answer: (request, arrival) => {
      if (request.transactionId === 0xdead) throw new Error('an answer that fails')
      return answer6(request, arrival)
    },
  })
  t.after(async () => {
    await door.close()
    relay.close()
  })
  const ask = async (octets: Uint8Array): Promise<Dhcp6Message> => {
    const replied = once(relay, 'message', { signal: AbortSignal.timeout(10_000) })
    relay.send(octets, door.port, '::1')
    const [datagram] = (await replied) as [Buffer]
    return decodeDhcp6(datagram)
  }
  return { door, relay, ask }
}

const relayed = ask6('SOLICIT', { options: [ia(7)], relays: [relayFrom('2001:db8:1::fe', { peerAddress: 'fe80::9' })] })

test('RFC 8415 §19.3: a relayed SOLICIT is answered in a Relay-reply to the relay', async (t) => {
  const { ask } = await talk(t)
  const reply = await ask(encodeDhcp6(relayed))
  assert.deepEqual(
    [reply.type, reply.relays.map(({ peerAddress }) => peerAddress), associationsIn(reply)],
    ['ADVERTISE', ['fe80::9'], ['7: 2001:db8:1::11 7200/7200']],
  )
})

test('RFC 8415 §18.4: a client that speaks to the server alone is told to speak to all', async (t) => {
  const { ask } = await talk(t)
  assert.equal(statusIn(await ask(encodeDhcp6(ask6('RENEW', { options: [toUs, ia()] })))), 'UseMulticast')
})

test('no datagram ends the door: octets at random, half messages, answers that fail', async (t) => {
  const { door, relay, ask } = await talk(t)
  const whole = encodeDhcp6(relayed)
  const datagrams = [
    ...Array.from({ length: whole.length }, (_, length) => whole.subarray(0, length)),
    ...fc.sample(fc.uint8Array({ maxLength: 400 }), 300),
    ...fc.sample(fc.uint8Array({ maxLength: 60 }), 300).map((rest) => Uint8Array.of(12, 0, ...rest)),
    encodeDhcp6({ ...relayed, transactionId: 0xdead }),
    encodeDhcp6({ ...relayed, type: 'REPLY' }),
  ]
  for (const datagram of datagrams) relay.send(datagram, door.port, '::1')
  assert.equal((await ask(whole)).type, 'ADVERTISE')
})

test('a port that is taken is told with the address', async (t) => {
  const { door } = await talk(t)
  const second = openDhcp6Door({ address: '::1', port: door.port, log: silent, answer: answer6 })
  await assert.rejects(second, /listen for DHCPv6 on ::1 port \d+/)
})

test('an address that this host doesn’t have is told', async () => {
  const elsewhere = openDhcp6Door({ address: '2001:db8::99', port: 0, log: silent, answer: answer6 })
  await assert.rejects(elsewhere, /listen for DHCPv6 on 2001:db8::99/)
})
