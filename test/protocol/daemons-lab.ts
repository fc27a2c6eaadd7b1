// Real DHCP daemons with generated configurations in a network namespace, and a relay and clients in another.
import type { ChildProcess } from 'node:child_process'
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { DhcpMessage, MessageType } from '../../server/plan/dhcp/message.ts'
import { MESSAGE_TYPE, NO_ADDRESS, OPTION } from '../../server/plan/dhcp/message.ts'
import { u8 } from '../../server/plan/dhcp/options.ts'
import { decodeDhcp, encodeDhcp } from '../../server/render/dhcp.ts'
import type { DaemonName, TargetContext, TargetName } from '../../server/render/targets.ts'
import { openTarget, renderTarget } from '../../server/render/targets.ts'
import type { Network } from '../boot/network.ts'
import { ended, openNetwork, serverAddress } from '../boot/network.ts'
import { requireHostFiles } from '../boot/packages.ts'
import { temporaryFolder } from '../fixtures.ts'

export const relays = { farm: '192.0.2.2', storage: '198.51.100.1', outside: '203.0.113.9' } as const

/** The card that clients have. */
export const clientCard = 'plug1'

export type Lab = Readonly<{
  network: Network
  /** Asks through a relay; null when nobody answers within `waitMs`. */
  ask: (request: DhcpMessage, waitMs?: number) => Promise<DhcpMessage | null>
  /** Runs a program beside the relay, which has addresses. */
  runAway: (command: string, args: readonly string[]) => Promise<string>
  /** Runs a program beside the clients, on the wire itself, with that MAC. */
  runClient: (mac: string, command: string, args: readonly string[]) => Promise<string>
}>

let xid = 1

/** As that relay passes it on. */
export function relayedRequest(
  type: MessageType,
  mac: string,
  relay: string,
  options: Iterable<readonly [number, Uint8Array]> = [],
): DhcpMessage {
  return {
    op: 'request',
    htype: 1,
    hops: 1,
    xid: xid++,
    secs: 0,
    broadcast: false,
    ciaddr: NO_ADDRESS,
    yiaddr: NO_ADDRESS,
    siaddr: NO_ADDRESS,
    giaddr: relay,
    chaddr: Uint8Array.from(mac.split(':'), (octet) => Number.parseInt(octet, 16)),
    sname: '',
    file: '',
    options: new Map([
      [OPTION.messageType, u8(MESSAGE_TYPE[type])],
      [OPTION.parameterRequestList, Uint8Array.of(1, 3, 6, 12, 15, 26, 28, 42, 43, 51, 60, 66, 67)],
      ...options,
    ]),
  }
}

/** @throws Error naming the packages that are missing */
export const requirePrograms = (): void =>
  requireHostFiles([
    { file: 'dhcpd', debian: 'isc-dhcp-server' },
    { file: 'kea-dhcp4', debian: 'kea-dhcp4-server' },
    { file: 'dnsmasq', debian: 'dnsmasq-base' },
    { file: 'in.tftpd', debian: 'tftpd-hpa' },
    { file: 'udhcpc', debian: 'udhcpc' },
    { file: 'curl', debian: 'curl' },
  ])

