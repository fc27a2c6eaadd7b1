// `bootstead watch`, and `install --watch`: follows machines in the terminal until nothing goes on any more.
import type { Command } from 'commander'
import { InvalidArgumentError, Option } from 'commander'
import { isoTime } from '../inventory/store/record.ts'
import { fail } from './failure.ts'
import { describeError } from '../manage/failure.ts'
import { storiesOf } from '../manage/groups.ts'
import { foldNames } from '../manage/names.ts'
import { openScreen } from './screen.ts'
import { checkedWords, selectorHelp, whereOption } from './selection.ts'
import type { Session } from './session.ts'
import { shellWord } from './ssh.ts'
import { inOneLine, lastLines, showProgress } from './states.ts'
import { count } from './table.ts'
import type { Watched } from '../manage/watched.ts'
import type { Watching } from './site.ts'
import type { Seen } from './watch-board.ts'
import { isOver, isUnderWay, shortcomings } from './watch-board.ts'
import { renderFrame } from './watch-frame.ts'

type WatchOptions = Readonly<{ timeout?: number; json?: boolean }>

export function registerWatch(program: Command, session: Session): void {
  program
    .command('watch')
    .description('follow machines, a Dom0 with its guests, until all are ready or something went wrong')
    .argument('[selector...]', selectorHelp)
    .addOption(whereOption())
    .addOption(timeoutOption())
    .option('--json', 'one JSON object for each change')
    .action(async (words: readonly string[], options: WatchOptions & Readonly<{ where?: readonly string[] }>) => {
      const watching = await session.site().watch(checkedWords(words, options.where))
      if (watching.machines.length === 0) fail('no machine matches; there is nothing to watch')
      await watch(session, watching, options)
    })
}

export function timeoutOption(): Option {
  return new Option('--timeout <minutes>', 'stop watching after that, with exit code 1').argParser((text) => {
    if (!/^\d+(\.\d+)?$/.test(text) || Number(text) <= 0)
      throw new InvalidArgumentError('expected a number of minutes.')
    return Number(text)
  })
}

/** How the machines stand, and the trouble of finding out, if any. */
type Look = Readonly<{ seen: readonly Seen[]; trouble: string }>
type View = Readonly<{ show: (look: Look) => void; close: () => void }>

/** @throws Refused naming each machine that failed, stalled or was not done when the watching ended */
export async function watch(session: Session, watching: Watching, options: WatchOptions): Promise<void> {
  const again = `bootstead watch ${selectorOf(watching.machines)}`
  const view = openView(session, options)
  try {
    const { seen, begun, end } = await session.io.stoppable((stop) => {
      stop.addEventListener('abort', view.close)
      return follow(session, watching, { ...options, stop, view })
    })
    view.close()
    if (end === 'stopped') fail(`no longer watching; what was begun goes on: ${again}`)
    await report(session, seen, shortcomings(seen, begun), end === 'timeout' ? `; to go on: ${again}` : '')
  } finally {
    view.close()
  }
  if (options.json !== true) session.print(`${count(watching.machines.length, 'machine')}: all well`)
}

/** What names them again, as a shell takes it. */
function selectorOf(watched: readonly Watched[]): string {
  const names = watched.flatMap(({ hostname, isNamed }) => (isNamed ? [hostname] : []))
  return foldNames(names).split(', ').map(shellWord).join(' ')
}

const pollMs = 1000
/** Looking takes a tenth of the time at most, however many machines there are. */
const restFactor = 9
const longestRestMs = 30_000

type Ended = Readonly<{
  seen: readonly Seen[]
  /** Those that were seen under way. */
  begun: ReadonlySet<string>
  end: 'over' | 'timeout' | 'stopped'
}>

