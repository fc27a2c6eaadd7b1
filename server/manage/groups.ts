// Putting together what is alike, so that four hundred machines with one story make one paragraph.
import { foldNames } from './names.ts'

/** Node 20 has no Map.groupBy. */
export function groupBy<K, V>(items: Iterable<V>, keyOf: (item: V) => K): ReadonlyMap<K, readonly V[]> {
  const groups = new Map<K, V[]>()
  for (const item of items) {
    const key = keyOf(item)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [item])
    else group.push(item)
  }
  return groups
}

export type Story = Readonly<{ names: readonly string[]; /** acas[0001-0040], web */ folded: string; text: string }>

/** Names of which the same is told, together, in the order in which the stories first appear. */
export function storiesOf(pairs: Iterable<readonly [name: string, text: string]>): readonly Story[] {
  return [...groupBy(pairs, ([, text]) => text)].map(([text, own]) => {
    const names = own.map(([name]) => name)
    return { names, folded: foldNames(names), text }
  })
}
