// The inventory's history, row by row.
import type { StoredRow } from '../inventory/encode.ts'
import type { ChangeRow } from '../inventory/store/open.ts'
import type { FieldChange } from './row-changes.ts'
import { fieldChanges } from './row-changes.ts'
import { rowWithoutSecrets } from '../inventory/secrets.ts'

export type Logged = Readonly<{
  revision: number
  at: string
  who: string
  table: string
  key: string
  /** Null when the row was added. */
  before: StoredRow | null
  /** Null when it was removed. */
  after: StoredRow | null
}>

export function parseChange({ id, at, who, table_name, row_key, before, after }: ChangeRow): Logged {
  const parse = (text: string | null): StoredRow | null => (text === null ? null : (JSON.parse(text) as StoredRow))
  return { revision: id, at, who, table: table_name, key: row_key, before: parse(before), after: parse(after) }
}

/** As anybody may see it. */
const loggedToShow = (change: Logged): Logged => ({
  ...change,
  before: change.before === null ? null : rowWithoutSecrets(change.before),
  after: change.after === null ? null : rowWithoutSecrets(change.after),
})

/** The same, with each changed field: a secret that changed looks as it did before, and only here it can be told. */
export type ToldChange = Logged & Readonly<{ fields: readonly FieldChange[] }>

export const toldChange = (row: ChangeRow): ToldChange => {
  const change = parseChange(row)
  return { ...loggedToShow(change), fields: fieldChanges(change.before, change.after) }
}
