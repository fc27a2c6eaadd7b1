// What was heard of a machine, as it comes: its way through an install, its signs, the end of its console.
import type { Snapshot } from '../../inventory/snapshot.ts'
import { readConsoles, readEvents } from '../../inventory/store/read.ts'
import { fingerprintOf } from '../../manage/decided.ts'
import type { Desk } from '../../manage/desk.ts'
import { readStates } from '../../manage/machine.ts'
import type { BootState } from '../../plan/states.ts'
import { neverHeardOf, way } from '../../plan/states.ts'
import { apiOf } from '../api/routes.ts'
import type { Admin } from '../app.ts'
import type { Route, Visit } from '../route.ts'
import { queryOf } from '../route.ts'
import { hrefOfMachine, machineAsked, machineHead } from './machine-head.ts'

export const machineTimelineRoutes = (admin: Admin): readonly Route[] => [
  { method: 'get', path: '/machines/:name/timeline', role: 'viewer', handle: (visit) => showTimeline(admin, visit) },
]

const [mostEvents, mostConsoleLines] = [200, 40]
/** While an install goes on one watches it; else something may begin. */
const [busySeconds, calmSeconds] = [3, 15]

async function showTimeline(admin: Admin, visit: Visit): Promise<void> {
  const desk = admin.desk(visit.by.who)
  const snapshot = await apiOf(admin).snapshot()
  const name = machineAsked(snapshot, visit)
  const told = await timelineOf(desk, snapshot, name)
  const had = fingerprintOf(told)
  // Nothing new: what is on the page stays as it is, with what is selected in it.
  if (visit.request.get('hx-request') === 'true' && queryOf(visit.request, 'had') === had)
    return void visit.response.status(204).end()
  visit.page('machine-timeline.html', {
    head: await machineHead(desk, snapshot, visit, name, 'timeline'),
    ...told,
    live: `${hrefOfMachine(name)}/timeline?had=${had}`,
    everySeconds: told.state.phase === 'on' ? busySeconds : calmSeconds,
    most: mostEvents,
  })
}

async function timelineOf(desk: Desk, snapshot: Snapshot, name: string) {
  const state = (await readStates(desk, snapshot, [name])).get(name) ?? neverHeardOf
  const console = (await readConsoles(desk.store, [name])).get(name)
  const events = await readEvents(desk.store, name, mostEvents)
  return {
    state,
    steps: stepsOf(state),
    events: events.toReversed().map(({ at, stage, detail, progress, door }) => ({ at, stage, detail, progress, door })),
    console:
      console === undefined
        ? null
        : { at: console.at, tail: console.tail.trimEnd().split('\n').slice(-mostConsoleLines).join('\n') },
  }
}

/** The way of an install, as far as it has come. */
function stepsOf({ stage, state, phase }: BootState) {
  const here = (way as readonly string[]).indexOf(stage)
  if (here < 0) return []
  return way.map((step, index) => ({
    step,
    is: index < here ? 'done' : index > here ? 'ahead' : phase === 'lost' ? 'lost' : phase === 'done' ? 'done' : 'here',
    word: index === here && phase === 'lost' ? state : '',
  }))
}
