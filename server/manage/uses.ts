// Which machines use a network, a profile or an image. Looked through once for each picture of the inventory.
import { inherited, profileChain } from '../inventory/profiles.ts'
import { inSlices } from '../inventory/slices.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import type { FarmIndex } from './farm-index.ts'

export type UsedTable = 'networks' | 'profiles' | 'images'

type Users = ReadonlyMap<string, readonly string[]>

const known = new WeakMap<FarmIndex, Map<UsedTable, Promise<Users>>>()

/** Host names, in no order. A machine uses its profile and those above it, and the image that they give. */
export async function usersIn(index: FarmIndex, table: UsedTable): Promise<(name: string) => readonly string[]> {
  const uses = known.get(index) ?? new Map<UsedTable, Promise<Users>>()
  known.set(index, uses)
  const coming = uses.get(table) ?? inSlices(finders[table](index))
  uses.set(table, coming)
  const users = await coming
  return (name) => users.get(name) ?? []
}

const finders: Readonly<Record<UsedTable, (index: FarmIndex) => Generator<void, Users>>> = {
  networks: function* ({ entries }) {
    const networks = new Map<string, string[]>()
    for (const { machine, nics } of entries) {
      yield
      for (const { network } of nics) {
        const users = network === null ? null : listOf(networks, network)
        if (users?.at(-1) !== machine.hostname) users?.push(machine.hostname) // once, with several interfaces in it
      }
    }
    return networks
  },
  profiles: (index) =>
    gatheredBy(index, (name) => [name, ...profileChain(index.snapshot, name).profiles.map((profile) => profile.name)]),
  images: (index) => gatheredBy(index, (name) => [inherited(profileChain(index.snapshot, name), 'image')?.value]),
}

/** Machines of each profile under the names that it leads to. */
function* gatheredBy(
  { entries }: FarmIndex,
  namesOf: (profile: string) => readonly (string | undefined)[],
): Generator<void, Users> {
  const own = new Map<string, string[]>()
  for (const { machine } of entries) {
    yield
    listOf(own, machine.profile).push(machine.hostname)
  }
  const users = new Map<string, readonly string[]>()
  for (const [profile, hostnames] of own)
    for (const name of new Set(namesOf(profile))) {
      yield
      if (name !== undefined) users.set(name, (users.get(name) ?? []).concat(hostnames))
    }
  return users
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
