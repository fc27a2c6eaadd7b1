// DHCP servers as sites have them that give addresses and say nothing of booting.
import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DaemonName } from '../../server/render/targets.ts'
import type { Host } from '../boot/network.ts'
import { ended } from '../boot/network.ts'

export const giverNames = ['isc', 'kea', 'dnsmasq'] as const satisfies readonly DaemonName[]

type Site = Readonly<{
  card: string
  /** Strangers get addresses from 192.0.2.100 to 192.0.2.109. */
  hosts: readonly Readonly<{ mac: string; ip: string }>[]
  /** Lines of the site's own. */
  more?: string
}>

type Giver = Readonly<{
  argv: (folder: string, card: string) => readonly string[]
  config: (site: Required<Site>) => string
  up: RegExp
}>

const givers: Readonly<Record<DaemonName, Giver>> = {
  isc: {
    argv: (folder, card) => [
      ...['dhcpd', '-4', '-f', '-d', '--no-pid', '-cf', join(folder, 'config'), '-lf', join(folder, 'leases'), card],
    ],
    config: ({ hosts, more }) => `authoritative;
subnet 192.0.2.0 netmask 255.255.255.0 { range 192.0.2.100 192.0.2.109; }
${hosts.map(({ mac, ip }, index) => `host h${index} { hardware ethernet ${mac}; fixed-address ${ip}; }`).join('\n')}
${more}
`,
    up: /Server starting service/,
  },
  kea: {
    argv: (folder) => [
      ...['env', `KEA_PIDFILE_DIR=${folder}`, `KEA_LOCKFILE_DIR=${folder}`, 'kea-dhcp4', '-c', join(folder, 'config')],
    ],
    config: ({ card, hosts, more }) => `{ "Dhcp4": {
  "interfaces-config": { "interfaces": [ "${card}" ] },
  "lease-database": { "type": "memfile", "persist": false },
  ${more === '' ? '' : `${more},`}
  "subnet4": [ { "id": 1, "subnet": "192.0.2.0/24", "pools": [ { "pool": "192.0.2.100 - 192.0.2.109" } ],
    "reservations": [ ${hosts.map(({ mac, ip }) => `{ "hw-address": "${mac}", "ip-address": "${ip}" }`).join(', ')} ] } ]
} }
`,
    up: /DHCP4_STARTED/,
  },
  dnsmasq: {
    argv: (folder) => [
      ...['dnsmasq', '--no-daemon', '--user=root', `--conf-file=${join(folder, 'config')}`, '--pid-file'],
      `--dhcp-leasefile=${join(folder, 'leases')}`,
    ],
    config: ({ card, hosts, more }) => `port=0
interface=${card}
bind-interfaces
dhcp-authoritative
dhcp-range=192.0.2.100,192.0.2.109
${hosts.map(({ mac, ip }) => `dhcp-host=${mac},${ip}`).join('\n')}
${more}
`,
    up: /IP range/,
  },
}

/** Resolves when it serves, with what ends it. */
export async function startGiver(host: Host, name: DaemonName, site: Site): Promise<() => Promise<void>> {
  const { argv, config, up } = givers[name]
  const folder = await mkdtemp(join(tmpdir(), `bootstead-giver-${name}-`))
  await writeFile(join(folder, 'config'), config({ more: '', ...site }))
  await writeFile(join(folder, 'leases'), '')
  const [command = '', ...words] = argv(folder, site.card)
  const child = host.spawn(command, words, { stdio: ['ignore', 'pipe', 'pipe'] })
  let log = ''
  await new Promise<void>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk: Buffer) => {
        log += chunk.toString()
        if (up.test(log)) resolve()
      })
    child.on('exit', () => reject(new Error(`${name} ended:\n${log}`)))
  })
  return async () => {
    await ended(child)
    await rm(folder, { recursive: true })
  }
}

const manual = join(import.meta.dirname, '../../docs/how-to/proxy-dhcp.md')
const titles: Readonly<Record<DaemonName, string>> = { isc: 'ISC dhcpd', kea: 'Kea', dnsmasq: 'dnsmasq' }

/** What the manual has a server on the same host say. */
export async function manualLines(name: DaemonName): Promise<string> {
  const [, lines = ''] =
    new RegExp(`^${titles[name]}, in.*:\\n\\n<!--.*\\n\\n\`\`\`conf\\n((?:.*\\n)+?)\`\`\``, 'm').exec(
      await readFile(manual, 'utf8'),
    ) ?? []
  assert.notEqual(lines, '', `${manual} has no lines for ${name}`)
  return lines
}
