// Users and tokens of the site whose database is at hand.
import { listTokens, listUsers, removeToken, removeUser } from '../admin/accounts.ts'
import type { By } from '../inventory/store/audit.ts'
import { readAudit } from '../inventory/store/audit.ts'
import { isoTime } from '../inventory/store/record.ts'
import type { Session } from './session.ts'
import type { PeopleVerbs } from './site.ts'

/** How the audit trail signs what is done here. */
export const byCli = ({ who, io }: Pick<Session, 'who' | 'io'>): By => ({ who, at: isoTime(io.now()), peer: null })

export function peopleHere(session: Session): PeopleVerbs {
  const { store } = session
  return {
    users: async () => listUsers(await store()),
    removeUser: async (name) => removeUser(await store(), name, byCli(session)),
    tokens: async (user) => listTokens(await store(), user ?? undefined),
    removeToken: async (user, name) => removeToken(await store(), user, name, byCli(session)),
    audit: async (limit) => readAudit(await store(), { limit }),
  }
}
