// A network, a profile or an image added, changed or removed, after a look at which machines would be served otherwise.
import type { Edit } from '../../inventory/encode.ts'
import { encodeRow } from '../../inventory/encode.ts'
import type { Snapshot } from '../../inventory/snapshot.ts'
import { rowOf } from '../../inventory/snapshot.ts'
import type { GivenRow } from '../../manage/assignments.ts'
import { assignToRow, putRow } from '../../manage/assignments.ts'
import { applyDecided, rowChangedSince } from '../../manage/decided.ts'
import type { Desk } from '../../manage/desk.ts'
import type { Problem } from '../../manage/failure.ts'
import { describeProblem, Refused } from '../../manage/failure.ts'
import { collect } from '../../manage/machines.ts'
import type { FarmIndex } from '../../manage/farm-index.ts'
import { farmIndex } from '../../manage/farm-index.ts'
import { foldNames } from '../../manage/names.ts'
import { reviewEdits } from '../../manage/review.ts'
import { profilesNaming, usersIn } from '../../manage/uses.ts'
import { storedRow } from '../../manage/stored-rows.ts'
import { apiOf } from '../api/routes.ts'
import type { Admin } from '../app.ts'
import type { Route, Visit } from '../route.ts'
import { fieldOf, queryOf } from '../route.ts'
import { meanwhile, withheldUnasked } from './bulk-edit.ts'
import { changeView, lookedAt, reasonOf } from './change-view.ts'
import { faultsOf } from './machine-fields.ts'
import type { Texts } from './merge.ts'
import { bothChanged, carriedTexts, mergedSentence, mergeTexts, plainText, textsAsked } from './merge.ts'
import type { RowKind } from './row-fields.ts'
import { assignmentsOfRow, rowFields, rowKinds, textsOfRow } from './row-fields.ts'
import { hrefOfRow } from './rows.ts'

export const rowEditRoutes = (admin: Admin): readonly Route[] =>
  rowKinds.flatMap((kind): readonly Route[] => {
    const add = (visit: Visit): Promise<void> => change(admin, kind, visit, null)
    const edit = (visit: Visit): Promise<void> => change(admin, kind, visit, String(visit.request.params['name']))
    const remove = (visit: Visit): Promise<void> => removeRow(admin, kind, visit)
    const name = `/${kind.table}/:name`
    return [
      { method: 'get', path: `/add/${kind.noun}`, role: 'operator', handle: add },
      { method: 'post', path: `/add/${kind.noun}`, role: 'operator', mostBytes, handle: add },
      { method: 'get', path: `${name}/edit`, role: 'operator', handle: edit },
      { method: 'post', path: `${name}/edit`, role: 'operator', mostBytes, handle: edit },
      { method: 'get', path: `${name}/remove`, role: 'operator', handle: remove },
      { method: 'post', path: `${name}/remove`, role: 'operator', handle: remove },
    ]
  })

/** Params may hold scripts, and stand in the form twice. */
const mostBytes = 1024 * 1024
const fieldNames = /^set\.\w+$/

/** @param name of the row; null adds one */
async function change(admin: Admin, kind: RowKind, visit: Visit, name: string | null): Promise<void> {
  const desk = admin.desk(visit.by.who)
  const { request, response } = visit
  const isFirst = request.method === 'GET'
  const snapshot = isFirst ? await apiOf(admin).snapshot() : await apiOf(admin).current()
  const key = name ?? plainText(fieldOf(request, 'name'))
  const stored: GivenRow = name === null ? { name: key } : await storedRow(desk.store, snapshot, kind.table, key)
  const now = textsOfRow(kind, stored)
  const form = { snapshot, kind, visit, key, isNew: name === null, now }
  if (isFirst) return showForm({ ...form, texts: name === null ? copied(form) : now })
  const { was, mine } = textsAsked(request, fieldNames)
  const merged = mergeTexts({ was, mine, now })
  const { texts } = merged
  const since = (): Promise<string> =>
    rowChangedSince(desk, { table: kind.table, key }, Number(fieldOf(request, 'revision')))
  if (merged.theirs.length > 0) {
    const faults = Object.fromEntries(merged.both.map((field) => [field, bothChanged(now[field] ?? '')]))
    return showForm({ ...form, texts, faults, fault: mergedSentence(await since(), merged.both), status: 409 })
  }
  if (fieldOf(request, 'act') === 'back') return showForm({ ...form, texts })
  try {
    if (name === null) refuseTaken(snapshot, kind, key)
    const edits = collect([putRow(kind.table, assignToRow(stored, assignmentsOfRow(kind, now, texts)))])
    const carried = [...(name === null ? [['name', key] as const] : []), ...carriedTexts(was, mine)]
    const action = name === null ? `/add/${kind.noun}` : `${hrefOfRow(kind, key)}/edit`
    const show = (fault: string): Promise<void> =>
      showReview(desk, visit, snapshot, edits, fault, {
        ...{ action, carried, back: 'Other values', isDanger: false },
        title: name === null ? `Add ${kind.noun} ${key}` : `Change ${kind.noun} ${key}`,
        does: name === null ? 'Add it' : 'Change it',
        cancel: name === null ? `/${kind.table}` : hrefOfRow(kind, key),
      })
    if (fieldOf(request, 'act') !== 'do') return await show('')
    const decided = { seen: fieldOf(request, 'seen'), force: fieldOf(request, 'force') === '1' }
    const { kind: outcome } = await applyDecided(desk, snapshot, edits, decided)
    if (outcome === 'other') return await show(meanwhile(await since()))
    if (outcome === 'refused') return await show(withheldUnasked)
  } catch (error) {
    const fault = reasonOf(error)
    const problems = error instanceof Refused ? error.problems : []
    const { faults, others } = faultsOf(problems, fieldFor)
    const above =
      Object.keys(faults).length === 0 ? fault : ['Nothing is changed.', ...others.map(describeProblem)].join('\n')
    return showForm({ ...form, texts, faults, fault: above, status: 422 })
  }
  await admin.live.catchUp()
  response.redirect(303, `${hrefOfRow(kind, key)}?done=${name === null ? 'added' : 'changed'}`)
}

