// A reply as long as its client takes it: RFC 2131 §2, RFC 2132 §9.10.
import type { DhcpMessage } from '../plan/dhcp/message.ts'
import { OPTION } from '../plan/dhcp/message.ts'
import { maxMessageSize, parameterRequestList } from '../plan/dhcp/options.ts'
import { DoesNotFit, encodeDhcp } from './dhcp.ts'

type Expendable = Readonly<{ code: number; why: string }>

/**
 * What a client can do without, the first before all others. Whatever isn't here is never left out: it tells what the
 * message is, where the client is in the network, what it boots, or is the client's own. The relay's is left out last.
 */
export const expendable: readonly Expendable[] = [
  { code: OPTION.renewalTime, why: 'the default is the same: RFC 2131 §4.4.5' },
  { code: OPTION.rebindingTime, why: 'the default is the same: RFC 2131 §4.4.5' },
  { code: OPTION.broadcastAddress, why: 'follows from address and mask' },
  { code: OPTION.message, why: 'for people: RFC 2132 §9.9' },
  { code: OPTION.tftpServerName, why: 'siaddr is the same address' },
  { code: OPTION.ntpServer, why: 'nothing on the way of a boot asks for it' },
  { code: OPTION.domainName, why: 'the install file has it too' },
  { code: OPTION.hostname, why: 'the install file has it too' },
  { code: OPTION.domainNameServer, why: 'boot files are named by address' },
  { code: OPTION.interfaceMtu, why: 'smaller frames than the network takes arrive too' },
]

const lesser = expendable.map(({ code }) => code)

type FittedReply = Readonly<{
  octets: Uint8Array
  /** Options that were left out. */
  dropped: readonly number[]
}>

/**
 * Of what can be left out, first goes what the client didn't ask for.
 * @param into as encodeDhcp() takes it
 * @throws DoesNotFit when even the rest is too long
 */
export function encodeReply(request: DhcpMessage, reply: DhcpMessage, into?: Uint8Array): FittedReply {
  const limits = { maxSize: payloadMax(request), lesser }
  const dropped: number[] = []
  let fitting = reply
  while (true) {
    try {
      return { octets: encodeDhcp(fitting, limits, into), dropped }
    } catch (error) {
      const next = dropOrder(request, reply)[dropped.length]
      if (!(error instanceof DoesNotFit) || next === undefined) throw error
      dropped.push(next)
      fitting = { ...reply, options: new Map([...reply.options].filter(([code]) => !dropped.includes(code))) }
    }
  }
}

function dropOrder(request: DhcpMessage, reply: DhcpMessage): readonly number[] {
  const requested = parameterRequestList(request)
  const present = expendable.map(({ code }) => code).filter((code) => reply.options.has(code))
  return [
    ...present.filter((code) => !requested.includes(code)),
    ...present.filter((code) => requested.includes(code)),
    ...(reply.options.has(lastResort) ? [lastResort] : []),
  ]
}

/** RFC 3046 §2.2: a reply that has no room for it goes out without it. */
const lastResort = OPTION.relayAgentInformation

/** RFC 2132 §9.10, and what a client takes that says nothing. */
const legalMin = 576
/** An Ethernet frame: boot ROMs don't reassemble. */
const frameMax = 1500
const ipAndUdpHeaders = 20 + 8
/** Octets of the longest reply there is. */
export const LONGEST_REPLY = frameMax - ipAndUdpHeaders

/** RFC 2131 §2: the size a client will take is that of the IP datagram, so the message may have 28 octets less. */
function payloadMax(request: DhcpMessage): number {
  const asked = maxMessageSize(request) ?? legalMin
  return Math.min(Math.max(asked, legalMin), frameMax) - ipAndUdpHeaders
}
