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
  return selectMachines(snapshot, checkedWords(words, where))
}

/** @throws UsageError when there are none, or one of `where` is no filter */
export function checkedWords(words: readonly string[], where: readonly string[] = []): readonly string[] {
  for (const filter of where)
    if (!filter.includes('=')) misuse(`--where ${filter}: expected field=value or field!=value`)
  if (words.length + where.length === 0) misuse(`name the machines: ${selectorHelp}; '*' is all of them`)
  return [...words, ...where]
}
