// A Dom0 and its guests: drawn on its CPUs, memory and devices; their installs side by side, each with its console.
import type { Machine } from '../../inventory/rows.ts'
import type { Snapshot } from '../../inventory/snapshot.ts'
import { readConsoles } from '../../inventory/store/read.ts'
import type { Desk } from '../../manage/desk.ts'
import { readStates } from '../../manage/machine.ts'
import { neverHeardOf } from '../../plan/states.ts'
import { apiOf } from '../api/routes.ts'
import type { Admin } from '../app.ts'
import { HttpRefusal } from '../refusal.ts'
import { mayAs } from '../roles.ts'
import type { Route, Visit } from '../route.ts'
import { dom0View } from './dom0-view.ts'
import { boardRow } from './live-board.ts'
import { markOf } from './machine-columns.ts'
import { machineHead } from './machine-head.ts'

export const dom0Routes = (admin: Admin): readonly Route[] => [
  { method: 'get', path: '/machines/:name/guests', role: 'viewer', handle: (visit) => showDom0(admin, visit) },
]

async function showDom0(admin: Admin, visit: Visit): Promise<void> {
  const desk = admin.desk(visit.by.who)
  const snapshot = await apiOf(admin).snapshot()
  const dom0 = machineNamed(snapshot, visit)
  if (dom0.dom0 !== null)
    throw new HttpRefusal(404, `${dom0.hostname} is a guest itself; its Dom0 is ${dom0.dom0}, whose guests are drawn`)
  const now = await installsOf(desk, snapshot, dom0)
  if (visit.request.get('hx-target') === 'installs') return visit.page('dom0-now.html', now)
  const picture = dom0View(snapshot, desk.known, dom0)
  const marks = await readStates(
    desk,
    snapshot,
    picture.guests.map(({ hostname }) => hostname),
  )
  visit.page('dom0.html', {
    ...now,
    head: await machineHead(desk, snapshot, visit, dom0.hostname, 'guests'),
    picture: {
      ...picture,
      guests: picture.guests.map((guest) => ({ ...guest, mark: markOf(marks.get(guest.hostname), false) })),
    },
    add: `/add?${new URLSearchParams({ dom0: dom0.hostname }).toString()}`,
    mayChange: mayAs(visit.actor.role, 'operator'),
  })
}

/** @throws HttpRefusal 404 */
export function machineNamed(snapshot: Snapshot, { request }: Visit): Machine {
  const { name = '' } = request.params as Readonly<Record<string, string>>
  const machine = snapshot.machines.get(name.toLowerCase())
  if (machine !== undefined) return machine
  throw new HttpRefusal(404, `there is no machine ${name}, or its row can't be read`)
}

const consoleLines = 14

/** Of Dom0 and guests whose install is on, went wrong or has just come to its end. */
async function installsOf(desk: Desk, snapshot: Snapshot, { hostname }: Machine) {
  const names = [hostname, ...(snapshot.guests.get(hostname) ?? [])]
  const states = await readStates(desk, snapshot, names)
  const consoles = await readConsoles(desk.store, names)
  const under = names.filter((name) => ['on', 'lost'].includes(states.get(name)?.phase ?? ''))
  return {
    hostname,
    installs: under.map((name) => ({
      ...boardRow(name, states.get(name) ?? neverHeardOf, desk.now()),
      console: lastLines(consoles.get(name)?.tail ?? ''),
    })),
  }
}

const lastLines = (tail: string): string =>
  tail
    .split('\n')
    .filter((line) => line.trim() !== '')
    .slice(-consoleLines)
    .join('\n')
