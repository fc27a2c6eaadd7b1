// The inventory's rows, one schema per table: parsed once where they enter, trusted afterwards.
import { z } from 'zod'
import { parseIpv4, parseIpv6, parseIpv6Network, parseMac, parseNetwork, parseUuid } from './address.ts'
import { parseCpus } from './cpus.ts'
import { parseVdisks } from './vdisk.ts'

/** An empty text means "not given", as it does to an administrator who clears a field; so does one of spaces alone. */
const absent = (value: unknown): unknown =>
  value === undefined || (typeof value === 'string' && value.trim() === '') ? null : value

function optional<T extends z.ZodType>(schema: T) {
  return z.preprocess(absent, schema.nullable())
}

/** A text that `parse` understands; anything else is refused with what was expected. */
function parsed<T>(parse: (text: string) => T | null, expected: string) {
  return z.string(`expected ${expected}`).transform((text, context): T => {
    const value = parse(text)
    if (value === null) {
      context.addIssue({ code: 'custom', message: `expected ${expected}` })
      return z.NEVER
    }
    return value
  })
}

/** A number of a column: as a number, or as digits (a view over a DECIMAL column gives `8.00`), and nothing else. */
function whole(min: number, max: number, of = '') {
  const expected = `expected a whole number${of} from ${min} to ${max}`
  return z.preprocess(
    (value) => (typeof value === 'string' && /^\s*\d+(\.0+)?\s*$/.test(value) ? Number(value) : value),
    z.number(expected).int(expected).min(min, expected).max(max, expected),
  )
}

/** A column that holds JSON: its text from the database, or the value itself from YAML. */
function json<T extends z.ZodType>(schema: T, empty: z.input<T>) {
  return z.preprocess((value, context) => {
    if (absent(value) === null) return empty
    if (typeof value !== 'string') return value
    try {
      return JSON.parse(value) as unknown
    } catch {
      context.issues.push({ code: 'custom', message: 'expected JSON', input: value })
      return z.NEVER
    }
  }, schema)
}

/** Comma-separated text in the database and in CSV, a list in YAML. */
function list<T extends z.ZodType>(item: T) {
  return z.preprocess((value) => {
    if (absent(value) === null) return []
    if (typeof value !== 'string') return value
    return value
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== '')
  }, z.array(item).readonly())
}

const label = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/
const hostname = z
  .string('expected a host name')
  .trim()
  .toLowerCase()
  .regex(label, 'expected a host name: letters, digits and dashes, 63 at most, no domain (RFC 1123 §2.1)')
const domainName = z
  .string()
  .trim()
  .toLowerCase()
  .refine((text) => text.length <= 253 && text.split('.').every((part) => label.test(part)), 'expected a domain name')
const name = z
  .string('expected a name')
  .trim()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._+-]{0,62}$/,
    'expected a name: letters, digits, dots, dashes and underscores, 63 at most',
  )
/** One line that goes into a boot menu or a configuration: no control characters, so nothing can start a line of its own. */
const line = z
  .string()
  .trim()
  .max(2000)
  .regex(/^[^\p{Cc}]*$/u, 'expected one line without control characters')
const relativePath = line.refine(
  (path) => /^[A-Za-z0-9._+/-]+$/.test(path) && !path.startsWith('/') && !path.split('/').includes('..'),
  'expected a relative path: letters, digits, dots, dashes, underscores and slashes',
)
const mac = parsed(parseMac, 'a unicast MAC address such as 00:00:5e:00:53:01')
const ip = parsed(parseIpv4, 'an IPv4 address such as 192.0.2.10')
const cidr = parsed(parseNetwork, 'a network such as 192.0.2.0/24 (address bits behind the prefix are zero)')
const ip6 = parsed(parseIpv6, 'an IPv6 address such as 2001:db8::10')
const cidr6 = parsed(
  parseIpv6Network,
  'an IPv6 network such as 2001:db8::/64 (address bits behind the prefix are zero)',
)
const uuid = parsed(parseUuid, 'a UUID such as 564d1c2e-0000-4000-8000-00005e005301')
const vlan = whole(1, 4094)
const devicePath = line.regex(/^[A-Za-z0-9/_.:+-]+$/, 'expected a device such as /dev/sda or sda')

export const architectures = ['i386', 'x86_64', 'aarch64', 'riscv64'] as const
export const bootActions = ['local', 'install', 'rescue', 'memtest', 'hold'] as const
export const hypervisors = ['none', 'xen', 'kvm'] as const
export const guestTypes = ['pv', 'pvh', 'hvm'] as const
export const families = ['el', 'fedora', 'debian'] as const

const arch = z.enum(architectures)

/** Values a site, a profile or a machine may give beyond its columns; any other name is the site's own, for its templates. */
const params = json(
  z
    .record(z.string().regex(/^[a-z][a-z0-9_]*\+?$/, 'expected a name such as ssh_keys or packages+'), z.json())
    .readonly(),
  {},
)

