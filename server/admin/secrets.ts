// Secrets that we hand out: sessions, API tokens, one-time links. We keep their hashes only.
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

/** 256 random bits, so that a plain hash of them can't be turned back. The prefix lets scanners find lost ones. */
export const newSecret = (prefix = ''): string => prefix + randomBytes(32).toString('base64url')

export const apiTokenPrefix = 'bootstead_'

/** SHA-256, 43 characters of base64url. */
export const hashSecret = (secret: string): string => createHash('sha256').update(secret).digest('base64url')

/** What a page of that session has to send back with a change; it tells nothing of the session. */
export const csrfTokenOf = (session: string): string => createHmac('sha256', session).update('csrf').digest('base64url')

export function isSameSecret(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)]
  return a.length === b.length && timingSafeEqual(a, b)
}
