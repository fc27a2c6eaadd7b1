// Where a reply goes: RFC 2131 §4.1, the paragraphs on "giaddr", "ciaddr" and the broadcast bit.

import { NO_ADDRESS, type DhcpMessage } from './message.ts'
import { messageType } from './options.ts'

export type ReplyDestination =
  Readonly<{ kind: 'unicast'; address: string; port: 67 | 68 }> | Readonly<{ kind: 'broadcast'; port: 68 }>

/**
 * The RFC lets a server unicast to a client that has no address yet and didn't set the broadcast bit, by way of its
 * hardware address. That takes a raw socket or an entry put into the ARP table, and Node has neither; such a client is
 * answered by broadcast, which it has to accept too.
 */
export function replyDestination(request: DhcpMessage, reply: DhcpMessage): ReplyDestination {
  // RFC 2131 §4.3.5: whoever informs has an address that works, relay or not.
  if (messageType(request) === 'INFORM' && request.ciaddr !== NO_ADDRESS)
    return { kind: 'unicast', address: request.ciaddr, port: 68 }
  // The relay first, whatever the reply is: it is the relay that broadcasts a NAK (the plan sets the broadcast bit).
  if (request.giaddr !== NO_ADDRESS) return { kind: 'unicast', address: request.giaddr, port: 67 }
  // The address a refused client thinks it has may be another's, or of another network.
  if (messageType(reply) === 'NAK') return { kind: 'broadcast', port: 68 }
  if (request.ciaddr !== NO_ADDRESS) return { kind: 'unicast', address: request.ciaddr, port: 68 }
  return { kind: 'broadcast', port: 68 }
}
