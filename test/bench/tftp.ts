// TFTP beside Debian's servers: each has one processor, the client another, and they take turns row by row.
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openAccount, type Account } from './account.ts'
import { root } from './farm.ts'
import { number, type Table } from './figures.ts'
import { fileOf, type TftpLoad, type TftpLoadResult } from './tftp-load.ts'

type Load = Pick<TftpLoad, 'path' | 'size' | 'blksize' | 'windowsize' | 'clients'>
/** CPU by the kernel's account, of the server with all its processes and threads. */
type Figures = TftpLoadResult & Readonly<{ cpuSeconds: number }>

type Tftpd = Readonly<{
  name: string
  address: string
  hasWindows: boolean
  /** The words that start it, in the foreground, serving that folder at that address. */
  command: (address: string, folder: string, state: string) => readonly string[]
}>

type Running = Readonly<{ server: Tftpd; child: ChildProcess; account: Account }>

const MIB = 1024 * 1024
const SERVERS: readonly Tftpd[] = [
  {
    name: 'Bootstead',
    address: '198.18.0.11',
    hasWindows: true,
    command: (address, _folder, state) => {
      const doors = ['--no-dhcp', '--no-http', '--listen', address, '--tftp-port', '69', '--advertise', address]
      return ['bin/bootstead', 'serve', '--state', state, ...doors, '--log-level', 'error']
    },
  },
  {
    name: 'dnsmasq',
    address: '198.18.0.12',
    hasWindows: false,
    command: (address, folder) => [
      ...['dnsmasq', '--keep-in-foreground', '--conf-file=/dev/null', '--pid-file', '--user=root', '--port=0'],
      ...[`--listen-address=${address}`, '--bind-interfaces', '--enable-tftp', `--tftp-root=${folder}`],
      ...['--tftp-max=1000', '--log-facility=/dev/null'],
    ],
  },
  {
    name: 'tftpd-hpa',
    address: '198.18.0.13',
    hasWindows: false,
    command: (address, folder) => [
      'in.tftpd',
      '-L',
      '-4',
      '-u',
      'root',
      '--address',
      `${address}:69`,
      '--secure',
      folder,
    ],
  },
  {
    name: 'atftpd', // unpacked by scripts/bench.sh: as a package it would replace tftpd-hpa
    address: '198.18.0.14',
    hasWindows: true,
    command: (address, folder) => [
      ...['.cache/bench/atftpd/usr/sbin/atftpd', '--daemon', '--no-fork', '--port', '69', '--bind-address', address],
      ...['--maxthread', '1000', '--user', 'root', '--group', 'root', '--logfile', '/dev/null', folder],
    ],
  },
]

/** `short`: every kind of row once, in half a minute. */
const isShort = process.env['BENCH_SHORT'] === '1'
const LOADS: readonly Load[] = [
  ...[512, 1432, 1468].flatMap((blksize) =>
    [1, 16].flatMap((windowsize) =>
      [1, 16, 64, 256].map((clients) => ({ path: 'one', size: MIB, blksize, windowsize, clients })),
    ),
  ),
  ...[1, 16].map((windowsize) => ({ path: 'sixteen', size: 16 * MIB, blksize: 1468, windowsize, clients: 16 })),
].filter(({ blksize, clients }) => !isShort || (blksize === 1468 && clients === 16))

/** Before anything is measured, so that every server has been compiled and has what it will hold in memory. */
const WARMING = { path: 'one', size: MIB, blksize: 1468, clients: 16 }
/** Ours is compiled as it runs: of the first 100 MiB each takes up to twice the processor time of any later one. */
const WARMING_BYTES = 256 * MIB

/** New transfers begin for so long; those under way then are waited for. */
const SECONDS = isShort ? 1 : 1.5

export async function tftpTransfers(): Promise<readonly Table[]> {
  const place = mkdtempSync(join(tmpdir(), 'bootstead-tftp-'))
  const [folder, state] = [join(place, 'root'), join(place, 'state')]
  const loaders = join(state, 'loaders')
  for (const each of [folder, loaders]) mkdirSync(each, { recursive: true })
  for (const each of [folder, loaders]) {
    writeFileSync(join(each, 'one'), fileOf(MIB))
    writeFileSync(join(each, 'sixteen'), fileOf(16 * MIB))
  }
  execFileSync('chmod', ['-R', 'a+rX', place])
  const running: Running[] = []
  try {
    for (const server of SERVERS) running.push(await start(server, folder, state))
    for (const windowsize of [1, 16]) for (const one of running) warm(one, { ...WARMING, windowsize })
    const rows = []
    for (const load of LOADS) rows.push({ load, figures: measureAll(load, running) })
    return tablesOf(rows)
  } finally {
    for (const one of running) await stop(one)
    rmSync(place, { recursive: true })
  }
}

async function start(server: Tftpd, folder: string, state: string): Promise<Running> {
  const { name, address, command } = server
  execFileSync('ip', ['address', 'add', `${address}/32`, 'dev', 'lo'])
  const words = command(address, folder, state)
  const child = spawn('taskset', ['-c', '0', ...words], {
    cwd: root,
    detached: true, // a group of its own, which is ended as a whole
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, BOOTSTEAD_DIST: '1' },
  })
  const account = openAccount(child.pid ?? 0)
  await untilAnswered(name, child, address)
  return { server, child, account }
}

