// The DHCP servers that are measured, each with the reservations of one farm: ours from its inventory, the others from the
// files that our own `bootstead generate` writes for them.
import type { ChildProcess } from 'node:child_process'
import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Host } from '../boot/network.ts'
import { serverAddress } from './dhcp-client.ts'
import { root } from './farm.ts'

type PeerName = 'ISC dhcpd' | 'Kea' | 'dnsmasq'
export type DhcpServerName = 'Bootstead' | PeerName

type Peer = Readonly<{
  target: 'isc' | 'kea' | 'dnsmasq'
  /** The daemon's own configuration around the folder of ours. What it would log or keep for each client is off. */
  main: (folder: string) => string
  argv: (state: string) => readonly string[]
}>

const peers: Readonly<Record<PeerName, Peer>> = {
  'ISC dhcpd': {
    target: 'isc',
    main: (folder) => `authoritative;\ninclude "${folder}/bootstead.conf";\n`,
    argv: (state) => ['dhcpd', '-4', '-f', '-d', '--no-pid', '-cf', `${state}/main`, '-lf', `${state}/leases`, 'eth0'],
  },
  Kea: {
    target: 'kea',
    main: (folder) =>
      `{ "Dhcp4": {
  "interfaces-config": { "interfaces": [ "eth0" ], "dhcp-socket-type": "udp" },
  "lease-database": { "type": "memfile", "persist": false },
  "loggers": [ { "name": "kea-dhcp4", "severity": "ERROR", "output_options": [ { "output": "stderr" } ] } ],
  "client-classes": [ <?include "${folder}/client-classes.json"?> ],
  "subnet4": [ <?include "${folder}/subnets.json"?> ]
} }\n`,
    argv: (state) => [
      'env',
      `KEA_PIDFILE_DIR=${state}`,
      `KEA_LOCKFILE_DIR=${state}`,
      'kea-dhcp4',
      '-c',
      `${state}/main`,
    ],
  },
  dnsmasq: {
    target: 'dnsmasq',
    main: (folder) =>
      `port=0\ninterface=eth0\nbind-dynamic\ndhcp-authoritative\nquiet-dhcp\nleasefile-ro\ndhcp-lease-max=1000000\nconf-file=${folder}/bootstead.conf\n`,
    argv: (state) => [
      'dnsmasq',
      '--no-daemon',
      '--log-facility=-',
      '--user=root',
      `--conf-file=${state}/main`,
      '--pid-file',
    ],
  },
}

export const peerNames = Object.keys(peers) as readonly PeerName[]

/** Writes what all peers read, by the command that a site would use. */
export function generateForPeers(
  inventory: string,
  folder: string,
  targets: readonly string[] = Object.values(peers).map(({ target }) => target),
): void {
  const options = ['--inventory', inventory, '--state', join(folder, 'state'), '--advertise', serverAddress]
  const words = ['generate', ...options, '--out', folder, '--no-check', ...targets]
  execFileSync('bin/bootstead', words, { cwd: root, stdio: ['ignore', 'ignore', 'inherit'], env: compiled })
}

const compiled = { ...process.env, BOOTSTEAD_DIST: '1' }

/**
 * @param folder where generateForPeers() wrote
 * @param more of its configuration
 */
export function startPeer(host: Host, name: PeerName, folder: string, more = ''): ChildProcess {
  const { target, main, argv } = peers[name]
  const state = join(folder, `run-${target}`)
  mkdirSync(state, { recursive: true })
  writeFileSync(join(state, 'main'), main(join(folder, target, 'current')) + more)
  writeFileSync(join(state, 'leases'), '')
  const [command = '', ...args] = argv(state)
  return host.spawn(command, args, { stdio: 'ignore' })
}

/** @param words what is to be added to DHCP alone */
export function startOurs(host: Host, inventory: string, state: string, words: readonly string[]): ChildProcess {
  const options = ['--inventory', inventory, '--state', state, '--advertise', serverAddress, '--log-level', 'error']
  return host.spawn('bin/bootstead', ['serve', '--no-admin', ...options, ...words], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: compiled,
  })
}
