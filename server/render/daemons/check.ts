// The daemon's own checker on a complete configuration of which our files are a part, before they are published.
import { parseIpv4, parseMac } from '../../inventory/address.ts'
import type { Snapshot } from '../../inventory/snapshot.ts'
import type { DiskFile } from '../files.ts'
import type { DaemonName, TargetFiles } from '../targets.ts'
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
  /** Files that the checker would not read by itself, and what each of their lines is in its main file. */
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

/** A site's own main file, and the folder that it includes our files from. */
export type SiteMain = Readonly<{ text: string; published: string }>

/**
 * What the checker reads beside the new generation; `main` is where it begins. The same path and line in the scratch
 * folder and in the generation are the same machine's.
 * @param files of the target, opened with the generation's folder
 * @param scratch where these files will be
 */
export function* checkFiles(
  daemon: DaemonName,
  files: TargetFiles,
  scratch: string,
  main: SiteMain | null,
): Generator<DiskFile> {
  const checker = checkers[daemon]
  const whole = main === null ? checker.main(scratch) : main.text.replaceAll(`${main.published}/`, () => `${scratch}/`)
  const folders = new Set<string>()
  for (const path of files.paths()) {
    const [folder = ''] = path.split('/')
    const prefix = checker.unread[folder]
    if (prefix === undefined && !isHead(checker.renderer, path)) continue // the generation's own are read
    if (prefix !== undefined) folders.add(folder)
    for (const file of files.render(path))
      if (file.kind === 'text') yield prefix === undefined ? file : withPrefix(file, prefix)
  }
  const lines = [...folders].map((folder) => `conf-dir=${scratch}/${folder}\n`)
  yield { kind: 'text', path: 'main', sections: [{ machine: null, text: `${whole.trimEnd()}\n${lines.join('')}` }] }
}

function withPrefix(file: Extract<DiskFile, { kind: 'text' }>, prefix: string): DiskFile {
  return { ...file, sections: file.sections.map((one) => ({ ...one, text: one.text.replaceAll(/^(?=.)/gm, prefix) })) }
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

/** What a daemon must do to take up new files: read them again, or start again. */
export type Uptake = 'nothing' | 'reload' | 'restart'

/** `systemctl reload` sends SIGHUP, at which Kea reads everything, dnsmasq hosts and options, and dhcpd nothing. */
export function uptakeOf(daemon: DaemonName, changed: readonly string[]): Uptake {
  if (changed.length === 0) return 'nothing'
  switch (daemon) {
    case 'isc':
      return 'restart'
    case 'kea':
      return 'reload'
    case 'dnsmasq':
      return changed.some((path) => isHead(dnsmasq, path)) ? 'restart' : 'reload'
    default:
      return daemon satisfies never
  }
}
