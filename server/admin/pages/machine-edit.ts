// One machine's fields and interfaces, changed after a look; who edits at the same time as somebody else is told.
import { canonicalJson } from '../../inventory/encode.ts'
import type { Edit } from '../../inventory/encode.ts'
import type { Snapshot } from '../../inventory/snapshot.ts'
import { compareNaturally } from '../../inventory/snapshot.ts'
import type { Assignment, StoredMachine } from '../../manage/assignments.ts'
import { jsonOrText } from '../../manage/assignments.ts'
import { applyDecided, changedSince } from '../../manage/decided.ts'
import type { Desk } from '../../manage/desk.ts'
import type { Problem } from '../../manage/failure.ts'
import { describeProblem, Refused } from '../../manage/failure.ts'
import { editsToSet, storedMachines } from '../../manage/machines.ts'
import { reviewEdits } from '../../manage/review.ts'
import { apiOf } from '../api/routes.ts'
import type { Admin } from '../app.ts'
import type { Route, Visit } from '../route.ts'
import { fieldOf } from '../route.ts'
import { meanwhile, withheldUnasked } from './bulk-edit.ts'
import { changeView, reasonOf } from './change-view.ts'
import type { FormField } from './machine-fields.ts'
import { faultsOf, interfaceColumns, machineColumnNames, machineFields, paramLines } from './machine-fields.ts'
import { hrefOfMachine, machineAsked, machineHead } from './machine-head.ts'
import type { Texts } from './merge.ts'
import { carriedTexts, mergeTexts, plainText, textsAsked } from './merge.ts'

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

/** `set.disk`, `param.lines`, `nic.eth0.30.mac`, `gone.eth0`, `new.0.name`. */
const fieldNames = /^(set|param|nic|gone|new)\.[\w.-]+$/
const nicColumns = [...interfaceColumns, { column: 'boot', label: 'Boots from it', hint: '' }] as const
/** Notes may be long, and stand in the form twice. */
const mostFormBytes = 1024 * 1024
/** More are added by saving once more. */
const newPlaces = [0, 1] as const

async function edit(admin: Admin, visit: Visit): Promise<void> {
  const desk = admin.desk(visit.by.who)
  const { request, response } = visit
  const isFirst = request.method === 'GET'
  const snapshot = isFirst ? await apiOf(admin).snapshot() : await apiOf(admin).current()
  const name = machineAsked(snapshot, visit)
  const now = await textsOf(desk, snapshot, name)
  if (isFirst) return showForm(desk, visit, snapshot, name, { now, texts: now })
  const { was, mine } = textsAsked(request, fieldNames)
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
    const edits = await editsToSet(desk.store, snapshot, [name], assignmentsOf(now, texts))
    const show = (fault: string): void => showReview(desk, visit, snapshot, name, edits, carriedTexts(was, mine), fault)
    if (fieldOf(request, 'act') !== 'do') return show('')
    const decided = { seen: fieldOf(request, 'seen'), force: fieldOf(request, 'force') === '1' }
    const { kind } = await applyDecided(desk, snapshot, edits, decided)
    if (kind === 'other') return show(meanwhile(await changedSince(desk, [name], Number(fieldOf(request, 'revision')))))
    if (kind === 'refused') return show(withheldUnasked)
  } catch (error) {
    const fault = reasonOf(error)
    const problems = error instanceof Refused ? error.problems : []
    const { faults, others } = faultsOf(problems, (problem) => fieldFor(texts, problem))
    const above =
      Object.keys(faults).length === 0 ? fault : ['Nothing is changed.', ...others.map(describeProblem)].join('\n')
    return showForm(desk, visit, snapshot, name, { now, texts, faults, fault: above, status: 422 })
  }
  await admin.live.catchUp()
  response.redirect(303, `${hrefOfMachine(name)}?done=changed`)
}

export const bothChanged = (now: string): string =>
  now === '' ? 'cleared meanwhile; yours would replace that' : `is ${now} meanwhile; yours would replace it`

