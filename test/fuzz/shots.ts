// Datagrams for every UDP door: captures that were tampered with, messages made of whatever could stand in them, noise.
import { readCorpus } from '../corpus/captures.ts'
import { encodeDhcp6 } from '../../server/render/dhcp6.ts'
import { OPTION6 } from '../../server/plan/dhcp6/message.ts'
import { PXE_PORT } from '../../server/plan/dhcp/proxy.ts'
import type { Chance } from './chance.ts'
import { GOOD, macsOfFarm, SERVER } from './farm.ts'
import type { End, Shot } from './frames.ts'
import { mutated } from './mutate.ts'

export const PORT = { dhcp: 67, dhcpClient: 68, tftp: 69, dhcp6: 547, dhcp6Client: 546, pxe: PXE_PORT } as const

/** As many octets as a frame of 9000 holds. */
const LONGEST = 8900

export type Kind = keyof typeof makers

/**
 * A datagram with where it comes from and where it goes.
 * @param dhcpPorts where there is DHCP to be shot at, each as often
 */
export function shotFrom(
  chance: Chance,
  dhcpPorts: readonly number[] = [PORT.dhcp],
): Readonly<{ kind: Kind; shot: Shot }> {
  const kind = chance.one(Object.keys(makers) as Kind[])
  const { from, to, octets } = makers[kind](chance)
  const port = to.port === PORT.dhcp && dhcpPorts.length > 1 ? chance.one(dhcpPorts) : to.port
  return { kind, shot: { from, to: { ...to, port }, octets: octets.subarray(0, LONGEST) } }
}

const captured = readCorpus().flatMap(({ messages }) => messages)

const makers = {
  captured: (chance: Chance): Shot => dhcp(chance, withMac(mutated(chance.one(captured).octets, chance), chance)),
  dhcp: (chance: Chance): Shot => dhcp(chance, dhcpMessage(chance)),
  dhcp6: (chance: Chance): Shot => dhcp6(chance, dhcp6Message(chance, 0)),
  solicit: (chance: Chance): Shot => dhcp6(chance, mutated(solicit(GOOD.mac, chance.below(1 << 24)), chance)),
  tftp: (chance: Chance): Shot => tftp(chance, tftpPacket(chance)),
  tampered: (chance: Chance): Shot => tftp(chance, mutated(tftpPacket(chance), chance)),
  noise: (chance: Chance): Shot => {
    const octets = chance.octets(chance.is(0.5) ? chance.below(8) : chance.below(1500))
    return chance.one([dhcp, dhcp6, tftp])(chance, octets)
  },
} as const

/** RFC 8415 §18.2.1, of a client with a DUID-LL, on the server's own link. */
export const solicit = (mac: string, transactionId: number): Uint8Array =>
  encodeDhcp6({
    type: 'SOLICIT',
    transactionId,
    options: [
      { code: OPTION6.clientId, value: Uint8Array.from([0, 3, 0, 1, ...octetsOfMac(mac)]) },
      { code: OPTION6.iaNa, value: Uint8Array.from([0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]) },
      { code: OPTION6.optionRequest, value: Uint8Array.from([0, 23, 0, 24, 0, 59]) },
    ],
    relays: [],
  })

export const octetsOfMac = (mac: string): readonly number[] => mac.split(':').map((part) => Number.parseInt(part, 16))

// Where from, and where to. Some of the sources answer (ARP, ICMP), some are never heard of.

const anyPort = (chance: Chance): number => (chance.is(0.08) ? 0 : chance.is(0.5) ? chance.below(65_536) : 1024)

const strangerOf4 = (chance: Chance): string =>
  chance.one([
    () => `192.0.2.${2 + chance.below(250)}`,
    () => `198.51.100.${1 + chance.below(254)}`,
    () => `203.0.113.${1 + chance.below(254)}`,
    () => GOOD.ipv4,
    () => SERVER.ipv4, // its own: the kernel drops most of these
    () => '255.255.255.255',
  ])()

const strangerOf6 = (chance: Chance): string =>
  chance.one([
    `2001:db8::${(2 + chance.below(4000)).toString(16)}`,
    GOOD.ipv6,
    `fe80::${chance.below(9999)}`,
    '::',
    'ff02::1',
  ])

function dhcp(chance: Chance, octets: Uint8Array): Shot {
  const isRelayed = chance.is(0.3)
  const from: End = chance.is(0.5)
    ? { address: '0.0.0.0', port: PORT.dhcpClient }
    : { address: strangerOf4(chance), port: isRelayed ? PORT.dhcp : anyPort(chance) }
  return { from, to: { address: chance.one([SERVER.ipv4, '255.255.255.255']), port: PORT.dhcp }, octets }
}

