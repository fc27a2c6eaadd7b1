// What the plan must know of the server that answers: its addresses and ports, as facts, never looked up here.
import type { Ipv4Address, Ipv6Address } from '../inventory/address.ts'
import { ipv6NetworkContains, networkContains } from '../inventory/address.ts'
import type { Network } from '../inventory/rows.ts'
import type { Traced } from './settings.ts'

export type Server = Readonly<{
  /** The address machines are told to use whatever their network, or null to choose one by network. */
  advertise: Ipv4Address | null
  /** This host's own IPv4 addresses, loopback last. */
  addresses: readonly Ipv4Address[]
  /** The same of IPv6; absent where the doors don't listen on it. */
  ipv6?: Readonly<{ advertise: Ipv6Address | null; addresses: readonly Ipv6Address[] }>
  httpPort: number
}>

/** The address a machine reaches the boot server at: its network's next_server, or our own. */
export function serverAddressFor(network: Network | null, server: Server): Traced<Ipv4Address | null> {
  if (network !== null && network.next_server !== null)
    return { value: network.next_server, origin: { layer: 'network', row: network.name, column: 'next_server' } }
  const value = ownAddressFor(network, server)
  if (server.advertise !== null)
    return { value, origin: { layer: 'server', row: 'configuration', column: 'advertise' } }
  const isOnNetwork = network !== null && value !== null && networkContains(network.cidr, value)
  return {
    value,
    origin: {
      layer: 'server',
      row: 'this host',
      column: isOnNetwork ? `its address on ${network.name}` : 'its first address',
    },
  }
}

/**
 * This server's own address as that network sees it: its next_server, if that is one of ours, the configured one, ours on
 * the network, or the first we have. RFC 2131 §4.1 wants one that the client reaches, as far as the server can know.
 */
export function ownAddressFor(network: Network | null, server: Server): Ipv4Address | null {
  const named = network?.next_server ?? null
  if (named !== null && server.addresses.includes(named)) return named
  const onNetwork =
    network === null ? undefined : server.addresses.find((address) => networkContains(network.cidr, address))
  return server.advertise ?? onNetwork ?? server.addresses[0] ?? null
}

/** The same of IPv6, which has no next_server. */
export function ownIpv6AddressFor(network: Network | null, { ipv6 }: Server): Ipv6Address | null {
  if (ipv6 === undefined) return null
  const cidr6 = network?.cidr6 ?? null
  const onNetwork = cidr6 === null ? undefined : ipv6.addresses.find((one) => ipv6NetworkContains(cidr6, one))
  return ipv6.advertise ?? onNetwork ?? ipv6.addresses[0] ?? null
}

export function serverUrl(server: Server, address: Ipv4Address | Ipv6Address | null): string | null {
  if (address === null) return null
  const host = hostInUrl(address)
  return server.httpPort === 80 ? `http://${host}` : `http://${host}:${server.httpPort}`
}

/** RFC 3986 §3.2.2: an IPv6 address stands in brackets. */
export const hostInUrl = (address: Ipv4Address | Ipv6Address): string =>
  address.includes(':') ? `[${address}]` : address
