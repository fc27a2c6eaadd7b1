// Who asks: a browser by its session, a program by its token.
import type { Request } from 'express'
import { readHeldToken, recordTokenUse } from '../inventory/store/api-tokens.ts'
import type { Store } from '../inventory/store/open.ts'
import { isoTime } from '../inventory/store/record.ts'
import type { Actor } from './actor.ts'
import { readSessionCookie } from './cookie.ts'
import { HttpRefusal } from './refusal.ts'
import { lowerRole, parseRole } from './roles.ts'
import { isApi } from './route.ts'
import { hashSecret } from './secrets.ts'
import { readSession } from './sessions.ts'

export type Identity = Readonly<{
  actor: Actor
  /** The secret of the browser's session; null for a program, which no other site can make send its token. */
  session: string | null
}>

/** Header of what live parts of pages ask again and again. */
const asksByItself = 'x-asks-by-itself'

/**
 * A token that is given decides alone.
 * @param isUse whether this keeps a session from ending
 * @throws HttpRefusal 401 when the token is not good
 */
export async function identify(
  store: Store,
  now: number,
  request: Request,
  isUse = request.get(asksByItself) === undefined,
): Promise<Identity | null> {
  const authorization = request.get('authorization')
  if (authorization !== undefined && isApi(request.path)) return byToken(store, now, authorization)
  const session = readSessionCookie(request)
  const actor = session === null ? null : await readSession(store, now, session, isUse)
  return actor === null ? null : { actor, session }
}

/** The last use is noted to the minute. */
const notedEveryMs = 60_000

async function byToken(store: Store, now: number, authorization: string): Promise<Identity> {
  const secret = /^Bearer ([\w-]+)$/i.exec(authorization)?.[1]
  const held = secret === undefined ? null : await readHeldToken(store, hashSecret(secret), isoTime(now))
  if (held === null) throw notGood()
  const { user, name, usedAt } = held
  if (usedAt === null || now - Date.parse(usedAt) >= notedEveryMs) await recordTokenUse(store, user, name, isoTime(now))
  const role = lowerRole(parseRole(held.role), parseRole(held.userRole))
  return { actor: { name: user, role, via: 'token', token: name }, session: null }
}

/** RFC 6750 §3.1. */
const notGood = (): HttpRefusal =>
  new HttpRefusal(401, 'this API token is unknown or has expired; bootstead token list shows those there are', {
    headers: { 'WWW-Authenticate': 'Bearer realm="bootstead", error="invalid_token"' },
  })
