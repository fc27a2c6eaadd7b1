// The inventory as it was at an earlier revision: today's rows with what changed since taken back.
import type { Edit } from '../encode.ts'
import { noSecret, parseRow, tableNames } from '../rows.ts'
import type { TableName, Token } from '../rows.ts'
import type { RowChange, Snapshot } from '../snapshot.ts'
import { changeSnapshot, rowOf } from '../snapshot.ts'
import type { TouchedRow } from '../touched.ts'
import type { ChangeRow, Store } from './open.ts'
import { readRevision } from './read.ts'

export type Revision = Readonly<{
  revision: number
  /** When it came to be, milliseconds since the epoch; null for the empty inventory before the first change. */
  at: number | null
}>

/** A picture of the inventory, so that what was changed since can be told. */
export type Basis = Pick<Snapshot, 'revision' | 'missing'> &
  Readonly<{
    /** When plans were made of it, milliseconds since the epoch: tokens expire without a row changing. */
    at: number
  }>

/** The inventory as it was, and the rows that were changed since. */
export type Past = Readonly<{ snapshot: Snapshot; rows: readonly TouchedRow[] }>

/** Changes read by one query. */
const changesPerPage = 10_000

/** The newest revision that was there at a time; revision 0 when nothing was. */
export async function readRevisionAt(store: Store, at: string): Promise<number> {
  const row = await store.db
    .selectFrom('changes')
    .select(({ fn }) => fn.max('id').as('id'))
    .where('at', '<=', at)
    .executeTakeFirst()
  return row?.id ?? 0
}

/** Null when there is no such revision yet. Numbers that a rolled-back transaction skipped are the revision before them. */
export async function readRevisionTime(store: Store, revision: number): Promise<Revision | null> {
  if (revision < 0 || revision > (await readRevision(store))) return null
  const row = await store.db
    .selectFrom('changes')
    .select(['at'])
    .where('id', '<=', revision)
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst()
  return { revision, at: row === undefined ? null : Date.parse(row.at) }
}

/**
 * What takes every row that was changed after `revision` back to what it was then.
 * @param missing numbers of changes before it that were committed after it
 */
export async function readChangesSince(
  store: Store,
  revision: number,
  missing: readonly number[] = [],
): Promise<readonly RowChange[]> {
  const undo = new Map<string, RowChange>()
  for await (const page of changesSince(store, revision, missing))
    for (const change of page) {
      const id = `${change.table_name} ${change.row_key}`
      if (!undo.has(id)) undo.set(id, takenBack(change)) // the first change after the revision holds what was before
    }
  return [...undo.values()]
}

type Undone = Pick<ChangeRow, 'id' | 'table_name' | 'row_key' | 'before'>

async function* changesSince(
  { db }: Store,
  revision: number,
  missing: readonly number[],
): AsyncGenerator<readonly Undone[]> {
  const select = db.selectFrom('changes').select(['id', 'table_name', 'row_key', 'before']).orderBy('id')
  if (missing.length > 0) yield select.where('id', 'in', missing).execute()
  for (let after = revision; ;) {
    const page = await select.where('id', '>', after).limit(changesPerPage).execute()
    yield page
    const last = page.at(-1)
    if (last === undefined || page.length < changesPerPage) return
    after = last.id
  }
}

/** The clocks of hosts that make plans and of the database may differ by so much. */
const clockToleranceMs = 60_000

/**
 * The inventory as it was in that picture, from today's. Null when the store's history doesn't tell: its numbers are those
 * of another history, since a dump was restored or a new store put in its place.
 */
export async function readPast(store: Store, snapshot: Snapshot, basis: Basis): Promise<Past | null> {
  if (basis.revision > snapshot.revision || !(await isOfHistory(store, basis))) return null
  const rows = await readChangesSince(store, basis.revision, basis.missing)
  return { snapshot: changeSnapshot(snapshot, rows, basis.revision), rows }
}

async function isOfHistory({ db }: Store, { revision, at }: Basis): Promise<boolean> {
  if (revision === 0) return true
  const row = await db.selectFrom('changes').select('at').where('id', '=', revision).executeTakeFirst()
  return row !== undefined && Date.parse(row.at) <= at + clockToleranceMs
}

function takenBack({ table_name, row_key, before }: Pick<ChangeRow, 'table_name' | 'row_key' | 'before'>): RowChange {
  const row = before === null ? null : (JSON.parse(before) as Readonly<Record<string, unknown>>)
  if (table_name !== 'tokens') return { table: table_name as TableName, key: row_key, raw: row }
  return { table: 'tokens', key: row_key, raw: row === null ? null : { ...row, secret: noSecret } }
}

/** The picture as it was at `revision`, from today's and what `readChangesSince` gave for it. */
export function snapshotBefore(snapshot: Snapshot, changes: readonly RowChange[], revision: number): Snapshot {
  return withoutTokenSecrets(changeSnapshot(snapshot, changes, revision))
}

/** Tokens are random: a picture that is compared with another's, or shown, has the same word for all of them. */
export function withoutTokenSecrets(snapshot: Snapshot): Snapshot {
  const hidden = (token: Token): Token => ({ ...token, secret: noSecret })
  return { ...snapshot, tokens: snapshot.tokens.map((own) => own.map(hidden)) }
}

/**
 * What makes the inventory as it was, as edits of today's. Arming is not inventory: tokens stay as they are, and so
 * does each machine's `boot`, unless the machine is gone today. Rows that could not be read then are told, not restored.
 */
export function editsBack(
  snapshot: Snapshot,
  changes: readonly RowChange[],
): Readonly<{ edits: readonly Edit[]; unreadable: readonly RowChange[] }> {
  const edits: Edit[] = []
  const unreadable: RowChange[] = []
  for (const change of changes) {
    const { table, key, raw } = change
    if (table === 'tokens' || !tableNames.includes(table)) continue
    if (raw === null) {
      edits.push({ kind: 'delete', table, key })
      continue
    }
    const boot = table === 'machines' ? (rowOf(snapshot, 'machines', key)?.boot ?? 'local') : null
    const parsed = parseRow(table, boot === null ? raw : { ...raw, boot })
    if (parsed.ok) edits.push({ kind: 'put', table, row: parsed.row })
    else unreadable.push(change)
  }
  return { edits, unreadable }
}
