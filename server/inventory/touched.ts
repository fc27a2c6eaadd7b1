// Whose answers a change of rows can alter: what has to be looked at again, and nothing else.
import { inherited, profileChain } from './profiles.ts'
import type { Interface, TableName } from './rows.ts'
import { atOnce, listed } from './slices.ts'
import type { Snapshot } from './snapshot.ts'
import { derivedMac } from './xen-mac.ts'

export type TouchedRow = Readonly<{ table: TableName | 'tokens'; key: string }>

/**
 * The machines that may be answered otherwise in `after` than in `before` because these rows differ. Never too few;
 * too many only where telling would cost more than looking.
 */
export function machinesTouched(before: Snapshot, after: Snapshot, rows: Iterable<TouchedRow>): ReadonlySet<string> {
  return atOnce(touchedMachines(before, after, rows))
}

/** The same step by step: they may be very many, and looked for among more. */
export function* touchedMachines(
  before: Snapshot,
  after: Snapshot,
  rows: Iterable<TouchedRow>,
): Generator<void, ReadonlySet<string>> {
  const touched = new Set<string>()
  for (const name of eachTouched(before, after, rows)) {
    if (name !== null) touched.add(name)
    yield
  }
  return touched
}

/** Null is nobody: a step of looking. */
type Names = Generator<string | null, void>

/** Some more than once. */
function* eachTouched(before: Snapshot, after: Snapshot, rows: Iterable<TouchedRow>): Names {
  const named = new Set<string>()
  const shared: TouchedRow[] = []
  for (const row of rows)
    if (row.table === 'machines' || row.table === 'interfaces' || row.table === 'tokens')
      named.add(row.key.split('/')[0] ?? '')
    else shared.push(row)
  const looked: Hosts = new Map()
  for (const snapshot of [before, after]) {
    // Over an address machines quarrel by their own rows alone.
    for (const hostname of named) yield* hosted(snapshot, [hostname, ...rivals(snapshot, hostname)], looked)
    if (shared.some(({ table }) => table === 'site')) yield* keysWhere(snapshot.machines, () => true)
    else yield* hosted(snapshot, users(snapshot, shared), looked)
    if ([...named].some((hostname) => isUnreadable(snapshot, hostname))) yield* hosts(snapshot) // it may be a guest of any: each keeps its files
  }
}

const passedPerStep = 100

/** The keys of those that hold. */
function* keysWhere<V>(map: ReadonlyMap<string, V>, holds: (value: V, key: string) => boolean): Names {
  const { keys, values } = listed(map)
  let passed = 0
  for (const [at, value] of values.entries()) {
    const key = keys[at]
    if (key !== undefined && holds(value, key)) yield key
    else if (++passed % passedPerStep === 0) yield null
  }
}

/** Every machine that takes a value from one of these rows. */
function* users(snapshot: Snapshot, rows: readonly TouchedRow[]): Names {
  const of = (wanted: TableName): ReadonlySet<string> =>
    new Set(rows.flatMap(({ table, key }) => (table === wanted ? [key] : [])))
  const [networks, profiles, images] = [of('networks'), of('profiles'), of('images')]
  if (profiles.size + images.size > 0) yield* usersByProfile(snapshot, profiles, images)
  if (networks.size === 0) return
  const isIn = (nics: readonly Interface[]): boolean =>
    nics.some(({ network }) => network !== null && networks.has(network))
  yield* keysWhere(snapshot.interfaces, (nics, hostname) => isIn(nics) && snapshot.machines.has(hostname))
}

function* usersByProfile(snapshot: Snapshot, profiles: ReadonlySet<string>, images: ReadonlySet<string>): Names {
  const byProfile = new Map<string, boolean>()
  const takes = (profile: string): boolean => {
    const { profiles: chain } = profileChain(snapshot, profile)
    const image = inherited(profileChain(snapshot, profile), 'image')?.value ?? ''
    return (
      [profile, ...chain.flatMap(({ name, parent }) => [name, parent ?? ''])].some((one) => profiles.has(one)) ||
      images.has(image)
    )
  }
  yield* keysWhere(snapshot.machines, ({ profile }) => {
    const isUser = byProfile.get(profile) ?? takes(profile)
    byProfile.set(profile, isUser)
    return isUser
  })
}

function isUnreadable(snapshot: Snapshot, hostname: string): boolean {
  return !snapshot.machines.has(hostname) && snapshot.unreadable.has(`machines/${hostname}`)
}

function hosts(snapshot: Snapshot): Names {
  const hypervisorOf = (profile: string): string =>
    inherited(profileChain(snapshot, profile), 'hypervisor')?.value ?? 'none'
  return keysWhere(snapshot.machines, ({ profile }) => hypervisorOf(profile) !== 'none')
}

/** Guests of each Dom0 that was looked at. */
type Hosts = Map<string, readonly string[] | undefined>

/** The machines, and the Dom0 and the guests that each shares a host with; its own too, of one that is wrongly both. */
function* hosted(snapshot: Snapshot, hostnames: Iterable<string | null>, looked: Hosts): Names {
  for (const hostname of hostnames) {
    yield hostname
    if (hostname === null) continue
    const dom0 = snapshot.machines.get(hostname)?.dom0 ?? hostname
    yield* together(snapshot, dom0, looked)
    if (dom0 !== hostname) yield* together(snapshot, hostname, looked)
  }
}

function* together(snapshot: Snapshot, dom0: string, looked: Hosts): Names {
  const guests = snapshot.guests.get(dom0)
  if (looked.has(dom0) && looked.get(dom0) === guests) return
  looked.set(dom0, guests)
  yield dom0
  yield* guests ?? []
}

function rivals(snapshot: Snapshot, hostname: string): readonly string[] {
  const machine = snapshot.machines.get(hostname)
  const byUuid = machine?.uuid == null ? [] : (snapshot.byUuid.get(machine.uuid) ?? [])
  const isGuest = machine !== undefined && machine.dom0 !== null
  const refs = (snapshot.interfaces.get(hostname) ?? []).flatMap((nic) => {
    const mac = nic.mac ?? (isGuest ? derivedMac(hostname, nic.name) : null)
    return [
      ...((mac === null ? null : snapshot.byMac.get(mac)) ?? []),
      ...((nic.ip === null ? null : snapshot.byIp.get(nic.ip)) ?? []),
      ...((nic.ip6 === null ? null : snapshot.byIp6.get(nic.ip6)) ?? []),
    ]
  })
  return [...byUuid, ...refs.map((ref) => ref.machine)]
}
