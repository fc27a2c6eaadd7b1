// Which columns of our tables are copied from views of the site, and how those views were when they were last read.
import type { Kysely } from 'kysely'
import { sql } from 'kysely'
import type { Edit, StoredRow } from '../encode.ts'
import { encodeRow } from '../encode.ts'
import type { TableName } from '../rows.ts'
import { rowKey, tableNames, tables } from '../rows.ts'
import type { StoreSchema } from './open.ts'
import type { Sums } from './views.ts'

export type Mark = Readonly<{
  /** The view: `farm_views.machines`. */
  view: string
  columns: readonly string[]
  /** The columns that were compared as bytes. */
  binary: readonly string[]
  sums: Sums
}>

type Db = Kysely<StoreSchema>
type Written = Readonly<Omit<Mark, 'sums'> & { sums: readonly (readonly [number, string])[] }>

/** The row of `mirrored` that is no view: our own revision up to which mirrored rows were looked at. */
const revisionName = '(revision)'

export async function readMarks(db: Db): Promise<ReadonlyMap<TableName, Mark>> {
  const rows = await db.selectFrom('mirrored').selectAll().where('name', 'in', tableNames).execute()
  return new Map(
    rows.map(({ name, state }) => {
      const written = JSON.parse(state) as Written
      return [name as TableName, { ...written, sums: new Map(written.sums) }]
    }),
  )
}

export async function readMirroredRevision(db: Db): Promise<number> {
  const row = await db.selectFrom('mirrored').select('state').where('name', '=', revisionName).executeTakeFirst()
  return Number(row?.state ?? 0)
}

export async function writeMark(db: Db, table: TableName, mark: Mark): Promise<void> {
  const written: Written = { ...mark, sums: [...mark.sums] }
  await sql`REPLACE INTO mirrored (name, state) VALUES (${table}, ${JSON.stringify(written)})`.execute(db)
}

export async function writeMirroredRevision(db: Db, revision: number): Promise<void> {
  await sql`REPLACE INTO mirrored (name, state) VALUES (${revisionName}, ${String(revision)})`.execute(db)
}

/** From now on these tables are Bootstead's own: their rows stay as they are, and may be edited. */
export async function releaseTables(db: Db, released: readonly TableName[]): Promise<void> {
  if (released.length === 0) return
  await db.deleteFrom('mirrored').where('name', 'in', released).execute()
  for (const table of released)
    await sql`UPDATE ${sql.table(table)} SET refused = NULL WHERE refused IS NOT NULL`.execute(db)
}

/** An edit of what is the site's: it would be gone with the next look at the view. */
export class ViewEditRefused extends Error {
  override name = 'ViewEditRefused'
}

const keysPerQuery = 500
const shownComplaints = 20

/** @throws ViewEditRefused naming each row, column and view */
export async function refuseViewEdits(db: Db, edits: readonly Edit[]): Promise<void> {
  const marks = await readMarks(db)
  const complaints: string[] = []
  for (const [table, mark] of marks) {
    const own = edits.filter((edit) => edit.table === table)
    const stored = await storedRows(db, table, own.map(keyOfEdit))
    for (const edit of own) complaints.push(...complaintsOf(edit, mark, stored.get(keyOfEdit(edit)) ?? null))
  }
  if (complaints.length === 0) return
  const more = complaints.length - shownComplaints
  throw new ViewEditRefused(
    ['nothing was changed:', ...complaints.slice(0, shownComplaints), ...(more > 0 ? [`… and ${more} more`] : [])].join(
      '\n',
    ),
  )
}

const keyOfEdit = (edit: Edit): string => (edit.kind === 'put' ? rowKey(edit.table, edit.row) : edit.key)

function complaintsOf(edit: Edit, { view, columns }: Mark, stored: StoredRow | null): readonly string[] {
  const row = `${edit.table} ${keyOfEdit(edit)}`
  if (edit.kind === 'delete')
    return stored === null ? [] : [`${row}: comes from the view ${view}; remove it in the site's own table`]
  if (stored === null) return [`${row}: is not in the view ${view}; add it in the site's own table`]
  const wanted = encodeRow(edit.row)
  return columns
    .filter((column) => (wanted[column] ?? null) !== (stored[column] ?? null))
    .map((column) => `${row}: ${column} comes from the view ${view}; change it in the site's own table`)
}

async function storedRows(db: Db, table: TableName, keys: readonly string[]): Promise<ReadonlyMap<string, StoredRow>> {
  const found = new Map<string, StoredRow>()
  const [first = 'name'] = tables[table].key
  const heads = [...new Set(keys.map((key) => key.split('/')[0]))]
  for (let from = 0; from < heads.length; from += keysPerQuery) {
    const some = sql.join(heads.slice(from, from + keysPerQuery))
    const { rows } =
      await sql<StoredRow>`SELECT * FROM ${sql.table(table)} WHERE ${sql.ref(first)} IN (${some})`.execute(db)
    for (const row of rows) found.set(rowKey(table, row), row)
  }
  return found
}
