// Documents brought from elsewhere: what their rows are, which of them can't be read, and what they leave as it is.
import { basename, extname } from 'node:path'
import { parse as parseCsv } from 'csv-parse/sync'
import type { Base, DocumentRow, ParsedDocument } from '../inventory/document.ts'
import { parseCsvTable, parseYamlDocument } from '../inventory/document.ts'
import type { Edit } from '../inventory/encode.ts'
import { encodeRow } from '../inventory/encode.ts'
import type { TableName } from '../inventory/rows.ts'
import { tableNames, tables } from '../inventory/rows.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import { rowOf } from '../inventory/snapshot.ts'

export type ImportFormat = 'yaml' | 'csv'

/** By the name's extension; null when that tells nothing. */
export function formatOf(file: string): ImportFormat | null {
  const extension = extname(file).toLowerCase()
  if (extension === '.csv') return 'csv'
  return ['.yaml', '.yml', '.json'].includes(extension) ? 'yaml' : null
}

/** @param table of a CSV text */
export function readDocument(
  snapshot: Snapshot,
  { text, name, table }: Readonly<{ text: string; name: string; table: TableName | null }>,
): ParsedDocument {
  return table === null
    ? parseYamlDocument(text, name, keptByYaml(snapshot))
    : parseCsvTable(text, table, name, keptByCsv(snapshot))
}

export const editsOfRows = (rows: readonly DocumentRow[]): readonly Edit[] =>
  rows.map(({ table, row }): Edit => ({ kind: 'put', table, row }))

/** A document says what a row is; only what the next boot does is left as it is unless the document says that too. */
function keptByYaml(snapshot: Snapshot): Base {
  return (table, key) => {
    const machine = table === 'machines' ? snapshot.machines.get(key) : undefined
    return machine === undefined ? {} : { boot: machine.boot }
  }
}

/** A CSV file says nothing of the columns that it doesn't have. */
function keptByCsv(snapshot: Snapshot): Base {
  return (table, key) => {
    const row = rowOf(snapshot, table, key)
    return row === null ? {} : encodeRow(row)
  }
}

/** What a CSV text is a table of: by its name (machines.csv), else by its columns when they fit one table only. */
type CsvTable =
  | Readonly<{ ok: true; table: TableName }>
  | Readonly<{ ok: false; columns: readonly string[]; fitting: readonly TableName[] }>

export function csvTableOf(text: string, file: string): CsvTable {
  const stem = basename(file, extname(file)).toLowerCase()
  const named = tableNames.find((table) => table === stem)
  if (named !== undefined) return { ok: true, table: named }
  const columns = headerOf(text)
  const fitting = tableNames.filter((table) => {
    const own = Object.keys(tables[table].schema.shape)
    return tables[table].key.every((key) => columns.includes(key)) && columns.every((column) => own.includes(column))
  })
  const [table] = fitting
  return table !== undefined && fitting.length === 1 ? { ok: true, table } : { ok: false, columns, fitting }
}

function headerOf(text: string): readonly string[] {
  try {
    const [header = []] = parseCsv(text, { to_line: 1, bom: true, relax_column_count: true, columns: false })
    return header
  } catch {
    return []
  }
}

/** Rows of which two are given, as `machines web`. */
export function givenTwice(rows: readonly DocumentRow[]): readonly string[] {
  const seen = new Set<string>()
  const twice = new Set<string>()
  for (const { table, key } of rows) (seen.has(`${table} ${key}`) ? twice : seen).add(`${table} ${key}`)
  return [...twice].map((row) => `${row}: given twice; keep one of them`)
}
