// What is done with users, API tokens and one-time links, by command line and pages alike: checked, then recorded.
import type { By } from '../inventory/store/audit.ts'
import { readApiTokens, recordApiToken, recordApiTokenRemoval } from '../inventory/store/api-tokens.ts'
import type { Store } from '../inventory/store/open.ts'
import { isoTime } from '../inventory/store/record.ts'
import type { Account, Invitation } from '../inventory/store/users.ts'
import {
  readInvitation,
  readUser,
  readUsers,
  recordInvitation,
  recordUser,
  recordUserChange,
  recordUserRemoval,
  redeemInvitation,
} from '../inventory/store/users.ts'
import { Refused } from '../manage/failure.ts'
import { hashPassword, passwordFault } from './passwords.ts'
import type { Role } from './roles.ts'
import { mayAs, parseRole } from './roles.ts'
import { apiTokenPrefix, hashSecret, newSecret } from './secrets.ts'

export type User = Readonly<{ name: string; role: Role; disabled: boolean; createdAt: string; changedAt: string }>
export type Token = Readonly<{
  user: string
  name: string
  role: Role
  createdAt: string
  expiresAt: string
  usedAt: string | null
}>

/** Letters as they are typed are small ones; a slash would be the end of a name in `api:USER/TOKEN`. */
const userName = /^[a-z][a-z0-9._-]{0,31}$/
const tokenName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/

export const normalName = (typed: string): string => typed.trim().toLowerCase()

function checkUserName(name: string): void {
  if (!userName.test(name))
    throw new Refused(
      `a user's name is a letter, then letters, digits, dots, dashes and underscores, 32 in all; ${JSON.stringify(name)} is not`,
    )
}

function checkPassword(password: string, name: string): void {
  const fault = passwordFault(password, name)
  if (fault !== null) throw new Refused(fault)
}

const unknownUser = (name: string): never => {
  throw new Refused(`there is no user ${name}; bootstead user list shows those there are`)
}

const toUser = ({ name, role, disabled, created_at, changed_at }: Account): User => ({
  name,
  role: parseRole(role),
  disabled: disabled !== 0,
  createdAt: created_at,
  changedAt: changed_at,
})

export async function listUsers(store: Store): Promise<readonly User[]> {
  return (await readUsers(store)).map(toUser)
}

export async function findUser(store: Store, name: string): Promise<User | null> {
  const row = await readUser(store, name)
  return row === null ? null : toUser(row)
}

/** @throws Refused when the name or password can't be one, or the name is taken */
export async function addUser(
  store: Store,
  { name, password, role }: Readonly<{ name: string; password: string; role: Role }>,
  by: By,
): Promise<void> {
  checkUserName(name)
  checkPassword(password, name)
  const added = await recordUser(store, { name, role, password: await hashPassword(password) }, by)
  if (!added) throw new Refused(`there is a user ${name} already`)
}

/** @throws Refused when there is no such user, or nobody would be left who may manage users */
export async function changeUser(
  store: Store,
  name: string,
  change: Partial<Readonly<{ role: Role; disabled: boolean }>>,
  by: By,
): Promise<void> {
  settle(await recordUserChange(store, name, change, by), name)
}

/** Ends every session of the user. @throws Refused when it can't be one, or there is no such user */
export async function changePassword(store: Store, name: string, password: string, by: By): Promise<void> {
  checkPassword(password, name)
  settle(await recordUserChange(store, name, { password: await hashPassword(password) }, by), name)
}

/** @throws Refused as changeUser does */
export async function removeUser(store: Store, name: string, by: By): Promise<void> {
  settle(await recordUserRemoval(store, name, by), name)
}

function settle(outcome: Awaited<ReturnType<typeof recordUserChange>>, name: string): void {
  if (outcome === 'unknown') unknownUser(name)
  if (outcome === 'last admin')
    throw new Refused(`the user ${name} is the only administrator who may log in; make another one first`)
}

