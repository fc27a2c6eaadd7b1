// A DHCPv6 request and the inventory give a reply, or silence and the reason. Reservations only; no lease is kept.
import type { PlanContext } from '../boot.ts'
import type { Silence } from '../dhcp/standing.ts'
import { ignore, unserved } from '../dhcp/standing.ts'
import type { Arrival6 } from './arrival.ts'
import { askerOf6 } from './asker.ts'
import type { Dhcp6Message, MessageType6, Option6 } from './message.ts'
import { OPTION6 } from './message.ts'
import type { Association } from './options.ts'
import { association, associations, clientId, optionOf, serverId, status } from './options.ts'
import type { Asked6 } from './reply.ts'
import { assignments, chooseUs, configuration, isIn, renewals, replyTo } from './reply.ts'

export type Dhcp6Answer =
  | Readonly<{
      kind: 'reply'
      reply: Dhcp6Message
      /** Null when the request was refused before it mattered whose it is. */
      machine: string | null
      /** Set when the client found another host at its address. */
      quarrel: string | null
    }>
  | Silence

type ClientType = Exclude<MessageType6, 'ADVERTISE' | 'REPLY' | 'RECONFIGURE'>

type Rule = Readonly<{
  clientId: 'needed' | 'welcome'
  /** Whom the message may name as its server. */
  server: 'nobody' | 'us' | 'us or nobody'
  /** RFC 8415 §18.4: what becomes of it when it was not sent to all servers. */
  byUnicast: 'dropped' | 'refused'
  /** Whether a stranger's is worth telling of. */
  wantsAnswer: boolean
}>

/** RFC 8415 §16.2 to §16.12, and §16's rule for unicast. */
const rules: Readonly<Record<ClientType, Rule>> = {
  SOLICIT: { clientId: 'needed', server: 'nobody', byUnicast: 'dropped', wantsAnswer: true },
  REQUEST: { clientId: 'needed', server: 'us', byUnicast: 'refused', wantsAnswer: true },
  CONFIRM: { clientId: 'needed', server: 'nobody', byUnicast: 'dropped', wantsAnswer: false },
  RENEW: { clientId: 'needed', server: 'us', byUnicast: 'refused', wantsAnswer: true },
  REBIND: { clientId: 'needed', server: 'nobody', byUnicast: 'dropped', wantsAnswer: true },
  RELEASE: { clientId: 'needed', server: 'us', byUnicast: 'refused', wantsAnswer: false },
  DECLINE: { clientId: 'needed', server: 'us', byUnicast: 'refused', wantsAnswer: false },
  'INFORMATION-REQUEST': { clientId: 'welcome', server: 'us or nobody', byUnicast: 'dropped', wantsAnswer: true },
}

/** @param serverDuid what clients know this server by; other replicas have their own (RFC 8415 §11) */
export function answerDhcp6(
  context: PlanContext,
  serverDuid: Uint8Array,
  request: Dhcp6Message,
  arrival: Arrival6,
): Dhcp6Answer {
  const { type } = request
  if (!isClientType(type)) return ignore(`${type} is a server's message`)
  const why = unfit(request, type, serverDuid)
  if (why !== null) return ignore(why)
  if (arrival.to === 'unicast' && request.relays.length === 0) return answerUnicast(request, type, serverDuid)
  const asker = askerOf6(context, request, arrival)
  if ('kind' in asker) return rules[type].wantsAnswer ? asker : ignore(asker.why, asker.machine)
  return answerByType({ ...asker, request, serverDuid, server: context.server }, type)
}

const isClientType = (type: MessageType6): type is ClientType => Object.hasOwn(rules, type)

/** Why nobody needs to answer the message; null when somebody may. */
function unfit(request: Dhcp6Message, type: ClientType, serverDuid: Uint8Array): string | null {
  const rule = rules[type]
  if (rule.clientId === 'needed' && clientId(request) === null) return `a ${type} without a client identifier`
  const named = optionOf(request, OPTION6.serverId) === null ? null : (serverId(request) ?? new Uint8Array())
  if (named !== null && rule.server === 'nobody') return `a ${type} names a server`
  if (named === null && rule.server === 'us') return `a ${type} names no server`
  if (named !== null && Buffer.compare(named, serverDuid) !== 0) return `the ${type} is for another server`
  if (type === 'INFORMATION-REQUEST' && associations(request).length > 0) return `a ${type} asks for addresses`
  return null
}

