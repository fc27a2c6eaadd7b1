// The installer's kernel command line, value by value, each with where it came from.
import type { Network } from '../inventory/rows.ts'
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
  return [{ value: `${quirks.treeArg}=${absoluteUrl(settings, image.tree_url)}`, origin }]
}

function networkArguments(settings: Settings, quirks: ReleaseQuirks): readonly KernelArg[] {
  const { nic, network, ip } = settings
  if (nic === null) return []
  const isStatic = ip.value !== null && network !== null
  return quirks.network === 'dracut'
    ? dracutArguments(settings, isStatic)
    : loaderArguments(settings, quirks, isStatic ? network : null)
}

/** dracut.cmdline(7): `ip=client:[peer]:gateway:netmask:hostname:interface:none`; `ifname` holds the name to the MAC. */
function dracutArguments(settings: Settings, isStatic: boolean): readonly KernelArg[] {
  const { nic, mac, ip, gateway, netmask, dns, machine, mtu } = settings
  const name = nic?.name ?? 'eth0'
  const ifname = mac.value === null ? [] : [{ value: `ifname=${name}:${mac.value}`, origin: mac.origin }]
  if (!isStatic) return [...ifname, { value: `ip=${name}:dhcp`, origin: ip.origin }]
  const static4 = `ip=${ip.value ?? ''}::${gateway.value ?? ''}:${netmask.value ?? ''}:${machine.hostname}:${name}:none`
  return [
    ...ifname,
    { value: mtu.value === null ? static4 : `${static4}:${mtu.value}`, origin: ip.origin },
    ...dns.value.map((address) => ({ value: `nameserver=${address}`, origin: dns.origin })),
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

/** On a serial console the installer is told to draw text. A Xen guest's console is hvc0 (xvc0 before pvops kernels). */
function consoleArguments(settings: Settings, quirks: ReleaseQuirks): readonly KernelArg[] {
  const { serialConsole } = settings
  if (serialConsole.value === null) return []
  return [
    { value: 'console=tty0', origin: serialConsole.origin },
    { value: `console=${serialConsole.value}`, origin: serialConsole.origin },
    { value: quirks.textArg, origin: serialConsole.origin },
  ]
}

function siteArguments(settings: Settings): readonly KernelArg[] {
  const { kernelArgs } = settings
  const own = settings.params.get('kernel_args')
  const extra =
    own === undefined || typeof own.value !== 'string' ? kernelArgs : { value: own.value, origin: own.origin }
  return extra.value === null || extra.value === '' ? [] : [{ value: extra.value, origin: extra.origin }]
}
