// Writing the store: every write is one transaction, and every row it changes becomes a `changes` row by trigger.
import { randomBytes, randomUUID } from 'node:crypto'
import type { RawBuilder, Transaction } from 'kysely'
import { sql } from 'kysely'
import type { Edit, StoredRow } from '../encode.ts'
import { encodeRow } from '../encode.ts'
import type { BootAction, TableName, Token } from '../rows.ts'
import { rowKey, tables } from '../rows.ts'
import { refuseViewEdits } from './mirrored.ts'
import type { Expected } from './versions.ts'
import { holdVersions } from './versions.ts'
import type { ConsoleRow, EventRow, Flavour, Store, StoreSchema } from './open.ts'

export type Trx = Transaction<StoreSchema>
export type NewEvent = Omit<EventRow, 'id'>

/** Rows written by one statement; times the widest table's columns it stays under SQLite's 32,766 parameters. */
const rowsPerStatement = 500

/**
 * One transaction whose changes carry `who`. MySQL's triggers read a session variable; SQLite has none, so there the
 * transaction signs its changes before it ends (it is the only writer while it lasts).
 */
export async function transact<T>(store: Store, who: string, body: (trx: Trx) => Promise<T>): Promise<T> {
  return runTransaction(store, who, body).catch((error: unknown) => {
    // mysql2 puts the statement with its values into the error, and a token may be one of them.
    if (error instanceof Error) Reflect.deleteProperty(error, 'sql')
    throw error
  })
}

async function runTransaction<T>(store: Store, who: string, body: (trx: Trx) => Promise<T>): Promise<T> {
  return store.db.transaction().execute(async (trx) => {
    if (store.flavour === 'mysql') {
      await sql`SET @bootstead_who = ${who}`.execute(trx)
      try {
        return await body(trx)
      } finally {
        await sql`SET @bootstead_who = NULL`.execute(trx)
      }
    }
    // The write lock first, so that no other writer's changes come between the two statements below.
    await sql`UPDATE changes SET who = who WHERE id = -1`.execute(trx)
    const before = await newestChange(trx)
    const result = await body(trx)
    await trx.updateTable('changes').set({ who }).where('id', '>', before).execute()
    return result
  })
}

export async function newestChange(trx: Trx): Promise<number> {
  const row = await trx
    .selectFrom('changes')
    .select(({ fn }) => fn.max('id').as('id'))
    .executeTakeFirst()
  return row?.id ?? 0
}

/** What else is done with edits, in their transaction. */
export type Within = Readonly<{
  /** What the edits were decided on. */
  expected?: readonly Expected[]
  /** Machines whose next boot the edits set: an arming that was not used goes, and the timeline says so. */
  boots?: readonly Readonly<{ hostname: string; action: Exclude<BootAction, 'install'>; now: number }>[]
}>

/**
 * Applies all edits or none. Returns the revision afterwards.
 * @throws ViewEditRefused when an edit is of the site's own, Outdated when what was expected is no longer so
 */
export async function recordEdits(
  store: Store,
  edits: readonly Edit[],
  who: string,
  { expected = [], boots = [] }: Within = {},
): Promise<number> {
  return transact(store, who, async (trx) => {
    await holdVersions(trx, store.flavour, expected)
    await refuseViewEdits(trx, edits)
    for (const table of Object.keys(tables) as TableName[]) {
      const own = edits.filter((edit) => edit.table === table)
      const rows = own.flatMap((edit) => (edit.kind === 'put' ? [edit.row] : []))
      for (let from = 0; from < rows.length; from += rowsPerStatement)
        await putRows(trx, table, rows.slice(from, from + rowsPerStatement).map(encodeRow))
      for (const edit of own) if (edit.kind === 'delete') await deleteRow(trx, table, edit.key)
    }
    for (const { hostname, action, now } of boots) await setBoot(trx, hostname, action, { who, now })
    return newestChange(trx)
  })
}

