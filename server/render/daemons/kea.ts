// Kea's DHCPv4 server: lists for its own lists. Each item ends in a comma, which Kea takes at the end of a list too.
import type { Ipv4Network } from '../../inventory/address.ts'
import { prefixLengthOf } from '../../inventory/address.ts'
import type { BootBranch, BootingAgent } from '../../plan/bootfile.ts'
import { architectureTypes, platforms } from '../../plan/dhcp/clients.ts'
import type { BootSet, Reservation, Subnet } from '../../plan/reservation.ts'
import { ipxeEntry } from '../entries.ts'
import type { Section } from '../files.ts'
import type { DaemonRenderer, SiteFacts } from './daemon.ts'
import type { ReservationSet, Share } from './shares.ts'
import { ownerOf } from './shares.ts'
import { keaJson } from './syntax.ts'

export const kea: DaemonRenderer = {
  heads: (facts) =>
    new Map([
      ['client-classes.json', renderClasses(facts)],
      ['subnets.json', renderSubnets(facts)],
      ['reservations.json', renderReservations(facts)],
      ...[...facts.shares].map(
        ([network, shares]) =>
          [
            networkPath(network),
            `${banner}${shares.map((share) => include(facts, `reservations/${share}.json`)).join('')}`,
          ] as const,
      ),
    ]),
  shares: [
    { folder: 'reservations', ending: '.json', render: renderShare },
    { folder: 'sets', ending: '.json', render: renderSets },
  ],
}

const banner = '# Written by Bootstead from its inventory; what is changed here is lost.\n'
const item = (value: unknown): string => `${keaJson(value)},\n`
const include = ({ folder }: SiteFacts, path: string): string => `<?include "${folder}/${path}"?>\n`

/** A network's reservations, to be included by the subnet they are of: ours, or the site's own. */
const networkPath = (network: string): string => `networks/${network}.json`

type OptionData = Readonly<{ name: string; data: string; 'always-send': true; 'csv-format'?: false }>
const option = (name: string, data: string): OptionData => ({ name, data, 'always-send': true })

function renderClasses(facts: SiteFacts): string {
  const clients = [
    ...platforms.map((platform) => ({
      name: clientClass(platform),
      test: typeIn(({ platform: of }) => of === platform),
    })),
    ...(['ipxe', 'http', 'pxe'] as const).map((agent) => ({ name: clientClass(agent), test: agentTest[agent] })),
  ]
  const boots = facts.bootSets.flatMap((set) => [
    { name: bootClass(set) },
    ...set.branches.map((branch, index) => bootBranch(set, branch, index)),
  ])
  const sets = [...facts.shares.values()].flat().map((share) => include(facts, `sets/${share}.json`))
  return `${banner}${[...clients, ...boots].map(item).join('')}${sets.join('')}`
}

const clientClass = (name: string): string => `bootstead-client-${name}`
const bootClass = ({ name }: Pick<BootSet, 'name'>): string => `bootstead-boot-${name}`
const isIn = (name: string): string => `member('${name}')`
const anyOf = (tests: readonly string[]): string => (tests.length === 1 ? (tests[0] ?? '') : `(${tests.join(' or ')})`)

function typeIn(wanted: (row: (typeof architectureTypes)[number]) => boolean): string {
  const rows = architectureTypes.filter(wanted)
  const tests = rows.map(({ type }) => `substring(option[93].hex,0,2) == 0x${type.toString(16).padStart(4, '0')}`)
  return anyOf(rows.some(({ platform }) => platform === 'bios') ? ['not option[93].exists', ...tests] : tests)
}

/** As plan/dhcp/clients.ts has it. */
const agentTest: Readonly<Record<BootingAgent, string>> = {
  ipxe: "option[175].exists or option[77].hex == 'iPXE' or option[77].hex == 0x0469505845",
  http: `not ${isIn(clientClass('ipxe'))} and (substring(option[60].hex,0,10) == 'HTTPClient' or (not option[60].exists and ${typeIn(({ http }) => http)}))`,
  pxe: `not ${isIn(clientClass('ipxe'))} and substring(option[60].hex,0,9) == 'PXEClient'`,
}

