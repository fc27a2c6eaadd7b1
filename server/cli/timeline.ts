// `bootstead timeline`: what a machine reported, and what was served to it, in order.
import type { Command } from 'commander'
import type { EventRow } from '../inventory/store/open.ts'
import { readEvents } from '../inventory/store/read.ts'
import { fail } from './failure.ts'
import { limitOption } from './options.ts'
import type { Session } from './session.ts'

export function registerTimeline(program: Command, session: Session): void {
  program
    .command('timeline')
    .description('show what a machine reported and was served, oldest first')
    .argument('<name>', 'its host name')
    .addOption(limitOption('events', 200))
    .option('--json', 'as JSON')
    .action(async (name: string, { limit, json }: { limit: number; json?: boolean }) => {
      const hostname = name.toLowerCase().split('.')[0] ?? ''
      const events = await readEvents(await session.store(), hostname, limit)
      // Events outlive their machine, so its row is asked for only when there are none.
      if (events.length === 0 && !(await session.loadSnapshot()).machines.has(hostname))
        fail(`there is no machine ${hostname}, and no event of one; bootstead machine list shows those there are`)
      if (json === true) return session.printJson(events)
      session.print(events.length === 0 ? `${hostname} has reported nothing yet` : events.map(describeEvent).join('\n'))
    })
}

/** `2026-11-23T02:25:00.000Z  installing 40 %  packages  (http 192.0.2.10)` */
export function describeEvent({ at, stage, progress, detail, door, peer }: EventRow): string {
  const what = progress === null ? stage : `${stage} ${progress} %`
  return [at, what, ...(detail === null ? [] : [detail]), `(${peer === null ? door : `${door} ${peer}`})`].join('  ')
}
