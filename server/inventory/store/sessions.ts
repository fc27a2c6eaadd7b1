// Browsers' sessions: the store has the hash of what the cookie holds.
import type { SessionRow, Store } from './open.ts'

type StoredSession = SessionRow & Readonly<{ role: string }>

type NewSession = Omit<SessionRow, 'screen'> & Readonly<{ screen?: number }>

/** Nobody has so many browsers: somebody who logs in again and again does not fill the table. */
const mostOfOne = 50

/** Those that ended by the clock go on this occasion, and the oldest of a user who has very many. */
export async function recordSession(store: Store, session: NewSession, idleSince: string): Promise<void> {
  const { db } = store
  await deleteEndedSessions(store, session.created_at, idleSince)
  await db.insertInto('sessions').values(session).execute()
  const others = await db
    .selectFrom('sessions')
    .select('hash')
    .where('user', '=', session.user)
    .where('hash', '!=', session.hash)
    .orderBy('created_at', 'desc')
    .execute()
  const tooMany = others.slice(mostOfOne - 1).map(({ hash }) => hash)
  if (tooMany.length > 0) await db.deleteFrom('sessions').where('hash', 'in', tooMany).execute()
}

/** @param at those whose end was then or before; @param idleSince those of which nothing was heard since, but no screens */
export async function deleteEndedSessions({ db }: Store, at: string, idleSince: string): Promise<void> {
  await db
    .deleteFrom('sessions')
    .where((is) => is.or([is('expires_at', '<=', at), is.and([is('seen_at', '<=', idleSince), is('screen', '=', 0)])]))
    .execute()
}

/** With what its user is now; null when there is none, or its user is disabled. */
export async function readStoredSession({ db }: Store, hash: string): Promise<StoredSession | null> {
  const row = await db
    .selectFrom('sessions as s')
    .innerJoin('users as u', 'u.name', 's.user')
    .select(['s.hash', 's.user', 's.created_at', 's.seen_at', 's.expires_at', 's.screen', 'u.role'])
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
