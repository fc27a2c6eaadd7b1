// The installer's kernel command line, value by value, each with where it came from.
import type { Network } from '../inventory/rows.ts'
import type { Mirror } from './mirror.ts'
import { mirrorOf } from './mirror.ts'
import type { ReleaseQuirks } from './release.ts'
import type { Origin, Settings, Traced } from './settings.ts'

export type KernelArg = Traced<string>

const rule = (row: string, column: string): Origin => ({ layer: 'default', row, column })

/** Everything an installer needs to find its kickstart and its network. */
export function installArguments(
  settings: Settings,
  quirks: ReleaseQuirks,
  kickstartUrl: string,
): readonly KernelArg[] {
  return [
    { value: `${quirks.kickstartArg}=${kickstartUrl}`, origin: rule('release table', quirks.source) },
    ...networkArguments(settings, quirks),
    ...treeArgument(settings, quirks, quirks.kickstartArg === 'inst.ks'),
    ...consoleArguments(settings, quirks),
    ...siteArguments(settings),
  ]
}

/** The installer's own rescue mode, which needs the tree but no kickstart. */
export function rescueArguments(settings: Settings, quirks: ReleaseQuirks): readonly KernelArg[] {
  return [
    { value: quirks.rescueArg, origin: { layer: 'machine', row: settings.machine.hostname, column: 'boot' } },
    ...networkArguments(settings, quirks),
    ...treeArgument(settings, quirks, true),
    ...consoleArguments(settings, quirks),
    ...siteArguments(settings),
  ]
}

/** The installation tree as machines reach it: a path in the inventory is a path on this server. */
export function absoluteUrl(settings: Settings, url: string): string {
  if (/^[a-z][a-z0-9+.-]*:/i.test(url)) return url
  return `${settings.serverUrl ?? ''}/${url.replace(/^\/+/, '')}`
}

function treeArgument(settings: Settings, quirks: ReleaseQuirks, wanted: boolean): readonly KernelArg[] {
  const image = settings.image.value
  if (!wanted || image?.tree_url == null) return []
  const origin: Origin = { layer: 'image', row: image.name, column: 'tree_url' }
  const url = absoluteUrl(settings, image.tree_url)
  if (quirks.treeArg !== 'mirror') return [{ value: `${quirks.treeArg}=${url}`, origin }]
  return mirrorAnswers(mirrorOf(url)).map((value) => ({ value, origin }))
}

function mirrorAnswers(mirror: Mirror | null): readonly string[] {
  if (mirror === null) return []
  const { protocol, host, directory } = mirror
  return [
    'mirror/country=manual',
    `mirror/protocol=${protocol}`,
    `mirror/${protocol}/hostname=${host}`,
    `mirror/${protocol}/directory=${directory}`,
  ]
}

function networkArguments(settings: Settings, quirks: ReleaseQuirks): readonly KernelArg[] {
  const { nic, network, ip } = settings
  if (nic === null) return []
  const isStatic = ip.value !== null && network !== null
  switch (quirks.network) {
    case 'dracut':
      return dracutArguments(settings, isStatic)
    case 'anaconda-loader':
      return loaderArguments(settings, quirks, isStatic ? network : null)
    case 'netcfg':
      return netcfgArguments(settings, quirks, isStatic)
    default:
      return quirks.network satisfies never
  }
}

/** dracut.cmdline(7): `ip=client:[peer]:gateway:netmask:hostname:interface:none`; `ifname` holds the name to the MAC. */
function dracutArguments(settings: Settings, isStatic: boolean): readonly KernelArg[] {
  const { nic, mac, ip, gateway, netmask, dns, machine, mtu } = settings
  const name = nic?.name ?? 'eth0'
  const ifname = mac.value === null ? [] : [{ value: `ifname=${name}:${mac.value}`, origin: mac.origin }]
  if (!isStatic) return [...ifname, ...ipv6Arguments(settings, name)]
  const static4 = `ip=${ip.value ?? ''}::${gateway.value ?? ''}:${netmask.value ?? ''}:${machine.hostname}:${name}:none`
  return [
    ...ifname,
    { value: mtu.value === null ? static4 : `${static4}:${mtu.value}`, origin: ip.origin },
    ...dns.value.map((address) => ({ value: `nameserver=${address}`, origin: dns.origin })),
  ]
}

