// Findings and differences in the words in which every command prints them.
import type { StoredRow } from '../inventory/encode.ts'
import type { Finding } from '../inventory/findings.ts'
import { fail } from './failure.ts'
import { groupBy, storiesOf } from './groups.ts'
import type { Review, RowDiff } from './review.ts'
import type { Session } from './session.ts'
import { hidden, isSecretName, rowWithoutSecrets, withoutSecrets } from './secrets.ts'
import { count, showValue } from './table.ts'

/** `dom0 "x": there is no machine of this name; …`: of a machine, which the reader knows, or of another row, named. */
export function describeFinding({ table, key, field, value, message }: Finding): string {
  const said = `${JSON.stringify(value ?? null)}: ${message}`
  if (table === 'machines') return `${field} ${said}`
  if (table === 'interfaces') return `interface.${key.slice(key.indexOf('/') + 1)}.${field} ${said}`
  return `${table} ${key}: ${field} ${said}`
}

/** How many lines of a refused change are shown; `--force` and `bootstead check` show them all. */
const shownLines = 40

/** One line for each thing that is wrong, with the machines it is wrong with. */
export function findingLines(found: readonly Finding[]): readonly string[] {
  const stories = storiesOf(found.map((finding) => [finding.machine, describeFinding(finding)] as const))
  const lines = stories.map(({ folded, text }) => `  ${folded}: ${text}`)
  return lines.length <= shownLines
    ? lines
    : [...lines.slice(0, shownLines), `  … and ${lines.length - shownLines} more`]
}

/** @throws CommandFailed when the change would withhold machines that are served today */
export function refuseBroken({ broken }: Review, isForced: boolean): void {
  if (isForced || broken.length === 0) return
  const machines = new Set(broken.map(({ machine }) => machine))
  const withheld =
    machines.size === 1 ? 'a machine would be withheld' : `${count(machines.size, 'machine')} would be withheld`
  fail(`nothing was changed: ${withheld} (--force does it all the same)`, ...findingLines(broken))
}

/** What a change that was not refused has done, or would do. */
export function noteBroken(session: Session, { broken }: Review, dryRun: boolean): void {
  if (broken.length === 0) return
  session.note(dryRun ? 'would be withheld, and refused without --force:' : 'withheld from now on:')
  for (const line of findingLines(broken)) session.note(line)
}

/** Differences for programs. */
export function diffsAsJson(diffs: readonly RowDiff[]): readonly RowDiff[] {
  const shown = (row: StoredRow | null): StoredRow | null => (row === null ? null : rowWithoutSecrets(row))
  return diffs.map(({ table, key, before, after }) => ({ table, key, before: shown(before), after: shown(after) }))
}

/** Differences as `field: before → after` lines under the machines or rows they concern, equal ones together. */
export function describeDiffs(diffs: readonly RowDiff[]): string {
  const byOwner = groupBy(diffs, ownerOf)
  const paragraphs = [...byOwner].map(([owner, own]): readonly [string, string] => [
    owner,
    own.flatMap((diff) => describeDiff(diff).map((line) => `  ${line}`)).join('\n'),
  ])
  return storiesOf(paragraphs)
    .map(({ names, folded, text }) => `${folded}${names.length > 1 ? ` (${names.length})` : ''}\n${text}`)
    .join('\n')
}

/** An interface is its machine's. */
function ownerOf({ table, key }: RowDiff): string {
  if (table === 'machines') return key
  return table === 'interfaces' ? (key.split('/')[0] ?? '') : `${table} ${key}`
}

function describeDiff({ table, key, before, after }: RowDiff): readonly string[] {
  const prefix = table === 'interfaces' ? `interface.${key.split('/')[1] ?? ''}` : ''
  if (after === null) return [prefix === '' ? 'removed' : `${prefix}: removed`]
  const changes = fieldChanges(before, after).map(
    ([field, old, now]) => `${prefix === '' ? '' : `${prefix}.`}${field}: ${old} → ${now}`,
  )
  if (before !== null) return changes
  const given = Object.entries(rowWithoutSecrets(after)).filter(([column, value]) => !isDefault(column, value))
  return [
    `${prefix === '' ? '' : `${prefix}: `}added${given.map(([column, value]) => ` ${column}=${showValue(value)}`).join('')}`,
  ]
}

const isDefault = (column: string, value: unknown): boolean =>
  value === null ||
  value === '' ||
  value === '{}' ||
  ['hostname', 'name', 'machine'].includes(column) ||
  (column === 'boot' && (value === 0 || value === 'local'))

/** Each changed field with both its values; params one by one. A secret is compared, and not shown. */
export function fieldChanges(
  before: StoredRow | null,
  after: StoredRow | null,
): readonly (readonly [string, string, string])[] {
  const [old, now] = [spread(before), spread(after)]
  const isSecretRow = [before, after].some((row) => row !== null && 'value' in row && isSecretName(String(row['name'])))
  const show = (field: string, value: string | undefined): string =>
    value === undefined ? '(none)' : isSecretRow || isSecretName(field) ? hidden : value
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
