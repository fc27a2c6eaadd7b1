// Sections are those of the PXE specification 2.1 (Intel, 1999).
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { DhcpAnswer } from '../../../../server/plan/dhcp/answer.ts'
import type { Arrival } from '../../../../server/plan/dhcp/arrival.ts'
import type { DhcpMessage, MessageType } from '../../../../server/plan/dhcp/message.ts'
import { MESSAGE_TYPE, NO_ADDRESS, OPTION } from '../../../../server/plan/dhcp/message.ts'
import { ascii, messageType } from '../../../../server/plan/dhcp/options.ts'
import type { ProxyPort } from '../../../../server/plan/dhcp/proxy.ts'
import { answerProxyDhcp } from '../../../../server/plan/dhcp/proxy.ts'
import { encodeReply } from '../../../../server/render/dhcp-fit.ts'
import { decodeDhcp } from '../../../../server/render/dhcp.ts'
import { address, snapshotOf } from '../../../fixtures.ts'
import { ask, farm, host, onBoth, pxe, quads, serverId, text } from './asking.ts'

const elsewhere = snapshotOf(`
networks: {lab: {cidr: 198.51.100.0/24, next_server: 198.51.100.9}}
profiles: {p: {}}
machines:
  lab1: {profile: p, interfaces: {eth0: {mac: 00:00:5e:00:53:02, ip: 198.51.100.12, network: lab}}}
  bare: {profile: p, interfaces: {eth0: {mac: 00:00:5e:00:53:03}}}
`)

const answer = (
  request: DhcpMessage,
  port: ProxyPort = 'dhcp',
  snapshot = farm,
  server = host,
  arrival: Arrival | null = null,
): DhcpAnswer => answerProxyDhcp({ snapshot, server, known: { templates: new Set() }, now: 0 }, request, port, arrival)

function reply(request: DhcpMessage, port: ProxyPort = 'dhcp', snapshot = farm): DhcpMessage {
  const made = answer(request, port, snapshot)
  assert.ok(made.kind === 'reply', made.kind === 'reply' ? '' : made.why)
  return decodeDhcp(encodeReply(request, made.reply).octets) // as it is on the wire
}

const whyNot = (made: DhcpAnswer): readonly [string, string] => {
  assert.ok(made.kind !== 'reply')
  return [made.kind, made.why]
}

const http = [[OPTION.vendorClass, ascii('HTTPClient:Arch:00016:UNDI:003000')] as const, pxe(16)[1] ?? assert.fail()]
const ipxe = [...pxe(0), [OPTION.userClass, ascii('iPXE')] as const]
const uuid = [OPTION.machineUuid, Uint8Array.of(0, ...Array.from({ length: 16 }, (_, index) => index + 1))] as const
const item = [OPTION.vendorSpecific, Uint8Array.of(71, 4, 0, 7, 0, 0, 255)] as const
const held = { ciaddr: '192.0.2.50' }

