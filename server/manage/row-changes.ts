// What changes in rows, field by field, said once for all machines that change alike.
import type { StoredRow } from '../inventory/encode.ts'
import { atOnce } from '../inventory/slices.ts'
import { groupBy } from './groups.ts'
import { foldingNames } from './names.ts'
import type { RowDiff } from './review.ts'
import { hidden, isSecretName, rowWithoutSecrets, textWithoutSecrets, withoutSecrets } from '../inventory/secrets.ts'

/** A changed field with both its values; `(none)` is not given. */
export type FieldChange = readonly [field: string, before: string, after: string]

/** What becomes of a machine with its interfaces, or of another row. */
export type RowChanges = Readonly<{
  /** `interface.eth0`, or '' for the row itself. */
  part: string
  kind: 'added' | 'changed' | 'removed'
  /** What was added has its fields here too, those that are given. */
  fields: readonly FieldChange[]
}>

/** Machines, or one other row, of which the same is told. */
export type ChangeStory = Readonly<{ names: readonly string[]; folded: string; changes: readonly RowChanges[] }>

/** Equal ones together, in the order in which they first appear. */
export const changeStories = (diffs: readonly RowDiff[]): readonly ChangeStory[] => atOnce(tellingChanges(diffs))

/** The same of very many, for who answers others meanwhile. */
export function* tellingChanges(diffs: readonly RowDiff[]): Generator<void, readonly ChangeStory[]> {
  const byText = new Map<string, Readonly<{ names: string[]; changes: readonly RowChanges[] }>>()
  for (const [owner, own] of groupBy(diffs, ownerOf)) {
    yield
    const changes = own.map(changesOf)
    const text = JSON.stringify(changes)
    const story = byText.get(text) ?? { names: [], changes }
    byText.set(text, story)
    story.names.push(owner)
  }
  const stories: ChangeStory[] = []
  for (const { names, changes } of byText.values()) stories.push({ names, folded: yield* foldingNames(names), changes })
  return stories
}

/** An interface is its machine's. */
export function ownerOf({ table, key }: Pick<RowDiff, 'table' | 'key'>): string {
  if (table === 'machines') return key
  return table === 'interfaces' ? (key.split('/')[0] ?? '') : `${table} ${key}`
}

export function changesOf({ table, key, before, after }: RowDiff): RowChanges {
  const part = table === 'interfaces' ? `interface.${key.split('/')[1] ?? ''}` : ''
  if (after === null) return { part, kind: 'removed', fields: [] }
  if (before !== null) return { part, kind: 'changed', fields: fieldChanges(before, after) }
  const given = Object.entries(rowWithoutSecrets(after)).filter(([column, value]) => !isDefault(column, value))
  return { part, kind: 'added', fields: given.map(([column, value]) => [column, none, showValue(value)]) }
}

const isDefault = (column: string, value: unknown): boolean =>
  value === null ||
  value === '' ||
  value === '{}' ||
  ['hostname', 'name', 'machine'].includes(column) ||
  (column === 'boot' && (value === 0 || value === 'local'))

const none = '(none)'

/** Each changed field with both its values; params one by one. A secret is compared, and not shown. */
export function fieldChanges(before: StoredRow | null, after: StoredRow | null): readonly FieldChange[] {
  const [old, now] = [spread(before), spread(after)]
  const isSecretRow = [before, after].some((row) => row !== null && 'value' in row && isSecretName(String(row['name'])))
  const show = (field: string, value: string | undefined): string =>
    value === undefined ? none : isSecretRow || isSecretName(field) ? hidden : textWithoutSecrets(value)
  return [...new Set([...old.keys(), ...now.keys()])]
    .filter((field) => old.get(field) !== now.get(field))
    .map((field) => [field, show(field, old.get(field)), show(field, now.get(field))] as const)
}

/** A row's fields, those not given left out. */
function spread(row: StoredRow | null): ReadonlyMap<string, string> {
  const fields = new Map<string, string>()
  for (const [column, value] of Object.entries(row ?? {})) {
    if (column === 'params' && typeof value === 'string')
      for (const [name, param] of paramsOf(value))
        fields.set(`params.${name}`, JSON.stringify(withoutSecrets('', param)))
    else if (value !== null && value !== '') fields.set(column, showValue(value))
  }
  return fields
}

function paramsOf(stored: string): readonly (readonly [string, unknown])[] {
  try {
    return Object.entries((JSON.parse(stored) ?? {}) as Readonly<Record<string, unknown>>)
  } catch {
    return [['(not JSON)', stored]] // somebody's SQL; it is shown as it is
  }
}

/** A value of a row in one line: lists with commas, JSON as JSON, what is not given as nothing. */
export function showValue(value: unknown): string {
  if (value === null || value === undefined) return ''
  if (typeof value === 'string') return /[\n\r]/.test(value) ? JSON.stringify(value) : value
  if (Array.isArray(value) && value.every((one) => typeof one === 'string' || typeof one === 'number'))
    return value.join(',')
  return JSON.stringify(value)
}
