// Who asks, and what keeps us from telling it anything: the same for an address as for a boot file alone.
import type { MacAddress, MachineUuid } from '../../inventory/address.ts'
import { bootInterface } from '../../inventory/snapshot.ts'
import type { PlanContext } from '../boot.ts'
import type { Arrival } from './arrival.ts'
import { strayWay } from './arrival.ts'
import type { DhcpMessage } from './message.ts'
import { formatMac, machineUuid } from './options.ts'
import type { Commons, Silence, Standing } from './standing.ts'
import { standingOf, unserved } from './standing.ts'

/** Null when no interface has that MAC. */
export type StandingByMac = (mac: MacAddress) => Standing | Silence | null

/** With `standings` somebody has worked out what the inventory of this context says of each MAC. */
export type DhcpContext = PlanContext & Readonly<{ standings?: StandingByMac }>

export function askerOf(context: DhcpContext, request: DhcpMessage, arrival: Arrival | null): Standing | Silence {
  const mac = (formatMac(request.chaddr) ?? '') as MacAddress
  const byMac = context.standings === undefined ? standingByMac(context, mac) : context.standings(mac)
  const standing = byMac ?? standingByUuid(context, request) ?? unknown(mac)
  if ('kind' in standing || standing.network === null) return standing
  const stray = strayWay(request, standing.network, arrival, context.server)
  if (stray === null) return standing
  const { hostname, network } = standing
  return unserved(`${hostname} asks ${stray}, which is not on its network ${network.name}`, hostname)
}

export function standingByMac(context: PlanContext, mac: MacAddress, commons?: Commons): Standing | Silence | null {
  const { snapshot } = context
  const [ref] = snapshot.byMac.get(mac) ?? []
  if (ref === undefined) return null
  const machine = snapshot.machines.get(ref.machine)
  const nic = snapshot.interfaces.get(ref.machine)?.find((one) => one.name === ref.name)
  return machine === undefined || nic === undefined ? unknown(mac) : standingOf(context, machine, nic, commons)
}

/** A machine known by its UUID only boots with whatever card it has. */
function standingByUuid(context: PlanContext, request: DhcpMessage): Standing | Silence | null {
  const { snapshot } = context
  const uuid = machineUuid(request)
  const [hostname] = uuid === null ? [] : (snapshot.byUuid.get(uuid as MachineUuid) ?? [])
  const machine = hostname === undefined ? undefined : snapshot.machines.get(hostname)
  const nic = machine === undefined ? null : bootInterface(snapshot, machine.hostname)
  return machine === undefined || nic === null || nic.mac !== null ? null : standingOf(context, machine, nic)
}

const unknown = (mac: string): Silence =>
  unserved(`no interface of the inventory has MAC ${mac === '' ? 'of this length' : mac}`)
