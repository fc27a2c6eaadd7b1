// What of this host stands in the way of serving the inventory: who else has its ports, and what its kernel has room for.
import { readFile } from 'node:fs/promises'
import { networkContains } from '../inventory/address.ts'
import type { Network } from '../inventory/rows.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import type { Complaint } from '../inventory/store/doctor.ts'
import { PXE_PORT } from '../plan/dhcp/proxy.ts'
import type { Server } from '../plan/server.ts'
import { ownAddressFor } from '../plan/server.ts'
import type { PortHolder } from '../serve/udp/port-holders.ts'
import { describeHolder, udpHolders } from '../serve/udp/port-holders.ts'
import type { Config } from './settings.ts'
import { count } from './table.ts'

/** `commands` are root's, in this order. */
export type HostComplaint = Omit<Complaint, 'sql'> & Readonly<{ commands: readonly string[] }>

export async function examineHost(
  config: Pick<Config, 'doors' | 'dhcpMode' | 'dhcpPort'>,
  server: Server,
  snapshot: Snapshot | null,
): Promise<readonly HostComplaint[]> {
  const ports = config.doors.includes('dhcp') ? portsOf(config) : []
  const shared = await Promise.all(ports.map(async (port) => sharedPort(port, await udpHolders(port))))
  if (snapshot === null) return shared.flat()
  return [...shared.flat(), ...tooManyNeighbours(snapshot, server, await neighboursMost()), ...unsure(snapshot, server)]
}

const portsOf = ({ dhcpMode, dhcpPort }: Pick<Config, 'dhcpMode' | 'dhcpPort'>): readonly number[] =>
  ({ server: [dhcpPort], proxy: [dhcpPort, PXE_PORT], 'proxy-4011': [PXE_PORT] })[dhcpMode]

/** systemd keeps the sockets that it hands over, and answers nobody. */
const SYSTEMD = 1

export function sharedPort(port: number, holders: readonly PortHolder[]): readonly HostComplaint[] {
  const answering = holders.filter(({ pid }) => pid !== SYSTEMD)
  const [first, second] = answering
  if (first === undefined || (second === undefined && first.program === 'bootstead')) return []
  return [
    {
      severity: 'advice',
      about: `UDP port ${port}`,
      what: `${answering.map(describeHolder).join(' and ')} ${second === undefined ? 'has' : 'have'} it`,
      why: 'beside another program on this port bootstead serve does not start, or machines are answered twice and what relays and renewing machines send reaches one of the two; stop the other one, unless it keeps to interfaces of its own',
      commands: [],
    },
  ]
}

/** How many hosts the kernel remembers the hardware addresses of; null where it doesn't say. */
async function neighboursMost(): Promise<number | null> {
  const text = await readFile('/proc/sys/net/ipv4/neigh/default/gc_thresh3', 'utf8').catch(() => '')
  return Number(text) || null
}

/** How many reservations each network has; those with none are left out. */
function addressesByNetwork(snapshot: Snapshot): ReadonlyMap<Network, number> {
  const counts = new Map<Network, number>()
  for (const { ip, network: name } of [...snapshot.interfaces.values()].flat()) {
    const network = ip === null || name === null ? undefined : snapshot.networks.get(name)
    if (network !== undefined) counts.set(network, (counts.get(network) ?? 0) + 1)
  }
  return counts
}

export function tooManyNeighbours(
  snapshot: Snapshot,
  { addresses }: Pick<Server, 'addresses'>,
  most: number | null,
): readonly HostComplaint[] {
  const near = [...addressesByNetwork(snapshot)].filter(([{ cidr }]) =>
    addresses.some((address) => networkContains(cidr, address)),
  )
  const neighbours = near.reduce((sum, [, interfaces]) => sum + interfaces, 0)
  if (most === null || neighbours <= most) return []
  const room = 2 ** Math.ceil(Math.log2(2 * neighbours))
  const names = 'net.ipv4.neigh.default'
  return [
    {
      severity: 'advice',
      about: 'the kernel',
      what: `${count(neighbours, 'interface')} of ${near
        .map(([{ name }]) => name)
        .toSorted()
        .join(', ')} are neighbours of this host, and it remembers ${most} at once (${names}.gc_thresh3)`,
      why: 'when more of them talk to this host at once it drops packets for those that it has forgotten, and the kernel’s log says "neighbor table overflow"; to keep the values across a restart write them to a file of /etc/sysctl.d',
      commands: [`sysctl -w ${names}.gc_thresh2=${room / 2} ${names}.gc_thresh3=${room}`],
    },
  ]
}

/** Networks whose machines are told one of several addresses of this host that nobody chose for them. */
export function unsure(snapshot: Snapshot, server: Server): readonly HostComplaint[] {
  const own = server.addresses.filter((address) => !address.startsWith('127.'))
  if (server.advertise !== null || own.length < 2) return []
  const isLeftOpen = ({ cidr, next_server: named }: Network): boolean =>
    !own.some((address) => address === named || networkContains(cidr, address))
  return [...addressesByNetwork(snapshot).keys()].filter(isLeftOpen).map((network) => ({
    severity: 'advice',
    about: `network ${network.name}`,
    what: `its machines are told ${ownAddressFor(network, server)}, the first of this host's ${own.length} addresses`,
    why: 'they renew their leases there, and have to reach it; name the right address: that of the network in its next_server, or one for all in the setting advertise',
    commands: [],
  }))
}
