// The history of the inventory: who changed what; any two revisions compared; a change taken back.
import { tableNames } from '../../inventory/rows.ts'
import { readChanges, readRevision } from '../../inventory/store/read.ts'
import type { ChangeSet } from '../../manage/change-sets.ts'
import { changeSets, editsToTakeBack, netChanges } from '../../manage/change-sets.ts'
import { applyDecided } from '../../manage/decided.ts'
import type { Desk } from '../../manage/desk.ts'
import { firstWaysBetween } from '../../manage/diff.ts'
import { Refused } from '../../manage/failure.ts'
import { foldNames } from '../../manage/names.ts'
import { reviewEdits } from '../../manage/review.ts'
import { editsBackTo, readNamedRevision, readPicture } from '../../manage/revisions.ts'
import { changeStories, ownerOf } from '../../manage/row-changes.ts'
import type { Snapshot } from '../../inventory/snapshot.ts'
import type { Edit } from '../../inventory/encode.ts'
import { TemplateError } from '../../render/templates.ts'
import { apiOf } from '../api/routes.ts'
import type { Admin } from '../app.ts'
import { mayAs } from '../roles.ts'
import type { Route, Visit } from '../route.ts'
import { fieldOf, queryOf } from '../route.ts'
import { meanwhile, withheldUnasked } from './bulk-edit.ts'
import { changeView, lookedAt, reasonOf, showWay } from './change-view.ts'

export const changeRoutes = (admin: Admin): readonly Route[] => [
  { method: 'get', path: '/changes', role: 'viewer', handle: (visit) => showHistory(admin, visit) },
  { method: 'get', path: '/changes/diff', role: 'viewer', handle: (visit) => showDiff(admin, visit) },
  { method: 'get', path: '/changes/revert', role: 'operator', handle: (visit) => revert(admin, visit) },
  { method: 'post', path: '/changes/revert', role: 'operator', handle: (visit) => revert(admin, visit) },
]

/** A page is read by a person: beyond so much it is only counted. */
const [rowsPerPage, mostRows, mostStories, mostWays, mostRendered] = [200, 5000, 60, 20, 200]
/** Changes that one page looks through, and those that are taken back to tell what was served then. */
const [mostSearched, mostTakenBack] = [50_000, 20_000]
const logTables = [...tableNames, 'tokens'] as const

async function showHistory(admin: Admin, visit: Visit): Promise<void> {
  const word = (name: string): string => queryOf(visit.request, name).trim().slice(0, 200)
  const [machine, who, table] = [word('machine').toLowerCase(), word('who'), word('table')]
  const newest = await readRevision(admin.store)
  const given = Number(word('before'))
  const before = Number.isInteger(given) && given > 0 && given <= newest ? given : newest + 1
  // No index serves these two: what can't be found near is not looked for in all of the past at once.
  const isSlow = machine === '' && (who !== '' || table !== '')
  const lookedTo = isSlow ? Math.max(0, before - 1 - mostSearched) : 0
  const rows = await readChanges(admin.store, {
    ...(machine === '' ? {} : { machine }),
    ...(who === '' ? {} : { who }),
    ...(logTables.some((one) => one === table) ? { table } : {}),
    ...{ before, after: lookedTo, limit: rowsPerPage + 1 },
  })
  const shown = rows.slice(0, rowsPerPage)
  const filter = Object.entries({ machine, who, table }).filter(([, value]) => value !== '')
  const next = rows.length > rowsPerPage ? (shown.at(-1)?.id ?? 0) : lookedTo + 1
  visit.page('changes.html', {
    ...{ machine, who, table, tables: logTables },
    isFiltered: filter.length > 0,
    sets: changeSets(shown).map(setView),
    ...{ newest, lookedTo: rows.length > rowsPerPage ? 0 : lookedTo },
    older: next > 1 ? queryHref('/changes', [...filter, ['before', String(next)]]) : '',
    newer: before <= newest ? queryHref('/changes', filter) : '',
  })
}

const queryHref = (path: string, pairs: readonly (readonly string[])[]): string => {
  const words = new URLSearchParams(pairs.map(([name = '', value = '']): [string, string] => [name, value])).toString()
  return words === '' ? path : `${path}?${words}`
}

type SetView = Readonly<{
  who: string
  at: string
  revision: number
  href: string
  /** `acas[0001-0400]: memory_mib`, at most a few. */
  told: readonly Readonly<{ folded: string; text: string; count: number }>[]
  more: number
}>

const mostTold = 4

/** A change in a line or two. */
export function setView(set: ChangeSet): SetView {
  const { diffs, armed } = netChanges(set.rows)
  const told = changeStories(diffs).map(({ names, folded, changes }) => {
    const words = changes.map(({ part, kind, fields }) => {
      const named = kind === 'changed' ? fields.map(([field]) => field).join(', ') : kind
      return part === '' ? named : `${part} ${named}`
    })
    return { folded, count: names.length, text: words.join('; ') }
  })
  if (armed.length > 0)
    told.push({ folded: foldNames(armed), count: armed.length, text: 'install armed, begun or over' })
  return {
    ...{ who: set.who, at: set.at, revision: set.after },
    href: `/changes/diff?before=${set.before}&after=${set.after}`,
    told: told.slice(0, mostTold),
    more: Math.max(0, told.length - mostTold),
  }
}

