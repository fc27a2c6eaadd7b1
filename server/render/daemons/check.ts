// The daemon's own checker on a complete configuration of which our files are a part, before they are published.
import { parseIpv4, parseMac } from '../../inventory/address.ts'
import type { Snapshot } from '../../inventory/snapshot.ts'
import type { DaemonName, TargetName } from '../targets.ts'
import type { DaemonRenderer } from './daemon.ts'
import { isHead } from './daemon.ts'
import { dnsmasq } from './dnsmasq.ts'
import { isc } from './isc.ts'
import { kea } from './kea.ts'

type Checker = Readonly<{
  /** `{main}` stands for the main file. Needs no privilege but to read the files. */
  argv: readonly string[]
  /** The Debian package it is in. */
  package: string
  /** A whole configuration around our heads, for sites that name none of their own. */
  main: (folder: string) => string
  renderer: DaemonRenderer
  /** Folders that the checker would not read by itself, and what each of their lines is in a configuration. */
  unread: Readonly<Record<string, string>>
}>

export const checkers: Readonly<Record<DaemonName, Checker>> = {
  isc: {
    argv: ['dhcpd', '-t', '-4', '-cf', '{main}'],
    package: 'isc-dhcp-server',
    main: (folder) => `include "${folder}/bootstead.conf";\n`,
    renderer: isc,
    unread: {},
  },
  kea: {
    argv: ['kea-dhcp4', '-t', '{main}'],
    package: 'kea-dhcp4-server',
    main: keaMain,
    renderer: kea,
    unread: {},
  },
  dnsmasq: {
    argv: ['dnsmasq', '--test', '--conf-file={main}'],
    package: 'dnsmasq-base',
    main: (folder) => `port=0\nconf-file=${folder}/bootstead.conf\n`,
    renderer: dnsmasq,
    unread: { hosts: 'dhcp-host=', options: 'dhcp-option=' },
  },
}

function keaMain(folder: string): string {
  return `{ "Dhcp4": {
  "interfaces-config": { "interfaces": [ ] },
  "lease-database": { "type": "memfile", "persist": false },
  "early-global-reservations-lookup": true,
  "client-classes": [ <?include "${folder}/client-classes.json"?> ],
  "subnet4": [ <?include "${folder}/subnets.json"?> ],
  "reservations": [ <?include "${folder}/reservations.json"?> ]
} }
`
}

/** A generation before it is published. */
type Unpublished = Readonly<{
  /** Where it is now. */
  root: string
  /** Where it will be: what its includes name. */
  published: string
}>

export type TextFile = Readonly<{ path: string; text: string }>

/** Whether the checker needs a copy: of files that include others, and of files that it would not read by itself. */
export const isCopied = (daemon: DaemonName, path: string): boolean =>
  isHead(checkers[daemon].renderer, path) || unreadPrefix(daemon, path) !== null

/** What is beside the generation in the scratch folder. With each main file the checker runs once. */
export type CheckFile = TextFile & Readonly<{ kind: 'main' | 'beside' }>

export const mainPath = (run: number): string => `main-${run}`

/** dnsmasq compares each host with all before it: 100,000 at once take it 30 s, in such batches one. */
const linesPerRun = 4000

/**
 * What the checker reads beside the new generation. The same path and line in the scratch folder and in the generation are
 * the same machine's.
 * @param scratch where these files will be
 * @param main the site's own main file; null: a stand-in
 * @param copied the generation's files for which isCopied() holds
 */
export function* checkFiles(
  daemon: DaemonName,
  { root, published }: Unpublished,
  scratch: string,
  main: string | null,
  copied: Iterable<TextFile>,
): Generator<CheckFile> {
  const { renderer, main: standIn } = checkers[daemon]
  const moved = (text: string): string =>
    renderer.shares
      .reduce((all, { folder }) => all.replaceAll(`${published}/${folder}/`, () => `${root}/${folder}/`), text)
      .replaceAll(`${published}/`, () => `${scratch}/`)
  const whole = moved(main ?? standIn(published)).trimEnd()
  const mainOf = (run: number, lines: readonly string[]): CheckFile => ({
    kind: 'main',
    path: mainPath(run),
    text: `${whole}\n${lines.join('')}`,
  })
  let [runs, lines, includes] = [0, 0, [] as string[]]
  for (const { path, text } of copied) {
    const prefix = unreadPrefix(daemon, path)
    yield { kind: 'beside', path, text: prefix === null ? moved(text) : text.replaceAll(/^(?=.)/gm, prefix) }
    if (prefix === null) continue
    includes.push(`conf-file=${scratch}/${path}\n`)
    lines += text.split('\n').length
    if (lines < linesPerRun) continue
    yield mainOf(runs++, includes)
    lines = 0
    includes = []
  }
  if (runs === 0 || includes.length > 0) yield mainOf(runs, includes)
}

function unreadPrefix(daemon: DaemonName, path: string): string | null {
  const [folder = ''] = path.split('/')
  return checkers[daemon].unread[folder] ?? null
}

/** Machines that a checker names by their MAC or address: some complaints have no place in a file. */
export function machinesNamed(snapshot: Snapshot, output: string): readonly string[] {
  const complaints = output.replaceAll(/^.* (?:INFO|WARN) .*$/gm, '') // Kea tells of every subnet
  const macs = [...complaints.matchAll(/\b[0-9a-f]{2}(?::[0-9a-f]{2}){5}\b/gi)].flatMap(
    ([text]) => parseMac(text) ?? [],
  )
  const addresses = [...complaints.matchAll(/\b\d{1,3}(?:\.\d{1,3}){3}\b/g)].flatMap(([text]) => parseIpv4(text) ?? [])
  const refs = [
    ...macs.flatMap((mac) => snapshot.byMac.get(mac) ?? []),
    ...addresses.flatMap((address) => snapshot.byIp.get(address) ?? []),
  ]
  return [...new Set(refs.map(({ machine }) => machine))]
}

/** What it takes that new files are taken up: nothing, reading them again, or starting again. */
type Uptake = 'nothing' | 'reload' | 'restart'

/** `systemctl reload` sends SIGHUP, at which Kea reads everything, dnsmasq hosts and options, and dhcpd nothing. */
export function uptakeOf(target: TargetName, changed: readonly string[]): Uptake {
  if (changed.length === 0) return 'nothing'
  switch (target) {
    case 'isc':
      return 'restart'
    case 'kea':
    case 'tftpboot':
      return 'reload'
    case 'dnsmasq':
      return changed.some((path) => isHead(dnsmasq, path)) ? 'restart' : 'reload'
    default:
      return target satisfies never
  }
}
