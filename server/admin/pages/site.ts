// The site's own values, which hold for every machine that is told nothing else: shown, and changed after a look.
import type { Edit } from '../../inventory/encode.ts'
import { canonicalJson } from '../../inventory/encode.ts'
import type { Snapshot } from '../../inventory/snapshot.ts'
import { compareNaturally } from '../../inventory/natural-order.ts'
import { rowsOf } from '../../inventory/snapshot.ts'
import { readRows } from '../../inventory/store/read.ts'
import { jsonOrText, putRow } from '../../manage/assignments.ts'
import { applyDecided } from '../../manage/decided.ts'
import type { Desk } from '../../manage/desk.ts'
import type { Problem } from '../../manage/failure.ts'
import { describeProblem, Refused } from '../../manage/failure.ts'
import { collect } from '../../manage/machines.ts'
import { reviewEdits } from '../../manage/review.ts'
import { showValue } from '../../manage/row-changes.ts'
import { withoutSecrets } from '../../inventory/secrets.ts'
import { apiOf } from '../api/routes.ts'
import type { Admin } from '../app.ts'
import { mayAs } from '../roles.ts'
import type { Route, Visit } from '../route.ts'
import { fieldOf, queryOf } from '../route.ts'
import { meanwhile, withheldUnasked } from './bulk-edit.ts'
import { changeView, lookedAt, reasonOf } from './change-view.ts'
import type { FormField } from './machine-fields.ts'
import { faultsOf, paramLines } from './machine-fields.ts'
import type { Texts } from './merge.ts'
import { bothChanged, carriedTexts, mergedSentence, mergeTexts, plainText, textsAsked } from './merge.ts'
import { paramText } from './param-lines.ts'

export const siteRoutes = (admin: Admin): readonly Route[] => [
  { method: 'get', path: '/site', role: 'viewer', handle: (visit) => showSite(admin, visit) },
  { method: 'get', path: '/site/edit', role: 'operator', handle: (visit) => editSite(admin, visit) },
  { method: 'post', path: '/site/edit', role: 'operator', mostBytes, handle: (visit) => editSite(admin, visit) },
]

/** Values may hold scripts, and stand in the form twice. */
const mostBytes = 1024 * 1024
const fieldNames = /^(set\..+|add\.lines)$/s

async function showSite(admin: Admin, visit: Visit): Promise<void> {
  const snapshot = await apiOf(admin).snapshot()
  visit.page('site.html', {
    values: rowsOf(snapshot, 'site').map(({ name, value }) => ({
      name,
      value: showValue(withoutSecrets(name, value)),
    })),
    unreadable: unreadableIn(snapshot).map(({ key, errors }) => ({
      key,
      why: errors.map(({ message }) => message).join('; '),
    })),
    mayChange: mayAs(visit.actor.role, 'operator'),
    done: queryOf(visit.request, 'done') === '' ? '' : done,
  })
}

const done = 'The site’s values are changed. What machines are served follows within two seconds.'

const unreadableIn = (snapshot: Snapshot) =>
  [...snapshot.unreadable.values()].flat().filter(({ table }) => table === 'site')

/** What the form shows of each value, be it readable or not. */
async function textsOfSite(desk: Desk, snapshot: Snapshot): Promise<Texts> {
  const keys = unreadableIn(snapshot).map(({ key }) => key)
  const raw = keys.length === 0 ? [] : await readRows(desk.store, 'site', keys)
  const texts = [
    ...rowsOf(snapshot, 'site').map(({ name, value }) => [name, paramText(value)] as const),
    ...raw.map(({ key, raw: row }) => [key, textOf(row?.['value'])] as const),
  ]
  return Object.fromEntries(
    texts.sort(([a], [b]) => compareNaturally(a, b)).map(([name, text]) => [`set.${name}`, text] as const),
  )
}

const textOf = (stored: unknown): string => (typeof stored === 'string' ? plainText(stored) : '')