function refuseTaken(snapshot: Snapshot, { table, noun }: RowKind, name: string): void {
  const isTaken = rowOf(snapshot, table, name) !== null || snapshot.unreadable.has(`${table}/${name}`)
  if (!isTaken && name !== '') return
  const why = name === '' ? 'expected a name' : `there is a ${noun} of this name already`
  throw new Refused(why, { problems: [{ machine: null, table, key: name, field: 'name', value: name, why }] })
}

const fieldFor = ({ field }: Problem): string | null =>
  field === null ? null : field === 'name' ? 'name' : `set.${field.split('.')[0] ?? field}`

type Form = Readonly<{
  snapshot: Snapshot
  kind: RowKind
  visit: Visit
  key: string
  isNew: boolean
  now: Texts
  texts: Texts
  faults?: Texts
  fault?: string
  status?: number
}>

/** A new one like another. */
function copied({ kind, snapshot, visit, now }: Omit<Form, 'texts'>): Texts {
  const row = rowOf(snapshot, kind.table, queryOf(visit.request, 'like'))
  return row === null ? now : textsOfRow(kind, encodeRow(row))
}

function showForm({
  snapshot,
  kind,
  visit,
  key,
  isNew,
  now,
  texts,
  faults = {},
  fault = '',
  status = 200,
}: Form): void {
  const href = isNew ? `/${kind.table}` : hrefOfRow(kind, key)
  visit.page(
    'row-edit.html',
    {
      ...{ kind, isNew, fault, href },
      title: isNew ? `Add a ${kind.noun}` : `Edit ${key}`,
      action: isNew ? `/add/${kind.noun}` : `${href}/edit`,
      name: {
        ...{ name: 'name', label: 'Name', kind: 'text', options: [], value: key },
        hint: 'letters, digits, dots, dashes',
        fault: faults['name'] ?? '',
      },
      fields: rowFields(snapshot, kind, texts, faults),
      was: Object.entries(now),
      revision: snapshot.revision,
    },
    status,
  )
}

type ReviewPage = Readonly<{
  title: string
  does: string
  action: string
  cancel: string
  back: string
  isDanger: boolean
  carried: readonly (readonly [string, string])[]
}>

async function showReview(
  desk: Desk,
  visit: Visit,
  snapshot: Snapshot,
  edits: readonly Edit[],
  fault: string,
  page: ReviewPage,
): Promise<void> {
  const view = await changeView(desk, snapshot, await reviewEdits(snapshot, desk.known, edits), lookedAt(visit))
  visit.page('review.html', { change: view, fault, ...page }, fault === '' ? 200 : 409)
}

/** @throws Refused while anything names it */
async function removeRow(admin: Admin, kind: RowKind, visit: Visit): Promise<void> {
  const desk = admin.desk(visit.by.who)
  const { request, response } = visit
  const snapshot = await apiOf(admin).current()
  const key = String(request.params['name'])
  await storedRow(desk.store, snapshot, kind.table, key)
  await refuseUsed(await farmIndex(snapshot, desk.known), kind, key)
  const edits: readonly Edit[] = [{ kind: 'delete', table: kind.table, key }]
  const show = (fault: string): Promise<void> =>
    showReview(desk, visit, snapshot, edits, fault, {
      ...{ title: `Remove ${kind.noun} ${key}?`, does: 'Remove it', back: '', isDanger: true, carried: [] },
      action: `${hrefOfRow(kind, key)}/remove`,
      cancel: hrefOfRow(kind, key),
    })
  if (request.method === 'GET' || fieldOf(request, 'act') !== 'do') return show('')
  try {
    const { kind: outcome } = await applyDecided(desk, snapshot, edits, {
      seen: fieldOf(request, 'seen'),
      force: false,
    })
    if (outcome !== 'done') return await show(meanwhile(''))
  } catch (error) {
    return show(reasonOf(error))
  }
  await admin.live.catchUp()
  response.redirect(303, `/${kind.table}?done=removed`)
}

const mostNamed = 2000

async function refuseUsed(index: FarmIndex, { table, noun }: RowKind, name: string): Promise<void> {
  const users = (await usersIn(index, table))(name)
  const profiles = profilesNaming(index.snapshot, table, name)
  if (users.length + profiles.length === 0) return
  const machines =
    users.length === 0
      ? []
      : [users.length <= mostNamed ? `machines ${foldNames(users)}` : `${users.length.toLocaleString('en')} machines`]
  const named = [...(profiles.length === 0 ? [] : [`profiles ${profiles.join(', ')}`]), ...machines]
  throw new Refused(`${noun} ${name} is in use by ${named.join(' and ')}; give them another first`)
}
