// What holds for a machine and where each value came from: site < network < profile chain < machine.
import type { Ipv4Address, Ipv6Address, MacAddress } from '../inventory/address.ts'
import { netmaskOf, networkContains } from '../inventory/address.ts'
import type { z } from 'zod'
import type { ProfileChain } from '../inventory/profiles.ts'
import { inherited, profileChain } from '../inventory/profiles.ts'
import type {
  Architecture,
  Family,
  GuestType,
  Hypervisor,
  Image,
  Interface,
  Json,
  Machine,
  Network,
  Profile,
  Repository,
} from '../inventory/rows.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import { machineSchema, networkSchema } from '../inventory/rows.ts'
import { bootInterface } from '../inventory/snapshot.ts'
import { vdiskTargets } from '../inventory/vdisk.ts'
import type { Platform } from './hypervisor.ts'
import { diskInGuest, diskPrefix, platformOf } from './hypervisor.ts'
import { bootMac } from './interfaces.ts'
import type { Server } from './server.ts'
import { ownIpv6AddressFor, serverAddressFor, serverUrl } from './server.ts'

/** Where a value came from, as `explain` prints it. */
export type Origin = Readonly<{
  layer: 'default' | 'server' | 'site' | 'network' | 'image' | 'profile' | 'interface' | 'machine'
  row: string
  column: string
}>

export type Traced<T> = Readonly<{ value: T; origin: Origin }>

/** One machine with every layer resolved. A value that no layer gives is null, with the default's origin. */
export type Settings = Readonly<{
  machine: Machine
  fqdn: string
  chain: ProfileChain
  nics: readonly Interface[]
  /** The interface it boots from, and that interface's network. */
  nic: Interface | null
  network: Network | null
  /** The boot interface's MAC; a guest without one has one derived from its name. */
  mac: Traced<MacAddress | null>
  ip: Traced<Ipv4Address | null>
  ip6: Traced<Ipv6Address | null>
  netmask: Traced<Ipv4Address | null>
  gateway: Traced<Ipv4Address | null>
  dns: Traced<readonly string[]>
  dns6: Traced<readonly string[]>
  ntp: Traced<readonly string[]>
  mtu: Traced<number | null>
  vlan: Traced<number | null>
  domain: Traced<string | null>
  family: Traced<Family | null>
  version: Traced<string | null>
  arch: Traced<Architecture>
  template: Traced<string | null>
  image: Traced<Image | null>
  hypervisor: Traced<Hypervisor>
  guestType: Traced<GuestType>
  /** A guest's, as its Dom0's hypervisor makes it. */
  platform: Platform | null
  kernelArgs: Traced<string | null>
  repositories: Traced<readonly Repository[]>
  disk: Traced<string | null>
  serialConsole: Traced<string | null>
  serverAddress: Traced<Ipv4Address | null>
  /** `http://address[:port]`, or null when the server's address isn't known. Of IPv6 for a machine that has nothing else. */
  serverUrl: string | null
  /** Site, profile and machine params by name, `+` lists joined. */
  params: ReadonlyMap<string, Traced<Json>>
}>

const byDefault = <T>(value: T, column: string): Traced<T> => ({ value, origin: { layer: 'default', row: '', column } })

/** Resolves every layer for one machine. Pure; cost is independent of the size of the inventory. */
export function settingsOf(snapshot: Snapshot, machine: Machine, server: Server): Settings {
  const chain = profileChain(snapshot, machine.profile)
  const nics = snapshot.interfaces.get(machine.hostname) ?? []
  const nic = bootInterface(snapshot, machine.hostname)
  const network = (nic?.network == null ? undefined : snapshot.networks.get(nic.network)) ?? null
  const layers: Layers = { snapshot, machine, chain, nic, network }
  const domain =
    firstOf<string>(
      fromMachine(machine, 'domain'),
      asColumn(machineSchema.shape.domain, fromParams(layers, 'domain')),
      fromNetwork(network, 'domain'),
      asColumn(machineSchema.shape.domain, fromSite(snapshot, 'domain')),
    ) ?? byDefault(null, 'domain')
  const serverAddress = serverAddressFor(network, server)
  const hasIpv6Alone = nic !== null && nic.ip === null && nic.ip6 !== null
  const release = releaseSettings(layers)
  const platform = platformOf(snapshot, machine, {
    type: release.guestType.value,
    arch: release.arch.value,
    family: release.family.value,
    version: release.version.value,
  })
  return {
    machine,
    chain,
    nics,
    nic,
    network,
    ...networkSettings(layers),
    ...release,
    platform,
    domain,
    fqdn: domain.value === null ? machine.hostname : `${machine.hostname}.${domain.value}`,
    disk: diskOf(layers, platform),
    serialConsole:
      firstOf<string>(
        fromMachine(machine, 'serial_console'),
        asColumn(machineSchema.shape.serial_console, fromParams(layers, 'serial_console')),
      ) ?? consoleOf(machine, platform),
    serverAddress,
    serverUrl: serverUrl(server, (hasIpv6Alone ? ownIpv6AddressFor(network, server) : null) ?? serverAddress.value),
    params: paramsOf(layers),
  }
}

