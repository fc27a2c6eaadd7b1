// Who asks by DHCPv6, by which of its interfaces, and what keeps us from telling it anything.
import type { Ipv6Address, MacAddress } from '../../inventory/address.ts'
import { describeWithheld, findings, isWithheld } from '../../inventory/findings.ts'
import type { Interface, Network } from '../../inventory/rows.ts'
import type { Snapshot } from '../../inventory/snapshot.ts'
import { bootInterface } from '../../inventory/snapshot.ts'
import type { PlanContext } from '../boot.ts'
import type { Silence } from '../dhcp/standing.ts'
import { ignore, unserved } from '../dhcp/standing.ts'
import { ownIpv6AddressFor } from '../server.ts'
import type { Settings } from '../settings.ts'
import { settingsOf } from '../settings.ts'
import type { Arrival6, WayFrom } from './arrival.ts'
import { clientAddress, wayFrom } from './arrival.ts'
import { hexOf, macOfDuid, macOfLinkLocal, macOfRelay, uuidsOfDuid } from './identity.ts'
import type { Dhcp6Message } from './message.ts'
import { clientId } from './options.ts'

export type Asker6 = Readonly<{
  settings: Settings
  nic: Interface
  network: Network
  /** Ours, as that network sees it. */
  ownAddress: Ipv6Address
}>

export function askerOf6(context: PlanContext, request: Dhcp6Message, arrival: Arrival6): Asker6 | Silence {
  const { snapshot, server } = context
  const way = wayFrom(request.relays, arrival, server)
  const nic = findInterface(snapshot, request, arrival, way)
  const machine = nic === null ? undefined : snapshot.machines.get(nic.machine)
  if (nic === null || machine === undefined)
    return unserved(`no interface of the inventory is that of ${describeClient(request, arrival)}`)
  const { hostname } = machine
  const problems = findings(snapshot, hostname, context.known)
  if (isWithheld(problems)) return unserved(`${hostname} is withheld: ${describeWithheld(problems)}`, hostname)
  const network = nic.network === null ? undefined : snapshot.networks.get(nic.network)
  if (network === undefined || network.cidr6 === null)
    return ignore(`${hostname}/${nic.name} is on no network with cidr6`, hostname) // the site has no IPv6 there
  const ownAddress = ownIpv6AddressFor(network, server)
  if (ownAddress === null)
    return unserved('this server does not know its own IPv6 address; start it with --advertise ADDRESS', hostname)
  const stray = way(network)
  if (stray !== null)
    return unserved(`${hostname} asks ${stray}, which is not on its network ${network.name}`, hostname)
  return { settings: settingsOf(snapshot, machine, server), nic, network, ownAddress }
}

/**
 * What tells the very interface goes first: the MAC that a relay saw, or that the client's address is made of. The DUID
 * is the host's, made from any of its cards or from its UUID; of its interfaces that on the link is meant.
 */
function findInterface(snapshot: Snapshot, request: Dhcp6Message, arrival: Arrival6, way: WayFrom): Interface | null {
  for (const mac of interfaceMacs(request, arrival)) {
    const nic = mac === null ? null : interfaceOf(snapshot, mac)
    if (nic !== null) return nic
  }
  const duid = clientId(request)
  if (duid === null) return null
  const mac = macOfDuid(duid)
  const named = mac === null ? null : interfaceOf(snapshot, mac)
  const [hostname] =
    named === null ? uuidsOfDuid(duid).flatMap((uuid) => snapshot.byUuid.get(uuid) ?? []) : [named.machine]
  if (hostname === undefined) return null
  const isOnLink = ({ network: name }: Interface): boolean => {
    const network = name === null ? undefined : snapshot.networks.get(name)
    return network !== undefined && network.cidr6 !== null && way(network) === null
  }
  if (named !== null && isOnLink(named)) return named
  const nics = snapshot.interfaces.get(hostname) ?? []
  return nics.find(isOnLink) ?? named ?? bootInterface(snapshot, hostname)
}

const interfaceMacs = ({ relays }: Dhcp6Message, arrival: Arrival6): readonly (MacAddress | null)[] => [
  ...relays.slice(0, 1).map(macOfRelay),
  macOfLinkLocal(clientAddress(relays, arrival)),
]

function interfaceOf(snapshot: Snapshot, mac: MacAddress): Interface | null {
  const [ref] = snapshot.byMac.get(mac) ?? []
  return snapshot.interfaces.get(ref?.machine ?? '')?.find(({ name }) => name === ref?.name) ?? null
}

/** The MAC that the client is known by, or null: from the relay, its address, its DUID. */
export function macOfClient(request: Dhcp6Message, arrival: Arrival6): MacAddress | null {
  const duid = clientId(request)
  const macs = [...interfaceMacs(request, arrival), duid === null ? null : macOfDuid(duid)]
  return macs.find((mac) => mac !== null) ?? null
}

function describeClient(request: Dhcp6Message, arrival: Arrival6): string {
  const duid = clientId(request)
  const mac = macOfClient(request, arrival)
  if (mac !== null) return `MAC ${mac}`
  return duid === null ? clientAddress(request.relays, arrival) : `DUID ${hexOf(duid)}`
}
