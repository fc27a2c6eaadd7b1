// The farm at a glance: what installs, stalled or failed now; states, data that are bad, the last changes, health.
import { readChanges } from '../../inventory/store/read.ts'
import { changeSets } from '../../manage/change-sets.ts'
import type { FarmIndex } from '../../manage/farm-index.ts'
import { farmIndex } from '../../manage/farm-index.ts'
import { bootStates } from '../../manage/state-index.ts'
import type { BootState } from '../../plan/states.ts'
import { stages } from '../../plan/states.ts'
import { readSeen } from '../../serve/dhcp/seen-file.ts'
import { missingLoaders } from '../../serve/loaders.ts'
import { apiOf } from '../api/routes.ts'
import type { Admin } from '../app.ts'
import type { Route, Visit } from '../route.ts'
import { setView } from './changes.ts'
import { healthView } from './health-view.ts'
import { boardRow, inOrderOfNeed } from './live-board.ts'
import { markOf } from './machine-columns.ts'

export const farmRoutes = (admin: Admin): readonly Route[] => [
  { method: 'get', path: '/', role: 'viewer', handle: (visit) => showFarm(admin, visit) },
]

/** A page is read by a person: beyond so much it is only counted. */
const [mostOnBoard, changesRead, mostSets] = [40, 100, 6]

async function showFarm(admin: Admin, visit: Visit): Promise<void> {
  const desk = admin.desk(visit.by.who)
  const target = visit.request.get('hx-target') ?? ''
  const health = async () => healthView(admin.health(), await missingLoaders(desk.stateDir))
  // What asks again by itself gets the part that changes from one moment to the next.
  if (target === 'health') return visit.page('farm-health.html', { health: await health() })
  const snapshot = await apiOf(admin).snapshot()
  const index = await farmIndex(snapshot, desk.known)
  const now = nowOf(index, await bootStates(desk, snapshot), desk.now())
  if (target === 'now') return visit.page('farm-now.html', now)
  const rows = await readChanges(admin.store, { limit: changesRead })
  visit.page('farm.html', {
    ...now,
    ...{ bad: badData(index), health: await health() },
    sets: changeSets(rows).slice(0, mostSets).map(setView),
    strangers: (await readSeen(desk.stateDir))?.length ?? 0,
  })
}

/** States are kept of machines that have gone, too. */
function nowOf({ entries, places, unreadable }: FarmIndex, states: ReadonlyMap<string, BootState>, now: number) {
  const counts = new Map<string, Counted>()
  const interesting: (readonly [string, BootState])[] = []
  const total = entries.length + unreadable.length
  let known = 0
  for (const [name, state] of states) {
    if (state.state === 'unknown' || !places.has(name)) continue
    known++
    const own = counts.get(state.state) ?? { count: 0, tone: markOf(state, false).tone }
    counts.set(state.state, own)
    own.count++
    if (isOfInterest(state)) interesting.push([name, state])
  }
  const onBoard = inOrderOfNeed(interesting)
  return {
    total,
    counts: countsOf(counts, total - known),
    board: onBoard.slice(0, mostOnBoard).map(([name, state]) => boardRow(name, state, now)),
    moreOnBoard: Math.max(0, onBoard.length - mostOnBoard),
    isQuiet: onBoard.length === 0,
  }
}

type Counted = { count: number; readonly tone: string }

/** Who is armed only waits, and is counted. */
const isOfInterest = ({ phase, state }: BootState): boolean => phase === 'lost' || (phase === 'on' && state !== 'armed')

const countedStates: readonly string[] = ['failed', 'stalled', ...stages.filter((stage) => stage !== 'failed')]

/** Of each state that a machine is in: how many, and where they are listed. */
function countsOf(counts: ReadonlyMap<string, Counted>, unknown: number) {
  const heard = countedStates.flatMap((name) => {
    const own = counts.get(name)
    return own === undefined ? [] : [{ ...own, name, label: name }]
  })
  const never = { name: 'unknown', label: 'never heard of', tone: 'calm', count: unknown }
  return [...heard, ...(unknown > 0 ? [never] : [])]
}

/** How many machines have what wrong, the commonest first. */
function badData({ found, withheld }: FarmIndex) {
  const byField = new Map<string, number>()
  for (const own of found.values())
    for (const what of new Set(own.map(({ table, field }) => `${table}.${field}`)))
      byField.set(what, (byField.get(what) ?? 0) + 1)
  const common = [...byField].toSorted(([, a], [, b]) => b - a)
  return {
    withheld: withheld.size,
    warned: found.size - withheld.size,
    fields: common.slice(0, 6).map(([what, count]) => ({ what, count })),
  }
}
