// Fields of many machines at once: chosen, shown before → after with what would be served, and applied in one transaction.
import type { Request } from 'express'
import type { Machine } from '../../inventory/rows.ts'
import type { Snapshot } from '../../inventory/snapshot.ts'
import type { Assignment } from '../../manage/assignments.ts'
import { jsonOrText } from '../../manage/assignments.ts'
import { applyDecided, changedSince } from '../../manage/decided.ts'
import type { Desk } from '../../manage/desk.ts'
import type { Problem } from '../../manage/failure.ts'
import { describeProblem, Refused } from '../../manage/failure.ts'
import { groupBy } from '../../manage/groups.ts'
import { editsToSet } from '../../manage/machines.ts'
import { reviewEdits } from '../../manage/review.ts'
import { showValue } from '../../manage/row-changes.ts'
import { apiOf } from '../api/routes.ts'
import type { Admin } from '../app.ts'
import type { Route, Visit } from '../route.ts'
import { fieldOf } from '../route.ts'
import { changeView, lookedAt, reasonOf } from './change-view.ts'
import type { Choice } from './choice.ts'
import { mostChoiceBytes, readChoice } from './choice.ts'
import { faultsOf, interfaceColumns, machineColumnNames, machineFields, textsOf } from './machine-fields.ts'

export const bulkEditRoutes = (admin: Admin): readonly Route[] => [
  {
    method: 'get',
    path: '/bulk/edit',
    role: 'operator',
    handle: async (visit) => {
      const snapshot = await apiOf(admin).snapshot()
      showForm(visit, snapshot, await readChoice(admin.desk(visit.by.who), snapshot, visit))
    },
  },
  {
    method: 'post',
    path: '/bulk/edit',
    role: 'operator',
    mostBytes: mostChoiceBytes,
    handle: (visit) => edit(admin, visit),
  },
]

type Shown = Readonly<{ fault?: string; faults?: Readonly<Record<string, string>>; status?: number }>
type Texts = Readonly<Record<string, string>>

function showForm(visit: Visit, snapshot: Snapshot, choice: Choice, shown: Shown = {}): void {
  const { fault = '', faults = {}, status = 200 } = shown
  const texts = textsOf(visit.request)
  const rows = choice.names.map((name) => snapshot.machines.get(name))
  const fields = machineFields(snapshot, texts, faults, true).map((field) => ({
    ...field,
    now: valuesNow(rows, field.name.slice('set.'.length)),
    isCleared: texts[`clear.${field.name.slice('set.'.length)}`] === '1',
    mayClear: field.name !== 'set.profile',
    clear: `clear.${field.name.slice('set.'.length)}`,
  }))
  const view = {
    ...{ choice, fields, texts, interfaceColumns, faults, fault },
    paramFault: faults['param.value'] ?? '',
    interfaceFault: faults['nic.value'] ?? '',
    ...given(texts),
  }
  visit.page('bulk-edit.html', view, status)
}

const given = (texts: Texts) => ({
  param: { name: texts['param.name'] ?? '', value: texts['param.value'] ?? '' },
  nic: { name: texts['nic.name'] ?? '', column: texts['nic.column'] ?? '', value: texts['nic.value'] ?? '' },
})

/** `2048 (400), none (12)`; of many different ones the commonest. A row that can't be read has none. */
function valuesNow(rows: readonly (Machine | undefined)[], column: string): string {
  const values = groupBy(rows, (row) => {
    const value = (row as Readonly<Record<string, unknown>> | undefined)?.[column]
    return (showValue(value) || 'none').slice(0, 60)
  })
  const common = [...values].toSorted(([, a], [, b]) => b.length - a.length)
  const said = common.slice(0, 3).map(([value, own]) => (values.size === 1 ? value : `${value} (${own.length})`))
  return common.length > 3 ? `${said.join(', ')} and ${common.length - 3} others` : said.join(', ')
}

