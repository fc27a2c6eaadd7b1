// How what is watched stands, and whether it is over. Pure.
import type { Watched } from '../manage/watched.ts'
import type { BootState } from '../plan/states.ts'
import { failedIn, inOneLine } from './states.ts'

export type Seen = Watched & Readonly<{ state: BootState }>

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
