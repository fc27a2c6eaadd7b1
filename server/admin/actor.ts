// Who asks, as routes see it.
import type { Role } from './roles.ts'

export type Actor = Readonly<{
  /** The user. */
  name: string
  /** The user's, or the token's where that is less. */
  role: Role
}> &
  (Readonly<{ via: 'session' | 'screen' }> | Readonly<{ via: 'token'; token: string }>)

/** As history and audit trail sign it: `web:alice`, `api:alice/nightly`. */
export const whoOf = (actor: Actor): string =>
  actor.via === 'token' ? `api:${actor.name}/${actor.token}` : `web:${actor.name}`