async function follow(
  { io }: Session,
  watching: Watching,
  { timeout, stop, view }: WatchOptions & Readonly<{ stop: AbortSignal; view: View }>,
): Promise<Ended> {
  const until = timeout === undefined ? Infinity : io.now() + timeout * 60_000
  const begun = new Set<string>()
  let look: Look = { seen: await seenNow(watching), trouble: '' }
  for (let restMs = pollMs; ;) {
    const { seen } = look
    for (const one of seen) if (isUnderWay(one, seen)) begun.add(one.hostname)
    view.show(look)
    if (isOver(seen)) return { seen, begun, end: 'over' }
    if (io.now() >= until) return { seen, begun, end: 'timeout' }
    await io.wait(restMs, stop)
    if (stop.aborted) return { seen, begun, end: 'stopped' }
    const lookedAt = io.now()
    look = await lookAgain(watching, look)
    restMs = Math.min(longestRestMs, Math.max(pollMs, restFactor * (io.now() - lookedAt)))
  }
}

async function seenNow({ machines, look }: Watching): Promise<readonly Seen[]> {
  const states = await look()
  return machines.flatMap((one) => {
    const state = states.get(one.hostname)
    return state === undefined ? [] : [{ ...one, state }]
  })
}

/** An install outlives a restart of the database, and so does the watching. */
async function lookAgain(watching: Watching, before: Look): Promise<Look> {
  try {
    return { seen: await seenNow(watching), trouble: '' }
  } catch (error) {
    return { ...before, trouble: `the inventory is away, trying again: ${describeError(error)}` }
  }
}

function openView(session: Session, { json }: WatchOptions): View {
  const { io } = session
  if (json === true) return openLines(session, (one, at) => JSON.stringify(asJson(one, at)))
  return io.screen() === null ? openLines(session, describeChange) : openTable(session)
}

const asJson = ({ hostname, dom0, state }: Seen, at: string): object => ({ at, machine: hostname, dom0, ...state })

/** `2026-11-23T02:25:00.000Z  acas0002  installing 40 %  packages` */
function describeChange({ hostname, state }: Seen, at: string): string {
  const detail = inOneLine(state.detail ?? '')
  return [at, hostname, `${state.state}${showProgress(state.progress)}`, ...(detail === '' ? [] : [detail])].join('  ')
}

/** A line for each change. */
function openLines(session: Session, describe: (one: Seen, at: string) => string): View {
  const last = new Map<string, string>()
  const told = { trouble: '' }
  return {
    show: ({ seen, trouble }) => {
      if (trouble !== '' && told.trouble === '') session.note(trouble)
      told.trouble = trouble
      const at = isoTime(session.io.now())
      for (const one of seen) {
        const { state, stage, progress, detail } = one.state
        const standing = JSON.stringify([state, stage, progress, state === 'stalled' ? null : detail])
        if (last.get(one.hostname) === standing) continue
        last.set(one.hostname, standing)
        session.print(describe(one, at))
      }
    },
    close: () => undefined,
  }
}

function openTable(session: Session): View {
  const { io } = session
  const startedAt = io.now()
  const screen = openScreen(io.out)
  return {
    show: ({ seen, trouble }) => {
      const size = io.screen() ?? { columns: 80, rows: 24 }
      const isLast = isOver(seen)
      const note = trouble !== '' ? trouble : isLast ? '' : 'Ctrl-C stops watching, and nothing else'
      const rows = isLast ? Infinity : size.rows
      screen.draw(renderFrame(seen, { now: io.now(), startedAt, columns: size.columns, rows, note }), size)
    },
    close: screen.close,
  }
}

const shownConsoleLines = 10

/** @throws Refused naming them all in one line, after the consoles of those that went wrong */
async function report(
  session: Session,
  seen: readonly Seen[],
  short: readonly (readonly [hostname: string, text: string])[],
  hint: string,
): Promise<void> {
  if (short.length === 0) return
  const lost = seen.filter(({ state }) => state.phase === 'lost').map(({ hostname }) => hostname)
  const consoles = await session.site().consoles(lost)
  for (const hostname of lost)
    for (const line of lastLines(consoles.get(hostname)?.tail ?? '', shownConsoleLines))
      session.note(`${hostname} | ${line}`)
  const stories = storiesOf(short).map(({ folded, text }) => `${folded} ${text}`)
  fail(`${short.length} of ${count(seen.length, 'machine')} not well: ${stories.join('; ')}${hint}`)
}
