// Rows of the site's own views, judged: each stands in our table in canonical form, or is refused with the reasons. Pure.
import { crc32 } from 'node:zlib'
import type { StoredRow } from './encode.ts'
import { encodeRow, jsonColumns } from './encode.ts'
import type { AnyRow, FieldError, Refusal, TableName } from './rows.ts'
import { columnsParser, rowKey, tables } from './rows.ts'

/** Rows are compared in so many groups, by a checksum of their key: what differs is read, not what doesn't. */
export const buckets = 1024

/** The bucket of a row by its key in canonical form; store/views.ts says the same in SQL. */
export const bucketOf = (key: string): number => crc32(key) % buckets

/** Key columns that hold host names, which are the same in capitals. */
export const hostnameColumns: ReadonlySet<string> = new Set(['hostname', 'machine'])

/**
 * What a view may give. Not `boot` of a machine: it is what the next boot does, and an install needs the token that
 * arming makes; a column of another program would arm it again after every install.
 */
export function viewColumnsOf(table: TableName): readonly string[] {
  const columns = Object.keys(tables[table].schema.shape)
  return table === 'machines' ? columns.filter((column) => column !== 'boot') : columns
}

export type ViewRow = Readonly<{ bucket: number; columns: Readonly<Record<string, unknown>> }>

export type JudgedRow = Readonly<{
  key: string
  /** The view's columns in canonical form; of a refused row the key alone, and null where it was never copied. */
  row: StoredRow
  /** JSON of a Refusal for the column `refused`, or null. */
  refused: string | null
}>

type Judge = (rows: readonly ViewRow[]) => ReadonlyMap<string, JudgedRow>

/** Judges the rows of whole buckets, by key. A row that can't be copied never hides another. */
export function viewJudge(table: TableName, columns: readonly string[]): Judge {
  const read = rowReader(table, columns)
  return (rows) => {
    const groups = new Map<string, ViewRow[]>()
    for (const row of rows) {
      const key = rowKey(table, keyOf(table, row))
      const group = groups.get(key)
      if (group === undefined) groups.set(key, [row])
      else group.push(row)
    }
    return new Map([...groups].map(([key, group]) => [key, judgeGroup(table, key, group, read)]))
  }
}

function judgeGroup(table: TableName, key: string, group: readonly ViewRow[], read: RowReader): JudgedRow {
  const [[row, reading] = [], ...others] = group.map((one) => [one, read(key, one)] as const)
  if (row === undefined || reading === undefined) throw new TypeError('a group has a row')
  const isOne = others.every(([, other]) => other.errors.length === 0 && isSame(other.row, reading.row))
  if (!isOne) return refuse(table, key, row, [severalRows(table, group)])
  return reading.errors.length === 0
    ? { key, row: reading.row, refused: null }
    : refuse(table, key, row, reading.errors)
}

function severalRows(table: TableName, group: readonly ViewRow[]): FieldError {
  const spellings = group.map(({ columns }) => tables[table].key.map((column) => textOf(columns[column])).join('/'))
  return {
    field: tables[table].key[tables[table].key.length - 1] ?? 'name',
    value: [...new Set(spellings)].join(', '),
    message: `${group.length} rows of the view have this key, and which is right can't be known here; keep one of them`,
  }
}

function refuse(table: TableName, key: string, row: ViewRow, errors: readonly FieldError[]): JudgedRow {
  const refusal: Refusal = { bucket: row.bucket, errors: errors.map(asShown) }
  return { key, row: keyOf(table, row), refused: JSON.stringify(refusal) }
}

/** The history is for many eyes: params and site values may hold a secret, and notes may be long. */
function asShown({ field, value, message }: FieldError): FieldError {
  if (jsonColumns.has(field.split('.')[0] ?? '')) return { field, value: null, message }
  const shown = typeof value === 'string' ? value.slice(0, 200) : typeof value === 'number' ? value : null
  return { field, value: shown, message }
}

type Reading = Readonly<{ row: StoredRow; errors: readonly FieldError[] }>
type RowReader = (key: string, row: ViewRow) => Reading

function rowReader(table: TableName, columns: readonly string[]): RowReader {
  const parse = columnsParser(table, columns)
  return (key, { bucket, columns: raw }) => {
    const parsed = parse(raw)
    if (!parsed.ok) return { row: {}, errors: parsed.errors }
    const row = encodeRow(parsed.row as AnyRow)
    if (bucketOf(key) !== bucket) return { row, errors: [hiddenCharacter(table, raw)] }
    return { row, errors: Object.entries(row).flatMap(([column, value]) => tooLong(column, value)) }
  }
}

/** A tab or line end, which the parser forgives and the database does not: the row would be lost sight of. */
const hiddenCharacter = (table: TableName, raw: ViewRow['columns']): FieldError => ({
  field: tables[table].key.join('/'),
  value: JSON.stringify(tables[table].key.map((column) => textOf(raw[column])).join('/')),
  message: 'the key begins or ends with a character that can not be seen; remove it',
})

/** Columns that hold long text; the others hold 255 characters (store/migrations.ts). */
const longColumns: ReadonlySet<string> = new Set([...jsonColumns, 'vdisk', 'notes', 'kernel_args', 'tree_url'])
const mostCharacters = 255

function tooLong(column: string, value: StoredRow[string]): readonly FieldError[] {
  if (typeof value !== 'string' || longColumns.has(column) || value.length <= mostCharacters) return []
  return [{ field: column, value, message: `expected at most ${mostCharacters} characters` }]
}

export function isSame(a: StoredRow, b: Readonly<Record<string, unknown>>): boolean {
  return Object.entries(a).every(([column, value]) => value === (b[column] ?? null))
}

/** Our key columns hold 64 characters, and a slash separates the parts of a key. */
const mostOfAKey = 60

/** The key columns as they can stand in our table whatever they are. Those of a sound row are already as they will be. */
function keyOf(table: TableName, { columns }: ViewRow): Readonly<Record<string, string>> {
  return Object.fromEntries(
    tables[table].key.map((column) => {
      const text = textOf(columns[column]).trim()
      const plain = (hostnameColumns.has(column) ? text.toLowerCase() : text).replaceAll('/', '|')
      if (plain === '') return [column, `(no ${column})`]
      return [column, plain.length > mostOfAKey + 3 ? `${plain.slice(0, mostOfAKey)}...` : plain]
    }),
  )
}

const textOf = (value: unknown): string =>
  typeof value === 'string' || typeof value === 'number' ? String(value) : value == null ? '' : JSON.stringify(value)
