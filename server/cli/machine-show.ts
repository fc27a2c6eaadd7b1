// `bootstead machine show`: a machine's rows, what holds for it and from where, what is wrong, and what it would get.
import type { Command } from 'commander'
import type { Interface } from '../inventory/rows.ts'
import { tables } from '../inventory/rows.ts'
import type { MachineAsAWhole } from '../manage/machine.ts'
import { describeFinding } from '../manage/finding-text.ts'
import type { Session } from './session.ts'
import { describeState, lastLines } from './states.ts'
import { showValue } from '../manage/row-changes.ts'
import { alignColumns, alignPairs } from './table.ts'
import { describeEvent } from './timeline.ts'

const shownConsoleLines = 10

export function registerMachineShow(group: Command, session: Session): void {
  group
    .command('show')
    .description('show one machine: rows, settings with their origins, findings, plan, last events')
    .argument('<name>', 'its host name')
    .option('--json', 'as JSON')
    .action(async (name: string, { json }: { json?: boolean }) => {
      const shown = await session.site().machine(name)
      if (json === true) session.printJson(shown)
      else session.print(render(shown))
    })
}

function render({
  hostname,
  machine,
  guests,
  interfaces,
  settings,
  findings: found,
  plan,
  state,
  events,
  console,
}: MachineAsAWhole): string {
  const row = Object.entries(machine ?? {}).flatMap(([column, value]) =>
    isEmpty(value) ? [] : [[column, showValue(value)] as const],
  )
  const given = Object.entries(settings).filter(([, { value, from }]) => !(isEmpty(value) && from === 'default'))
  const sections: readonly (readonly [string, string])[] = [
    [hostname, alignPairs(row)],
    ['guests', guests.join('\n')],
    [
      'interfaces',
      interfaces.length === 0
        ? ''
        : alignColumns(
            nicColumns,
            interfaces.map((nic) => nicColumns.map((column) => (nic[column] === false ? '' : showValue(nic[column])))),
          ),
    ],
    [
      'settings',
      given.length === 0
        ? ''
        : alignColumns(
            ['setting', 'value', 'from'],
            given.map(([name, { value, from }]) => [name, showValue(value), from]),
          ),
    ],
    ['findings', found.map((finding) => `${finding.severity}: ${describeFinding(finding)}`).join('\n')],
    ['plan', `${plan.kind}: ${plan.why}`],
    ['state', describeState(state)],
    ['events', events.map(describeEvent).join('\n')],
    ['console', lastLines(console?.tail ?? '', shownConsoleLines).join('\n')],
  ]
  return sections
    .filter(([, text]) => text !== '')
    .map(([title, text]) => `${title}\n${text.replaceAll(/^(?=.)/gm, '  ')}`)
    .join('\n\n')
}

const nicColumns = Object.keys(tables.interfaces.schema.shape).filter(
  (column) => column !== 'machine',
) as readonly (keyof Interface)[]

function isEmpty(value: unknown): boolean {
  return value === null || value === '' || (typeof value === 'object' && Object.keys(value).length === 0)
}
