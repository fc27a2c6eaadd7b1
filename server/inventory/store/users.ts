// Users and the one-time links by which they come in. Each change and its line in the audit trail are one transaction.
import type { By } from './audit.ts'
import { recordAudit } from './audit.ts'
import type { InvitationRow, Store, UserRow } from './open.ts'
import type { Trx } from './record.ts'
import { transact } from './record.ts'

export type Account = Omit<UserRow, 'password'>
type NewUser = Readonly<{ name: string; password: string; role: string }>
type UserChange = Partial<Readonly<{ role: string; disabled: boolean; password: string }>>

export async function readUsers({ db }: Store): Promise<readonly Account[]> {
  return db
    .selectFrom('users')
    .select(['name', 'role', 'disabled', 'created_at', 'changed_at'])
    .orderBy('name')
    .execute()
}

export async function hasUsers({ db }: Store): Promise<boolean> {
  return (await db.selectFrom('users').select('name').limit(1).executeTakeFirst()) !== undefined
}

/** With the hash of the password. */
export async function readUser({ db }: Store, name: string): Promise<UserRow | null> {
  return (await db.selectFrom('users').selectAll().where('name', '=', name).executeTakeFirst()) ?? null
}

/** @returns false when there is a user of that name already */
export async function recordUser(store: Store, user: NewUser, by: By): Promise<boolean> {
  return transact(store, by.who, (trx) => insertUser(trx, user, by))
}

async function insertUser(trx: Trx, { name, password, role }: NewUser, by: By): Promise<boolean> {
  const existing = await trx.selectFrom('users').select('name').where('name', '=', name).executeTakeFirst()
  if (existing !== undefined) return false
  await trx
    .insertInto('users')
    .values({ name, password, role, disabled: 0, created_at: by.at, changed_at: by.at })
    .execute()
  await recordAudit(trx, by, { action: 'user added', about: name, detail: role })
  return true
}

type UserOutcome = 'done' | 'unknown' | 'last admin'

/**
 * Nobody is left in who should not be: a user's sessions end with a new password, with being disabled, with removal.
 * Without an administrator who may log in nobody could put anything right, so the last one stays.
 */
export async function recordUserChange(store: Store, name: string, change: UserChange, by: By): Promise<UserOutcome> {
  return transact(store, by.who, async (trx) => {
    const outcome = await mayChange(store, trx, name, change.disabled === true || (change.role ?? 'admin') !== 'admin')
    if (outcome !== 'done') return outcome
    await changeUser(trx, name, change, by)
    return outcome
  })
}

async function changeUser(trx: Trx, name: string, { role, disabled, password }: UserChange, by: By): Promise<void> {
  await trx
    .updateTable('users')
    .set({
      changed_at: by.at,
      ...(role === undefined ? {} : { role }),
      ...(disabled === undefined ? {} : { disabled: disabled ? 1 : 0 }),
      ...(password === undefined ? {} : { password }),
    })
    .where('name', '=', name)
    .execute()
  if (disabled === true || password !== undefined) await trx.deleteFrom('sessions').where('user', '=', name).execute()
  if (password !== undefined) await recordAudit(trx, by, { action: 'password changed', about: name })
  const detail = [role, disabled === undefined ? undefined : disabled ? 'disabled' : 'enabled']
    .filter((word) => word !== undefined)
    .join(', ')
  if (detail !== '') await recordAudit(trx, by, { action: 'user changed', about: name, detail })
}

/** The same password with newer parameters: no change that anybody made. */
export async function recordRehash(store: Store, name: string, before: string, password: string): Promise<void> {
  await transact(store, 'bootstead', (trx) =>
    trx.updateTable('users').set({ password }).where('name', '=', name).where('password', '=', before).execute(),
  )
}

/** A user goes with all sessions, API tokens and links. */
export async function recordUserRemoval(store: Store, name: string, by: By): Promise<UserOutcome> {
  return transact(store, by.who, async (trx) => {
    const outcome = await mayChange(store, trx, name, true)
    if (outcome !== 'done') return outcome
    await trx.deleteFrom('users').where('name', '=', name).execute()
    for (const table of ['sessions', 'api_tokens', 'invitations'] as const)
      await trx.deleteFrom(table).where('user', '=', name).execute()
    await recordAudit(trx, by, { action: 'user removed', about: name })
    return outcome
  })
}

