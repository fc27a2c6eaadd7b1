// `bootstead timeline`: what a machine reported and was served, in order; of a Dom0 its guests beside it.
import type { Command } from 'commander'
import type { Snapshot } from '../inventory/snapshot.ts'
import type { EventRow } from '../inventory/store/open.ts'
import { readConsoles, readEvents } from '../inventory/store/read.ts'
import { machineState, way } from '../plan/states.ts'
import { guestsOf } from '../plan/guests-along.ts'
import { readSigns } from '../serve/states.ts'
import { fail, misuse } from './failure.ts'
import { limitOption } from './options.ts'
import type { Session } from './session.ts'
import { describeState, lastLines, readState } from './states.ts'
import { tellsByConsole } from '../manage/machine.ts'
import { alignColumns } from './table.ts'
import { stageTimes } from './timeline-table.ts'

type Options = Readonly<{ limit: number; guests?: boolean; console?: boolean; follow?: boolean; json?: boolean }>

export function registerTimeline(program: Command, session: Session): void {
  program
    .command('timeline')
    .description('show what a machine reported and was served, oldest first; a Dom0 with its guests side by side')
    .argument('<name>', 'its host name')
    .addOption(limitOption('events', 200))
    .option('--console', 'print the end of its newest console instead')
    .option('--follow', 'go on with new events as they come, until Ctrl-C')
    .option('--guests', "with --json: a Dom0's guests' events too")
    .option('--json', 'as JSON; with --follow one object a line')
    .action(async (name: string, options: Options) => {
      const hostname = name.toLowerCase().split('.')[0] ?? ''
      if (options.console === true) return printConsole(session, hostname, options)
      await showTimeline(session, hostname, options)
    })
}

async function printConsole(session: Session, hostname: string, { follow, json }: Options): Promise<void> {
  if (follow === true) misuse('--console is what was reported last; it can not be followed')
  const console = (await readConsoles(await session.store(), [hostname])).get(hostname)
  if (console === undefined)
    fail(`${hostname} has shown no console since it was armed; a guest's is reported by its Dom0 while it is installed`)
  if (json === true) session.printJson(console)
  else session.print(console.tail.trimEnd())
}

async function showTimeline(session: Session, hostname: string, options: Options): Promise<void> {
  const { json, follow, limit } = options
  // For programs, without guests, the events are all there is to it.
  const isAlone = json === true && options.guests !== true
  const snapshot = isAlone ? null : await session.loadSnapshot()
  const machine = snapshot?.machines.get(hostname)
  const guests = snapshot === null || machine === undefined ? [] : guestsOf(snapshot, machine)
  const names = [hostname, ...guests.map((guest) => guest.hostname)]
  const known = follow === true ? await readMerged(session, names, mostNew) : []
  const events = await readMerged(session, names, limit)
  // Events outlive their machine, so its row is asked for only when there are none.
  if (events.length === 0 && !(snapshot ?? (await session.loadSnapshot())).machines.has(hostname))
    fail(`there is no machine ${hostname}, and no event of one; bootstead machine list shows those there are`)
  const describe = json === true ? jsonLine : guests.length > 0 ? describeWith(names) : describeEvent
  if (json === true && follow !== true) session.printJson(events)
  else await print(session, snapshot, names, events.map(describe))
  if (follow === true) await followEvents(session, names, [...known, ...events], describe)
}

const jsonLine = (event: EventRow): string => JSON.stringify(event)

async function print(
  session: Session,
  snapshot: Snapshot | null,
  names: readonly string[],
  lines: readonly string[],
): Promise<void> {
  const [hostname = ''] = names
  if (snapshot !== null && names.length > 1) session.print(`${await sideBySide(session, snapshot, names)}\n`)
  if (snapshot !== null && lines.length === 0) session.print(`${hostname} has reported nothing yet`)
  if (lines.length > 0) session.print(lines.join('\n'))
  if (snapshot === null || names.length > 1) return
  const state = await readState(session, snapshot, hostname)
  if (state.state !== 'unknown') session.print(`\n${hostname} is ${describeState(state)}`)
  const console = tellsByConsole(state)
    ? (await readConsoles(await session.store(), [hostname])).get(hostname)
    : undefined
  if (console === undefined) return
  session.print(`\nits console at ${console.at} (--console shows more):`)
  for (const line of lastLines(console.tail, shownConsoleLines)) session.print(`  | ${line}`)
}

const shownConsoleLines = 10

/** The newest events of all of them, oldest first. */
async function readMerged(session: Session, names: readonly string[], limit: number): Promise<readonly EventRow[]> {
  const store = await session.store()
  const events: EventRow[] = []
  for (const name of names) events.push(...(await readEvents(store, name, limit)))
  return events.sort((a, b) => (a.at === b.at ? a.id - b.id : a.at < b.at ? -1 : 1)).slice(-limit)
}

/** One line for each machine, one column for each stage of the way. */
async function sideBySide(session: Session, snapshot: Snapshot, names: readonly string[]): Promise<string> {
  const signs = await readSigns(await session.store(), names)
  const options = { now: session.io.now(), stallMinutes: session.config().stallMinutes }
  const rows = names.map((name) => {
    const { state, progress } = machineState(snapshot, name, signs, options)
    const shown = [state === 'unknown' ? '' : state, progress === null ? '' : `${progress} %`]
    return [name, ...shown, ...stageTimes(signs.get(name)?.events ?? [])]
  })
  return alignColumns(['machine', 'state', 'progress', ...way], rows)
}

const pollMs = 1000
/** Events within a second: of more, the newest. */
const mostNew = 500

async function followEvents(
  session: Session,
  names: readonly string[],
  seen: readonly EventRow[],
  describe: (event: EventRow) => string,
): Promise<void> {
  let known = new Set(seen.map(({ id }) => id))
  await session.io.stoppable(async (stop) => {
    for (;;) {
      await session.io.wait(pollMs, stop)
      if (stop.aborted) return
      const newest = await readMerged(session, names, mostNew)
      for (const event of newest) if (!known.has(event.id)) session.print(describe(event))
      known = new Set(newest.map(({ id }) => id))
    }
  })
}

/** `2026-11-23T02:25:00.000Z  installing 40 %  packages  (http 192.0.2.10)` */
export function describeEvent({ at, stage, progress, detail, door, peer }: EventRow): string {
  const what = progress === null ? stage : `${stage} ${progress} %`
  return [at, what, ...(detail === null ? [] : [detail]), `(${peer === null ? door : `${door} ${peer}`})`].join('  ')
}

/** The same behind the machine's name. */
function describeWith(names: readonly string[]): (event: EventRow) => string {
  const width = Math.max(...names.map((name) => name.length))
  return (event) => describeEvent({ ...event, at: `${event.at}  ${event.machine.padEnd(width)}` })
}