/** Until it answers a request, whatever it answers. */
async function untilAnswered(name: string, child: ChildProcess, address: string): Promise<void> {
  const socket = createSocket('udp4')
  const answered = once(socket, 'message')
  for (let round = 0; round < 400; round++) {
    if (child.exitCode !== null) throw new Error(`${name} ended with ${child.exitCode}`)
    socket.send(Buffer.from('\0\x01nothing\0octet\0'), 69, address)
    const later = new Promise((resolve) => setTimeout(resolve, 50, null))
    if ((await Promise.race([answered, later])) !== null) return void socket.close()
  }
  throw new Error(`${name} doesn't answer at ${address}`)
}

async function stop({ child, account }: Running): Promise<void> {
  if (child.exitCode === null && child.pid !== undefined) {
    const gone = once(child, 'exit')
    process.kill(-child.pid, 'SIGTERM')
    await gone
  }
  account.close()
}

const takes = ({ server }: Running, { windowsize }: Load): boolean => windowsize === 1 || server.hasWindows

/** By octets: in a given time a busy machine would send too few. */
function warm(one: Running, load: Load): void {
  for (let sent = 0; takes(one, load) && sent < WARMING_BYTES;) {
    const { bytes } = measure(one, load)
    if (bytes === 0) throw new Error(`${one.server.name} sends nothing`)
    sent += bytes
  }
}

function measureAll(load: Load, running: readonly Running[]): readonly (Figures | null)[] {
  return running.map((one) => (takes(one, load) ? measure(one, load) : null))
}

function measure({ server, account }: Running, load: Load): Figures {
  const whole: TftpLoad = { ...load, server: server.address, port: 69, seconds: SECONDS }
  // One client and its server take turns: on one processor neither has to be woken from its sleep for each packet, which
  // would be all that is measured.
  const processor = load.clients === 1 ? '0' : '1'
  const program = join(import.meta.dirname, 'tftp-load.ts')
  const before = account.cpuSeconds()
  const words = ['-c', processor, process.execPath, '--import', 'tsx', program, JSON.stringify(whole)]
  const said = execFileSync('taskset', words, { cwd: root, encoding: 'utf8', maxBuffer: MIB })
  return { ...(JSON.parse(said) as TftpLoadResult), cpuSeconds: account.cpuSeconds() - before }
}

type Measured = Readonly<{ load: Load; figures: readonly (Figures | null)[] }>

function tablesOf(rows: readonly Measured[]): readonly Table[] {
  const head = ['file', 'blksize', 'windowsize', 'clients']
  const headOf = ({ size, blksize, windowsize, clients }: Load): readonly string[] =>
    [`${size / MIB} MiB`, blksize, windowsize, clients].map(String)
  const names = SERVERS.map(({ name }) => name)
  const table = (
    title: string,
    worth: (figures: Figures) => number,
    digits: number,
    isMoreBetter: boolean,
    note: string,
  ): Table => ({
    title,
    header: [...head, ...names, isMoreBetter ? 'ours ÷ best peer' : 'ours ÷ best peer (less is better)'],
    rows: rows.map(({ load, figures }) => {
      const values = figures.map((each) => (each === null ? null : worth(each)))
      const [ours, ...peers] = values
      const theirs = peers.filter((value) => value !== null)
      const best = isMoreBetter ? Math.max(...theirs) : Math.min(...theirs)
      const cells = values.map((value) => (value === null ? '–' : number(value, digits)))
      return [...headOf(load), ...cells, number((ours ?? NaN) / best, 2)]
    }),
    note,
  })
  const all = rows.flatMap(({ figures }) =>
    figures.flatMap((each, index) => (each === null ? [] : [{ ...each, name: names[index] }])),
  )
  const troubles = all
    .filter(({ failures, repeats }) => failures + repeats > 0)
    .map(({ name, failures, repeats }) => `${name} ${failures}/${repeats}`)
  return [
    table(
      'TFTP: octets a second of all clients together, MB/s',
      ({ bytes, seconds }) => bytes / seconds / 1e6,
      0,
      true,
      `Bar: at least the best peer’s at 16 clients and more. Over loopback, the server on one processor and the client on another, with one client both on the same; every client has its own address, every transfer its own port, every octet is compared. A dash: the server knows no windowsize. Failed transfers/packets repeated after a second of silence: ${troubles.length === 0 ? 'none' : troubles.join(', ')}.`,
    ),
    table(
      'TFTP: processor seconds of the server for a GB',
      ({ cpuSeconds, bytes }) => (cpuSeconds / bytes) * 1e9,
      2,
      false,
      'Bar: at most 1.2 times the best peer’s. All processes and threads of the server, in user and kernel.',
    ),
    table(
      'TFTP: time of a transfer, 99th percentile, ms',
      ({ p99Ms }) => p99Ms,
      0,
      false,
      'Bar: no worse than the best peer’s.',
    ),
    table('TFTP: time of a transfer, median, ms', ({ p50Ms }) => p50Ms, 0, false, 'The same transfers.'),
  ]
}
