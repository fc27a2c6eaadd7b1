// Secrets that we hand out: sessions, API tokens, one-time links. We keep their hashes only.
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

/** 256 random bits, so that a plain hash of them can't be turned back. The prefix lets scanners find lost ones. */
export const newSecret = (prefix = ''): string => prefix + randomBytes(32).toString('base64url')

export const apiTokenPrefix = 'bootstead_'

/** SHA-256, 43 characters of base64url. */
export const hashSecret = (secret: string): string => createHash('sha256').update(secret).digest('base64url')

/**
 * What a page of that session has to send back with a change; it tells nothing of the session. It is another one on each
 * page: pages are compressed and say again what was asked, so the length of one that stays could be guessed from (BREACH).
 */
export function csrfTokenOf(session: string): string {
  const mask = randomBytes(32)
  return Buffer.concat([mask, masked(csrfOf(session), mask)]).toString('base64url')
}

export function isCsrfToken(given: string, session: string): boolean {
  const bytes = Buffer.from(given, 'base64url')
  return bytes.length === 64 && timingSafeEqual(masked(bytes.subarray(32), bytes), csrfOf(session))
}

const csrfOf = (session: string): Buffer => createHmac('sha256', session).update('csrf').digest()

const masked = (token: Buffer, mask: Buffer): Buffer =>
  Buffer.from(token.map((byte, index) => byte ^ (mask[index] ?? 0)))
