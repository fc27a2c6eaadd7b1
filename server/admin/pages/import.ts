// Rows from a file or pasted: each is shown as new, changed, unchanged or refused; then all of them are put in, or none.
import { renderCsvTable, renderYamlDocument } from '../../inventory/document.ts'
import type { RefusedRow } from '../../inventory/document.ts'
import type { TableName } from '../../inventory/rows.ts'
import { rowKey, tableNames } from '../../inventory/rows.ts'
import type { Snapshot } from '../../inventory/snapshot.ts'
import { rowsOf } from '../../inventory/snapshot.ts'
import { applyDecided } from '../../manage/decided.ts'
import type { Desk } from '../../manage/desk.ts'
import { csvTableOf, editsOfRows, formatOf, givenTwice, readDocument } from '../../manage/import.ts'
import { foldNames } from '../../manage/names.ts'
import type { Review } from '../../manage/review.ts'
import { reviewEdits } from '../../manage/review.ts'
import { changesOf } from '../../manage/row-changes.ts'
import { hidden, isSecretName } from '../../inventory/secrets.ts'
import { apiOf } from '../api/routes.ts'
import type { Admin } from '../app.ts'
import { HttpRefusal } from '../refusal.ts'
import type { Route, Visit } from '../route.ts'
import { fieldOf, queryOf } from '../route.ts'
import { meanwhile, withheldUnasked } from './bulk-edit.ts'
import { changeView, reasonOf } from './change-view.ts'

/** While a document is read nothing else is answered: larger ones are for the command line. */
const mostBytes = 2 * 1024 * 1024
/** Rows of one table that are written out in one go. */
const mostExported = 20_000
/** Rows that a preview shows of each kind. */
const mostRows = 200

export const importRoutes = (admin: Admin): readonly Route[] => [
  { method: 'get', path: '/import', role: 'operator', handle: (visit) => show(visit) },
  {
    method: 'post',
    path: '/import',
    role: 'operator',
    body: 'upload',
    mostBytes,
    handle: (visit) => bring(admin, visit),
  },
  { method: 'get', path: '/export/:file', role: 'operator', handle: (visit) => send(admin, visit) },
]

type Given = Readonly<{ text: string; name: string; kind: string }>
const nothing: Given = { text: '', name: '', kind: '' }

const kinds: readonly Readonly<{ value: string; label: string }>[] = [
  { value: '', label: 'what its name or columns tell' },
  { value: 'yaml', label: 'YAML' },
  ...tableNames.map((table) => ({ value: table, label: `CSV: ${table}` })),
]

function show(visit: Visit, given: Given = nothing, fault = '', preview: object | null = null, status = 200): void {
  const done = queryOf(visit.request, 'done') === '1' ? 'The rows are in the inventory.' : ''
  const exports = ['inventory.yaml', ...tableNames.map((table) => `${table}.csv`)]
  visit.page('import.html', { given, kinds, exports, fault, done, preview }, status)
}

/** What was chosen as a file holds; else what stands in the text. */
function givenIn({ request }: Visit): Given {
  const file = fieldOf(request, 'document')
  const [text, name] =
    file === ''
      ? [fieldOf(request, 'text'), fieldOf(request, 'name')]
      : [file, fieldOf(request, 'document.file').replaceAll(/[^\w.-]+/g, '_')]
  return { text, name, kind: fieldOf(request, 'kind') }
}

/** The table of a CSV text, null for YAML, or why that can't be told. */
function tableOf({ text, name, kind }: Given): TableName | null | Readonly<{ why: string }> {
  const named = tableNames.find((table) => table === kind)
  if (kind === 'yaml' || named !== undefined) return named ?? null
  const format = formatOf(name) ?? (/^[\w-]+(,[\w-]+)+\s*$/m.test(text.split('\n')[0] ?? '') ? 'csv' : 'yaml')
  if (format === 'yaml') return null
  const found = csvTableOf(text, name)
  if (found.ok) return found.table
  const fits = found.fitting.length === 0 ? 'no table' : found.fitting.join(' and ')
  return { why: `The columns of this CSV (${found.columns.join(', ')}) fit ${fits}. Say below which table it is.` }
}

