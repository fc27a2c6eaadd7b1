// The chain of a machine's profiles, nearest first, and what a column is along it.
import type { Machine, Profile } from './rows.ts'
import type { Snapshot } from './snapshot.ts'

export type ProfileChain = Readonly<{
  profiles: readonly Profile[]
  /** Why the chain ends early, or null: a parent that doesn't exist, or one that is its own ancestor. */
  broken: string | null
}>

/** Chains already followed, by snapshot: a snapshot never changes, and thousands of machines share a profile. */
const followed = new WeakMap<Snapshot, Map<string, ProfileChain>>()

export function profileChain(snapshot: Snapshot, name: string): ProfileChain {
  const chains = followed.get(snapshot) ?? new Map<string, ProfileChain>()
  const chain = chains.get(name) ?? followChain(snapshot, name)
  if (chains.size === 0) followed.set(snapshot, chains)
  chains.set(name, chain)
  return chain
}

function followChain(snapshot: Snapshot, name: string): ProfileChain {
  const profiles: Profile[] = []
  for (let next: string | null = name; next !== null;) {
    const profile: Profile | undefined = snapshot.profiles.get(next)
    if (profile === undefined) return { profiles, broken: missing(snapshot, next, profiles.at(-1)) }
    if (profiles.includes(profile))
      return { profiles, broken: `profile ${next} is its own ancestor: mend its column parent` }
    profiles.push(profile)
    next = profile.parent
  }
  return { profiles, broken: null }
}

function missing(snapshot: Snapshot, name: string, child: Profile | undefined): string {
  const error = snapshot.unreadable.get(`profiles/${name}`)?.[0]?.errors[0]
  const what =
    error === undefined
      ? `there is no profile ${name}`
      : `profile ${name} can't be read (${error.field}: ${error.message})`
  return child === undefined ? what : `${what}, the parent of profile ${child.name}`
}

/** The first value that is given along the chain, and the profile that gives it. */
export function inherited<C extends keyof Profile>(
  chain: ProfileChain,
  column: C,
): Readonly<{ value: NonNullable<Profile[C]>; profile: string }> | null {
  for (const profile of chain.profiles) {
    const value = profile[column]
    if (value !== null) return { value: value, profile: profile.name }
  }
  return null
}

/** A param as it holds for a machine: the machine's own, else the nearest profile's, else the site's. */
export function effectiveParam(snapshot: Snapshot, machine: Machine, chain: ProfileChain, name: string): unknown {
  for (const layer of [machine, ...chain.profiles]) if (Object.hasOwn(layer.params, name)) return layer.params[name]
  return snapshot.site.get(name)?.value
}
