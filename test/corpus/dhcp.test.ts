// What real clients sent, decoded, encoded again, recognised and answered.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Snapshot } from '../../server/inventory/snapshot.ts'
import type { DhcpAnswer } from '../../server/plan/dhcp/answer.ts'
import type { Client } from '../../server/plan/dhcp/clients.ts'
import { clientOf } from '../../server/plan/dhcp/clients.ts'
import type { DhcpMessage } from '../../server/plan/dhcp/message.ts'
import { NO_ADDRESS, OPTION } from '../../server/plan/dhcp/message.ts'
import {
  formatMac,
  machineUuid,
  maxMessageSize,
  messageType,
  relayAgentInformation,
} from '../../server/plan/dhcp/options.ts'
import { answerProxyDhcp, PXE_PORT } from '../../server/plan/dhcp/proxy.ts'
import { encodeReply, LONGEST_REPLY } from '../../server/render/dhcp-fit.ts'
import { decodeDhcp, DoesNotFit, encodeDhcp, MalformedDhcp } from '../../server/render/dhcp.ts'
import { snapshotOf } from '../fixtures.ts'
import { answer, host, text } from '../unit/plan/dhcp/asking.ts'
import type { Capture } from './captures.ts'
import { captureText, holderOf, parseCapture, readCorpus } from './captures.ts'
import { uuidOf } from './machines.ts'

type Expected = Client &
  Readonly<{
    /** Under the server's URL; null for a client that is told no boot file. `MAC` stands for its own. */
    bootfile: string | null
    /** It sends the identifier that its machine was given. */
    uuid: boolean
  }>

const installed: Expected = { platform: 'bios', agent: 'system', bootfile: null, uuid: false }
const script = 'http://192.0.2.1/ipxe/MAC.ipxe'
const booting =
  (agent: Client['agent']) =>
  (platform: Client['platform'], bootfile: string): Expected => ({ platform, agent, bootfile, uuid: true })
const [pxe, http, ipxe] = [booting('pxe'), booting('http'), booting('ipxe')]

const expectedOf: Readonly<Record<string, Expected>> = {
  'ipxe-rom': ipxe('bios', script),
  'ipxe-rom-boot-server': ipxe('bios', script),
  undionly: ipxe('bios', script),
  snponly: ipxe('uefi-x64', script),
  ovmf: pxe('uefi-x64', 'shimx64.efi'),
  'ovmf-boot-server': pxe('uefi-x64', 'shimx64.efi'),
  'ovmf-http': http('uefi-x64', 'http://192.0.2.1/snponly.efi'),
  'ovmf-ia32': pxe('uefi-ia32', 'ipxe-ia32.efi'),
  'ovmf-ia32-http': http('uefi-ia32', 'http://192.0.2.1/ipxe-ia32.efi'),
  aavmf: pxe('uefi-arm64', 'shimaa64.efi'),
  'aavmf-http': http('uefi-arm64', 'http://192.0.2.1/ipxe-arm64.efi'),
  // GRUB's net_dhcp says nothing of what it is; it has its boot file already.
  'grub-efi': installed,
  'grub-pc': installed,
  udhcpc: installed,
  'udhcpc-declines': installed,
  dhclient: installed,
  networkd: installed,
  dhcpcd: installed,
  'dhcpcd-informs': installed,
  ipconfig: installed,
}

/** As proxyDHCP: GRUB would look for its files at the server that gave the address. */
const besideOther: Readonly<Record<string, string>> = {
  'ipxe-rom-boot-server': script,
  'ovmf-boot-server': 'snponly.efi',
}

const corpus = readCorpus()
const isRelayed = (name: string): boolean => name.endsWith('-relayed')