async function mayChange({ flavour }: Store, trx: Trx, name: string, takesAway: boolean): Promise<UserOutcome> {
  const query = trx.selectFrom('users').select(['name', 'role', 'disabled'])
  const users = await (flavour === 'mysql' ? query.forUpdate() : query).execute() // SQLite's transaction is the only writer
  if (!users.some((user) => user.name === name)) return 'unknown'
  const admins = users.filter(({ role, disabled }) => role === 'admin' && disabled === 0)
  return takesAway && admins.length === 1 && admins[0]?.name === name ? 'last admin' : 'done'
}

/** `first` makes the first administrator and is worth nothing once there is a user; `reset` sets a user's password anew. */
export type Invitation = Readonly<{ hash: string; createdBy: string; expiresAt: string }> &
  (Readonly<{ kind: 'first' | 'new'; role: string }> | Readonly<{ kind: 'reset'; user: string }>)

/** Replaces those of the same purpose: the newest link alone is good. @returns false when there is no such user to reset, or there are users and it is to be the first */
export async function recordInvitation(store: Store, invitation: Invitation, by: By): Promise<boolean> {
  return transact(store, by.who, async (trx) => {
    const { kind, hash, createdBy, expiresAt } = invitation
    await trx.deleteFrom('invitations').where('expires_at', '<=', by.at).execute()
    const user = invitation.kind === 'reset' ? invitation.user : null
    const users = trx.selectFrom('users').select('name').limit(1)
    const found = await (user === null ? users : users.where('name', '=', user)).executeTakeFirst()
    if (kind === 'reset' && found === undefined) return false
    if (kind === 'first') {
      if (found !== undefined) return false
      await trx.deleteFrom('invitations').where('kind', '=', 'first').execute()
    }
    if (user !== null) await trx.deleteFrom('invitations').where('user', '=', user).execute()
    const role = invitation.kind === 'reset' ? null : invitation.role
    await trx
      .insertInto('invitations')
      .values({ hash, kind, user, role, created_by: createdBy, expires_at: expiresAt })
      .execute()
    await recordAudit(trx, by, { action: 'link made', about: user ?? '', detail: role ?? 'new password' })
    return true
  })
}

/** Null when it was used, has expired, or has lost its purpose. */
export async function readInvitation({ db }: Store, hash: string, at: string): Promise<Invitation | null> {
  const row = await db.selectFrom('invitations').selectAll().where('hash', '=', hash).executeTakeFirst()
  if (row === undefined || row.expires_at <= at) return null
  const invitation = parseInvitation(row)
  const isLate =
    invitation?.kind === 'first' && (await db.selectFrom('users').select('name').limit(1).execute()).length > 0
  return isLate ? null : invitation
}

function parseInvitation({ hash, kind, user, role, created_by, expires_at }: InvitationRow): Invitation | null {
  const common = { hash, createdBy: created_by, expiresAt: expires_at }
  if (kind === 'reset' && user !== null) return { ...common, kind, user }
  return (kind === 'first' || kind === 'new') && role !== null ? { ...common, kind, role } : null
}

/** Uses a link up: once, whoever comes first. @returns `taken` when the chosen name is somebody's; the link is good still */
export async function redeemInvitation(
  store: Store,
  invitation: Invitation,
  { name, password }: Omit<NewUser, 'role'>,
  by: By,
): Promise<'done' | 'gone' | 'taken'> {
  return transact(store, by.who, async (trx) => {
    if (invitation.kind === 'first' && (await trx.selectFrom('users').select('name').limit(1).execute()).length > 0)
      return 'gone'
    const taken = await trx.selectFrom('users').select('name').where('name', '=', name).executeTakeFirst()
    if (invitation.kind !== 'reset' && taken !== undefined) return 'taken'
    const used = await trx.deleteFrom('invitations').where('hash', '=', invitation.hash).executeTakeFirst()
    if (used.numDeletedRows === 0n) return 'gone'
    if (invitation.kind === 'reset') await changeUser(trx, invitation.user, { password }, by)
    else await insertUser(trx, { name, password, role: invitation.role }, by)
    return 'done'
  })
}
