// Which machines use a network, a profile or an image. Looked through once for each picture of the inventory.
import { inherited, profileChain } from '../inventory/profiles.ts'
import type { Snapshot } from '../inventory/snapshot.ts'

export type UsedTable = 'networks' | 'profiles' | 'images'

type Uses = Readonly<Record<UsedTable, ReadonlyMap<string, readonly string[]>>>

const known = new WeakMap<Snapshot, Uses>()
const nobody: readonly string[] = []

/** Host names, in no order. A machine uses its profile and those above it, and the image that they give. */
export function usersOf(snapshot: Snapshot, table: UsedTable, name: string): readonly string[] {
  const uses = known.get(snapshot) ?? findUses(snapshot)
  known.set(snapshot, uses)
  return uses[table].get(name) ?? nobody
}

function findUses(snapshot: Snapshot): Uses {
  const own = new Map<string, string[]>()
  snapshot.machines.forEach(({ profile }, hostname) => listOf(own, profile).push(hostname))
  const networks = new Map<string, string[]>()
  snapshot.interfaces.forEach((nics, hostname) => {
    for (const network of new Set(nics.flatMap((nic) => nic.network ?? []))) listOf(networks, network).push(hostname)
  })
  const [profiles, images] = [new Map<string, string[][]>(), new Map<string, string[][]>()]
  for (const [name, hostnames] of own) {
    const chain = profileChain(snapshot, name)
    for (const one of new Set([name, ...chain.profiles.map((profile) => profile.name)]))
      listOf(profiles, one).push(hostnames)
    const image = inherited(chain, 'image')
    if (image !== null) listOf(images, image.value).push(hostnames)
  }
  return { networks, profiles: flattened(profiles), images: flattened(images) }
}

function listOf<T>(lists: Map<string, T[]>, key: string): T[] {
  const list = lists.get(key) ?? []
  if (list.length === 0) lists.set(key, list)
  return list
}

const flattened = (lists: ReadonlyMap<string, readonly string[][]>): ReadonlyMap<string, readonly string[]> =>
  new Map([...lists].map(([name, parts]) => [name, parts.flat()]))

/** Profiles that name it themselves: as their parent, or as their image. */
export function profilesNaming(snapshot: Snapshot, table: UsedTable, name: string): readonly string[] {
  if (table === 'networks') return []
  const column = table === 'profiles' ? 'parent' : 'image'
  return [...snapshot.profiles.values()].flatMap((profile) => (profile[column] === name ? [profile.name] : []))
}
