// Where a DHCPv6 server is to be heard: its own addresses, and the groups that clients and relays send to.
import type { Ipv6Address } from '../../inventory/address.ts'
import { parseIpv6 } from '../../inventory/address.ts'
import type { Interfaces } from '../udp/follow-places.ts'

/** RFC 8415 §7.1. */
const ALL_SERVERS_AND_RELAYS = 'ff02::1:2'
const ALL_SERVERS = 'ff05::1:3'

export const ANY6 = '::'

/** An address to bind to, the group to join and by which interfaces, and on which interface that is; null: on any. */
export type Place = Readonly<{ address: string; interface: string | null; joins: readonly string[] }>

/**
 * A socket bound to a group hears what is sent to it and nothing else, and to a group of one link what comes in by that
 * interface. So each datagram is heard once, and from where and how it came is known.
 * @param address one of this host's, or `::` for all
 */
export function placesFor(address: string, interfaces: Interfaces): readonly Place[] {
  if (address === '::1') return [{ address, interface: null, joins: [] }]
  const own = Object.entries(interfaces).flatMap(([name, infos]) =>
    (infos ?? []).flatMap(({ family, internal, address: text }) =>
      family === 'IPv6' && !internal ? [{ name, address: isLinkLocal(text) ? `${text}%${name}` : text }] : [],
    ),
  )
  const wanted = address === ANY6 ? own : own.filter((one) => one.address === address)
  const names = [...new Set(wanted.map(({ name }) => name))]
  return [
    ...names.map((name) => ({ address: `${ALL_SERVERS_AND_RELAYS}%${name}`, interface: name, joins: [name] })),
    ...(names.length === 0 ? [] : [{ address: ALL_SERVERS, interface: null, joins: names }]),
    ...wanted.map((one) => ({ address: one.address, interface: one.name, joins: [] })),
  ]
}

/** Ours on that interface, but for the link-local ones. */
export function addressesOn(name: string, interfaces: Interfaces): readonly Ipv6Address[] {
  return (interfaces[name] ?? []).flatMap(({ family, address }) =>
    family === 'IPv6' ? (parseIpv6(address) ?? []) : [],
  )
}

const isLinkLocal = (address: string): boolean => /^fe[89ab]/i.test(address)
