// New machines: one, or a range of them; also a stranger's, whose MAC is known. Shown as it would be before it is added.
import type { Request } from 'express'
import type { Edit } from '../../inventory/encode.ts'
import { expandRange } from '../../inventory/select.ts'
import type { Machine } from '../../inventory/rows.ts'
import type { Snapshot } from '../../inventory/snapshot.ts'
import { compareNaturally } from '../../inventory/natural-order.ts'
import type { Assignment } from '../../manage/assignments.ts'
import { applyDecided } from '../../manage/decided.ts'
import type { Desk } from '../../manage/desk.ts'
import type { Problem } from '../../manage/failure.ts'
import { describeProblem, problemFound, Refused } from '../../manage/failure.ts'
import { guestProposal } from '../../manage/guest-proposal.ts'
import { editsToAdd } from '../../manage/machines.ts'
import { reviewEdits } from '../../manage/review.ts'
import { apiOf } from '../api/routes.ts'
import type { Admin } from '../app.ts'
import type { Route, Visit } from '../route.ts'
import { fieldOf, queryOf } from '../route.ts'
import { withheldUnasked, meanwhile } from './bulk-edit.ts'
import { changeView, reasonOf } from './change-view.ts'
import { dom0View } from './dom0-view.ts'
import type { FormField } from './machine-fields.ts'
import { faultsOf, interfaceColumns, machineColumnNames, machineFields, paramLines, textsOf } from './machine-fields.ts'
import { hrefOfMachine } from './machine-head.ts'

export const machineAdditionRoutes = (admin: Admin): readonly Route[] => [
  {
    method: 'get',
    path: '/add',
    role: 'operator',
    handle: async (visit) => {
      const snapshot = await apiOf(admin).snapshot()
      showForm(admin.desk(visit.by.who), visit, snapshot, prefilled(snapshot, visit.request))
    },
  },
  { method: 'post', path: '/add', role: 'operator', handle: (visit) => add(admin, visit) },
]

type Texts = Readonly<Record<string, string>>
type Shown = Readonly<{
  fault?: string
  faults?: Readonly<Record<string, string>>
  /** The machine could be added and withheld. */
  mayInsist?: boolean
  status?: number
}>

/** Places for interfaces in the form; more are added on the machine's own page. */
const places = [0, 1, 2, 3] as const

/** What is known of a stranger; of a new guest, what is free on its Dom0. */
function prefilled(snapshot: Snapshot, request: Request): Texts {
  const dom0 = dom0Named(snapshot, queryOf(request, 'dom0'))
  const proposal = dom0 === null ? null : guestProposal(snapshot, dom0)
  const given = Object.entries({
    hostname: queryOf(request, 'hostname'),
    'set.dom0': queryOf(request, 'dom0'),
    'set.cpus': queryOf(request, 'cpus'),
    'set.uuid': queryOf(request, 'uuid'),
    'nic.0.mac': queryOf(request, 'mac'),
    'nic.0.network': queryOf(request, 'network'),
  })
  return {
    'nic.0.name': 'eth0',
    ...textsBelow('set', proposal?.machine ?? {}),
    ...textsBelow('nic.0', proposal?.nic ?? {}),
    ...Object.fromEntries(given.filter(([, text]) => text !== '')),
  }
}

const textsBelow = (head: string, values: object): Texts =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [`${head}.${name}`, String(value)]))

/** Null when there is none of that name, or it is a guest itself. */
function dom0Named(snapshot: Snapshot, name: string): Machine | null {
  const machine = snapshot.machines.get(name.trim().toLowerCase())
  return machine === undefined || machine.dom0 !== null ? null : machine
}

function showForm(
  desk: Desk,
  visit: Visit,
  snapshot: Snapshot,
  texts: Texts,
  { fault = '', faults = {}, mayInsist = false, status = 200 }: Shown = {},
): void {
  const networks = [...snapshot.networks.keys()].sort(compareNaturally)
  const interfaces = places.map((place) => ({
    place,
    isGiven: place === 0 || Object.keys(texts).some((name) => name.startsWith(`nic.${place}.`) && texts[name] !== ''),
    fields: [{ column: 'name', label: 'Name', hint: 'eth0' }, ...interfaceColumns].map(
      ({ column, label, hint }): FormField => {
        const name = `nic.${place}.${column}`
        const isNetwork = column === 'network'
        const options = isNetwork
          ? ['', ...networks].map((value) => ({ value, label: value === '' ? '(none)' : value }))
          : []
        const kind = isNetwork ? 'choice' : 'text'
        return { name, label, kind, options, value: texts[name] ?? '', hint, fault: faults[name] ?? '' }
      },
    ),
  }))
  const hostname: FormField = {
    ...{ name: 'hostname', label: 'Host name', kind: 'text', options: [], value: texts['hostname'] ?? '' },
    hint: 'without its domain; a range such as acas[0041-0080] adds as many',
    fault: faults['hostname'] ?? '',
  }
  const params: FormField = {
    ...{ name: 'param.lines', label: 'Params', kind: 'lines', options: [], value: texts['param.lines'] ?? '' },
    hint: 'one a line: rack = r12',
    fault: faults['param.lines'] ?? '',
  }
  const dom0 = dom0Named(snapshot, texts['set.dom0'] ?? '')
  const view = {
    ...{ hostname, params, interfaces, fields: machineFields(snapshot, texts, faults, false), fault, mayInsist },
    picture: dom0 === null ? null : dom0View(snapshot, desk.known, dom0),
    isProposed: dom0 !== null && visit.request.method === 'GET',
  }
  visit.page('machine-addition.html', view, status)
}

