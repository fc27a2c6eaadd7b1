// Browsers' sessions: made at log-in, ended by log-out and by the clock.
import type { Request, Response } from 'express'
import type { Store } from '../inventory/store/open.ts'
import { isoTime } from '../inventory/store/record.ts'
import { deleteSession, readStoredSession, recordSession, recordSessionSeen } from '../inventory/store/sessions.ts'
import type { Actor } from './actor.ts'
import { clearSessionCookie, readSessionCookie, setSessionCookie } from './cookie.ts'
import { lowerRole, parseRole } from './roles.ts'
import { hashSecret, newSecret } from './secrets.ts'

export const sessionTimes = {
  ...{ idleMs: 60 * 60_000, longestMs: 12 * 3600_000, notedEveryMs: 60_000 },
  screenMs: 90 * 24 * 3600_000,
} as const

/** Of a person; or of a display on a wall, which nobody sits at: it may look only, for long, and is not asked again. */
export type SessionKind = 'person' | 'screen'

/** A new secret at every log-in; whatever session the browser had ends, so that none that was planted lives on. */
export async function beginSession(
  store: Store,
  now: number,
  { user, kind }: Readonly<{ user: string; kind: SessionKind }>,
  request: Request,
  response: Response,
): Promise<void> {
  const before = readSessionCookie(request)
  if (before !== null) await deleteSession(store, hashSecret(before))
  const secret = newSecret()
  const at = isoTime(now)
  const isScreen = kind === 'screen'
  const expiresAt = isoTime(now + (isScreen ? sessionTimes.screenMs : sessionTimes.longestMs))
  await recordSession(
    store,
    { hash: hashSecret(secret), user, created_at: at, seen_at: at, expires_at: expiresAt, screen: isScreen ? 1 : 0 },
    isoTime(now - sessionTimes.idleMs),
  )
  setSessionCookie(request, response, secret, isScreen ? sessionTimes.screenMs : null)
}

/**
 * Whose it is, as that user is now; null when it has ended.
 * @param isUse what a page asks by itself is none: nobody need be there
 */
export async function readSession(store: Store, now: number, secret: string, isUse: boolean): Promise<Actor | null> {
  const hash = hashSecret(secret)
  const session = await readStoredSession(store, hash)
  if (session === null) return null
  const seenMs = Date.parse(session.seen_at)
  const isScreen = session.screen !== 0
  if (now >= Date.parse(session.expires_at) || (!isScreen && now - seenMs >= sessionTimes.idleMs)) {
    await deleteSession(store, hash)
    return null
  }
  if (isUse && now - seenMs >= sessionTimes.notedEveryMs) await recordSessionSeen(store, hash, isoTime(now))
  const role = parseRole(session.role)
  return {
    name: session.user,
    ...(isScreen ? { role: lowerRole(role, 'viewer'), via: 'screen' } : { role, via: 'session' }),
  }
}

export async function endSession(store: Store, request: Request, response: Response): Promise<void> {
  const secret = readSessionCookie(request)
  if (secret !== null) await deleteSession(store, hashSecret(secret))
  clearSessionCookie(request, response)
}
