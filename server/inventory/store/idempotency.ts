// Requests that must not be done twice: what was answered to each, kept for a day.
import { sql } from 'kysely'
import type { Store } from './open.ts'
import { isoTime } from './record.ts'

/** `open`: it was begun, and its end is not known. */
type Remembered =
  | Readonly<{ kind: 'new' }>
  | Readonly<{ kind: 'open' }>
  | Readonly<{ kind: 'other request' }>
  | Readonly<{ kind: 'answered'; answer: string }>

const keptMs = 24 * 3600 * 1000

/** @param key who asked, and the key they gave; @param request a digest of what was asked */
export async function beginRequest(store: Store, key: string, request: string, now: number): Promise<Remembered> {
  await store.db
    .deleteFrom('idempotency')
    .where('at', '<', isoTime(now - keptMs))
    .execute()
  const begun = await insertNew(store, key, request, now)
  if (begun) return { kind: 'new' }
  const row = await store.db.selectFrom('idempotency').selectAll().where('key', '=', key).executeTakeFirst()
  if (row === undefined) return { kind: 'open' } // taken back at this moment
  if (row.request !== request) return { kind: 'other request' }
  return row.answer === null ? { kind: 'open' } : { kind: 'answered', answer: row.answer }
}

async function insertNew({ flavour, db }: Store, key: string, request: string, now: number): Promise<boolean> {
  const ignore = flavour === 'mysql' ? sql`INSERT IGNORE` : sql`INSERT OR IGNORE`
  const columns = sql`(${sql.ref('key')}, request, at, answer)`
  const done =
    await sql`${ignore} INTO idempotency ${columns} VALUES (${key}, ${request}, ${isoTime(now)}, NULL)`.execute(db)
  return Number(done.numAffectedRows ?? 0n) === 1
}

export async function endRequest(store: Store, key: string, answer: string): Promise<void> {
  await store.db.updateTable('idempotency').set({ answer }).where('key', '=', key).execute()
}

/** Nothing was done: the same may be asked again. */
export async function forgetRequest(store: Store, key: string): Promise<void> {
  await store.db.deleteFrom('idempotency').where('key', '=', key).where('answer', 'is', null).execute()
}
