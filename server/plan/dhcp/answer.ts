// A DHCP request and the inventory give a reply, or silence and the reason. Reservations only; no lease is kept.
import type { Ipv4Address } from '../../inventory/address.ts'
import { networkContains, parseIpv4 } from '../../inventory/address.ts'
import type { Arrival } from './arrival.ts'
import type { DhcpContext } from './asker.ts'
import { askerOf } from './asker.ts'
import type { Client } from './clients.ts'
import { clientOf } from './clients.ts'
import type { DhcpMessage, MessageType } from './message.ts'
import { NO_ADDRESS } from './message.ts'
import { messageType, requestedAddress, serverIdentifier, serverIdentifierOverride } from './options.ts'
import type { Asked } from './reply.ts'
import { acceptance, refusal } from './reply.ts'
import type { Silence } from './standing.ts'
import { ignore, unserved } from './standing.ts'

export type DhcpAnswer =
  | Readonly<{
      kind: 'reply'
      reply: DhcpMessage
      machine: string
      /** The reservation: a broadcast goes out on its wire. */
      reserved: Ipv4Address
      /** What it was taken for; null when its architecture is none that we know. */
      client: Client | null
    }>
  | Silence
  /** The client found another host at the address that it was given. */
  | Readonly<{ kind: 'declined'; why: string; machine: string }>

/** @param arrival the interface on which it was heard, when the socket can tell */
export function answerDhcp(context: DhcpContext, request: DhcpMessage, arrival: Arrival | null = null): DhcpAnswer {
  const type = messageType(request)
  if (request.op !== 'request' || type === null) return ignore('not a DHCP request')
  const asked = identify(context, request, arrival)
  if ('kind' in asked) return wantsReply(type) ? asked : ignore(asked.why, asked.machine)
  return answerByType(asked, type)
}

const wantsReply = (type: MessageType): boolean => type === 'DISCOVER' || type === 'REQUEST' || type === 'INFORM'

/** Everything known about the request before its type matters. */
function identify(context: DhcpContext, request: DhcpMessage, arrival: Arrival | null): Asked | Silence {
  const standing = askerOf(context, request, arrival)
  if ('kind' in standing) return standing
  const { hostname, nic, ip, network, common } = standing
  if (ip === null || network === null) return unserved(`${hostname}/${nic} has no reserved address`, hostname)
  const { ownAddress } = common
  const serverId = request.giaddr === NO_ADDRESS ? ownAddress : (serverIdentifierOverride(request) ?? ownAddress)
  return { request, client: clientOf(request), standing, ip, network, serverId, ours: context.server.addresses }
}

function answerByType(asked: Asked, type: MessageType): DhcpAnswer {
  const { hostname } = asked.standing
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
      return ignore('a reservation is not given up', hostname)
    case 'OFFER':
    case 'ACK':
    case 'NAK':
      return ignore(`${type} is a server's message`, hostname)
    default:
      return type satisfies never
  }
}

const answerWith = ({ standing, ip, client }: Asked, reply: DhcpMessage): DhcpAnswer => ({
  kind: 'reply',
  reply,
  machine: standing.hostname,
  reserved: ip,
  client,
})

/** RFC 2131 §4.3.2: what the client holds or wants is either its reservation, or refused. */
function answerRequest(asked: Asked): DhcpAnswer {
  const { request, ip, standing } = asked
  const { hostname } = standing
  const chosen = serverIdentifier(request)
  if (chosen !== null && !isOurs(asked, chosen)) return ignore(`${hostname} chose server ${chosen}`, hostname)
  const wanted = requestedAddress(request) ?? request.ciaddr
  if (wanted === NO_ADDRESS) return ignore(`${hostname} names no address`, hostname) // NAK only when sure
  return answerWith(asked, wanted === ip ? acceptance(asked, 'ACK') : refusal(asked, wanted))
}

/** RFC 2131 §4.1: any of our addresses is us. An offer may have come another way than this request, or before a change. */
const isOurs = ({ serverId, standing, ours }: Asked, chosen: string): boolean =>
  chosen === serverId || chosen === standing.common.ownAddress || (ours as readonly string[]).includes(chosen)

/** RFC 2131 §4.3.5: the address is the client's own affair, but what we would tell it is that of its network. */
function answerInform(asked: Asked): DhcpAnswer {
  const { request, network, standing } = asked
  const held = request.ciaddr === NO_ADDRESS ? null : parseIpv4(request.ciaddr)
  const { hostname } = standing
  if (held !== null && !networkContains(network.cidr, held))
    return unserved(`${hostname} informs from ${held}, which is not on its network ${network.name}`, hostname)
  return answerWith(asked, acceptance(asked, 'INFORMATION'))
}

/** RFC 2131 §4.3.3. */
function answerDecline(asked: Asked): DhcpAnswer {
  const { request, ip, standing } = asked
  const { hostname } = standing
  const [declined, chosen] = [requestedAddress(request), serverIdentifier(request)]
  if (declined !== ip || (chosen !== null && !isOurs(asked, chosen)))
    return ignore(`${hostname} declined ${declined ?? 'no address'}, which is not of our giving`, hostname)
  return { kind: 'declined', why: `its address ${ip} is in use by another host`, machine: hostname }
}
