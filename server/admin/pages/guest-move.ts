// A guest's place: on which Dom0, on which of its CPUs and devices, with how much of its memory. Drawn as it would be.
import type { Snapshot } from '../../inventory/snapshot.ts'
import type { Machine } from '../../inventory/rows.ts'
import type { Edit } from '../../inventory/encode.ts'
import type { Assignment } from '../../manage/assignments.ts'
import { applyDecided } from '../../manage/decided.ts'
import type { Desk } from '../../manage/desk.ts'
import { describeProblem, Refused } from '../../manage/failure.ts'
import { placeFor } from '../../manage/guest-proposal.ts'
import { editsToSet } from '../../manage/machines.ts'
import { reviewEdits } from '../../manage/review.ts'
import { showValue } from '../../manage/row-changes.ts'
import { apiOf } from '../api/routes.ts'
import type { Admin } from '../app.ts'
import type { Route, Visit } from '../route.ts'
import { fieldOf } from '../route.ts'
import { meanwhile, withheldUnasked } from './bulk-edit.ts'
import { changeView, reasonOf } from './change-view.ts'
import { machineNamed } from './dom0.ts'
import { dom0View } from './dom0-view.ts'
import { hrefOfMachine } from './machine-head.ts'
import { faultsOf, machineFields, textsOf } from './machine-fields.ts'

export const guestMoveRoutes = (admin: Admin): readonly Route[] => [
  { method: 'get', path: '/machines/:name/move', role: 'operator', handle: (visit) => move(admin, visit) },
  { method: 'post', path: '/machines/:name/move', role: 'operator', handle: (visit) => move(admin, visit) },
]

const columns = ['dom0', 'cpus', 'vcpus', 'memory_mib', 'vdisk'] as const
type Texts = Readonly<Record<string, string>>
type Shown = Readonly<{
  edits?: readonly Edit[]
  fault?: string
  faults?: Texts
  /** The fields say what is free there. */
  isProposed?: boolean
  status?: number
}>

async function move(admin: Admin, visit: Visit): Promise<void> {
  const desk = admin.desk(visit.by.who)
  const { request, response } = visit
  const snapshot = await apiOf(admin).current()
  const guest = machineNamed(snapshot, visit)
  if (request.method === 'GET') return show(desk, visit, snapshot, guest, textsFrom(guest), {})
  const texts = { ...textsFrom(guest), ...textsOf(request) }
  if (fieldOf(request, 'act') === 'propose') return propose(desk, visit, snapshot, guest, texts)
  try {
    const edits = await editsToSet(desk.store, snapshot, [guest.hostname], assignments(texts))
    if (fieldOf(request, 'act') !== 'do') return await show(desk, visit, snapshot, guest, texts, { edits })
    const { seen, force } = { seen: fieldOf(request, 'seen'), force: fieldOf(request, 'force') === '1' }
    const { kind } = await applyDecided(desk, snapshot, edits, { seen, force })
    const other = (fault: string): Promise<void> =>
      show(desk, visit, snapshot, guest, texts, { edits, fault, status: 409 })
    if (kind === 'other') return await other(meanwhile(''))
    if (kind === 'refused') return await other(withheldUnasked)
  } catch (error) {
    const fault = reasonOf(error)
    const problems = error instanceof Refused ? error.problems : []
    const { faults, others } = faultsOf(problems, ({ field }) => (field === null ? null : `set.${field}`))
    const above =
      problems.length === others.length ? fault : ['Nothing is changed.', ...others.map(describeProblem)].join('\n')
    return show(desk, visit, snapshot, guest, texts, { fault: above, faults, status: 422 })
  }
  await admin.live.catchUp()
  const dom0 = dom0In(texts)
  const next = dom0 === '' ? hrefOfMachine(guest.hostname) : `${hrefOfMachine(dom0)}/guests`
  response.redirect(303, `${next}?done=moved`)
}

const textsFrom = (guest: Machine): Texts =>
  Object.fromEntries(columns.map((column) => [`set.${column}`, showValue(guest[column])]))

const assignments = (texts: Texts): readonly Assignment[] =>
  columns.map((column) => ({ kind: 'column', column, value: texts[`set.${column}`] ?? '' }))

/** What nothing is free of, or known of, stays as the guest has it. */
async function propose(desk: Desk, visit: Visit, snapshot: Snapshot, guest: Machine, texts: Texts): Promise<void> {
  const place = placeFor(snapshot, guest, dom0In(texts))
  if (place === null) {
    const faults = { 'set.dom0': 'expected the name of a Dom0' }
    return show(desk, visit, snapshot, guest, texts, { faults, status: 422 })
  }
  const free = Object.entries(place).flatMap(([column, text]) =>
    text === '' ? [] : [[`set.${column}`, text] as const],
  )
  const proposed = { ...textsFrom(guest), ...Object.fromEntries(free) }
  return show(desk, visit, snapshot, guest, proposed, { isProposed: true })
}

const dom0In = (texts: Texts): string => (texts['set.dom0'] ?? '').trim().toLowerCase()

async function show(
  desk: Desk,
  visit: Visit,
  snapshot: Snapshot,
  guest: Machine,
  texts: Texts,
  { edits, fault = '', faults = {}, isProposed = false, status = 200 }: Shown,
): Promise<void> {
  const review = edits === undefined ? null : await reviewEdits(snapshot, desk.known, edits)
  const after = review?.candidate ?? snapshot
  const dom0 = after.machines.get(dom0In(texts))
  visit.page(
    'guest-move.html',
    {
      ...{ fault, isProposed, hostname: guest.hostname, dom0: guest.dom0 ?? '' },
      fields: machineFields(snapshot, texts, faults, false).filter(({ name }) =>
        columns.some((column) => name === `set.${column}`),
      ),
      change: review === null ? null : await changeView(desk, snapshot, review),
      picture: dom0 === undefined || dom0.dom0 !== null ? null : dom0View(after, desk.known, dom0),
      isMoving: review !== null && dom0?.hostname !== guest.dom0,
    },
    status,
  )
}
