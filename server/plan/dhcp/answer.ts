// A DHCP request and the inventory give a reply, or silence and the reason. Reservations only; no lease is kept.
import type { Ipv4Address, MacAddress, MachineUuid } from '../../inventory/address.ts'
import { networkContains, parseIpv4 } from '../../inventory/address.ts'
import { describeWithheld, findings, isWithheld } from '../../inventory/findings.ts'
import type { Interface, Machine, Network } from '../../inventory/rows.ts'
import type { Snapshot } from '../../inventory/snapshot.ts'
import { bootInterface } from '../../inventory/snapshot.ts'
import { bootfileFor } from '../bootfile.ts'
import type { PlanContext } from '../boot.ts'
import { ownAddressFor } from '../server.ts'
import type { Settings } from '../settings.ts'
import { settingsOf } from '../settings.ts'
import { clientOf } from './clients.ts'
import { hostConfiguration, leaseSeconds } from './host.ts'
import type { DhcpMessage } from './message.ts'
import { MESSAGE_TYPE, NO_ADDRESS, OPTION } from './message.ts'
import {
  ascii,
  formatMac,
  ipv4List,
  machineUuid,
  messageType,
  parameterRequestList,
  requestedAddress,
  serverIdentifier,
  u16,
  u32,
  u8,
} from './options.ts'

export type DhcpAnswer =
  | Readonly<{ kind: 'reply'; reply: DhcpMessage; machine: string }>
  | Readonly<{
      kind: 'ignore'
      why: string
      /** Set when the request is a machine's of the inventory. */ machine: string | null
    }>

const ignore = (why: string, machine: string | null = null): DhcpAnswer => ({ kind: 'ignore', why, machine })

/** Everything known about one request before its type matters. */
type Case = Readonly<{
  request: DhcpMessage
  settings: Settings
  nic: Interface
  ip: Ipv4Address
  network: Network
  serverId: Ipv4Address
}>