describe('DISCOVER on port 67', () => {
  test('§2.2: the offer has no address, no lease and nothing of the network; it says who we are', () => {
    const offer = reply(ask('DISCOVER', { options: [...pxe(), uuid] }))
    assert.deepEqual([messageType(offer), offer.yiaddr, offer.ciaddr], ['OFFER', NO_ADDRESS, NO_ADDRESS])
    assert.deepEqual(quads(offer, OPTION.serverIdentifier), ['192.0.2.1'])
    assert.deepEqual(
      new Set(offer.options.keys()),
      new Set([
        OPTION.messageType,
        OPTION.serverIdentifier,
        OPTION.vendorClass,
        OPTION.vendorSpecific,
        OPTION.tftpServerName,
        OPTION.bootfile,
        OPTION.machineUuid,
      ]),
    )
  })

  test('§2.4.1, discovery control bit 3: a BIOS uses the boot file of the offer, and asks no boot server', () => {
    const offer = reply(ask('DISCOVER', { options: pxe() }))
    assert.deepEqual(
      [offer.siaddr, offer.file, text(offer, OPTION.vendorClass)],
      ['192.0.2.1', 'pxelinux.0', 'PXEClient'],
    )
    assert.deepEqual(offer.options.get(OPTION.vendorSpecific), Uint8Array.of(6, 1, 8, 255))
    assert.equal(text(offer, OPTION.bootfile), 'pxelinux.0')
  })

  test('EDK2: an offer to UEFI’s PXE has neither option 43 nor a boot file, but an address to ask on port 4011', () => {
    for (const arch of [6, 7, 9, 11, 27]) {
      const offer = reply(ask('DISCOVER', { options: pxe(arch) }))
      assert.deepEqual([...offer.options.keys()], [OPTION.messageType, OPTION.serverIdentifier, OPTION.vendorClass])
      assert.deepEqual([offer.siaddr, offer.file], ['192.0.2.1', ''])
    }
  })

  test('UEFI 2.10 §24.7: HTTP boot gets its vendor class and a URL, at once', () => {
    const offer = reply(ask('DISCOVER', { options: http }))
    assert.equal(text(offer, OPTION.vendorClass), 'HTTPClient')
    assert.equal(text(offer, OPTION.bootfile), 'http://192.0.2.1/snponly.efi')
    assert.deepEqual([offer.yiaddr, offer.options.has(OPTION.vendorSpecific)], [NO_ADDRESS, false])
  })

  test('iPXE: a script by URL, and an address in siaddr, without which it takes no notice', () => {
    const offer = reply(ask('DISCOVER', { options: ipxe }))
    assert.equal(text(offer, OPTION.bootfile), 'http://192.0.2.1/ipxe/00:00:5e:00:53:01.ipxe')
    assert.deepEqual([offer.siaddr, text(offer, OPTION.vendorClass)], ['192.0.2.1', 'PXEClient'])
  })

  test('RFC 4578 §2.3: the UUID goes back as it came, of UEFI too', () => {
    for (const arch of [0, 7])
      assert.deepEqual(
        reply(ask('DISCOVER', { options: [...pxe(arch), uuid] })).options.get(OPTION.machineUuid),
        uuid[1],
      )
  })

  test('RFC 1542 §4.1.2: a relay is told to broadcast, for the offer has no address to send it to', () => {
    const agent = [OPTION.relayAgentInformation, Uint8Array.of(1, 1, 9)] as const
    const offer = reply(ask('DISCOVER', { giaddr: '192.0.2.254', options: [...pxe(), agent] }))
    assert.deepEqual([offer.giaddr, offer.broadcast], ['192.0.2.254', true])
    assert.deepEqual([...offer.options.keys()].at(-1), OPTION.relayAgentInformation)
  })

  test('where a network has a next server, a boot file comes from there, and questions to us', () => {
    const mac = '00:00:5e:00:53:02'
    const server = { ...host, addresses: [address('198.51.100.1')] }
    const to = (type: MessageType, arch: number, port: ProxyPort): string => {
      const made = answer(ask(type, { mac, options: pxe(arch) }), port, elsewhere, server)
      assert.ok(made.kind === 'reply')
      return made.reply.siaddr
    }
    assert.equal(to('DISCOVER', 0, 'dhcp'), '198.51.100.9')
    assert.equal(to('DISCOVER', 7, 'dhcp'), '198.51.100.1')
    assert.equal(to('REQUEST', 7, 'pxe'), '198.51.100.9')
  })
})

describe('REQUEST on port 4011', () => {
  test('§2.2: the boot file for that machine and platform, no address, whatever address it has', () => {
    for (const [arch, file] of [
      [0, 'pxelinux.0'],
      [7, 'snponly.efi'],
      [11, 'ipxe-arm64.efi'],
    ] as const) {
      const ack = reply(ask('REQUEST', { ...held, options: pxe(arch) }), 'pxe')
      assert.deepEqual([messageType(ack), ack.yiaddr, ack.ciaddr], ['ACK', NO_ADDRESS, held.ciaddr])
      assert.deepEqual([ack.siaddr, ack.file, text(ack, OPTION.bootfile)], ['192.0.2.1', file, file])
      assert.deepEqual(ack.options.get(OPTION.vendorSpecific), Uint8Array.of(6, 1, 8, 255))
    }
  })

  test('the server identifier in it may be that of whoever gave the address', () => {
    assert.equal(
      messageType(reply(ask('REQUEST', { ...held, options: [...pxe(), serverId('192.0.2.9')] }), 'pxe')),
      'ACK',
    )
  })

  test('§2.4: who asks for its boot server gets back the item that it asked for', () => {
    const ack = reply(ask('REQUEST', { ...held, options: [...pxe(), item] }), 'pxe')
    assert.deepEqual([ack.options.get(OPTION.vendorSpecific), ack.file], [item[1], 'pxelinux.0'])
  })

  test('the param loader is obeyed: what asks for GRUB gets shim', () => {
    const wants = snapshotOf(`
profiles: {p: {}}
machines: {g: {profile: p, params: {loader: grub}, interfaces: {eth0: {mac: 00:00:5e:00:53:07}}}}
`)
    assert.equal(reply(ask('REQUEST', { mac: '00:00:5e:00:53:07', options: pxe(7) }), 'pxe', wants).file, 'shimx64.efi')
  })

  test('everything else is silence there', () => {
    for (const type of Object.keys(MESSAGE_TYPE) as MessageType[])
      if (type !== 'REQUEST') assert.equal(answer(ask(type, { options: pxe() }), 'pxe').kind, 'ignore', type)
  })
})

