import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { NO_ADDRESS, OPTION } from '../../../../server/plan/dhcp/message.ts'
import { messageType, ascii, u16, u32 } from '../../../../server/plan/dhcp/options.ts'
import { snapshotOf, address } from '../../../fixtures.ts'
import { ask, farm, host, number, onBoth, pxe, quads, reply, requested, serverId, text } from './asking.ts'

describe('DISCOVER', () => {
  test('RFC 2131 §4.3.1 table 3: an OFFER of the reservation, with the fields of the request that go back', () => {
    const offer = reply(ask('DISCOVER', { broadcast: true, ciaddr: '192.0.2.99' }))
    assert.equal(messageType(offer), 'OFFER')
    const { op, xid, yiaddr, ciaddr, siaddr, giaddr, broadcast, hops, secs, file, sname } = offer
    assert.deepEqual(
      { op, xid, yiaddr, ciaddr, siaddr, giaddr, broadcast, hops, secs, file, sname },
      {
        op: 'reply',
        xid: 0x11223344,
        yiaddr: '192.0.2.11',
        ciaddr: NO_ADDRESS,
        siaddr: NO_ADDRESS,
        giaddr: NO_ADDRESS,
        broadcast: true,
        hops: 0,
        secs: 0,
        file: '',
        sname: '',
      },
    )
    assert.deepEqual(quads(offer, OPTION.serverIdentifier), ['192.0.2.1'])
  })

  test('RFC 2131 §3.1, §4.3.1: the ACK gives what the OFFER gave, whoever asks, and whoever of several servers', () => {
    for (const options of [
      [],
      pxe(),
      pxe(7),
      [...pxe(7), [OPTION.userClass, ascii('iPXE')] as const],
      [[OPTION.vendorClass, ascii('HTTPClient')] as const, [OPTION.clientArchitecture, u16(16)] as const],
    ])
      for (const server of [host, onBoth]) {
        const given = (type: 'DISCOVER' | 'REQUEST'): unknown => {
          const wanted = type === 'REQUEST' ? [requested('192.0.2.11'), serverId('192.0.2.1')] : []
          const { options: replied, ...fields } = reply(ask(type, { options: [...options, ...wanted] }), farm, server)
          return { ...fields, options: [...replied].filter(([code]) => code !== OPTION.messageType) }
        }
        assert.deepEqual(given('REQUEST'), given('DISCOVER'))
      }
  })

  test('RFC 2131 §4.3.1: what a client would like to have changes nothing: another address, another lease, another name', () => {
    const wishes = [
      requested('192.0.2.99'),
      [OPTION.leaseTime, u32(60)],
      [OPTION.hostname, ascii('somebody-else')],
    ] as const
    assert.deepEqual(reply(ask('DISCOVER', { options: wishes })), reply(ask('DISCOVER')))
  })

  test('RFC 2131 §4.3.1 table 3: what is the client’s to say (50, 55, 57, 77, 93, 94) is in no reply', () => {
    const said = [
      requested('192.0.2.11'),
      [OPTION.parameterRequestList, Uint8Array.of(1, 3, 50, 55, 57, 93)],
      [OPTION.maxMessageSize, u16(1500)],
      [OPTION.userClass, ascii('x')],
      [OPTION.clientNetworkInterface, Uint8Array.of(1, 3, 16)],
      ...pxe(7),
    ] as const
    for (const type of ['DISCOVER', 'REQUEST', 'INFORM'] as const) {
      const { options } = reply(ask(type, { options: said }))
      for (const code of [50, 55, 57, 77, 93, 94]) assert.equal(options.has(code), false, `${type} ${code}`)
    }
  })

  test('RFC 2131 §4.4.5: a lease with its renewal at one half and its rebinding at seven eighths', () => {
    const offer = reply(ask('DISCOVER'))
    assert.deepEqual(
      [51, 58, 59].map((code) => number(offer, code)),
      [7200, 3600, 6300],
    )
  })

  test('the host’s network, name and MTU, from the rows; a time server that is a name can’t be given', () => {
    const offer = reply(ask('DISCOVER'))
    assert.deepEqual(quads(offer, OPTION.subnetMask), ['255.255.255.0'])
    assert.deepEqual(quads(offer, OPTION.router), ['192.0.2.254'])
    assert.deepEqual(quads(offer, OPTION.domainNameServer), ['192.0.2.1', '192.0.2.2'])
    assert.deepEqual(quads(offer, OPTION.ntpServer), ['192.0.2.3'])
    assert.deepEqual(quads(offer, OPTION.broadcastAddress), ['192.0.2.255'])
    assert.deepEqual([text(offer, OPTION.hostname), text(offer, OPTION.domainName)], ['a', 'farm.example.org'])
    assert.equal(number(offer, OPTION.interfaceMtu), 9000)
  })

  test('RFC 2132 §9.8: options come in the order the client asked for, the others behind them', () => {
    const order = (codes: readonly number[]): readonly number[] => [
      ...reply(ask('DISCOVER', { options: [[OPTION.parameterRequestList, Uint8Array.from(codes)]] })).options.keys(),
    ]
    const ours = new Set([1, 3, 6, 12, 15, 26, 28, 42])
    assert.deepEqual(
      order([42, 6, 99, 1, 6]).filter((code) => ours.has(code)),
      [42, 6, 1, 3, 12, 15, 26, 28],
    )
    assert.deepEqual(
      order([]).filter((code) => ours.has(code)),
      [...ours],
    )
    assert.deepEqual(order([42, 3, 1]).slice(0, 2), [OPTION.messageType, OPTION.serverIdentifier])
  })

  test('RFC 2132 §3.3: the subnet mask comes before the router, whichever the client asked for first', () => {
    const options = reply(ask('DISCOVER', { options: [[OPTION.parameterRequestList, Uint8Array.of(42, 3, 6, 1)]] }))
    const given = [...options.options.keys()].filter((code) => [1, 3, 6, 42].includes(code))
    assert.deepEqual(given, [42, 1, 3, 6])
  })

  test('a machine’s second card gets its own address, without a second default route and without a boot file', () => {
    const offer = reply(ask('DISCOVER', { mac: '00:00:5e:00:53:11', options: pxe() }), farm, onBoth)
    assert.deepEqual(
      [offer.yiaddr, quads(offer, OPTION.router), offer.file, quads(offer, OPTION.serverIdentifier)],
      ['198.51.100.11', [], '', ['198.51.100.1']],
    )
  })

  test('the lease is an hour when the param is absent, or no number of at least a minute', () => {
    for (const params of [
      '{}',
      '{dhcp_lease_seconds: 59}',
      '{dhcp_lease_seconds: soon}',
      '{dhcp_lease_seconds: 4294967295}',
      '{dhcp_lease_seconds: 90.5}',
    ]) {
      const snapshot = snapshotOf(
        `networks: {n: {cidr: 192.0.2.0/24}}\nprofiles: {p: {}}\nmachines: {a: {profile: p, params: ${params}, interfaces: {eth0: {mac: 00:00:5e:00:53:01, ip: 192.0.2.11, network: n}}}}`,
      )
      assert.equal(number(reply(ask('DISCOVER'), snapshot), OPTION.leaseTime), 3600, params)
    }
  })

  test('a site-wide value of the wrong form spoils no reply', () => {
    const snapshot = snapshotOf(
      `site: {domain: 42, dns: [{}], ntp: ["ü"]}\nnetworks: {n: {cidr: 192.0.2.0/24}}\nprofiles: {p: {}}\nmachines: {a: {profile: p, interfaces: {eth0: {mac: 00:00:5e:00:53:01, ip: 192.0.2.11, network: n}}}}`,
    )
    const offer = reply(ask('DISCOVER'), snapshot)
    assert.deepEqual([offer.yiaddr, text(offer, OPTION.domainName), quads(offer, 6)], ['192.0.2.11', null, []])
  })
})

