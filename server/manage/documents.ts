// The inventory as documents: those that are brought, all of them in one change or none, and those that are taken along.
import { renderCsvTable, renderYamlDocument } from '../inventory/document.ts'
import type { Finding } from '../inventory/findings.ts'
import type { TableName } from '../inventory/rows.ts'
import { tableNames } from '../inventory/rows.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import { emptySnapshot, rowsOf } from '../inventory/snapshot.ts'
import type { Applied, EditOptions } from './edits.ts'
import { applyEdits } from './edits.ts'
import type { Desk } from './desk.ts'
import { Misworded, Refused } from './failure.ts'
import type { ImportFormat } from './import.ts'
import { editsOfRows, givenTwice, readDocument } from './import.ts'
import type { Review } from './review.ts'
import type { ChangeStory } from './row-changes.ts'
import { changeStories } from './row-changes.ts'

export type Document = Readonly<{
  /** What it is called where it comes from: errors name it. */
  name: string
  text: string
  /** Of a CSV text; null is YAML, with all its tables. */
  table: TableName | null
}>

type TableCount = Readonly<{ table: TableName; added: number; changed: number; unchanged: number }>

export type Imported = Readonly<{
  dryRun: boolean
  tables: readonly TableCount[]
  /** Of a dry run: what would change, machines and rows that change alike together. */
  stories: readonly ChangeStory[]
  withheld: readonly Finding[]
  /** Machines whose row says `install` and that nobody armed: no document does. */
  unarmed: readonly string[]
}>

/** @throws Refused with every row that can't be read, and as applyEdits() does */
export async function applyDocuments(
  desk: Desk,
  snapshot: Snapshot,
  documents: readonly Document[],
  options: EditOptions,
): Promise<Applied> {
  const parsed = documents.map((document) => readDocument(snapshot, document))
  const rows = parsed.flatMap((one) => one.rows)
  const errors = [...parsed.flatMap((one) => one.errors), ...givenTwice(rows)]
  if (errors.length > 0) throw new Refused(['nothing was imported:', ...errors].join('\n'))
  return applyEdits(desk, snapshot, editsOfRows(rows), options)
}

export function importedBy(review: Review, dryRun: boolean): Imported {
  const { diffs, broken, candidate, unchanged } = review
  const tables = tableNames
    .map((table) => {
      const own = diffs.filter((diff) => diff.table === table)
      const added = own.filter(({ before }) => before === null).length
      const same = unchanged.filter((edit) => edit.table === table).length
      return { table, added, changed: own.length - added, unchanged: same }
    })
    .filter(({ added, changed, unchanged }) => added + changed + unchanged > 0)
  const unarmed = diffs.flatMap(({ table, key, after }) =>
    table === 'machines' && after?.['boot'] === 'install' && candidate.tokens.get(key) === undefined ? [key] : [],
  )
  return { dryRun, tables, stories: dryRun ? changeStories(diffs) : [], withheld: broken, unarmed }
}

export type Exported = Readonly<{
  /** YAML is one; CSV one for each table that has rows, or the one that was asked for. */
  documents: readonly Document[]
  /** Rows that can't be read, and are in none of them. */
  unreadable: number
}>

export type ExportOptions = Readonly<{ format: ImportFormat; table: TableName | null }>

/** Secrets are in it. @throws Misworded when YAML has no such table of its own */
export const exportDocuments = (snapshot: Snapshot, options: ExportOptions): Exported => ({
  documents: documentsOf(snapshot, options),
  unreadable: [...snapshot.unreadable.values()].flat().length,
})

function documentsOf(snapshot: Snapshot, { format, table }: ExportOptions): readonly Document[] {
  if (format === 'yaml')
    return [{ name: 'inventory.yaml', text: renderYamlDocument(onlyTable(snapshot, table)), table: null }]
  const tables = table === null ? tableNames.filter((one) => rowsOf(snapshot, one).length > 0) : [table]
  return tables.map((one) => ({ name: `${one}.csv`, text: renderCsvTable(snapshot, one), table: one }))
}

/** In YAML, interfaces are under their machines and have no table of their own. */
function onlyTable(snapshot: Snapshot, table: TableName | null): Snapshot {
  if (table === null) return snapshot
  if (table === 'interfaces')
    throw new Misworded('YAML has interfaces under their machines: give --table machines, or --format csv')
  const { revision, interfaces } = snapshot
  return { ...emptySnapshot, revision, [table]: snapshot[table], ...(table === 'machines' ? { interfaces } : {}) }
}
