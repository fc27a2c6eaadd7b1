// What is watched, how it stands, and whether it is over. Pure.
import type { Machine } from '../inventory/rows.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import { guestsOf } from '../plan/guests-along.ts'
import type { BootState } from '../plan/states.ts'
import { failedIn, inOneLine } from './states.ts'

export type Watched = Readonly<{
  hostname: string
  /** The Dom0 that is watched too, and below which it stands. */
  dom0: string | null
  /** Something is expected of it; a guest that only came with its Dom0 may well have nothing before it. */
  isNamed: boolean
}>
export type Seen = Watched & Readonly<{ state: BootState }>

/** In the order of the table: a Dom0 brings its guests, and stands before them. */
export function watchedMachines(snapshot: Snapshot, named: readonly Machine[]): readonly Watched[] {
  const names = new Set(named.map(({ hostname }) => hostname))
  const heads = named.filter(({ dom0 }) => dom0 === null || !names.has(dom0))
  return heads.flatMap((head) => [
    { hostname: head.hostname, dom0: null, isNamed: true },
    ...guestsOf(snapshot, head).map(({ hostname }) => ({
      hostname,
      dom0: head.hostname,
      isNamed: names.has(hostname),
    })),
  ])
}

/** An armed guest whose Dom0 failed or stalled will not begin. */
const waitsInVain = ({ dom0, state }: Seen, all: readonly Seen[]): boolean =>
  state.state === 'armed' && all.some((one) => one.hostname === dom0 && one.state.phase === 'lost')

export function isUnderWay(one: Seen, all: readonly Seen[]): boolean {
  return one.state.phase === 'on' && !waitsInVain(one, all)
}

/** A machine that failed may recover, as long as anything goes on. */
export const isOver = (all: readonly Seen[]): boolean => !all.some((one) => isUnderWay(one, all))

/** What went wrong, by machine; nothing when all is well. `begun` are those that were seen under way. */
export function shortcomings(
  all: readonly Seen[],
  begun: ReadonlySet<string>,
): readonly (readonly [hostname: string, text: string])[] {
  return all.flatMap((one): readonly (readonly [string, string])[] => {
    const text = shortcoming(one, all, one.isNamed || begun.has(one.hostname))
    return text === null ? [] : [[one.hostname, text]]
  })
}

const mostReason = 200

function shortcoming(one: Seen, all: readonly Seen[], isExpected: boolean): string | null {
  const { state, stage, phase, detail } = one.state
  const reason = inOneLine(detail ?? '')
  const shown = reason.length > mostReason ? `${reason.slice(0, mostReason)}…` : reason
  switch (phase) {
    case 'done':
      return null
    case 'lost':
      if (state === 'stalled') return `stalled ${shown}`
      return `${failedIn(stage)}${shown === '' ? '' : `: ${shown}`}`
    case 'on':
      return waitsInVain(one, all) ? `not begun, because of ${one.dom0 ?? ''}` : `not ready: ${state}`
    case 'none':
      if (!isExpected) return null
      return isArmedNoMore(state) ? `no longer to be installed: ${state}` : 'not armed (bootstead install arms it)'
    default:
      return phase satisfies never
  }
}

const isArmedNoMore = (state: BootState['state']): boolean =>
  state === 'disarmed' || state === 'rescue' || state === 'memtest' || state === 'hold'
