// A DHCP request and the inventory give a reply, or silence and the reason. Reservations only; no lease is kept.
import type { Ipv4Address, MacAddress, MachineUuid } from '../../inventory/address.ts'
import { networkContains, parseIpv4 } from '../../inventory/address.ts'
import { describeWithheld, findings, isWithheld } from '../../inventory/findings.ts'
import type { Interface, Machine } from '../../inventory/rows.ts'
import type { Snapshot } from '../../inventory/snapshot.ts'
import { bootInterface } from '../../inventory/snapshot.ts'
import type { PlanContext } from '../boot.ts'
import { ownAddressFor } from '../server.ts'
import { settingsOf } from '../settings.ts'
import type { Arrival } from './arrival.ts'
import { strayWay } from './arrival.ts'
import type { DhcpMessage, MessageType } from './message.ts'
import { NO_ADDRESS } from './message.ts'
import {
  formatMac,
  machineUuid,
  messageType,
  requestedAddress,
  serverIdentifier,
  serverIdentifierOverride,
} from './options.ts'
import type { Asked } from './reply.ts'
import { acceptance, refusal } from './reply.ts'

export type DhcpAnswer =
  | Readonly<{
      kind: 'reply'
      reply: DhcpMessage
      machine: string
      /** The reservation: a broadcast goes out on its wire. */
      reserved: Ipv4Address
    }>
  | Silence
  /** The client found another host at the address that it was given. */
  | Readonly<{ kind: 'declined'; why: string; machine: string }>

export type Silence = Readonly<{
  /** `unserved`: somebody wanted an answer and gets none from us, which an administrator may want to know. */
  kind: 'ignore' | 'unserved'
  why: string
  /** Set when the request is a machine's of the inventory. */
  machine: string | null
}>

const ignore = (why: string, machine: string | null = null): Silence => ({ kind: 'ignore', why, machine })
const unserved = (why: string, machine: string | null = null): Silence => ({ kind: 'unserved', why, machine })

/** @param arrival the interface on which it was heard, when the socket can tell */
export function answerDhcp(context: PlanContext, request: DhcpMessage, arrival: Arrival | null = null): DhcpAnswer {
  const type = messageType(request)
  if (request.op !== 'request' || type === null) return ignore('not a DHCP request')
  const asked = identify(context, request, arrival)
  if ('kind' in asked) return wantsReply(type) ? asked : ignore(asked.why, asked.machine)
  return answerByType(asked, type)
}

const wantsReply = (type: MessageType): boolean => type === 'DISCOVER' || type === 'REQUEST' || type === 'INFORM'

/** Everything known about the request before its type matters. */
function identify(context: PlanContext, request: DhcpMessage, arrival: Arrival | null): Asked | Silence {
  const { snapshot, server } = context
  const found = findInterface(snapshot, request)
  if (found === null)
    return unserved(`no interface of the inventory has MAC ${formatMac(request.chaddr) ?? 'of this length'}`)
  const { machine, nic } = found
  const { hostname } = machine
  const problems = findings(snapshot, hostname, context.known)
  if (isWithheld(problems)) return unserved(`${hostname} is withheld: ${describeWithheld(problems)}`, hostname)
  const network = nic.network === null ? undefined : snapshot.networks.get(nic.network)
  if (nic.ip === null || network === undefined)
    return unserved(`${hostname}/${nic.name} has no reserved address`, hostname)
  const ownAddress = ownAddressFor(network, server)
  if (ownAddress === null)
    return unserved('this server does not know its own address; start it with --advertise ADDRESS', hostname)
  const stray = strayWay(request, network, arrival, server)
  if (stray !== null)
    return unserved(`${hostname} asks ${stray}, which is not on its network ${network.name}`, hostname)
  const settings = settingsOf(snapshot, machine, server)
  const serverId = request.giaddr === NO_ADDRESS ? ownAddress : (serverIdentifierOverride(request) ?? ownAddress)
  return { request, settings, nic, ip: nic.ip, network, ownAddress, serverId }
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

function answerByType(asked: Asked, type: MessageType): DhcpAnswer {
  const { machine } = asked.settings
  switch (type) {
    case 'DISCOVER':
      return answerWith(asked, acceptance(asked, 'OFFER'))
    case 'REQUEST':
      return answerRequest(asked)
    case 'INFORM':
      return answerInform(asked)
    case 'DECLINE':
      return answerDecline(asked)
    case 'RELEASE':
      return ignore('a reservation is not given up', machine.hostname)
    case 'OFFER':
    case 'ACK':
    case 'NAK':
      return ignore(`${type} is a server's message`, machine.hostname)
    default:
      return type satisfies never
  }
}

const answerWith = ({ settings, ip }: Asked, reply: DhcpMessage): DhcpAnswer => ({
  kind: 'reply',
  reply,
  machine: settings.machine.hostname,
  reserved: ip,
})

/** RFC 2131 §4.3.2: what the client holds or wants is either its reservation, or refused. */
function answerRequest(asked: Asked): DhcpAnswer {
  const { request, ip, settings } = asked
  const { hostname } = settings.machine
  const chosen = serverIdentifier(request)
  if (chosen !== null && !isOurs(asked, chosen)) return ignore(`${hostname} chose server ${chosen}`, hostname)
  const wanted = requestedAddress(request) ?? request.ciaddr
  if (wanted === NO_ADDRESS) return ignore(`${hostname} names no address`, hostname) // NAK only when sure
  return answerWith(asked, wanted === ip ? acceptance(asked, 'ACK') : refusal(asked, wanted))
}

/** By the relay's address too: an offer may have come another way than this request. */
const isOurs = ({ serverId, ownAddress }: Asked, chosen: string): boolean =>
  chosen === serverId || chosen === ownAddress

/** RFC 2131 §4.3.5: the address is the client's own affair, but what we would tell it is that of its network. */
function answerInform(asked: Asked): DhcpAnswer {
  const { request, network, settings } = asked
  const held = request.ciaddr === NO_ADDRESS ? null : parseIpv4(request.ciaddr)
  const { hostname } = settings.machine
  if (held !== null && !networkContains(network.cidr, held))
    return unserved(`${hostname} informs from ${held}, which is not on its network ${network.name}`, hostname)
  return answerWith(asked, acceptance(asked, 'INFORMATION'))
}

/** RFC 2131 §4.3.3. */
function answerDecline(asked: Asked): DhcpAnswer {
  const { request, ip, settings } = asked
  const { hostname } = settings.machine
  const [declined, chosen] = [requestedAddress(request), serverIdentifier(request)]
  if (declined !== ip || (chosen !== null && !isOurs(asked, chosen)))
    return ignore(`${hostname} declined ${declined ?? 'no address'}, which is not of our giving`, hostname)
  return { kind: 'declined', why: `its address ${ip} is in use by another host`, machine: hostname }
}
