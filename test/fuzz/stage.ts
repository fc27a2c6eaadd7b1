// `bootstead serve` on a host of its own, and this process on the other end of its wire: the namespace that it runs in, made
// by `unshare --net`, has the clients' card.
import { spawn, type ChildProcess } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Store } from '../../server/inventory/store/open.ts'
import { closeStore, openStore } from '../../server/inventory/store/open.ts'
import type { DhcpMode } from '../../server/plan/dhcp/proxy.ts'
import type { Host } from '../boot/network.ts'
import { ended, openNamespace } from '../boot/network.ts'
import { requireHostFiles } from '../boot/packages.ts'
import { randomFrom } from '../random.ts'
import { FILES, GOOD, plantFuzzFarm, SERVER } from './farm.ts'
import { CARD, frameOf, type Shot } from './frames.ts'

/** What a process stands on. */
export type Footing = Readonly<{ rssMiB: number; descriptors: number }>

export type Served = Readonly<{
  pid: number
  state: string
  inventory: string
  files: Readonly<Record<keyof typeof FILES, Buffer>>
  footing: () => Promise<Footing>
  /** What may not be: lines of the level `error`, and the process's end. Empty while all is well. */
  complaints: () => readonly string[]
  /** The same, each told once. */
  takeComplaints: () => readonly string[]
  /** Lines of its log so far, by level and message. */
  lines: () => ReadonlyMap<string, number>
  /** Asks it to stop; what its end was. */
  stop: () => Promise<string>
}>

export type Farm = Readonly<{
  inventory?: string
  /** `server` unless given. */
  dhcpMode?: DhcpMode
  plant: (store: Store) => Promise<void>
}>

export type Stage = Readonly<{
  server: Host
  /** With an inventory of its own, unless one is given. */
  serve: (farm?: Farm) => Promise<Served>
  /** Resolves when they are on the wire, in that order. */
  shoot: (shots: readonly Shot[]) => Promise<void>
  shootFrames: (frames: readonly Uint8Array[]) => Promise<void>
  close: () => Promise<void>
}>

/** Longer frames than Ethernet's: what a client may send is not bounded by what ours would. */
const MTU = 9000

/** @param clients a network of which every address is at home here, beside those of the farm */
export async function openStage(clients: string | null = null): Promise<Stage> {
  requireHostFiles([
    { file: 'ip', debian: 'iproute2' },
    { file: 'unshare', debian: 'util-linux' },
    { file: 'python3', debian: 'python3' },
    { file: 'curl', debian: 'curl' },
  ])
  const here = await hereIn()
  const server = await openNamespace()
  const at = (host: Pick<Host, 'run'>, ...lines: readonly string[]): Promise<unknown> =>
    host.run('sh', ['-ec', lines.join('\n')])
  const quiet = ['echo 0 >/proc/sys/net/ipv4/conf/all/rp_filter', 'echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad']
  await at(server, ...quiet, 'ip link set lo up')
  await at(here, ...quiet, 'ip link set lo up')
  await at(
    server,
    `ip link add eth0 mtu ${MTU} address ${CARD.server} type veth peer name eth0 mtu ${MTU} address ${CARD.clients} netns ${process.pid}`,
    `ip address add ${SERVER.ipv4}/24 dev eth0`,
    `ip address add ${SERVER.ipv6}/64 dev eth0 nodad`,
    'ip link set eth0 up',
  )
  await at(
    here,
    `ip address add ${GOOD.ipv4}/24 dev eth0`,
    `ip address add ${GOOD.ipv6}/64 dev eth0 nodad`,
    'ip link set eth0 up',
    'ip route add 255.255.255.255/32 dev eth0',
    'ip route add local 198.51.100.0/24 dev lo', // these strangers' ports are closed, those of 203.0.113.0/24 lost
  )
  if (clients !== null) await at(here, `ip route add local ${clients} dev lo`)
  await at(server, `ip route add default via ${GOOD.ipv4}`)
  const spout = await openSpout('eth0')
  return {
    server,
    serve: (farm = { plant: plantFuzzFarm }) => serve(server, farm),
    shoot: (shots) => spout.send(shots.map(frameOf)),
    shootFrames: spout.send,
    close: async () => {
      await spout.close()
      await server.close()
    },
  }
}

/** @throws when this is the host's own network, which no shot may reach */
async function hereIn(): Promise<Pick<Host, 'run'>> {
  const cards = (await readFile('/proc/self/net/dev', 'utf8')).match(/^ *[^ |]+:/gm) ?? []
  if (cards.length !== 1) throw new Error('start this by `unshare --net`: it shoots at whoever is on its network')
  const run: Host['run'] = async (command, args) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    const said: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => said.push(chunk))
    const [code] = (await once(child, 'close')) as [number | null]
    if (code !== 0) throw new Error(`${command} ${args.join(' ')}: ${code}`)
    return Buffer.concat(said).toString()
  }
  return { run }
}

