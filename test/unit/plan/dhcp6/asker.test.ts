import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { OPTION6 } from '../../../../server/plan/dhcp6/message.ts'
import { address6, answer6, anywhere, ask6, duidLl, host6, ia, option, relayFrom, silence6 } from './asking6.ts'

const enterprise = Uint8Array.of(0, 2, 0, 0, 0xab, 0x11, 1, 2, 3, 4) // systemd's kind: no MAC, no UUID
const uuidOf = (hex: string): Uint8Array => new Uint8Array(Buffer.from(`0004${hex}`, 'hex'))
const linkLayer = (mac: string) => option(OPTION6.clientLinkLayerAddress, [0, 1, ...duidLl(mac).subarray(4)])

type Given = Parameters<typeof ask6>[1]

/** The address that who asks so is offered. */
function offered(given: Given, sender = anywhere.sender, heardOn: typeof anywhere.interface = null): string {
  const answer = answer6(ask6('SOLICIT', { ...given, options: [ia(1)] }), { ...anywhere, sender, interface: heardOn })
  if (answer.kind !== 'reply') return answer.why
  const value = answer.reply.options.find(({ code }) => code === OPTION6.iaNa)?.value ?? new Uint8Array()
  return Buffer.from(value.subarray(16, 32))
    .toString('hex')
    .replace(/^20010db8/, '')
    .replace(/0{15,}/, '…')
}
const [a, a1, byname] = ['0001…11', '0002…11', '0001…13']

describe('whose request it is', () => {
  test('a DUID with a MAC names the machine', () => {
    assert.equal(offered({}), a)
    assert.equal(
      offered({ duid: Uint8Array.from([0, 1, 0, 1, 9, 9, 9, 9, ...duidLl('00:00:5e:00:53:13').slice(4)]) }),
      byname,
    )
  })

  test('a DUID with the machine’s UUID does too, in either order of its octets', () => {
    assert.equal(offered({ duid: uuidOf('564d1c2e00004000800000005e005301') }), byname)
    assert.equal(offered({ duid: uuidOf('2e1c4d5600000040800000005e005301') }), byname)
  })

  test('whose DUID says nothing is known by the link-local address that its MAC made', () => {
    assert.equal(offered({ duid: enterprise }, 'fe80::200:5eff:fe00:5313%eth0'), byname)
    assert.match(offered({ duid: enterprise }), /is that of DUID 00020000ab1101020304$/)
  })

  test('RFC 6939: or by the MAC that the relay saw, or by the address that the relay had it from', () => {
    const relay = { peerAddress: 'fe80::1', options: [linkLayer('00:00:5e:00:53:13')] }
    assert.equal(offered({ duid: enterprise, relays: [relayFrom('2001:db8:1::fe', relay)] }), byname)
    const plain = relayFrom('2001:db8:1::fe', { peerAddress: 'fe80::200:5eff:fe00:5313' })
    assert.equal(offered({ duid: enterprise, relays: [plain] }), byname)
  })

  test('only the relay next to the client saw its frame', () => {
    const far = relayFrom('::', { options: [linkLayer('00:00:5e:00:53:13')] })
    assert.equal(offered({ relays: [relayFrom('2001:db8:1::fe'), far] }), a)
  })
})

describe('RFC 8415 §11: a DUID is made from any card of the host', () => {
  test('what tells the interface goes before it', () => {
    assert.equal(offered({}, 'fe80::200:5eff:fe00:5311%eth0'), a1)
    const relay = relayFrom('2001:db8:2::fe', { options: [linkLayer('00:00:5e:00:53:11')] })
    assert.equal(offered({ relays: [relay] }), a1)
  })

  test('else the machine’s interface on the link is meant', () => {
    assert.equal(offered({ relays: [relayFrom('2001:db8:2::fe')] }), a1)
    assert.equal(offered({ relays: [relayFrom('2001:db8:1::fe')] }), a)
  })
})

describe('from where it comes', () => {
  test('RFC 8415 §13.1: a relay on another link than the machine’s network is no way for it', () => {
    assert.match(
      silence6(ask6('SOLICIT', { duid: duidLl('00:00:5e:00:53:13'), relays: [relayFrom('2001:db8:9::fe')] })),
      /^unserved: byname asks through a relay on the link of 2001:db8:9::fe, which is not on its network farm$/,
    )
  })

  test('RFC 6221 §6.1: a relay without an address of its own leaves the link to the next one', () => {
    const relays = [relayFrom('::'), relayFrom('2001:db8:2::fe', { hopCount: 1 })]
    assert.equal(offered({ relays }), a1)
  })

  test('an interface in another network of ours is no way for it', () => {
    const lab = { name: 'lab0', addresses: [address6('2001:db8:2::1')] }
    assert.equal(offered({}, anywhere.sender, lab), a1)
    assert.match(
      offered({ duid: duidLl('00:00:5e:00:53:13') }, anywhere.sender, lab),
      /on interface lab0, which is not on its network farm$/,
    )
  })

  test('a network that no interface of ours is on may share the wire of any', () => {
    const elsewhere = { ...host6, ipv6: { advertise: null, addresses: [address6('2001:db8:7::1')] } }
    const request = ask6('SOLICIT', { options: [ia(1)] })
    const heardOn = { name: 'eth0', addresses: [address6('2001:db8:7::1')] }
    assert.equal(answer6(request, { ...anywhere, interface: heardOn }, undefined, elsewhere).kind, 'reply')
  })
})
