// `bootstead audit`: who logged in, or tried to, and what was done to users and tokens.
import type { Command } from 'commander'
import { limitOption } from './options.ts'
import type { Session } from './session.ts'
import { alignColumns } from './table.ts'

export function registerAudit(program: Command, session: Session): void {
  program
    .command('audit')
    .description('show log-ins and changes of users and tokens, newest first; changes of the inventory are in log')
    .addOption(limitOption('lines', 50))
    .option('--json', 'as JSON')
    .action(async ({ limit, json }: { limit: number; json?: boolean }) => {
      const rows = await session.site().people.audit(limit)
      if (json === true) return session.printJson(rows)
      if (rows.length === 0) return session.note('nothing yet')
      const header = ['at', 'who', 'from', 'action', 'about', 'detail']
      session.print(
        alignColumns(
          header,
          rows.map(({ at, who, peer, action, about, detail }) => [at, who, peer ?? '', action, about, detail]),
        ),
      )
    })
}
