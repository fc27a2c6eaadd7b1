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
  for (const snapshot of [before, after]) {
    for (const hostname of named) yield* neighbours(snapshot, hostname)
    if (shared.some(({ table }) => table === 'site')) yield* snapshot.machines.keys()
    else for (const hostname of users(snapshot, shared)) yield* neighbours(snapshot, hostname)
    if ([...named].some((hostname) => isUnreadable(snapshot, hostname))) yield* hosts(snapshot) // it may be a guest of any: each keeps its files
  }
}

/** Every machine that takes a value from one of these rows. */
function* users(snapshot: Snapshot, rows: readonly TouchedRow[]): Generator<string> {
  if (rows.length === 0) return
  const of = (wanted: TableName): ReadonlySet<string> =>
    new Set(rows.flatMap(({ table, key }) => (table === wanted ? [key] : [])))
  const [networks, profiles, images] = [of('networks'), of('profiles'), of('images')]
  const byProfile = new Map<string, boolean>()
  const takes = (profile: string): boolean => {
    const { profiles: chain } = profileChain(snapshot, profile)
    const image = inherited(profileChain(snapshot, profile), 'image')?.value ?? ''
    return (
      [profile, ...chain.flatMap(({ name, parent }) => [name, parent ?? ''])].some((one) => profiles.has(one)) ||
      images.has(image)
    )
  }
  for (const { hostname, profile } of snapshot.machines.values()) {
    const known = byProfile.get(profile) ?? takes(profile)
    byProfile.set(profile, known)
    if (
      known ||
      (snapshot.interfaces.get(hostname) ?? []).some(({ network }) => network !== null && networks.has(network))
    )
      yield hostname
  }
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

/** The machine and those it quarrels with over an address, each with the Dom0 and the guests it shares a host with. */
function neighbours(snapshot: Snapshot, hostname: string): readonly string[] {
  return [hostname, ...rivals(snapshot, hostname)].flatMap((one) => {
    const dom0 = snapshot.machines.get(one)?.dom0 ?? one
    return [one, dom0, ...(snapshot.guests.get(dom0) ?? [])]
  })
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
