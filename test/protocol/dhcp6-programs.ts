// DHCPv6 clients of operating systems, as they are run on a host that has one card, eth0.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ended } from '../boot/network.ts'
import { requireHostFiles } from '../boot/packages.ts'
import type { LabHost } from './dhcp-lab.ts'
import type { Program, RunningClient } from './dhcp-programs.ts'
import { card, scripts, startProgram } from './dhcp-programs.ts'

export const dhcp6Programs = ['dhclient', 'systemd-networkd', 'dhcpcd'] as const
export type Dhcp6Program = (typeof dhcp6Programs)[number]

const programs: Readonly<Record<Dhcp6Program, Program>> = {
  dhclient: {
    needs: { file: 'dhclient', debian: 'isc-dhcp-client' },
    argv: (folder) => [
      ...['dhclient', '-6', '-d', '-D', 'LL', '-cf', join(folder, 'dhclient.conf'), '-lf', join(folder, 'leases')],
      ...['--no-pid', '-sf', join(scripts, 'lease6-script')],
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
    argv: () => ['dhcpcd', '-6', '-B', '-i', 'dhcpcd', '-c', '/bin/true', '-f', '/dev/null', card],
    isolated: true,
  },
}

export const requireClients6 = (): void => {
  requireHostFiles(Object.values(programs).map(({ needs }) => needs))
}

export type Client6Options = Readonly<{
  /** More words, those of dhclient before the card. */
  words?: readonly string[]
  /** Where dhclient keeps its leases, from one run to the next; a folder of its own unless given. */
  folder?: string
}>

export async function startClient6(
  host: LabHost,
  name: Dhcp6Program,
  { words: more = [], folder: kept }: Client6Options = {},
): Promise<RunningClient> {
  const { argv, isolated } = programs[name]
  const folder = kept ?? (await mkdtemp(join(tmpdir(), `bootstead-${name}-`)))
  await writeFile(join(folder, 'dhclient.conf'), 'also request dhcp6.sntp-servers;\n')
  const words = [...argv(folder), ...more, ...(name === 'dhclient' ? [card] : [])]
  const { process, said } = startProgram(host, name, isolated, words, '10-eth0-ipv6.network')
  const close = async (): Promise<void> => {
    await ended(process)
    if (kept === undefined) await rm(folder, { recursive: true })
  }
  return { process, said, close }
}

/** Waits until no address of the card is tentative any more: none of them can be sent from before. */
export async function settled(host: LabHost, name: string): Promise<void> {
  const shown = (): Promise<string> => host.ip(`-6 address show dev ${name}`)
  for (const deadline = performance.now() + 30_000; /tentative|^$/.test(await shown());) {
    if (performance.now() > deadline) throw new Error(`addresses of ${name} stay tentative: ${await shown()}`)
    await sleep(50)
  }
}
