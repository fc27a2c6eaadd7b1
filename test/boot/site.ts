// A site that has its own DHCP daemon and TFTP root: its administrator's configuration, and the daemons started with it.
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stringify } from 'yaml'
import type { DaemonName } from '../../server/render/targets.ts'
import { daemonPrograms } from '../protocol/daemons-lab.ts'
import { ended, serverAddress, type Network } from './network.ts'

export interface Site {
  /** Its bootstead.yaml. */
  readonly config: string
  /** The daemon's own configuration. */
  readonly main: string
  /** Where the daemon's files are published, and those of TFTP. */
  readonly published: string
  readonly tftpboot: string
  /** Resolves when the daemons serve. */
  readonly start: () => Promise<void>
  /** How the daemon was told to take up something new, once for each time. */
  readonly told: () => Promise<readonly string[]>
  readonly close: () => Promise<void>
}

/** Strangers get these addresses, from the site's own configuration. */
export const pool = /^192\.0\.2\.24\d$/
/** The site's own configuration names it; the inventory names none. */
export const ntpServer = '192.0.2.9'

const scripts = join(import.meta.dirname, 'site')

export const openSite = async (network: Network, daemon: DaemonName): Promise<Site> => {
  const folder = await mkdtemp(join(tmpdir(), `bootstead-site-${daemon}-`))
  await chmod(folder, 0o755) // TFTP daemons read as somebody else
  const closers: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, maxRetries: 5 })] // a daemon may be ending still
  const [state, tftpboot, generated] = [join(folder, 'state'), join(folder, 'tftpboot'), join(folder, 'generated')]
  await mkdir(state)
  await writeFile(join(state, 'leases'), '')
  const [main, config, published] = [join(state, 'main'), join(folder, 'bootstead.yaml'), join(generated, 'current')]
  await writeFile(main, mains[daemon]({ lines: await includeLines(daemon, generated), published, state, tftpboot }))
  const place = { folder: generated, main, ...ways[daemon](state) }
  await writeFile(config, stringify({ targets: { [daemon]: place, tftpboot: { folder: tftpboot } } }))
  const noted = async (file: string) => readFile(join(state, file), 'utf8').catch(() => '')
  return {
    config,
    main,
    published,
    tftpboot,
    start: async () => {
      const { argv, up } = daemonPrograms[daemon]
      const kept = network.spawn(join(scripts, 'keep'), [state, ...argv(state)], { stdio: 'ignore' })
      closers.push(() => ended(kept))
      if (daemon !== 'dnsmasq') closers.push(await startTftpd(network, tftpboot))
      await until(async () => up.test(await noted('log'))).catch(async (cause: unknown) => {
        throw new Error(`${daemon} does not start:\n${await noted('log')}`, { cause })
      })
    },
    told: async () => [
      ...(await noted('told')).split('\n').filter((signal) => signal !== ''),
      ...[...(await noted('log')).matchAll(/COMMAND_RECEIVED .*'(config-reload)'/g)].map(([, command = '']) => command),
    ],
    close: async () => {
      for (const close of closers.toReversed()) await close()
    },
  }
}

/** As `targets` has them. */
const ways: Readonly<Record<DaemonName, (state: string) => Readonly<Record<string, unknown>>>> = {
  isc: (state) => ({ reload: [join(scripts, 'tell'), state, 'TERM'] }),
  kea: (state) => ({ control_socket: join(state, 'control') }),
  dnsmasq: (state) => ({
    reload: [join(scripts, 'tell'), state, 'HUP'],
    restart: [join(scripts, 'tell'), state, 'TERM'],
  }),
}

const manual = join(import.meta.dirname, '../../docs/how-to/existing-daemons.md')
const firstWords: Readonly<Record<DaemonName, RegExp>> = {
  isc: /^include "/,
  kea: /^"/,
  dnsmasq: /^conf-file=/,
}

/** As the manual has them, with a folder of this test. */
const includeLines = async (daemon: DaemonName, folder: string): Promise<string> => {
  const [, chapter = ''] = /^## The include lines$(.*?)^## /ms.exec(await readFile(manual, 'utf8')) ?? []
  const blocks = [...chapter.matchAll(/^```conf\n(.*?)^```$/gms)].map(([, block = '']) => block.split('\n'))
  const own = blocks.flat().filter((line) => firstWords[daemon].test(line))
  if (own.length === 0) throw new Error(`${manual} has no include lines for ${daemon}`)
  return own.join('\n').replaceAll(/\/etc\/[\w/-]+(?=\/current\/)/g, folder)
}

interface Parts {
  /** The manual's include lines. */
  readonly lines: string
  readonly published: string
  readonly state: string
  readonly tftpboot: string
}

/** The site declares the subnet itself, with what it wants for everybody in it, and has machines that we know nothing of. */
const mains: Readonly<Record<DaemonName, (parts: Parts) => string>> = {
  isc: ({ lines }) => `authoritative;
default-lease-time 3600;
subnet 192.0.2.0 netmask 255.255.255.0 {
  range 192.0.2.240 192.0.2.249;
  option routers ${serverAddress};
  option ntp-servers ${ntpServer};
}
host printer { hardware ethernet 02:00:00:00:00:fa; fixed-address 192.0.2.250; }
${lines}
`,
  kea: ({ lines, published, state }) => {
    const reservations = ['farm', 'lab'].map((network) => `<?include "${published}/networks/${network}.json"?>`)
    const subnet = `{ "id": 1, "subnet": "192.0.2.0/24",
    "pools": [ { "pool": "192.0.2.240 - 192.0.2.249" } ],
    "option-data": [
      { "name": "routers", "data": "${serverAddress}" },
      { "name": "ntp-servers", "data": "${ntpServer}" }
    ],
    "reservations": [
      { "hw-address": "02:00:00:00:00:fa", "ip-address": "192.0.2.250" },
      ${reservations.join('\n      ')}
    ] },`
    return `{ "Dhcp4": {
  "interfaces-config": { "interfaces": [ "br0" ] },
  "lease-database": { "type": "memfile", "persist": false },
  "control-socket": { "socket-type": "unix", "socket-name": "${state}/control" },
  "valid-lifetime": 3600,
  ${lines.replace('"subnet4": [', (start) => `${start} ${subnet}`)}
} }
`
  },
  dnsmasq: ({ lines, tftpboot }) => `port=0
interface=br0
bind-dynamic
dhcp-authoritative
dhcp-range=192.0.2.240,192.0.2.249,255.255.255.0,1h
dhcp-option=option:ntp-server,${ntpServer}
dhcp-host=02:00:00:00:00:fa,192.0.2.250,printer
enable-tftp
tftp-root=${tftpboot}
${lines}
`,
}

/** As Debian starts it; what ends it. */
const startTftpd = async (network: Network, root: string): Promise<() => Promise<void>> => {
  const argv = ['-L', '-4', '--user', 'tftp', '--address', `${serverAddress}:69`, '--secure', root]
  const daemon = network.spawn('in.tftpd', argv, { stdio: 'ignore' })
  await until(async () => (await network.run('cat', ['/proc/net/udp'])).includes(':0045 '))
  return () => ended(daemon)
}

/** Throws when it has not come true in half a minute. */
export const until = async (isSo: () => Promise<boolean>): Promise<void> => {
  for (const deadline = performance.now() + 30_000; !(await isSo());) {
    if (performance.now() > deadline) throw new Error(`not so in 30 s: ${String(isSo)}`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}