/** KNOWN: reservations are looked up before the test is made. */
function bootBranch(set: BootSet, { agent, platforms: on, file, byUrl }: BootBranch, index: number) {
  const name = file === null ? `${set.url}/${ipxeEntry}` : byUrl ? `${set.url}/${file}` : file
  const common = [option('tftp-server-name', set.nextServer), option('boot-file-name', name)]
  const client = [isIn(clientClass(agent)), anyOf(on.map((platform) => isIn(clientClass(platform))))]
  return {
    name: `${bootClass(set)}-${index}`,
    test: [isIn('KNOWN'), isIn(bootClass(set)), ...client].join(' and '),
    'next-server': set.nextServer,
    'boot-file-name': name,
    ...(agent === 'http'
      ? { 'option-data': [...common, option('vendor-class-identifier', 'HTTPClient')] }
      : {
          'option-def': [{ name: 'vendor-encapsulated-options', code: 43, type: 'binary' }],
          'option-data': [
            ...common,
            option('vendor-class-identifier', 'PXEClient'),
            { ...option('vendor-encapsulated-options', '060108FF'), 'csv-format': false as const },
          ],
        }),
  }
}

/**
 * Several subnets may be behind one relay, and Kea takes the first that the client may enter. So those with a relay outside
 * have a class that only their own hosts are in, from a look-up before the subnet is chosen: their reservations are global.
 * (In a `shared-networks` a reservation's classes come too late for the lease time and the boot file.) Hosts on the wire
 * itself could not enter such a subnet; the others have their reservations in them.
 */
const isGuarded = ({ relays }: Subnet): boolean => relays.length > 0

function renderSubnets(facts: SiteFacts): string {
  const subnets = facts.links
    .flatMap((link) => link.subnets)
    .map((subnet) => {
      const { cidr, relays } = subnet
      const start = `{ "id": ${subnetId(cidr)}, "subnet": ${keaJson(cidr)}`
      if (!isGuarded(subnet)) return `${start}, "reservations": [\n${reservationsIn(facts, subnet)}] },\n`
      const relay = keaJson({ 'ip-addresses': relays })
      return `${start}, "client-class": ${keaJson(subnetClass(cidr))}, "relay": ${relay}, "reservations-global": true },\n`
    })
  return `${banner}${subnets.join('')}`
}

function renderReservations(facts: SiteFacts): string {
  const guarded = facts.links.flatMap((link) => link.subnets).filter(isGuarded)
  return `${banner}${guarded.map((subnet) => reservationsIn(facts, subnet)).join('')}`
}

const reservationsIn = (facts: SiteFacts, { networks }: Subnet): string =>
  networks.map((network) => include(facts, networkPath(network))).join('')

const subnetClass = (cidr: Ipv4Network): string => `bootstead-subnet-${cidr}`

/** Leases remember it, so it follows from the range alone: the base with the first bit behind the prefix set. */
function subnetId(cidr: Ipv4Network): number {
  const base = cidr.split(/[./]/).slice(0, 4)
  const hostBits = 32 - prefixLengthOf(cidr)
  return base.reduce((sum, octet) => sum * 256 + Number(octet), 0) + (hostBits === 0 ? 0 : 2 ** (hostBits - 1))
}

const setClass = ({ name }: ReservationSet): string => `bootstead-${name}`

function renderSets(share: Share): readonly Section[] {
  return share.sets.map((set) => ({
    machine: ownerOf(set),
    text: item({
      name: setClass(set),
      'valid-lifetime': set.host.leaseSeconds,
      'option-data': options(set),
    }),
  }))
}

function options({
  host: { netmask, broadcast, router, dns, ntp, domain, mtu },
}: ReservationSet): readonly OptionData[] {
  const given: readonly (readonly [string, string | null])[] = [
    ['subnet-mask', netmask],
    ['broadcast-address', broadcast],
    ['routers', router],
    ['domain-name-servers', dns.join(', ')],
    ['ntp-servers', ntp.join(', ')],
    ['domain-name', domain],
    ['interface-mtu', mtu === null ? null : String(mtu)],
  ]
  return given.flatMap(([name, data]) => (data === null || data === '' ? [] : [option(name, data)]))
}

function renderShare(share: Share): readonly Section[] {
  return share.sets.flatMap((set) =>
    set.reservations.map((one) => ({ machine: one.machine, text: item(reservation(one, setClass(set))) })),
  )
}

function reservation({ machine, mac, ip, network, boots }: Reservation, set: string) {
  return {
    'hw-address': mac,
    'ip-address': ip,
    hostname: machine,
    'client-classes': [subnetClass(network.cidr), set, ...(boots === null ? [] : [bootClass({ name: boots })])],
  }
}
