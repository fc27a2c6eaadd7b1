// Reading the store: whole tables once, single rows after that.
import type { Kysely } from 'kysely'
import { sql } from 'kysely'
import type { RowChange, Snapshot } from '../snapshot.ts'
import { changeSnapshotInSlices, emptySnapshot } from '../snapshot.ts'
import type { TableName } from '../rows.ts'
import { inSlices } from '../slices.ts'
import { rowKey, tableNames, tables } from '../rows.ts'
import type { ChangeRow, ConsoleRow, EventRow, Store, StoreSchema } from './open.ts'

type RawRow = Readonly<Record<string, unknown>>
type FollowedTable = TableName | 'tokens'

/** Rows applied between two chances for the server to answer something else. */
const rowsPerSlice = 200
/** Rows fetched by one query. */
const rowsPerPage = 20_000
/** Keys named in one query. */
const keysPerQuery = 500

/** Number of the newest change, 0 in a new store. */
export async function readRevision(store: Store): Promise<number> {
  const row = await store.db
    .selectFrom('changes')
    .select(({ fn }) => fn.max('id').as('revision'))
    .executeTakeFirst()
  return row?.revision ?? 0
}

/** The whole inventory at one moment: InnoDB and SQLite show all statements of a transaction what its first one saw. */
export function readSnapshot(store: Store): Promise<Snapshot> {
  return store.db
    .transaction()
    .setIsolationLevel('repeatable read')
    .execute(async (trx) => {
      const { revision, missing } = await readNumbering(trx)
      let snapshot: Snapshot = { ...emptySnapshot, missing }
      for (const table of [...tableNames, 'tokens'] as const)
        for await (const page of pagesOf(trx, table))
          snapshot = await inSlices(changeSnapshotInSlices(snapshot, page, revision, rowsPerSlice))
      return snapshot
    })
}

type Db = Kysely<StoreSchema>

/** How many changes a transaction may be overtaken by, and how many numbers may be missing. */
const [changesLookedBack, mostMissing] = [10_000, 1000]

/** MySQL hands out a number before its transaction commits. */
async function readNumbering(db: Db): Promise<Pick<Snapshot, 'revision' | 'missing'>> {
  const rows = await db.selectFrom('changes').select('id').orderBy('id', 'desc').limit(changesLookedBack).execute()
  const present = new Set(rows.map(({ id }) => id))
  const revision = rows[0]?.id ?? 0
  const lowest = rows.length < changesLookedBack ? 1 : (rows.at(-1)?.id ?? 1)
  const missing: number[] = []
  for (let id = revision - 1; id >= lowest && missing.length < mostMissing; id--) if (!present.has(id)) missing.push(id)
  return { revision, missing: missing.reverse() }
}

async function* pagesOf(db: Db, table: FollowedTable): AsyncGenerator<readonly RowChange[]> {
  const keys = keyColumns(table)
  let after: readonly unknown[] | null = null
  for (;;) {
    const where =
      after === null ? sql`` : sql`WHERE (${sql.join(keys.map((key) => sql.ref(key)))}) > (${sql.join(after)})`
    const order = sql.join(keys.map((key) => sql.ref(key)))
    const page: readonly RawRow[] = (
      await sql<RawRow>`SELECT * FROM ${sql.table(table)} ${where} ORDER BY ${order} LIMIT ${sql.lit(rowsPerPage)}`.execute(
        db,
      )
    ).rows
    yield page.map((row) => toChange(table, row))
    const last = page.at(-1)
    if (last === undefined || page.length < rowsPerPage) return
    after = keys.map((key) => last[key])
  }
}

