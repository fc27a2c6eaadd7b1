// `bootstead log`: the inventory's history, newest first, by whichever program it was written.
import type { Command } from 'commander'
import type { ToldChange } from '../manage/history.ts'
import { limitOption } from './options.ts'
import type { Session } from './session.ts'

export function registerLog(program: Command, session: Session): void {
  program
    .command('log')
    .description('show who changed what in the inventory, newest first')
    .option('--machine <name>', 'of this machine and its interfaces only')
    .addOption(limitOption('changes', 50))
    .option('--json', 'as JSON')
    .action(async ({ machine, limit, json }: { machine?: string; limit: number; json?: boolean }) => {
      const hostname = machine?.toLowerCase().split('.')[0] ?? null
      const changes = await session.site().log({ limit, machine: hostname })
      if (json === true) return session.printJson(changes.map(({ fields: _, ...change }) => change))
      session.print(changes.length === 0 ? 'no changes' : changes.map(describe).join('\n'))
    })
}

function describe({ revision, at, who, table, key, before, after, fields }: ToldChange): string {
  const head = `${revision}  ${at}  ${who}  ${table} ${key}`
  if (after === null) return `${head}  removed`
  const keys = ['hostname', 'name', 'machine', 'id']
  const changes = fields.filter(([field]) => before !== null || !keys.includes(field))
  if (before === null) return [`${head}  added`, ...changes.map(([field, , now]) => `  ${field}: ${now}`)].join('\n')
  return [head, ...changes.map(([field, old, now]) => `  ${field}: ${old} → ${now}`)].join('\n')
}
