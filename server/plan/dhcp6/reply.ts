// What a machine of the inventory is told by DHCPv6: its address, and what comes with it.
import type { Ipv6Address } from '../../inventory/address.ts'
import { ipv6NetworkContains, parseIpv6 } from '../../inventory/address.ts'
import { bootUrlFor } from '../bootfile.ts'
import type { Traced } from '../settings.ts'
import { hostInUrl, serverUrl } from '../server.ts'
import type { Server } from '../server.ts'
import type { Client } from '../dhcp/clients.ts'
import { leaseSeconds } from '../dhcp/host.ts'
import { u32 } from '../dhcp/options.ts'
import type { Asker6 } from './asker.ts'
import { clientOf6 } from './clients.ts'
import type { Dhcp6Message, MessageType6, Option6, Relay } from './message.ts'
import { OPTION6 } from './message.ts'
import type { Association, AssociationKind } from './options.ts'
import {
  association,
  associations,
  clientId,
  domainNames,
  iaAddress,
  ipv6List,
  ntpServer,
  preference,
  requestedOptions,
  status,
  vendorClass6,
  vendorClassOption,
} from './options.ts'

/** A request, and what the inventory has for whoever sent it. */
export type Asked6 = Asker6 & Readonly<{ request: Dhcp6Message; server: Server; serverDuid: Uint8Array }>

/** RFC 8415 §18.3.10: both identifiers first. Relays get back what they need to find the client (§19.3). */
export function replyTo(
  request: Dhcp6Message,
  serverDuid: Uint8Array,
  type: MessageType6,
  options: readonly Option6[],
): Dhcp6Message {
  const client = clientId(request)
  const identifiers: readonly Option6[] = [
    ...(client === null ? [] : [{ code: OPTION6.clientId, value: client }]),
    { code: OPTION6.serverId, value: serverDuid },
  ]
  const { transactionId, relays } = request
  return { type, transactionId, options: [...identifiers, ...options], relays: relays.map(backThrough) }
}

const backThrough = (relay: Relay): Relay => ({
  ...relay,
  options: relay.options.filter(({ code }) => code === OPTION6.interfaceId),
})

/** RFC 8415 §21.8: 255 ends the client's wait for other servers. Every replica would say the same. */
export const chooseUs = preference(255)

const unavailable = { IA_NA: 'NoAddrsAvail', IA_TA: 'NoAddrsAvail', IA_PD: 'NoPrefixAvail' } as const

/** RFC 8415 §18.3.1 and §18.3.2: the reservation, in one association; every other gets none. */
export function assignments(asked: Asked6, ip6: Ipv6Address): readonly Option6[] {
  const all = associations(asked.request)
  const chosen = associationFor(all, ip6)
  const { cidr6 } = asked.network
  return all.map((one) => {
    if (one !== chosen)
      return association(one, [0, 0], [status(unavailable[one.kind], 'one address is reserved for an interface')])
    const strange =
      asked.request.type === 'REQUEST' ? one.addresses.find((address) => !isIn(cidr6, address)) : undefined
    return strange === undefined
      ? leased(asked, one, [[ip6, null]])
      : association(one, [0, 0], [status('NotOnLink', `${strange} is not in ${cidr6 ?? ''}`)])
  })
}

/** RFC 8415 §18.3.4 and §18.3.5: what the client holds beside its reservation ends here and now. */
export function renewals(asked: Asked6, ip6: Ipv6Address): readonly Option6[] {
  const all = associations(asked.request)
  const chosen = associationFor(all, ip6)
  return all.map((one) =>
    one === chosen
      ? leased(asked, one, [
          [ip6, null],
          ...one.addresses.flatMap((held) => (held === ip6 ? [] : [[held, 0] as const])),
        ])
      : association(one, [0, 0], [status('NoBinding', 'one address is reserved for an interface')]),
  )
}

/** The one that has the address already, else the first: nothing is remembered about any. */
function associationFor(all: readonly Association[], ip6: Ipv6Address): Association | undefined {
  const permanent = all.filter(({ kind }) => kind === ('IA_NA' satisfies AssociationKind))
  return permanent.find(({ addresses }) => addresses.includes(ip6)) ?? permanent[0]
}

export function isIn(cidr6: Asker6['network']['cidr6'], address: string): boolean {
  const parsed = parseIpv6(address)
  return cidr6 !== null && parsed !== null && ipv6NetworkContains(cidr6, parsed)
}

/** Each address with the seconds that it holds; null: as long as a lease does. */
function leased(
  { settings }: Asked6,
  one: Association,
  addresses: readonly (readonly [address: string, seconds: number | null])[],
): Option6 {
  const { value: lease } = leaseSeconds(settings)
  const times = [Math.floor(lease / 2), Math.floor((lease * 4) / 5)] as const // RFC 8415 §21.4
  return association(
    one,
    times,
    addresses.map(([address, seconds]) => iaAddress(address, seconds ?? lease, seconds ?? lease)),
  )
}

/** Everything but the address. A client that names the options it wants is given no others, but for what it boots by. */
export function configuration(asked: Asked6): readonly Option6[] {
  const { request, settings } = asked
  const wanted = requestedOptions(request)
  const dns = settings.dns6.value
  const domain = settings.domain.value
  const given: readonly Option6[] = [
    ...(dns.length === 0 ? [] : [{ code: OPTION6.dnsServers, value: ipv6List(dns) }]),
    ...(domain === null ? [] : [{ code: OPTION6.domainList, value: domainNames([domain]) }]),
    ...timeServers(settings.ntp.value).map(ntpServer),
    { code: OPTION6.informationRefreshTime, value: u32(refreshSeconds(asked)) },
  ]
  return [...given.filter(({ code }) => wanted === null || wanted.has(code)), ...bootOptions(asked)]
}

/** Names and IPv6 addresses; an IPv4 address is of no use by IPv6. */
const timeServers = (servers: readonly string[]): readonly string[] =>
  servers.flatMap((server) => {
    const name = server.replace(/\.$/, '')
    if (/^[\d.]+$/.test(name)) return []
    return /^([A-Za-z0-9_-]{1,63}(\.|$))+$/.test(name) ? [name] : (parseIpv6(name) ?? [])
  })

/** RFC 8415 §21.23: at least ten minutes. */
const refreshSeconds = ({ settings }: Asked6): number => Math.max(600, leaseSeconds(settings).value)

export function bootUrlOf(asked: Asked6, client: Client): Traced<string> | null {
  const { settings, nic, ownAddress, server } = asked
  if (client.agent === 'system' || settings.nic?.name !== nic.name) return null
  const roots = { tftp: `tftp://${hostInUrl(ownAddress)}`, http: serverUrl(server, ownAddress) ?? '' }
  return bootUrlFor(settings, client, roots)
}

/**
 * UEFI 2.10 §24.7.3.1: HTTP boot wants its vendor class back, or the answer is not for it. PXE must not see its own: EDK2
 * then asks port 4011 what to boot (NetworkPkg/UefiPxeBcDxe, PxeBcParseDhcp6Packet: an offer of BINL).
 */
function bootOptions(asked: Asked6): readonly Option6[] {
  const client = clientOf6(asked.request)
  const url = client === null ? null : bootUrlOf(asked, client)
  if (client === null || url === null) return []
  const enterprise = vendorClass6(asked.request)?.enterprise
  return [
    { code: OPTION6.bootfileUrl, value: new Uint8Array(Buffer.from(url.value, 'utf8')) },
    ...(client.agent === 'http' && enterprise !== undefined ? [vendorClassOption(enterprise, 'HTTPClient')] : []),
  ]
}