export const machineSchema = z.strictObject({
  hostname,
  domain: optional(domainName).default(null),
  uuid: optional(uuid).default(null),
  profile: name,
  dom0: optional(hostname).default(null),
  vdisk: optional(parsed(parseVdisks, 'devices such as /dev/sda5 or /dev/vg0/guest:xvda, separated by commas')).default(
    null,
  ),
  vcpus: optional(whole(1, 4096)).default(null),
  cpus: optional(
    z.preprocess(
      (value) => (typeof value === 'number' ? String(value) : value), // YAML's `cpus: 2`
      parsed(parseCpus, 'CPU numbers such as 2-3 or 0,4-5'),
    ),
  ).default(null),
  memory_mib: optional(whole(1, 64 * 1024 * 1024, ' of MiB')).default(null),
  arch: optional(arch).default(null),
  boot: z
    .preprocess(
      absent,
      z
        .enum(bootActions)
        .nullable()
        .transform((action) => action ?? 'local'),
    )
    .default('local'),
  disk: optional(devicePath).default(null),
  serial_console: optional(
    line.regex(/^[a-zA-Z]+\d+(,\d+[a-z0-9]*)?$/, 'expected a console such as ttyS0,115200n8'),
  ).default(null),
  params: params.default({}),
  notes: optional(z.string().max(65535)).default(null),
})

const yesOrNo: ReadonlyMap<string, boolean> = new Map([
  ...['1', 'y', 'yes', 'true'].map((word) => [word, true] as const),
  ...['0', 'n', 'no', 'false'].map((word) => [word, false] as const),
])

export const interfaceSchema = z.strictObject({
  machine: hostname,
  name: z
    .string()
    .trim()
    .regex(/^[A-Za-z][A-Za-z0-9_.-]{0,14}$/, 'expected an interface name such as eth0'),
  mac: optional(mac).default(null),
  ip: optional(ip).default(null),
  network: optional(name).default(null),
  bridge: optional(
    z
      .string()
      .trim()
      .regex(/^[A-Za-z][A-Za-z0-9_.-]{0,14}$/, 'expected a bridge name such as xenbr0'),
  ).default(null),
  vlan: optional(vlan).default(null),
  boot: z
    .preprocess((value) => {
      const given = absent(value)
      if (given === null) return false
      const word = typeof given === 'string' || typeof given === 'number' ? String(given).trim().toLowerCase() : ''
      return yesOrNo.get(word) ?? given
    }, z.boolean('expected yes or no, y or n, true or false, 1 or 0'))
    .default(false),
  ip6: optional(ip6).default(null),
})

export const networkSchema = z.strictObject({
  name,
  cidr,
  gateway: optional(ip).default(null),
  dns: list(ip).default([]),
  domain: optional(domainName).default(null),
  ntp: list(line.regex(/^[A-Za-z0-9.:_-]+$/, 'expected the name or address of a time server')).default([]),
  next_server: optional(ip).default(null),
  mtu: optional(whole(68, 9216)).default(null),
  vlan: optional(vlan).default(null),
  relay: optional(ip).default(null),
  cidr6: optional(cidr6).default(null),
  dns6: list(ip6).default([]),
})

const repositorySchema = z.strictObject({
  name: z.string().regex(/^[A-Za-z0-9._-]+$/, 'expected a repository name'),
  url: line.min(1),
})

export const profileSchema = z.strictObject({
  name,
  parent: optional(name).default(null),
  family: optional(z.enum(families)).default(null),
  version: optional(
    z.preprocess(
      (value) => (typeof value === 'number' ? String(value) : value),
      z.string().regex(/^\d+(\.\d+)?$/, 'expected a version such as 9 or 9.4'),
    ),
  ).default(null),
  arch: optional(arch).default(null),
  template: optional(relativePath).default(null),
  image: optional(name).default(null),
  hypervisor: optional(z.enum(hypervisors)).default(null),
  guest_type: optional(z.enum(guestTypes)).default(null),
  kernel_args: optional(line).default(null),
  repositories: json(z.array(repositorySchema).readonly().nullable(), null).default(null),
  params: params.default({}),
})

export const imageSchema = z.strictObject({
  name,
  arch,
  kernel: relativePath,
  initrd: optional(relativePath).default(null),
  xen: optional(relativePath).default(null),
  tree_url: optional(line).default(null),
  sha256: json(
    z.record(relativePath, z.string().regex(/^[0-9a-f]{64}$/, 'expected a sha256 in hex')).readonly(),
    {},
  ).default({}),
})

/** The site's own values: the outermost layer. `value` is any JSON. */
const siteSchema = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9_]*$/, 'expected a name such as timezone'),
  value: json(z.json(), null),
})

/** Stands where a token was or will be: in previews, and in the inventory of earlier revisions. It opens nothing. */
export const noSecret = 'TOKEN-OF-THE-INSTALL'

