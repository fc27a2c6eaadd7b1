// The texts that a machine and its guests are served, or would be if they were armed: menus, kickstart, guests, manifest.
import { listArtefacts, showArtefact, whyServedNothing } from '../../manage/artefacts.ts'
import type { ListedArtefact } from '../../manage/artefacts.ts'
import type { Desk } from '../../manage/desk.ts'
import { Refused } from '../../manage/failure.ts'
import type { Snapshot } from '../../inventory/snapshot.ts'
import { TemplateError } from '../../render/templates.ts'
import { apiOf } from '../api/routes.ts'
import type { Admin } from '../app.ts'
import { highlight } from '../highlight.ts'
import { mayAs } from '../roles.ts'
import type { Route, Visit } from '../route.ts'
import { queryOf } from '../route.ts'
import { hrefOfMachine, machineAsked, machineHead } from './machine-head.ts'

export const machineArtefactRoutes = (admin: Admin): readonly Route[] => [
  { method: 'get', path: '/machines/:name/artefacts', role: 'viewer', handle: (visit) => showList(admin, visit) },
  {
    // Install files hold password hashes, and menus of armed machines their token.
    method: 'get',
    path: '/machines/:name/artefact',
    role: 'operator',
    handle: (visit) => showText(admin, visit),
  },
]

async function showList(admin: Admin, visit: Visit): Promise<void> {
  const desk = admin.desk(visit.by.who)
  const snapshot = await apiOf(admin).snapshot()
  const name = machineAsked(snapshot, visit)
  visit.page('machine-artefacts.html', {
    head: await machineHead(desk, snapshot, visit, name, 'artefacts'),
    ...listOf(desk, snapshot, name),
    maySee: mayAs(visit.actor.role, 'operator'),
    shown: null,
    fault: '',
  })
}

/** More guests than this have pages of their own. */
const mostListed = 200

function listOf(desk: Desk, snapshot: Snapshot, name: string) {
  const artefacts = listArtefacts(desk, snapshot, name)
  const more = Math.max(0, artefacts.length - mostListed)
  return {
    artefacts: artefacts.slice(0, mostListed).map((one) => ({ ...one, href: hrefOf(name, one) })),
    more,
    nothing: whyServedNothing(desk, snapshot, name) ?? '',
  }
}

const hrefOf = (machine: string, { name }: ListedArtefact): string =>
  `${hrefOfMachine(machine)}/artefact?${new URLSearchParams({ name }).toString()}`

async function showText(admin: Admin, visit: Visit): Promise<void> {
  const desk = admin.desk(visit.by.who)
  const snapshot = await apiOf(admin).snapshot()
  const name = machineAsked(snapshot, visit)
  const shown = textOf(desk, snapshot, name, queryOf(visit.request, 'name'))
  visit.page(
    'machine-artefacts.html',
    {
      head: await machineHead(desk, snapshot, visit, name, 'artefacts'),
      ...listOf(desk, snapshot, name),
      maySee: true,
      shown: typeof shown === 'string' ? null : { ...shown, html: highlight(shown.path, shown.text) },
      fault: typeof shown === 'string' ? shown : '',
    },
    typeof shown === 'string' ? 422 : 200,
  )
}

function textOf(desk: Desk, snapshot: Snapshot, name: string, wanted: string) {
  try {
    return showArtefact(desk, snapshot, name, wanted)
  } catch (error) {
    if (error instanceof Refused || error instanceof TemplateError) return error.message
    throw error
  }
}
