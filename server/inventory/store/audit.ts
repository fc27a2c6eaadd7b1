// Who logged in, or tried to, and what was done to users and tokens. What is done to the inventory is in `changes`.
import type { Kysely } from 'kysely'
import type { AuditRow, Store, StoreSchema } from './open.ts'

/** Who does something, when (ISO 8601 in UTC) and from which address; null when not over the network. */
export type By = Readonly<{ who: string; at: string; peer: string | null }>

type AuditAction =
  | 'log-in'
  | 'log-in of a screen'
  | 'log-in failed'
  | 'log-in refused'
  | 'log-out'
  | 'user added'
  | 'user changed'
  | 'user removed'
  | 'password changed'
  | 'token added'
  | 'token removed'
  | 'link made'

/** `about`: the user, or USER/TOKEN. `detail` is never a secret, nor what somebody typed where a secret may stand. */
export type Audited = Readonly<{ action: AuditAction; about: string; detail?: string }>

/** Within the transaction of what it tells, where there is one. */
export async function recordAudit(
  db: Kysely<StoreSchema>,
  { who, at, peer }: By,
  { action, about, detail = '' }: Audited,
): Promise<void> {
  await db.insertInto('audit').values({ at, who, action, about, detail, peer }).execute()
}

/** Newest first. */
export async function readAudit(
  { db }: Store,
  { limit, before }: Readonly<{ limit: number; before?: number }>,
): Promise<readonly AuditRow[]> {
  const query = db.selectFrom('audit').selectAll().orderBy('id', 'desc').limit(limit)
  return (before === undefined ? query : query.where('id', '<', before)).execute()
}

/**
 * The oldest lines, as far as they are from before that time; numbers stand in the order of time, but for the clocks of
 * servers that differ.
 * @returns how many went, `most` when there may be more
 */
export async function deleteAudit({ db }: Store, before: string, most: number): Promise<number> {
  const oldest = await db.selectFrom('audit').select(['id', 'at']).orderBy('id').limit(most).execute()
  const old = oldest.filter(({ at }) => at < before).map(({ id }) => id)
  if (old.length > 0) await db.deleteFrom('audit').where('id', 'in', old).execute()
  return old.length
}
