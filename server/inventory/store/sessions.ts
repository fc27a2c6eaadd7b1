// Browsers' sessions: the store has the hash of what the cookie holds.
import type { SessionRow, Store } from './open.ts'

export type StoredSession = SessionRow & Readonly<{ role: string }>

/** Those that ended by the clock go on this occasion. */
export async function recordSession({ db }: Store, session: SessionRow, idleSince: string): Promise<void> {
  await db
    .deleteFrom('sessions')
    .where((is) => is.or([is('expires_at', '<=', session.created_at), is('seen_at', '<=', idleSince)]))
    .execute()
  await db.insertInto('sessions').values(session).execute()
}

/** With what its user is now; null when there is none, or its user is disabled. */
export async function readStoredSession({ db }: Store, hash: string): Promise<StoredSession | null> {
  const row = await db
    .selectFrom('sessions as s')
    .innerJoin('users as u', 'u.name', 's.user')
    .select(['s.hash', 's.user', 's.created_at', 's.seen_at', 's.expires_at', 'u.role'])
    .where('s.hash', '=', hash)
    .where('u.disabled', '=', 0)
    .executeTakeFirst()
  return row ?? null
}

export async function recordSessionSeen({ db }: Store, hash: string, at: string): Promise<void> {
  await db.updateTable('sessions').set({ seen_at: at }).where('hash', '=', hash).execute()
}

export async function deleteSession({ db }: Store, hash: string): Promise<void> {
  await db.deleteFrom('sessions').where('hash', '=', hash).execute()
}