async function editSite(admin: Admin, visit: Visit): Promise<void> {
  const desk = admin.desk(visit.by.who)
  const { request, response } = visit
  const isFirst = request.method === 'GET'
  const snapshot = isFirst ? await apiOf(admin).snapshot() : await apiOf(admin).current()
  const now = await textsOfSite(desk, snapshot)
  if (isFirst) return showForm(visit, now, { texts: now })
  const { was, mine } = textsAsked(request, fieldNames)
  const { texts, theirs, both } = mergeTexts({ was, mine, now })
  if (theirs.length > 0) {
    const faults = Object.fromEntries(both.map((field) => [field, bothChanged(now[field] ?? '')]))
    return showForm(visit, now, { texts, faults, fault: mergedSentence('', both), status: 409 })
  }
  if (fieldOf(request, 'act') === 'back') return showForm(visit, now, { texts })
  try {
    const edits = editsAsked(now, texts)
    const show = (fault: string): Promise<void> =>
      showReview(desk, visit, snapshot, edits, carriedTexts(was, mine), fault)
    if (fieldOf(request, 'act') !== 'do') return await show('')
    const decided = { seen: fieldOf(request, 'seen'), force: fieldOf(request, 'force') === '1' }
    const { kind } = await applyDecided(desk, snapshot, edits, decided)
    if (kind === 'other') return await show(meanwhile(''))
    if (kind === 'refused') return await show(withheldUnasked)
  } catch (error) {
    const fault = reasonOf(error)
    const problems = error instanceof Refused ? error.problems : []
    const { faults, others } = faultsOf(problems, (problem) => fieldFor(now, problem))
    const above =
      Object.keys(faults).length === 0 ? fault : ['Nothing is changed.', ...others.map(describeProblem)].join('\n')
    return showForm(visit, now, { texts, faults, fault: above, status: 422 })
  }
  await admin.live.catchUp()
  response.redirect(303, '/site?done=changed')
}

/** A value whose field is empty goes. @throws Refused with every name that is none, or is there already */
function editsAsked(now: Texts, texts: Texts): readonly Edit[] {
  const changed = Object.keys(now).flatMap((field) => {
    const [name, text] = [field.slice('set.'.length), texts[field] ?? '']
    if (text === now[field]) return []
    return text === '' ? [gone(name)] : [putRow('site', rowOfSite(name, jsonOrText(text)))]
  })
  const added = paramLines(texts['add.lines'] ?? '').flatMap((one) => {
    if (one.kind !== 'param') return []
    const isThere = now[`set.${one.name}`] !== undefined
    return [isThere ? taken(one.name) : putRow('site', rowOfSite(one.name, one.value ?? ''))]
  })
  return collect([...changed, ...added])
}

/** Its column holds JSON. */
const rowOfSite = (name: string, value: unknown) => ({ name, value: canonicalJson(value) })

const gone = (key: string) => ({ edits: [{ kind: 'delete', table: 'site', key } as const], problems: [] })

function taken(name: string) {
  const why = 'there is a value of this name already: change it above'
  return {
    edits: [],
    problems: [{ machine: null, table: 'site', key: name, field: 'name', value: name, why } as const],
  }
}

const fieldFor = (now: Texts, { table, key, field }: Problem): string | null =>
  table !== 'site'
    ? null
    : field === 'value' && now[`set.${key ?? ''}`] !== undefined
      ? `set.${key ?? ''}`
      : 'add.lines'

type Form = Readonly<{ texts: Texts; faults?: Texts; fault?: string; status?: number }>

const longText = 60

function showForm(visit: Visit, now: Texts, { texts, faults = {}, fault = '', status = 200 }: Form): void {
  const field = (name: string, label: string, hint: string, isLong: boolean): FormField => ({
    ...{ name, label, hint, kind: isLong ? 'lines' : 'text', options: [] },
    value: texts[name] ?? '',
    fault: faults[name] ?? '',
  })
  const view = {
    fault,
    fields: Object.entries(now).map(([name, text]) =>
      field(name, name.slice('set.'.length), '', text.length > longText),
    ),
    more: field('add.lines', 'More values', 'one a line: ssh_keys = ["ssh-ed25519 AAAA… you@example.org"]', true),
    was: Object.entries(now),
  }
  visit.page('site-edit.html', view, status)
}

async function showReview(
  desk: Desk,
  visit: Visit,
  snapshot: Snapshot,
  edits: readonly Edit[],
  carried: readonly (readonly [string, string])[],
  fault: string,
): Promise<void> {
  const change = await changeView(desk, snapshot, await reviewEdits(snapshot, desk.known, edits), lookedAt(visit))
  visit.page(
    'review.html',
    {
      ...{ change, carried, fault, isDanger: false, back: 'Other values' },
      ...{ title: 'Change the site’s values', does: 'Change them', action: '/site/edit', cancel: '/site' },
    },
    fault === '' ? 200 : 409,
  )
}
