// Tokens by which programs use the API in a user's name. The store has their hashes only.
import type { By } from './audit.ts'
import { recordAudit } from './audit.ts'
import type { ApiTokenRow, Store } from './open.ts'
import { transact } from './record.ts'

export type ApiToken = Omit<ApiTokenRow, 'hash'>
type NewApiToken = Readonly<{ user: string; name: string; hash: string; role: string; expiresAt: string }>

/** Of one user, or of all. */
export async function readApiTokens({ db }: Store, user?: string): Promise<readonly ApiToken[]> {
  const query = db
    .selectFrom('api_tokens')
    .select(['user', 'name', 'role', 'created_at', 'expires_at', 'used_at'])
    .orderBy('user')
    .orderBy('name')
  return (user === undefined ? query : query.where('user', '=', user)).execute()
}

export async function recordApiToken(store: Store, token: NewApiToken, by: By): Promise<'done' | 'unknown' | 'taken'> {
  const { user, name, hash, role, expiresAt } = token
  return transact(store, by.who, async (trx) => {
    const owner = await trx.selectFrom('users').select('name').where('name', '=', user).executeTakeFirst()
    if (owner === undefined) return 'unknown'
    const taken = await trx
      .selectFrom('api_tokens')
      .select('name')
      .where('user', '=', user)
      .where('name', '=', name)
      .executeTakeFirst()
    if (taken !== undefined) return 'taken'
    await trx
      .insertInto('api_tokens')
      .values({ user, name, hash, role, created_at: by.at, expires_at: expiresAt, used_at: null })
      .execute()
    await recordAudit(trx, by, {
      action: 'token added',
      about: `${user}/${name}`,
      detail: `${role}, until ${expiresAt}`,
    })
    return 'done'
  })
}

/** @returns false when there is none */
export async function recordApiTokenRemoval(store: Store, user: string, name: string, by: By): Promise<boolean> {
  return transact(store, by.who, async (trx) => {
    const gone = await trx.deleteFrom('api_tokens').where('user', '=', user).where('name', '=', name).executeTakeFirst()
    if (gone.numDeletedRows === 0n) return false
    await recordAudit(trx, by, { action: 'token removed', about: `${user}/${name}` })
    return true
  })
}

type HeldToken = Readonly<{ user: string; name: string; role: string; userRole: string; usedAt: string | null }>

/** Null when it is unknown or has expired, or its owner is disabled. */
export async function readHeldToken({ db }: Store, hash: string, at: string): Promise<HeldToken | null> {
  const row = await db
    .selectFrom('api_tokens as t')
    .innerJoin('users as u', 'u.name', 't.user')
    .select(['t.user', 't.name', 't.role', 't.used_at as usedAt', 'u.role as userRole'])
    .where('t.hash', '=', hash)
    .where('t.expires_at', '>', at)
    .where('u.disabled', '=', 0)
    .executeTakeFirst()
  return row ?? null
}

export async function recordTokenUse({ db }: Store, user: string, name: string, at: string): Promise<void> {
  await db.updateTable('api_tokens').set({ used_at: at }).where('user', '=', user).where('name', '=', name).execute()
}