/** Of a machine without an IPv4 address. Its route is in router advertisements, which the kernel hears anyway. */
function ipv6Arguments({ ip, ip6, dns6, network, machine }: Settings, name: string): readonly KernelArg[] {
  const cidr6 = network?.cidr6 ?? null
  if (ip6.value === null || cidr6 === null) return [{ value: `ip=${name}:dhcp`, origin: ip.origin }]
  const prefix = cidr6.slice(cidr6.indexOf('/') + 1)
  return [
    { value: `ip=[${ip6.value}]:::${prefix}:${machine.hostname}:${name}:none`, origin: ip6.origin },
    ...dns6.value.map((address) => ({ value: `nameserver=${address}`, origin: dns6.origin })),
  ]
}

/** The network arguments of anaconda's loader, which EL 4 to 6 boot into. */
function loaderArguments(settings: Settings, quirks: ReleaseQuirks, network: Network | null): readonly KernelArg[] {
  const { nic, mac, ip, gateway, netmask, dns } = settings
  const device = quirks.ksdeviceTakesMac && mac.value !== null ? mac : { value: nic?.name ?? 'eth0', origin: ip.origin }
  const ksdevice = { value: `ksdevice=${device.value ?? 'eth0'}`, origin: device.origin }
  if (network === null) return [ksdevice, { value: 'ip=dhcp', origin: ip.origin }]
  const pairs: readonly (readonly [string, Traced<string | null>])[] = [
    ['ip', ip],
    ['netmask', netmask],
    ['gateway', gateway],
    ['dns', { value: dns.value.length === 0 ? null : dns.value.join(','), origin: dns.origin }],
  ]
  return [
    ksdevice,
    ...pairs.flatMap(([name, { value, origin }]) => (value === null ? [] : [{ value: `${name}=${value}`, origin }])),
  ]
}

/**
 * The questions of netcfg, debian-installer's network step, which comes before the preseed can be fetched. A name that
 * DHCP or DNS has for the address would win over `hostname`, but not over `netcfg/hostname`.
 */
function netcfgArguments(settings: Settings, quirks: ReleaseQuirks, isStatic: boolean): readonly KernelArg[] {
  const { nic, mac, ip, gateway, netmask, dns, machine, domain } = settings
  const device = quirks.ksdeviceTakesMac && mac.value !== null ? mac : { value: nic?.name ?? 'auto', origin: ip.origin }
  const answers: readonly (readonly [string, Traced<string | null>])[] = [
    ['interface', device],
    [
      'netcfg/hostname',
      { value: machine.hostname, origin: { layer: 'machine', row: machine.hostname, column: 'hostname' } },
    ],
    ['domain', domain],
  ]
  const addresses: readonly (readonly [string, Traced<string | null>])[] = [
    ['netcfg/disable_autoconfig', { value: 'true', origin: ip.origin }],
    ['netcfg/get_ipaddress', ip],
    ['netcfg/get_netmask', netmask],
    ['netcfg/get_gateway', { value: gateway.value ?? 'none', origin: gateway.origin }],
    // One: a second would need a space, and so quotes that not every loader keeps. Without any, netcfg stops and asks.
    ['netcfg/get_nameservers', { value: dns.value[0] ?? '0.0.0.0', origin: dns.origin }],
    ['netcfg/confirm_static', { value: 'true', origin: ip.origin }],
  ]
  return [...answers, ...(isStatic ? addresses : [])].flatMap(([name, { value, origin }]) =>
    value === null ? [] : [{ value: `${name}=${value}`, origin }],
  )
}

/**
 * On a serial console the installer is told to draw text. A guest's console is its hypervisor's, and it has no screen; nor
 * is there room for a screen's on a short command line.
 */
function consoleArguments({ machine, serialConsole }: Settings, quirks: ReleaseQuirks): readonly KernelArg[] {
  const { value: console, origin } = serialConsole
  if (console === null) return []
  const hasScreen = machine.dom0 === null && quirks.commandLineLength > 255
  const consoles = hasScreen ? ['tty0', console] : [console]
  return [...consoles.map((name) => ({ value: `console=${name}`, origin })), { value: quirks.textArg, origin }]
}

function siteArguments(settings: Settings): readonly KernelArg[] {
  const { kernelArgs } = settings
  const own = settings.params.get('kernel_args')
  const extra =
    own === undefined || typeof own.value !== 'string' ? kernelArgs : { value: own.value, origin: own.origin }
  return extra.value === null || extra.value === '' ? [] : [{ value: extra.value, origin: extra.origin }]
}
