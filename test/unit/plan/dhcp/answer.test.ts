import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Snapshot } from '../../../../server/inventory/snapshot.ts'
import { derivedMac } from '../../../../server/inventory/xen-mac.ts'
import type { DhcpAnswer } from '../../../../server/plan/dhcp/answer.ts'
import { answerDhcp } from '../../../../server/plan/dhcp/answer.ts'
import type { DhcpMessage, MessageType } from '../../../../server/plan/dhcp/message.ts'
import { MESSAGE_TYPE, NO_ADDRESS, OPTION } from '../../../../server/plan/dhcp/message.ts'
import { ascii, ipv4List, ipv4Text, messageType, u16, u8 } from '../../../../server/plan/dhcp/options.ts'
import type { Server } from '../../../../server/plan/server.ts'
import { address, snapshotOf } from '../../../fixtures.ts'

const farm = snapshotOf(`
site: {dhcp_lease_seconds: 7200}
networks:
  farm: {cidr: 192.0.2.0/24, gateway: 192.0.2.254, dns: [192.0.2.1, 192.0.2.2], ntp: [192.0.2.3, ntp.example.org], domain: farm.example.org, mtu: 9000, relay: 203.0.113.254}
  lab: {cidr: 198.51.100.0/24, gateway: 198.51.100.254, next_server: 198.51.100.9}
profiles: {p: {}}
machines:
  a: {profile: p, interfaces: {eth0: {mac: 00:00:5e:00:53:01, ip: 192.0.2.11, network: farm}, eth1: {mac: 00:00:5e:00:53:11, ip: 198.51.100.11, network: lab}}}
  lab1: {profile: p, interfaces: {eth0: {mac: 00:00:5e:00:53:02, ip: 198.51.100.12, network: lab}}}
  byname: {profile: p, uuid: 564d1c2e-0000-4000-8000-00005e005301, interfaces: {eth0: {ip: 192.0.2.13, network: farm, boot: true}, eth1: {mac: 00:00:5e:00:53:13}}}
  floating: {profile: p, interfaces: {eth0: {mac: 00:00:5e:00:53:04, network: farm}}}
  withheld: {profile: nothing, interfaces: {eth0: {mac: 00:00:5e:00:53:05, ip: 192.0.2.15, network: farm}}}
  ipxe: {profile: p, params: {loader: ipxe}, interfaces: {eth0: {mac: 00:00:5e:00:53:06, ip: 192.0.2.16, network: farm}}}
`)
const host: Server = { advertise: null, addresses: [address('192.0.2.1')], httpPort: 80 }

type Asked = Readonly<{ mac?: string; options?: readonly (readonly [number, Uint8Array])[] }> &
  Partial<Omit<DhcpMessage, 'options'>>

function ask(type: MessageType, { mac = '00:00:5e:00:53:01', options = [], ...fields }: Asked = {}): DhcpMessage {
  return {
    op: 'request',
    htype: 1,
    hops: 0,
    xid: 0x11223344,
    secs: 7,
    broadcast: false,
    ciaddr: NO_ADDRESS,
    yiaddr: NO_ADDRESS,
    siaddr: NO_ADDRESS,
    giaddr: NO_ADDRESS,
    chaddr: Uint8Array.from(mac.split(':'), (octet) => Number.parseInt(octet, 16)),
    sname: '',
    file: '',
    ...fields,
    options: new Map([[OPTION.messageType, u8(MESSAGE_TYPE[type])], ...options]),
  }
}

const answer = (request: DhcpMessage, snapshot: Snapshot = farm, server = host): DhcpAnswer =>
  answerDhcp({ snapshot, server, known: { templates: new Set() }, now: 0 }, request)

function reply(request: DhcpMessage, snapshot: Snapshot = farm, server = host): DhcpMessage {
  const made = answer(request, snapshot, server)
  assert.ok(made.kind === 'reply', made.kind === 'ignore' ? made.why : '')
  return made.reply
}
function silence(request: DhcpMessage, snapshot: Snapshot = farm): Readonly<{ why: string; machine: string | null }> {
  const made = answer(request, snapshot)
  assert.ok(made.kind === 'ignore', 'it was answered')
  return made
}

