// `make bench`: measures, prints, and writes docs/benchmarks.md. Nothing here asserts a time.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import { closeStore, openStore } from '../../server/inventory/store/open.ts'
import { readSnapshot } from '../../server/inventory/store/read.ts'
import { startMariaDb } from '../mariadb.ts'
import { hostnameOf, macOf, plantFarm } from './farm.ts'
import type { Row, Table } from './figures.ts'
import { median, middleOf, number, publishFigures } from './figures.ts'
import { generations } from './generate.ts'
import { fetchAll } from './http-load.ts'
import type { BenchServer } from './server.ts'
import { memoryOf, startBenchServer } from './server.ts'
import type { DhcpProbe } from './dhcp-client.ts'
import { openDhcpProbe } from './dhcp-client.ts'
import { dhcpLoads } from './dhcp.ts'
import { startDnsmasq } from './dnsmasq.ts'
import { pagesAsked } from './pages.ts'
import { bootStorms } from './storm.ts'
import { tftpTransfers } from './tftp.ts'
import { viewsFollowed } from './views.ts'

const folder = mkdtempSync(join(tmpdir(), 'bootstead-bench-'))
const mariadb = await startMariaDb()
const stateOf = (name: string): string => join(folder, `state-${name}`)
const menuPath = (index: number): string => `/ipxe/${macOf(index)}.ipxe`

async function kickstarts(): Promise<Table> {
  const inventory = `sqlite:${join(folder, 'kickstarts.sqlite')}`
  const store = openStore(inventory)
  await plantFarm(store, 2000, true)
  const snapshot = await readSnapshot(store)
  await closeStore(store)
  const paths = [...snapshot.tokens].flatMap(([machine, tokens]) =>
    tokens.filter((token) => token.purpose === 'install').map((token) => `/ks/${machine}?token=${token.secret}`),
  )
  const server = await startBenchServer(inventory, stateOf('kickstarts'), menuPath(1))
  const rows: Row[] = []
  try {
    rows.push(toRow('every kickstart once, straight after a start', server, await measure(server, paths)))
    rows.push(toRow('again, ten times each: from the cache', server, await measure(server, repeat(paths, 10))))
    const rounds: Measured[] = []
    for (let round = 0; round < 9; round++) {
      await touch(inventory, `round ${round}`)
      rounds.push(await measure(server, paths))
    }
    rows.push(toRow('after each of 9 changes of the inventory: all rendered anew (median)', server, medianOf(rounds)))
  } finally {
    await server.stop()
  }
  return {
    title: 'Kickstarts rendered and served, 2,000 machines, HTTP, the server on one processor',
    header: ['pass', 'requests', 'per second', 'CPU µs each', 'per CPU second', 'KiB each', 'failed', 'memory MiB'],
    rows,
    note: 'Bar: 5,000 a second on one core. Cobbler 3.3.7 renders 143 to 200 a second, measured apart (it is in no Debian release, so it can not run beside us here).',
  }
}

const repeat = <T>(items: readonly T[], times: number): readonly T[] =>
  Array.from({ length: times }, () => items).flat()

async function touch(inventory: string, note: string): Promise<void> {
  const store = openStore(inventory)
  await sql`UPDATE machines SET notes = ${note} WHERE hostname = ${hostnameOf(1)}`.execute(store.db)
  await closeStore(store)
  await new Promise((resolve) => setTimeout(resolve, 1500))
}

type Measured = Readonly<{ requests: number; failures: number; bytes: number; perSecond: number; cpuEach: number }>

async function measure(server: BenchServer, paths: readonly string[]): Promise<Measured> {
  const before = server.cpuSeconds()
  const { requests, seconds, failures, bytes } = await fetchAll(server.port, paths, 16)
  return {
    requests,
    failures,
    bytes,
    perSecond: requests / seconds,
    cpuEach: (server.cpuSeconds() - before) / requests,
  }
}

function medianOf(rounds: readonly Measured[]): Measured {
  const middle = middleOf(rounds, ({ perSecond }) => perSecond)
  return { ...middle, failures: rounds.reduce((sum, round) => sum + round.failures, 0) }
}

function toRow(title: string, server: BenchServer, { requests, failures, bytes, perSecond, cpuEach }: Measured): Row {
  const figures = [
    number(requests),
    number(perSecond),
    number(cpuEach * 1e6),
    number(1 / cpuEach),
    number(bytes / requests / 1024, 1),
  ]
  return [title, ...figures, String(failures), String(server.memoryMiB().now)]
}

const mostSeconds = 120
const untilOffer = (probe: DhcpProbe, index: number, address: string | null): Promise<string> =>
  probe.untilOffered(
    macOf(index),
    (offer) => address === null || offer.yiaddr === address,
    AbortSignal.timeout(mostSeconds * 1000),
  )

type StartAndChange = Readonly<{ start: number; changes: readonly number[]; memory: number }>

