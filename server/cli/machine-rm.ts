// `bootstead machine rm`: machines out of the inventory, and no guest left without its Dom0.
import type { Command } from 'commander'
import type { AskedEdit } from '../manage/asked-edits.ts'
import { told } from './apply.ts'
import { fail, misuse } from './failure.ts'
import { foldNames } from '../manage/names.ts'
import { checkedWords, selectorHelp, whereOption } from './selection.ts'
import type { Session } from './session.ts'
import { count } from './table.ts'

type Options = Readonly<{ where?: readonly string[]; yes?: boolean; json?: boolean }>

export function registerMachineRemoval(group: Command, session: Session): void {
  group
    .command('rm')
    .description('remove machines with their interfaces')
    .argument('[selector...]', selectorHelp)
    .addOption(whereOption())
    .option('--yes', 'do not ask')
    .option('--json', 'as JSON')
    .action((words: readonly string[], options: Options) => removeMachines(session, words, options))
}

async function removeMachines(session: Session, words: readonly string[], options: Options): Promise<void> {
  const removal = (select: readonly string[]): readonly AskedEdit[] => [{ edit: 'remove machines', select }]
  const { change } = session.site()
  const planned = told(await change(removal(checkedWords(words, options.where)), { dryRun: true }))
  const names = planned.changes.flatMap(({ table, key }) => (table === 'machines' ? [key] : []))
  if (names.length === 0) return session.note('no machine matches; nothing was removed')
  await confirmRemoval(session, names, options.yes === true)
  told(await change(removal(names), { force: true }))
  if (options.json === true) session.printJson({ removed: names })
  else session.print(`removed ${count(names.length, 'machine')}: ${foldNames(names)}`)
}

async function confirmRemoval(session: Session, names: readonly string[], isSure: boolean): Promise<void> {
  if (isSure) return
  const { confirm } = session.io
  if (confirm === null)
    return misuse(`removing ${foldNames(names)} needs --yes, as there is nobody at a terminal to ask`)
  if (!(await confirm(`Remove ${count(names.length, 'machine')}: ${foldNames(names)}?`))) fail('nothing was removed')
}
