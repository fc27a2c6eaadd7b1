// Which loader a client is told to fetch: a table, chosen by platform, by what asks, and by the machine's own wish.
import type { MacAddress } from '../inventory/address.ts'
import { macFileName } from '../inventory/address.ts'
import type { Agent, Client, Platform } from './dhcp/clients.ts'
import { platforms } from './dhcp/clients.ts'
import type { Settings, Traced } from './settings.ts'

/** The param `loader`: which menu a machine is to read; `auto` takes the best its firmware can. */
export const loaders = ['auto', 'pxelinux', 'grub', 'ipxe'] as const
export type Loader = (typeof loaders)[number]

type LoaderRow = Readonly<{
  platform: Platform
  agents: readonly Agent[]
  loaders: readonly Loader[]
  file: string
  /** The row holds only for who hears of the boot file in this way. */
  by?: ToldBy
  source: string
}>

/** Who says what to boot: whoever gives the address too, or proxyDHCP beside that. */
export type ToldBy = 'dhcp' | 'proxy'

const grubBesideProxy =
  'GRUB before 2.12 takes its server from the reply that has the address, not from the proxy’s (efinet.c): it finds none'

const firmware: readonly Agent[] = ['pxe', 'ipxe']

/** First row that fits wins. `MENU` stands for the machine's iPXE script. */
const loaderTable: readonly LoaderRow[] = [
  {
    platform: 'bios',
    agents: ['ipxe'],
    loaders: ['auto', 'ipxe'],
    file: 'MENU',
    source: 'iPXE takes a script from option 67; asked again it must not be handed iPXE again',
  },
  {
    platform: 'bios',
    agents: ['pxe'],
    loaders: ['ipxe'],
    file: 'undionly.kpxe',
    source: 'iPXE on the ROM’s own network driver',
  },
  {
    platform: 'bios',
    agents: firmware,
    loaders: ['auto', 'pxelinux', 'grub'],
    file: 'pxelinux.0',
    source: 'PXELINUX reads pxelinux.cfg/01-MAC over TFTP; Debian signs no GRUB for BIOS network boot',
  },
  { platform: 'uefi-x64', agents: ['ipxe'], loaders: ['auto', 'ipxe'], file: 'MENU', source: 'as on BIOS' },
  {
    platform: 'uefi-x64',
    agents: ['http'],
    loaders: [...loaders],
    file: 'snponly.efi',
    source: 'UEFI 2.10 §24.7; Debian’s signed GRUB has no http module, so iPXE goes on from here',
  },
  {
    platform: 'uefi-x64',
    agents: ['pxe'],
    loaders: ['ipxe'],
    file: 'snponly.efi',
    source: 'iPXE on the firmware’s driver; ipxe.efi hangs when it leaves to the next boot option (OVMF 2022.11)',
  },
  {
    platform: 'uefi-x64',
    agents: ['pxe'],
    loaders: ['auto'],
    by: 'proxy',
    file: 'snponly.efi',
    source: grubBesideProxy,
  },
  {
    platform: 'uefi-x64',
    agents: firmware,
    loaders: ['auto', 'pxelinux', 'grub'],
    file: 'shimx64.efi',
    source: 'shim, then its neighbour grubx64.efi: boots with Secure Boot on',
  },
  { platform: 'uefi-ia32', agents: ['ipxe'], loaders: [...loaders], file: 'MENU', source: 'as on BIOS' },
  {
    platform: 'uefi-ia32',
    agents: ['pxe', 'http'],
    loaders: [...loaders],
    file: 'ipxe-ia32.efi',
    source: 'no signed 32-bit chain exists in Debian',
  },
  { platform: 'uefi-arm64', agents: ['ipxe'], loaders: [...loaders], file: 'MENU', source: 'as on BIOS' },
  {
    platform: 'uefi-arm64',
    agents: ['pxe'],
    loaders: ['auto'],
    by: 'proxy',
    file: 'ipxe-arm64.efi',
    source: grubBesideProxy,
  },
  {
    platform: 'uefi-arm64',
    agents: ['pxe'],
    loaders: ['auto', 'pxelinux', 'grub'],
    file: 'shimaa64.efi',
    source: 'shim, then its neighbour grubaa64.efi',
  },
  {
    platform: 'uefi-arm64',
    agents: ['pxe', 'http'],
    loaders: [...loaders],
    file: 'ipxe-arm64.efi',
    source: 'iPXE for arm64',
  },
  { platform: 'uefi-riscv64', agents: ['ipxe'], loaders: [...loaders], file: 'MENU', source: 'as on BIOS' },
  {
    platform: 'uefi-riscv64',
    agents: ['pxe', 'http'],
    loaders: [...loaders],
    file: 'ipxe-riscv64.efi',
    source: 'iPXE for riscv64',
  },
]

/** The files that firmware is told to load, menus aside. */
export const bootfileNames: ReadonlySet<string> = new Set(
  loaderTable.flatMap(({ file }) => (file === 'MENU' ? [] : file)),
)

export type Bootfile = Readonly<{
  /** What goes into the reply: a TFTP path, or a URL where the client takes one. */
  name: string
  /** The catalogue's path of the same thing. */
  path: string
}>

