// Putting together what is alike, so that four hundred machines with one story make one paragraph.
import { atOnce } from '../inventory/slices.ts'
import { foldingNames } from './names.ts'

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
export const storiesOf = (pairs: Iterable<readonly [name: string, text: string]>): readonly Story[] =>
  atOnce(tellingStories(pairs))

/** The same of very many, for who answers others meanwhile. */
export function* tellingStories(
  pairs: Iterable<readonly [name: string, text: string]>,
): Generator<void, readonly Story[]> {
  const byText = new Map<string, string[]>()
  for (const [name, text] of pairs) {
    yield
    const names = byText.get(text)
    if (names === undefined) byText.set(text, [name])
    else names.push(name)
  }
  const stories: Story[] = []
  for (const [text, names] of byText) stories.push({ names, folded: yield* foldingNames(names), text })
  return stories
}
