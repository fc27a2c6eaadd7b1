import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { macOfDuid, macOfLinkLocal, macOfRelay, uuidsOfDuid } from '../../../../server/plan/dhcp6/identity.ts'

const octets = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex.replaceAll(' ', ''), 'hex'))
const relayWith = (hex: string) => ({
  ...{ hopCount: 0, linkAddress: '::', peerAddress: '::' },
  options: [{ code: 79, value: octets(hex) }],
})

test('RFC 8415 §11.2, §11.4: a DUID of Ethernet holds a MAC, with or without a time before it', () => {
  assert.equal(macOfDuid(octets('0001 0001 2b3c4d5e 00005e005301')), '00:00:5e:00:53:01')
  assert.equal(macOfDuid(octets('0003 0001 00005e005301')), '00:00:5e:00:53:01')
})

test('a DUID of another kind, hardware or length holds no MAC', () => {
  for (const hex of ['0003 0020 00005e005301', '0003 0001 00005e0053', '0002 0000ab11 0102030405', '0003', ''])
    assert.equal(macOfDuid(octets(hex)), null)
})

test('RFC 6355 §4: a DUID of a UUID, as the RFC has it and as EDK2 copies it from SMBIOS', () => {
  assert.deepEqual(uuidsOfDuid(octets('0004 564d1c2e 0000 4000 8000 00005e005301')), [
    '564d1c2e-0000-4000-8000-00005e005301',
    '2e1c4d56-0000-0040-8000-00005e005301',
  ])
  assert.deepEqual(uuidsOfDuid(octets('0004 564d1c2e')), [])
})

test('RFC 6939 §4: the MAC that the relay saw, if it is one of Ethernet', () => {
  assert.equal(macOfRelay(relayWith('0001 00005e005301')), '00:00:5e:00:53:01')
  assert.equal(macOfRelay(relayWith('0020 00005e005301')), null)
  assert.equal(macOfRelay(relayWith('0001 00005e0053')), null)
})

test('RFC 4291 appendix A: a link-local address made of a MAC gives it back, with its zone or without', () => {
  assert.equal(macOfLinkLocal('fe80::200:5eff:fe00:5301%eth0'), '00:00:5e:00:53:01')
  assert.equal(macOfLinkLocal('fe80::5054:ff:fe12:3456'), '52:54:00:12:34:56')
  for (const other of ['fe80::1', '2001:db8::200:5eff:fe00:5301', '192.0.2.1', '', '%'])
    assert.equal(macOfLinkLocal(other), null)
})

test('no octets and no text make any of them throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 24 }), fc.string(), (bytes, text) => {
      macOfDuid(bytes)
      uuidsOfDuid(bytes)
      macOfRelay({ hopCount: 0, linkAddress: '::', peerAddress: '::', options: [{ code: 79, value: bytes }] })
      assert.equal(macOfLinkLocal(`x${text}`), null)
    }),
  )
})
