// A farm with IPv6, requests to it as clients make them, and what its replies say.
import assert from 'node:assert/strict'
import { parseIpv6 } from '../../../../server/inventory/address.ts'
import type { Ipv6Address } from '../../../../server/inventory/address.ts'
import type { Snapshot } from '../../../../server/inventory/snapshot.ts'
import { u16 } from '../../../../server/plan/dhcp/options.ts'
import type { Dhcp6Answer } from '../../../../server/plan/dhcp6/answer.ts'
import { answerDhcp6 } from '../../../../server/plan/dhcp6/answer.ts'
import type { Arrival6 } from '../../../../server/plan/dhcp6/arrival.ts'
import type { Dhcp6Message, MessageType6, Option6, Relay } from '../../../../server/plan/dhcp6/message.ts'
import { OPTION6, STATUS6 } from '../../../../server/plan/dhcp6/message.ts'
import {
  association,
  iaAddress,
  ipv6Text,
  joined,
  optionOf,
  readOptions,
  vendorClassOption,
} from '../../../../server/plan/dhcp6/options.ts'
import type { Server } from '../../../../server/plan/server.ts'
import { address, snapshotOf } from '../../../fixtures.ts'

export function address6(text: string): Ipv6Address {
  const parsed = parseIpv6(text)
  if (parsed === null) throw new Error(`${text} is no IPv6 address`)
  return parsed
}

export const farm6 = snapshotOf(`
site: {dhcp_lease_seconds: 7200}
networks:
  farm: {cidr: 192.0.2.0/24, cidr6: '2001:db8:1::/64', dns6: ['2001:db8:1::1', '2001:db8:1::2'], ntp: [192.0.2.3, 'ntp.example.org.', '2001:db8:1::3'], domain: farm.example.org}
  lab: {cidr: 198.51.100.0/24, cidr6: '2001:db8:2::/64'}
  old: {cidr: 203.0.113.0/24}
profiles: {p: {}}
machines:
  a: {profile: p, interfaces: {eth0: {mac: 00:00:5e:00:53:01, ip: 192.0.2.11, ip6: '2001:db8:1::11', network: farm}, eth1: {mac: 00:00:5e:00:53:11, ip6: '2001:db8:2::11', network: lab}}}
  byname: {profile: p, uuid: 564d1c2e-0000-4000-8000-00005e005301, interfaces: {eth0: {mac: 00:00:5e:00:53:13, ip6: '2001:db8:1::13', network: farm}}}
  floating: {profile: p, interfaces: {eth0: {mac: 00:00:5e:00:53:04, network: farm}}}
  withheld: {profile: nothing, interfaces: {eth0: {mac: 00:00:5e:00:53:05, ip6: '2001:db8:1::15', network: farm}}}
  old: {profile: p, interfaces: {eth0: {mac: 00:00:5e:00:53:06, ip: 203.0.113.6, network: old}}}
  ipxe: {profile: p, params: {loader: ipxe}, interfaces: {eth0: {mac: 00:00:5e:00:53:07, ip6: '2001:db8:1::17', network: farm}}}
`)

export const host6: Server = {
  advertise: null,
  addresses: [address('192.0.2.1')],
  ipv6: { advertise: null, addresses: [address6('2001:db8:1::1')] },
  httpPort: 8080,
}

export const ourDuid = Uint8Array.from([0, 4, ...Array.from({ length: 16 }, (_, index) => index)])
const macA = '00:00:5e:00:53:01'
const octetsOfMac = (mac: string): number[] => mac.split(':').map((octet) => Number.parseInt(octet, 16))
export const duidLl = (mac: string): Uint8Array => Uint8Array.from([0, 3, 0, 1, ...octetsOfMac(mac)])

export const option = (code: number, value: ArrayLike<number> = []): Option6 => ({
  code,
  value: Uint8Array.from(value),
})
export const toUs = option(OPTION6.serverId, ourDuid)
export const requesting = (...codes: number[]): Option6 => ({
  code: OPTION6.optionRequest,
  value: joined(codes.map(u16)),
})
export const ia = (iaid = 1, ...addresses: string[]): Option6 =>
  association(
    { kind: 'IA_NA', iaid },
    [0, 0],
    addresses.map((one) => iaAddress(one, 0, 0)),
  )
export const pxe6 = (type: number, word = 'PXEClient'): readonly Option6[] => [
  vendorClassOption(343, `${word}:Arch:${String(type).padStart(5, '0')}:UNDI:003016`),
  { code: OPTION6.clientArchitecture, value: u16(type) },
]
export const relayFrom = (linkAddress: string, fields: Partial<Relay> = {}): Relay => ({
  hopCount: 0,
  linkAddress,
  peerAddress: 'fe80::1234',
  options: [],
  ...fields,
})

export type Asked6 = Readonly<{ duid?: Uint8Array | null; options?: readonly Option6[]; relays?: readonly Relay[] }>

export function ask6(
  type: MessageType6,
  { duid = duidLl(macA), options = [], relays = [] }: Asked6 = {},
): Dhcp6Message {
  const identifier = duid === null ? [] : [{ code: OPTION6.clientId, value: duid }]
  return { type, transactionId: 0x0a0b0c, options: [...identifier, ...options], relays }
}

/** An address that says nothing, to all servers, on a socket that can't tell the interface. */
export const anywhere: Arrival6 = { sender: 'fe80::1234%eth0', to: 'multicast', interface: null }

export const answer6 = (
  request: Dhcp6Message,
  arrival: Arrival6 = anywhere,
  snapshot: Snapshot = farm6,
  server = host6,
): Dhcp6Answer => answerDhcp6({ snapshot, server, known: { templates: new Set() }, now: 0 }, ourDuid, request, arrival)

export function replyTo6(...given: Parameters<typeof answer6>): Dhcp6Message {
  const answered = answer6(...given)
  if (answered.kind !== 'reply') assert.fail(`no reply: ${answered.why}`)
  return answered.reply
}

export function silence6(...given: Parameters<typeof answer6>): string {
  const answered = answer6(...given)
  if (answered.kind === 'reply') assert.fail(`a ${answered.reply.type}`)
  return `${answered.kind}: ${answered.why}`
}

const statusName = (number: number): string =>
  Object.entries(STATUS6).find(([, one]) => one === number)?.[0] ?? String(number)

/** The status codes and addresses in a reply, as words: `1: 2001:db8:1::11 7200/7200`. */
export function associationsIn({ options }: Pick<Dhcp6Message, 'options'>): readonly string[] {
  return options.flatMap(({ code, value }) => {
    const head = code === OPTION6.iaTa ? 4 : 12
    if (code !== OPTION6.iaNa && code !== OPTION6.iaTa && code !== OPTION6.iaPd) return []
    const view = new DataView(value.buffer, value.byteOffset)
    const inner = (readOptions(value.subarray(head)) ?? []).map((one) => {
      const within = new DataView(one.value.buffer, one.value.byteOffset)
      return one.code === OPTION6.iaAddress
        ? `${ipv6Text(one.value, 0)} ${within.getUint32(16)}/${within.getUint32(20)}`
        : statusName(within.getUint16(0))
    })
    return [`${view.getUint32(0)}: ${inner.join(', ')}`]
  })
}

export function statusIn(message: Dhcp6Message): string | null {
  const value = optionOf(message, OPTION6.statusCode)
  return value === null ? null : statusName(new DataView(value.buffer, value.byteOffset).getUint16(0))
}

export const urlIn = (message: Dhcp6Message): string | null => {
  const value = optionOf(message, OPTION6.bootfileUrl)
  return value === null ? null : Buffer.from(value).toString('utf8')
}
