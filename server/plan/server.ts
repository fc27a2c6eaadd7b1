// What the plan must know of the server that answers: its addresses and ports, as facts, never looked up here.
import type { Ipv4Address } from '../inventory/address.ts'
import { networkContains } from '../inventory/address.ts'
import type { Network } from '../inventory/rows.ts'
import type { Traced } from './settings.ts'

export type Server = Readonly<{
  /** The address machines are told to use whatever their network, or null to choose one by network. */
  advertise: Ipv4Address | null
  /** This host's own IPv4 addresses, loopback last. */
  addresses: readonly Ipv4Address[]
  httpPort: number
}>

/** The address a machine reaches this server at: its network's next_server, the configured one, or ours on its network. */
export function serverAddressFor(network: Network | null, server: Server): Traced<Ipv4Address | null> {
  if (network !== null && network.next_server !== null)
    return { value: network.next_server, origin: { layer: 'network', row: network.name, column: 'next_server' } }
  if (server.advertise !== null) return { value: server.advertise, origin: { layer: 'server', row: 'configuration', column: 'advertise' } }
  const onNetwork = network === null ? undefined : server.addresses.find((address) => networkContains(network.cidr, address))
  return {
    value: onNetwork ?? server.addresses[0] ?? null,
    origin: { layer: 'server', row: 'this host', column: onNetwork === undefined ? 'its first address' : `its address on ${network?.name ?? ''}` },
  }
}

export function serverUrl(server: Server, address: Ipv4Address | null): string | null {
  if (address === null) return null
  return server.httpPort === 80 ? `http://${address}` : `http://${address}:${server.httpPort}`
}
