// The configuration, each value with where it came from: flag, environment, bootstead.yaml, default.
import { accessSync, constants, existsSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import type { z } from 'zod'
import { defaultAuditDays } from '../admin/housekeeping.ts'
import { withoutPassword } from '../inventory/store/open.ts'
import type { FileValue } from './config-file.ts'
import { parseConfigFile } from './config-file.ts'
import { UsageError } from './failure.ts'
import { describeError } from '../manage/failure.ts'
import { hidden } from '../inventory/secrets.ts'
import type { Config, SettingName } from './settings.ts'
import { completeTargets } from './targets-setting.ts'
import { configSchema, doorNames, fileKeyOf, flagOf, settingNames, variableOf } from './settings.ts'

export type { Config, Door, SettingName } from './settings.ts'

export type Resolution = Readonly<{
  config: Config
  /** The bootstead.yaml that was read, or null. */
  file: string | null
  /** By setting: `flag --http-port`, `BOOTSTEAD_HTTP_PORT`, `/etc/bootstead/bootstead.yaml line 3`, `default`. */
  origins: Readonly<Record<SettingName, string>>
}>

/** Flags as they were typed, by setting; `config` is --config; `dhcp: false` is --no-dhcp. */
export type Flags = Readonly<Record<string, unknown>>

/** What defaults and the search for bootstead.yaml ask of the host. */
export type Host = Readonly<{
  /** Null when there is no such file. @throws when it is there and can't be read */
  read: (path: string) => string | null
  exists: (path: string) => boolean
  isWritable: (path: string) => boolean
}>

export type Surroundings = Readonly<{
  flags: Flags
  env: Readonly<Record<string, string | undefined>>
  cwd: string
  home: string
  isRoot: boolean
  isTerminal: boolean
  host?: Host
}>

const realHost: Host = {
  read: (path) => {
    try {
      return readFileSync(path, 'utf8')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
      throw new UsageError(`${path}: ${describeError(error)}`, { cause: error })
    }
  },
  exists: existsSync,
  isWritable: (path) => {
    try {
      accessSync(path, constants.W_OK)
      return true
    } catch {
      return false
    }
  },
}

type Path = readonly PropertyKey[]
type Given = Readonly<{
  value: unknown
  /** Of a value within it: a file knows on which line each stands. */
  originOf: (path: Path) => string
  /** Relative paths start here. */
  base: string
}>

/** @throws UsageError naming every value that can't be used, where it came from and what is expected */
export function resolveConfig(surroundings: Surroundings): Resolution {
  const file = readConfigFile(surroundings)
  const given = new Map<SettingName, Given>()
  for (const name of settingNames) {
    const found = fromFlag(surroundings, name) ?? fromEnvironment(surroundings, name) ?? fromFile(file, name)
    if (found !== null) given.set(name, found)
  }
  addDefaults(given, surroundings)
  closeDoors(given, surroundings.flags)
  const state = stateOf(given)
  const raw = Object.fromEntries([...given].map(([name, one]) => [name, absolute(name, one, state)]))
  const parsed = configSchema.safeParse(raw)
  if (!parsed.success)
    throw new UsageError(parsed.error.issues.flatMap((issue) => describeIssue(issue, raw, given)).join('\n'))
  const origins = Object.fromEntries(settingNames.map((name) => [name, given.get(name)?.originOf([]) ?? 'default']))
  return { config: parsed.data, file: file?.path ?? null, origins: origins as Resolution['origins'] }
}

const always = (origin: string) => (): string => origin

const fromFlag = ({ flags, cwd }: Surroundings, name: SettingName): Given | null =>
  flags[name] === undefined
    ? null
    : {
        value: flags[name],
        originOf: always(`flag ${flags[name] === false ? flagOf(`no-${name}`) : flagOf(name)}`),
        base: cwd,
      }

/** A variable that is set to nothing counts as not set, as units and compose files leave them. */
function fromEnvironment({ env, cwd }: Surroundings, name: SettingName): Given | null {
  const value = env[variableOf(name)]
  return value === undefined || value === '' ? null : { value, originOf: always(variableOf(name)), base: cwd }
}

type ConfigFile = Readonly<{ path: string; values: ReadonlyMap<string, FileValue> }>

function fromFile(file: ConfigFile | null, name: SettingName): Given | null {
  const found = file?.values.get(fileKeyOf(name))
  if (file === null || found === undefined || found.value === null) return null
  const { value, lineOf } = found
  return { value, originOf: (path) => `${file.path} line ${lineOf(path)}`, base: dirname(file.path) }
}

function readConfigFile({ flags, env, cwd, host = realHost }: Surroundings): ConfigFile | null {
  const named = typeof flags['config'] === 'string' ? flags['config'] : env['BOOTSTEAD_CONFIG']
  const isNamed = named !== undefined && named !== ''
  const candidates = isNamed ? [resolve(cwd, named)] : [join(cwd, 'bootstead.yaml'), '/etc/bootstead/bootstead.yaml']
  for (const path of candidates) {
    const text = host.read(path)
    if (text === null) continue
    const values = parseConfigFile(text, path)
    refuseUnknownKeys(path, values)
    return { path, values }
  }
  if (isNamed)
    throw new UsageError(
      `${candidates.join('')}: no such file, though ${flags['config'] === undefined ? 'BOOTSTEAD_CONFIG' : 'flag --config'} names it`,
    )
  return null
}

function refuseUnknownKeys(path: string, values: ConfigFile['values']): void {
  const known = settingNames.map(fileKeyOf)
  const unknown = [...values].filter(([key]) => !known.includes(key))
  if (unknown.length === 0) return
  throw new UsageError(
    unknown
      .map(
        ([key, { lineOf }]) =>
          `${path} line ${lineOf([])}: ${key} is not a setting; expected one of ${known.join(', ')}`,
      )
      .join('\n'),
  )
}

function addDefaults(given: Map<SettingName, Given>, surroundings: Surroundings): void {
  const { isTerminal, host = realHost } = surroundings
  const byDefault = (name: SettingName, value: unknown): void => {
    if (!given.has(name)) given.set(name, { value, originOf: always('default'), base: '/' })
  }
  byDefault('state', defaultState(surroundings))
  byDefault('inventory', `sqlite:${join(stateOf(given), 'inventory.sqlite')}`)
  byDefault('templates', host.exists('/etc/bootstead/templates') ? '/etc/bootstead/templates' : null)
  byDefault('logFormat', isTerminal ? 'text' : 'json')
  for (const [name, value] of Object.entries(fixedDefaults)) byDefault(name as SettingName, value)
}

const fixedDefaults = {
  views: null,
  viewsInterval: 30,
  listen: '0.0.0.0',
  advertise: null,
  httpPort: 80,
  dhcpPort: 67,
  dhcp6Port: 547,
  tftpPort: 69,
  adminListen: '127.0.0.1',
  adminPort: 8081,
  adminTlsCert: null,
  adminTlsKey: null,
  adminUrl: null,
  auditDays: defaultAuditDays,
  doors: ['dhcp', 'tftp', 'http', 'admin'],
  dhcpMode: 'server',
  installHours: 24,
  stallMinutes: 30,
  targets: {},
  regenerate: null,
  verifyAddress: true,
  trustProxy: [],
  server: null,
  token: null,
  tokenFile: null,
  serverCa: null,
  logLevel: 'info',
} as const satisfies Partial<Record<SettingName, unknown>>

function defaultState({ env, home, isRoot, host = realHost }: Surroundings): string {
  const system = '/var/lib/bootstead'
  if (isRoot || host.isWritable(system)) return system
  const own = env['XDG_STATE_HOME']
  return join(own === undefined || own === '' ? join(home, '.local', 'state') : own, 'bootstead')
}

/** --no-dhcp, --no-tftp and their like take a door away from whatever list there is. */
function closeDoors(given: Map<SettingName, Given>, flags: Flags): void {
  const closed = doorNames.filter((door) => flags[door] === false)
  const doors = given.get('doors')
  if (closed.length === 0 || doors === undefined) return
  const before = configSchema.shape.doors.safeParse(doors.value)
  if (!before.success) return // reported with everything else
  const originOf = always(`flag ${closed.map((door) => `--no-${door}`).join(' ')}`)
  given.set('doors', { ...doors, value: before.data.filter((door) => !closed.includes(door)), originOf })
}

function stateOf(given: ReadonlyMap<SettingName, Given>): string {
  const { value = '', base = '/' } = given.get('state') ?? {}
  return resolve(base, String(value))
}

/** What holds a path and nothing else. */
const pathNames: ReadonlySet<SettingName> = new Set([
  'state',
  'templates',
  'adminTlsCert',
  'adminTlsKey',
  'tokenFile',
  'serverCa',
])

function absolute(name: SettingName, { value, base }: Given, state: string): unknown {
  if (name === 'targets') return completeTargets(value, base, state)
  if (typeof value !== 'string' || value === '') return value
  if (pathNames.has(name)) return resolve(base, value)
  const file = name === 'inventory' ? /^sqlite:(.+)$/.exec(value)?.[1] : undefined
  return file === undefined || file === ':memory:' ? value : `sqlite:${resolve(base, file)}`
}

function describeIssue(
  issue: z.core.$ZodIssue,
  raw: unknown,
  given: ReadonlyMap<SettingName, Given>,
): readonly string[] {
  const unknown = issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...issue.path, key]) : null
  return (unknown ?? [issue.path]).map(([setting, ...within]) => {
    const name = setting as SettingName
    const origin = given.get(name)?.originOf(within) ?? name
    const value = name === 'token' ? hidden : shownValue(valueAt(raw, [name, ...within]))
    return `${origin}: ${[fileKeyOf(name), ...within].join('.')} is ${value}: ${issue.message}`
  })
}

const valueAt = (value: unknown, [key, ...rest]: Path): unknown =>
  key === undefined ? value : valueAt((value as Readonly<Record<PropertyKey, unknown>> | null)?.[key], rest)

/** A value as it may be printed: an inventory address has a password in it. */
export function shownValue(value: unknown): string {
  return typeof value === 'string' ? withoutPassword(value) : JSON.stringify(value)
}
