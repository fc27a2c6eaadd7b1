// Floods of a real server, one after the other, and a good client that asks while they last. Run by `unshare --net`; prints
// what was seen, as JSON. DHCP_MODE=proxy: of a proxy, on both of its ports.
import { createConnection } from 'node:net'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { discoverFrom } from '../../server/plan/dhcp/request.ts'
import { encodeDhcp } from '../../server/render/dhcp.ts'
import type { MacAddress } from '../../server/inventory/address.ts'
import { ack, rrq } from '../protocol/tftp-client.ts'
import { growth } from './bounds.ts'
import { chanceFrom } from './chance.ts'
import { dhcpMode, dhcpPorts, macsOfFarm, plantFuzzFarm, SERVER } from './farm.ts'
import { frameOf, type Shot } from './frames.ts'
import { openGoodClient, type GoodClient } from './good-client.ts'
import { PORT, shotFrom } from './shots.ts'
import { openStage, type Footing, type Served, type Stage } from './stage.ts'

export type Flood = Readonly<{
  /** How often a good client booted from it meanwhile. */
  booted: number
  before: Footing
  during: Footing
  after: Footing
  /** Lines of the server's log that it made. */
  lines: number
}>

export type FloodName = keyof typeof floods

type Ground = Readonly<{ stage: Stage; served: Served; client: GoodClient }>

const countOf = (served: Served): number => [...served.lines().values()].reduce((sum, count) => sum + count, 0)

const MAC_AT = 14 + 20 + 8 + 28
const XID_AT = 14 + 20 + 8 + 4

/** By broadcast to the port of DHCP, and each of the proxy's. */
const discoverFrames = (mac: string): readonly Buffer[] =>
  dhcpPorts.map((port) =>
    frameOf({
      from: { address: '0.0.0.0', port: PORT.dhcpClient },
      to: { address: '255.255.255.255', port },
      octets: encodeDhcp(discoverFrom(mac as MacAddress, 'bios', 'firmware'), { maxSize: 548 }),
    }),
  )

const A_HANDFUL = 5000

/** In one go they would all be in memory here. */
async function shootMany(stage: Stage, count: number, frame: (index: number) => Uint8Array): Promise<void> {
  for (let at = 0; at < count; at += A_HANDFUL)
    await stage.shootFrames(Array.from({ length: Math.min(A_HANDFUL, count - at) }, (_, index) => frame(at + index)))
}

/** One of these, the same in all but its MAC and its transaction: these octets of a datagram without a checksum. */
function numbered(of: readonly Buffer[], index: number, isNewMac: boolean): Buffer {
  const frame = Buffer.from(of[index % of.length] ?? new Uint8Array())
  frame.writeUInt32BE(index, XID_AT)
  if (isNewMac) frame.writeUInt32BE(index, MAC_AT + 2)
  return frame
}

