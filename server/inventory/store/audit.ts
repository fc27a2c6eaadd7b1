// Who logged in, or tried to, and what was done to users and tokens. What is done to the inventory is in `changes`.
import type { Kysely } from 'kysely'
import type { AuditRow, Store, StoreSchema } from './open.ts'

/** Who does something, when (ISO 8601 in UTC) and from which address; null when not over the network. */
export type By = Readonly<{ who: string; at: string; peer: string | null }>

export type AuditAction =
  | 'log-in'
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