async function startsAndChanges(): Promise<Table> {
  const rows: Row[] = []
  const probe = await openDhcpProbe()
  for (const count of [2000, 100_000]) {
    const peer = await measureDnsmasq(probe, count)
    rows.push(startRow(count, 'dnsmasq, a hosts file', peer, peer))
    for (const kind of ['SQLite', 'MariaDB']) {
      const inventory =
        kind === 'SQLite' ? `sqlite:${join(folder, `farm-${count}.sqlite`)}` : mariadb.newDatabase(`farm${count}`)
      rows.push(
        startRow(
          count,
          `Bootstead, ${kind}`,
          await measureOurs(probe, inventory, stateOf(`${kind}-${count}`), count),
          peer,
        ),
      )
    }
  }
  probe.close()
  return {
    title: 'Start of the process to its first DHCP offer, and a changed address to the first offer that has it',
    header: [
      'machines',
      'server',
      'start, s',
      'dnsmasq ÷ ours',
      'change, median, s',
      'change, most, s',
      'dnsmasq ÷ ours',
      'memory MiB',
    ],
    rows,
    note: 'Bars: start 2 s and 15 s, change 2 s at both. A change is the UPDATE of another program, committed, for us, and a rewritten hosts file and SIGHUP for dnsmasq. Our follower looks every half second, which is what a change takes at most and a small inventory would not need.',
  }
}

function startRow(count: number, name: string, ours: StartAndChange, peer: StartAndChange): Row {
  const change = median(ours.changes)
  const ratio = (theirs: number, own: number): string => (ours === peer ? '' : number(theirs / own, 1))
  const figures = [
    number(ours.start, 2),
    ratio(peer.start, ours.start),
    number(change, 3),
    number(Math.max(...ours.changes), 3),
    ratio(median(peer.changes), change),
  ]
  return [number(count), name, ...figures, String(ours.memory)]
}

const secondsSince = (began: number): number => (performance.now() - began) / 1000
const changedIndex = (count: number, round: number): number => Math.floor((count / 16) * (round + 1)) | 1
const changedAddress = (round: number): string => `198.19.254.${round + 1}`

async function measureDnsmasq(probe: DhcpProbe, count: number): Promise<StartAndChange> {
  const began = performance.now()
  const peer = startDnsmasq(join(folder, `dnsmasq-${count}`), count)
  await untilOffer(probe, count, null)
  const start = secondsSince(began)
  const changes: number[] = []
  for (let round = 0; round < 3; round++) {
    const changed = performance.now()
    peer.change(changedIndex(count, round), changedAddress(round))
    await untilOffer(probe, changedIndex(count, round), changedAddress(round))
    changes.push(secondsSince(changed))
  }
  const memory = memoryOf(peer.pid).now
  await peer.stop()
  return { start, changes, memory }
}

async function measureOurs(probe: DhcpProbe, inventory: string, state: string, count: number): Promise<StartAndChange> {
  const store = openStore(inventory)
  await plantFarm(store, count, false)
  const server = await startBenchServer(inventory, state, '', () => untilOffer(probe, count, null))
  const changes: number[] = []
  for (let round = 0; round < 15; round++) {
    await sql`UPDATE interfaces SET ip = ${changedAddress(round)} WHERE machine = ${hostnameOf(changedIndex(count, round))}`.execute(
      store.db,
    )
    const changed = performance.now()
    await untilOffer(probe, changedIndex(count, round), changedAddress(round))
    changes.push(secondsSince(changed))
  }
  const memory = server.memoryMiB().now
  await server.stop()
  await closeStore(store)
  return { start: server.firstAnswerSeconds, changes, memory }
}

const databaseVersion = (): string =>
  execFileSync('mariadbd', ['--version'], { encoding: 'utf8' })
    .trim()
    .replace(/^\S+\s+/, '')
    .split(' for ')[0] ?? ''

/** By the name that `scripts/bench.sh NAME…` takes; without one all are measured. */
const sections: Readonly<Record<string, () => Promise<readonly Table[]>>> = {
  kickstarts: async () => [await kickstarts()],
  starts: async () => [await startsAndChanges()],
  generate: () => generations(folder, mariadb),
  dhcp: () => dhcpLoads(folder),
  tftp: tftpTransfers,
  storm: () => bootStorms(folder),
  views: async () => [await viewsFollowed(mariadb, stateOf)],
  pages: () => pagesAsked(folder),
}

try {
  const named = process.argv.slice(2)
  for (const name of named.length > 0 ? named : Object.keys(sections)) {
    const measure = sections[name]
    if (measure === undefined) throw new Error(`no section ${name}; there are ${Object.keys(sections).join(', ')}`)
    publishFigures(await measure(), 'make bench', [`MariaDB ${databaseVersion()}`])
  }
} finally {
  await mariadb.stop()
  rmSync(folder, { recursive: true, force: true })
}