type Layers = Readonly<{
  snapshot: Snapshot
  machine: Machine
  chain: ProfileChain
  nic: Interface | null
  network: Network | null
}>

function networkSettings(layers: Layers) {
  const { nic, network } = layers
  return {
    mac: fromInterface(nic, 'mac') ?? derivedMacOf(layers),
    ip: fromInterface(nic, 'ip') ?? byDefault(null, 'ip'),
    ip6: fromInterface(nic, 'ip6') ?? byDefault(null, 'ip6'),
    netmask:
      network === null
        ? byDefault(null, 'netmask')
        : { value: netmaskOf(network.cidr), origin: origin('network', network.name, 'cidr') },
    gateway: fromNetwork(network, 'gateway') ?? byDefault(null, 'gateway'),
    dns: listOf(layers, 'dns'),
    dns6: listOf(layers, 'dns6'),
    ntp: listOf(layers, 'ntp'),
    mtu: fromNetwork(network, 'mtu') ?? byDefault(null, 'mtu'),
    vlan: fromInterface(nic, 'vlan') ?? fromNetwork(network, 'vlan') ?? byDefault(null, 'vlan'),
  }
}

function derivedMacOf({ snapshot, machine }: Layers): Traced<MacAddress | null> {
  if (machine.dom0 === null) return byDefault(null, 'mac')
  const column = 'mac (derived from the host name)'
  return { value: bootMac(snapshot, machine), origin: { layer: 'default', row: machine.hostname, column } }
}

function releaseSettings({ snapshot, machine, chain }: Layers) {
  const image = fromProfiles(chain, 'image')
  const row = image === null ? undefined : snapshot.images.get(image.value)
  const traced: Traced<Image | null> =
    image === null || row === undefined ? byDefault(null, 'image') : { ...image, value: row }
  const imageArch = row === undefined ? null : { value: row.arch, origin: origin('image', row.name, 'arch') }
  return {
    family: fromProfiles(chain, 'family') ?? byDefault(null, 'family'),
    version: fromProfiles(chain, 'version') ?? byDefault(null, 'version'),
    arch:
      fromMachine(machine, 'arch') ?? fromProfiles(chain, 'arch') ?? imageArch ?? byDefault('x86_64' as const, 'arch'),
    template: fromProfiles(chain, 'template') ?? byDefault(null, 'template'),
    image: traced,
    hypervisor: fromProfiles(chain, 'hypervisor') ?? byDefault('none' as const, 'hypervisor'),
    guestType: fromProfiles(chain, 'guest_type') ?? byDefault('pv' as const, 'guest_type'),
    kernelArgs: fromProfiles(chain, 'kernel_args') ?? byDefault(null, 'kernel_args'),
    repositories: fromProfiles(chain, 'repositories') ?? byDefault([] as const, 'repositories'),
  }
}