/** Those rows as they are now; one that no longer exists has `raw: null`. */
export async function readRows(
  store: Store,
  table: FollowedTable,
  wanted: readonly string[],
): Promise<readonly RowChange[]> {
  const found = new Map<string, RowChange>()
  const [first = 'name'] = keyColumns(table)
  for (let from = 0; from < wanted.length; from += keysPerQuery) {
    const heads = [...new Set(wanted.slice(from, from + keysPerQuery).map((key) => key.split('/')[0]))]
    const { rows } =
      await sql<RawRow>`SELECT * FROM ${sql.table(table)} WHERE ${sql.ref(first)} IN (${sql.join(heads)})`.execute(
        store.db,
      )
    for (const row of rows) {
      const change = toChange(table, row)
      found.set(change.key, change)
    }
  }
  return wanted.map((key) => found.get(key) ?? { table, key, raw: null })
}

function keyColumns(table: FollowedTable): readonly string[] {
  return table === 'tokens' ? ['machine', 'id'] : tables[table].key
}

function toChange(table: FollowedTable, row: RawRow): RowChange {
  const { updated_at: _, refused, ...columns } = row
  const raw = refused == null ? columns : { ...columns, refused }
  const key = table === 'tokens' ? `${String(row['machine'])}/${String(row['id'])}` : rowKey(table, row)
  return { table, key, raw }
}

/** Changes newer than `after`, and those of `also` (numbers that were skipped and may have appeared since). */
export async function readChangedKeys(
  store: Store,
  after: number,
  also: readonly number[],
  limit: number,
): Promise<readonly Pick<ChangeRow, 'id' | 'table_name' | 'row_key'>[]> {
  const rows = await store.db
    .selectFrom('changes')
    .select(['id', 'table_name', 'row_key'])
    .where((where) =>
      also.length === 0 ? where('id', '>', after) : where.or([where('id', '>', after), where('id', 'in', also)]),
    )
    .orderBy('id')
    .limit(limit)
    .execute()
  return rows
}

/** History, newest first; of one row when `table` and `key` are given; of a machine and its interfaces and tokens. */
export async function readChanges(
  store: Store,
  filter: Readonly<{
    table?: string
    key?: string
    machine?: string
    /** A part of who signed. */
    who?: string
    limit: number
    /** Below this number. */ before?: number
    /** Above this number. */ after?: number
  }>,
): Promise<readonly ChangeRow[]> {
  let query = store.db.selectFrom('changes').selectAll().orderBy('id', 'desc').limit(filter.limit)
  if (filter.before !== undefined) query = query.where('id', '<', filter.before)
  if (filter.after !== undefined) query = query.where('id', '>', filter.after)
  if (filter.who !== undefined) query = query.where('who', 'like', `%${filter.who.replaceAll(/[%_\\]/g, '_')}%`)
  if (filter.table !== undefined) query = query.where('table_name', '=', filter.table)
  if (filter.key !== undefined) query = query.where('row_key', '=', filter.key)
  const { machine } = filter
  if (machine !== undefined)
    query = query
      .where('table_name', 'in', ['machines', 'interfaces', 'tokens'])
      // `NAME` and `NAME/…`, as a range that the index serves: 0 is the character after /.
      .where((eb) =>
        eb.or([
          eb('row_key', '=', machine),
          eb.and([eb('row_key', '>', `${machine}/`), eb('row_key', '<', `${machine}0`)]),
        ]),
      )
  return query.execute()
}

/**
 * The newest events of a machine, oldest first. By their time: a door's events reach the store in batches, a little
 * after those of other programs.
 */
export async function readEvents(store: Store, machine: string, limit: number): Promise<readonly EventRow[]> {
  const rows = await store.db
    .selectFrom('events')
    .selectAll()
    .where('machine', '=', machine)
    .orderBy('at', 'desc')
    .orderBy('id', 'desc')
    .limit(limit)
    .execute()
  return rows.toReversed()
}

