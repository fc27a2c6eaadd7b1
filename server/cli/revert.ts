// `bootstead revert`: the inventory as it was, as a new change. History is never rewritten.
import type { Command } from 'commander'
import { revisionHelp } from '../manage/revisions.ts'
import type { ApplyOptions } from './apply.ts'
import { changeOptions, isWritten, tellChanged, told } from './apply.ts'
import type { Session } from './session.ts'

export function registerRevert(program: Command, session: Session): void {
  program
    .command('revert')
    .description('make the inventory what it was at a revision, as a new change; installs that are armed stay armed')
    .argument('<revision>', revisionHelp)
    .option('--dry-run', 'show what would change')
    .option('--force', 'even if machines would be withheld')
    .option('--json', 'as JSON')
    .action(async (typed: string, options: ApplyOptions) => {
      const reverted = told(await session.site().revert(typed, changeOptions(options)))
      const { revision, unreadable } = reverted
      tellChanged(session, reverted, options)
      for (const { table, key } of unreadable)
        session.note(`${table} ${key} could not be read at revision ${revision} either; it stays as it is`)
      if (isWritten(reverted) && options.json !== true)
        session.note(`the inventory is as it was at revision ${revision}`)
    })
}
