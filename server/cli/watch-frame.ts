// The table of `--watch`, as lines of a given width and number. Pure.
import { showProgress, inOneLine } from './states.ts'
import { alignColumns, count } from './table.ts'
import type { Seen } from './watch-board.ts'
import { isUnderWay } from './watch-board.ts'

type FrameOptions = Readonly<{ now: number; startedAt: number; columns: number; rows: number; note: string }>

/** As many lines as fit; of more machines, those that are under way or went wrong first. */
export function renderFrame(all: readonly Seen[], options: FrameOptions): readonly string[] {
  const below = [summary(all, options), ...(options.note === '' ? [] : [options.note])]
  const room = Math.max(1, options.rows - below.length - 2) // the header, and the line of the cursor
  const shown = all.length <= room ? all : chosen(all, room - 1)
  const left = all.length - shown.length
  const table = alignColumns(
    ['machine', 'state', 'progress', 'for', 'detail'],
    shown.map((one) => cells(one, options.now)),
  ).split('\n')
  const lines = [...table, ...(left === 0 ? [] : [`… and ${count(left, 'more machine')}`]), ...below]
  return lines.map((line) => cutTo(line, options.columns))
}

function chosen(all: readonly Seen[], room: number): readonly Seen[] {
  const first = all.filter((one) => isUnderWay(one, all) || one.state.phase === 'lost')
  const kept = new Set([...first, ...all].slice(0, Math.max(0, room)))
  return all.filter((one) => kept.has(one))
}

const cells = ({ hostname, dom0, state }: Seen, now: number): readonly string[] => [
  dom0 === null ? hostname : `  ${hostname}`,
  state.state,
  state.progress === null || state.phase === 'done' ? '' : bar(state.progress),
  state.since === null ? '' : duration(now - Date.parse(state.since)),
  inOneLine(state.detail ?? ''),
]

/** `[####------]  40 %` */
const bar = (progress: number): string =>
  `[${'#'.repeat(Math.floor(progress / 10)).padEnd(10, '-')}]${showProgress(progress).padStart(6)}`

/** `4:05`, `1:00:07`. */
export function duration(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000))
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60]
  const two = (number: number): string => String(number).padStart(2, '0')
  return hours === 0 ? `${minutes}:${two(seconds % 60)}` : `${hours}:${two(minutes)}:${two(seconds % 60)}`
}

/** `40 machines: 31 ready, 8 installing, 1 failed; 12:40` */
function summary(all: readonly Seen[], { now, startedAt }: FrameOptions): string {
  const states = new Map<string, number>()
  for (const { state } of all) states.set(state.state, (states.get(state.state) ?? 0) + 1)
  const parts = [...states].sort(([, a], [, b]) => b - a).map(([state, number]) => `${number} ${state}`)
  return `${count(all.length, 'machine')}: ${parts.join(', ')}; ${duration(now - startedAt)}`
}

/** Wide and combining characters by their blocks: exact enough to stay on one line. */
function widthOf(character: string): number {
  if (/\p{M}|\p{Cf}/u.test(character)) return 0
  return (character.codePointAt(0) ?? 0) >= 0x1100 ? 2 : 1
}

export function cutTo(line: string, columns: number): string {
  let width = 0
  let cut = ''
  for (const character of line) {
    width += widthOf(character)
    if (width > columns) return cut
    cut += character
  }
  return cut
}
