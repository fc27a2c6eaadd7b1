// One machine's fields and interfaces, changed after a look; who edits at the same time as somebody else is told.
import type { Edit } from '../../inventory/encode.ts'
import type { Snapshot } from '../../inventory/snapshot.ts'
import { applyDecided, changedSince } from '../../manage/decided.ts'
import type { Desk } from '../../manage/desk.ts'
import { describeProblem, Refused } from '../../manage/failure.ts'
import { editsToSet } from '../../manage/machines.ts'
import { reviewEdits } from '../../manage/review.ts'
import { apiOf } from '../api/routes.ts'
import type { Admin } from '../app.ts'
import type { Route, Visit } from '../route.ts'
import { fieldOf } from '../route.ts'
import { meanwhile, withheldUnasked } from './bulk-edit.ts'
import { changeView, reasonOf } from './change-view.ts'
import { faultsOf } from './machine-fields.ts'
import { assignmentsOfMachine, formFields, machineFieldFor, machineFieldNames, textsOfMachine } from './machine-form.ts'
import { hrefOfMachine, machineAsked, machineHead } from './machine-head.ts'
import type { Texts } from './merge.ts'
import { bothChanged, carriedTexts, mergedSentence, mergeTexts, textsAsked } from './merge.ts'

export const machineEditRoutes = (admin: Admin): readonly Route[] => [
  { method: 'get', path: '/machines/:name/edit', role: 'operator', handle: (visit) => edit(admin, visit) },
  {
    method: 'post',
    path: '/machines/:name/edit',
    role: 'operator',
    mostBytes: mostFormBytes,
    handle: (visit) => edit(admin, visit),
  },
]

/** Notes may be long, and stand in the form twice. */
const mostFormBytes = 1024 * 1024

async function edit(admin: Admin, visit: Visit): Promise<void> {
  const desk = admin.desk(visit.by.who)
  const { request, response } = visit
  const isFirst = request.method === 'GET'
  const snapshot = isFirst ? await apiOf(admin).snapshot() : await apiOf(admin).current()
  const name = machineAsked(snapshot, visit)
  const now = await textsOfMachine(desk, snapshot, name)
  if (isFirst) return showForm(desk, visit, snapshot, name, { now, texts: now })
  const { was, mine } = textsAsked(request, machineFieldNames)
  const merged = mergeTexts({ was, mine, now })
  const { texts } = merged
  if (merged.theirs.length > 0) {
    const by = await changedSince(desk, [name], Number(fieldOf(request, 'revision')))
    const faults = Object.fromEntries(merged.both.map((field) => [field, bothChanged(now[field] ?? '')]))
    return showForm(desk, visit, snapshot, name, {
      now,
      texts,
      faults,
      fault: mergedSentence(by, merged.both),
      status: 409,
    })
  }
  if (fieldOf(request, 'act') === 'back') return showForm(desk, visit, snapshot, name, { now, texts })
  try {
    const edits = await editsToSet(desk.store, snapshot, [name], assignmentsOfMachine(now, texts))
    const show = (fault: string): Promise<void> =>
      showReview(desk, visit, snapshot, name, edits, carriedTexts(was, mine), fault)
    if (fieldOf(request, 'act') !== 'do') return await show('')
    const decided = { seen: fieldOf(request, 'seen'), force: fieldOf(request, 'force') === '1' }
    const { kind } = await applyDecided(desk, snapshot, edits, decided)
    if (kind === 'other')
      return await show(meanwhile(await changedSince(desk, [name], Number(fieldOf(request, 'revision')))))
    if (kind === 'refused') return await show(withheldUnasked)
  } catch (error) {
    const fault = reasonOf(error)
    const problems = error instanceof Refused ? error.problems : []
    const { faults, others } = faultsOf(problems, (problem) => machineFieldFor(texts, problem))
    const above =
      Object.keys(faults).length === 0 ? fault : ['Nothing is changed.', ...others.map(describeProblem)].join('\n')
    return showForm(desk, visit, snapshot, name, { now, texts, faults, fault: above, status: 422 })
  }
  await admin.live.catchUp()
  response.redirect(303, `${hrefOfMachine(name)}?done=changed`)
}

type Form = Readonly<{
  now: Texts
  texts: Texts
  faults?: Texts
  fault?: string
  status?: number
}>

async function showForm(
  desk: Desk,
  visit: Visit,
  snapshot: Snapshot,
  name: string,
  { now, texts, faults = {}, fault = '', status = 200 }: Form,
): Promise<void> {
  visit.page(
    'machine-edit.html',
    {
      head: await machineHead(desk, snapshot, visit, name, null),
      ...formFields(snapshot, now, texts, faults),
      fault,
      was: Object.entries(now),
      revision: snapshot.revision,
    },
    status,
  )
}

async function showReview(
  desk: Desk,
  visit: Visit,
  snapshot: Snapshot,
  name: string,
  edits: readonly Edit[],
  carried: readonly (readonly [string, string])[],
  fault: string,
): Promise<void> {
  visit.page(
    'review.html',
    {
      change: await changeView(desk, snapshot, await reviewEdits(snapshot, desk.known, edits)),
      title: `Change ${name}`,
      does: 'Change it',
      action: `${hrefOfMachine(name)}/edit`,
      cancel: hrefOfMachine(name),
      ...{ carried, fault, isDanger: false, back: 'Other values' },
    },
    fault === '' ? 200 : 409,
  )
}
