// Naming machines: ranges, patterns and filters, the same wherever machines are named.
import { parseIpv4, parseMac } from './address.ts'
import { atOnce, listed, sorted } from './slices.ts'
import type { Snapshot } from './snapshot.ts'
import { compareNaturally } from './natural-order.ts'
import { inherited, profileChain } from './profiles.ts'
import type { Interface, Machine } from './rows.ts'

/** A selector that can't be understood, or that names a machine that doesn't exist. */
export class SelectorError extends Error {
  override name = 'SelectorError'
}

/** One range may not name more machines than this: a mistyped `[1-9999999999]` is an error, not a full memory. */
const maxExpansion = 200_000

/** `acas[0001-0003,7]-x` → acas0001-x, acas0002-x, acas0003-x, acas7-x; leading zeros give the width. */
export function expandRange(pattern: string): readonly string[] {
  const open = pattern.indexOf('[')
  if (open < 0) {
    if (pattern.includes(']')) throw new SelectorError(`${pattern}: a ] without its [`)
    return [pattern]
  }
  const close = pattern.indexOf(']', open)
  if (close < 0) throw new SelectorError(`${pattern}: a [ without its ]`)
  const heads = pattern
    .slice(open + 1, close)
    .split(',')
    .flatMap((part) => expandPart(pattern, part))
  const tails = expandRange(pattern.slice(close + 1))
  if (heads.length * tails.length > maxExpansion)
    throw new SelectorError(`${pattern}: names more than ${maxExpansion} machines`)
  return heads.flatMap((head) => tails.map((tail) => pattern.slice(0, open) + head + tail))
}

function expandPart(pattern: string, part: string): readonly string[] {
  const range = /^\s*(\d+)(?:-(\d+))?\s*$/.exec(part)
  if (range === null)
    throw new SelectorError(`${pattern}: expected numbers such as [0001-0040] or [1,3,5-7] instead of [${part}]`)
  const [, first = '', last = first] = range
  const count = Number(last) - Number(first) + 1
  if (count < 1) throw new SelectorError(`${pattern}: the range ${part} runs backwards`)
  if (count > maxExpansion) throw new SelectorError(`${pattern}: names more than ${maxExpansion} machines`)
  return Array.from({ length: count }, (_, index) => String(Number(first) + index).padStart(first.length, '0'))
}

/** Splits `a[1,2],b` at the commas outside brackets. */
function splitNames(text: string): readonly string[] {
  return text
    .split(/,(?![^[]*\])/)
    .map((part) => part.trim())
    .filter((part) => part !== '')
}

/** A machine with its interfaces. */
type Subject = Readonly<{ machine: Machine; nics: readonly Interface[] }>
type Filter = (subject: Subject) => boolean

/**
 * The machines that the words name, in natural order. A word is a name, a range, a pattern with `*` or `?`, or a
 * filter `field=value` (`!=` for its opposite; value may hold `*` and alternatives with commas). Names add up,
 * filters narrow down: `acas[0001-0040] profile=sl5-dom0`. Filters alone look at every machine; no words name none.
 * @throws SelectorError naming the word
 */
export const selectMachines = (snapshot: Snapshot, words: readonly string[]): readonly Machine[] =>
  atOnce(selectingMachines(snapshot, words))

/** The same, for who answers others meanwhile. */
export function* selectingMachines(snapshot: Snapshot, words: readonly string[]): Generator<void, readonly Machine[]> {
  return yield* sorted(yield* namingMachines(snapshot, words), byName)
}

const byName = (one: Machine, other: Machine): number => compareNaturally(one.hostname, other.hostname)

const lookedAtPerStep = 100

/**
 * Those machines in no order: for who has one of his own.
 * @param all every machine, where somebody has them at hand
 */
export function* namingMachines(
  snapshot: Snapshot,
  words: readonly string[],
  all?: Iterable<Subject>,
): Generator<void, ReadonlySet<Machine>> {
  const filters = words.filter((word) => word.includes('=')).map((word) => parseFilter(snapshot, word))
  const names = words.filter((word) => !word.includes('='))
  if (words.length === 0) return new Set()
  const chosen = names.length === 0 ? indexed(snapshot, words) : yield* named(snapshot, names, all)
  if (chosen !== null && filters.length === 0) return chosen
  const found = new Set<Machine>()
  let looked = 0
  for (const subject of chosen === null
    ? (all ?? subjects(snapshot, allMachines(snapshot)))
    : subjects(snapshot, chosen)) {
    if (++looked % lookedAtPerStep === 0) yield
    if (filters.every((matches) => matches(subject))) found.add(subject.machine)
  }
  return found
}

function* subjects({ interfaces }: Snapshot, machines: Iterable<Machine>): Generator<Subject> {
  for (const machine of machines) yield { machine, nics: interfaces.get(machine.hostname) ?? [] }
}

function* machinesOf(subjects: Iterable<Subject>): Generator<Machine> {
  for (const { machine } of subjects) yield machine
}

const allMachines = ({ machines }: Snapshot): readonly Machine[] => listed(machines).values

/** Among whom a filter for one address finds all that it can find; null when none is for one. */
function indexed(snapshot: Snapshot, words: readonly string[]): ReadonlySet<Machine> | null {
  for (const word of words) {
    const [, field, value = ''] = /^(mac|ip)=([^*?,]+)$/.exec(word) ?? []
    const mac = field === 'mac' ? parseMac(value) : null
    const ip = field === 'ip' ? parseIpv4(value) : null
    if (mac === null && ip === null) continue
    const refs = (mac === null ? null : snapshot.byMac.get(mac)) ?? (ip === null ? null : snapshot.byIp.get(ip)) ?? []
    return new Set(refs.flatMap(({ machine }) => snapshot.machines.get(machine) ?? []))
  }
  return null
}

