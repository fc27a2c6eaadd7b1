// What an interface of the inventory is told, whatever it asks: worked out once, for all of its requests.
import type { Ipv4Address, MacAddress } from '../../inventory/address.ts'
import { describeWithheld, findings, isWithheld } from '../../inventory/findings.ts'
import type { Interface, Machine, Network } from '../../inventory/rows.ts'
import type { PlanContext } from '../boot.ts'
import type { Loader } from '../bootfile.ts'
import { loaderOf } from '../bootfile.ts'
import { ownAddressFor } from '../server.ts'
import { settingsOf } from '../settings.ts'
import type { HostConfiguration } from './host.ts'
import { hostConfiguration } from './host.ts'
import { ascii, ipv4List, u16, u32 } from './options.ts'
import { OPTION } from './message.ts'

export type Silence = Readonly<{
  /** `unserved`: somebody wanted an answer and gets none from us, which an administrator may want to know. */
  kind: 'ignore' | 'unserved'
  why: string
  /** Set when the request is a machine's of the inventory. */
  machine: string | null
}>

export const ignore = (why: string, machine: string | null = null): Silence => ({ kind: 'ignore', why, machine })
export const unserved = (why: string, machine: string | null = null): Silence => ({ kind: 'unserved', why, machine })

export type Standing = Readonly<{
  hostname: string
  nic: string
  ip: Ipv4Address | null
  network: Network | null
  /** Its menu's name; null when it is not the boot interface, or has none. */
  mac: MacAddress | null
  common: Common
}>

/** What many machines are told alike. */
type Common = Readonly<{
  /** Ours, as their network sees it. */
  ownAddress: Ipv4Address
  nextServer: Ipv4Address
  /** Null for an interface that the machine doesn't boot from. */
  boots: Readonly<{ loader: Loader; serverUrl: string | null }> | null
  lease: Options
  /** In the order for who asks for none; the host name, which is each one's own, is there without a value. */
  host: Options
}>

type Options = ReadonlyMap<number, Uint8Array>

/** Those in use, by all that they are made from: a hundred thousand machines have a few between them. */
export type Commons = Map<string, Common>

/** Never throws for what an inventory may hold. */
export function standingOf(
  { snapshot, server, known }: PlanContext,
  machine: Machine,
  nic: Interface,
  commons: Commons = new Map(),
): Standing | Silence {
  const { hostname } = machine
  const problems = findings(snapshot, hostname, known)
  if (isWithheld(problems)) return unserved(`${hostname} is withheld: ${describeWithheld(problems)}`, hostname)
  const network = (nic.network === null ? null : snapshot.networks.get(nic.network)) ?? null
  const ownAddress = ownAddressFor(network, server)
  if (ownAddress === null)
    return unserved('this server does not know its own address; start it with --advertise ADDRESS', hostname)
  const settings = settingsOf(snapshot, machine, server)
  const isBoot = settings.nic?.name === nic.name
  const facts: Facts = {
    ownAddress,
    nextServer: settings.serverAddress.value ?? ownAddress,
    boots: isBoot ? { loader: loaderOf(settings).value, serverUrl: settings.serverUrl } : null,
    host: network === null ? null : hostConfiguration(settings, nic, network),
  }
  const key = JSON.stringify(facts)
  const common = commons.get(key) ?? commonOf(facts)
  commons.set(key, common)
  return { hostname, nic: nic.name, ip: nic.ip, network, mac: isBoot ? settings.mac.value : null, common }
}

type Facts = Omit<Common, 'lease' | 'host'> & Readonly<{ host: HostConfiguration | null }>

const commonOf = ({ host, ...facts }: Facts): Common => ({
  ...facts,
  lease: host === null ? new Map() : leaseOptions(host),
  host: host === null ? new Map() : hostOptions(host),
})

const leaseOptions = ({ leaseSeconds: seconds }: HostConfiguration): Options =>
  new Map([
    [OPTION.leaseTime, u32(seconds)],
    [OPTION.renewalTime, u32(Math.floor(seconds / 2))], // RFC 2131 §4.4.5
    [OPTION.rebindingTime, u32(Math.floor((seconds * 7) / 8))],
  ])

function hostOptions(host: HostConfiguration): Options {
  const options = new Map<number, Uint8Array>()
  const give = (code: number, value: Uint8Array | null): void => {
    if (value !== null && value.length > 0) options.set(code, value)
  }
  give(OPTION.subnetMask, ipv4List([host.netmask]))
  give(OPTION.router, host.router === null ? null : ipv4List([host.router]))
  give(OPTION.domainNameServer, ipv4List(host.dns))
  options.set(OPTION.hostname, new Uint8Array())
  give(OPTION.domainName, host.domain === null ? null : ascii(host.domain))
  give(OPTION.interfaceMtu, host.mtu === null ? null : u16(host.mtu))
  give(OPTION.broadcastAddress, ipv4List([host.broadcast]))
  give(OPTION.ntpServer, ipv4List(host.ntp))
  return options
}
