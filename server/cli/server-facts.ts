// What plans must know of this host, looked up once.
import type { NetworkInterfaceInfo } from 'node:os'
import type { Ipv4Address, Ipv6Address } from '../inventory/address.ts'
import { parseIpv4, parseIpv6 } from '../inventory/address.ts'
import type { Server } from '../plan/server.ts'
import type { Config } from './settings.ts'

type Interfaces = Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>

/** A server that listens on one address has only that one for its machines. */
export function serverFacts(config: Pick<Config, 'advertise' | 'listen' | 'httpPort'>, interfaces: Interfaces): Server {
  const { listen, httpPort } = config
  const told = config.advertise ?? []
  const own: Own = { ip: ownAddresses(interfaces), ip6: ownIpv6Addresses(interfaces) }
  const { ip, ip6 } = heardOn(listen, own)
  const advertised = <T extends string>(parse: (text: string) => T | null): T | null =>
    told.flatMap((address) => parse(address) ?? [])[0] ?? null
  return {
    advertise: advertised(parseIpv4),
    addresses: ip,
    ...(ip6 === null ? {} : { ipv6: { advertise: advertised(parseIpv6), addresses: ip6 } }),
    httpPort,
  }
}

type Own = Readonly<{ ip: readonly Ipv4Address[]; ip6: readonly Ipv6Address[] }>

/** Null: by IPv6 nobody can come. A server that hears IPv6 alone still names its IPv4 addresses, as it always did. */
function heardOn(listen: string, own: Own): Readonly<{ ip: Own['ip']; ip6: Own['ip6'] | null }> {
  if (listen === '0.0.0.0') return { ip: own.ip, ip6: null }
  if (listen === '::') return own
  const [ip, ip6] = [parseIpv4(listen), parseIpv6(listen)]
  return ip === null ? { ip: own.ip, ip6: ip6 === null ? [] : [ip6] } : { ip: [ip], ip6: null }
}

/** Loopback last; link-local addresses (RFC 3927) are nobody's boot server. */
function ownAddresses(interfaces: Interfaces): readonly Ipv4Address[] {
  const own = Object.values(interfaces)
    .flatMap((addresses) => addresses ?? [])
    .filter(({ family, address }) => family === 'IPv4' && !address.startsWith('169.254.'))
  return [...own.filter(({ internal }) => !internal), ...own.filter(({ internal }) => internal)].flatMap(
    ({ address }) => parseIpv4(address) ?? [],
  )
}

const ownIpv6Addresses = (interfaces: Interfaces): readonly Ipv6Address[] =>
  Object.values(interfaces).flatMap((addresses) =>
    (addresses ?? []).flatMap(({ family, address }) => (family === 'IPv6' ? (parseIpv6(address) ?? []) : [])),
  )
