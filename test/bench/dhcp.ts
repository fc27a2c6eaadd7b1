// DHCP servers under load: ours and Debian's, one after the other on one processor, the load on the other.
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { closeStore, openStore } from '../../server/inventory/store/open.ts'
import type { Host } from '../boot/network.ts'
import { ended } from '../boot/network.ts'
import { relayAddress, serverAddress } from './dhcp-client.ts'
import type { Job, Load } from './dhcp-load.ts'
import type { DhcpServerName } from './dhcp-peers.ts'
import { generateForPeers, peerNames, startOurs, startPeer } from './dhcp-peers.ts'
import { macOf, plantFarm } from './farm.ts'
import type { Row, Table } from './figures.ts'
import { middleOf, number } from './figures.ts'
import { memoryOf } from './server.ts'
import type { Wire } from './wire.ts'
import { cpuSecondsOf, openWire } from './wire.ts'

/** What is asked at each rate of the search, and for latencies at the one that PEERS answer with ease. */
const searchSeconds = 2
const steady = { rate: 700, seconds: 6, settling: 1 }
const steadyRuns = 3

const farms = [2000, 100_000]
/** 100,000 take minutes: `BENCH_MOST_MACHINES=5000` leaves them out. */
const mostMachines = Number(process.env['BENCH_MOST_MACHINES'] ?? Infinity)

type Measured = Readonly<{
  server: DhcpServerName
  machines: number
  best: number
  /** Processor time of the server at that rate, microseconds. */
  cpuEach: number
  /** By perfdhcp, which has fewer reservations only: the same for all servers. */
  perfdhcp: number | null
  calm: Load
  memory: number
}>

export async function dhcpLoads(folder: string): Promise<readonly Table[]> {
  const wire = await openWire()
  try {
    const measured: Measured[] = []
    for (const machines of farms.filter((count) => count <= mostMachines))
      measured.push(...(await measureFarm(wire, join(folder, `dhcp-${machines}`), machines)))
    return [rateTable(measured)]
  } finally {
    await wire.close()
  }
}

async function measureFarm(wire: Wire, folder: string, machines: number): Promise<readonly Measured[]> {
  mkdirSync(folder, { recursive: true })
  const inventory = `sqlite:${join(folder, 'farm.sqlite')}`
  const store = openStore(inventory)
  await plantFarm(store, machines, false)
  await closeStore(store)
  generateForPeers(inventory, folder)
  const ours = (): ChildProcess => startOurs(wire.server, inventory, join(folder, 'state'), ['--no-tftp', '--no-http'])
  const measured = [await measureServer(wire, 'Bootstead', machines, ours())]
  for (const name of peerNames)
    measured.push(await measureServer(wire, name, machines, startPeer(wire.server, name, folder)))
  return measured
}

async function measureServer(
  wire: Wire,
  server: DhcpServerName,
  machines: number,
  child: ChildProcess,
): Promise<Measured> {
  try {
    const pid = child.pid ?? 0
    await untilAnswered(wire.clients, child, machines)
    await load(wire.clients, { ...steady, machines }) // or what a program does once, at its start, would be in the figures
    const calm = await medianRun(() => load(wire.clients, { ...steady, machines }))
    const spent = { cpuEach: 0 }
    const best = await highestRate(1.1, async (rate) => {
      const before = cpuSecondsOf(pid)
      const { begun, finished } = await load(wire.clients, { rate, seconds: searchSeconds, machines })
      const isKept = finished > begun * 0.99
      if (isKept) spent.cpuEach = ((cpuSecondsOf(pid) - before) / finished) * 1e6
      return isKept
    })
    const perfdhcp =
      machines > 10_000 ? null : await highestRate(1.25, (rate) => isKeptByPerfdhcp(wire.clients, rate, machines))
    return { server, machines, best, perfdhcp, calm, cpuEach: spent.cpuEach, memory: memoryOf(pid).now }
  } finally {
    await ended(child)
  }
}

