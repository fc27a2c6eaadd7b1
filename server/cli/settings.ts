// The settings of the program: what each may be, and what it is for. Flags, environment names, keys of
// bootstead.yaml, the help and `bootstead config` all follow from this list.
import { isIP } from 'node:net'
import { z } from 'zod'
import { parseIpv4, parseIpv6 } from '../inventory/address.ts'
import type { Ipv4Address, Ipv6Address } from '../inventory/address.ts'
import { dhcpModes } from '../plan/dhcp/proxy.ts'
import { oneOf, setting, text, trueOrFalse, wholeNumber } from './setting.ts'
import { targetsSchema } from './targets-setting.ts'

export const doorNames = ['dhcp', 'dhcp6', 'tftp', 'http', 'admin'] as const
export type Door = (typeof doorNames)[number]

const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const
const logFormats = ['json', 'text'] as const

const port = wholeNumber(0, 65535, 'a port number')
const words = (value: unknown): readonly unknown[] =>
  (Array.isArray(value) ? value : String(value).split(','))
    .map((word: unknown) => (typeof word === 'string' ? word.trim() : word))
    .filter((word) => word !== '')

const listening = setting('an IP address of this host, 0.0.0.0 for all of IPv4, or :: for all', (value) =>
  typeof value === 'string' && isIP(value) !== 0 ? value : undefined,
)

/** One, or one of each family. */
function advertisedBy(value: unknown): readonly (Ipv4Address | Ipv6Address)[] | undefined {
  const given = words(value).map((word) => (typeof word === 'string' ? word : ''))
  const ip = given.flatMap((word) => parseIpv4(word) ?? [])
  const ip6 = given.flatMap((word) => parseIpv6(word) ?? [])
  const addresses = [...ip, ...ip6]
  const isFit = addresses.length > 0 && addresses.length === given.length && ip.length <= 1 && ip6.length <= 1
  return isFit ? addresses : undefined
}

/** Without a slash at its end; below it is /api. */
function serverUrl(value: unknown): string | undefined {
  const url = typeof value === 'string' && URL.canParse(value) ? new URL(value) : null
  if (url === null || !['http:', 'https:'].includes(url.protocol)) return undefined
  const { username, password, search, hash } = url
  return [username, password, search, hash].every((part) => part === '') ? url.href.replace(/\/+$/, '') : undefined
}

/** Pages are at the top of their host: an origin. */
function pagesUrl(value: unknown): string | undefined {
  const url = serverUrl(value)
  return url !== undefined && url === new URL(url).origin ? url : undefined
}

const apiToken = (value: unknown): string | undefined =>
  typeof value === 'string' && /^[\w-]+$/.test(value.trim()) ? value.trim() : undefined

export const configSchema = z.object({
  inventory: text('sqlite:FILE or mysql://USER:PASSWORD@HOST:PORT/DATABASE'),
  views: text('mysql://USER:PASSWORD@HOST:PORT/SCHEMA').nullable(),
  viewsInterval: wholeNumber(1, 86400, 'a number of seconds'),
  state: text('a folder'),
  listen: listening,
  advertise: setting('an address such as 192.0.2.1, an IPv6 address, or one of each', advertisedBy).nullable(),
  httpPort: port,
  dhcpPort: port,
  dhcp6Port: port,
  tftpPort: port,
  adminListen: listening,
  adminPort: port,
  adminTlsCert: text('a file').nullable(),
  adminTlsKey: text('a file').nullable(),
  adminUrl: setting('https://HOST or https://HOST:PORT, without a path', pagesUrl).nullable(),
  auditDays: wholeNumber(1, 36500, 'a number of days'),
  doors: setting(`some of ${doorNames.join(', ')}`, (value): readonly Door[] | undefined => {
    const given = words(value)
    return given.every((word) => doorNames.includes(word as Door))
      ? doorNames.filter((door) => given.includes(door))
      : undefined
  }),
  dhcpMode: oneOf(dhcpModes),
  templates: text('a folder').nullable(),
  installHours: wholeNumber(1, 8760, 'a number of hours'),
  stallMinutes: wholeNumber(1, 10080, 'a number of minutes'),
  targets: targetsSchema,
  regenerate: wholeNumber(1, 86400, 'a number of seconds').nullable(),
  verifyAddress: trueOrFalse,
  trustProxy: setting('IP addresses of proxies, separated by commas', (value): readonly string[] | undefined => {
    const given = words(value)
    return given.every((word): word is string => typeof word === 'string' && isIP(word) !== 0) ? given : undefined
  }),
  server: setting('http://HOST:PORT or https://HOST:PORT', serverUrl).nullable(),
  token: setting('an API token, as bootstead token add prints it', apiToken).nullable(),
  tokenFile: text('a file').nullable(),
  serverCa: text('a file').nullable(),
  logLevel: oneOf(logLevels),
  logFormat: oneOf(logFormats),
})