export const mergedSentence = (by: string, both: readonly string[]): string =>
  [
    `Nothing was changed yet: it is no longer what you opened${by === '' ? '' : ` (${by})`}.`,
    both.length === 0
      ? 'Your values and the others are put together below.'
      : 'Your values and the others are put together below; those that both have changed are marked.',
    'Look at it, and go on.',
  ].join(' ')

/** What the form shows of a machine as the store has it, be it readable or not. */
async function textsOf(desk: Desk, snapshot: Snapshot, name: string): Promise<Texts> {
  const [stored] = await storedMachines(desk.store, snapshot, [name])
  if (stored === undefined) return {}
  const { machine, interfaces } = stored
  return Object.fromEntries([
    ...machineColumnNames.map((column) => [`set.${column}`, shown(machine[column])] as const),
    ['param.lines', linesOf(machine['params'])] as const,
    ...nicTexts(interfaces),
  ])
}

const nicTexts = (interfaces: StoredMachine['interfaces']) =>
  [...interfaces].flatMap(([nic, row]) =>
    nicColumns.map(({ column }) => [`nic.${nic}.${column}`, shown(row[column])] as const),
  )

const shown = (value: unknown): string =>
  typeof value === 'string' || typeof value === 'number' ? plainText(String(value)) : ''

/** Params as lines that paramLines() reads back. */
export function linesOf(stored: unknown): string {
  const params = typeof stored === 'string' && stored !== '' ? jsonOrText(stored) : {}
  if (typeof params !== 'object' || params === null) return shown(stored)
  return Object.entries(params)
    .map(([name, value]: [string, unknown]) => `${name} = ${paramText(value)}`)
    .join('\n')
}

/** As it is, unless it would be read as something else. */
const paramText = (value: unknown): string =>
  typeof value === 'string' &&
  value !== '' &&
  value === value.trim() &&
  !/\n/.test(value) &&
  jsonOrText(value) === value
    ? value
    : canonicalJson(value)

/** Params that differ between two texts of them. */
export function paramsChanged(before: string, after: string): readonly Assignment[] {
  const read = (text: string): ReadonlyMap<string, unknown> =>
    new Map(paramLines(text).flatMap((one) => (one.kind === 'param' ? [[one.name, one.value]] : [])))
  const [old, now] = [read(before), read(after)]
  return [...new Set([...old.keys(), ...now.keys()])].flatMap((name): readonly Assignment[] => {
    const [was, is] = [old.get(name), now.get(name)].map((value) => (value === undefined ? '' : canonicalJson(value)))
    return was === is ? [] : [{ kind: 'param', name, value: now.get(name) }]
  })
}

/** @throws Refused when a new interface has no name, or one that there is */
function assignmentsOf(now: Texts, texts: Texts): readonly Assignment[] {
  const isOther = (field: string): boolean => (texts[field] ?? '') !== (now[field] ?? '')
  const columns = machineColumnNames
    .filter((column) => isOther(`set.${column}`))
    .map((column): Assignment => ({ kind: 'column', column, value: texts[`set.${column}`] ?? '' }))
  const nics = nicNames(now).flatMap((name): readonly Assignment[] => {
    if (texts[`gone.${name}`] === '1') return [{ kind: 'no-interface', name }]
    return nicColumns
      .filter(({ column }) => isOther(`nic.${name}.${column}`))
      .map(({ column }) => ({ kind: 'interface', name, column, value: texts[`nic.${name}.${column}`] ?? '' }))
  })
  const added = newPlaces.flatMap((place) => interfaceAdded(now, texts, place))
  return [...columns, ...paramsChanged(now['param.lines'] ?? '', texts['param.lines'] ?? ''), ...nics, ...added]
}

function interfaceAdded(now: Texts, texts: Texts, place: number): readonly Assignment[] {
  const name = texts[`new.${place}.name`] ?? ''
  const given = nicColumns.flatMap(({ column }): readonly Assignment[] => {
    const value = texts[`new.${place}.${column}`] ?? ''
    return value === '' ? [] : [{ kind: 'interface', name, column, value }]
  })
  if (name === '' && given.length === 0) return []
  if (name === '') throw refusedAt(`new.${place}.name`, 'expected a name such as eth1')
  if (nicNames(now).includes(name)) throw refusedAt(`new.${place}.name`, `there is an interface ${name} already`)
  return [...given, { kind: 'interface', name, column: 'mac', value: texts[`new.${place}.mac`] ?? '' }]
}

