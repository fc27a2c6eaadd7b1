// The machines that something is done to.
import { selectMachines, SelectorError } from '../inventory/select.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import { isKnown } from '../inventory/snapshot.ts'

/**
 * Host names of the machines chosen, and of rows that can't be read: no pattern finds those, but who names one exactly
 * may look at it, mend it or remove it.
 * @throws SelectorError naming a word that is no machine
 */
export function chosenNames(snapshot: Snapshot, words: readonly string[]): readonly string[] {
  const unreadable = words.filter((word) => isUnreadable(snapshot, word))
  const others = words.filter((word) => !unreadable.includes(word))
  const isNone = unreadable.length > 0 && others.every((word) => word.includes('='))
  const readable = isNone ? [] : selectMachines(snapshot, others)
  return [...readable.map(({ hostname }) => hostname), ...unreadable]
}

export const isUnreadable = (snapshot: Snapshot, hostname: string): boolean =>
  !snapshot.machines.has(hostname) && isKnown(snapshot, hostname)

/** @throws SelectorError when there is no machine of that name, whether its row can be read or not */
export function chosenName(snapshot: Snapshot, word: string): string {
  const [name, another] = chosenNames(snapshot, [word])
  if (name === undefined || another !== undefined) throw new SelectorError(`${word}: expected the name of one machine`)
  return name
}
