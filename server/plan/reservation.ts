// What a DHCP daemon that we configure must know: reservations, the wires they are on, and who fetches which boot file.
// The same values that our own door replies with (dhcp/answer.ts), for daemons that can't ask at each request.
import type { Ipv4Address, Ipv4Network, MacAddress } from '../inventory/address.ts'
import { networkContains } from '../inventory/address.ts'
import { describeWithheld, findings, isWithheld } from '../inventory/findings.ts'
import type { Interface, Network } from '../inventory/rows.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import { compareNaturally } from '../inventory/natural-order.ts'
import { derivedMac } from '../inventory/xen-mac.ts'
import type { PlanContext } from './boot.ts'
import type { BootBranch, Loader } from './bootfile.ts'
import { bootBranches, loaderOf, loaders } from './bootfile.ts'
import type { HostConfiguration } from './dhcp/host.ts'
import { hostConfiguration } from './dhcp/host.ts'
import { serverAddressFor, serverUrl } from './server.ts'
import { settingsOf } from './settings.ts'

/** One interface's MAC and address, and what comes with it. */
export type Reservation = Readonly<{
  machine: string
  nic: string
  mac: MacAddress
  ip: Ipv4Address
  network: Network
  host: HostConfiguration
  /** Name of the boot set it boots by; null when it is not the boot interface, or no boot server is known. */
  boots: string | null
}>

/** Machines whose clients are all told the same boot files: those of one loader and one boot server. */
export type BootSet = Readonly<{
  /** `192.0.2.1-auto`: unique, and without characters that any daemon reads something into. */
  name: string
  nextServer: Ipv4Address
  /** `http://address[:port]` */
  url: string
  branches: readonly BootBranch[]
}>

/** Networks on one wire, for one is reached through the other: behind one relay, or with a relay in another's range. */
export type Link = Readonly<{
  /** Its first network's. */
  name: string
  subnets: readonly Subnet[]
}>

/** A range, and all networks that have it. */
export type Subnet = Readonly<{
  cidr: Ipv4Network
  networks: readonly string[]
  /** Relays of these networks whose addresses are outside the range, so that only our saying so leads from them to it. */
  relays: readonly Ipv4Address[]
}>

type Reserved =
  Readonly<{ kind: 'reserved'; reservations: readonly Reservation[] }> | Readonly<{ kind: 'left-out'; why: string }>

/** What a machine is reserved, or why it is reserved nothing. */
export function reservationsOf({ snapshot, server, known }: PlanContext, hostname: string): Reserved {
  const machine = snapshot.machines.get(hostname)
  const found = findings(snapshot, hostname, known)
  if (isWithheld(found)) return { kind: 'left-out', why: `withheld: ${describeWithheld(found)}` }
  if (machine === undefined) return { kind: 'left-out', why: `the inventory has no machine ${hostname}` }
  const settings = settingsOf(snapshot, machine, server)
  const nextServer = settings.serverAddress.value
  const boots = nextServer === null ? null : bootSetName(nextServer, loaderOf(settings).value)
  const reservations = settings.nics.flatMap((nic): Reservation[] => {
    const network = nic.network === null ? undefined : snapshot.networks.get(nic.network)
    const mac = nic.mac ?? (machine.dom0 === null ? null : derivedMac(hostname, nic.name))
    if (network === undefined || nic.ip === null || mac === null) return []
    return [
      {
        machine: hostname,
        nic: nic.name,
        mac,
        ip: nic.ip,
        network,
        host: hostConfiguration(settings, nic, network),
        boots: settings.nic?.name === nic.name ? boots : null,
      },
    ]
  })
  return reservations.length > 0
    ? { kind: 'reserved', reservations }
    : { kind: 'left-out', why: whyNothing(settings.nics) }
}

function whyNothing(nics: readonly Interface[]): string {
  const addressed = nics.find((nic) => nic.ip !== null)
  return addressed === undefined
    ? 'none of its interfaces has an address'
    : `interface ${addressed.name} has an address and no MAC; our own DHCP server knows it by UUID, others don't`
}

const bootSetName = (nextServer: Ipv4Address, loader: Loader): string => `${nextServer}-${loader}`

/** Every boot set that a machine can name: known from the networks alone, so that no change of a machine adds one. */
export function bootSets({ snapshot, server }: PlanContext): readonly BootSet[] {
  const addresses = new Set([...snapshot.networks.values()].flatMap((one) => serverAddressFor(one, server).value ?? []))
  return [...addresses].sort(compareNaturally).flatMap((nextServer) =>
    loaders.map((loader) => ({
      name: bootSetName(nextServer, loader),
      nextServer,
      url: serverUrl(server, nextServer) ?? '',
      branches: bootBranches(loader),
    })),
  )
}

/**
 * Every link of the inventory, but those that have a network which the site's own configuration declares. Which ones these
 * are is the site value `declared_subnets`: true for all, or a list of network names.
 */
export function linksOf(snapshot: Snapshot): readonly Link[] {
  const networks = [...snapshot.networks.values()].sort((a, b) => compareNaturally(a.name, b.name))
  const declared = snapshot.site.get('declared_subnets')?.value ?? null
  const isDeclared = ({ name }: Network): boolean =>
    declared === true || (Array.isArray(declared) && declared.includes(name))
  return joined(networks)
    .filter((link) => !link.some(isDeclared))
    .map((link) => ({ name: link[0]?.name ?? '', subnets: subnetsOf(link) }))
}

function subnetsOf(link: readonly Network[]): readonly Subnet[] {
  return [...new Set(link.map(({ cidr }) => cidr))].map((cidr) => {
    const alike = link.filter((network) => network.cidr === cidr)
    const relays = alike.flatMap(({ relay }) => (relay === null || networkContains(cidr, relay) ? [] : relay))
    return { cidr, networks: alike.map(({ name }) => name), relays: [...new Set(relays)] }
  })
}

function joined(networks: readonly Network[]): readonly (readonly Network[])[] {
  return networks.reduce<readonly (readonly Network[])[]>((links, network) => {
    const touching = links.filter((link) => link.some((other) => isOneWire(network, other)))
    return [...links.filter((link) => !touching.includes(link)), [...touching.flat(), network]]
  }, [])
}

function isOneWire(a: Network, b: Network): boolean {
  return a.cidr === b.cidr || (a.relay !== null && a.relay === b.relay) || entersThrough(a, b) || entersThrough(b, a)
}

/** Whether requests from `network` arrive with an address of `other`. */
function entersThrough({ cidr, relay }: Network, other: Network): boolean {
  return relay !== null && !networkContains(cidr, relay) && networkContains(other.cidr, relay)
}