export const tokenSchema = z.strictObject({
  id: z.string(),
  machine: hostname,
  purpose: z.enum(['install', 'machine']),
  secret: z.string(),
  created_at: z.string(),
  expires_at: z.string().nullable(),
  used_at: z.string().nullable(),
})

export type Machine = Readonly<z.output<typeof machineSchema>>
export type Interface = Readonly<z.output<typeof interfaceSchema>>
export type Network = Readonly<z.output<typeof networkSchema>>
export type Profile = Readonly<z.output<typeof profileSchema>>
export type Repository = Readonly<z.output<typeof repositorySchema>>
export type Image = Readonly<z.output<typeof imageSchema>>
export type SiteValue = Readonly<z.output<typeof siteSchema>>
export type Token = Readonly<z.output<typeof tokenSchema>>
export type Params = Machine['params']
export type Json = Params[string]
export type Architecture = (typeof architectures)[number]
export type BootAction = (typeof bootActions)[number]
export type Hypervisor = (typeof hypervisors)[number]
export type GuestType = (typeof guestTypes)[number]
export type Family = (typeof families)[number]

/** The tables an administrator edits: their schema and their key columns, in the order in which import applies them. */
export const tables = {
  site: { schema: siteSchema, key: ['name'] },
  networks: { schema: networkSchema, key: ['name'] },
  images: { schema: imageSchema, key: ['name'] },
  profiles: { schema: profileSchema, key: ['name'] },
  machines: { schema: machineSchema, key: ['hostname'] },
  interfaces: { schema: interfaceSchema, key: ['machine', 'name'] },
} as const

export type TableName = keyof typeof tables
export const tableNames = Object.keys(tables) as readonly TableName[]
export type RowOf<T extends TableName> = Readonly<z.output<(typeof tables)[T]['schema']>>
export type AnyRow = RowOf<TableName>

/** A row's key as one text: `acas0001`, or `acas0001/eth0` for an interface. */
export function rowKey(table: TableName, row: Readonly<Record<string, unknown>>): string {
  return tables[table].key.map((column) => String(row[column])).join('/')
}

export type FieldError = Readonly<{ field: string; value: unknown; message: string }>
type ParsedRow<T extends TableName> =
  Readonly<{ ok: true; row: RowOf<T> }> | Readonly<{ ok: false; errors: readonly FieldError[] }>

/** Why a view's row can't stand in ours, as the column `refused` of our row holds it. `bucket`: see inventory/views.ts. */
export type Refusal = Readonly<{ bucket: number; errors: readonly FieldError[] }>

/** Never throws: a row that can't be read is a value that says which fields, and its neighbours go on. */
export function parseRow<T extends TableName>(table: T, raw: unknown): ParsedRow<T> {
  const refusal = refusalOf(raw)
  if (refusal !== null) return { ok: false, errors: refusal.errors }
  const result = tables[table].schema.safeParse(raw)
  if (result.success) return { ok: true, row: result.data as unknown as RowOf<T> }
  return { ok: false, errors: fieldErrors(table, raw, result.error) }
}

type ParsedColumns<T extends TableName> =
  Readonly<{ ok: true; row: Partial<RowOf<T>> }> | Readonly<{ ok: false; errors: readonly FieldError[] }>

/** The same of some columns alone. Made once for many rows: the schema is built here. */
export function columnsParser<T extends TableName>(
  table: T,
  columns: readonly string[],
): (raw: Readonly<Record<string, unknown>>) => ParsedColumns<T> {
  const shape: Readonly<Record<string, z.ZodType>> = tables[table].schema.shape
  const schema = z.strictObject(Object.fromEntries(columns.map((column) => [column, shape[column] ?? z.unknown()])))
  return (raw) => {
    const result = schema.safeParse(raw)
    if (result.success) return { ok: true, row: result.data as Partial<RowOf<T>> }
    return { ok: false, errors: fieldErrors(table, raw, result.error) }
  }
}

/** A row's refusal, or null. */
export function refusalOf(raw: unknown): Refusal | null {
  const text = (raw as Readonly<Record<string, unknown>> | null | undefined)?.['refused']
  if (typeof text !== 'string') return null
  try {
    return refusalSchema.parse(JSON.parse(text))
  } catch {
    return null // nobody's but ours: it is then a column of no such name
  }
}

const refusalSchema = z.object({
  bucket: z.number(),
  errors: z.array(z.object({ field: z.string(), value: z.json().optional(), message: z.string() })),
}) as z.ZodType<Refusal>

function fieldErrors(table: TableName, raw: unknown, error: z.ZodError): readonly FieldError[] {
  const given = (raw ?? {}) as Readonly<Record<string, unknown>>
  return error.issues.flatMap((issue): FieldError[] => {
    if (issue.code === 'unrecognized_keys')
      return issue.keys.map((key) => ({
        field: key,
        value: given[key],
        message: `${table} have no column of this name`,
      }))
    const [column] = issue.path
    const field = issue.path.map(String).join('.')
    return [{ field, value: column === undefined ? raw : given[String(column)], message: issue.message }]
  })
}
