// dnsmasq: a head of tags, ranges and boot files; hosts and options in folders that it reads again on SIGHUP.
import type { BootingAgent } from '../../plan/bootfile.ts'
import { bootBranches, loaders } from '../../plan/bootfile.ts'
import { netmaskOf } from '../../inventory/address.ts'
import { architectureTypes } from '../../plan/dhcp/clients.ts'
import type { BootSet, Link, Reservation } from '../../plan/reservation.ts'
import { ipxeEntry } from '../entries.ts'
import type { Section } from '../files.ts'
import type { DaemonRenderer, SiteFacts } from './daemon.ts'
import type { ReservationSet, Share } from './shares.ts'
import { ownerOf } from './shares.ts'
import { dnsmasqWord } from './syntax.ts'

export const dnsmasq: DaemonRenderer = {
  heads: (facts) => new Map([['bootstead.conf', renderHead(facts)]]),
  shares: [
    { folder: 'hosts', ending: '', render: renderHosts },
    { folder: 'options', ending: '', render: renderOptions },
  ],
}

function renderHead({ folder, bootSets, links, shares }: SiteFacts): string {
  const isEmpty = shares.size === 0 // and then there are no folders
  return [
    '# Written by Bootstead from its inventory; what is changed here is lost.',
    `# dnsmasq.conf: conf-file=${folder}/bootstead.conf`,
    ...(isEmpty ? [] : [`dhcp-hostsfile=${folder}/hosts`, `dhcp-optsfile=${folder}/options`]),
    ...links.flatMap(ranges),
    ...clientTags,
    ...bootSets.flatMap(bootfiles),
    '',
  ].join('\n')
}

/** A static range gives nothing by itself. The second address of `shared-network` says which range the relay may reach. */
function ranges({ subnets }: Link): readonly string[] {
  return subnets.flatMap(({ cidr, relays }) => {
    const base = cidr.split('/')[0] ?? ''
    return [`dhcp-range=${base},static,${netmaskOf(cidr)}`, ...relays.map((relay) => `shared-network=${relay},${base}`)]
  })
}

const agents: readonly BootingAgent[] = ['ipxe', 'http', 'pxe']

/** Every pair of agent and platform that any loader has a boot file for. */
const bootingClients = agents.flatMap((agent) => {
  const branches = loaders.flatMap((loader) => bootBranches(loader)).filter((branch) => branch.agent === agent)
  return [...new Set(branches.flatMap(({ platforms }) => platforms))].map((platform) => ({ agent, platform }))
})

/** As plan/dhcp/clients.ts has it. Each line sees the tags of those before it. */
const clientTags: readonly string[] = [
  'dhcp-match=set:bootstead-typed,option:client-arch',
  'dhcp-match=set:bootstead-vendor,option:vendor-class',
  'dhcp-vendorclass=set:bootstead-vendor-pxe,PXEClient',
  'dhcp-vendorclass=set:bootstead-vendor-http,HTTPClient',
  'dhcp-match=set:bootstead-ipxe,175',
  'dhcp-userclass=set:bootstead-ipxe,iPXE',
  ...architectureTypes.flatMap(({ type, platform, http }) => [
    `dhcp-match=set:bootstead-${platform},option:client-arch,${type}`,
    ...(http ? [`dhcp-match=set:bootstead-type-http,option:client-arch,${type}`] : []),
  ]),
  'tag-if=set:bootstead-bios,tag:!bootstead-typed',
  'tag-if=set:bootstead-http,tag:bootstead-vendor-http,tag:!bootstead-ipxe',
  'tag-if=set:bootstead-http,tag:bootstead-type-http,tag:!bootstead-vendor,tag:!bootstead-ipxe',
  'tag-if=set:bootstead-pxe,tag:bootstead-vendor-pxe,tag:!bootstead-ipxe',
  ...bootingClients.map(
    ({ agent, platform }) =>
      `tag-if=set:bootstead-boots-${agent},tag:bootstead-boots,tag:bootstead-${agent},tag:bootstead-${platform}`,
  ),
  'dhcp-option-force=tag:bootstead-boots-http,option:vendor-class,HTTPClient',
  ...(['ipxe', 'pxe'] as const).flatMap((agent) => [
    `dhcp-option-force=tag:bootstead-boots-${agent},option:vendor-class,PXEClient`,
    `dhcp-option-force=tag:bootstead-boots-${agent},43,06:01:08:ff`,
  ]),
]

const bootTag = ({ name }: Pick<BootSet, 'name'>): string => `bootstead-boot-${name}`

function bootfiles(set: BootSet): readonly string[] {
  return set.branches.flatMap(({ agent, platforms, file, byUrl }) => {
    const name = file === null ? `${set.url}/${ipxeEntry}` : byUrl ? `${set.url}/${file}` : file
    const to = `${dnsmasqWord(name)},${set.nextServer},${set.nextServer}`
    return platforms.map(
      (platform) => `dhcp-boot=tag:${bootTag(set)},tag:bootstead-boots-${agent},tag:bootstead-${platform},${to}`,
    )
  })
}

const setTag = ({ name }: ReservationSet): string => `bootstead-${name}`

function renderHosts(share: Share): readonly Section[] {
  return share.sets.flatMap((set) =>
    set.reservations.map((one) => ({ machine: one.machine, text: host(one, set, setTag(set)) })),
  )
}

function host(
  { machine, mac, ip, boots }: Reservation,
  { host: { leaseSeconds } }: ReservationSet,
  set: string,
): string {
  const tags = boots === null ? [set] : [set, 'bootstead-boots', bootTag({ name: boots })]
  return `${[mac, ...tags.map((tag) => `set:${tag}`), ip, machine, leaseSeconds].join(',')}\n`
}

function renderOptions(share: Share): readonly Section[] {
  return share.sets.map((set) => ({
    machine: ownerOf(set),
    text: options(set)
      .map((line) => `tag:${setTag(set)},${line}\n`)
      .join(''),
  }))
}

/** Without a value dnsmasq gives none; without the line it would give itself as router and name server. */
function options({ host: { router, dns, ntp, domain, mtu } }: ReservationSet): readonly string[] {
  return [
    ['option:router', router ?? ''],
    ['option:dns-server', ...(dns.length === 0 ? [''] : dns)],
    ...(domain === null ? [] : [['option:domain-name', dnsmasqWord(domain)]]),
    ...(ntp.length === 0 ? [] : [['option:ntp-server', ...ntp]]),
    ...(mtu === null ? [] : [['option:mtu', String(mtu)]]),
  ].map((words) => words.filter((word) => word !== '').join(','))
}
