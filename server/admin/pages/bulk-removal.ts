// Machines out of the inventory, after a look at which they are; no guest is left without its Dom0.
import { applyDecided, changedSince } from '../../manage/decided.ts'
import { editsToRemove } from '../../manage/machines.ts'
import { reviewEdits } from '../../manage/review.ts'
import { apiOf } from '../api/routes.ts'
import type { Admin } from '../app.ts'
import type { Route, Visit } from '../route.ts'
import { fieldOf } from '../route.ts'
import { meanwhile } from './bulk-edit.ts'
import { changeView, lookedAt, reasonOf } from './change-view.ts'
import { mostChoiceBytes, readChoice, wayBack } from './choice.ts'

export const bulkRemovalRoutes = (admin: Admin): readonly Route[] => [
  { method: 'get', path: '/bulk/remove', role: 'operator', handle: (visit) => remove(admin, visit) },
  {
    method: 'post',
    path: '/bulk/remove',
    role: 'operator',
    mostBytes: mostChoiceBytes,
    handle: (visit) => remove(admin, visit),
  },
]

/** @throws Refused when a guest would stay without its Dom0 */
async function remove(admin: Admin, visit: Visit): Promise<void> {
  const desk = admin.desk(visit.by.who)
  const { request, response } = visit
  const snapshot = await apiOf(admin).current()
  const choice = await readChoice(desk, snapshot, visit)
  const way = wayBack(visit, choice)
  const edits = editsToRemove(snapshot, choice.names)
  const show = async (fault: string): Promise<void> => {
    const change = await changeView(desk, snapshot, await reviewEdits(snapshot, desk.known, edits), lookedAt(visit))
    const count = choice.names.length
    visit.page(
      'review.html',
      {
        ...{ change, fault, action: '/bulk/remove', isDanger: true, back: '', cancel: way.href },
        title: count === 1 ? `Remove ${choice.folded}?` : `Remove ${count.toLocaleString('en')} machines?`,
        does: count === 1 ? 'Remove it' : `Remove ${count.toLocaleString('en')} machines`,
        carried: [
          ['select', choice.folded],
          ['back', way.back],
        ],
      },
      fault === '' ? 200 : 409,
    )
  }
  if (request.method === 'GET' || fieldOf(request, 'act') !== 'do') return show('')
  try {
    const { kind } = await applyDecided(desk, snapshot, edits, { seen: fieldOf(request, 'seen'), force: true })
    if (kind === 'other')
      return await show(meanwhile(await changedSince(desk, choice.names, Number(fieldOf(request, 'revision')))))
  } catch (error) {
    return show(reasonOf(error))
  }
  await admin.live.catchUp()
  response.redirect(303, '/machines?done=removed')
}