/** That client alone, with the address that it was given when it was captured. */
function farmOf(capture: Capture): Snapshot {
  const { mac, ip } = holderOf(capture)
  const network = isRelayed(capture.name) ? 'away' : 'near'
  return snapshotOf(`
networks:
  near: {cidr: 192.0.2.0/24, gateway: 192.0.2.254, dns: [192.0.2.1], domain: example.org, ntp: [192.0.2.3]}
  away: {cidr: 198.51.100.0/24, gateway: 198.51.100.1, dns: [192.0.2.1], domain: example.org}
profiles: {p: {}}
machines:
  captured: {profile: p, interfaces: {eth0: {mac: "${mac}", ip: ${ip}, network: ${network}}}}
`)
}

function replyIn(answered: DhcpAnswer): DhcpMessage {
  assert.ok(answered.kind === 'reply', answered.kind === 'reply' ? '' : answered.why)
  return answered.reply
}

test('every capture is expected, and everything expected is captured', () => {
  const direct = corpus.map(({ name }) => name).filter((name) => !isRelayed(name))
  assert.deepEqual(direct.sort(), Object.keys(expectedOf).sort())
})

for (const capture of corpus) {
  const { name, client, messages } = capture
  const expected = expectedOf[name.replace('-relayed', '')] ?? assert.fail(name)
  const snapshot = farmOf(capture)
  const { mac, ip } = holderOf(capture)
  const decoded = messages.map(({ title, port, octets }) => ({ title, port, octets, message: decodeDhcp(octets) }))

  describe(`${name}: ${client}`, () => {
    test('its messages decode to what they were captured as', () => {
      for (const { title, message } of decoded)
        assert.deepEqual(
          [title.split(' ')[0], message.op, formatMac(message.chaddr)],
          [messageType(message), 'request', mac],
        )
    })

    test('and encode to the same octets, but for the padding to 300 where the client forgets it', () => {
      for (const { title, octets, message } of decoded) {
        const again = encodeDhcp(message, { maxSize: LONGEST_REPLY })
        const [padded, original] = [again, octets].map((one) =>
          Buffer.concat([one, Buffer.alloc(600)]).subarray(0, 600),
        )
        assert.equal(padded?.toString('hex'), original?.toString('hex'), title)
      }
    })

    test(`it is ${expected.platform}, ${expected.agent}${expected.uuid ? ', and known by its UUID' : ''}`, () => {
      for (const { title, message } of decoded) {
        const { platform, agent } = expected
        assert.deepEqual(clientOf(message), { platform, agent }, title)
        const uuid = expected.uuid ? uuidOf(mac) : null
        assert.equal(machineUuid(message), uuid, title)
      }
    })

    test(`it is answered${expected.bootfile === null ? '' : `, and told to boot ${expected.bootfile}`}`, () => {
      for (const { title, message: request } of decoded.filter(({ port }) => port !== PXE_PORT)) {
        const answered = answer(request, snapshot)
        const type = messageType(request)
        if (type === 'RELEASE' || type === 'DECLINE') {
          assert.equal(answered.kind, type === 'RELEASE' ? 'ignore' : 'declined', title)
          continue
        }
        const { octets, dropped } = encodeReply(request, replyIn(answered))
        assert.deepEqual(dropped, [], title)
        assert.ok(octets.length <= Math.min(maxMessageSize(request) ?? 576, 1500) - 28, title)
        const reply = decodeDhcp(octets)
        assert.equal(messageType(reply), type === 'DISCOVER' ? 'OFFER' : 'ACK', title)
        assert.equal(reply.yiaddr, type === 'INFORM' ? NO_ADDRESS : ip, title)
        assert.equal(text(reply, OPTION.bootfile), expected.bootfile?.replace('MAC', mac) ?? null, title)
        assert.deepEqual(relayAgentInformation(reply), relayAgentInformation(request), title)
      }
    })

    for (const { title, message: request } of decoded.filter(({ port }) => port === PXE_PORT))
      test(`PXE 2.1 §2.2: on port 4011, beside another server, it is told to boot ${besideOther[name] ?? ''}`, () => {
        const context = { snapshot, server: host, known: { templates: new Set<string>() }, now: 0 }
        const reply = replyIn(answerProxyDhcp(context, request, 'pxe'))
        assert.equal(messageType(reply), 'ACK', title)
        assert.equal(text(reply, OPTION.bootfile), besideOther[name]?.replace('MAC', mac), title)
      })

    if (isRelayed(name))
      test('RFC 3046 §2.1: the relay’s option is there, the last', () => {
        for (const { message } of decoded) {
          assert.equal([...message.options.keys()].at(-1), OPTION.relayAgentInformation)
          assert.equal(message.giaddr, '198.51.100.1')
        }
      })
  })
}