async function untilAnswered(clients: Host, child: ChildProcess, machines: number): Promise<void> {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}`)
    const { finished } = await load(clients, { rate: 10, seconds: 0.2, machines })
    if (finished > 0) return
  }
}

/** The median of the runs, by the OFFER's p99: this machine's own kernel threads take a millisecond now and then. */
async function medianRun(run: () => Promise<Load>): Promise<Load> {
  const runs: Load[] = []
  while (runs.length < steadyRuns) runs.push(await run())
  return middleOf(runs, ({ offer }) => offer.p99 ?? Infinity)
}

const firstRate = 1000

/**
 * The highest rate, DORAs a second, that is kept: doubled until it is not, or halved until it is, then halved in between.
 * Each may fail once.
 * @param fineness two rates that differ by less are the same
 */
async function highestRate(fineness: number, isKept: (rate: number) => Promise<boolean>): Promise<number> {
  const isKeptOnce = async (rate: number): Promise<boolean> => (await isKept(rate)) || (await isKept(rate))
  let [kept, lost] = [0, Infinity]
  for (let rate = firstRate; kept === 0 || lost === Infinity; rate = kept === 0 ? rate / 2 : rate * 2) {
    if (await isKeptOnce(rate)) kept = rate
    else lost = rate
    if (rate < 20) return 0
  }
  while (lost / kept > fineness) {
    const rate = Math.round(Math.sqrt(kept * lost))
    if (await isKeptOnce(rate)) kept = rate
    else lost = rate
  }
  return kept
}

/** Neither collecting nor compiling beside the load, whose one processor it would take. */
const undisturbed = ['--max-semi-space-size=512', '--single-threaded']

async function load(clients: Host, job: Job): Promise<Load> {
  const script = join(import.meta.dirname, 'dhcp-load.ts')
  const said = await output(clients, process.execPath, [...undisturbed, '--import', 'tsx', script, JSON.stringify(job)])
  return JSON.parse(said) as Load
}

/** Its own way: it sends what a server takes to be a relayed client's, with fewer options; later than this is lost. */
async function isKeptByPerfdhcp(clients: Host, rate: number, machines: number): Promise<boolean> {
  const said = await output(clients, 'perfdhcp', [
    ...['-4', '-l', relayAddress, '-L', '67', '-b', `mac=${macOf(1)}`, '-R', String(machines)],
    ...['-r', String(rate), '-p', String(searchSeconds), '-d', '0.25', '-W', '500000', '-g', 'single'],
    ...['-o', `60,${Buffer.from('PXEClient:Arch:00007:UNDI:003016').toString('hex')}`, '-o', '93,0007', serverAddress],
  ])
  const figures = (what: string): readonly number[] =>
    [...said.matchAll(new RegExp(`${what}: (\\d+)`, 'g'))].map(([, figure]) => Number(figure))
  const [[discovers = 0], [, acks = 0]] = [figures('sent packets'), figures('received packets')]
  return discovers > rate * searchSeconds * 0.97 && acks > discovers * 0.99
}

async function output(host: Host, command: string, args: readonly string[]): Promise<string> {
  const child = host.spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let said = ''
  child.stdout?.on('data', (chunk: Buffer) => (said += chunk.toString()))
  await once(child, 'close')
  return said
}

function rateTable(measured: readonly Measured[]): Table {
  const bestPeer = (machines: number): number =>
    Math.max(
      ...measured.filter((one) => one.machines === machines && one.server !== 'Bootstead').map(({ best }) => best),
    )
  return {
    title: 'DHCP: machines answered (DISCOVER to ACK), relayed, each server on one processor',
    header: [
      'reservations',
      'server',
      'a second, at < 1 % loss',
      '÷ the best peer',
      'by perfdhcp',
      'CPU µs each',
      'OFFER at 700/s, p50, ms',
      'p99, ms',
      'ACK, p50, ms',
      'p99, ms',
      'memory MiB',
    ],
    rows: measured.map(({ machines, server, best, perfdhcp, cpuEach, calm, memory }): Row => [
      number(machines),
      server,
      number(best),
      number(best / bestPeer(machines), 1),
      perfdhcp === null ? '' : number(perfdhcp),
      number(cpuEach),
      ...[calm.offer.p50, calm.offer.p99, calm.ack.p50, calm.ack.p99].map((one) =>
        one === null ? 'none' : number(one, 2),
      ),
      number(memory),
    ]),
    note: 'Bars: 3 × the best peer; p99 at 700/s no worse than the best peer’s; 100,000 reservations at most 10 % slower than 2,000. Open loop, two seconds at each rate, five at 700/s, of which the median of three runs is given; what is answered after a quarter of a second counts as lost. Requests are those of a PXE ROM with 35 parameters asked for, through a relay with option 82. The peers read what `bootstead generate` wrote for them, and log and keep nothing for a client (Kea with `persist: false`, dnsmasq with `leasefile-ro`). perfdhcp sends requests of its own making with a vendor class and architecture.',
  }
}