/** The only disk an install may erase. A guest's is what its first vdisk is called inside it. */
function diskOf({ machine }: Layers, platform: Platform | null): Traced<string | null> {
  const own = fromMachine(machine, 'disk')
  if (own !== null) return { ...own, value: own.value.replace(/^\/dev\//, '') }
  const [first] = platform === null ? [] : vdiskTargets(machine.vdisk, diskPrefix(platform))
  if (platform === null || first === undefined) return byDefault(null, 'disk')
  return { value: diskInGuest(platform, first), origin: origin('machine', machine.hostname, 'vdisk') }
}

/** A guest without a console of its own has the one that its Dom0 shows. */
function consoleOf(machine: Machine, platform: Platform | null): Traced<string | null> {
  if (platform === null) return byDefault(null, 'serial_console')
  const column = `serial_console (of a guest of ${platform.hypervisor})`
  return { value: platform.console, origin: { layer: 'default', row: machine.hostname, column } }
}

const origin = (layer: Origin['layer'], row: string, column: string): Origin => ({ layer, row, column })

function fromMachine<C extends keyof Machine>(machine: Machine, column: C): Traced<NonNullable<Machine[C]>> | null {
  const value = machine[column]
  return value === null ? null : { value: value, origin: origin('machine', machine.hostname, column) }
}

function fromInterface<C extends keyof Interface>(
  nic: Interface | null,
  column: C,
): Traced<NonNullable<Interface[C]>> | null {
  const value = nic?.[column]
  return nic === null || value === null || value === undefined
    ? null
    : { value, origin: origin('interface', `${nic.machine}/${nic.name}`, column) }
}

function fromProfiles<C extends keyof Profile>(chain: ProfileChain, column: C): Traced<NonNullable<Profile[C]>> | null {
  const found = inherited(chain, column)
  return found === null ? null : { value: found.value, origin: origin('profile', found.profile, column) }
}

function fromNetwork<C extends keyof Network>(
  network: Network | null,
  column: C,
): Traced<NonNullable<Network[C]>> | null {
  const value = network?.[column]
  return network === null || value === null || value === undefined
    ? null
    : { value, origin: origin('network', network.name, column) }
}

function fromSite(snapshot: Snapshot, name: string): Traced<Json> | null {
  const row = snapshot.site.get(name)
  return row === undefined || row.value === null ? null : { value: row.value, origin: origin('site', name, 'value') }
}

/** A param by that name, of the machine or its profiles: a column's stand-in for profiles, which have no such column. */
function fromParams({ machine, chain }: Layers, name: string): Traced<Json> | null {
  if (Object.hasOwn(machine.params, name))
    return { value: machine.params[name] ?? null, origin: origin('machine', machine.hostname, `params.${name}`) }
  const profile = chain.profiles.find((one) => Object.hasOwn(one.params, name))
  return profile === undefined
    ? null
    : { value: profile.params[name] ?? null, origin: origin('profile', profile.name, `params.${name}`) }
}

/** Read as that column is; what isn't of its form counts as not given, or it would spoil every reply it stands in. */
function asColumn<T>(column: z.ZodType<T | null>, given: Traced<Json> | null): Traced<T & {}> | null {
  const parsed = given === null ? null : column.safeParse(given.value)
  return given === null || parsed?.success !== true || parsed.data == null
    ? null
    : { value: parsed.data, origin: given.origin }
}

function firstOf<T>(...candidates: readonly (Traced<T> | null)[]): Traced<T> | null {
  return candidates.find((candidate) => candidate !== null) ?? null
}

/** A network's list, unless it is empty; else the site's. */
function listOf({ network, snapshot }: Layers, column: 'dns' | 'dns6' | 'ntp'): Traced<readonly string[]> {
  const own = fromNetwork(network, column)
  if (own !== null && own.value.length > 0) return own
  return asColumn<readonly string[]>(networkSchema.shape[column], fromSite(snapshot, column)) ?? byDefault([], column)
}

function paramsOf({ snapshot, machine, chain }: Layers): ReadonlyMap<string, Traced<Json>> {
  const params = new Map<string, Traced<Json>>()
  for (const { name, value } of snapshot.site.values())
    addParam(params, name, { value, origin: origin('site', name, 'value') })
  for (const profile of chain.profiles.toReversed())
    for (const [name, value] of Object.entries(profile.params))
      addParam(params, name, { value, origin: origin('profile', profile.name, `params.${name}`) })
  for (const [name, value] of Object.entries(machine.params))
    addParam(params, name, { value, origin: origin('machine', machine.hostname, `params.${name}`) })
  return params
}

/** `packages+: [x]` adds to the list that the outer layers gave; `packages: [x]` replaces it. */
function addParam(params: Map<string, Traced<Json>>, name: string, given: Traced<Json>): void {
  if (!name.endsWith('+')) {
    params.set(name, given)
    return
  }
  const base = name.slice(0, -1)
  const outer = params.get(base)?.value
  const items = [outer ?? [], given.value].flatMap((value) => (Array.isArray(value) ? value : [value]))
  params.set(base, { value: items, origin: given.origin })
}

/** Whether `address` is one of the machine's own. */
export function isOwnAddress(settings: Settings, address: string): boolean {
  return settings.nics.some((nic) => nic.ip === address)
}

/** Whether an address lies in the machine's boot network. */
export function isInBootNetwork(settings: Settings, address: Ipv4Address): boolean {
  return settings.network !== null && networkContains(settings.network.cidr, address)
}