const refusedAt = (field: string, why: string): Refused =>
  new Refused(why, { problems: [{ machine: null, table: null, key: null, field, value: null, why }] })

const nicNames = (now: Texts): readonly string[] =>
  Object.keys(now).flatMap((field) => /^nic\.(.+)\.mac$/.exec(field)?.[1] ?? [])

function fieldFor(texts: Texts, { table, key, field }: Problem): string | null {
  if (field === null || table === null) return field
  if (table === 'machines') return field.startsWith('params') ? 'param.lines' : `set.${field}`
  const nic = key?.split('/')[1] ?? ''
  const place = newPlaces.find((one) => texts[`new.${one}.name`] === nic)
  if (table !== 'interfaces') return null
  return place === undefined ? `nic.${nic}.${field}` : `new.${place}.${field}`
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
  const nics = nicNames(now).map((nic) => ({
    name: nic,
    gone: `gone.${nic}`,
    isGone: texts[`gone.${nic}`] === '1',
    fields: nicFields(snapshot, `nic.${nic}`, texts, faults),
  }))
  const added = newPlaces.map((place) => ({
    place,
    isGiven: Object.keys({ ...texts, ...faults }).some(
      (field) => field.startsWith(`new.${place}.`) && `${texts[field] ?? ''}${faults[field] ?? ''}` !== '',
    ),
    fields: [
      textField(`new.${place}.name`, 'Name', 'eth1', texts, faults),
      ...nicFields(snapshot, `new.${place}`, texts, faults),
    ],
  }))
  const params: FormField = {
    ...textField('param.lines', 'Params', 'one a line: rack = r12', texts, faults),
    kind: 'lines',
  }
  visit.page(
    'machine-edit.html',
    {
      head: await machineHead(desk, snapshot, visit, name, null),
      fields: machineFields(snapshot, texts, faults, false),
      ...{ params, nics, added, fault },
      was: Object.entries(now),
      revision: snapshot.revision,
    },
    status,
  )
}

const textField = (name: string, label: string, hint: string, texts: Texts, faults: Texts): FormField => ({
  ...{ name, label, hint, kind: 'text', options: [] },
  value: texts[name] ?? '',
  fault: faults[name] ?? '',
})

function nicFields(snapshot: Snapshot, head: string, texts: Texts, faults: Texts): readonly FormField[] {
  const networks = [...snapshot.networks.keys()].sort(compareNaturally)
  return nicColumns.map(({ column, label, hint }) => {
    const field = textField(`${head}.${column}`, label, hint, texts, faults)
    if (column === 'network')
      return {
        ...field,
        kind: 'choice',
        options: ['', ...networks].map((value) => ({ value, label: value === '' ? '(none)' : value })),
      }
    if (column !== 'boot') return field
    const options = [
      { value: '0', label: 'no' },
      { value: '1', label: 'yes' },
    ]
    return {
      ...field,
      kind: 'choice',
      options: head.startsWith('new') ? [{ value: '', label: 'no' }, ...options.slice(1)] : options,
    }
  })
}

function showReview(
  desk: Desk,
  visit: Visit,
  snapshot: Snapshot,
  name: string,
  edits: readonly Edit[],
  carried: readonly (readonly [string, string])[],
  fault: string,
): void {
  visit.page(
    'review.html',
    {
      change: changeView(desk, snapshot, reviewEdits(snapshot, desk.known, edits)),
      title: `Change ${name}`,
      does: 'Change it',
      action: `${hrefOfMachine(name)}/edit`,
      cancel: hrefOfMachine(name),
      ...{ carried, fault, isDanger: false, back: 'Other values' },
    },
    fault === '' ? 200 : 409,
  )
}