async function showDiff(admin: Admin, visit: Visit): Promise<void> {
  const desk = admin.desk(visit.by.who)
  const { request } = visit
  const snapshot = await apiOf(admin).snapshot()
  const one = await readNamedRevision(admin.store, queryOf(request, 'before').trim() || '0')
  const other = await readNamedRevision(admin.store, queryOf(request, 'after').trim() || 'now')
  const [before, after] = one.revision <= other.revision ? [one, other] : [other, one]
  const rows = await rowsBetween(admin, before.revision, after.revision)
  const { diffs, armed } = netChanges(rows.slice(0, mostRows))
  const stories = changeStories(diffs)
  const isWhole = rows.length <= mostRows
  const mayChange = mayAs(visit.actor.role, 'operator')
  const newest = await readRevision(admin.store)
  const isFar = newest - before.revision > mostTakenBack
  const served =
    mayChange && !isFar
      ? await servedOtherwise(desk, snapshot, before.revision, after.revision)
      : { ways: [], left: 0, untold: isFar ? tooFar : '' }
  visit.page('changes-diff.html', {
    ...{ mayChange, isWhole, newest, mostRows },
    before: before.revision,
    after: after.revision,
    sets: changeSets(rows.slice(0, mostRows)).slice(0, 20).map(setView),
    owners: new Set(diffs.map(ownerOf)).size,
    stories: stories.slice(0, mostStories),
    moreStories: Math.max(0, stories.length - mostStories),
    armed: foldNames(armed),
    told: served.ways.reduce((sum, { machines }) => sum + machines.length, 0),
    ways: served.ways.slice(0, mostWays).map(showWay),
    moreWays: Math.max(0, served.ways.length - mostWays),
    left: served.left,
    untold: served.untold,
  })
}

const tooFar =
  'This is too long ago to tell what was served then while machines are being served. On the command line: bootstead diff'

/** Newest first, one more than are shown when there are more. */
const rowsBetween = (admin: Admin, before: number, after: number) =>
  readChanges(admin.store, { after: before, before: after + 1, limit: mostRows + 1 })

async function servedOtherwise(desk: Desk, snapshot: Snapshot, before: number, after: number) {
  try {
    const old = await readPicture(desk, snapshot, String(before))
    const now = await readPicture(desk, snapshot, String(after))
    return { ...(await firstWaysBetween(desk, old, now, mostRendered)), untold: '' }
  } catch (error) {
    if (error instanceof TemplateError) return { ways: [], left: 0, untold: error.message }
    throw error
  }
}

type Wanted = Readonly<{
  edits: readonly Edit[]
  title: string
  warning: string
  carried: readonly (readonly string[])[]
}>

/** `to`: all as it was then; `before` and `after`: only what was changed between them is taken back. */
async function revert(admin: Admin, visit: Visit): Promise<void> {
  const desk = admin.desk(visit.by.who)
  const { request, response } = visit
  const snapshot = await apiOf(admin).current()
  const given = (name: string): string => (request.method === 'GET' ? queryOf(request, name) : fieldOf(request, name))
  const wanted =
    given('to') === ''
      ? await takingBack(admin, snapshot, given('before'), given('after'))
      : await goingBack(desk, snapshot, given('to'))
  const show = async (fault: string, status: number): Promise<void> => {
    const change = await changeView(
      desk,
      snapshot,
      await reviewEdits(snapshot, desk.known, wanted.edits),
      lookedAt(visit),
    )
    const { title, carried } = wanted
    const view = { change, fault, title, carried, action: '/changes/revert', isDanger: false, back: '' }
    visit.page('review.html', { ...view, does: 'Do it', cancel: '/changes' }, status)
  }
  if (request.method === 'GET' || fieldOf(request, 'act') !== 'do') return show(wanted.warning, 200)
  try {
    const { seen, force } = { seen: fieldOf(request, 'seen'), force: fieldOf(request, 'force') === '1' }
    const { kind } = await applyDecided(desk, snapshot, wanted.edits, { seen, force })
    if (kind === 'other') return await show(meanwhile(''), 409)
    if (kind === 'refused') return await show(withheldUnasked, 409)
  } catch (error) {
    return show(reasonOf(error), 422)
  }
  await admin.live.catchUp()
  const newest = await readRevision(admin.store)
  response.redirect(303, `/changes/diff?before=${snapshot.revision}&after=${newest}`)
}

async function goingBack(desk: Desk, snapshot: Snapshot, to: string): Promise<Wanted> {
  const { edits, revision, unreadable } = await editsBackTo(desk, snapshot, to)
  return {
    edits,
    title: `Back to revision ${revision}`,
    warning: unreadableThen(unreadable),
    carried: [['to', String(revision)]],
  }
}

/** @throws Refused when these are no revisions, or too much was changed between them */
async function takingBack(admin: Admin, snapshot: Snapshot, from: string, until: string): Promise<Wanted> {
  const [before, after] = [Number(from), Number(until)]
  if (from === '' || !(before >= 0 && after > before))
    throw new Refused('name the revision before the change and the one after it: choose a change in the history')
  const rows = await rowsBetween(admin, before, after)
  if (rows.length > mostRows)
    throw new Refused(
      `more than ${mostRows.toLocaleString('en')} rows were changed between revisions ${before} and ${after}; go back as a whole, or use the command line`,
    )
  const { edits, stays } = editsToTakeBack(snapshot, netChanges(rows).diffs)
  return {
    edits,
    title: before + 1 === after ? `Take back revision ${after}` : `Take back revisions ${before + 1} to ${after}`,
    warning: stays.length === 0 ? '' : `Changed again since, and what was changed then stays: ${foldNames(stays)}.`,
    carried: [
      ['before', from],
      ['after', until],
    ],
  }
}

const unreadableThen = (rows: readonly Readonly<{ table: string; key: string }>[]): string =>
  rows.length === 0
    ? ''
    : `Could not be read then, and stay as they are: ${rows.map(({ table, key }) => `${table} ${key}`).join(', ')}.`
