// The machines that something is done to.
import { selectMachines, SelectorError } from '../inventory/select.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import { isKnown } from '../inventory/snapshot.ts'
import { Refused } from './failure.ts'

/** More at once would keep everybody else waiting, and be read by nobody. */
const mostAtOnce = 10_000

/** @throws Refused when they are more than is done at once by pages and API */
export function refuseTooMany(names: readonly string[]): void {
  const said = (count: number): string => count.toLocaleString('en')
  if (names.length > mostAtOnce)
    throw new Refused(
      `${said(names.length)} machines are chosen, and ${said(mostAtOnce)} are changed at once: choose fewer, or use bootstead on the host of the server`,
    )
}

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