const text = (message: DhcpMessage, code: number): string | null => {
  const value = message.options.get(code)
  return value === undefined ? null : Buffer.from(value).toString('latin1')
}
const quads = (message: DhcpMessage, code: number): readonly string[] => {
  const value = message.options.get(code) ?? new Uint8Array()
  return Array.from({ length: value.length / 4 }, (_, index) => ipv4Text(value, index * 4))
}
const number = (message: DhcpMessage, code: number): number | null => {
  const value = message.options.get(code)
  return value === undefined ? null : [...value].reduce((sum, octet) => sum * 256 + octet, 0)
}
const requested = (ip: string): readonly [number, Uint8Array] => [OPTION.requestedAddress, ipv4List([ip])]
const serverId = (ip: string): readonly [number, Uint8Array] => [OPTION.serverIdentifier, ipv4List([ip])]
const pxe = (arch = 0): readonly (readonly [number, Uint8Array])[] => [
  [OPTION.vendorClass, ascii(`PXEClient:Arch:${String(arch).padStart(5, '0')}:UNDI:002001`)],
  [OPTION.clientArchitecture, u16(arch)],
]

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
      order([42, 3, 99, 1, 3]).filter((code) => ours.has(code)),
      [42, 3, 1, 6, 12, 15, 26, 28],
    )
    assert.deepEqual(
      order([]).filter((code) => ours.has(code)),
      [...ours],
    )
    assert.deepEqual(order([42, 3, 1]).slice(0, 2), [OPTION.messageType, OPTION.serverIdentifier])
  })

  test('a machine’s second card gets its own address, without a second default route and without a boot file', () => {
    const offer = reply(ask('DISCOVER', { mac: '00:00:5e:00:53:11', options: pxe() }), farm, {
      ...host,
      addresses: [address('192.0.2.1'), address('198.51.100.1')],
    })
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

describe('REQUEST, RFC 2131 §4.3.2', () => {
  test('SELECTING: server identifier ours, requested address the reservation: ACK', () => {
    const ack = reply(ask('REQUEST', { options: [requested('192.0.2.11'), serverId('192.0.2.1')] }))
    assert.deepEqual([messageType(ack), ack.yiaddr, ack.ciaddr], ['ACK', '192.0.2.11', NO_ADDRESS])
    assert.deepEqual(quads(ack, OPTION.serverIdentifier), ['192.0.2.1'])
  })

  test('SELECTING: another server was chosen: silence, for its reservation is not ours to refuse', () => {
    const { why, machine } = silence(ask('REQUEST', { options: [requested('192.0.2.99'), serverId('192.0.2.9')] }))
    assert.deepEqual([why, machine], ['a chose server 192.0.2.9', 'a'])
  })

  test('INIT-REBOOT: no server identifier, ciaddr zero, requested address as it is: ACK; another: NAK', () => {
    assert.equal(messageType(reply(ask('REQUEST', { options: [requested('192.0.2.11')] }))), 'ACK')
    assert.equal(messageType(reply(ask('REQUEST', { options: [requested('192.0.2.99')] }))), 'NAK')
  })

  test('RENEWING and REBINDING: ciaddr as it is: ACK with that ciaddr; another: NAK', () => {
    const ack = reply(ask('REQUEST', { ciaddr: '192.0.2.11' }))
    assert.deepEqual([messageType(ack), ack.ciaddr, ack.yiaddr], ['ACK', '192.0.2.11', '192.0.2.11'])
    assert.equal(messageType(reply(ask('REQUEST', { ciaddr: '192.0.2.11', giaddr: '192.0.2.254' }))), 'ACK')
    assert.equal(messageType(reply(ask('REQUEST', { ciaddr: '192.0.2.99' }))), 'NAK')
  })

  test('a REQUEST that names no address at all is not refused: a NAK is for what is known to be wrong', () => {
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

describe('INFORM, DECLINE, RELEASE', () => {
  test('§4.3.5: INFORM is answered with the configuration, no address and no lease', () => {
    const ack = reply(ask('INFORM', { ciaddr: '192.0.2.11' }))
    assert.deepEqual([messageType(ack), ack.yiaddr, ack.ciaddr], ['ACK', NO_ADDRESS, '192.0.2.11'])
    for (const code of [OPTION.leaseTime, OPTION.renewalTime, OPTION.rebindingTime])
      assert.equal(ack.options.has(code), false)
    assert.deepEqual(quads(ack, OPTION.domainNameServer), ['192.0.2.1', '192.0.2.2'])
  })

  test('§4.3.3: DECLINE means that somebody else has the address: no answer, but the reason', () => {
    assert.deepEqual(silence(ask('DECLINE', { options: [requested('192.0.2.11'), serverId('192.0.2.1')] })), {
      kind: 'ignore',
      why: 'a declined 192.0.2.11: another host uses that address',
      machine: 'a',
    })
  })

  test('§4.3.4: RELEASE is not answered, and gives nothing up', () => {
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
    const { why, machine } = silence(ask('DISCOVER', { mac: '00:00:5e:00:53:99' }))
    assert.deepEqual([why, machine], ['no interface of the inventory has MAC 00:00:5e:00:53:99', null])
    assert.equal(
      silence({ ...ask('DISCOVER'), chaddr: new Uint8Array(16) }).why,
      'no interface of the inventory has MAC of this length',
    )
  })

  test('a withheld machine: silence, with the row, the value and the way out', () => {
    const { why, machine } = silence(ask('DISCOVER', { mac: '00:00:5e:00:53:05' }))
    assert.deepEqual(
      [why, machine],
      [
        'withheld is withheld: machines withheld: profile "nothing": there is no profile nothing; name one that exists',
        'withheld',
      ],
    )
  })

  test('a machine without a reserved address: somebody else may give it one', () => {
    assert.deepEqual(silence(ask('DISCOVER', { mac: '00:00:5e:00:53:04' })), {
      kind: 'ignore',
      why: 'floating/eth0 has no reserved address',
      machine: 'floating',
    })
  })

  test('a server that does not know its own address can’t name itself', () => {
    const made = answer(ask('DISCOVER'), farm, { ...host, addresses: [] })
    assert.ok(made.kind === 'ignore' && made.why.includes('--advertise ADDRESS'))
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
    const { why, machine } = silence(ask('DISCOVER', { giaddr: '198.51.100.254' }))
    assert.deepEqual([why, machine], ['a asks through relay 198.51.100.254, which is not on its network farm', 'a'])
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

  test('a UUID of a malformed length goes back as it came: it is the client’s to understand', () => {
    assert.deepEqual(reply(ask('DISCOVER', { options: [[97, Uint8Array.of(0)]] })).options.get(97), Uint8Array.of(0))
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

  test('the boot file is of the client’s architecture', () => {
    for (const [arch, file] of [
      [0, 'pxelinux.0'],
      [7, 'shimx64.efi'],
      [9, 'shimx64.efi'],
      [11, 'shimaa64.efi'],
      [6, 'ipxe-ia32.efi'],
    ] as const)
      assert.equal(reply(ask('DISCOVER', { options: pxe(arch) })).file, file)
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

describe('by UUID', () => {
  const uuid = Uint8Array.of(0, 0x2e, 0x1c, 0x4d, 0x56, 0, 0, 0, 0x40, 0x80, 0, 0, 0, 0x5e, 0, 0x53, 0x01)
  const unknownCard = '00:00:5e:00:53:77'

  test('a machine whose boot interface has no MAC is known by option 97, whatever card it has', () => {
    const offer = reply(ask('DISCOVER', { mac: unknownCard, options: [[97, uuid]] }))
    assert.deepEqual([offer.yiaddr, text(offer, OPTION.hostname)], ['192.0.2.13', 'byname'])
  })

  test('the MAC counts before the UUID, and a UUID alone is no way round a MAC that is written down', () => {
    assert.equal(reply(ask('DISCOVER', { options: [[97, uuid]] })).yiaddr, '192.0.2.11')
    const pinned = snapshotOf(
      `networks: {n: {cidr: 192.0.2.0/24}}\nprofiles: {p: {}}\nmachines: {a: {profile: p, uuid: 564d1c2e-0000-4000-8000-00005e005301, interfaces: {eth0: {mac: 00:00:5e:00:53:01, ip: 192.0.2.11, network: n}}}}`,
    )
    assert.match(
      silence(ask('DISCOVER', { mac: unknownCard, options: [[97, uuid]] }), pinned).why,
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