async function bring(admin: Admin, visit: Visit): Promise<void> {
  const desk = admin.desk(visit.by.who)
  const { request, response } = visit
  const given = givenIn(visit)
  if (given.text.trim() === '') return show(visit, given, 'Choose a file, or paste its text.', null, 422)
  const table = tableOf(given)
  if (table !== null && typeof table === 'object') return show(visit, given, table.why, null, 422)
  const snapshot = await apiOf(admin).current()
  const { rows, faults, refused } = readDocument(snapshot, {
    text: given.text,
    name: given.name === '' ? 'text' : given.name,
    table,
  })
  const [edits, twice] = [editsOfRows(rows), givenTwice(rows)]
  const review = await reviewEdits(snapshot, desk.known, edits)
  const preview = await previewOf(desk, snapshot, review, refused)
  const again = (fault: string, status: number): void => show(visit, given, fault, preview, status)
  const wrong = [...faults, ...twice]
  if (wrong.length > 0) return again(wrong.join('\n'), 422)
  if (refused.length > 0) return again('Rows are refused: mend them in the text below, and look again.', 422)
  if (fieldOf(request, 'act') !== 'do') return again('', 200)
  try {
    const { kind } = await applyDecided(desk, snapshot, edits, {
      seen: fieldOf(request, 'seen'),
      force: fieldOf(request, 'force') === '1',
    })
    if (kind === 'other') return again(meanwhile(''), 409)
    if (kind === 'refused') return again(withheldUnasked, 409)
  } catch (error) {
    return again(reasonOf(error), 422)
  }
  await admin.live.catchUp()
  response.redirect(303, '/import?done=1')
}

/** Every row with what becomes of it; a secret is never shown. */
async function previewOf(desk: Desk, snapshot: Snapshot, review: Review, refused: readonly RefusedRow[]) {
  const rows = review.diffs.map((diff) => ({ table: diff.table, key: diff.key, ...changesOf(diff) }))
  const added = rows.filter(({ kind }) => kind === 'added')
  const changed = rows.filter(({ kind }) => kind === 'changed')
  return {
    change: await changeView(desk, snapshot, review),
    counts: {
      added: added.length,
      changed: changed.length,
      unchanged: review.unchanged.length,
      refused: refused.length,
    },
    added: added.slice(0, mostRows),
    changed: changed.slice(0, mostRows),
    refused: refused.slice(0, mostRows).map((row) => ({ ...row, errors: row.errors.map(shownError) })),
    unchanged: foldNames(
      review.unchanged
        .slice(0, mostRows)
        .map((edit) => (edit.kind === 'put' ? rowKey(edit.table, edit.row) : edit.key)),
    ),
    mostRows,
    isAble: refused.length === 0 && review.edits.length > 0,
    unarmed: unarmed(review),
  }
}

const shownError = ({ field, value, message }: RefusedRow['errors'][number]) => ({
  field,
  message,
  value: isSecretName(field) || /^(params|value)(\.|$)/.test(field) ? hidden : JSON.stringify(value ?? null),
})

/** A file can't arm: without a token the machine boots its disk, and the person who wrote `install` should know. */
function unarmed({ diffs, candidate }: Review): string {
  const names = diffs.flatMap(({ table, key, after }) =>
    table === 'machines' && after?.['boot'] === 'install' && candidate.tokens.get(key) === undefined ? [key] : [],
  )
  return foldNames(names)
}

async function send(admin: Admin, { request, response }: Visit): Promise<void> {
  const file = String(request.params['file'])
  const snapshot = await apiOf(admin).snapshot()
  const table = tableNames.find((one) => file === `${one}.csv`)
  if (file !== 'inventory.yaml' && table === undefined) throw new HttpRefusal(404, `there is no export ${file}`)
  if (snapshot.machines.size > mostExported)
    throw new HttpRefusal(
      413,
      `so many machines are exported on the server, where nobody waits for it: bootstead export --out ${file}`,
    )
  const text =
    table === undefined
      ? renderYamlDocument(snapshot)
      : rowsOf(snapshot, table).length === 0
        ? ''
        : renderCsvTable(snapshot, table)
  response
    .type(table === undefined ? 'application/yaml' : 'text/csv')
    .set('Content-Disposition', `attachment; filename="${file}"`)
    .send(text)
}
