// The replies to a machine of the inventory: OFFER and ACK with all that it is to know, ACK to INFORM, NAK.
import type { Ipv4Address } from '../../inventory/address.ts'
import type { Interface, Network } from '../../inventory/rows.ts'
import { bootfileFor } from '../bootfile.ts'
import type { Settings } from '../settings.ts'
import { clientOf } from './clients.ts'
import { hostConfiguration, leaseSeconds } from './host.ts'
import type { DhcpMessage } from './message.ts'
import { MESSAGE_TYPE, NO_ADDRESS, OPTION, PXE_SUB_OPTION } from './message.ts'
import { ascii, ipv4List, u16, u32, u8 } from './options.ts'

/** A request, and what the inventory has for whoever sent it. */
export type Asked = Readonly<{
  request: DhcpMessage
  settings: Settings
  nic: Interface
  ip: Ipv4Address
  network: Network
  /** Ours, as that network sees it. */
  ownAddress: Ipv4Address
  /** What the client is to take us for: the same, or what its relay wants (RFC 5107). */
  serverId: string
}>

/** RFC 2131 §4.3.2: the address that was asked for is not the machine's. Table 3: a NAK gives nothing. */
export function refusal({ request, settings, ip, serverId }: Asked, wanted: string): DhcpMessage {
  const options = new Map<number, Uint8Array>([
    [OPTION.messageType, u8(MESSAGE_TYPE.NAK)],
    [OPTION.serverIdentifier, ipv4List([serverId])],
    [OPTION.message, ascii(`${settings.machine.hostname} has ${ip}, not ${wanted}`)],
  ])
  echo(request, options)
  return { ...blankReply(request), broadcast: request.giaddr === NO_ADDRESS ? request.broadcast : true, options }
}

/** `INFORMATION` is the ACK to an INFORM: no address, no lease (RFC 2131 §4.3.5). */
export function acceptance(asked: Asked, what: 'OFFER' | 'ACK' | 'INFORMATION'): DhcpMessage {
  const { request, settings, ip, serverId, ownAddress, nic } = asked
  const isLease = what !== 'INFORMATION'
  const client = clientOf(request)
  const boots = client !== null && client.agent !== 'system' && settings.nic?.name === nic.name
  const bootfile = boots ? bootfileFor(settings, client) : null
  const nextServer = settings.serverAddress.value ?? ownAddress
  const options = new Map<number, Uint8Array>([
    [OPTION.messageType, u8(what === 'OFFER' ? MESSAGE_TYPE.OFFER : MESSAGE_TYPE.ACK)],
    [OPTION.serverIdentifier, ipv4List([serverId])],
  ])
  if (isLease) for (const [code, value] of leaseOptions(settings)) options.set(code, value)
  giveInRequestedOrder(request, hostOptions(asked), options)
  if (client !== null && client.agent !== 'system' && bootfile !== null)
    for (const [code, value] of bootOptions(client.agent, bootfile.value.name, nextServer)) options.set(code, value)
  echo(request, options)
  const file = bootfile?.value.name ?? ''
  return {
    ...blankReply(request),
    // By way of a relay an INFORM without ciaddr can only be broadcast: nobody knows an address.
    broadcast: request.broadcast || (!isLease && request.giaddr !== NO_ADDRESS && request.ciaddr === NO_ADDRESS),
    ciaddr: what === 'OFFER' ? NO_ADDRESS : request.ciaddr,
    yiaddr: isLease ? ip : NO_ADDRESS,
    siaddr: bootfile === null ? NO_ADDRESS : nextServer,
    file: file.length > FILE_MAX ? '' : file,
    options,
  }
}

/** RFC 2131 §2: 128 octets with the NUL. Option 67 has the whole of what is longer. */
export const FILE_MAX = 127

/** RFC 2131 §4.3.1, table 3: what goes back as it came. */
export function blankReply({ htype, xid, broadcast, giaddr, chaddr }: DhcpMessage): DhcpMessage {
  return {
    op: 'reply',
    htype,
    hops: 0,
    xid,
    secs: 0,
    broadcast,
    ciaddr: NO_ADDRESS,
    yiaddr: NO_ADDRESS,
    siaddr: NO_ADDRESS,
    giaddr,
    chaddr,
    sname: '',
    file: '',
    options: new Map(),
  }
}

/** RFC 3046 §2.2 for 82; RFC 4578 §2.3 for 97; RFC 6842 §3 for 61. */
export function echo(request: DhcpMessage, options: Map<number, Uint8Array>): void {
  for (const code of [OPTION.clientIdentifier, OPTION.machineUuid, OPTION.relayAgentInformation]) {
    const value = request.options.get(code)
    if (value !== undefined) options.set(code, value)
  }
}

function leaseOptions(settings: Settings): readonly (readonly [number, Uint8Array])[] {
  const { value: seconds } = leaseSeconds(settings)
  return [
    [OPTION.leaseTime, u32(seconds)],
    [OPTION.renewalTime, u32(Math.floor(seconds / 2))], // RFC 2131 §4.4.5
    [OPTION.rebindingTime, u32(Math.floor((seconds * 7) / 8))],
  ]
}

function hostOptions({ settings, nic, network }: Asked): ReadonlyMap<number, Uint8Array> {
  const host = hostConfiguration(settings, nic, network)
  const options = new Map<number, Uint8Array>()
  const give = (code: number, value: Uint8Array | null): void => {
    if (value !== null && value.length > 0) options.set(code, value)
  }
  give(OPTION.subnetMask, ipv4List([host.netmask]))
  give(OPTION.router, host.router === null ? null : ipv4List([host.router]))
  give(OPTION.domainNameServer, ipv4List(host.dns))
  give(OPTION.hostname, ascii(settings.machine.hostname))
  give(OPTION.domainName, host.domain === null ? null : ascii(host.domain))
  give(OPTION.interfaceMtu, host.mtu === null ? null : u16(host.mtu))
  give(OPTION.broadcastAddress, ipv4List([host.broadcast]))
  give(OPTION.ntpServer, ipv4List(host.ntp))
  return options
}

/**
 * RFC 2132 §9.8: in the client's order of preference; what it didn't ask for comes last, for clients that forget to ask.
 * §3.3: the subnet mask before the router, whatever the client prefers.
 */
function giveInRequestedOrder(
  request: DhcpMessage,
  available: ReadonlyMap<number, Uint8Array>,
  options: Map<number, Uint8Array>,
): void {
  const give = (code: number): void => {
    const value = available.get(code)
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

export function bootOptions(
  agent: 'pxe' | 'http' | 'ipxe',
  bootfile: string,
  nextServer: string,
): readonly (readonly [number, Uint8Array])[] {
  const names = [
    [OPTION.tftpServerName, ascii(nextServer)],
    [OPTION.bootfile, ascii(bootfile)],
  ] as const
  if (agent === 'http') return [...names, [OPTION.vendorClass, ascii('HTTPClient')]] // UEFI 2.10 §24.7.3.1: echoed, or the offer is ignored
  return [...names, [OPTION.vendorClass, ascii('PXEClient')], [OPTION.vendorSpecific, useBootfileOfReply]]
}