function* named(
  snapshot: Snapshot,
  words: readonly string[],
  all: Iterable<Subject> | undefined,
): Generator<void, ReadonlySet<Machine>> {
  const found = new Set<Machine>()
  for (const part of words.flatMap(splitNames))
    for (const machine of /[*?]/.test(part) ? globbed(snapshot, part, all) : ranged(snapshot, part))
      if (machine === null) yield
      else found.add(machine)
  return found
}

/** Null is nobody: a step of looking. */
type Machines = Generator<Machine | null, void>

function* ranged(snapshot: Snapshot, pattern: string): Machines {
  let looked = 0
  for (const name of expandRange(pattern)) {
    const machine = snapshot.machines.get(name.toLowerCase().split('.')[0] ?? '')
    if (machine === undefined) throw new SelectorError(unknownName(snapshot, name))
    yield machine
    if (++looked % lookedAtPerStep === 0) yield null
  }
}

function unknownName(snapshot: Snapshot, name: string): string {
  const error = snapshot.unreadable.get(`machines/${name}`)?.[0]?.errors[0]
  if (error !== undefined) return `the row of machine ${name} can't be read: ${error.field}: ${error.message}`
  return `there is no machine ${name}; bootstead machine list shows those there are`
}

function* globbed(snapshot: Snapshot, pattern: string, all: Iterable<Subject> | undefined): Machines {
  const matches = globMatcher(pattern)
  let [looked, isNone] = [0, pattern !== '*']
  for (const machine of all === undefined ? allMachines(snapshot) : machinesOf(all)) {
    if (++looked % lookedAtPerStep === 0) yield null
    if (!matches(machine.hostname)) continue
    isNone = false
    yield machine
  }
  if (isNone) throw new SelectorError(`no machine's name matches ${pattern}`)
}

function globMatcher(pattern: string): (text: string) => boolean {
  const lower = pattern.toLowerCase()
  if (!/[*?]/.test(pattern))
    return (text) => text === pattern || (text.length === pattern.length && text.toLowerCase() === lower)
  const source = pattern
    .replaceAll(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.')
  const compiled = new RegExp(`^${source}$`, 'is')
  return (text) => compiled.test(text)
}

type Values = readonly (string | number | null)[]

/** What a machine's profile says, whichever machine it is. */
const profileFields: Readonly<Record<string, (snapshot: Snapshot, profile: string) => Values>> = {
  profile: (snapshot, name) =>
    profileChain(snapshot, name)
      .profiles.map((profile) => profile.name)
      .concat(name),
  family: (snapshot, name) => [inherited(profileChain(snapshot, name), 'family')?.value ?? null],
  version: (snapshot, name) => [inherited(profileChain(snapshot, name), 'version')?.value ?? null],
  image: (snapshot, name) => [inherited(profileChain(snapshot, name), 'image')?.value ?? null],
  hypervisor: (snapshot, name) => [inherited(profileChain(snapshot, name), 'hypervisor')?.value ?? null],
}

const fields: Readonly<Record<string, (subject: Subject, snapshot: Snapshot) => Values>> = {
  hostname: ({ machine }) => [machine.hostname],
  domain: ({ machine }) => [machine.domain],
  uuid: ({ machine }) => [machine.uuid],
  dom0: ({ machine }) => [machine.dom0],
  vdisk: ({ machine }) => [machine.vdisk],
  vcpus: ({ machine }) => [machine.vcpus],
  cpus: ({ machine }) => [machine.cpus],
  memory_mib: ({ machine }) => [machine.memory_mib],
  arch: ({ machine }, snapshot) => [
    machine.arch ?? inherited(profileChain(snapshot, machine.profile), 'arch')?.value ?? null,
  ],
  boot: ({ machine }) => [machine.boot],
  disk: ({ machine }) => [machine.disk],
  notes: ({ machine }) => [machine.notes],
  network: ({ nics }) => nics.map(({ network }) => network),
  mac: ({ nics }) => nics.map(({ mac }) => mac),
  ip: ({ nics }) => nics.map(({ ip }) => ip),
  ip6: ({ nics }) => nics.map(({ ip6 }) => ip6),
}

/** In the order in which people look for them. */
const fieldNames: readonly string[] = [
  ...['hostname', 'domain', 'uuid', 'profile', 'dom0', 'vdisk', 'vcpus', 'cpus', 'memory_mib', 'arch', 'family'],
  ...['version', 'image', 'hypervisor', 'boot', 'disk', 'notes', 'network', 'mac', 'ip', 'ip6'],
]

function parseFilter(snapshot: Snapshot, word: string): Filter {
  const [, field = '', operator, wanted = ''] = /^([a-z0-9_]+)(!?=)(.*)$/.exec(word) ?? []
  if (!fieldNames.includes(field))
    throw new SelectorError(
      `${word}: not a filter; those there are: ${fieldNames.join(', ')} (field=value or field!=value)`,
    )
  const matchers = wanted.split(',').map(globMatcher)
  const matches = (values: Values): boolean =>
    values.some((value) => matchers.some((matcher) => matcher(String(value ?? ''))))
  const ofProfile = profileFields[field]
  const holds: Filter =
    ofProfile === undefined
      ? (subject) => matches(fields[field]?.(subject, snapshot) ?? [])
      : onceForEach((profile) => matches(ofProfile(snapshot, profile)))
  return operator === '=' ? holds : (subject) => !holds(subject)
}

/** Thousands of machines share a profile. */
function onceForEach(holds: (profile: string) => boolean): Filter {
  const known = new Map<string, boolean>()
  return ({ machine: { profile } }) => {
    const is = known.get(profile) ?? holds(profile)
    known.set(profile, is)
    return is
  }
}
