// A boot storm: a farm is powered on and every machine installs, by our server and by what else a site would put there.
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readSnapshot } from '../../server/inventory/store/read.ts'
import { recordEdits } from '../../server/inventory/store/record.ts'
import { closeStore, openStore } from '../../server/inventory/store/open.ts'
import type { Host } from '../boot/network.ts'
import { ended } from '../boot/network.ts'
import { serverAddress } from './dhcp-client.ts'
import { generateForPeers, startOurs, startPeer } from './dhcp-peers.ts'
import { ipOf, plantFarm, put } from './farm.ts'
import type { Row, Table } from './figures.ts'
import { number } from './figures.ts'
import type { Storm, StormJob } from './storm-clients.ts'
import type { InstallFile } from './storm-copy.ts'
import type { Wire } from './wire.ts'
import { cpuSecondsOf, openWire } from './wire.ts'

/** `BENCH_MOST_MACHINES=200` for a trial. */
const machines = Math.min(2000, Number(process.env['BENCH_MOST_MACHINES'] ?? Infinity))
const withinSeconds = 10

const MiB = 1024 * 1024
/** The loader as large as they are; kernel and initrd a tenth of that. */
const files = { 'loaders/snponly.efi': 1 * MiB, 'images/el9/vmlinuz': 1 * MiB, 'images/el9/initrd.img': 3 * MiB }

type Measured = Readonly<{ server: string; storm: Storm; cpu: number }>

export async function bootStorms(folder: string): Promise<readonly Table[]> {
  const wire = await openWire()
  try {
    const site = await plantSite(join(folder, 'storm'))
    const ours = [startOurs(wire.server, site.inventory, site.state, [])]
    const measured = [await measure(wire, 'Bootstead', ours, () => writeInstallFiles(wire.clients, site))]
    const peers = startPeers(wire.server, site)
    measured.push(await measure(wire, 'dnsmasq and nginx, static files', peers))
    return [stormTable(measured)]
  } finally {
    await wire.close()
  }
}

type Site = Readonly<{ folder: string; inventory: string; state: string; installFiles: readonly InstallFile[] }>

async function plantSite(folder: string): Promise<Site> {
  const state = join(folder, 'state')
  for (const [path, size] of Object.entries(files)) {
    mkdirSync(join(state, path, '..'), { recursive: true })
    writeFileSync(join(state, path), Buffer.alloc(size, path))
  }
  const inventory = `sqlite:${join(folder, 'farm.sqlite')}`
  const store = openStore(inventory)
  await plantFarm(store, machines, true)
  await recordEdits(store, [put('site', { name: 'loader', value: '"ipxe"' })], 'bench')
  const { tokens } = await readSnapshot(store)
  await closeStore(store)
  const installFiles = [...tokens].flatMap(([machine, all]) =>
    all
      .filter(({ purpose }) => purpose === 'install')
      .map(({ secret }) => ({
        own: ipOf(Number(machine.replace(/\D+/, ''))),
        url: `http://${serverAddress}/ks/${machine}?token=${secret}`,
      })),
  )
  return { folder, inventory, state, installFiles }
}

const staticFiles = ({ folder }: Site): string => join(folder, 'static')

/** As our own server renders them; a server of static files can't. */
async function writeInstallFiles(clients: Host, site: Site): Promise<void> {
  const list = join(site.folder, 'install-files.json')
  mkdirSync(join(staticFiles(site), 'ks'), { recursive: true })
  writeFileSync(list, JSON.stringify(site.installFiles))
  await output(clients, ['--import', 'tsx', join(import.meta.dirname, 'storm-copy.ts'), list, staticFiles(site)])
}

