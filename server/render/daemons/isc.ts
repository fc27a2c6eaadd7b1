// ISC dhcpd: classes for the boot files, an empty subnet for each network, hosts in groups of equal options.
import { netmaskOf, networkContains } from '../../inventory/address.ts'
import type { Ipv4Network } from '../../inventory/address.ts'
import type { BootBranch } from '../../plan/bootfile.ts'
import type { Platform } from '../../plan/dhcp/clients.ts'
import { architectureTypes } from '../../plan/dhcp/clients.ts'
import type { BootSet, Link, Reservation } from '../../plan/reservation.ts'
import type { Section } from '../files.ts'
import type { DaemonRenderer, SiteFacts } from './daemon.ts'
import type { ReservationSet, Share } from './shares.ts'
import { ownerOf } from './shares.ts'
import { iscString } from './syntax.ts'

export const isc: DaemonRenderer = {
  heads: (facts) => new Map([['bootstead.conf', renderHead(facts)]]),
  shares: [{ folder: 'hosts', ending: '.conf', render: renderShare }],
}

function renderHead({ folder, bootSets, links, shares }: SiteFacts): string {
  return [
    '# Written by Bootstead from its inventory; what is changed here is lost.',
    `# dhcpd.conf: include ${iscString(`${folder}/bootstead.conf`)};`,
    ...bootSets.flatMap(bootClass),
    ...links.flatMap(sharedNetwork),
    ...[...shares.values()].flat().map((share) => `include ${iscString(`${folder}/hosts/${share}.conf`)};`),
    '',
  ].join('\n')
}

const className = ({ name }: Pick<BootSet, 'name'>): string => iscString(`bootstead-${name}`)

function bootClass(set: BootSet): readonly string[] {
  const agents = (['ipxe', 'http', 'pxe'] as const).map((agent) => {
    const branches = set.branches.filter((branch) => branch.agent === agent)
    return chain(
      branches.map((branch) => ({ test: platformTest(branch.platforms), then: statements(set, branch) })),
    ).map(indent)
  })
  const tests = [isIpxe, isHttp, vendorIs('PXEClient')]
  const whole = chain(tests.map((test, index) => ({ test, then: agents[index] ?? [] })))
  return [`class ${className(set)} {`, '  match hardware;', ...whole.map(indent), '}']
}

const indent = (line: string): string => `  ${line}`

/** dhcpd reads no operator behind a closing parenthesis, so that tests are nested where others would join them. */
function chain(branches: readonly Readonly<{ test: string; then: readonly string[] }>[]): readonly string[] {
  const lines = branches.flatMap(({ test, then }, index) => [`${index === 0 ? 'if' : '} elsif'} ${test} {`, ...then])
  return [...lines, '}']
}

function statements(set: BootSet, branch: BootBranch): readonly string[] {
  const file = bootfile(set, branch)
  return [
    `next-server ${set.nextServer};`,
    `filename = ${file};`,
    `option bootfile-name = ${file};`,
    `option tftp-server-name ${iscString(set.nextServer)};`,
    ...(branch.agent === 'http'
      ? ['option vendor-class-identifier "HTTPClient";']
      : ['option vendor-class-identifier "PXEClient";', 'option vendor-encapsulated-options 06:01:08:ff;']),
  ].map(indent)
}

/** A script has the MAC in its name; dhcpd writes octets without leading zeros, hence the zero in front and the cut. */
const hardwareText = [1, 2, 3, 4, 5, 6]
  .map((at) => `suffix (concat ("0", binary-to-ascii (16, 8, "", substring (hardware, ${at}, 1))), 2)`)
  .join(', ":", ')

function bootfile(set: BootSet, { file, byUrl }: BootBranch): string {
  if (file === null) return `concat (${iscString(`${set.url}/ipxe/`)}, ${hardwareText}, ".ipxe")`
  return iscString(byUrl ? `${set.url}/${file}` : file)
}

const vendorIs = (word: string): string =>
  `substring (option vendor-class-identifier, 0, ${word.length}) = ${iscString(word)}`
const typeIs = (type: number): string =>
  `substring (option pxe-system-type, 0, 2) = 00:${type.toString(16).padStart(2, '0')}`
const httpTypes = architectureTypes.filter(({ http }) => http).map(({ type }) => typeIs(type))

/** As plan/dhcp/clients.ts has it, each tried when those before it failed. */
const isIpxe = 'exists unknown-175 or option user-class = "iPXE" or option user-class = 04:69:50:58:45'
const isHttp = `${vendorIs('HTTPClient')} or (not exists vendor-class-identifier and (${httpTypes.join(' or ')}))`

function platformTest(platforms: readonly Platform[]): string {
  const types = architectureTypes.filter(({ platform }) => platforms.includes(platform)).map(({ type }) => typeIs(type))
  return [...(platforms.includes('bios') ? ['not exists pxe-system-type'] : []), ...types].join(' or ')
}

/** Subnets give nothing by themselves; without one dhcpd knows no host of that range. A relay outside needs one too. */
function sharedNetwork({ name, subnets }: Link): readonly string[] {
  const relays = new Set(subnets.flatMap((subnet) => subnet.relays))
  const strays = [...relays].filter((relay) => !subnets.some(({ cidr }) => networkContains(cidr, relay)))
  const ranges = [...subnets.map(({ cidr }) => cidr), ...strays.map((relay) => `${relay}/32` as Ipv4Network)]
  return [
    `shared-network ${iscString(`bootstead-${name}`)} {`,
    ...ranges.map((cidr) => `  subnet ${cidr.split('/')[0] ?? ''} netmask ${netmaskOf(cidr)} { }`),
    '}',
  ]
}

function renderShare({ sets }: Share): readonly Section[] {
  return sets.flatMap((set) => [
    { machine: ownerOf(set), text: `group { # ${set.name}\n${options(set)}` },
    ...set.reservations.map((one) => ({ machine: one.machine, text: host(one) })),
    { machine: null, text: '}\n' },
  ])
}

function options({
  host: { netmask, broadcast, router, dns, ntp, domain, mtu, leaseSeconds },
}: ReservationSet): string {
  const given: readonly (readonly [string, string | null])[] = [
    ['option subnet-mask', netmask],
    ['option broadcast-address', broadcast],
    ['option routers', router],
    ['option domain-name-servers', dns.join(', ')],
    ['option ntp-servers', ntp.join(', ')],
    ['option domain-name', domain === null ? null : iscString(domain)],
    ['option interface-mtu', mtu === null ? null : String(mtu)],
    ['default-lease-time', String(leaseSeconds)],
    ['min-lease-time', String(leaseSeconds)],
    ['max-lease-time', String(leaseSeconds)],
  ]
  return given
    .filter(([, value]) => value !== null && value !== '')
    .map(([name, value]) => `  ${name} ${value ?? ''};\n`)
    .join('')
}

function host({ machine, nic, mac, ip, boots }: Reservation): string {
  const name = `bootstead-${machine}-${nic}`
  const line = `  host ${name} { hardware ethernet ${mac}; fixed-address ${ip}; option host-name ${iscString(machine)}; }\n`
  return boots === null ? line : `${line}  subclass ${className({ name: boots })} 1:${mac};\n`
}
