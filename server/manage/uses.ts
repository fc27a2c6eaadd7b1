// Which machines use a network, a profile or an image. Looked through once for each picture of the inventory.
import { inherited, profileChain } from '../inventory/profiles.ts'
import type { Snapshot } from '../inventory/snapshot.ts'

export type UsedTable = 'networks' | 'profiles' | 'images'

type Users = ReadonlyMap<string, readonly string[]>

const known = new WeakMap<Snapshot, Map<UsedTable, Users>>()
const nobody: readonly string[] = []

/** Host names, in no order. A machine uses its profile and those above it, and the image that they give. */
export function usersOf(snapshot: Snapshot, table: UsedTable, name: string): readonly string[] {
  const uses = known.get(snapshot) ?? new Map<UsedTable, Users>()
  known.set(snapshot, uses)
  const users = uses.get(table) ?? finders[table](snapshot)
  uses.set(table, users)
  return users.get(name) ?? nobody
}

const finders: Readonly<Record<UsedTable, (snapshot: Snapshot) => Users>> = {
  networks: (snapshot) => {
    const networks = new Map<string, string[]>()
    snapshot.interfaces.forEach((nics, hostname) => {
      for (const { network } of nics) {
        const users = network === null ? null : listOf(networks, network)
        if (users?.at(-1) !== hostname) users?.push(hostname) // once, with several interfaces in it
      }
    })
    return networks
  },
  profiles: (snapshot) =>
    gatheredBy(snapshot, (name) => [name, ...profileChain(snapshot, name).profiles.map((profile) => profile.name)]),
  images: (snapshot) => gatheredBy(snapshot, (name) => [inherited(profileChain(snapshot, name), 'image')?.value]),
}

/** Machines of each profile under the names that it leads to. */
function gatheredBy(snapshot: Snapshot, namesOf: (profile: string) => readonly (string | undefined)[]): Users {
  const own = new Map<string, string[]>()
  snapshot.machines.forEach(({ profile }, hostname) => {
    const users = own.get(profile)
    if (users === undefined) own.set(profile, [hostname])
    else users.push(hostname)
  })
  const parts = new Map<string, (readonly string[])[]>()
  for (const [profile, hostnames] of own)
    for (const name of new Set(namesOf(profile))) if (name !== undefined) listOf(parts, name).push(hostnames)
  return new Map([...parts].map(([name, lists]) => [name, lists.flat()]))
}

function listOf<T>(lists: Map<string, T[]>, key: string): T[] {
  const list = lists.get(key) ?? []
  if (list.length === 0) lists.set(key, list)
  return list
}

/** Profiles that name it themselves: as their parent, or as their image. */
export function profilesNaming(snapshot: Snapshot, table: UsedTable, name: string): readonly string[] {
  if (table === 'networks') return []
  const column = table === 'profiles' ? 'parent' : 'image'
  return [...snapshot.profiles.values()].flatMap((profile) => (profile[column] === name ? [profile.name] : []))
}