function startPeers(host: Host, site: Site): readonly ChildProcess[] {
  const generated = join(site.folder, 'generated')
  generateForPeers(site.inventory, generated, ['dnsmasq', 'tftpboot'])
  const root = staticFiles(site)
  symlinkSync(join(site.state, 'images'), join(root, 'images'))
  symlinkSync(join(site.state, 'loaders/snponly.efi'), join(root, 'snponly.efi'))
  symlinkSync(join(generated, 'tftpboot/ipxe'), join(root, 'ipxe'))
  const configuration = join(site.folder, 'nginx.conf')
  writeFileSync(configuration, nginx(site.folder, root))
  const child = host.spawn('nginx', ['-c', configuration], { stdio: ['ignore', 'ignore', 'inherit'] })
  const tftp = `enable-tftp\ntftp-root=${root}\ntftp-max=${machines * 2}\n`
  return [startPeer(host, 'dnsmasq', generated, tftp), child]
}

const nginx = (folder: string, root: string): string => `daemon off;
user root;
pid ${folder}/nginx.pid;
worker_processes 1;
worker_rlimit_nofile 16384;
error_log ${folder}/nginx.log;
events { worker_connections 8192; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  open_file_cache max=10000;
  server { listen ${serverAddress}:80; root ${root}; }
}
`

async function measure(
  wire: Wire,
  server: string,
  children: readonly ChildProcess[],
  before: () => Promise<void> = () => Promise.resolve(),
): Promise<Measured> {
  try {
    await untilBooted(wire.clients, children)
    await before()
    const spent = (): number => children.reduce((sum, { pid = 0 }) => sum + cpuSecondsOf(pid), 0)
    const idle = spent()
    const storm = await power(wire.clients, { machines, withinSeconds })
    return { server, storm, cpu: spent() - idle }
  } finally {
    for (const child of children) await ended(child)
  }
}

/** One machine boots: everything is up. */
async function untilBooted(clients: Host, children: readonly ChildProcess[]): Promise<void> {
  for (let tries = 0; ; tries++) {
    for (const { exitCode } of children) if (exitCode !== null) throw new Error(`a server ended with ${exitCode}`)
    const { booted, troubles } = await power(clients, { machines: 1, withinSeconds: 0 })
    if (booted === 1) return
    if (tries > 20) throw new Error(`no machine boots: ${troubles.join()}`)
  }
}

async function power(clients: Host, job: StormJob): Promise<Storm> {
  const script = join(import.meta.dirname, 'storm-clients.ts')
  return JSON.parse(await output(clients, ['--import', 'tsx', script, JSON.stringify(job)])) as Storm
}

async function output(host: Host, args: readonly string[]): Promise<string> {
  const child = host.spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let said = ''
  child.stdout?.on('data', (chunk: Buffer) => (said += chunk.toString()))
  const [status] = (await once(child, 'close')) as [number | null]
  if (status !== 0) throw new Error(`${args.join(' ')} ended with ${status}`)
  return said
}

function stormTable(measured: readonly Measured[]): Table {
  return {
    title: `Boot storm: ${number(machines)} machines powered on within ten seconds, each installs`,
    header: [
      'servers',
      'booted',
      'lost',
      'the last machine, s',
      'a machine, p50, s',
      'p99, s',
      'MiB over TFTP',
      'MiB over HTTP',
      'MiB/s',
      'sent again, DHCP',
      'TFTP',
      'CPU s of the servers',
      'CPU s of the load',
    ],
    rows: measured.map(({ server, cpu, storm: { booted, last, p50, p99, bytes, repeats, cpu: load } }): Row => [
      server,
      number(booted),
      number(machines - booted),
      ...[last, p50, p99].map((one) => number(one, 1)),
      number(bytes.tftp / MiB),
      number(bytes.http / MiB),
      number((bytes.tftp + bytes.http) / MiB / last),
      number(repeats.dhcp),
      number(repeats.tftp),
      ...[cpu, load].map((one) => number(one, 1)),
    ]),
    note: 'Bar: no machine lost. Each asks for an address through a relay, fetches 1 MiB of iPXE over TFTP (blksize 1432, in lock-step), asks again as iPXE, then fetches its menu, 1 MiB of kernel, 3 MiB of initrd and its kickstart over HTTP. Our server renders menus and kickstarts as they are asked for; the others have them as files, the kickstarts rendered beforehand by us. The servers share one processor, the load has the other. Limits: the last machine is powered on after ten seconds, and a processor that is busy all the time spends as many seconds as pass.',
  }
}
