// Whether a change was asked for on our own pages, and not by another site that a user's browser has open.
import type { Request } from 'express'
import { HttpRefusal } from './refusal.ts'
import { fieldOf } from './route.ts'
import { isCsrfToken } from './secrets.ts'

export const isChange = ({ method }: Request): boolean => method !== 'GET' && method !== 'HEAD'

/**
 * What the browser itself says, before anything is read: this protects log-in too, where there is no session yet. Who
 * says neither is no browser of today.
 * @param publicUrl where a proxy that changes `Host` has our pages
 * @throws HttpRefusal 403
 */
export function checkOrigin(request: Request, publicUrl: string | null): void {
  const site = request.get('sec-fetch-site')
  const origin = request.get('origin')
  const isOwn =
    site === undefined
      ? origin === undefined || origin === publicUrl || isAt(origin, request.host)
      : site === 'same-origin' || site === 'none'
  if (!isOwn) throw new HttpRefusal(403, 'this change was asked for by another site')
}

const isAt = (origin: string, host: string): boolean => URL.canParse(origin) && new URL(origin).host === host

/** The session's own token, from the form or from `X-CSRF-Token`. @throws HttpRefusal 403 */
export function checkCsrfToken(request: Request, session: string): void {
  const given = request.get('x-csrf-token') ?? fieldOf(request, '_csrf')
  if (!isCsrfToken(given, session))
    throw new HttpRefusal(403, 'this page is from another session; open it again, and do it once more')
}
