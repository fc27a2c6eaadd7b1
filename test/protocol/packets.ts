// What is on a wire, by tcpdump: UDP datagrams over IPv4 and IPv6, as they pass.
import { EventEmitter, once } from 'node:events'
import { ipv6Text } from '../../server/plan/dhcp6/options.ts'
import type { Host } from '../boot/network.ts'
import { ended } from '../boot/network.ts'
import { requireHostFiles } from '../boot/packages.ts'

type End = Readonly<{ address: string; port: number }>
export type Packet = Readonly<{ from: End; to: End; payload: Buffer }>

export type Watch = Readonly<{
  /** Seen so far. */
  packets: () => readonly Packet[]
  /** The first that satisfies it, seen already or to come. Throws after half a minute. */
  until: (wanted: (packet: Packet) => boolean) => Promise<Packet>
  close: () => Promise<void>
}>

const patienceMs = 30_000

/** @param filter in tcpdump's words, such as `udp dst port 67` */
export async function watchPackets(host: Host, card: string, filter: string): Promise<Watch> {
  requireHostFiles([{ file: 'tcpdump', debian: 'tcpdump' }])
  // As root it changes no credentials, which would make the kernel forget to kill it with us.
  const options = ['-Z', 'root', '-i', card, '-U', '-s', '0', '-w', '-']
  const child = host.spawn('tcpdump', [...options, filter], { stdio: ['ignore', 'pipe', 'pipe'] })
  const seen: Packet[] = []
  const arrivals = new EventEmitter()
  const read = pcapReader((packet) => {
    seen.push(packet)
    arrivals.emit('packet')
  })
  child.stdout?.on('data', read)
  let said = ''
  const ready = new Promise<void>((resolve) => {
    child.stderr?.on('data', (chunk: Buffer) => {
      said += chunk.toString()
      if (said.includes('listening on')) resolve()
    })
  })
  await Promise.race([ready, once(child, 'exit')])
  if (child.exitCode !== null) throw new Error(`tcpdump does not listen on ${card}: ${said}`)
  return {
    packets: () => seen,
    until: async (wanted) => {
      const signal = AbortSignal.timeout(patienceMs)
      while (true) {
        const found = seen.find(wanted)
        if (found !== undefined) return found
        await once(arrivals, 'packet', { signal }).catch(() => {
          throw new Error(`none such among ${seen.length} packets on ${card}: ${String(wanted)}`)
        })
      }
    },
    close: () => ended(child),
  }
}

const fileHeader = 24
const recordHeader = 16

/** The format of pcap-savefile(5), from a host of little-endian numbers, of Ethernet frames. */
function pcapReader(onPacket: (packet: Packet) => void): (chunk: Buffer) => void {
  let unread = Buffer.alloc(0)
  let headerRead = false
  return (chunk) => {
    unread = Buffer.concat([unread, chunk])
    if (!headerRead) {
      if (unread.length < fileHeader) return
      unread = unread.subarray(fileHeader)
      headerRead = true
    }
    while (unread.length >= recordHeader) {
      const end = recordHeader + unread.readUInt32LE(8)
      if (unread.length < end) return
      onPacket(packetIn(unread.subarray(recordHeader, end)))
      unread = unread.subarray(end)
    }
  }
}

function packetIn(frame: Buffer): Packet {
  const ip = frame.subarray(14)
  if (frame.readUInt16BE(12) === 0x86dd) return packetInIpv6(ip)
  const udp = ip.subarray(((ip[0] ?? 0) & 15) * 4)
  const address = (at: number): string => ip.subarray(at, at + 4).join('.')
  return {
    from: { address: address(12), port: udp.readUInt16BE(0) },
    to: { address: address(16), port: udp.readUInt16BE(2) },
    payload: Buffer.from(udp.subarray(8, udp.readUInt16BE(4))),
  }
}

/** Without extension headers. */
function packetInIpv6(ip: Buffer): Packet {
  const udp = ip.subarray(40)
  return {
    from: { address: ipv6Text(ip, 8), port: udp.readUInt16BE(0) },
    to: { address: ipv6Text(ip, 24), port: udp.readUInt16BE(2) },
    payload: Buffer.from(udp.subarray(8, udp.readUInt16BE(4))),
  }
}
