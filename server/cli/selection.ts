// The machines a command is about: its words and its --where filters.
import { Option } from 'commander'
import type { Machine } from '../inventory/rows.ts'
import { selectMachines } from '../inventory/select.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import { misuse } from './failure.ts'

export const selectorHelp =
  "names, ranges such as 'acas[0001-0040]', patterns such as 'acas*', filters such as profile=web"

/** `--where field=value`, as often as needed. A new option each time: commander keeps what it collected in it. */
export function whereOption(): Option {
  return new Option(
    '-w, --where <filter>',
    'only machines with field=value or field!=value; may be given more than once',
  ).argParser((filter: string, earlier: readonly string[] | undefined) => [...(earlier ?? []), filter])
}

/**
 * The machines in natural order; at least one.
 * @throws SelectorError naming a word that is no machine, UsageError when there are no words at all
 */
export function chosenMachines(
  snapshot: Snapshot,
  words: readonly string[],
  where: readonly string[] = [],
): readonly Machine[] {
  for (const filter of where)
    if (!filter.includes('=')) misuse(`--where ${filter}: expected field=value or field!=value`)
  if (words.length + where.length === 0) misuse(`name the machines: ${selectorHelp}; '*' is all of them`)
  return selectMachines(snapshot, [...words, ...where])
}

/** Host names among the words whose rows can't be read: no pattern finds them, but who names one exactly may mend or remove it. */
export function unreadableAmong(snapshot: Snapshot, words: readonly string[]): readonly string[] {
  return words.filter((word) => {
    const rows = snapshot.unreadable.get(`machines/${word}`) ?? []
    return !snapshot.machines.has(word) && rows.some((row) => row.table === 'machines')
  })
}
