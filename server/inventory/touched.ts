// Whose answers a change of rows can alter: what has to be looked at again, and nothing else.
import { inherited, profileChain } from './profiles.ts'
import type { TableName } from './rows.ts'
import type { Snapshot } from './snapshot.ts'
import { derivedMac } from './xen-mac.ts'

export type TouchedRow = Readonly<{ table: TableName | 'tokens'; key: string }>

/**
 * The machines that may be answered otherwise in `after` than in `before` because these rows differ. Never too few;
 * too many only where telling would cost more than looking.
 */
export function machinesTouched(before: Snapshot, after: Snapshot, rows: Iterable<TouchedRow>): ReadonlySet<string> {
  return new Set(touchedMachines(before, after, rows))
}

/** The same one by one, some more than once: of very many, somebody may have to be answered in between. */
export function* touchedMachines(before: Snapshot, after: Snapshot, rows: Iterable<TouchedRow>): Generator<string> {
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
    if (shared.some(({ table }) => table === 'site')) yield* names(snapshot)
    else yield* hosted(snapshot, users(snapshot, shared), looked)
    if ([...named].some((hostname) => isUnreadable(snapshot, hostname))) yield* hosts(snapshot) // it may be a guest of any: each keeps its files
  }
}

function* names({ machines }: Snapshot): Generator<string> {
  const all: string[] = []
  machines.forEach((_, name) => all.push(name))
  yield* all
}

/** Every machine that takes a value from one of these rows. */
function* users(snapshot: Snapshot, rows: readonly TouchedRow[]): Generator<string> {
  if (rows.length === 0) return
  const of = (wanted: TableName): ReadonlySet<string> =>
    new Set(rows.flatMap(({ table, key }) => (table === wanted ? [key] : [])))
  const [networks, profiles, images] = [of('networks'), of('profiles'), of('images')]
  const [byProfile, found] = [new Map<string, boolean>(), [] as string[]]
  const takes = (profile: string): boolean => {
    const { profiles: chain } = profileChain(snapshot, profile)
    const image = inherited(profileChain(snapshot, profile), 'image')?.value ?? ''
    return (
      [profile, ...chain.flatMap(({ name, parent }) => [name, parent ?? ''])].some((one) => profiles.has(one)) ||
      images.has(image)
    )
  }
  // forEach() takes a tenth of what the maps' iterators take.
  if (profiles.size + images.size > 0)
    snapshot.machines.forEach(({ hostname, profile }) => {
      const known = byProfile.get(profile) ?? takes(profile)
      byProfile.set(profile, known)
      if (known) found.push(hostname)
    })
  yield* found
  found.length = 0
  if (networks.size > 0)
    snapshot.interfaces.forEach((nics, hostname) => {
      const isIn = nics.some(({ network }) => network !== null && networks.has(network))
      if (isIn && snapshot.machines.has(hostname)) found.push(hostname)
    })
  yield* found
}

function isUnreadable(snapshot: Snapshot, hostname: string): boolean {
  return !snapshot.machines.has(hostname) && snapshot.unreadable.has(`machines/${hostname}`)
}

function* hosts(snapshot: Snapshot): Generator<string> {
  for (const { hostname, profile } of snapshot.machines.values()) {
    const hypervisor = inherited(profileChain(snapshot, profile), 'hypervisor')?.value ?? 'none'
    if (hypervisor !== 'none') yield hostname
  }
}

/** Guests of each Dom0 that was looked at. */
type Hosts = Map<string, readonly string[] | undefined>

/** The machines, and the Dom0 and the guests that each shares a host with. */
function* hosted(snapshot: Snapshot, hostnames: Iterable<string>, hosts: Hosts): Generator<string> {
  for (const hostname of hostnames) {
    yield hostname
    const dom0 = snapshot.machines.get(hostname)?.dom0 ?? hostname
    const guests = snapshot.guests.get(dom0)
    if (hosts.has(dom0) && hosts.get(dom0) === guests) continue
    hosts.set(dom0, guests)
    yield dom0
    yield* guests ?? []
  }
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
