// Which version of a row somebody has seen: so that nobody writes over what he has not.
import type { Kysely } from 'kysely'
import { sql } from 'kysely'
import type { TableName } from '../rows.ts'
import type { Snapshot } from '../snapshot.ts'
import type { ChangeRow, Flavour, StoreSchema } from './open.ts'

/** A row that can be changed by itself; a machine with its interfaces. */
export type Subject = Readonly<{ table: Exclude<TableName, 'interfaces'>; key: string }>

/**
 * `105-7`: of the changes of a subject that there are, the newest number, and how many. Numbers alone don't do: MySQL
 * hands them out before a transaction commits, so a lower one may come later.
 */
export type Version = string

export const noVersion: Version = '0-0'

/** The subject is no longer what it was. */
export class Outdated extends Error {
  override name = 'Outdated'
  readonly subject: Subject
  /** Null when its history is not known. */
  readonly change: Pick<ChangeRow, 'id' | 'at' | 'who'> | null

  constructor(subject: Subject, change: Outdated['change']) {
    const by = change === null ? 'has been changed' : `was changed by ${change.who} at ${change.at}`
    super(`${subject.table} ${subject.key} ${by}, after it was read; read it again, and decide anew`)
    this.subject = subject
    this.change = change
  }
}

const keysPerQuery = 100

type Db = Kysely<StoreSchema>

/** @param picture to leave out what it does not contain; else all that is committed */
export async function readVersions(
  db: Db,
  table: Subject['table'],
  keys: readonly string[],
  picture?: Pick<Snapshot, 'revision' | 'missing'>,
): Promise<ReadonlyMap<string, Version>> {
  const found = new Map<string, { newest: number; count: number }>()
  for (let from = 0; from < keys.length; from += keysPerQuery) {
    for (const { row_key, newest, count } of await countChanges(
      db,
      table,
      keys.slice(from, from + keysPerQuery),
      picture,
    )) {
      const key = table === 'machines' ? (row_key.split('/')[0] ?? '') : row_key
      const known = found.get(key) ?? { newest: 0, count: 0 }
      found.set(key, { newest: Math.max(known.newest, newest), count: known.count + count })
    }
  }
  return new Map([...found].map(([key, { newest, count }]) => [key, `${newest}-${count}`]))
}

function countChanges(
  db: Db,
  table: TableName,
  keys: readonly string[],
  picture?: Pick<Snapshot, 'revision' | 'missing'>,
) {
  let query = db
    .selectFrom('changes')
    .select(({ fn }) => ['row_key', fn.max('id').as('newest'), fn.count<number>('id').as('count')])
    .where((eb) =>
      eb.or([
        eb.and([eb('table_name', '=', table), eb('row_key', 'in', keys)]),
        // `NAME/…` as a range that the index serves: 0 is the character after /.
        ...(table !== 'machines' ? [] : keys).map((key) =>
          eb.and([eb('table_name', '=', 'interfaces'), eb('row_key', '>', `${key}/`), eb('row_key', '<', `${key}0`)]),
        ),
      ]),
    )
    .groupBy('row_key')
  if (picture !== undefined) query = query.where('id', '<=', picture.revision)
  if (picture !== undefined && picture.missing.length > 0) query = query.where('id', 'not in', picture.missing)
  return query.execute()
}

export type Expected = Subject & Readonly<{ version: Version }>

/** @throws Outdated when one is not in the version that was expected */
export async function checkVersions(db: Db, expected: readonly Expected[]): Promise<void> {
  for (const table of new Set(expected.map((one) => one.table))) {
    const own = expected.filter((one) => one.table === table)
    const now = await readVersions(
      db,
      table,
      own.map(({ key }) => key),
    )
    for (const { key, version } of own)
      if ((now.get(key) ?? noVersion) !== version)
        throw new Outdated({ table, key }, await newestChange(db, table, key))
  }
}

/** The same for a transaction that is going to change these rows: nobody else changes them until it ends. */
export async function holdVersions(trx: Db, flavour: Flavour, expected: readonly Expected[]): Promise<void> {
  // SQLite has one writer at a time, and a transaction that writes is it.
  if (flavour === 'mysql') for (const { table, key } of inOrder(expected)) await lockSubject(trx, table, key)
  await checkVersions(trx, expected)
}

/** Two who lock the same rows in one order wait for each other; in two orders, for ever. */
const inOrder = (expected: readonly Expected[]): readonly Expected[] =>
  expected.toSorted((a, b) => (`${a.table}/${a.key}` < `${b.table}/${b.key}` ? -1 : 1))

/** Locking reads come before any other, so that those see all that was committed until the lock was had. */
async function lockSubject(db: Db, table: Subject['table'], key: string): Promise<void> {
  const column = table === 'machines' ? 'hostname' : 'name'
  await sql`SELECT 1 FROM ${sql.table(table)} WHERE ${sql.ref(column)} = ${key} FOR UPDATE`.execute(db)
  if (table === 'machines') await sql`SELECT 1 FROM interfaces WHERE machine = ${key} FOR UPDATE`.execute(db)
}

async function newestChange(db: Db, table: Subject['table'], key: string): Promise<Outdated['change']> {
  const row = await db
    .selectFrom('changes')
    .select(['id', 'at', 'who'])
    .where((eb) =>
      eb.or([
        eb.and([eb('table_name', '=', table), eb('row_key', '=', key)]),
        ...(table !== 'machines'
          ? []
          : [
              eb.and([
                eb('table_name', '=', 'interfaces'),
                eb('row_key', '>', `${key}/`),
                eb('row_key', '<', `${key}0`),
              ]),
            ]),
      ]),
    )
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst()
  return row ?? null
}
