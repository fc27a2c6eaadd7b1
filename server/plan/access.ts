// Who may fetch what, and report what: decided from the snapshot, the token shown and the address asked from.
import { timingSafeEqual } from 'node:crypto'
import type { Token } from '../inventory/rows.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import { hasExpired } from './boot.ts'

export type Verdict =
  | Readonly<{ ok: true; token: Token }>
  | Readonly<{
      ok: false
      why: string
      /** When the right token was used up; null for every other refusal. */ usedAt: string | null
    }>

/** Whether `secret` is a live token of that machine, of one of the purposes. The reason names neither secret nor owner. */
export function checkToken(
  snapshot: Snapshot,
  hostname: string,
  secret: string | null,
  purposes: readonly Token['purpose'][],
  now: number,
): Verdict {
  if (secret === null || secret === '')
    return {
      ok: false,
      usedAt: null,
      why: `no token was given for ${hostname}; it is in the boot menu of an armed machine`,
    }
  const token = (snapshot.tokens.get(hostname) ?? []).find(
    (one) => purposes.includes(one.purpose) && isEqual(one.secret, secret),
  )
  if (token === undefined)
    return {
      ok: false,
      usedAt: null,
      why: `the token is not ${hostname}'s: arm it again if it is to be installed (bootstead machine install ${hostname})`,
    }
  if (token.used_at !== null)
    return {
      ok: false,
      usedAt: token.used_at,
      why: `the token was used up at ${token.used_at}: ${hostname} is installed; arm it again for another install`,
    }
  if (hasExpired(token, now))
    return { ok: false, usedAt: null, why: `the token expired at ${token.expires_at ?? ''}; arm ${hostname} again` }
  return { ok: true, token }
}

function isEqual(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}

/** Null when `address` may have the secrets of that machine's artefacts, else why not. */
export function addressObstacle(snapshot: Snapshot, hostname: string, address: string): string | null {
  const own = (snapshot.interfaces.get(hostname) ?? []).flatMap((nic) => nic.ip ?? [])
  if (own.length === 0 || own.some((ip) => ip === address)) return null // without a reservation there is nothing to compare with
  return `${address} is not an address of ${hostname} (${own.join(', ')}); only the machine itself gets what has its token in it`
}