/** Rows of the same columns: added, or these columns of theirs set. */
export async function putRows(trx: Trx, table: TableName, rows: readonly StoredRow[]): Promise<void> {
  for (let from = 0; from < rows.length; from += rowsPerStatement) {
    const batch = rows.slice(from, from + rowsPerStatement)
    const existing = await existingKeys(trx, table, batch)
    const added = batch.filter((row) => !existing.has(rowKey(table, row)))
    if (added.length > 0) await trx.insertInto(table).values(added).execute()
    for (const row of batch) if (existing.has(rowKey(table, row))) await updateRow(trx, table, row)
  }
}

async function existingKeys(trx: Trx, table: TableName, rows: readonly StoredRow[]): Promise<ReadonlySet<string>> {
  const [first = 'name'] = tables[table].key
  const heads = [...new Set(rows.map((row) => row[first] ?? null))]
  const columns = sql.join(tables[table].key.map((column) => sql.ref(column)))
  const found =
    await sql<StoredRow>`SELECT ${columns} FROM ${sql.table(table)} WHERE ${sql.ref(first)} IN (${sql.join(heads)})`.execute(
      trx,
    )
  return new Set(found.rows.map((row) => rowKey(table, row)))
}

async function updateRow(trx: Trx, table: TableName, row: StoredRow): Promise<void> {
  const sets = Object.entries(row).map(([column, value]) => sql`${sql.ref(column)} = ${value}`)
  await sql`UPDATE ${sql.table(table)} SET ${sql.join(sets)} WHERE ${isRow(table, rowKey(table, row))}`.execute(trx)
}

/** A machine goes with its interfaces, tokens and console. */
export async function deleteRow(trx: Trx, table: TableName, key: string): Promise<void> {
  await sql`DELETE FROM ${sql.table(table)} WHERE ${isRow(table, key)}`.execute(trx)
  if (table !== 'machines') return
  await sql`DELETE FROM interfaces WHERE machine = ${key}`.execute(trx)
  await trx.deleteFrom('tokens').where('machine', '=', key).execute()
  await trx.deleteFrom('consoles').where('machine', '=', key).execute()
}

function isRow(table: TableName, key: string) {
  const values = key.split('/')
  const parts = tables[table].key.map((column, index) => sql`${sql.ref(column)} = ${values[index] ?? ''}`)
  return sql.join(parts, sql` AND `)
}

/**
 * Arms machines for one install each, all or none: `boot` becomes `install`; an older arming and the console of an
 * earlier install go. Two tokens are made: one for the installer, which its `installed` report uses up, and one for the system that it leaves behind,
 * which replaces its predecessor only then, so that a running Dom0 is not cut off by being armed.
 */
export async function recordArming(
  store: Store,
  hostnames: readonly string[],
  options: Readonly<{ who: string; now: number; expiresAt: number; expected?: readonly Expected[] }>,
): Promise<void> {
  const at = isoTime(options.now)
  await transact(store, options.who, async (trx) => {
    await holdVersions(trx, store.flavour, options.expected ?? [])
    for (const machine of hostnames) {
      await dropArming(trx, machine)
      const tokens = [
        newToken(machine, 'install', at, isoTime(options.expiresAt)),
        newToken(machine, 'machine', at, null),
      ]
      await trx.insertInto('tokens').values(tokens).execute()
      await trx.deleteFrom('consoles').where('machine', '=', machine).execute()
      await sql`UPDATE machines SET boot = 'install' WHERE hostname = ${machine}`.execute(trx)
    }
    await insertEvents(
      trx,
      hostnames.map((machine) => adminEvent(machine, at, 'armed', options.who)),
    )
  })
}

/** Sets another boot action; an arming that was not used goes with it. */
export async function recordBootAction(
  store: Store,
  hostnames: readonly string[],
  action: Exclude<BootAction, 'install'>,
  options: Readonly<{ who: string; now: number; expected?: readonly Expected[] }>,
): Promise<void> {
  await transact(store, options.who, async (trx) => {
    await holdVersions(trx, store.flavour, options.expected ?? [])
    for (const machine of hostnames) await setBoot(trx, machine, action, options)
  })
}

async function setBoot(
  trx: Trx,
  machine: string,
  action: Exclude<BootAction, 'install'>,
  { who, now }: Readonly<{ who: string; now: number }>,
): Promise<void> {
  await dropArming(trx, machine)
  await sql`UPDATE machines SET boot = ${action} WHERE hostname = ${machine}`.execute(trx)
  const stage = action === 'local' ? 'disarmed' : action
  await insertEvents(trx, [adminEvent(machine, isoTime(now), stage, who)])
}

