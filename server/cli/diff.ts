// `bootstead diff`: what two revisions of the inventory tell the machines, and where it differs, said once for all alike.
import type { Command } from 'commander'
import { waysBetween } from '../manage/diff.ts'
import { readPicture, revisionHelp } from '../manage/revisions.ts'
import type { Way } from '../manage/ways.ts'
import type { Session } from './session.ts'
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
      const today = await session.loadSnapshot()
      const desk = await session.desk()
      const [old, now] = [await readPicture(desk, today, before), await readPicture(desk, today, after ?? 'now')]
      const ways = await waysBetween(desk, old, now)
      if (json === true) return session.printJson({ before: old.revision, after: now.revision, ways })
      session.print(describe(old.revision, now.revision, ways))
    })
}

function describe(before: number, after: number, ways: readonly Way[]): string {
  const head = `revision ${before} → ${after}: `
  if (ways.length === 0) return `${head}no machine is told anything else`
  const machines = ways.reduce((sum, way) => sum + way.machines.length, 0)
  const changes = `${count(machines, 'machine')} ${machines === 1 ? 'changes' : 'change'}`
  return `${head}${changes} in ${count(ways.length, 'way')}\n\n${describeWays(ways)}`
}
