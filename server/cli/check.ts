// `bootstead check`: the data-quality report. Exit code 1 when a machine is withheld.
import type { Command } from 'commander'
import type { Finding } from '../inventory/findings.ts'
import { isWithheld } from '../inventory/findings.ts'
import { fail } from './failure.ts'
import { groupBy, storiesOf } from '../manage/groups.ts'
import { describeFinding } from '../manage/finding-text.ts'
import { checkedWords, selectorHelp, whereOption } from './selection.ts'
import type { Session } from './session.ts'
import { count } from './table.ts'

export function registerCheck(program: Command, session: Session): void {
  program
    .command('check')
    .description('report every row that keeps a machine from being served, and what looks wrong')
    .argument('[selector...]', `${selectorHelp}; all machines when none are named`)
    .addOption(whereOption())
    .option('--json', 'as JSON')
    .action(async (words: readonly string[], { where = [], json }: { where?: readonly string[]; json?: boolean }) => {
      const isAll = words.length + where.length === 0
      const found = await session.site().findings(isAll ? [] : checkedWords(words, where))
      const byMachine = groupBy(found, ({ machine }) => machine)
      const withheld = [...byMachine].filter(([, own]) => isWithheld(own)).map(([machine]) => machine)
      if (json === true) session.printJson({ withheld, findings: found })
      else session.print(render(byMachine))
      if (withheld.length > 0)
        fail(
          `${count(withheld.length, 'machine')} withheld: no answer and no file for ${withheld.length === 1 ? 'it' : 'them'} until this is mended`,
        )
    })
}

/** Machines with the same findings together: a profile's mistake is one paragraph, not four hundred. */
function render(byMachine: ReadonlyMap<string, readonly Finding[]>): string {
  if (byMachine.size === 0) return 'nothing to report'
  const paragraphs = [...byMachine].map(([machine, own]): readonly [string, string] => [
    machine === '' ? '(of no machine)' : machine,
    own.map((finding) => `  ${finding.severity}: ${describeFinding(finding)}`).join('\n'),
  ])
  return storiesOf(paragraphs)
    .map(({ names, folded, text }) => `${folded}${names.length > 1 ? ` (${names.length})` : ''}\n${text}`)
    .join('\n')
}
