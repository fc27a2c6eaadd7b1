// What plans must know of this host, looked up once.
import type { NetworkInterfaceInfo } from 'node:os'
import type { Ipv4Address } from '../inventory/address.ts'
import { parseIpv4 } from '../inventory/address.ts'
import type { Server } from '../plan/server.ts'
import type { Config } from './settings.ts'

type Interfaces = Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>

/** A server that listens on one address has only that one for its machines. */
export function serverFacts(config: Pick<Config, 'advertise' | 'listen' | 'httpPort'>, interfaces: Interfaces): Server {
  const only = config.listen === '0.0.0.0' ? null : parseIpv4(config.listen)
  return {
    advertise: config.advertise,
    addresses: only === null ? ownAddresses(interfaces) : [only],
    httpPort: config.httpPort,
  }
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