export async function openLab(): Promise<Lab & Readonly<{ close: () => Promise<void> }>> {
  requirePrograms()
  const network = await openNetwork()
  const ip = (line: string): Promise<string> => network.run('ip', line.split(' '))
  const away = await network.addHost(['wire1', clientCard]) // the clients' takes a new MAC each time, which no relay survives
  for (const range of ['198.51.100.0/24', `${relays.outside}/32`]) await ip(`route add ${range} dev br0`)
  for (const line of [
    'link set lo up',
    'link set wire1 up',
    `link set ${clientCard} arp off up`, // or it answers for the relays' addresses too

    ...Object.values(relays).map((relay) => `address add ${relay}/24 dev wire1`),
  ])
    await away.run('ip', line.split(' '))
  const probe = away.spawn(process.execPath, ['--import', 'tsx', join(import.meta.dirname, 'daemons-probe.ts')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const { ask, end } = questions(probe)
  return {
    network,
    ask,
    runAway: away.run,
    runClient: async (mac, command, args) => {
      await away.run('ip', ['link', 'set', clientCard, 'address', mac])
      return away.run(command, args)
    },
    close: async () => {
      end()
      await ended(probe)
      await away.close()
      await network.close()
    },
  }
}

function questions({ stdin, stdout }: ChildProcess) {
  if (stdin === null || stdout === null) throw new Error('the probe has no pipes')
  const answers: AsyncIterator<string> = createInterface({ input: stdout })[Symbol.asyncIterator]()
  return {
    ask: async (request: DhcpMessage, waitMs = 10_000): Promise<DhcpMessage | null> => {
      const octets = Buffer.from(encodeDhcp(request, { maxSize: 1472 })).toString('hex')
      stdin.write(`${JSON.stringify({ from: request.giaddr, to: serverAddress, octets, waitMs })}\n`)
      const answer = await answers.next()
      if (answer.done === true) throw new Error('the probe ended')
      return answer.value === '-' ? null : decodeDhcp(Buffer.from(answer.value, 'hex'))
    },
    end: () => stdin.end(),
  }
}

/** Writes a target as the publisher would; its folder. */
export function writeTarget(t: TestContext, context: Omit<TargetContext, 'folder'>, target: TargetName): string {
  const folder = temporaryFolder(t)
  for (const file of renderTarget(openTarget({ ...context, folder }, target))) {
    if (file.kind === 'left-out') continue
    mkdirSync(join(folder, dirname(file.path)), { recursive: true })
    if (file.kind === 'copy') copyFileSync(file.source, join(folder, file.path))
    else writeFileSync(join(folder, file.path), file.sections.map(({ text }) => text).join(''))
  }
  return folder
}

/** How each daemon is started on `STATE/main`, and what it says when it serves. */
export const daemonPrograms: Readonly<
  Record<DaemonName, Readonly<{ argv: (state: string) => readonly string[]; up: RegExp }>>
> = {
  isc: {
    argv: (state) => ['dhcpd', '-4', '-f', '-d', '--no-pid', '-cf', `${state}/main`, '-lf', `${state}/leases`, 'br0'],
    up: /Server starting service/,
  },
  kea: {
    argv: (state) => [
      'env',
      `KEA_PIDFILE_DIR=${state}`,
      `KEA_LOCKFILE_DIR=${state}`,
      'kea-dhcp4',
      '-c',
      `${state}/main`,
    ],
    up: /DHCP4_STARTED/,
  },
  dnsmasq: {
    argv: (state) => [
      'dnsmasq',
      '--no-daemon',
      '--user=root',
      `--conf-file=${state}/main`,
      `--dhcp-leasefile=${state}/leases`,
      '--pid-file',
    ],
    up: /read \S+\/options\//,
  },
}

/** What a site's own configuration says around a folder of ours, and nothing else. */
const mains: Readonly<Record<DaemonName, (folder: string, own: string) => string>> = {
  isc: (folder, own) => `authoritative;\n${own}\ninclude "${folder}/bootstead.conf";\n`,
  kea: (folder, own) => `{ "Dhcp4": {
  "interfaces-config": { "interfaces": [ "br0" ] },
  "lease-database": { "type": "memfile", "persist": false },
  "early-global-reservations-lookup": true,
  "client-classes": [ <?include "${folder}/client-classes.json"?> ],
  "subnet4": [ ${own} <?include "${folder}/subnets.json"?> ],
  "reservations": [ <?include "${folder}/reservations.json"?> ]
} }\n`,
  dnsmasq: (folder, own) =>
    `port=0\n${own}\ninterface=br0\nbind-dynamic\ndhcp-authoritative\nlog-dhcp\nconf-file=${folder}/bootstead.conf\n`,
}

/**
 * Starts it and waits until it serves; it ends with the test.
 * @param own what the site's configuration says beside ours
 */
export async function startDaemon(
  t: TestContext,
  lab: Lab,
  daemon: DaemonName,
  folder: string,
  own: (folder: string) => string = () => '',
): Promise<ChildProcess> {
  const state = temporaryFolder(t)
  const { argv, up } = daemonPrograms[daemon]
  writeFileSync(join(state, 'main'), mains[daemon](folder, own(folder)))
  writeFileSync(join(state, 'leases'), '')
  const [command = '', ...args] = argv(state)
  const child = lab.network.spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  t.after(() => ended(child))
  let log = ''
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => (log += chunk.toString()))
  if (process.env['DAEMON_LOG'] !== undefined)
    t.after(() => writeFileSync(`${process.env['DAEMON_LOG'] ?? ''}.${daemon}`, log))
  for (let waited = 0; !up.test(log); waited += 20) {
    if (child.exitCode !== null || waited > 20_000) throw new Error(`${daemon} does not start:\n${log}`)
    await sleep(20)
  }
  return child
}
