// Machines whose install is on or went wrong, as they stand now: parts of pages that ask again by themselves.
import type { BootState } from '../../plan/states.ts'
import type { Mark } from './machine-columns.ts'
import { markOf } from './machine-columns.ts'

type BoardRow = Readonly<{
  name: string
  mark: Mark
  /** Where a failed or stalled machine was on its way. */
  stage: string
  /** Per cent; null when it says nothing of it. */
  progress: number | null
  since: string
  /** `4 min`, of this state. */
  lasts: string
  detail: string
}>

const mostDetail = 240

export function boardRow(name: string, state: BootState, now: number): BoardRow {
  const detail = (state.detail ?? '').trim().replaceAll(/\s*\n\s*/g, ' | ')
  return {
    name,
    mark: { ...markOf(state, false), note: '' },
    stage: state.phase === 'lost' ? state.stage : '',
    progress: state.phase === 'done' ? null : state.progress,
    since: state.since ?? '',
    lasts: state.since === null ? '' : lasting(now - Date.parse(state.since)),
    detail: detail.length > mostDetail ? `${detail.slice(0, mostDetail)}…` : detail,
  }
}

/** What went wrong first, then what goes on; the last news first. */
export function inOrderOfNeed<T extends readonly [string, BootState]>(states: readonly T[]): readonly T[] {
  const rank = ({ phase }: BootState): number => (phase === 'lost' ? 0 : 1)
  const order = (a: string, b: string): number => (a < b ? 1 : a > b ? -1 : 0) // times in ISO 8601 sort as they read
  return states.toSorted(([, a], [, b]) => rank(a) - rank(b) || order(a.since ?? '', b.since ?? ''))
}

/** `40 s`, `4 min`, `2 h 5 min`, `3 days`. */
export function lasting(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000))
  const minutes = Math.floor(seconds / 60)
  const hours = Math.floor(minutes / 60)
  if (seconds < 60) return `${seconds} s`
  if (minutes < 60) return `${minutes} min`
  if (hours < 48) return `${hours} h${minutes % 60 === 0 ? '' : ` ${minutes % 60} min`}`
  return `${Math.floor(hours / 24)} days`
}
