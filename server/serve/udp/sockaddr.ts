// Addresses as the kernel has them: struct sockaddr_in and sockaddr_in6 (ip(7), ipv6(7)).

import ipaddr from 'ipaddr.js'
import { networkInterfaces } from 'node:os'
import type { UdpPeer } from './peer.ts'

export const FAMILY = { ipv4: 2, ipv6: 10 } as const

/**
 *      2 bytes  2 bytes  4 bytes   8 bytes            2 bytes  2 bytes   4 bytes     16 bytes   4 bytes
 *     +--------+------+---------+---------+          +--------+------+----------+-----------+----------+
 *     | family | port | address |    0    |    or    | family | port | flowinfo |  address  | scope id |
 *     +--------+------+---------+---------+          +--------+------+----------+-----------+----------+
 *
 * Family and scope id in the host's order, port and address in the network's.
 * @throws when the address is none, or its zone no interface
 */
export function sockaddrOf({ address, port }: UdpPeer): Buffer {
  const [literal = '', zone] = address.split('%', 2)
  const octets = ipaddr.parse(literal).toByteArray()
  const isIpv4 = octets.length === 4
  const sockaddr = Buffer.alloc(isIpv4 ? 16 : 28)
  sockaddr.writeUInt16LE(isIpv4 ? FAMILY.ipv4 : FAMILY.ipv6)
  sockaddr.writeUInt16BE(port, 2)
  sockaddr.set(octets, isIpv4 ? 4 : 8)
  if (zone !== undefined) sockaddr.writeUInt32LE(scopeIdOf(zone), 24)
  return sockaddr
}

function scopeIdOf(zone: string): number {
  const addresses = networkInterfaces()[zone] ?? []
  const scopeId = addresses.find(({ family }) => family === 'IPv6')?.scopeid
  if (!scopeId) throw new Error(`${zone} is no interface with an IPv6 address`)
  return scopeId
}

/** The same for the same address and port. Numbers below 2 ** 48 for IPv4, since one is made for each datagram. */
export type SockaddrKey = number | string

export function keyOf(sockaddr: Buffer): SockaddrKey {
  if (sockaddr.readUInt16LE(0) === FAMILY.ipv4) return sockaddr.readUInt32BE(4) * 2 ** 16 + sockaddr.readUInt16BE(2)
  return sockaddr.toString('latin1', 2, 4) + sockaddr.toString('latin1', 8, 28) // without flowinfo, which is no part of who it is
}

/** The same for the same address, whatever the port. */
export function hostOf(sockaddr: Buffer): SockaddrKey {
  if (sockaddr.readUInt16LE(0) === FAMILY.ipv4) return sockaddr.readUInt32BE(4)
  return sockaddr.toString('latin1', 8, 28)
}
