// Generating the files of other daemons: farms of several sizes, each in a process of its own, and the whole command.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { sql } from 'kysely'
import { closeStore, openStore } from '../../server/inventory/store/open.ts'
import type { MariaDb } from '../mariadb.ts'
import { openDisk } from './disk.ts'
import { hostnameOf, plantFarm, root } from './farm.ts'
import type { Row, Table } from './figures.ts'
import { median, number } from './figures.ts'
import type { Generations, Job, Run } from './generate-process.ts'
import { memoryOf } from './server.ts'

const farms: readonly Readonly<{ machines: number; store: 'SQLite' | 'MariaDB' }>[] = [
  { machines: 100, store: 'SQLite' },
  { machines: 500, store: 'SQLite' },
  { machines: 2000, store: 'SQLite' },
  { machines: 2000, store: 'MariaDB' },
  { machines: 5000, store: 'SQLite' },
  { machines: 100_000, store: 'SQLite' },
  { machines: 100_000, store: 'MariaDB' },
]

/** A farm of 100,000 takes minutes and 8 GB: `BENCH_MOST_MACHINES=5000` leaves it out. */
const mostMachines = Number(process.env['BENCH_MOST_MACHINES'] ?? Infinity)

/** Cobbler 3.3.7 with ISC dhcpd managed and its TFTP tree, its API in process; seconds. By systems. */
const cobbler: ReadonlyMap<number, Readonly<{ full: number; again: number; change: number }>> = new Map([
  [100, { full: 0.57, again: 0.48, change: 0.037 }],
  [500, { full: 3.1, again: 2.4, change: 0.144 }],
  [2000, { full: 9.6, again: 6.9, change: 0.47 }],
  [5000, { full: 32, again: 21, change: 1.4 }],
])

type Farm = (typeof farms)[number]
/** The command from its start to its end, seconds. */
type Command = Readonly<{ seconds: number; peakMiB: number }>
type Measured = Farm & Generations & Readonly<{ command: Command; changeByCommand: Command }>

export async function generations(folder: string, mariadb: MariaDb): Promise<readonly Table[]> {
  const measured: Measured[] = []
  for (const farm of farms.filter(({ machines }) => machines <= mostMachines))
    measured.push(await measureFarm(farm, join(folder, `generate-${farm.store}-${farm.machines}`), mariadb))
  return [fullTable(measured), changeTable(measured), cobblerTable(measured)]
}

async function measureFarm(farm: Farm, folder: string, mariadb: MariaDb): Promise<Measured> {
  const { machines, store: kind } = farm
  mkdirSync(folder, { recursive: true })
  const inventory =
    kind === 'SQLite' ? `sqlite:${join(folder, 'farm.sqlite')}` : mariadb.newDatabase(`generate${machines}`)
  const store = openStore(inventory)
  const disk = openDisk(folder)
  try {
    await plantFarm(store, machines, false)
    const command = await runCommand(inventory, disk.folder)
    await sql`UPDATE interfaces SET ip = '198.19.253.1' WHERE machine = ${hostnameOf(machines)}`.execute(store.db)
    const changeByCommand = await runCommand(inventory, disk.folder)
    const inProcess = await runProcess({ inventory, machines, folder: disk.folder })
    return { ...farm, ...inProcess, command, changeByCommand }
  } finally {
    await closeStore(store)
    disk.close()
  }
}

/** What the command itself is started with. */
const [, ...nodeFlags] = (/^#!.* (node .*)$/m.exec(readFileSync(join(root, 'bin/bootstead'), 'utf8'))?.[1] ?? '').split(
  ' ',
)

async function runProcess(job: Job): Promise<Generations> {
  const script = join(import.meta.dirname, 'generate-process.ts')
  const child = spawn(process.execPath, [...nodeFlags, '--import', 'tsx', script, JSON.stringify(job)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let said = ''
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()))
  const [status] = (await once(child, 'close')) as [number | null]
  if (status !== 0) throw new Error(`generating ${job.machines} machines ended with ${String(status)}`)
  return JSON.parse(said) as Generations
}

async function runCommand(inventory: string, folder: string): Promise<Command> {
  const began = performance.now()
  const options = ['--inventory', inventory, '--state', join(folder, 'state'), '--advertise', '198.18.0.1']
  const words = [
    'generate',
    ...options,
    '--out',
    join(folder, 'command'),
    '--no-check',
    'isc',
    'kea',
    'dnsmasq',
    'tftpboot',
  ]
  const child = spawn('bin/bootstead', words, {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, BOOTSTEAD_DIST: '1' },
  })
  let peakMiB = 0
  const watch = setInterval(() => (peakMiB = Math.max(peakMiB, memoryOf(child.pid ?? 0).peak)), 5)
  child.once('exit', () => clearInterval(watch))
  const [status] = (await once(child, 'exit')) as [number | null]
  if (status !== 0) throw new Error(`bootstead generate ended with ${String(status)}`)
  return { seconds: (performance.now() - began) / 1000, peakMiB }
}

