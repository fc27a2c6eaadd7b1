// The replies to a machine of the inventory: OFFER and ACK with all that it is to know, ACK to INFORM, NAK.
import type { Ipv4Address } from '../../inventory/address.ts'
import type { Network } from '../../inventory/rows.ts'
import { bootfileOf } from '../bootfile.ts'
import type { Client } from './clients.ts'
import type { DhcpMessage } from './message.ts'
import { MESSAGE_TYPE, NO_ADDRESS, OPTION, PXE_SUB_OPTION } from './message.ts'
import { ascii, ipv4List, u8 } from './options.ts'
import type { Standing } from './standing.ts'

/** A request, and what the inventory has for whoever sent it. */
export type Asked = Readonly<{
  request: DhcpMessage
  client: Client | null
  standing: Standing
  ip: Ipv4Address
  network: Network
  /** What the client is to take us for: our address, or what its relay wants (RFC 5107). */
  serverId: string
  /** All of our addresses. */
  ours: readonly Ipv4Address[]
}>

/** RFC 2131 §4.3.2: the address that was asked for is not the machine's. Table 3: a NAK gives nothing. */
export function refusal({ request, standing, ip, serverId }: Asked, wanted: string): DhcpMessage {
  const options = new Map<number, Uint8Array>([
    [OPTION.messageType, u8(MESSAGE_TYPE.NAK)],
    [OPTION.serverIdentifier, ipv4List([serverId])],
    [OPTION.message, ascii(`${standing.hostname} has ${ip}, not ${wanted}`)],
  ])
  echo(request, options)
  return replyMessage(request, { broadcast: request.giaddr === NO_ADDRESS ? request.broadcast : true, options })
}

/** `INFORMATION` is the ACK to an INFORM: no address, no lease (RFC 2131 §4.3.5). */
export function acceptance(
  { request, client, standing, ip, serverId }: Asked,
  what: 'OFFER' | 'ACK' | 'INFORMATION',
): DhcpMessage {
  const { common, hostname } = standing
  const { nextServer } = common
  const isLease = what !== 'INFORMATION'
  const agent = client === null || client.agent === 'system' ? null : client.agent
  const bootfile = client === null || agent === null ? null : bootfileOf(standing, client)
  const options = new Map<number, Uint8Array>([
    [OPTION.messageType, u8(what === 'OFFER' ? MESSAGE_TYPE.OFFER : MESSAGE_TYPE.ACK)],
    [OPTION.serverIdentifier, ipv4List([serverId])],
  ])
  if (isLease) for (const [code, value] of common.lease) options.set(code, value)
  giveInRequestedOrder(request, common.host, ascii(hostname), options)
  if (agent !== null && bootfile !== null)
    for (const [code, value] of bootOptions(agent, bootfile.name, nextServer)) options.set(code, value)
  echo(request, options)
  const file = bootfile?.name ?? ''
  return replyMessage(request, {
    // By way of a relay an INFORM without ciaddr can only be broadcast: nobody knows an address.
    broadcast: request.broadcast || (!isLease && request.giaddr !== NO_ADDRESS && request.ciaddr === NO_ADDRESS),
    ciaddr: what === 'OFFER' ? NO_ADDRESS : request.ciaddr,
    yiaddr: isLease ? ip : NO_ADDRESS,
    siaddr: bootfile === null ? NO_ADDRESS : nextServer,
    file: file.length > FILE_MAX ? '' : file,
    options,
  })
}

/** RFC 2131 §2: 128 octets with the NUL. Option 67 has the whole of what is longer. */
export const FILE_MAX = 127

type Said = Pick<DhcpMessage, 'broadcast' | 'options'> &
  Partial<Pick<DhcpMessage, 'ciaddr' | 'yiaddr' | 'siaddr' | 'file'>>

/** RFC 2131 §4.3.1, table 3: what goes back as it came, and what is said. Field by field: a spread takes ten times as long. */
export function replyMessage({ htype, xid, giaddr, chaddr }: DhcpMessage, said: Said): DhcpMessage {
  return {
    op: 'reply',
    htype,
    hops: 0,
    xid,
    secs: 0,
    broadcast: said.broadcast,
    ciaddr: said.ciaddr ?? NO_ADDRESS,
    yiaddr: said.yiaddr ?? NO_ADDRESS,
    siaddr: said.siaddr ?? NO_ADDRESS,
    giaddr,
    chaddr,
    sname: '',
    file: said.file ?? '',
    options: said.options,
  }
}

/** RFC 3046 §2.2 for 82; RFC 4578 §2.3 for 97; RFC 6842 §3 for 61. */
export function echo(request: DhcpMessage, options: Map<number, Uint8Array>): void {
  for (const code of [OPTION.clientIdentifier, OPTION.machineUuid, OPTION.relayAgentInformation]) {
    const value = request.options.get(code)
    if (value !== undefined) options.set(code, value)
  }
}

/**
 * RFC 2132 §9.8: in the client's order of preference; what it didn't ask for comes last, for clients that forget to ask.
 * §3.3: the subnet mask before the router, whatever the client prefers.
 */
function giveInRequestedOrder(
  request: DhcpMessage,
  available: ReadonlyMap<number, Uint8Array>,
  hostname: Uint8Array,
  options: Map<number, Uint8Array>,
): void {
  const give = (code: number): void => {
    const value = code === OPTION.hostname ? hostname : available.get(code)
    if (value !== undefined) options.set(code, value)
  }
  for (const code of request.options.get(OPTION.parameterRequestList) ?? []) {
    if (code === OPTION.router) give(OPTION.subnetMask)
    give(code)
  }
  for (const code of available.keys()) give(code)
}

/** PXE 2.1 §2.2: discovery control 8 says "use the boot file of this reply, ask no boot server". */
const useBootfileOfReply = Uint8Array.of(PXE_SUB_OPTION.discoveryControl, 1, 8, OPTION.end)
const httpClient = ascii('HTTPClient')
export const pxeClient = ascii('PXEClient')

export function bootOptions(
  agent: 'pxe' | 'http' | 'ipxe',
  bootfile: string,
  nextServer: string,
): readonly (readonly [number, Uint8Array])[] {
  const names = [
    [OPTION.tftpServerName, ascii(nextServer)],
    [OPTION.bootfile, ascii(bootfile)],
  ] as const
  if (agent === 'http') return [...names, [OPTION.vendorClass, httpClient]] // UEFI 2.10 §24.7.3.1: echoed, or the offer is ignored
  return [...names, [OPTION.vendorClass, pxeClient], [OPTION.vendorSpecific, useBootfileOfReply]]
}