async function dropArming(trx: Trx, machine: string): Promise<void> {
  const unused = await trx
    .selectFrom('tokens')
    .select('created_at')
    .where('machine', '=', machine)
    .where('purpose', '=', 'install')
    .where('used_at', 'is', null)
    .execute()
  for (const { created_at } of unused)
    await trx.deleteFrom('tokens').where('machine', '=', machine).where('created_at', '=', created_at).execute()
}

const adminEvent = (machine: string, at: string, stage: string, who: string): NewEvent => ({
  machine,
  at,
  stage,
  detail: `by ${who}`,
  progress: null,
  door: 'admin',
  peer: null,
})

/**
 * The installer's last word. Only the holder of the unused token gets anywhere, and only once: the token is used up
 * and `boot` becomes `local` in one transaction. From then on the tokens of earlier installs are worth nothing.
 * @returns false when the token was not that machine's, was used already, or is gone
 */
export async function recordInstalled(store: Store, token: Token, event: NewEvent): Promise<boolean> {
  return transact(store, `machine:${token.machine}`, async (trx) => {
    const used = await trx
      .updateTable('tokens')
      .set({ used_at: event.at })
      .where('machine', '=', token.machine)
      .where('id', '=', token.id)
      .where('secret', '=', token.secret)
      .where('used_at', 'is', null)
      .executeTakeFirst()
    if (used.numUpdatedRows === 0n) return false
    await sql`UPDATE machines SET boot = 'local' WHERE hostname = ${token.machine} AND boot = 'install'`.execute(trx)
    await trx
      .deleteFrom('tokens')
      .where('machine', '=', token.machine)
      .where('created_at', '<', token.created_at)
      .execute()
    await insertEvents(trx, [event])
    return true
  })
}

export async function recordEvents(store: Store, events: readonly NewEvent[]): Promise<void> {
  for (let from = 0; from < events.length; from += rowsPerStatement)
    await store.db
      .insertInto('events')
      .values(events.slice(from, from + rowsPerStatement))
      .execute()
}

/** Consoles written by one statement: 100 of 64 KiB stay under the smallest max_allowed_packet in use, 16 MiB. */
const consolesPerStatement = 100

/** Keeps the newest of each machine; one without a tail says that it was heard of, and leaves the tail that is there. */
export async function recordConsoles(store: Store, consoles: readonly ConsoleRow[]): Promise<void> {
  for (let from = 0; from < consoles.length; from += consolesPerStatement) {
    const rows = consoles
      .slice(from, from + consolesPerStatement)
      .map(({ machine, at, tail }) => sql`(${machine}, ${at}, ${tail})`)
    await sql`INSERT INTO consoles (machine, at, tail) VALUES ${sql.join(rows)} ${upsertNewest[store.flavour]}`.execute(
      store.db,
    )
  }
}

/** MySQL assigns from left to right, so `at` comes last. */
const upsertNewest: Readonly<Record<Flavour, RawBuilder<unknown>>> = {
  mysql: sql`ON DUPLICATE KEY UPDATE
    tail = IF(VALUES(at) >= at, COALESCE(VALUES(tail), tail), tail), at = GREATEST(at, VALUES(at))`,
  sqlite: sql`ON CONFLICT (machine) DO UPDATE SET tail = COALESCE(excluded.tail, tail), at = excluded.at
    WHERE excluded.at >= consoles.at`,
}

async function insertEvents(trx: Trx, events: readonly NewEvent[]): Promise<void> {
  for (let from = 0; from < events.length; from += rowsPerStatement)
    await trx
      .insertInto('events')
      .values(events.slice(from, from + rowsPerStatement))
      .execute()
}

/** 128 random bits in 22 characters that survive any shell, URL and boot loader; EL 4 and 5 read 255 of a command line. */
function newToken(machine: string, purpose: Token['purpose'], createdAt: string, expiresAt: string | null): Token {
  const secret = randomBytes(16).toString('base64url')
  return { id: randomUUID(), machine, purpose, secret, created_at: createdAt, expires_at: expiresAt, used_at: null }
}

export function isoTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString()
}
