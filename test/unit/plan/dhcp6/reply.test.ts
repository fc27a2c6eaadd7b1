import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Dhcp6Message } from '../../../../server/plan/dhcp6/message.ts'
import { OPTION6 } from '../../../../server/plan/dhcp6/message.ts'
import { clientOf6 } from '../../../../server/plan/dhcp6/clients.ts'
import { optionOf, userClasses, vendorClass6 } from '../../../../server/plan/dhcp6/options.ts'
import { solicitFrom } from '../../../../server/plan/dhcp6/request.ts'
import { parseMac } from '../../../../server/inventory/address.ts'
import { architectureTypes } from '../../../../server/plan/dhcp/clients.ts'
import {
  address6,
  anywhere,
  ask6,
  duidLl,
  farm6,
  host6,
  ia,
  option,
  pxe6,
  replyTo6,
  requesting,
  urlIn,
} from './asking6.ts'

const codes = ({ options }: Dhcp6Message): readonly number[] => options.map(({ code }) => code)
const configurationOf = (message: Dhcp6Message): readonly number[] =>
  codes(message).filter((code) => ![1, 2, 3, 7].includes(code))
const all = [OPTION6.dnsServers, OPTION6.domainList, OPTION6.ntpServer, OPTION6.informationRefreshTime]
const texts = (message: Dhcp6Message, code: number): readonly string[] =>
  message.options.filter((one) => one.code === code).map(({ value }) => Buffer.from(value).toString('hex'))

describe('configuration', () => {
  test('RFC 8415 §21.7: a client that names options is given those', () => {
    const reply = replyTo6(ask6('SOLICIT', { options: [ia(), requesting(OPTION6.domainList)] }))
    assert.deepEqual(configurationOf(reply), [OPTION6.domainList])
    assert.deepEqual(texts(reply, OPTION6.domainList), [Buffer.from('\x04farm\x07example\x03org\0').toString('hex')])
  })

  test('one that names none is given everything', () => {
    assert.deepEqual(new Set(configurationOf(replyTo6(ask6('SOLICIT', { options: [ia()] })))), new Set(all))
  })

  test('RFC 3646 §3: DNS servers of dns6; IPv4 ones are of no use here', () => {
    const reply = replyTo6(ask6('SOLICIT', { options: [ia(), requesting(OPTION6.dnsServers)] }))
    assert.deepEqual(texts(reply, OPTION6.dnsServers), [
      '20010db8000100000000000000000001' + '20010db8000100000000000000000002',
    ])
  })

  test('RFC 5908 §4: time servers by name and IPv6 address, an option each; IPv4 ones are left out', () => {
    const reply = replyTo6(ask6('SOLICIT', { options: [ia(), requesting(OPTION6.ntpServer)] }))
    assert.deepEqual(texts(reply, OPTION6.ntpServer), [
      `00030011${Buffer.from('\x03ntp\x07example\x03org\0').toString('hex')}`,
      '0001001020010db8000100000000000000000003',
    ])
  })

  test('RFC 8415 §21.23: configuration is asked for again after a lease, in ten minutes at the earliest', () => {
    const reply = replyTo6(ask6('INFORMATION-REQUEST', { options: [requesting(OPTION6.informationRefreshTime)] }))
    assert.deepEqual(texts(reply, OPTION6.informationRefreshTime), ['00001c20'])
  })
})

describe('boot URLs (RFC 5970 §3.1)', () => {
  const bootUrl = (mac: string, ...options: readonly ReturnType<typeof option>[]): string | null =>
    urlIn(replyTo6(ask6('SOLICIT', { duid: duidLl(mac), options: [ia(), ...options] })))
  const [a, ipxe] = ['00:00:5e:00:53:01', '00:00:5e:00:53:07']
  const iPXE = option(OPTION6.userClass, [0, 4, ...Buffer.from('iPXE')])

  test('firmware’s PXE is sent to TFTP, HTTP boot to HTTP, iPXE to its script, each with the address in brackets', () => {
    assert.equal(bootUrl(a, ...pxe6(7)), 'tftp://[2001:db8:1::1]/shimx64.efi')
    assert.equal(bootUrl(ipxe, ...pxe6(7)), 'tftp://[2001:db8:1::1]/snponly.efi')
    assert.equal(bootUrl(a, ...pxe6(16, 'HTTPClient')), 'http://[2001:db8:1::1]:8080/snponly.efi')
    assert.equal(bootUrl(a, ...pxe6(7), iPXE), `http://[2001:db8:1::1]:8080/ipxe/${a}.ipxe`)
  })

  test('an operating system is given none, nor is an architecture without loaders, nor a BIOS that knows no IPv6', () => {
    assert.equal(bootUrl(a), null)
    assert.equal(bootUrl(a, ...pxe6(10)), null)
    assert.equal(bootUrl(a, ...pxe6(0)), null)
    assert.equal(bootUrl(a, ...pxe6(0), iPXE), `http://[2001:db8:1::1]:8080/ipxe/${a}.ipxe`)
  })

  test('only the boot interface is told', () => {
    const sender = { ...anywhere, sender: 'fe80::200:5eff:fe00:5311' }
    assert.equal(urlIn(replyTo6(ask6('SOLICIT', { options: [ia(), ...pxe6(7)] }), sender)), null)
  })

  test('it is told unasked; HTTP boot has its vendor class back from the same enterprise, PXE never its own', () => {
    const reply = replyTo6(
      ask6('SOLICIT', { options: [ia(), requesting(OPTION6.dnsServers), ...pxe6(16, 'HTTPClient')] }),
    )
    assert.ok(urlIn(reply)?.startsWith('http://'))
    assert.deepEqual(vendorClass6(reply), { enterprise: 343, words: ['HTTPClient'] })
    const pxe = replyTo6(ask6('SOLICIT', { options: [ia(), ...pxe6(7)] }))
    assert.equal(optionOf(pxe, OPTION6.vendorClass), null)
  })

  test('the advertised address goes before that on the network', () => {
    const told = { ...host6, ipv6: { advertise: address6('2001:db8:f::1'), addresses: [address6('2001:db8:1::1')] } }
    const request = ask6('SOLICIT', { options: [ia(), ...pxe6(7)] })
    assert.equal(urlIn(replyTo6(request, anywhere, farm6, told)), 'tftp://[2001:db8:f::1]/shimx64.efi')
  })
})

test('what `explain` asks is what each platform and stage would ask', () => {
  const mac = parseMac('00:00:5e:00:53:01') ?? assert.fail()
  for (const { platform, http } of architectureTypes) {
    assert.deepEqual(clientOf6(solicitFrom(mac, platform, http ? 'http' : 'firmware')), {
      platform,
      agent: http ? 'http' : 'pxe',
    })
    assert.deepEqual(clientOf6(solicitFrom(mac, platform, 'ipxe'))?.agent, 'ipxe')
    assert.deepEqual(clientOf6(solicitFrom(mac, platform, 'system'))?.agent, 'system')
  }
  assert.deepEqual(userClasses(solicitFrom(mac, 'uefi-x64', 'ipxe')), ['iPXE'])
})
