// The form of one machine: what stands in it, and what its filling asks for.
import type { Snapshot } from '../../inventory/snapshot.ts'
import { compareNaturally } from '../../inventory/natural-order.ts'
import type { Assignment, StoredMachine } from '../../manage/assignments.ts'
import type { Desk } from '../../manage/desk.ts'
import type { Problem } from '../../manage/failure.ts'
import { Refused } from '../../manage/failure.ts'
import { storedMachines } from '../../manage/machines.ts'
import type { FormField } from './machine-fields.ts'
import { interfaceColumns, machineColumnNames, machineFields, withStray } from './machine-fields.ts'
import type { Texts } from './merge.ts'
import { plainText } from './merge.ts'
import { linesOf, paramsChanged } from './param-lines.ts'

/** `set.disk`, `param.lines`, `nic.eth0.30.mac`, `gone.eth0`, `new.0.name`. */
export const machineFieldNames = /^(set|param|nic|gone|new)\.[\w.-]+$/
const nicColumns = [...interfaceColumns, { column: 'boot', label: 'Boots from it', hint: '' }] as const
/** More are added by saving once more. */
const newPlaces = [0, 1] as const

/** What the form shows of a machine as the store has it, be it readable or not. */
export async function textsOfMachine(desk: Desk, snapshot: Snapshot, name: string): Promise<Texts> {
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

/** @throws Refused when a new interface has no name, or one that there is */
export function assignmentsOfMachine(now: Texts, texts: Texts): readonly Assignment[] {
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

export function machineFieldFor(texts: Texts, { table, key, field }: Problem): string | null {
  if (field === null || table === null) return field
  if (table === 'machines') return field.startsWith('params') ? 'param.lines' : `set.${field}`
  const nic = key?.split('/')[1] ?? ''
  const place = newPlaces.find((one) => texts[`new.${one}.name`] === nic)
  if (table !== 'interfaces') return null
  return place === undefined ? `nic.${nic}.${field}` : `new.${place}.${field}`
}

/** Beside what it is filled with, what is wrong. */
export function formFields(snapshot: Snapshot, now: Texts, texts: Texts, faults: Texts) {
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
  return { fields: machineFields(snapshot, texts, faults, false), params, nics, added }
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
    if (column === 'network') {
      const options = [{ value: '', label: '(none)' }, ...networks.map((value) => ({ value, label: value }))]
      return { ...field, kind: 'choice', options: withStray(options, field.value) }
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