test('OVMF’s REQUEST takes 65,280 octets, if one believes it: what it gets is no longer than a frame', () => {
  const capture = corpus.find(({ name }) => name === 'ovmf') ?? assert.fail()
  const sizes = capture.messages.map(({ octets }) => maxMessageSize(decodeDhcp(octets)))
  assert.deepEqual(sizes, [1472, 0xff00])
})

test('a capture is read as it is written, and one that is none is refused by name', () => {
  for (const capture of corpus) assert.deepEqual(parseCapture(capture.name, captureText(capture)), capture)
  for (const broken of [
    '',
    'DISCOVER 0.0.0.0:68 > 255.255.255.255:67\n01',
    '# a\n\nDISCOVER somewhere\n01',
    '# a\n\nA 1:2 > 3:67\n0',
  ])
    assert.throws(() => parseCapture('broken', broken), /broken\.hex/)
})

describe('the same with octets changed', () => {
  const octets = fc.constantFrom(...corpus.flatMap(({ messages }) => messages.map((one) => one.octets)))
  type Change = (octets: Uint8Array) => Uint8Array
  const at = (one: Uint8Array, place: number): number => place % (one.length + 1)
  const change: fc.Arbitrary<Change> = fc.oneof(
    fc.tuple(fc.nat(2000), fc.nat(255)).map(
      ([place, value]): Change =>
        (one) =>
          one.with(place % one.length, value),
    ),
    fc.nat(2000).map(
      (place): Change =>
        (one) =>
          one.slice(0, Math.max(1, at(one, place))),
    ),
    fc.tuple(fc.nat(2000), fc.uint8Array({ maxLength: 40 })).map(
      ([place, more]): Change =>
        (one) =>
          Uint8Array.from([...one.slice(0, at(one, place)), ...more, ...one.slice(at(one, place))]),
    ),
    fc.tuple(octets, fc.nat(2000)).map(
      ([other, place]): Change =>
        (one) =>
          Uint8Array.from([...one.slice(0, at(one, place)), ...other.slice(at(one, place))]),
    ),
  )
  const changed = fc
    .tuple(octets, fc.array(change, { minLength: 1, maxLength: 4 }))
    .map(([original, changes]) => changes.reduce((one, apply) => apply(one), original))

  const decodeOrNull = (datagram: Uint8Array): DhcpMessage | null => {
    try {
      return decodeDhcp(datagram)
    } catch (error) {
      assert.ok(error instanceof MalformedDhcp, String(error))
      return null
    }
  }
  const farms = corpus.map(farmOf)

  test('it decodes or is MalformedDhcp; what decodes is answered or not, and the answer encodes or is too long', () => {
    fc.assert(
      fc.property(changed, fc.constantFrom(...farms), (datagram, snapshot) => {
        const request = decodeOrNull(datagram)
        if (request === null) return
        const answered = answer(request, snapshot)
        if (answered.kind !== 'reply') return
        try {
          decodeDhcp(encodeReply(request, answered.reply).octets)
        } catch (error) {
          assert.ok(error instanceof DoesNotFit, String(error))
        }
      }),
      { numRuns: 3000 },
    )
  })

  test('what decodes says the same when it is encoded and decoded again', () => {
    fc.assert(
      fc.property(changed, (datagram) => {
        const message = decodeOrNull(datagram)
        fc.pre(message !== null && message.file.length < 128 && message.sname.length < 64)
        const again = decodeDhcp(encodeDhcp(message, { maxSize: 65_507 }))
        assert.deepEqual({ ...again, options: new Map(again.options) }, message)
      }),
      { numRuns: 2000 },
    )
  })
})
