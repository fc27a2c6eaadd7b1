// Rows back into columns: what `parseRow` reads, written in one canonical way.
import type { AnyRow, TableName } from './rows.ts'

/** Columns that hold JSON text. */
export const jsonColumns: ReadonlySet<string> = new Set(['params', 'repositories', 'sha256', 'value'])

export type StoredValue = string | number | null
export type StoredRow = Readonly<Record<string, StoredValue>>

/** A row as the database and CSV hold it: JSON with sorted keys, lists with commas, booleans as 0 and 1. */
export function encodeRow(row: AnyRow): StoredRow {
  return Object.fromEntries(Object.entries(row).map(([column, value]) => [column, encodeValue(column, value)]))
}

function encodeValue(column: string, value: unknown): StoredValue {
  if (jsonColumns.has(column)) return value === null && column !== 'value' ? null : canonicalJson(value)
  if (value === null || typeof value === 'string' || typeof value === 'number') return value
  if (typeof value === 'boolean') return value ? 1 : 0
  if (Array.isArray(value)) return value.join(',')
  throw new TypeError(`column ${column}: no stored form for ${typeof value}`)
}

/** JSON whose object keys are sorted, so that equal values are equal texts. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )
}

/** The columns in which two rows of one table differ. */
export function changedColumns(before: AnyRow | null, after: AnyRow | null): readonly string[] {
  const [old, now] = [before, after].map((row) => (row === null ? {} : encodeRow(row))) as [StoredRow, StoredRow]
  return [...new Set([...Object.keys(old), ...Object.keys(now)])].filter((column) => old[column] !== now[column])
}

export type Edit =
  Readonly<{ kind: 'put'; table: TableName; row: AnyRow }> | Readonly<{ kind: 'delete'; table: TableName; key: string }>
