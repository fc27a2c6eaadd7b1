// What comes with an address, as values: our own replies encode them, other daemons' configurations write them down.
import type { Ipv4Address } from '../../inventory/address.ts'
import { broadcastOf, netmaskOf, parseIpv4 } from '../../inventory/address.ts'
import type { Interface, Network } from '../../inventory/rows.ts'
import type { Settings, Traced } from '../settings.ts'

export type HostConfiguration = Readonly<{
  netmask: Ipv4Address
  broadcast: Ipv4Address
  /** The boot interface's only: one default route. */
  router: Ipv4Address | null
  dns: readonly Ipv4Address[]
  ntp: readonly Ipv4Address[]
  domain: string | null
  mtu: number | null
  leaseSeconds: number
}>

export function hostConfiguration(settings: Settings, nic: Interface, network: Network): HostConfiguration {
  return {
    netmask: netmaskOf(network.cidr),
    broadcast: broadcastOf(network.cidr),
    router: settings.nic?.name === nic.name ? network.gateway : null,
    dns: addresses(settings.dns.value),
    ntp: addresses(settings.ntp.value),
    domain: settings.domain.value,
    mtu: network.mtu,
    leaseSeconds: leaseSeconds(settings).value,
  }
}

/** Names among the addresses are left out: DHCP carries addresses only. */
function addresses(list: readonly string[]): readonly Ipv4Address[] {
  return list.flatMap((text) => parseIpv4(text) ?? [])
}

const defaultLeaseSeconds = 3600

/** The param `dhcp_lease_seconds`, at least a minute, else an hour: soon enough for a changed reservation to be noticed. */
export function leaseSeconds(settings: Settings): Traced<number> {
  const given = settings.params.get('dhcp_lease_seconds')
  const value = given?.value
  if (given !== undefined && typeof value === 'number' && Number.isInteger(value) && value >= 60 && value < 0xffffffff)
    return { value, origin: given.origin }
  return { value: defaultLeaseSeconds, origin: { layer: 'default', row: '', column: 'params.dhcp_lease_seconds' } }
}
