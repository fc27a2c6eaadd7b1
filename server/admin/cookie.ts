// The one cookie: a browser's session.
import type { Request, Response } from 'express'

/** RFC 6265bis §4.1.3.2: with `__Host-` no other host or path, and no plain connection, can have set it. */
const nameFor = ({ secure }: Request): string => (secure ? '__Host-bootstead' : 'bootstead')

/** Lax: a link to a machine in somebody's mail opens the page; what changes anything needs a CSRF token anyway. */
const attributes = ({ secure }: Request) => ({ httpOnly: true, sameSite: 'lax', secure, path: '/' }) as const

export function readSessionCookie(request: Request): string | null {
  const name = `${nameFor(request)}=`
  const pairs = (request.headers.cookie ?? '').split(';').map((pair) => pair.trim())
  const value = pairs.find((pair) => pair.startsWith(name))?.slice(name.length)
  return value !== undefined && /^[\w-]{43}$/.test(value) ? value : null
}

/** @param lifeMs null: until the browser is closed */
export function setSessionCookie(request: Request, response: Response, secret: string, lifeMs: number | null): void {
  response.cookie(nameFor(request), secret, { ...attributes(request), ...(lifeMs === null ? {} : { maxAge: lifeMs }) })
}

export function clearSessionCookie(request: Request, response: Response): void {
  response.clearCookie(nameFor(request), attributes(request))
}