const sumOf = ({ seconds }: Run): number => Object.values(seconds).reduce((sum, one) => sum + one, 0)
const nameOf = ({ machines, store }: Farm): Row => [number(machines), store]

function fullTable(measured: readonly Measured[]): Table {
  return {
    title: 'Files for other daemons written from the inventory into fresh folders',
    header: [
      'machines',
      'store',
      'files',
      'read, s',
      'isc, s',
      'kea, s',
      'dnsmasq, s',
      'tftpboot, s',
      'all four, s',
      'all four later, s',
      'with the checkers, s',
      'the command from start to end, s',
      'its memory, most, MiB',
    ],
    rows: measured.map(({ read, full, later, checked, command, ...farm }) => [
      ...nameOf(farm),
      number(full.written),
      ...[read, full.seconds.isc, full.seconds.kea, full.seconds.dnsmasq, full.seconds.tftpboot].map((one) =>
        number(one, 2),
      ),
      number(sumOf(full), 2),
      number(sumOf(later), 2),
      number(sumOf(checked), 2),
      number(command.seconds, 2),
      number(command.peakMiB),
    ]),
    note: 'Bars: 2,000 machines 1 s; 100,000 machines 60 s and 600 MiB. Each into fresh folders of a new ext4: first by a process that never did it, then later by the same one, then with the checkers `dhcpd -t`, `kea-dhcp4 -t`, `dnsmasq --test` and `grub-script-check`. The command ran without them, in a process of its own.',
  }
}

function changeTable(measured: readonly Measured[]): Table {
  return {
    title: 'The same files again: nothing changed, one address changed, everything changed',
    header: [
      'machines',
      'store',
      'nothing changed, s',
      'files written',
      'one address, median, s',
      'most, s',
      'files written',
      'one address by the command, s',
      'everything, s',
      'files written',
      'opened by a reader meanwhile',
      'of that absent',
    ],
    rows: measured.map(({ again, changes, changeByCommand, replaced, seen, ...farm }) => [
      ...nameOf(farm),
      number(sumOf(again), 3),
      number(again.written),
      number(median(changes.map(({ seconds }) => seconds)), 3),
      number(Math.max(...changes.map(({ seconds }) => seconds)), 3),
      number(Math.max(...changes.map(({ written }) => written))),
      number(changeByCommand.seconds, 2),
      number(sumOf(replaced), 2),
      number(replaced.written),
      number(seen.opens),
      number(seen.absences),
    ]),
    note: 'All four targets. Bars: 0.2 s and no file where nothing changed among 2,000 machines; one address 0.05 s among 2,000 and 0.5 s among 100,000; never a file absent. One address: from before the row is written in the store until the files are in place and their manifests committed, in a process that holds the inventory in memory; by the command: its start and reading the inventory too.',
  }
}

function cobblerTable(measured: readonly Measured[]): Table {
  const ours = measured.filter(({ machines, store }) => store === 'SQLite' && cobbler.has(machines))
  return {
    title: 'A TFTP root and ISC dhcpd’s configuration, beside Cobbler',
    header: ['machines', '', 'full, s', 'full, later, s', 'nothing changed, s', 'one address, s'],
    rows: ours.flatMap(({ machines, full, later, again, changes }) => {
      const theirs = cobbler.get(machines) ?? { full: 0, again: 0, change: 0 }
      const both = ({ seconds }: Run): number => seconds.isc + seconds.tftpboot
      const figures = [both(full), both(later), both(again), median(changes.map(({ seconds }) => seconds))]
      const peer = [theirs.full, theirs.full, theirs.again, theirs.change]
      return [
        [number(machines), 'Bootstead', ...figures.map((one) => number(one, 3))],
        [number(machines), 'Cobbler', ...peer.map((one) => number(one, 3))],
        [number(machines), 'Cobbler ÷ Bootstead', ...peer.map((one, index) => number(one / (figures[index] ?? 1), 1))],
      ]
    }),
    note: 'Bar: 20 × at 2,000. Later: by a process that has done it before, as a server does. Cobbler 3.3.7 was measured apart, in November 2026, from its source and with its API in process: it is in no Debian release, so it can not run beside us here. It rewrites its tree at each sync, and while it did so at 2,000 systems a boot file was absent for 12 s; ours never are (above). Our one address is all four targets and the row in the store; Cobbler’s is its sync of one system.',
  }
}
