// A socket of the DHCP door that takes what waits in one system call, and answers it in another.
import { ipv4Text, writeIpv4 } from '../../plan/dhcp/options.ts'
import type { Inbox } from '../udp/batch.ts'
import type { Libc } from '../udp/libc.ts'
import type { UdpPeer } from '../udp/peer.ts'
import { FAMILY } from '../udp/sockaddr.ts'
import { allowBroadcast, openSocket, systemError } from '../udp/socket.ts'
import { openTurns, type Turns } from '../udp/turns.ts'
import type { DhcpSocket, Hear } from './socket.ts'
import { RECEIVE_BUFFER_BYTES } from './socket.ts'

export function batchSocket(libc: Libc, inbox: Inbox, hear: Hear): DhcpSocket {
  const to = Buffer.alloc(SOCKADDR_LENGTH)
  let open: Readonly<{ fd: number; turns: Turns }> | null = null
  const take = (datagram: Buffer, sockaddr: Buffer): void => hear(datagram, senderOf(sockaddr))
  return {
    bind: (place) => {
      const options = { receiveBytes: RECEIVE_BUFFER_BYTES, reuseAddress: true }
      const fd = 'fd' in place ? place.fd : openSocket(libc, place, options)
      allowBroadcast(libc, fd)
      open = { fd, turns: openTurns({ libc, fd, inbox, take, how: 'turn' }) }
    },
    local: () => localOf(libc, open?.fd ?? -1),
    send: (octets, address, failed) => {
      if (open === null) return failed(new Error('the socket is not open'))
      writeSockaddr(to, address)
      open.turns.send(to, octets, (name) => failed(new Error(`sendmmsg: ${name}`)))
    },
    close: () => {
      open?.turns.close()
      open = null
    },
  }
}

const SOCKADDR_LENGTH = 16

/** struct sockaddr_in: family in the host's order, port and address in the network's. */
function writeSockaddr(sockaddr: Buffer, { address, port }: UdpPeer): void {
  sockaddr.writeUInt16LE(FAMILY.ipv4)
  sockaddr.writeUInt16BE(port, 2)
  writeIpv4(sockaddr, 4, address)
}

const senderOf = (sockaddr: Buffer): UdpPeer => ({ address: ipv4Text(sockaddr, 4), port: sockaddr.readUInt16BE(2) })

function localOf(libc: Libc, fd: number): ReturnType<DhcpSocket['local']> {
  const sockaddr = Buffer.alloc(28)
  const length = Buffer.alloc(4)
  length.writeInt32LE(sockaddr.length)
  if (libc.getsockname(fd, sockaddr, length) < 0) throw systemError(libc, 'getsockname')
  return { ...senderOf(sockaddr), family: sockaddr.readUInt16LE(0) === FAMILY.ipv4 ? 'IPv4' : 'IPv6' }
}
