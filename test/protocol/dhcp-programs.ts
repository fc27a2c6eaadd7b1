// DHCP clients of operating systems, as they are run on a host that has one card, eth0.
import type { ChildProcess } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { HostNeed } from '../boot/packages.ts'
import { requireHostFiles } from '../boot/packages.ts'
import { ended } from '../boot/network.ts'
import type { LabHost } from './dhcp-lab.ts'

export const dhcpPrograms = ['udhcpc', 'dhclient', 'systemd-networkd', 'dhcpcd', 'ipconfig'] as const
export type DhcpProgram = (typeof dhcpPrograms)[number]

export type RunningClient = Readonly<{
  process: ChildProcess
  /** The first line of its output, so far or to come, that matches. Throws after half a minute. */
  said: (wanted: RegExp) => Promise<string>
  close: () => Promise<void>
}>

export type Program = Readonly<{
  needs: HostNeed
  argv: (folder: string) => readonly string[]
  /** It writes files of its own, and starts processes: it gets mounts and process numbers of its own. */
  isolated: boolean
}>

export const scripts = join(import.meta.dirname, 'dhcp-clients')
const leaseScript = join(scripts, 'lease-script')
export const card = 'eth0'

export const programs: Readonly<Record<DhcpProgram, Program>> = {
  udhcpc: {
    needs: { file: 'udhcpc', debian: 'udhcpc' },
    argv: () => ['udhcpc', '-i', card, '-s', leaseScript, '-f', '-t', '20', '-T', '1', '-A', '1', '-a500'],
    isolated: false,
  },
  dhclient: {
    needs: { file: 'dhclient', debian: 'isc-dhcp-client' },
    argv: (folder) => [
      ...['dhclient', '-4', '-d', '-cf', join(folder, 'dhclient.conf'), '-lf', join(folder, 'leases')],
      ...['--no-pid', '-sf', leaseScript, card],
    ],
    isolated: false,
  },
  'systemd-networkd': {
    needs: { file: '/lib/systemd/systemd-networkd', debian: 'systemd' },
    argv: () => ['/lib/systemd/systemd-networkd'],
    isolated: true,
  },
  dhcpcd: {
    needs: { file: 'dhcpcd', debian: 'dhcpcd-base' },
    // Its own vendor class would name this host's kernel and processor.
    argv: () => ['dhcpcd', '-4', '-B', '-A', '-i', 'dhcpcd', '-c', '/bin/true', '-f', '/dev/null', card],
    isolated: true,
  },
  ipconfig: {
    needs: { file: '/usr/lib/klibc/bin/ipconfig', debian: 'klibc-utils' },
    argv: () => ['/usr/lib/klibc/bin/ipconfig', '-c', 'dhcp', '-t', '30', '-d', card],
    isolated: true,
  },
}

export const requireClients = (): void => {
  requireHostFiles(Object.values(programs).map(({ needs }) => needs))
}

/** dhclient renews after two seconds and asks everybody after four, whatever it is given, and is patient beyond that. */
export const hasty = `backoff-cutoff 2;
  supersede dhcp-lease-time 60; supersede dhcp-renewal-time 2; supersede dhcp-rebinding-time 4;`

export type ClientOptions = Readonly<{
  /** More words on its command line. */
  words?: readonly string[]
  /** More of dhclient's configuration. */
  conf?: string
  /** An address that dhclient has from a lease which has not run out. */
  leased?: string
}>

export async function startClient(
  host: LabHost,
  name: DhcpProgram,
  { words: more = [], conf = '', leased }: ClientOptions = {},
): Promise<RunningClient> {
  const { argv, isolated } = programs[name]
  const folder = await mkdtemp(join(tmpdir(), `bootstead-${name}-`))
  await writeFile(join(folder, 'dhclient.conf'), `timeout 30; retry 1; initial-interval 1; ${conf}\n`)
  if (leased !== undefined) await writeFile(join(folder, 'leases'), leaseOf(leased))
  const { process, said } = startProgram(host, name, isolated, [...argv(folder), ...more], '10-eth0.network')
  const close = async (): Promise<void> => {
    await ended(process)
    await rm(folder, { recursive: true })
  }
  return { process, said, close }
}

/** @param networkFile what systemd-networkd is to know */
export function startProgram(
  host: LabHost,
  name: string,
  isolated: boolean,
  argv: readonly string[],
  networkFile: string,
): Omit<RunningClient, 'close'> {
  const alone = isolated ? ['unshare', '--mount', '--pid', '--fork', '--kill-child', join(scripts, 'isolated')] : []
  const [command = '', ...words] = [...alone, ...argv]
  const child = host.spawn(command, words, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NETWORK_FILE: join(scripts, networkFile) },
  })
  return { process: child, said: listenTo(child, name) }
}

function listenTo(child: ChildProcess, name: string): RunningClient['said'] {
  const arrivals = new EventEmitter()
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => {
      output += chunk.toString()
      arrivals.emit('output')
    })
  return async (wanted) => {
    const signal = AbortSignal.timeout(30_000)
    while (true) {
      const found = output.split('\n').find((line) => wanted.test(line))
      if (found !== undefined) return found
      await once(arrivals, 'output', { signal }).catch(() => {
        throw new Error(`${name} never said ${String(wanted)}:\n${output}`)
      })
    }
  }
}

/** dhclient.leases(5). */
const leaseOf = (address: string): string => `lease {
  interface "${card}";
  fixed-address ${address};
  option subnet-mask 255.255.255.0;
  option dhcp-lease-time 3600;
  option dhcp-message-type 5;
  option dhcp-server-identifier 192.0.2.1;
  renew never;
  rebind never;
  expire never;
}
`
