// Which network a DHCPv6 request comes from: the relays say it, or else the interface on which it was heard.
import type { Ipv6Address } from '../../inventory/address.ts'
import { ipv6NetworkContains, parseIpv6 } from '../../inventory/address.ts'
import type { Network } from '../../inventory/rows.ts'
import type { Server } from '../server.ts'
import type { Relay } from './message.ts'
import { UNSPECIFIED } from './message.ts'

export type Arrival6 = Readonly<{
  /** Where the datagram came from: a client's link-local address, or a relay. */
  sender: string
  /** To one of our own addresses, or to all servers. */
  to: 'unicast' | 'multicast'
  /** The interface on which it was heard and our addresses there; null when the socket can't tell. */
  interface: Readonly<{ name: string; addresses: readonly Ipv6Address[] }> | null
}>

/** The client's own address, as it or the relay next to it has it. */
export const clientAddress = (relays: readonly Relay[], { sender }: Arrival6): string =>
  relays[0]?.peerAddress ?? sender

/**
 * How the request reached us, when that can't be from a network; null for one that it can be from.
 */
export type WayFrom = (network: Network) => string | null

export function wayFrom(relays: readonly Relay[], arrival: Arrival6, { ipv6 }: Server): WayFrom {
  // RFC 6221 §6.1: a relay without an address leaves it to the next one to say which link it is.
  const link = relays.find(({ linkAddress }) => linkAddress !== UNSPECIFIED)?.linkAddress
  if (link !== undefined) {
    const address = parseIpv6(link)
    return ({ cidr6 }) =>
      cidr6 !== null && address !== null && ipv6NetworkContains(cidr6, address)
        ? null
        : `through a relay on the link of ${link}`
  }
  const heardOn = arrival.interface
  return ({ cidr6 }) => {
    if (cidr6 === null || heardOn === null) return null
    const isOn = (addresses: readonly Ipv6Address[]): boolean =>
      addresses.some((one) => ipv6NetworkContains(cidr6, one))
    // A network that no interface of ours is on may share this one's wire.
    return isOn(heardOn.addresses) || !isOn(ipv6?.addresses ?? []) ? null : `on interface ${heardOn.name}`
  }
}
