// A machine that is up already, as far as the network can tell: real clients of DHCP, TFTP and HTTP, with any machine's MAC.
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ended, serverAddress, type Host, type Network } from './network.ts'

export const dhcpPrograms = ['udhcpc', 'dhclient'] as const
export type DhcpProgram = (typeof dhcpPrograms)[number]

/** What site/take-lease prints; empty for what was not given. The boot file is that of option 67, or of the field. */
const given = ['address', 'router', 'hostname', 'ntp', 'nextServer', 'bootfile'] as const
export type Lease = Readonly<Record<(typeof given)[number], string>>

export interface Client {
  /**
   * Becomes that machine: its card has this MAC, and the address and route that it is given.
   * @param architecture what it says in option 93, as a PXE client
   */
  readonly join: (program: DhcpProgram, mac: string, architecture: number) => Promise<Lease>
  /** Until the next time: a machine that is switched on may be the same one. */
  readonly leave: () => Promise<void>
  readonly tftp: (path: string) => Promise<Buffer>
  /** The same of many at once, by a client that takes large blocks. */
  readonly tftpAll: (paths: readonly string[]) => Promise<readonly Buffer[]>
  readonly http: (url: string) => Promise<string>
  readonly close: () => Promise<void>
}

const card = 'eth0'
const script = join(import.meta.dirname, 'site/take-lease')

export const openClient = async (network: Network): Promise<Client> => {
  const host = await network.addHost([card])
  const folder = await mkdtemp(join(tmpdir(), 'bootstead-client-'))
  const ip = (line: string) => host.run('ip', line.split(' '))
  return {
    join: async (program, mac, architecture) => {
      await ip(`address flush dev ${card}`)
      await ip(`link set ${card} address ${mac} up`)
      return leaseOf(await askers[program](host, architecture, folder))
    },
    leave: async () => {
      await ip(`link set ${card} down`)
    },
    tftp: async (path) => {
      const file = join(folder, 'fetched')
      await rm(file, { force: true })
      await host.run('tftp', ['-l', '-m', 'binary', serverAddress, '-c', 'get', path, file])
      return readFile(file)
    },
    tftpAll: async (paths) => {
      const files = paths.map((_, index) => join(folder, String(index)))
      const each = paths.flatMap((path, index) => ['-o', files[index] ?? '', `tftp://${serverAddress}/${path}`])
      await host.run('curl', ['-fsS', '--max-time', '120', '--tftp-blksize', '1408', ...each])
      return Promise.all(files.map((file) => readFile(file)))
    },
    http: (url) => host.run('curl', ['-fsS', '--max-time', '30', url]),
    close: async () => {
      await host.close()
      await rm(folder, { recursive: true })
    },
  }
}

const vendorClass = (architecture: number) => `PXEClient:Arch:${String(architecture).padStart(5, '0')}:UNDI:003000`

/** Each gives what the script printed. */
const askers: Readonly<Record<DhcpProgram, (host: Host, architecture: number, folder: string) => Promise<string>>> = {
  udhcpc: (host, architecture) =>
    host.run('udhcpc', [
      ...['-i', card, '-s', script, '-f', '-q', '-n', '-t', '20', '-T', '1'],
      ...['-V', vendorClass(architecture), '-x', `0x5d:${architecture.toString(16).padStart(4, '0')}`],
      ...['bootfile', 'hostname', 'ntpsrv'].flatMap((option) => ['-O', option]),
    ]),

  dhclient: async (host, architecture, folder) => {
    const [config, leases] = [join(folder, 'dhclient.conf'), join(folder, 'dhclient.leases')]
    await writeFile(
      config,
      `timeout 30; retry 1; initial-interval 1;
send vendor-class-identifier "${vendorClass(architecture)}";
send pxe-system-type ${String(architecture)};
request subnet-mask, broadcast-address, routers, host-name, ntp-servers, bootfile-name, tftp-server-name;
`,
    )
    await rm(leases, { force: true }) // or it asks for what another machine was given
    const files = ['-cf', config, '-lf', leases, '--no-pid', '-sf', script]
    const child = host.spawn('dhclient', ['-4', '-1', '-d', ...files, card], { stdio: ['ignore', 'pipe', 'pipe'] })
    let [said, log] = ['', '']
    child.stderr?.on('data', (chunk: Buffer) => (log += chunk.toString()))
    const gone = once(child, 'exit')
    const bound = new Promise<void>((resolve) => {
      child.stdout?.on('data', (chunk: Buffer) => {
        said += chunk.toString()
        if (said.includes('bootfile=')) resolve()
      })
    })
    await Promise.race([bound, gone])
    await ended(child)
    if (said === '') throw new Error(`dhclient has no lease:\n${log}`)
    return said
  },
}

const leaseOf = (said: string): Lease => {
  const values = given.map((name) => [name, new RegExp(`^${name}=(.*)$`, 'm').exec(said)?.[1] ?? ''])
  return Object.fromEntries(values) as Lease
}