export async function listTokens(store: Store, user?: string): Promise<readonly Token[]> {
  return (await readApiTokens(store, user)).map(({ user, name, role, created_at, expires_at, used_at }) => ({
    user,
    name,
    role: parseRole(role),
    createdAt: created_at,
    expiresAt: expires_at,
    usedAt: used_at,
  }))
}

const dayMs = 24 * 3600 * 1000
export const mostTokenDays = 366

/** Of a text as people type it. @throws Refused when it is no number of days that a token may live */
export function parseDays(text: string): number {
  const days = /^\d{1,3}$/.test(text.trim()) ? Number(text) : 0
  if (days < 1 || days > mostTokenDays)
    throw new Refused(`a token lives 1 to ${mostTokenDays} days; ${text} is not that`)
  return days
}

/** @returns the token, which is shown this once. @throws Refused when it would be more than its owner, or the name is taken */
export async function addToken(
  store: Store,
  { user, name, role, days }: Readonly<{ user: string; name: string; role: Role; days: number }>,
  by: By,
): Promise<string> {
  if (!tokenName.test(name))
    throw new Refused(
      `a token's name is a letter or digit, then letters, digits, dots, dashes and underscores, 63 in all; ${JSON.stringify(name)} is not`,
    )
  const owner = (await findUser(store, user)) ?? unknownUser(user)
  if (!mayAs(owner.role, role))
    throw new Refused(`the role of ${user} is ${owner.role}; a token of theirs can't be ${role}`)
  const secret = newSecret(apiTokenPrefix)
  const expiresAt = isoTime(Date.parse(by.at) + days * dayMs)
  const outcome = await recordApiToken(store, { user, name, role, hash: hashSecret(secret), expiresAt }, by)
  if (outcome === 'unknown') unknownUser(user)
  if (outcome === 'taken')
    throw new Refused(`there is a token ${name} of ${user} already; remove it first, or choose another name`)
  return secret
}

/** @throws Refused when there is none */
export async function removeToken(store: Store, user: string, name: string, by: By): Promise<void> {
  if (!(await recordApiTokenRemoval(store, user, name, by))) throw new Refused(`there is no token ${name} of ${user}`)
}

/** What a one-time link is for. `first`: the first administrator. */
export type Purpose =
  Readonly<{ kind: 'first' }> | Readonly<{ kind: 'new'; role: Role }> | Readonly<{ kind: 'reset'; user: string }>

/** @returns the secret of the link, or null when it is for the first administrator and there are users. @throws Refused */
export async function makeLink(store: Store, purpose: Purpose, hours: number, by: By): Promise<string | null> {
  const secret = newSecret()
  const common = {
    hash: hashSecret(secret),
    createdBy: by.who,
    expiresAt: isoTime(Date.parse(by.at) + hours * 3600_000),
  }
  const invitation: Invitation =
    purpose.kind === 'first' ? { ...common, kind: 'first', role: 'admin' } : { ...common, ...purpose }
  const made = await recordInvitation(store, invitation, by)
  if (!made && purpose.kind === 'reset') unknownUser(purpose.user)
  return made ? secret : null
}

/** What a link is for, as long as it is good. */
export async function findLink(store: Store, secret: string, now: number): Promise<Invitation | null> {
  return readInvitation(store, hashSecret(secret), isoTime(now))
}

/** Uses a link up. @returns false when somebody was quicker. @throws Refused when the name or password can't be one */
export async function followLink(
  store: Store,
  invitation: Invitation,
  { name, password }: Readonly<{ name: string; password: string }>,
  by: By,
): Promise<boolean> {
  if (invitation.kind !== 'reset') checkUserName(name)
  checkPassword(password, name)
  const outcome = await redeemInvitation(store, invitation, { name, password: await hashPassword(password) }, by)
  if (outcome === 'taken') throw new Refused(`there is a user ${name} already; choose another name`)
  return outcome === 'done'
}

export const pathOfLink = (secret: string): string => `/invitation?token=${secret}`