function answerUnicast(request: Dhcp6Message, type: ClientType, serverDuid: Uint8Array): Dhcp6Answer {
  if (rules[type].byUnicast === 'dropped') return ignore(`a ${type} to this server alone`)
  const refusal = replyTo(request, serverDuid, 'REPLY', [status('UseMulticast', 'send it to all servers')])
  return { kind: 'reply', reply: refusal, machine: null, quarrel: null }
}

function answerByType(asked: Asked6, type: ClientType): Dhcp6Answer {
  const { ip6 } = asked.nic
  const { hostname } = asked.settings.machine
  switch (type) {
    case 'INFORMATION-REQUEST':
      return answerWith(asked, 'REPLY', configuration(asked))
    case 'CONFIRM':
      return answerConfirm(asked)
    case 'RELEASE':
    case 'DECLINE':
      return answerGivenUp(asked, type)
    case 'SOLICIT':
    case 'REQUEST':
    case 'RENEW':
    case 'REBIND':
      if (ip6 === null) return unserved(`${hostname}/${asked.nic.name} has no reserved IPv6 address`, hostname)
      if (type === 'SOLICIT') return answerSolicit(asked, assignments(asked, ip6))
      return answerWith(asked, 'REPLY', [
        ...(type === 'REQUEST' ? assignments(asked, ip6) : renewals(asked, ip6)),
        ...configuration(asked),
      ])
    default:
      return type satisfies never
  }
}

function answerWith(asked: Asked6, type: MessageType6, options: readonly Option6[]): Dhcp6Answer {
  const reply = replyTo(asked.request, asked.serverDuid, type, options)
  return { kind: 'reply', reply, machine: asked.settings.machine.hostname, quarrel: null }
}

/** RFC 8415 §18.3.1: a client in haste is given at once what the other is offered. */
function answerSolicit(asked: Asked6, given: readonly Option6[]): Dhcp6Answer {
  const options = [...given, ...configuration(asked)]
  const haste = asked.request.options.find(({ code }) => code === OPTION6.rapidCommit)
  return haste === undefined
    ? answerWith(asked, 'ADVERTISE', [chooseUs, ...options])
    : answerWith(asked, 'REPLY', [{ code: OPTION6.rapidCommit, value: new Uint8Array() }, ...options])
}

/** RFC 8415 §18.3.3: whether the addresses are of the link, not whether they are the machine's. */
function answerConfirm(asked: Asked6): Dhcp6Answer {
  const { request, network, settings } = asked
  const held = associations(request).flatMap(({ addresses }) => addresses)
  if (held.length === 0) return ignore(`${settings.machine.hostname} confirms no address`, settings.machine.hostname)
  const strange = held.find((address) => !isIn(network.cidr6, address))
  const verdict =
    strange === undefined
      ? status('Success', 'all addresses are of this link')
      : status('NotOnLink', `${strange} is not in ${network.cidr6 ?? ''}`)
  return answerWith(asked, 'REPLY', [verdict])
}

/** RFC 8415 §18.3.7 and §18.3.8. A reservation is not given up, but whoever gives up an address is told that we heard. */
function answerGivenUp(asked: Asked6, type: 'RELEASE' | 'DECLINE'): Dhcp6Answer {
  const { nic, request } = asked
  const isOurs = ({ addresses }: Association): boolean => nic.ip6 !== null && addresses.includes(nic.ip6)
  const all = associations(request)
  const strange = all
    .filter((one) => !isOurs(one))
    .map((one) => association(one, [0, 0], [status('NoBinding', 'nothing of it is from here')]))
  const answer = answerWith(asked, 'REPLY', [status('Success', `${type.toLowerCase()}d`), ...strange])
  const isQuarrel = type === 'DECLINE' && all.some(isOurs)
  return isQuarrel && answer.kind === 'reply'
    ? { ...answer, quarrel: `its address ${nic.ip6 ?? ''} is in use by another host` }
    : answer
}