const textsIn = (request: Request): Texts => ({ ...textsOf(request), hostname: fieldOf(request, 'hostname').trim() })

/** @throws Refused and SelectorError as editsToAdd() and expandRange() do */
function editsAsked(snapshot: Snapshot, texts: Texts): readonly Edit[] {
  const hostname = texts['hostname'] ?? ''
  if (hostname === '') throw refusedAt('hostname', 'expected a host name')
  const columns = machineColumnNames.flatMap((column): readonly Assignment[] => {
    const value = texts[`set.${column}`] ?? ''
    return value === '' ? [] : [{ kind: 'column', column, value }]
  })
  const nics = places.flatMap((place) => interfaceAsked(texts, place))
  return editsToAdd(snapshot, expandRange(hostname.toLowerCase()), [
    ...columns,
    ...paramLines(texts['param.lines'] ?? ''),
    ...nics,
  ])
}

function interfaceAsked(texts: Texts, place: number): readonly Assignment[] {
  const name = texts[`nic.${place}.name`] ?? ''
  const given = interfaceColumns.flatMap(({ column }) => {
    const value = texts[`nic.${place}.${column}`] ?? ''
    return value === '' ? [] : [{ kind: 'interface', name, column, value } as const]
  })
  if (name === '' && given.length > 0) throw refusedAt(`nic.${place}.name`, 'expected a name such as eth0')
  return given
}

const refusedAt = (field: string, why: string): Refused =>
  new Refused(why, { problems: [{ machine: null, table: null, key: null, field, value: null, why }] })

async function add(admin: Admin, visit: Visit): Promise<void> {
  const desk = admin.desk(visit.by.who)
  const { request, response } = visit
  const snapshot = await apiOf(admin).current()
  const texts = textsIn(request)
  const act = fieldOf(request, 'act')
  try {
    if (act === 'back') return showForm(desk, visit, snapshot, texts)
    const edits = editsAsked(snapshot, texts)
    if (act !== 'do') return await showReview(desk, visit, snapshot, edits, texts, '')
    const { seen, force } = { seen: fieldOf(request, 'seen'), force: fieldOf(request, 'force') === '1' }
    const { kind } = await applyDecided(desk, snapshot, edits, { seen, force })
    if (kind === 'other') return await showReview(desk, visit, snapshot, edits, texts, meanwhile(''))
    if (kind === 'refused') return await showReview(desk, visit, snapshot, edits, texts, withheldUnasked)
  } catch (error) {
    const fault = reasonOf(error)
    const { faults, others } = faultsOf(error instanceof Refused ? error.problems : [], (problem) =>
      fieldFor(texts, problem),
    )
    const above =
      Object.keys(faults).length === 0 ? fault : ['Nothing is added.', ...others.map(describeProblem)].join('\n')
    return showForm(desk, visit, snapshot, texts, { fault: above, faults, status: 422 })
  }
  await admin.live.catchUp()
  const dom0 = dom0Named(snapshot, texts['set.dom0'] ?? '')
  const list = `/machines?${new URLSearchParams({ q: texts['hostname'] ?? '', done: 'added' }).toString()}`
  response.redirect(303, dom0 === null ? list : `${hrefOfMachine(dom0.hostname)}/guests?done=added`)
}

function fieldFor(texts: Texts, { table, key, field }: Problem): string | null {
  if (field === null) return null
  if (table === null || field === 'hostname') return field
  if (table === 'machines') return field.startsWith('params') ? 'param.lines' : `set.${field}`
  const name = key?.split('/')[1]
  const place = places.find((one) => texts[`nic.${one}.name`] === name)
  return table === 'interfaces' && place !== undefined ? `nic.${place}.${field}` : null
}

async function showReview(
  desk: Desk,
  visit: Visit,
  snapshot: Snapshot,
  edits: readonly Edit[],
  texts: Texts,
  fault: string,
): Promise<void> {
  const review = await reviewEdits(snapshot, desk.known, edits)
  // A machine that nobody would serve is mended before it is there, beside the fields, unless one insists.
  const found = review.broken.map(problemFound)
  const { faults } = faultsOf(found, (problem) => fieldFor(texts, problem))
  if (found.length > 0 && fault === '' && fieldOf(visit.request, 'insist') !== '1')
    return showForm(desk, visit, snapshot, texts, {
      fault: `It would be withheld, and get no answer:\n${found.map(describeProblem).join('\n')}`,
      faults,
      mayInsist: true,
      status: 422,
    })
  const change = await changeView(desk, snapshot, review)
  visit.page(
    'review.html',
    {
      ...{ change, fault, action: '/add', isDanger: false, back: 'Other values', cancel: '/machines' },
      title: `Add ${texts['hostname'] ?? ''}`,
      does: change.owners === 1 ? 'Add it' : `Add ${change.owners.toLocaleString('en')} machines`,
      carried: Object.entries(texts),
    },
    fault === '' ? 200 : 409,
  )
}
