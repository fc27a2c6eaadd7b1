// DORAs at a given rate, whatever becomes of them (open loop), through a relay: `node --import tsx dhcp-load.ts JOB`.
// A process of its own that does nothing else; it prints its figures as JSON.
import type { MacAddress } from '../../server/inventory/address.ts'
import { MESSAGE_TYPE, OPTION } from '../../server/plan/dhcp/message.ts'
import type { DhcpMessage } from '../../server/plan/dhcp/message.ts'
import { ascii, ipv4List, u16, u8 } from '../../server/plan/dhcp/options.ts'
import { discoverFrom } from '../../server/plan/dhcp/request.ts'
import { encodeDhcp } from '../../server/render/dhcp.ts'
import { openInbox, openOutbox } from '../../server/serve/udp/batch.ts'
import { errorName, loadLibc } from '../../server/serve/udp/libc.ts'
import { sockaddrOf } from '../../server/serve/udp/sockaddr.ts'
import { relayAddress, serverAddress } from './dhcp-client.ts'
import { ipOf, macOf } from './farm.ts'
import { quantile } from './figures.ts'

export type Job = Readonly<{
  /** DORAs begun each second. */
  rate: number
  seconds: number
  /** Of the farm, from the first on; all are asked about equally often. */
  machines: number
  /** The first of them, in which the load itself is compiled: not in the latencies. */
  settling?: number
}>

/** Milliseconds; null when nothing came back in time. */
type Latency = Readonly<{ p50: number | null; p99: number | null }>
export type Load = Readonly<{ begun: number; finished: number; offer: Latency; ack: Latency }>

/**
 * A message that is answered later than this is lost. A client would wait longer, but a server that is asked more than it
 * can do must not pass for one that keeps up, only because it has a long queue.
 */
export const patienceMs = 250

/** As the PXE ROM of a UEFI sends it, by way of a relay that adds its circuit and itself. */
const requested = [
  ...[1, 2, 3, 4, 5, 6, 12, 13, 15, 17, 18, 22, 23, 28, 40, 41, 42, 43, 50, 51, 54, 58, 59, 60, 66, 67, 97],
  ...[128, 129, 130, 131, 132, 133, 134, 135],
]

function requestOf(type: 'DISCOVER' | 'REQUEST'): DhcpMessage {
  const discover = discoverFrom(macOf(1) as MacAddress, 'uefi-x64', 'firmware')
  return {
    ...discover,
    broadcast: false,
    hops: 1,
    giaddr: relayAddress,
    options: new Map([
      [OPTION.messageType, u8(MESSAGE_TYPE[type])],
      ...(type === 'REQUEST'
        ? ([
            [OPTION.requestedAddress, ipv4List(['0.0.0.0'])],
            [OPTION.serverIdentifier, ipv4List([serverAddress])],
          ] as const)
        : []),
      [OPTION.parameterRequestList, Uint8Array.from(requested)],
      [OPTION.maxMessageSize, u16(1260)],
      [OPTION.machineUuid, Uint8Array.from({ length: 17 }, (_, index) => index)],
      [OPTION.clientNetworkInterface, Uint8Array.of(1, 3, 16)],
      ...[...discover.options].filter(([code]) => code !== OPTION.messageType),
      [OPTION.relayAgentInformation, Uint8Array.of(1, 4, ...ascii('eth0'), 2, 6, ...ascii('switch'))],
    ]),
  }
}

/** A message that is made once; what differs from one machine to the next is written over. */
function templateOf(type: 'DISCOVER' | 'REQUEST') {
  const octets = Buffer.from(encodeDhcp(requestOf(type), { maxSize: 1472 }))
  return { octets, addressAt: valueAt(octets, OPTION.requestedAddress), uuidAt: valueAt(octets, OPTION.machineUuid) }
}

const XID_AT = 4
const YIADDR_AT = 16
const CHADDR_AT = 28
const OPTIONS_AT = 240

/** Where an option's value begins in a message; 0 when it has none such. */
function valueAt(octets: Buffer, wanted: number): number {
  for (let at = OPTIONS_AT; at + 1 < octets.length; at += 2 + (octets[at + 1] ?? 0)) {
    if (octets[at] === wanted) return at + 2
    if (octets[at] === OPTION.end) break
  }
  return 0
}

