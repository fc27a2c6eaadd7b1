// Who asks, and what keeps us from telling it anything: the same for an address as for a boot file alone.
import type { Ipv4Address, MacAddress, MachineUuid } from '../../inventory/address.ts'
import { describeWithheld, findings, isWithheld } from '../../inventory/findings.ts'
import type { Interface, Machine, Network } from '../../inventory/rows.ts'
import type { Snapshot } from '../../inventory/snapshot.ts'
import { bootInterface } from '../../inventory/snapshot.ts'
import type { PlanContext } from '../boot.ts'
import { ownAddressFor } from '../server.ts'
import type { Settings } from '../settings.ts'
import { settingsOf } from '../settings.ts'
import type { Arrival } from './arrival.ts'
import { strayWay } from './arrival.ts'
import type { DhcpMessage } from './message.ts'
import { formatMac, machineUuid } from './options.ts'

export type Silence = Readonly<{
  /** `unserved`: somebody wanted an answer and gets none from us, which an administrator may want to know. */
  kind: 'ignore' | 'unserved'
  why: string
  /** Set when the request is a machine's of the inventory. */
  machine: string | null
}>

export const ignore = (why: string, machine: string | null = null): Silence => ({ kind: 'ignore', why, machine })
export const unserved = (why: string, machine: string | null = null): Silence => ({ kind: 'unserved', why, machine })

export type Asker = Readonly<{
  settings: Settings
  nic: Interface
  network: Network | null
  /** Ours, as that network sees it. */
  ownAddress: Ipv4Address
}>

export function askerOf(context: PlanContext, request: DhcpMessage, arrival: Arrival | null): Asker | Silence {
  const { snapshot, server } = context
  const found = findInterface(snapshot, request)
  if (found === null)
    return unserved(`no interface of the inventory has MAC ${formatMac(request.chaddr) ?? 'of this length'}`)
  const { machine, nic } = found
  const { hostname } = machine
  const problems = findings(snapshot, hostname, context.known)
  if (isWithheld(problems)) return unserved(`${hostname} is withheld: ${describeWithheld(problems)}`, hostname)
  const network = (nic.network === null ? null : snapshot.networks.get(nic.network)) ?? null
  const ownAddress = ownAddressFor(network, server)
  if (ownAddress === null)
    return unserved('this server does not know its own address; start it with --advertise ADDRESS', hostname)
  const stray = network === null ? null : strayWay(request, network, arrival, server)
  if (network !== null && stray !== null)
    return unserved(`${hostname} asks ${stray}, which is not on its network ${network.name}`, hostname)
  return { settings: settingsOf(snapshot, machine, server), nic, network, ownAddress }
}

/** By MAC; a machine known by its UUID only boots with whatever card it has. */
function findInterface(
  snapshot: Snapshot,
  request: DhcpMessage,
): Readonly<{ machine: Machine; nic: Interface }> | null {
  const [ref] = snapshot.byMac.get((formatMac(request.chaddr) ?? '') as MacAddress) ?? []
  if (ref !== undefined) {
    const machine = snapshot.machines.get(ref.machine)
    const nic = snapshot.interfaces.get(ref.machine)?.find((one) => one.name === ref.name)
    return machine === undefined || nic === undefined ? null : { machine, nic }
  }
  const uuid = machineUuid(request)
  const [hostname] = uuid === null ? [] : (snapshot.byUuid.get(uuid as MachineUuid) ?? [])
  const machine = hostname === undefined ? undefined : snapshot.machines.get(hostname)
  const nic = machine === undefined ? null : bootInterface(snapshot, machine.hostname)
  return machine === undefined || nic === null || nic.mac !== null ? null : { machine, nic }
}