describe('what is the other server’s', () => {
  test('no message but DISCOVER is answered on port 67: neither REQUEST nor INFORM, right or wrong; so nobody gets a NAK', () => {
    for (const type of Object.keys(MESSAGE_TYPE) as MessageType[])
      for (const options of [pxe(), pxe(7), http, ipxe])
        if (type !== 'DISCOVER') assert.equal(answer(ask(type, { ...held, options })).kind, 'ignore', type)
  })

  test('§2.4: but a REQUEST for a boot server, which is no REQUEST for an address', () => {
    const ack = reply(ask('REQUEST', { ...held, options: [...pxe(), item] }))
    assert.deepEqual([messageType(ack), ack.yiaddr, ack.file], ['ACK', NO_ADDRESS, 'pxelinux.0'])
  })

  test('an operating system is not answered, of a known machine or a stranger’s, and is not put on the list', () => {
    for (const mac of ['00:00:5e:00:53:01', '00:00:5e:00:53:99'])
      for (const options of [[], [[OPTION.vendorClass, ascii('MSFT 5.0')] as const]])
        assert.equal(answer(ask('DISCOVER', { mac, options })).kind, 'ignore')
  })
})

describe('who is not told', () => {
  const pxeFrom = (mac: string, arch = 0): DhcpMessage => ask('DISCOVER', { mac, options: pxe(arch) })

  test('a stranger’s ROM is listed, by either port', () => {
    const why = 'no interface of the inventory has MAC 00:00:5e:00:53:99'
    assert.deepEqual(whyNot(answer(pxeFrom('00:00:5e:00:53:99'))), ['unserved', why])
    const request = ask('REQUEST', { mac: '00:00:5e:00:53:99', options: pxe() })
    assert.deepEqual(whyNot(answer(request, 'pxe')), ['unserved', why])
  })

  test('a withheld machine', () => {
    assert.match(whyNot(answer(pxeFrom('00:00:5e:00:53:05'))).join(), /^unserved,withheld is withheld: /)
  })

  test('a machine by a card that it does not boot by', () => {
    assert.deepEqual(whyNot(answer(pxeFrom('00:00:5e:00:53:11'))), ['unserved', 'a does not boot by eth1'])
  })

  test('a machine of a platform that has no loader; the reason names it', () => {
    assert.match(whyNot(answer(pxeFrom('00:00:5e:00:53:01', 20))).join(), /^unserved,a: there is no boot file for .*20/)
  })

  test('a machine on another network’s wire', () => {
    const eth1 = { interface: 'eth1', addresses: [address('198.51.100.1')] }
    const made = answer(pxeFrom('00:00:5e:00:53:01'), 'dhcp', farm, onBoth, eth1)
    assert.deepEqual(whyNot(made), ['unserved', 'a asks on interface eth1, which is not on its network farm'])
  })
})

test('a machine that has no address in the inventory is told all the same: its address is another server’s affair', () => {
  assert.equal(reply(ask('DISCOVER', { mac: '00:00:5e:00:53:04', options: pxe() })).file, 'pxelinux.0')
  assert.equal(
    reply(ask('DISCOVER', { mac: '00:00:5e:00:53:03', options: pxe() }), 'dhcp', elsewhere).file,
    'pxelinux.0',
  )
})

test('what is no request is ignored', () => {
  assert.equal(answer({ ...ask('OFFER'), op: 'reply' }).kind, 'ignore')
  assert.equal(answer({ ...ask('DISCOVER'), options: new Map(pxe()) }).kind, 'ignore')
})
