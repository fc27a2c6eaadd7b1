// Real DHCP daemons with generated configurations in a network namespace, and a relay and clients in another.
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { DhcpMessage } from '../../server/plan/dhcp/message.ts'
import { decodeDhcp, encodeDhcp } from '../../server/render/dhcp.ts'
import type { DaemonName, TargetContext, TargetName } from '../../server/render/targets.ts'
import { openTarget, renderTarget } from '../../server/render/targets.ts'
import type { Network } from '../boot/network.ts'
import { ended, openNetwork, serverAddress } from '../boot/network.ts'
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

/** Programs these tests need, and the Debian packages that bring them. */
const needs = {
  dhcpd: 'isc-dhcp-server',
  'kea-dhcp4': 'kea-dhcp4-server',
  dnsmasq: 'dnsmasq-base',
  'in.tftpd': 'tftpd-hpa',
  udhcpc: 'udhcpc',
  curl: 'curl',
} as const

/** @throws Error naming the packages that are missing */
export function requirePrograms(): void {
  const missing = Object.entries(needs).filter(
    ([program]) => !['/usr/sbin', '/sbin', '/usr/bin'].some((folder) => existsSync(join(folder, program))),
  )
  if (missing.length > 0)
    throw new Error(`these tests need: apt-get install ${missing.map(([, debian]) => debian).join(' ')}`)
}

export async function openLab(): Promise<Lab & Readonly<{ close: () => Promise<void> }>> {
  requirePrograms()
  const network = await openNetwork()
  const ip = (line: string): Promise<string> => network.run('ip', line.split(' '))
  const away = network.spawn('unshare', ['--net', 'sh', '-c', 'echo up; exec sleep infinity'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(away.stdout ?? away, 'data')
  const inside = ['--net', `--target=${String(away.pid)}`, '--']
  const runAway = (command: string, args: readonly string[]): Promise<string> =>
    network.run('nsenter', [...inside, command, ...args])
  await ip('link add wire0 type veth peer name wire1')
  await ip(`link set wire1 netns ${String(away.pid)}`)
  await ip('link set wire0 master br0 up')
  await ip('link add plug0 type veth peer name plug1') // the clients': another MAC each time, which no relay survives
  await ip(`link set plug1 netns ${String(away.pid)}`)
  await ip('link set plug0 master br0 up')
  for (const range of ['198.51.100.0/24', `${relays.outside}/32`]) await ip(`route add ${range} dev br0`)
  for (const line of [
    'link set lo up',
    'link set wire1 up',
    'link set plug1 arp off up', // or it answers for the relays' addresses too

    ...Object.values(relays).map((relay) => `address add ${relay}/24 dev wire1`),
  ])
    await runAway('ip', line.split(' '))
  const probe = network.spawn(
    'nsenter',
    [...inside, process.execPath, '--import', 'tsx', join(import.meta.dirname, 'daemons-probe.ts')],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  )
  const { ask, end } = questions(probe)
  return {
    network,
    ask,
    runAway,
    runClient: async (mac, command, args) => {
      await runAway('ip', ['link', 'set', clientCard, 'address', mac])
      return runAway(command, args)
    },
    close: async () => {
      end()
      for (const child of [probe, away]) await ended(child)
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

/** How each daemon is started around a folder of ours: what a site's own configuration says, and nothing else. */
const starts: Readonly<
  Record<
    DaemonName,
    (folder: string, state: string, own: string) => Readonly<{ main: string; argv: readonly string[]; up: RegExp }>
  >
> = {
  isc: (folder, state, own) => ({
    main: `authoritative;\n${own}\ninclude "${folder}/bootstead.conf";\n`,
    argv: ['dhcpd', '-4', '-f', '-d', '--no-pid', '-cf', `${state}/main`, '-lf', `${state}/leases`, 'br0'],
    up: /Server starting service/,
  }),
  kea: (folder, state, own) => ({
    main: `{ "Dhcp4": {
  "interfaces-config": { "interfaces": [ "br0" ] },
  "lease-database": { "type": "memfile", "persist": false },
  "early-global-reservations-lookup": true,
  "client-classes": [ <?include "${folder}/client-classes.json"?> ],
  "subnet4": [ ${own} <?include "${folder}/subnets.json"?> ],
  "reservations": [ <?include "${folder}/reservations.json"?> ]
} }\n`,
    argv: ['env', `KEA_PIDFILE_DIR=${state}`, `KEA_LOCKFILE_DIR=${state}`, 'kea-dhcp4', '-c', `${state}/main`],
    up: /DHCP4_STARTED/,
  }),
  dnsmasq: (folder, state, own) => ({
    main: `port=0\n${own}\ninterface=br0\nbind-dynamic\ndhcp-authoritative\nlog-dhcp\nconf-file=${folder}/bootstead.conf\n`,
    argv: [
      'dnsmasq',
      '--no-daemon',
      '--user=root',
      `--conf-file=${state}/main`,
      `--dhcp-leasefile=${state}/leases`,
      '--pid-file',
    ],
    up: /read \S+\/options\//,
  }),
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
  const { main, argv, up } = starts[daemon](folder, state, own(folder))
  writeFileSync(join(state, 'main'), main)
  writeFileSync(join(state, 'leases'), '')
  const [command = '', ...args] = argv
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
