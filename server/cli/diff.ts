// `bootstead diff`: what two revisions of the inventory tell the machines, and where it differs, said once for all alike.
import type { Command } from 'commander'
import { revisionHelp } from '../manage/revisions.ts'
import type { Session } from './session.ts'
import type { Differences } from './site.ts'
import { count } from './table.ts'
import { describeWays } from './ways.ts'

export function registerDiff(program: Command, session: Session): void {
  program
    .command('diff')
    .description(
      'what machines are told at two revisions of the inventory, and where it differs: menus, DHCP, kickstarts, guests',
    )
    .argument('<before>', revisionHelp)
    .argument('[after]', 'another (else now)')
    .option('--json', 'as JSON')
    .action(async (before: string, after: string | undefined, { json }: Readonly<{ json?: boolean }>) => {
      const differences = await session.site().diff(before, after ?? 'now')
      if (json === true) session.printJson(differences)
      else session.print(describe(differences))
    })
}

function describe({ before, after, ways }: Differences): string {
  const head = `revision ${before} → ${after}: `
  if (ways.length === 0) return `${head}no machine is told anything else`
  const machines = ways.reduce((sum, way) => sum + way.machines.length, 0)
  const changes = `${count(machines, 'machine')} ${machines === 1 ? 'changes' : 'change'}`
  return `${head}${changes} in ${count(ways.length, 'way')}\n\n${describeWays(ways)}`
}
