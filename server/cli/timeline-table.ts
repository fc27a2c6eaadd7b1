// When each stage of the way was first reached, as cells of a table. Pure.
import type { StageEvent } from '../plan/states.ts'
import { way } from '../plan/states.ts'

/** One cell for each stage; the date stands where it is another than in the cell before. Times are UTC. */
export function stageTimes(events: readonly Pick<StageEvent, 'stage' | 'at'>[]): readonly string[] {
  let date = ''
  return way.map((stage) => {
    const at = events.find((event) => event.stage === stage)?.at
    if (at === undefined) return ''
    const time = at.slice(11, 19)
    const isSameDay = at.slice(0, 10) === date
    date = at.slice(0, 10)
    return isSameDay ? time : `${date} ${time}`
  })
}