function dhcp6(chance: Chance, octets: Uint8Array): Shot {
  const port = chance.is(0.7) ? PORT.dhcp6Client : anyPort(chance)
  const to = chance.one([SERVER.ipv6, 'ff02::1:2', 'ff02::1:2', 'ff05::1:3'])
  return { from: { address: strangerOf6(chance), port }, to: { address: to, port: PORT.dhcp6 }, octets }
}

function tftp(chance: Chance, octets: Uint8Array): Shot {
  const port = anyPort(chance)
  return chance.is(0.8)
    ? { from: { address: strangerOf4(chance), port }, to: { address: SERVER.ipv4, port: PORT.tftp }, octets }
    : { from: { address: strangerOf6(chance), port }, to: { address: SERVER.ipv6, port: PORT.tftp }, octets }
}

// DHCP: RFC 2131 §2, RFC 2132 and the rest.

const CHADDR = 28

/** A MAC of the farm, as a rule: what strangers ask is soon answered. */
function withMac(octets: Uint8Array, chance: Chance): Uint8Array {
  if (octets.length < CHADDR + 6 || chance.is(0.3)) return octets
  const changed = Uint8Array.from(octets)
  changed.set(octetsOfMac(chance.one(macsOfFarm)), CHADDR)
  return changed
}

const optionsWithRules = [12, 43, 50, 51, 52, 53, 54, 55, 57, 60, 61, 66, 67, 77, 80, 81, 82, 90, 93, 94, 97, 118, 175]
const words = [
  'PXEClient',
  'PXEClient:Arch:00007:UNDI:003016',
  'HTTPClient:Arch:00016',
  'iPXE',
  'constructor',
  '\0',
  '',
]
const addresses = [
  [0, 0, 0, 0],
  [192, 0, 2, 1],
  [192, 0, 2, 9],
  [192, 0, 2, 100],
  [255, 255, 255, 255],
  [127, 0, 0, 1],
]

function dhcpMessage(chance: Chance): Uint8Array {
  const head = Buffer.alloc(240)
  head[0] = chance.is(0.95) ? 1 : chance.below(256)
  head[1] = chance.is(0.9) ? 1 : chance.below(256)
  head[2] = chance.is(0.9) ? 6 : chance.below(256)
  head[3] = chance.below(chance.is(0.9) ? 4 : 256)
  head.set(chance.octets(6), 4)
  head[10] = chance.one([0, 128])
  for (const at of [12, 16, 20, 24]) if (chance.is(0.3)) head.set(chance.one(addresses), at)
  head.set(chance.is(0.8) ? octetsOfMac(chance.one(macsOfFarm)) : chance.octets(16), CHADDR)
  if (chance.is(0.2)) head.set(dhcpOptions(chance, 64), 44) // sname and file, as option 52 has them used
  if (chance.is(0.2)) head.set(dhcpOptions(chance, 128), 108)
  head.set(chance.is(0.97) ? [0x63, 0x82, 0x53, 0x63] : chance.octets(4), 236)
  return Buffer.concat([head, dhcpOptions(chance, chance.is(0.9) ? 600 : 8000)])
}

function dhcpOptions(chance: Chance, most: number): Uint8Array {
  const options: number[] = chance.is(0.85) ? [53, 1, chance.is(0.9) ? 1 + chance.below(8) : chance.below(256)] : []
  const count = chance.below(chance.is(0.9) ? 12 : 200)
  for (let index = 0; index < count && options.length < most; index++) {
    if (chance.is(0.1)) options.push(0)
    const value = dhcpValue(chance)
    options.push(chance.is(0.9) ? chance.one(optionsWithRules) : chance.below(256))
    options.push(chance.is(0.95) ? value.length : chance.below(256), ...value)
  }
  if (chance.is(0.9)) options.push(255)
  return Uint8Array.from(options.slice(0, most))
}

const dhcpValue = (chance: Chance): readonly number[] =>
  chance.one([
    () => [...chance.octets(chance.below(chance.is(0.9) ? 20 : 256))],
    () => [...Buffer.from(chance.one(words))],
    () => [...chance.one(addresses)],
    () => [0, chance.below(20)],
    () => [1, 2, 0, 1, 5, 4, ...chance.one(addresses)], // as relays write option 82
    () => [71, 4, 0, 0, 0, chance.below(3), 255], // as ROMs ask for a boot server's item in option 43
    () => [0, ...chance.octets(16)],
  ])()

