// Which network a request comes from: the relay says it, or else the interface on which it was heard.
import type { Ipv4Address } from '../../inventory/address.ts'
import { networkContains } from '../../inventory/address.ts'
import type { Network } from '../../inventory/rows.ts'
import type { Server } from '../server.ts'
import type { DhcpMessage } from './message.ts'
import { NO_ADDRESS } from './message.ts'
import { linkSelection } from './options.ts'

/** An interface of this host that a request came in on, and our addresses there. */
export type Arrival = Readonly<{ interface: string; addresses: readonly Ipv4Address[] }>

/**
 * How the request reached us, when that can't be from that network; null when it can.
 * @param arrival null when the socket hears every interface, and can't tell
 */
export function strayWay(
  request: DhcpMessage,
  network: Network,
  arrival: Arrival | null,
  server: Server,
): string | null {
  return request.giaddr === NO_ADDRESS
    ? strayInterface(request, network, arrival, server)
    : strayRelay(request, network)
}

/** RFC 2131 §4.3.1: the relay's address tells the client's network, unless the relay names another (RFC 3527 §3). */
function strayRelay(request: DhcpMessage, { cidr, relay }: Network): string | null {
  const { giaddr } = request
  const selected = linkSelection(request)
  if (selected === null && giaddr === relay) return null
  if (networkContains(cidr, (selected ?? giaddr) as Ipv4Address)) return null // four octets of a request
  return selected === null ? `through relay ${giaddr}` : `through relay ${giaddr} for subnet ${selected}`
}

function strayInterface(
  { ciaddr }: DhcpMessage,
  { cidr }: Network,
  arrival: Arrival | null,
  server: Server,
): string | null {
  if (arrival === null || ciaddr !== NO_ADDRESS) return null // who has an address may ask from beyond a router
  const isOn = (addresses: readonly Ipv4Address[]): boolean => addresses.some((one) => networkContains(cidr, one))
  // A network that no interface of ours is on may share this one's wire.
  return isOn(arrival.addresses) || !isOn(server.addresses) ? null : `on interface ${arrival.interface}`
}