async function load({ rate, seconds, machines, settling = 0 }: Job): Promise<Load> {
  const libc = await loadLibc()
  if (typeof libc === 'string') throw new Error(`the load is sent by koffi: ${libc}`)
  const fd = openSocket(libc)
  const [inbox, outbox] = [openInbox(libc, 576), openOutbox(libc)]
  const server = sockaddrOf({ address: serverAddress, port: 67 })
  const [discover, request] = [templateOf('DISCOVER'), templateOf('REQUEST')]

  const total = Math.round(rate * seconds)
  const from = Math.floor(Math.random() * machines)
  const machineOf = (dora: number): number => 1 + ((from + dora * 7919) % machines) // a prime: neighbours don't ask together
  const run = Math.floor(Math.random() * 256) * 2 ** 24 // replies to an earlier run's requests are none
  const [askedAt, offeredAt, ackedAt] = [0, 1, 2].map(() => new Float64Array(total)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ]

  const send = ({ octets, uuidAt }: typeof discover, dora: number): void => {
    const machine = machineOf(dora)
    octets.writeUInt32BE(run + dora, XID_AT)
    octets.writeUIntBE(machine, CHADDR_AT + 3, 3)
    octets.writeUInt32BE(machine, uuidAt + 13)
    while (!outbox.add(server, octets, fail)) outbox.flush(fd)
  }
  const fail = (why: string): void => {
    throw new Error(`the load can't be sent: ${why}`)
  }
  const counts = { begun: 0, finished: 0 }
  const isLate = (since: number | undefined, now: number): boolean => now - (since ?? 0) > patienceMs
  const take = (reply: Buffer): void => {
    const dora = reply.readUInt32BE(XID_AT) - run
    const now = performance.now()
    const type = reply[valueAt(reply, OPTION.messageType)]
    if (!(dora >= 0 && dora < counts.begun)) return
    if (type === MESSAGE_TYPE.OFFER && offeredAt[dora] === 0 && !isLate(askedAt[dora], now)) {
      offeredAt[dora] = now
      reply.copy(request.octets, request.addressAt, YIADDR_AT, YIADDR_AT + 4)
      send(request, dora)
    } else if (type === MESSAGE_TYPE.ACK && ackedAt[dora] === 0 && !isLate(offeredAt[dora], now)) {
      ackedAt[dora] = now
      counts.finished++
      if (dora % 997 === 0) checkAddress(reply, machineOf(dora))
    }
  }

  const began = performance.now()
  for (;;) {
    const now = performance.now()
    const due = Math.min(total, Math.floor(((now - began) * rate) / 1000) + 1)
    while (counts.begun < due) {
      askedAt[counts.begun] = began + (counts.begun * 1000) / rate // when it was due: a client that is late hides nothing
      send(discover, counts.begun++)
    }
    inbox.receive(fd, take)
    outbox.flush(fd)
    if (counts.finished === total || now > began + seconds * 1000 + 2 * patienceMs) break
  }
  libc.close(fd)
  const settled = (times: Float64Array): Float64Array => times.subarray(Math.round(rate * settling))
  const [asked, offered, acked] = [settled(askedAt), settled(offeredAt), settled(ackedAt)]
  return { ...counts, offer: latency(asked, offered), ack: latency(offered, acked) }
}

function checkAddress(reply: Buffer, machine: number): void {
  const given = [...reply.subarray(YIADDR_AT, YIADDR_AT + 4)].join('.')
  if (given !== ipOf(machine)) throw new Error(`${macOf(machine)} was given ${given} instead of ${ipOf(machine)}`)
}

function latency(from: Float64Array, to: Float64Array): Latency {
  const spans = Array.from(to, (at, index) => at - (from[index] ?? 0)).filter((_, index) => (to[index] ?? 0) > 0)
  return spans.length === 0 ? { p50: null, p99: null } : { p50: quantile(spans, 0.5), p99: quantile(spans, 0.99) }
}

const AF_INET = 2
const SOCK_DGRAM_NONBLOCK = 0o4002
const SOL_SOCKET = 1
const FORCED_BUFFERS = [32, 33] // SO_SNDBUFFORCE, SO_RCVBUFFORCE
const BUFFER_BYTES = 32 * 1024 * 1024

function openSocket(libc: Exclude<Awaited<ReturnType<typeof loadLibc>>, string>): number {
  const fd = libc.socket(AF_INET, SOCK_DGRAM_NONBLOCK, 0)
  const size = Buffer.alloc(4)
  size.writeInt32LE(BUFFER_BYTES)
  for (const name of FORCED_BUFFERS) libc.setsockopt(fd, SOL_SOCKET, name, size, size.length)
  const local = sockaddrOf({ address: relayAddress, port: 67 })
  if (libc.bind(fd, local, local.length) < 0) throw new Error(`bind to ${relayAddress}: ${errorName(libc.errno())}`)
  return fd
}

console.log(JSON.stringify((await load(JSON.parse(process.argv[2] ?? '') as Job)) satisfies Load))
