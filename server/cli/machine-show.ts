// `bootstead machine show`: a machine's rows, what holds for it and from where, what is wrong, and what it would get.
import type { Command } from 'commander'
import { findings } from '../inventory/findings.ts'
import type { Finding } from '../inventory/findings.ts'
import type { Machine } from '../inventory/rows.ts'
import { tables } from '../inventory/rows.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import type { ConsoleRow, EventRow } from '../inventory/store/open.ts'
import { readConsoles, readEvents } from '../inventory/store/read.ts'
import { planBoot } from '../plan/boot.ts'
import type { BootState } from '../plan/states.ts'
import type { Origin, Settings, Traced } from '../plan/settings.ts'
import { settingsOf } from '../plan/settings.ts'
import { fail } from './failure.ts'
import { describeFinding } from './report.ts'
import { chosenNames } from './selection.ts'
import { withoutSecrets } from './secrets.ts'
import type { Session } from './session.ts'
import { describeState, lastLines, readState, tellsByConsole } from './states.ts'
import { alignColumns, alignPairs, showValue } from './table.ts'
import { describeEvent } from './timeline.ts'

const shownEvents = 10
const shownConsoleLines = 10

export function registerMachineShow(group: Command, session: Session): void {
  group
    .command('show')
    .description('show one machine: rows, settings with their origins, findings, plan, last events')
    .argument('<name>', 'its host name')
    .option('--json', 'as JSON')
    .action(async (name: string, { json }: { json?: boolean }) => {
      const snapshot = await session.loadSnapshot()
      const hostname = onlyOne(chosenNames(snapshot, [name]), name)
      const shown = await gather(session, snapshot, hostname)
      if (json === true) session.printJson(shown)
      else session.print(render(shown))
    })
}

function onlyOne(names: readonly string[], word: string): string {
  const [name] = names
  return name !== undefined && names.length === 1
    ? name
    : fail(`${word} names ${names.length} machines; show takes one`)
}

type Shown = Readonly<{
  hostname: string
  machine: Machine | null
  guests: readonly string[]
  interfaces: Settings['nics']
  settings: Readonly<Record<string, Readonly<{ value: unknown; from: string }>>>
  findings: readonly Finding[]
  /** Without its token and arguments: who may see this need not be who may install. */
  plan: Readonly<{ kind: string; why: string }>
  /** Folded from its events. */
  state: BootState
  events: readonly EventRow[]
  /** While it is installing, and when that failed: the end of its newest console. */
  console: Pick<ConsoleRow, 'at' | 'tail'> | null
}>

async function gather(session: Session, snapshot: Snapshot, hostname: string): Promise<Shown> {
  const machine = snapshot.machines.get(hostname) ?? null
  const known = session.known()
  const now = session.io.now()
  const store = await session.store()
  const state = await readState(session, snapshot, hostname)
  const console = tellsByConsole(state) ? (await readConsoles(store, [hostname])).get(hostname) : undefined
  const { kind, why } = planBoot({ snapshot, server: session.server(), known, now }, hostname)
  return {
    hostname,
    machine: withoutSecrets('', machine) as Machine | null,
    guests: snapshot.guests.get(hostname) ?? [],
    interfaces: snapshot.interfaces.get(hostname) ?? [],
    settings: machine === null ? {} : tracedSettings(settingsOf(snapshot, machine, session.server())),
    findings: findings(snapshot, hostname, known),
    plan: { kind, why },
    state,
    events: await readEvents(store, hostname, shownEvents),
    console: console === undefined ? null : { at: console.at, tail: console.tail },
  }
}

function tracedSettings({ params, ...settings }: Settings): Shown['settings'] {
  const named = Object.entries(settings).flatMap(([name, value]) => (isTraced(value) ? [[name, value] as const] : []))
  const own = [...params].map(([name, traced]) => [`params.${name}`, traced] as const)
  return Object.fromEntries(
    [...named, ...own].map(([name, { value, origin }]) => [
      name,
      { value: withoutSecrets(name, shortValue(name, value)), from: describeOrigin(origin) },
    ]),
  )
}

function isTraced(value: unknown): value is Traced<unknown> {
  return typeof value === 'object' && value !== null && 'origin' in value && 'value' in value
}

/** An image is a whole row; here its name will do. */
const shortValue = (name: string, value: unknown): unknown =>
  name === 'image' && value !== null ? (value as { name: string }).name : value

/** `profile web.kernel_args`, `site timezone`, `default`. */
export function describeOrigin({ layer, row, column }: Origin): string {
  if (layer === 'default') return row === '' ? 'default' : `default: ${column}`
  if (layer === 'site') return `site ${row}`
  return layer === 'server' ? `server: ${row}, ${column}` : `${layer} ${row}.${column}`
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
}: Shown): string {
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
) as readonly (keyof Settings['nics'][number])[]

function isEmpty(value: unknown): boolean {
  return value === null || value === '' || (typeof value === 'object' && Object.keys(value).length === 0)
}
