// What was changed about a machine, by whom; what each change did to what it is served; and taking one back.
import { withoutTokenSecrets } from '../../inventory/store/history.ts'
import type { Snapshot } from '../../inventory/snapshot.ts'
import { readChanges } from '../../inventory/store/read.ts'
import { applyDecided, changedSince } from '../../manage/decided.ts'
import type { Desk } from '../../manage/desk.ts'
import { waysOfMachines } from '../../manage/diff.ts'
import type { Logged } from '../../manage/history.ts'
import { parseChange } from '../../manage/history.ts'
import { reviewEdits } from '../../manage/review.ts'
import { readPicture } from '../../manage/revisions.ts'
import type { RowDiff } from '../../manage/review.ts'
import { changesOf } from '../../manage/row-changes.ts'
import { takeBack } from '../../manage/take-back.ts'
import { TemplateError } from '../../render/templates.ts'
import { apiOf } from '../api/routes.ts'
import type { Admin } from '../app.ts'
import { HttpRefusal } from '../refusal.ts'
import { mayAs } from '../roles.ts'
import type { Route, Visit } from '../route.ts'
import { fieldOf, queryOf } from '../route.ts'
import { meanwhile, withheldUnasked } from './bulk-edit.ts'
import { changeView, reasonOf, showWay } from './change-view.ts'
import { hrefOfMachine, machineAsked, machineHead } from './machine-head.ts'

export const machineHistoryRoutes = (admin: Admin): readonly Route[] => [
  { method: 'get', path: '/machines/:name/history', role: 'viewer', handle: (visit) => showHistory(admin, visit) },
  {
    method: 'get',
    path: '/machines/:name/history/:revision',
    role: 'viewer',
    handle: (visit) => showChange(admin, visit),
  },
  {
    method: 'post',
    path: '/machines/:name/history/:revision',
    role: 'operator',
    handle: (visit) => revert(admin, visit),
  },
]

const changesPerPage = 50

async function showHistory(admin: Admin, visit: Visit): Promise<void> {
  const desk = admin.desk(visit.by.who)
  const snapshot = await apiOf(admin).snapshot()
  const name = machineAsked(snapshot, visit)
  const before = Number(queryOf(visit.request, 'before')) || null
  const rows = await readChanges(desk.store, {
    machine: name,
    limit: changesPerPage + 1,
    ...(before === null ? {} : { before }),
  })
  const shown = rows.slice(0, changesPerPage).map(parseChange)
  const oldest = shown.at(-1)
  visit.page('machine-history.html', {
    head: await machineHead(desk, snapshot, visit, name, 'history'),
    changes: shown.map((change) => showLogged(name, change)),
    older: rows.length > changesPerPage && oldest !== undefined ? `?before=${oldest.revision}` : '',
    isNewest: before === null,
  })
}

function showLogged(name: string, change: Logged) {
  const { revision, at, who, table } = change
  const isToken = table === 'tokens'
  return {
    revision,
    at,
    who,
    href: `${hrefOfMachine(name)}/history/${revision}`,
    token: isToken ? tokenWord(change) : '',
    part: isToken ? null : changesOf(change as RowDiff),
  }
}

/** An install's token is a secret; that there is one is not. */
const tokenWord = ({ before, after }: Logged): string =>
  before === null ? 'token made' : after === null ? 'token gone' : 'token used, or put to an end'

/** @throws HttpRefusal 404 when the history of that machine has no such revision */
async function changeAsked(desk: Desk, { request }: Visit, machine: string): Promise<Logged> {
  const revision = Number(request.params['revision'])
  const rows = Number.isSafeInteger(revision)
    ? await readChanges(desk.store, { machine, limit: 1, before: revision + 1 })
    : []
  const found = rows.find(({ id }) => id === revision)
  if (found === undefined) throw new HttpRefusal(404, `the history of ${machine} has no such revision`)
  return parseChange(found)
}

async function showChange(admin: Admin, visit: Visit): Promise<void> {
  const desk = admin.desk(visit.by.who)
  const snapshot = await apiOf(admin).snapshot()
  const name = machineAsked(snapshot, visit)
  const change = await changeAsked(desk, visit, name)
  const mayChange = mayAs(visit.actor.role, 'operator')
  visit.page('machine-change.html', {
    head: await machineHead(desk, snapshot, visit, name, 'history'),
    change: showLogged(name, change),
    // What is served holds what a viewer is not to know.
    ...(mayChange ? await servedBy(desk, snapshot, name, change) : { ways: [], untold: '' }),
    mayChange,
    mayRevert: mayChange && change.table !== 'tokens',
  })
}

/** The inventory of then is made of today's, change by change: a page goes back so far. */
const mostChangesBack = 20_000

/** How what the machine is served differs between the revision before and this one; and its Dom0's, and its guests'. */
async function servedBy(desk: Desk, today: Snapshot, name: string, { revision }: Logged) {
  if (today.revision - revision > mostChangesBack)
    return {
      ways: [],
      untold: `That is ${(today.revision - revision).toLocaleString('en')} changes ago; bootstead diff ${revision - 1} ${revision} goes back so far.`,
    }
  const snapshot = withoutTokenSecrets(today)
  const old = await readPicture(desk, snapshot, String(revision - 1))
  const now = await readPicture(desk, snapshot, String(revision))
  const around = [old, now].flatMap((past) => [
    past.snapshot.machines.get(name)?.dom0 ?? name,
    ...(past.snapshot.guests.get(name) ?? []),
  ])
  try {
    return { ways: (await waysOfMachines(desk, old, now, [...new Set([name, ...around])])).map(showWay), untold: '' }
  } catch (error) {
    if (error instanceof TemplateError) return { ways: [], untold: error.message }
    throw error
  }
}

async function revert(admin: Admin, visit: Visit): Promise<void> {
  const desk = admin.desk(visit.by.who)
  const { request, response } = visit
  const snapshot = await apiOf(admin).current()
  const name = machineAsked(snapshot, visit)
  const change = await changeAsked(desk, visit, name)
  const { edits, stays } = takeBack(snapshot, change)
  const show = async (fault: string): Promise<void> => {
    const href = `${hrefOfMachine(name)}/history/${change.revision}`
    const kept = stays.length === 0 ? '' : `Changed again since, so it stays: ${stays.join(', ')}.`
    visit.page(
      'review.html',
      {
        change: await changeView(desk, snapshot, await reviewEdits(snapshot, desk.known, edits)),
        fault: [fault, kept].filter((text) => text !== '').join('\n'),
        title: `Take back change ${change.revision} of ${name}`,
        does: 'Take it back',
        ...{ action: href, isDanger: false, carried: [], back: '', cancel: href },
      },
      fault === '' ? 200 : 409,
    )
  }
  if (fieldOf(request, 'act') !== 'do') return show('')
  try {
    const decided = { seen: fieldOf(request, 'seen'), force: fieldOf(request, 'force') === '1' }
    const { kind } = await applyDecided(desk, snapshot, edits, decided)
    if (kind === 'other')
      return await show(meanwhile(await changedSince(desk, [name], Number(fieldOf(request, 'revision')))))
    if (kind === 'refused') return await show(withheldUnasked)
  } catch (error) {
    return show(reasonOf(error))
  }
  await admin.live.catchUp()
  // What was taken back may have been the machine's coming.
  response.redirect(
    303,
    admin.live.snapshot().machines.has(name) ? `${hrefOfMachine(name)}?done=reverted` : '/machines',
  )
}
