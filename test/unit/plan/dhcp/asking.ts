// A farm, requests to it as clients make them, and what its replies say.
import assert from 'node:assert/strict'
import type { Snapshot } from '../../../../server/inventory/snapshot.ts'
import type { Arrival } from '../../../../server/plan/dhcp/arrival.ts'
import type { DhcpAnswer } from '../../../../server/plan/dhcp/answer.ts'
import { answerDhcp } from '../../../../server/plan/dhcp/answer.ts'
import type { DhcpMessage, MessageType } from '../../../../server/plan/dhcp/message.ts'
import { MESSAGE_TYPE, NO_ADDRESS, OPTION } from '../../../../server/plan/dhcp/message.ts'
import { ascii, ipv4List, ipv4Text, u16, u8 } from '../../../../server/plan/dhcp/options.ts'
import type { Server } from '../../../../server/plan/server.ts'
import { address, snapshotOf } from '../../../fixtures.ts'

export const farm = snapshotOf(`
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
export const host: Server = { advertise: null, addresses: [address('192.0.2.1')], httpPort: 80 }
export const onBoth: Server = { ...host, addresses: [address('192.0.2.1'), address('198.51.100.1')] }

export type Asked = Readonly<{ mac?: string; options?: readonly (readonly [number, Uint8Array])[] }> &
  Partial<Omit<DhcpMessage, 'options'>>

export function ask(
  type: MessageType,
  { mac = '00:00:5e:00:53:01', options = [], ...fields }: Asked = {},
): DhcpMessage {
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

export const answer = (
  request: DhcpMessage,
  snapshot: Snapshot = farm,
  server = host,
  arrival: Arrival | null = null,
): DhcpAnswer => answerDhcp({ snapshot, server, known: { templates: new Set() }, now: 0 }, request, arrival)

export function reply(request: DhcpMessage, snapshot: Snapshot = farm, server = host): DhcpMessage {
  const made = answer(request, snapshot, server)
  assert.ok(made.kind === 'reply', made.kind === 'reply' ? '' : made.why)
  return made.reply
}

export type Why = Readonly<{ why: string; machine: string | null }>

/** Nobody misses an answer. */
export function silence(request: DhcpMessage, snapshot: Snapshot = farm): Why {
  const made = answer(request, snapshot)
  assert.ok(made.kind === 'ignore', made.kind)
  return made
}

/** Somebody wanted one: this is for the list of who was seen. */
export function unserved(request: DhcpMessage, snapshot: Snapshot = farm, arrival: Arrival | null = null): Why {
  const made = answer(request, snapshot, host, arrival)
  assert.ok(made.kind === 'unserved', made.kind)
  return made
}

export const text = (message: DhcpMessage, code: number): string | null => {
  const value = message.options.get(code)
  return value === undefined ? null : Buffer.from(value).toString('latin1')
}
export const quads = (message: DhcpMessage, code: number): readonly string[] => {
  const value = message.options.get(code) ?? new Uint8Array()
  return Array.from({ length: value.length / 4 }, (_, index) => ipv4Text(value, index * 4))
}
export const number = (message: DhcpMessage, code: number): number | null => {
  const value = message.options.get(code)
  return value === undefined ? null : [...value].reduce((sum, octet) => sum * 256 + octet, 0)
}
export const requested = (ip: string): readonly [number, Uint8Array] => [OPTION.requestedAddress, ipv4List([ip])]
export const serverId = (ip: string): readonly [number, Uint8Array] => [OPTION.serverIdentifier, ipv4List([ip])]
export const pxe = (arch = 0): readonly (readonly [number, Uint8Array])[] => [
  [OPTION.vendorClass, ascii(`PXEClient:Arch:${String(arch).padStart(5, '0')}:UNDI:002001`)],
  [OPTION.clientArchitecture, u16(arch)],
]