// DHCPv6: RFC 8415.

function dhcp6Message(chance: Chance, depth: number): Uint8Array {
  if (depth < 40 && chance.is(depth === 0 ? 0.3 : 0.7)) {
    const relay = Buffer.alloc(34)
    relay[0] = chance.is(0.9) ? 12 : 13
    relay[1] = chance.is(0.9) ? depth : chance.below(256)
    for (const at of [2, 18]) relay.set(chance.is(0.7) ? [0x20, 0x01, 0x0d, 0xb8] : chance.octets(16), at)
    return Buffer.concat([
      relay,
      option6(OPTION6.relayMessage, dhcp6Message(chance, depth + 1)),
      dhcp6Options(chance, 0),
    ])
  }
  const head = Uint8Array.of(chance.is(0.9) ? 1 + chance.below(11) : chance.below(256), ...chance.octets(3))
  const duid = Uint8Array.from([0, 1 + chance.below(5), 0, 1, ...octetsOfMac(chance.one(macsOfFarm))])
  return Buffer.concat([
    head,
    chance.is(0.8) ? option6(OPTION6.clientId, duid) : Buffer.alloc(0),
    dhcp6Options(chance, 0),
  ])
}

const codes6 = Object.values(OPTION6)

function dhcp6Options(chance: Chance, depth: number): Buffer {
  const values = Array.from({ length: chance.below(6) }, () => {
    const nested = [3, 4, 5, 25].map((code) => [code, { 3: 12, 4: 4, 5: 24, 25: 12 }[code] ?? 0] as const)
    if (depth < 5 && chance.is(0.4)) {
      const [code, head] = chance.one(nested)
      return option6(code, Buffer.concat([chance.octets(head), dhcp6Options(chance, depth + 1)]))
    }
    return option6(chance.is(0.9) ? chance.one(codes6) : chance.below(65_536), chance.octets(chance.below(40)), chance)
  })
  return Buffer.concat(values)
}

function option6(code: number, value: Uint8Array, chance?: Chance): Buffer {
  const head = Buffer.alloc(4)
  head.writeUInt16BE(code, 0)
  head.writeUInt16BE(chance?.is(0.05) === true ? chance.below(65_536) : value.length, 2)
  return Buffer.concat([head, value])
}

// TFTP: RFC 1350, 2347, 2348, 2349, 7440.

const paths = [
  ...[
    'pxelinux.0',
    '/pxelinux.0',
    'empty.0',
    'images/el9/vmlinuz',
    'images/el9/initrd.img',
    'constructor',
    '__proto__',
  ],
  ...[
    'pxelinux.cfg/01-02-00-00-00-00-02',
    'pxelinux.cfg/default',
    'grub/grub.cfg-01-02-00-00-00-00-02',
    'grub/grub.cfg',
  ],
  ...[
    '../inventory.sqlite',
    'images/../../inventory.sqlite',
    '..\\..\\boot.ini',
    'images/%2e%2e/%2e%2e/x',
    './/./',
    '',
  ],
  ...[
    'images',
    'images/',
    'images//el9///vmlinuz',
    '\u{1F480}',
    'ks/m0',
    'ipxe/02:00:00:00:00:02.ipxe',
    'a'.repeat(480),
  ],
]
const optionNames = ['blksize', 'BLKSIZE', 'windowsize', 'timeout', 'tsize', 'multicast', 'utimeout', '__proto__', '']
const optionValues = [
  '0',
  '7',
  '8',
  '512',
  '1428',
  '65464',
  '65465',
  '-1',
  '1e3',
  '0x10',
  ' 8',
  '9'.repeat(400),
  '',
  '1',
  '255',
]

export function tftpPacket(chance: Chance): Uint8Array {
  const opcode = chance.is(0.7) ? 1 : chance.below(chance.is(0.9) ? 8 : 65_536)
  const head = Uint8Array.of(opcode >> 8, opcode & 0xff)
  if (opcode > 2) return Buffer.concat([head, chance.octets(chance.below(chance.is(0.9) ? 6 : 600))])
  const strings = [
    chance.one(paths),
    chance.is(0.9) ? chance.one(['octet', 'OCTET', 'netascii']) : chance.one(['mail', '', 'x']),
  ]
  for (let count = chance.below(6); count > 0; count--) strings.push(chance.one(optionNames), chance.one(optionValues))
  return Buffer.concat([head, Buffer.from(strings.map((text) => `${text}\0`).join(''))])
}