type Spout = Readonly<{ send: (frames: readonly Uint8Array[]) => Promise<void>; close: () => Promise<void> }>

async function openSpout(card: string): Promise<Spout> {
  const child = spawn(join(import.meta.dirname, 'spout.py'), [card], { stdio: ['pipe', 'pipe', 'inherit'] })
  await once(child, 'spawn')
  const arrivals = new EventEmitter()
  child.stdout.on('data', () => arrivals.emit('sent'))
  child.on('exit', () => arrivals.emit('sent'))
  child.stdin.on('error', () => arrivals.emit('sent')) // it has ended, or is about to
  return {
    send: async (frames) => {
      const octets = frames.flatMap((frame) => [Uint8Array.of(frame.length >> 8, frame.length & 0xff), frame])
      const sent = once(arrivals, 'sent')
      child.stdin.write(Buffer.concat([...octets, Buffer.alloc(2)]))
      await sent
      if (child.exitCode !== null || child.signalCode !== null || !child.stdin.writable)
        throw new Error(`spout.py ended (${child.signalCode ?? child.exitCode ?? 'ending'}): no frame leaves`)
    },
    close: async () => {
      child.stdin.end()
      await ended(child)
    },
  }
}

const program = join(import.meta.dirname, '../../bin/bootstead')
const ERROR = 50

async function serve(host: Host, farm: Farm): Promise<Served> {
  const state = await mkdtemp(join(tmpdir(), 'bootstead-fuzz-'))
  const inventory = farm.inventory ?? `sqlite:${join(state, 'inventory.sqlite')}`
  const store = openStore(inventory)
  await farm.plant(store)
  await closeStore(store)
  const files = await writeFiles(state)
  const where = [
    '--state',
    state,
    '--inventory',
    inventory,
    '--listen',
    '::',
    '--advertise',
    `${SERVER.ipv4},${SERVER.ipv6}`,
    '--dhcp-mode',
    farm.dhcpMode ?? 'server',
  ]
  const what = ['--doors', 'dhcp,dhcp6,tftp,http', '--log-format', 'json', '--log-level', 'info']
  const child = host.spawn(program, ['serve', ...where, ...what], { stdio: ['ignore', 'pipe', 'pipe'] })
  const { lines, errors, arrivals } = readLog(child)
  let complaint = ''
  child.stderr?.on('data', (chunk: Buffer) => (complaint = (complaint + chunk.toString()).slice(-4000)))
  const gone = once(child, 'exit')
  const endOf = (): string =>
    `it ended with ${child.signalCode ?? child.exitCode ?? 'nothing'}${complaint && `: ${complaint}`}`
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null
  while (!lines.has('30 serving')) {
    if (hasEnded()) throw new Error(`bootstead serve: ${endOf()}`)
    await Promise.race([once(arrivals, 'line'), gone])
  }
  const pid = child.pid ?? 0
  return {
    pid,
    state,
    inventory,
    files,
    footing: () => footingOf(pid),
    complaints: () => [...errors, ...(hasEnded() ? [endOf()] : [])],
    takeComplaints: () => [...errors.splice(0), ...(hasEnded() ? [endOf()] : [])],
    lines: () => lines,
    stop: async () => {
      if (!hasEnded()) {
        child.kill('SIGTERM')
        await gone
      }
      await rm(state, { recursive: true })
      return endOf()
    },
  }
}

type Log = Readonly<{ lines: Map<string, number>; errors: string[]; arrivals: EventEmitter }>

function readLog(child: ChildProcess): Log {
  const arrivals = new EventEmitter()
  const lines = new Map<string, number>()
  const errors: string[] = []
  if (child.stdout !== null)
    createInterface({ input: child.stdout }).on('line', (line) => {
      const { level, msg } = JSON.parse(line) as { level: number; msg: string }
      const key = `${level} ${msg}`
      lines.set(key, (lines.get(key) ?? 0) + 1)
      if (level >= ERROR && errors.length < 10) errors.push(line.slice(0, 2000))
      arrivals.emit('line')
    })
  return { lines, errors, arrivals }
}

async function writeFiles(state: string): Promise<Served['files']> {
  const random = randomFrom(1)
  const entries = Object.entries(FILES).map(
    ([name, size]) => [name, Buffer.from(new Uint8Array(size).map(() => random() * 256))] as const,
  )
  for (const [name, octets] of entries) {
    await mkdir(dirname(join(state, name)), { recursive: true })
    await writeFile(join(state, name), octets)
  }
  return Object.fromEntries(entries) as Served['files']
}

async function footingOf(pid: number): Promise<Footing> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  const rssMiB = Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024)
  return { rssMiB, descriptors: (await readdir(`/proc/${pid}/fd`)).length }
}