export function loaderOf(settings: Settings): Traced<Loader> {
  const given = settings.params.get('loader')
  const loader = loaders.find((one) => one === given?.value)
  return loader === undefined || given === undefined
    ? { value: 'auto', origin: { layer: 'default', row: '', column: 'params.loader' } }
    : { value: loader, origin: given.origin }
}

/** What of a machine its boot file depends on. */
type BootFacts = Readonly<{
  /** Of the interface that it boots from. */
  mac: MacAddress | null
  common: Readonly<{ boots: Readonly<{ loader: Loader; serverUrl: string | null }> | null }>
}>

/** The boot file for this client, or null when it isn't booting or the server has no URL to give. */
export function bootfileOf(
  { mac, common: { boots } }: BootFacts,
  client: Client,
  by: ToldBy = 'dhcp',
): Bootfile | null {
  const row = boots === null ? undefined : rowFor(boots.loader, client, by)
  const path = row === undefined ? null : pathOf(row, mac)
  if (boots === null || row === undefined || path === null) return null
  if (!takesUrl(row, client)) return { name: path, path }
  return boots.serverUrl === null ? null : { name: `${boots.serverUrl}/${path}`, path }
}

/** The same, with where it came from. */
export function bootfileFor(settings: Settings, client: Client, by: ToldBy = 'dhcp'): Traced<Bootfile> | null {
  const boots = { loader: loaderOf(settings).value, serverUrl: settings.serverUrl }
  const value = bootfileOf({ mac: settings.mac.value, common: { boots } }, client, by)
  const chosen = loaderFor(settings, client, by)
  return value === null || chosen === null ? null : { value, origin: chosen.origin }
}

/**
 * The same for a client of IPv6, which knows URLs alone (RFC 5970 §3.1). PXELINUX and the BIOS that starts it know no IPv6.
 * @param roots where the doors are: `tftp://[2001:db8::1]`, `http://[2001:db8::1]`
 */
export function bootUrlFor(
  settings: Settings,
  client: Client,
  roots: Readonly<{ tftp: string; http: string }>,
): Traced<string> | null {
  const chosen = loaderFor(settings, client, 'dhcp')
  if (chosen === null || chosen.value.path === 'pxelinux.0') return null
  const { path, byUrl } = chosen.value
  return { value: `${byUrl ? roots.http : roots.tftp}/${path}`, origin: chosen.origin }
}

/** The row that fits, with the machine's own path in it. */
function loaderFor(
  settings: Settings,
  client: Client,
  by: ToldBy,
): Traced<Readonly<{ path: string; byUrl: boolean }>> | null {
  const loader = loaderOf(settings)
  const row = rowFor(loader.value, client, by)
  if (row === undefined) return null
  const origin = {
    layer: 'default' as const,
    row: `boot files (${row.platform}, ${client.agent}, loader ${loader.value})`,
    column: row.source,
  }
  const path = pathOf(row, settings.mac.value)
  if (path === null) return null
  return { value: { path, byUrl: takesUrl(row, client) }, origin }
}

const pathOf = ({ file }: LoaderRow, mac: MacAddress | null): string | null =>
  file === 'MENU' ? menuPath(mac, 'ipxe') : file

function rowFor(loader: Loader, { platform, agent }: Client, toldBy: ToldBy): LoaderRow | undefined {
  for (const row of loaderTable)
    if (
      row.platform === platform &&
      row.agents.includes(agent) &&
      row.loaders.includes(loader) &&
      (row.by ?? toldBy) === toldBy
    )
      return row
  return undefined
}

const takesUrl = (row: LoaderRow, { agent }: Client): boolean => row.file === 'MENU' || agent === 'http'

export type BootingAgent = Exclude<Agent, 'system'>

/** What one kind of client fetches, on whichever of these platforms it runs. */
export type BootBranch = Readonly<{
  agent: BootingAgent
  platforms: readonly Platform[]
  /** Null stands for the machine's own iPXE script. */
  file: string | null
  byUrl: boolean
}>

/** The table for machines of that loader, written out for who can't ask bootfileFor() at each request. */
export function bootBranches(loader: Loader): readonly BootBranch[] {
  const branches = new Map<string, BootBranch>()
  for (const agent of ['ipxe', 'http', 'pxe'] as const)
    for (const platform of platforms) {
      const row = rowFor(loader, { platform, agent }, 'dhcp')
      if (row === undefined) continue
      const key = `${agent} ${row.file}`
      const alike = branches.get(key)?.platforms ?? []
      branches.set(key, {
        agent,
        platforms: [...alike, platform],
        file: row.file === 'MENU' ? null : row.file,
        byUrl: takesUrl(row, { platform, agent }),
      })
    }
  return [...branches.values()]
}

/** Where the menu of the machine that boots by that MAC lives, the same at every door. */
export function menuPath(mac: MacAddress | null, menu: 'pxelinux' | 'grub' | 'ipxe'): string | null {
  if (mac === null) return null
  switch (menu) {
    case 'pxelinux':
      return `pxelinux.cfg/${macFileName(mac)}`
    case 'grub':
      return `grub/grub.cfg-${macFileName(mac)}`
    case 'ipxe':
      return `ipxe/${mac}.ipxe`
    default:
      return menu satisfies never
  }
}
