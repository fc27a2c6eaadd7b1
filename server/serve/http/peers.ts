// Who asks, by address.
import { isIPv6 } from 'node:net'
import ipaddr from 'ipaddr.js'

/** `::ffff:192.0.2.10` is 192.0.2.10. */
export const plainAddress = (address: string): string => address.replace(/^::ffff:(?=\d+\.)/, '')

/** One IPv6 host has a whole /64 to ask from: those are counted as one. */
export function networkOf(address: string): string {
  const plain = plainAddress(address)
  if (!isIPv6(plain)) return plain
  return ipaddr.IPv6.parse(plain.replace(/%.*/, '')).toByteArray().slice(0, 8).join('.')
}

/** Whether many may come from one address: proxies, and this host itself, whose tunnels and balancers nobody names. */
export const standsForMany =
  (proxies: readonly string[]) =>
  (address: string): boolean => {
    const plain = plainAddress(address)
    return plain.startsWith('127.') || plain === '::1' || proxies.includes(plain)
  }