/** The events of several machines since their newest `armed`, oldest first: what their boot states are folded from. */
export async function readLatestEvents(
  store: Store,
  machines: readonly string[],
): Promise<ReadonlyMap<string, readonly EventRow[]>> {
  const events = new Map<string, EventRow[]>()
  for (let from = 0; from < machines.length; from += keysPerQuery) {
    const names = machines.slice(from, from + keysPerQuery)
    const rows = await store.db
      .selectFrom('events as e')
      .selectAll('e')
      .where('e.machine', 'in', names)
      .where('e.at', '>=', (eb) =>
        eb
          .selectFrom('events as a')
          .select(({ fn }) => fn.coalesce(fn.max('a.at'), sql<string>`''`).as('at'))
          .whereRef('a.machine', '=', 'e.machine')
          .where('a.stage', '=', 'armed'),
      )
      .orderBy('e.at')
      .orderBy('e.id')
      .execute()
    for (const row of rows) events.set(row.machine, [...(events.get(row.machine) ?? []), row])
  }
  return events
}

/** Numbers of events above that one, ascending, and whose they are. */
export async function readEventNumbers(
  { db }: Store,
  after: number,
  limit: number,
): Promise<readonly Pick<EventRow, 'id' | 'machine'>[]> {
  return db.selectFrom('events').select(['id', 'machine']).where('id', '>', after).orderBy('id').limit(limit).execute()
}

/** When each machine last reported anything, changed or not; of those that ever did. */
export async function readHeardAt(store: Store, machines: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const heard = new Map<string, string>()
  for (let from = 0; from < machines.length; from += keysPerQuery) {
    const rows = await store.db
      .selectFrom('consoles')
      .select(['machine', 'at'])
      .where('machine', 'in', machines.slice(from, from + keysPerQuery))
      .execute()
    for (const { machine, at } of rows) heard.set(machine, at)
  }
  return heard
}

/** The newest console of those machines that showed one. */
export async function readConsoles(
  store: Store,
  machines: readonly string[],
): Promise<ReadonlyMap<string, ConsoleRow & Readonly<{ tail: string }>>> {
  const consoles = new Map<string, ConsoleRow & Readonly<{ tail: string }>>()
  for (let from = 0; from < machines.length; from += keysPerQuery) {
    const rows = await store.db
      .selectFrom('consoles')
      .selectAll()
      .where('machine', 'in', machines.slice(from, from + keysPerQuery))
      .execute()
    for (const { machine, at, tail } of rows) if (tail !== null) consoles.set(machine, { machine, at, tail })
  }
  return consoles
}

/** Those of the machines of which an `installed` was ever reported. */
export async function readEverInstalled(store: Store, machines: readonly string[]): Promise<ReadonlySet<string>> {
  const installed = new Set<string>()
  for (let from = 0; from < machines.length; from += keysPerQuery) {
    const rows = await store.db
      .selectFrom('events')
      .select('machine')
      .distinct()
      .where('machine', 'in', machines.slice(from, from + keysPerQuery))
      .where('stage', '=', 'installed')
      .execute()
    for (const { machine } of rows) installed.add(machine)
  }
  return installed
}

/** Events with a higher number, oldest first; of all machines when none are named. */
export async function readEventsAfter(
  store: Store,
  after: number,
  { machines, limit }: Readonly<{ machines?: readonly string[]; limit: number }>,
): Promise<readonly EventRow[]> {
  const query = store.db.selectFrom('events').selectAll().where('id', '>', after).orderBy('id').limit(limit)
  if (machines === undefined) return query.execute()
  const found: EventRow[] = []
  for (let from = 0; from < machines.length; from += keysPerQuery)
    found.push(...(await query.where('machine', 'in', machines.slice(from, from + keysPerQuery)).execute()))
  return found.sort((a, b) => a.id - b.id).slice(0, limit)
}

/** The newest events of all machines, newest first, below a number. */
export async function readNewestEvents(store: Store, limit: number, before?: number): Promise<readonly EventRow[]> {
  const query = store.db.selectFrom('events').selectAll().orderBy('id', 'desc').limit(limit)
  return (before === undefined ? query : query.where('id', '<', before)).execute()
}

/** Number of the newest event, 0 when there is none. */
export async function readNewestEventId(store: Store): Promise<number> {
  const row = await store.db
    .selectFrom('events')
    .select(({ fn }) => fn.max('id').as('id'))
    .executeTakeFirst()
  return row?.id ?? 0
}
