// A DHCP request and the inventory give a reply, or silence and the reason. Reservations only; no lease is kept.
import type { Ipv4Address } from '../../inventory/address.ts'
import { networkContains, parseIpv4 } from '../../inventory/address.ts'
import type { PlanContext } from '../boot.ts'
import type { Arrival } from './arrival.ts'
import type { Silence } from './asker.ts'
import { askerOf, ignore, unserved } from './asker.ts'
import type { DhcpMessage, MessageType } from './message.ts'
import { NO_ADDRESS } from './message.ts'
import { messageType, requestedAddress, serverIdentifier, serverIdentifierOverride } from './options.ts'
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
  const asker = askerOf(context, request, arrival)
  if ('kind' in asker) return asker
  const { settings, nic, network, ownAddress } = asker
  const { hostname } = settings.machine
  if (nic.ip === null || network === null) return unserved(`${hostname}/${nic.name} has no reserved address`, hostname)
  const serverId = request.giaddr === NO_ADDRESS ? ownAddress : (serverIdentifierOverride(request) ?? ownAddress)
  return { request, settings, nic, ip: nic.ip, network, ownAddress, serverId }
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
