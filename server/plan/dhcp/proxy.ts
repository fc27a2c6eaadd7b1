// What to boot, said beside the DHCP server that gives the address: PXE specification 2.1 (Intel, 1999) §2.2 calls that
// proxyDHCP. No address is given or refused, and whoever doesn't boot over the network is none of our business.
import type { BootingAgent } from '../bootfile.ts'
import { bootfileOf } from '../bootfile.ts'
import type { DhcpAnswer } from './answer.ts'
import type { Arrival } from './arrival.ts'
import type { DhcpContext } from './asker.ts'
import { askerOf } from './asker.ts'
import type { Client, Platform } from './clients.ts'
import { clientOf, strangePlatform } from './clients.ts'
import type { DhcpMessage, MessageType } from './message.ts'
import { MESSAGE_TYPE, NO_ADDRESS, OPTION, PXE_SUB_OPTION } from './message.ts'
import { bootItem, ipv4List, messageType, u8 } from './options.ts'
import { bootOptions, echo, FILE_MAX, pxeClient, replyMessage } from './reply.ts'
import type { Standing } from './standing.ts'
import { ignore, unserved } from './standing.ts'

/**
 * What this server does about DHCP: all of it, only the boot files beside a server on another host, or the same beside one
 * on this host, which has port 67.
 */
export const dhcpModes = ['server', 'proxy', 'proxy-4011'] as const
export type DhcpMode = (typeof dhcpModes)[number]

/** PXE 2.1 §2.2; IANA has it as "altserviceboot". */
export const PXE_PORT = 4011

/** Where it was heard: on the port of DHCP, where a client asks everybody, or on 4011, where it asks us. */
export type ProxyPort = 'dhcp' | 'pxe'

/** @param arrival the interface on which it was heard, when the socket can tell */
export function answerProxyDhcp(
  context: DhcpContext,
  request: DhcpMessage,
  port: ProxyPort,
  arrival: Arrival | null = null,
): DhcpAnswer {
  const type = messageType(request)
  if (request.op !== 'request' || type === null) return ignore('not a DHCP request')
  const what = replyTo(request, type, port)
  const client = clientOf(request)
  const isBooting = client === null ? strangePlatform(request) !== null : client.agent !== 'system'
  if (what === null || !isBooting) return ignore(`${type} is for the server that gives addresses`)
  const standing = askerOf(context, request, arrival)
  if ('kind' in standing) return standing
  const { hostname, nic, ip, common } = standing
  if (common.boots === null) return unserved(`${hostname} does not boot by ${nic}`, hostname)
  const bootfile = client === null ? null : bootfileOf(standing, client, 'proxy')
  if (client === null || client.agent === 'system' || bootfile === null)
    return unserved(`${hostname}: there is no boot file for ${describe(request, client)}`, hostname)
  const reply = proxyReply(standing, request, { ...client, agent: client.agent, what, bootfile: bootfile.name })
  return { kind: 'reply', reply, machine: hostname, reserved: ip ?? common.ownAddress, client }
}

const describe = (request: DhcpMessage, client: Client | null): string =>
  client === null ? (strangePlatform(request) ?? '') : `${client.platform} ${client.agent}`

/**
 * §2.2: DISCOVER by broadcast, then REQUEST to 4011 of whoever answered. A ROM that insists on boot servers sends its
 * REQUEST to everybody, and PXE_BOOT_ITEM in it is how that differs from one for an address.
 */
function replyTo(request: DhcpMessage, type: MessageType, port: ProxyPort): 'OFFER' | 'ACK' | null {
  if (type === 'DISCOVER' && port === 'dhcp') return 'OFFER'
  return type === 'REQUEST' && (port === 'pxe' || bootItem(request) !== null) ? 'ACK' : null
}

type Told = Readonly<{ what: 'OFFER' | 'ACK'; agent: BootingAgent; platform: Platform; bootfile: string }>

function proxyReply({ common }: Standing, request: DhcpMessage, told: Told): DhcpMessage {
  const { what, agent, bootfile } = told
  const { ownAddress, nextServer } = common
  const isLater = what === 'OFFER' && asksAgain(told)
  const item = what === 'ACK' ? bootItem(request) : null
  const options = new Map<number, Uint8Array>([
    [OPTION.messageType, u8(MESSAGE_TYPE[what])],
    [OPTION.serverIdentifier, ipv4List([ownAddress])],
    ...(isLater ? [[OPTION.vendorClass, pxeClient] as const] : bootOptions(agent, bootfile, nextServer)),
    ...(item === null ? [] : [[OPTION.vendorSpecific, chosen(item)] as const]),
  ])
  echo(request, options)
  return replyMessage(request, {
    broadcast: request.broadcast || request.ciaddr === NO_ADDRESS, // a relay could send it to no address
    ciaddr: what === 'ACK' ? request.ciaddr : NO_ADDRESS,
    siaddr: isLater ? ownAddress : nextServer,
    file: isLater || bootfile.length > FILE_MAX ? '' : bootfile,
    options,
  })
}

/**
 * UEFI's PXE (EDK2, PxeBcDhcp4.c) throws away a proxy's offer that has option 43, in its older releases at least. One
 * that has the vendor class alone sends it to port 4011 of siaddr, where it takes what it is told.
 */
const asksAgain = ({ agent, platform }: Told): boolean => agent === 'pxe' && platform !== 'bios'

/** §2.4: the boot server repeats the item that was asked for. */
const chosen = (item: Uint8Array): Uint8Array =>
  Uint8Array.of(PXE_SUB_OPTION.bootItem, item.length, ...item, OPTION.end)