export type Config = Readonly<z.output<typeof configSchema>>
export type SettingName = keyof Config

/** For the help, in its order. `argument` null makes a pair of flags, `--name` and `--no-name`. */
export const settings: Readonly<Record<SettingName, Readonly<{ argument: string | null; help: string }>>> = {
  inventory: {
    argument: 'address',
    help: 'where the inventory is: sqlite:FILE or mysql://USER:PASSWORD@HOST:PORT/DATABASE',
  },
  views: {
    argument: 'address',
    help: "where the site's own views are: mysql://USER:PASSWORD@HOST:PORT/SCHEMA",
  },
  viewsInterval: { argument: 'seconds', help: 'how often views without updated_at are compared' },
  state: { argument: 'folder', help: 'images, loaders and what else this server keeps' },
  templates: { argument: 'folder', help: "the site's own install templates" },
  listen: { argument: 'address', help: 'the address of this host to answer on' },
  advertise: {
    argument: 'address',
    help: 'the address that machines are told to come to, one for each of IPv4 and IPv6',
  },
  httpPort: { argument: 'port', help: 'port of the HTTP door' },
  dhcpPort: { argument: 'port', help: 'port of the DHCP door' },
  dhcp6Port: { argument: 'port', help: 'port of the DHCPv6 door' },
  tftpPort: { argument: 'port', help: 'port of the TFTP door' },
  adminListen: { argument: 'address', help: 'the address of this host on which pages and API are' },
  adminPort: { argument: 'port', help: 'port of pages and API' },
  adminTlsCert: { argument: 'file', help: 'certificate of pages and API, with those it rests on, in PEM' },
  adminTlsKey: { argument: 'file', help: 'key of that certificate' },
  adminUrl: { argument: 'url', help: 'where people find the pages, when a proxy stands before them: https://HOST' },
  auditDays: { argument: 'days', help: 'how long the audit trail is kept' },
  doors: { argument: 'list', help: 'the doors to open, out of dhcp,dhcp6,tftp,http,admin' },
  dhcpMode: {
    argument: 'mode',
    help: 'server gives addresses; proxy only names boot files, beside a DHCP server on another host; proxy-4011 beside one on this host',
  },
  installHours: { argument: 'hours', help: 'how long an armed install may wait for its machine' },
  stallMinutes: { argument: 'minutes', help: 'how long a machine may be silent before its install counts as stalled' },
  targets: {
    argument: 'yaml',
    help: 'what to generate for the daemons of this host, and where, as in {isc: {folder: /etc/dhcp/bootstead}}',
  },
  regenerate: {
    argument: 'seconds',
    help: 'how long after a change the server generates the targets again (else never)',
  },
  verifyAddress: {
    argument: null,
    help: 'give boot menus with tokens, and kickstarts, only to the address of the machine',
  },
  trustProxy: { argument: 'addresses', help: 'proxies whose X-Forwarded-For is believed' },
  server: {
    argument: 'url',
    help: 'work over the API of this server, and not on the inventory: http://HOST:PORT or https://HOST:PORT',
  },
  token: {
    argument: 'token',
    help: 'the API token for it; as a flag others of this host see it, so give the environment or token_file',
  },
  tokenFile: { argument: 'file', help: 'a file that holds the token, and that nobody else may read' },
  serverCa: { argument: 'file', help: "the CA that the server's certificate rests on, in PEM" },
  logLevel: { argument: 'level', help: logLevels.join(', ') },
  logFormat: { argument: 'format', help: logFormats.join(' or ') },
}

export const settingNames = Object.keys(settings) as readonly SettingName[]

const separated = (name: string, separator: string): string =>
  name.replaceAll(/[A-Z]/g, (letter) => `${separator}${letter.toLowerCase()}`)

/** `http_port`, as bootstead.yaml writes it. */
export const fileKeyOf = (name: SettingName): string => separated(name, '_')
/** `--http-port`. */
export const flagOf = (name: string): string => `--${separated(name, '-')}`
/** `BOOTSTEAD_HTTP_PORT`. */
export const variableOf = (name: SettingName): string => `BOOTSTEAD_${separated(name, '_').toUpperCase()}`
