// Whether a change was asked for on our own pages, and not by another site that a user's browser has open.
import type { Request } from 'express'
import { HttpRefusal } from './refusal.ts'
import { fieldOf } from './route.ts'
import { csrfTokenOf, isSameSecret } from './secrets.ts'

export const isChange = ({ method }: Request): boolean => method !== 'GET' && method !== 'HEAD'

/**
 * What the browser itself says, before anything is read: this protects log-in too, where there is no session yet. Who
 * says neither is no browser of today. @throws HttpRefusal 403
 */
export function checkOrigin(request: Request): void {
  const site = request.get('sec-fetch-site')
  const origin = request.get('origin')
  const isOwn =
    site === undefined
      ? origin === undefined || (URL.canParse(origin) && new URL(origin).host === request.host)
      : site === 'same-origin' || site === 'none'
  if (!isOwn) throw new HttpRefusal(403, 'this change was asked for by another site')
}

/** The session's own token, from the form or from `X-CSRF-Token`. @throws HttpRefusal 403 */
export function checkCsrfToken(request: Request, session: string): void {
  const given = request.get('x-csrf-token') ?? fieldOf(request, '_csrf')
  if (!isSameSecret(given, csrfTokenOf(session)))
    throw new HttpRefusal(403, 'this page is from another session; open it again, and do it once more')
}
