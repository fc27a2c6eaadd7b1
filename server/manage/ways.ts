// Ways in which machines change: what changes alike is told once.
import { compareNaturally } from '../inventory/natural-order.ts'
import type { ChangeGroup } from '../render/diff.ts'
import { groupBy } from './groups.ts'

/** A way in which machines change: the same differences in the same files. */
export type Way = Readonly<{
  /** Natural order; nobody for what is no machine's. */
  machines: readonly string[]
  changes: readonly Pick<ChangeGroup, 'path' | 'hunks'>[]
}>

/** Machines whose files change alike in every one of them; first what is nobody's. */
export function gatherWays(groups: readonly ChangeGroup[]): readonly Way[] {
  const indexes = new Map<string, number[]>()
  groups.forEach((group, index) => {
    for (const machine of group.machines) indexes.set(machine, [...(indexes.get(machine) ?? []), index])
  })
  const nobodys = groups.filter(({ machines }) => machines.length === 0)
  const ways = [...groupBy([...indexes], ([, own]) => own.join())].map(([, alike]) => ({
    machines: alike.map(([machine]) => machine).sort(compareNaturally),
    changes: (alike[0]?.[1] ?? []).flatMap((index) => groups[index] ?? []).map(changeOf),
  }))
  return nobodys.length === 0 ? ways : [{ machines: [], changes: nobodys.map(changeOf) }, ...ways]
}

const changeOf = ({ path, hunks }: ChangeGroup) => ({ path, hunks })
