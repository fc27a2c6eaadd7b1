// This host's addresses, and from which of them a broadcast reaches a client's wire.
import type { Ipv4Address } from '../../inventory/address.ts'
import { parseIpv4 } from '../../inventory/address.ts'
import type { Interfaces } from '../udp/follow-places.ts'

export type OwnAddress = Readonly<{ interface: string; address: Ipv4Address; netmask: string }>

/** Those of IPv4, but for loopback's: no client is there. */
export function ownAddresses(interfaces: Interfaces): readonly OwnAddress[] {
  return Object.entries(interfaces).flatMap(([name, infos]) =>
    (infos ?? []).flatMap(({ family, internal, address: text, netmask }) => {
      const address = family === 'IPv4' && !internal ? parseIpv4(text) : null
      return address === null ? [] : [{ interface: name, address, netmask }]
    }),
  )
}

/**
 * Linux sends a datagram to 255.255.255.255 out of the interface that has the source address, whatever the routes are. So
 * a broadcast for who is to have the address `reserved` is sent from our address in its subnet; when we have none there,
 * its wire may be any of ours. Of each interface one address: twice the same reply helps nobody.
 */
export function sourcesFor(own: readonly OwnAddress[], reserved: string): readonly OwnAddress[] {
  const near = own.filter(({ address, netmask }) => isSameSubnet(address, reserved, netmask))
  const chosen = near.length > 0 ? near : own
  return [...new Map(chosen.map((one) => [one.interface, one])).values()]
}

function isSameSubnet(a: string, b: string, netmask: string): boolean {
  return ((numberOf(a) ^ numberOf(b)) & numberOf(netmask)) === 0
}

const numberOf = (address: string): number =>
  address.split('.').reduce((number, quad) => ((number << 8) | Number(quad)) >>> 0, 0)

/** What `read` gives, read anew after that time: the interfaces of a host change, but asking takes longer than an answer. */
export function freshFor<T>(milliseconds: number, read: () => T): () => T {
  let held: Readonly<{ value: T; until: number }> | null = null
  return () => {
    if (held === null || performance.now() > held.until)
      held = { value: read(), until: performance.now() + milliseconds }
    return held.value
  }
}