/** @throws Refused when a field is given and cleared, or nothing is said at all */
function assignmentsOf(request: Request): readonly Assignment[] {
  const texts = textsOf(request)
  const columns = machineColumnNames.flatMap((column): readonly Assignment[] => {
    const value = texts[`set.${column}`] ?? ''
    const isCleared = texts[`clear.${column}`] === '1'
    if (value !== '' && isCleared)
      throw refusedAt('machines', column, 'it is given a value and cleared: choose one of the two')
    return value === '' && !isCleared ? [] : [{ kind: 'column', column, value }]
  })
  const { param, nic } = given(texts)
  const params: readonly Assignment[] =
    param.name === ''
      ? []
      : [{ kind: 'param', name: param.name, value: param.value === '' ? undefined : jsonOrText(param.value) }]
  const isColumn = interfaceColumns.some(({ column }) => column === nic.column)
  const nics: readonly Assignment[] =
    nic.name === '' || !isColumn ? [] : [{ kind: 'interface', name: nic.name, column: nic.column, value: nic.value }]
  const assignments = [...columns, ...params, ...nics]
  if (assignments.length === 0) throw new Refused('nothing is to be changed yet: give at least one field a new value')
  return assignments
}

function refusedAt(table: Problem['table'], field: string, why: string): Refused {
  return new Refused(`${field}: ${why}`, { problems: [{ machine: null, table, key: '', field, value: null, why }] })
}

async function edit(admin: Admin, visit: Visit): Promise<void> {
  const desk = admin.desk(visit.by.who)
  const { request, response } = visit
  const snapshot = await apiOf(admin).current()
  const choice = await readChoice(desk, snapshot, visit)
  const act = fieldOf(request, 'act')
  if (act === 'back') return showForm(visit, snapshot, choice)
  try {
    const edits = await editsToSet(desk.store, snapshot, choice.names, assignmentsOf(request))
    if (act !== 'do') return await showReview(desk, visit, snapshot, choice, edits, '')
    const { seen, force } = { seen: fieldOf(request, 'seen'), force: fieldOf(request, 'force') === '1' }
    const { kind } = await applyDecided(desk, snapshot, edits, { seen, force })
    if (kind === 'other') {
      const by = await changedSince(desk, choice.names, Number(fieldOf(request, 'revision')))
      await admin.live.catchUp()
      return await showReview(desk, visit, admin.live.snapshot(), choice, edits, meanwhile(by))
    }
    if (kind === 'refused') return await showReview(desk, visit, snapshot, choice, edits, withheldUnasked)
    await admin.live.catchUp()
    response.redirect(303, '/machines?done=changed')
  } catch (error) {
    const fault = reasonOf(error)
    const { faults, others } = faultsOf(error instanceof Refused ? error.problems : [], fieldFor)
    const above =
      Object.keys(faults).length === 0 ? fault : ['Nothing is changed.', ...others.map(describeProblem)].join('\n')
    showForm(visit, snapshot, choice, { fault: above, faults, status: 422 })
  }
}

export const withheldUnasked =
  'Nothing was changed: machines that are served today would be withheld. Tick the box below to do it all the same.'

export const meanwhile = (by: string): string =>
  `Nothing was changed: it is no longer what you saw${by === '' ? '' : ` (${by})`}. Below is how it would be now; decide anew.`

function fieldFor({ table, field }: Problem): string | null {
  if (field === null) return null
  if (table === 'interfaces') return 'nic.value'
  return field.startsWith('params') ? 'param.value' : `set.${field}`
}

async function showReview(
  desk: Desk,
  visit: Visit,
  snapshot: Snapshot,
  choice: Choice,
  edits: Awaited<ReturnType<typeof editsToSet>>,
  fault: string,
): Promise<void> {
  // Edits that were made of rows that are others now are made anew.
  const own = fault === '' ? edits : await editsToSet(desk.store, snapshot, choice.names, assignmentsOf(visit.request))
  const change = await changeView(desk, snapshot, await reviewEdits(snapshot, desk.known, own), lookedAt(visit))
  const count = change.owners.toLocaleString('en')
  visit.page(
    'review.html',
    {
      ...{ change, fault, action: '/bulk/edit', isDanger: false },
      title: 'Change machines',
      does: change.owners === 1 ? 'Change 1 machine' : `Change ${count} machines`,
      carried: [['select', choice.folded], ...Object.entries(textsOf(visit.request))],
      back: 'Other values',
      cancel: '/machines',
    },
    fault === '' ? 200 : 409,
  )
}