/** Each resolves when it is over; what it holds open at its worst it holds until `meanwhile` was called. */
const floods = {
  'one MAC': async ({ stage }: Ground, meanwhile: () => Promise<void>): Promise<void> => {
    const frames = discoverFrames(macsOfFarm[1] ?? '')
    const flood = shootMany(stage, 200_000, (index) => numbered(frames, index, false))
    await meanwhile()
    await flood
  },

  'a million MACs': async ({ stage }: Ground, meanwhile: () => Promise<void>): Promise<void> => {
    const frames = discoverFrames('02:ff:00:00:00:00')
    const flood = shootMany(stage, 1_000_000, (index) => numbered(frames, index, true))
    await meanwhile()
    await flood
  },

  'spoofed sources and source port 0': async ({ stage }: Ground, meanwhile: () => Promise<void>): Promise<void> => {
    const chance = chanceFrom(5)
    const shots = Array.from({ length: 2000 }, () => shotFrom(chance, dhcpPorts).shot)
    const frames = shots.map(({ from, to, octets }, index) =>
      frameOf({ from: { ...from, port: index % 2 === 0 ? 0 : from.port }, to, octets }),
    )
    const flood = shootMany(stage, 100_000, (index) => frames[index % frames.length] ?? new Uint8Array())
    await meanwhile()
    await flood
  },

  'HTTP clients that read nothing, and requests that never end': async (_: Ground, meanwhile): Promise<void> => {
    // One address has 200 connections at most: a crowd needs many.
    const from = (index: number): string => `198.51.100.${1 + (index % 250)}`
    const sockets = Array.from({ length: 1000 }, (_unused, index) =>
      createConnection({ port: 80, host: SERVER.ipv4, localAddress: from(index) }),
    )
    for (const [index, socket] of sockets.entries()) {
      socket.on('error', () => undefined)
      socket.pause()
      socket.write(
        index % 2 === 0 ? 'GET /images/el9/initrd.img HTTP/1.1\r\nHost: x\r\n\r\n' : 'GET / HTTP/1.1\r\nHost:',
      )
    }
    await Promise.all(sockets.filter(({ connecting }) => connecting).map((socket) => once(socket, 'connect')))
    await meanwhile()
    for (const socket of sockets) socket.destroy()
  },

  'TFTP clients that take a block a second': async (_: Ground, meanwhile): Promise<void> => {
    const slow = await Promise.all(Array.from({ length: 300 }, (_unused, index) => slowReader(index)))
    await meanwhile()
    for (const stop of slow) stop()
  },

  '10,000 half-open transfers': async ({ stage }: Ground, meanwhile: () => Promise<void>): Promise<void> => {
    const asks = (index: number): Shot => ({
      from: { address: `203.0.113.${1 + (index % 250)}`, port: 1024 + Math.floor(index / 250) },
      to: { address: SERVER.ipv4, port: PORT.tftp },
      octets: rrq('images/el9/initrd.img', { blksize: '1428', windowsize: '16' }),
    })
    await shootMany(stage, 10_000, (index) => frameOf(asks(index)))
    await meanwhile()
  },
} satisfies Readonly<Record<string, (ground: Ground, meanwhile: () => Promise<void>) => Promise<void>>>

/** What stops it, without a word. */
async function slowReader(index: number): Promise<() => void> {
  const socket = createSocket('udp4')
  socket.bind(0, `198.51.100.${1 + (index % 250)}`)
  await once(socket, 'listening')
  const timers = new Set<NodeJS.Timeout>()
  socket.on('message', (datagram, { port }) => {
    const late = setTimeout(() => {
      timers.delete(late)
      socket.send(ack(datagram.readUInt16BE(2)), port, SERVER.ipv4, () => undefined)
    }, 900)
    timers.add(late)
  })
  socket.send(rrq('images/el9/initrd.img'), PORT.tftp, SERVER.ipv4)
  return () => {
    timers.forEach(clearTimeout)
    socket.close()
  }
}

const BOOTS = 3
/** Longer than the server waits for whoever does not answer. */
const RECOVERY_MS = 40_000

async function suffer(ground: Ground, name: FloodName): Promise<Flood> {
  const { served, client } = ground
  const before = await served.footing()
  const linesBefore = countOf(served)
  const seen = { booted: 0, during: before }
  await floods[name](ground, async () => {
    for (; seen.booted < BOOTS; seen.booted++) await client.boot()
    seen.during = await served.footing()
  })
  await client.heardAll()
  const after = await recovered(served, before)
  const [complaint] = served.complaints()
  if (complaint !== undefined) throw new Error(`${name}: ${complaint}`)
  return { ...seen, before, after, lines: countOf(served) - linesBefore }
}

/** As soon as it stands as it may; or as it stands when it had the time to. */
async function recovered(served: Served, before: Footing): Promise<Footing> {
  for (const end = performance.now() + RECOVERY_MS; ; await delay(500)) {
    const now = await served.footing()
    if ((now.descriptors <= before.descriptors && growth(before, now) === null) || performance.now() > end) return now
  }
}

const stage = await openStage()
const served = await stage.serve({ dhcpMode, plant: plantFuzzFarm })
const client = await openGoodClient(served, dhcpMode)
const ground = { stage, served, client }
const seen: Partial<Record<FloodName, Flood | string>> = {}
const wanted = process.argv.slice(2)
for (const name of (wanted.length > 0 ? wanted : Object.keys(floods)) as FloodName[])
  seen[name] = await suffer(ground, name).catch((error: unknown) => String(error))

client.close()
const end = await served.stop()
await stage.close()
process.stdout.write(JSON.stringify({ seen, end, lines: Object.fromEntries(served.lines()) }))
