// The machines that something is done to.
import { selectingMachines, SelectorError } from '../inventory/select.ts'
import { atOnce, inSlices } from '../inventory/slices.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import { isKnown } from '../inventory/snapshot.ts'
import { Refused } from './failure.ts'

/** More at once would keep everybody else waiting, and be read by nobody. */
const mostAtOnce = 10_000

/** @throws Refused when so many machines are more than is done at once by pages and API */
export function refuseTooMany(count: number): void {
  const said = (number: number): string => number.toLocaleString('en')
  if (count > mostAtOnce)
    throw new Refused(
      `${said(count)} machines are chosen, and ${said(mostAtOnce)} are changed at once: choose fewer, or use bootstead on the host of the server`,
    )
}

/**
 * Host names of the machines chosen, and of rows that can't be read: no pattern finds those, but who names one exactly
 * may look at it, mend it or remove it.
 * @throws SelectorError naming a word that is no machine
 */
export const chosenNames = (snapshot: Snapshot, words: readonly string[]): Promise<readonly string[]> =>
  inSlices(choosingNames(snapshot, words))

function* choosingNames(snapshot: Snapshot, words: readonly string[]): Generator<void, readonly string[]> {
  const unreadable = words.filter((word) => isUnreadable(snapshot, word))
  const others = words.filter((word) => !unreadable.includes(word))
  const isNone = unreadable.length > 0 && others.every((word) => word.includes('='))
  const readable = isNone ? [] : yield* selectingMachines(snapshot, others)
  return [...readable.map(({ hostname }) => hostname), ...unreadable]
}

export const isUnreadable = (snapshot: Snapshot, hostname: string): boolean =>
  !snapshot.machines.has(hostname) && isKnown(snapshot, hostname)

/** @throws SelectorError when there is no machine of that name, whether its row can be read or not */
export function chosenName(snapshot: Snapshot, word: string): string {
  const [name, another] = atOnce(choosingNames(snapshot, [word]))
  if (name === undefined || another !== undefined) throw new SelectorError(`${word}: expected the name of one machine`)
  return name
}