describe('boot', () => {
  test('PXE 2.1 §2.2: firmware gets PXEClient in 60, no discovery in 43, server and file in 66, 67, siaddr and file', () => {
    const offer = reply(ask('DISCOVER', { options: pxe() }))
    assert.equal(text(offer, OPTION.vendorClass), 'PXEClient')
    assert.deepEqual(offer.options.get(OPTION.vendorSpecific), Uint8Array.of(6, 1, 8, 255))
    assert.deepEqual([text(offer, OPTION.tftpServerName), text(offer, OPTION.bootfile)], ['192.0.2.1', 'pxelinux.0'])
    assert.deepEqual([offer.siaddr, offer.file], ['192.0.2.1', 'pxelinux.0'])
  })

  test('the boot file is of the client’s architecture, by TFTP for a PXE ROM and by HTTP for HTTP boot', () => {
    for (const [arch, file] of [
      [0, 'pxelinux.0'],
      [6, 'ipxe-ia32.efi'],
      [7, 'shimx64.efi'],
      [9, 'shimx64.efi'],
      [11, 'shimaa64.efi'],
      [27, 'ipxe-riscv64.efi'],
    ] as const)
      assert.equal(reply(ask('DISCOVER', { options: pxe(arch) })).file, file)
    for (const [arch, file] of [
      [15, 'ipxe-ia32.efi'],
      [16, 'snponly.efi'],
      [19, 'ipxe-arm64.efi'],
      [28, 'ipxe-riscv64.efi'],
    ] as const) {
      const offer = reply(ask('DISCOVER', { options: [[OPTION.clientArchitecture, u16(arch)]] }))
      assert.deepEqual(
        [text(offer, OPTION.bootfile), text(offer, OPTION.vendorClass)],
        [`http://192.0.2.1/${file}`, 'HTTPClient'],
      )
    }
  })

  test('option 93 missing: a PXE ROM of that age is a BIOS', () => {
    assert.equal(reply(ask('DISCOVER', { options: [[OPTION.vendorClass, ascii('PXEClient')]] })).file, 'pxelinux.0')
  })

  test('an architecture without loaders gets its address and no boot file', () => {
    const offer = reply(ask('DISCOVER', { options: pxe(12) }))
    assert.deepEqual(
      [offer.yiaddr, offer.file, offer.siaddr, offer.options.has(OPTION.vendorClass)],
      ['192.0.2.11', '', NO_ADDRESS, false],
    )
  })

  test('UEFI 2.10 §24.7.3.1: HTTP boot gets HTTPClient in 60 and a URL in 67, and no 43', () => {
    const offer = reply(
      ask('DISCOVER', {
        options: [
          [OPTION.vendorClass, ascii('HTTPClient:Arch:00016:UNDI:003001')],
          [OPTION.clientArchitecture, u16(16)],
        ],
      }),
    )
    assert.equal(text(offer, OPTION.vendorClass), 'HTTPClient')
    assert.equal(text(offer, OPTION.bootfile), 'http://192.0.2.1/snponly.efi')
    assert.equal(offer.options.has(OPTION.vendorSpecific), false)
  })

  test('iPXE gets its script, by user class or by option 175', () => {
    const url = 'http://192.0.2.1/ipxe/00:00:5e:00:53:01.ipxe'
    for (const mark of [
      [OPTION.userClass, ascii('iPXE')],
      [OPTION.userClass, Uint8Array.of(4, ...ascii('iPXE'))], // RFC 3004 §4
      [OPTION.ipxe, Uint8Array.of(0x13, 1, 1)],
    ] as const)
      assert.equal(text(reply(ask('DISCOVER', { options: [...pxe(), mark] })), OPTION.bootfile), url)
  })

  test('the param loader changes what firmware is handed', () => {
    assert.equal(reply(ask('DISCOVER', { mac: '00:00:5e:00:53:06', options: pxe() })).file, 'undionly.kpxe')
  })

  test('an installed system’s lease has no boot file, no 43, no 60', () => {
    const offer = reply(ask('DISCOVER', { options: [[OPTION.vendorClass, ascii('udhcp 1.35')]] }))
    for (const code of [OPTION.vendorClass, OPTION.vendorSpecific, OPTION.bootfile, OPTION.tftpServerName])
      assert.equal(offer.options.has(code), false)
    assert.deepEqual([offer.file, offer.siaddr], ['', NO_ADDRESS])
  })

  test('a network’s next_server is where its machines load from; who answers is still this server', () => {
    const offer = reply(ask('DISCOVER', { mac: '00:00:5e:00:53:02', giaddr: '198.51.100.254', options: pxe() }))
    assert.deepEqual(
      [offer.siaddr, text(offer, OPTION.tftpServerName), quads(offer, OPTION.serverIdentifier)],
      ['198.51.100.9', '198.51.100.9', ['192.0.2.1']],
    )
  })

  test('RFC 2131 §2: a name that does not fit into `file` with its NUL is in option 67 alone', () => {
    const long = { ...host, addresses: [address('255.255.255.255')], httpPort: 65535 }
    const offer = reply(ask('DISCOVER', { options: [...pxe(), [OPTION.userClass, ascii('iPXE')]] }), farm, long)
    assert.equal(offer.file, text(offer, OPTION.bootfile))
    assert.ok(offer.file.length < 128)
  })
})
