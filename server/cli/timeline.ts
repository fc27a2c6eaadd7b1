// `bootstead timeline`: what a machine reported and was served, in order; of a Dom0 its guests beside it.
import type { Command } from 'commander'
import type { EventRow } from '../inventory/store/open.ts'
import type { Timeline } from '../manage/timeline.ts'
import { way } from '../plan/states.ts'
import { fail, misuse } from './failure.ts'
import { limitOption } from './options.ts'
import type { Session } from './session.ts'
import { mostNew } from './site-here.ts'
import { describeState, lastLines } from './states.ts'
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
  const console = (await session.site().consoles([hostname])).get(hostname)
  if (console === undefined)
    fail(`${hostname} has shown no console since it was armed; a guest's is reported by its Dom0 while it is installed`)
  if (json === true) session.printJson(console)
  else session.print(console.tail.trimEnd())
}

async function showTimeline(session: Session, hostname: string, options: Options): Promise<void> {
  const { json = false, follow = false, limit } = options
  // For programs, without guests, the events are all there is to it.
  const eventsOnly = json && options.guests !== true
  // Who goes on knows which events are new by those that were there.
  const had = await session.site().timeline(hostname, { limit: follow ? Math.max(limit, mostNew) : limit, eventsOnly })
  const names = had.machines.length === 0 ? [hostname] : had.machines.map((machine) => machine.hostname)
  const describe = json ? jsonLine : names.length > 1 ? describeWith(names) : describeEvent
  const events = had.events.slice(-limit)
  if (json && !follow) session.printJson(events)
  else print(session, { ...had, events }, describe)
  if (follow)
    await session.io.stoppable(async (stop) => {
      for await (const event of session.site().follow(names, had, stop)) session.print(describe(event))
    })
}

const jsonLine = (event: EventRow): string => JSON.stringify(event)

function print(session: Session, { machines, events, console }: Timeline, describe: (event: EventRow) => string): void {
  const [first, second] = machines
  if (second !== undefined) session.print(`${sideBySide(machines)}\n`)
  if (first !== undefined && events.length === 0) session.print(`${first.hostname} has reported nothing yet`)
  if (events.length > 0) session.print(events.map(describe).join('\n'))
  if (first === undefined || second !== undefined) return
  if (first.state.state !== 'unknown') session.print(`\n${first.hostname} is ${describeState(first.state)}`)
  if (console === null) return
  session.print(`\nits console at ${console.at} (--console shows more):`)
  for (const line of lastLines(console.tail ?? '', shownConsoleLines)) session.print(`  | ${line}`)
}

const shownConsoleLines = 10

/** One line for each machine, one column for each stage of the way. */
function sideBySide(machines: Timeline['machines']): string {
  const rows = machines.map(({ hostname, state: { state, progress }, reached }) => {
    const shown = [state === 'unknown' ? '' : state, progress === null ? '' : `${progress} %`]
    return [hostname, ...shown, ...stageTimes(reached)]
  })
  return alignColumns(['machine', 'state', 'progress', ...way], rows)
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