export function answerDhcp(context: PlanContext, request: DhcpMessage): DhcpAnswer {
  const type = messageType(request)
  if (request.op !== 'request' || type === null) return ignore('not a DHCP request')
  const found = findInterface(context.snapshot, request)
  if (found === null)
    return ignore(`no interface of the inventory has MAC ${formatMac(request.chaddr) ?? 'of this length'}`)
  const { machine, nic } = found
  const problems = findings(context.snapshot, machine.hostname, context.known)
  if (isWithheld(problems))
    return ignore(`${machine.hostname} is withheld: ${describeWithheld(problems)}`, machine.hostname)
  const network = nic.network === null ? undefined : context.snapshot.networks.get(nic.network)
  if (nic.ip === null || network === undefined)
    return ignore(`${machine.hostname}/${nic.name} has no reserved address`, machine.hostname)
  const serverId = ownAddressFor(network, context.server)
  if (serverId === null)
    return ignore('this server does not know its own address; start it with --advertise ADDRESS', machine.hostname)
  const asked: Case = {
    request,
    settings: settingsOf(context.snapshot, machine, context.server),
    nic,
    ip: nic.ip,
    network,
    serverId,
  }
  if (!arrivesFromItsNetwork(asked))
    return ignore(
      `${machine.hostname} asks through relay ${request.giaddr}, which is not on its network ${network.name}`,
      machine.hostname,
    )
  return answerByType(asked, type)
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

/** RFC 2131 §4.3.1: the relay's address tells the client's network. Without a relay it is one this host is on. */
function arrivesFromItsNetwork({ request, network }: Case): boolean {
  if (request.giaddr === NO_ADDRESS || request.giaddr === network.relay) return true
  const relay = parseIpv4(request.giaddr)
  return relay !== null && networkContains(network.cidr, relay)
}

function answerByType(asked: Case, type: NonNullable<ReturnType<typeof messageType>>): DhcpAnswer {
  const { machine } = asked.settings
  switch (type) {
    case 'DISCOVER':
      return reply(asked, 'OFFER')
    case 'REQUEST':
      return answerRequest(asked)
    case 'INFORM':
      return reply(asked, 'ACK', { lease: false })
    case 'DECLINE':
      return ignore(`${machine.hostname} declined ${asked.ip}: another host uses that address`, machine.hostname)
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

/** RFC 2131 §4.3.2: what the client holds or wants is either its reservation, or refused. */
function answerRequest(asked: Case): DhcpAnswer {
  const { request, ip, serverId, settings } = asked
  const chosen = serverIdentifier(request)
  if (chosen !== null && chosen !== serverId)
    return ignore(`${settings.machine.hostname} chose server ${chosen}`, settings.machine.hostname)
  const wanted = requestedAddress(request) ?? request.ciaddr
  if (wanted === NO_ADDRESS) return ignore(`${settings.machine.hostname} names no address`, settings.machine.hostname) // NAK only when sure
  return wanted === ip ? reply(asked, 'ACK') : refuse(asked, wanted)
}

function refuse({ request, settings, ip, serverId }: Case, wanted: string): DhcpAnswer {
  const options = new Map<number, Uint8Array>([
    [OPTION.messageType, u8(MESSAGE_TYPE.NAK)],
    [OPTION.serverIdentifier, ipv4List([serverId])],
    [OPTION.message, ascii(`${settings.machine.hostname} has ${ip}, not ${wanted}`)],
  ])
  echo(request, options)
  return {
    kind: 'reply',
    machine: settings.machine.hostname,
    reply: { ...blankReply(request), broadcast: request.giaddr === NO_ADDRESS ? request.broadcast : true, options },
  }
}

function blankReply(request: DhcpMessage): DhcpMessage {
  const { htype, xid, broadcast, giaddr, chaddr } = request
  const none = NO_ADDRESS
  return {
    op: 'reply',
    htype,
    hops: 0,
    xid,
    broadcast,
    secs: 0,
    ciaddr: none,
    yiaddr: none,
    siaddr: none,
    giaddr,
    chaddr,
    sname: '',
    file: '',
    options: new Map(),
  }
}

/** RFC 3046 §2.2 for 82; RFC 4578 §2.3 for 97; RFC 6842 §3 for 61. */
function echo(request: DhcpMessage, options: Map<number, Uint8Array>): void {
  for (const code of [OPTION.clientIdentifier, OPTION.machineUuid, OPTION.relayAgentInformation]) {
    const value = request.options.get(code)
    if (value !== undefined) options.set(code, value)
  }
}

function reply(asked: Case, type: 'OFFER' | 'ACK', { lease } = { lease: true }): DhcpAnswer {
  const { request, settings, ip, serverId, nic } = asked
  const client = clientOf(request)
  const boots = client !== null && client.agent !== 'system' && settings.nic?.name === nic.name
  const bootfile = boots ? bootfileFor(settings, client) : null
  const nextServer = settings.serverAddress.value ?? serverId
  const options = new Map<number, Uint8Array>([
    [OPTION.messageType, u8(MESSAGE_TYPE[type])],
    [OPTION.serverIdentifier, ipv4List([serverId])],
  ])
  if (lease) for (const [code, value] of leaseOptions(settings)) options.set(code, value)
  for (const [code, value] of inRequestedOrder(request, hostOptions(asked))) options.set(code, value)
  if (client !== null && client.agent !== 'system' && bootfile !== null)
    for (const [code, value] of bootOptions(client.agent, bootfile.value.name, nextServer)) options.set(code, value)
  echo(request, options)
  const file = bootfile?.value.name ?? ''
  return {
    kind: 'reply',
    machine: settings.machine.hostname,
    reply: {
      ...blankReply(request),
      ciaddr: type === 'ACK' ? request.ciaddr : NO_ADDRESS,
      yiaddr: lease ? ip : NO_ADDRESS,
      siaddr: bootfile === null ? NO_ADDRESS : nextServer,
      file: file.length < 128 ? file : '', // RFC 2131 §2: 128 octets with the NUL; option 67 has the whole of it
      options,
    },
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

function hostOptions({ settings, nic, network }: Case): ReadonlyMap<number, Uint8Array> {
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

/** RFC 2132 §9.8: in the client's order of preference; what it didn't ask for comes last, for clients that forget to ask. */
function* inRequestedOrder(
  request: DhcpMessage,
  options: ReadonlyMap<number, Uint8Array>,
): Generator<readonly [number, Uint8Array]> {
  const requested = parameterRequestList(request)
  for (const code of requested) {
    const value = options.get(code)
    if (value !== undefined) yield [code, value]
  }
  for (const [code, value] of options) if (!requested.includes(code)) yield [code, value]
}

/** PXE 2.1 §2.2: discovery control 8 says "use the boot file of this reply, ask no boot server". */
const useBootfileOfReply = Uint8Array.of(6, 1, 8, 255)

function bootOptions(
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
