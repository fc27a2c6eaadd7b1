// UDP datagrams as Ethernet frames, from any address and port to any other: what Node's sockets would not send.
import ipaddr from 'ipaddr.js'

export type End = Readonly<{ address: string; port: number }>
export type Shot = Readonly<{ from: End; to: End; octets: Uint8Array }>

/** Of the two cards; whoever receives looks at the address of the packet in the frame. */
export const CARD = { server: '02:00:00:00:00:01', clients: '02:00:00:00:00:02' } as const

const UDP = 17
const ETHERTYPE = { ipv4: 0x0800, ipv6: 0x86dd } as const

/** @throws when the addresses are of two families, or none */
export function frameOf({ from, to, octets }: Shot): Buffer {
  const [source, destination] = [ipaddr.parse(from.address).toByteArray(), ipaddr.parse(to.address).toByteArray()]
  if (source.length !== destination.length) throw new Error(`${from.address} and ${to.address} are of two families`)
  const isIpv4 = source.length === 4
  const packet = (isIpv4 ? ipv4 : ipv6)(source, destination, udp(from.port, to.port, octets))
  const head = Buffer.alloc(14)
  head.set(hardwareAddressFor(destination))
  head.set(octetsOf(CARD.clients), 6)
  head.writeUInt16BE(isIpv4 ? ETHERTYPE.ipv4 : ETHERTYPE.ipv6, 12)
  return Buffer.concat([head, packet])
}

function udp(from: number, to: number, octets: Uint8Array): Buffer {
  const datagram = Buffer.alloc(8 + octets.length) // a checksum of 0 is none (RFC 768)
  datagram.writeUInt16BE(from, 0)
  datagram.writeUInt16BE(to, 2)
  datagram.writeUInt16BE(datagram.length, 4)
  datagram.set(octets, 8)
  return datagram
}

function ipv4(source: readonly number[], destination: readonly number[], datagram: Buffer): Buffer {
  const head = Buffer.alloc(20)
  head[0] = 0x45
  head.writeUInt16BE(head.length + datagram.length, 2)
  head[8] = 64
  head[9] = UDP
  head.set(source, 12)
  head.set(destination, 16)
  head.writeUInt16BE(checksum(head), 10)
  return Buffer.concat([head, datagram])
}

/** RFC 8200 §8.1: without a checksum it would be dropped. */
function ipv6(source: readonly number[], destination: readonly number[], datagram: Buffer): Buffer {
  const head = Buffer.alloc(40)
  head[0] = 0x60
  head.writeUInt16BE(datagram.length, 4)
  head[6] = UDP
  head[7] = 64
  head.set(source, 8)
  head.set(destination, 24)
  const pseudo = Buffer.alloc(8)
  pseudo.writeUInt32BE(datagram.length, 0)
  pseudo[7] = UDP
  datagram.writeUInt16BE(checksum(Buffer.concat([head.subarray(8), pseudo, datagram])) || 0xffff, 6)
  return Buffer.concat([head, datagram])
}

/** RFC 1071. */
function checksum(octets: Buffer): number {
  let sum = 0
  for (let at = 0; at < octets.length; at += 2) sum += ((octets[at] ?? 0) << 8) | (octets[at + 1] ?? 0)
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000)
  return ~sum & 0xffff
}

function hardwareAddressFor(destination: readonly number[]): readonly number[] {
  if (destination.length === 4) return destination[0] === 255 ? octetsOf('ff:ff:ff:ff:ff:ff') : octetsOf(CARD.server)
  return destination[0] === 0xff ? [0x33, 0x33, ...destination.slice(12)] : octetsOf(CARD.server) // RFC 2464 §7
}

const octetsOf = (mac: string): readonly number[] => mac.split(':').map((octet) => Number.parseInt(octet, 16))
