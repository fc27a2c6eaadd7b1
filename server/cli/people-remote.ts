// Users and tokens of the site whose server is asked.
import type { Token, User } from '../admin/accounts.ts'
import { audited, token, user } from '../admin/api/schemas.ts'
import type { AuditRow } from '../inventory/store/open.ts'
import { done, listed } from './api-answer.ts'
import type { ApiClient } from './api-client.ts'
import { newestFirst } from './newest-first.ts'
import type { PeopleVerbs } from './site.ts'

export function peopleRemote({ ask }: ApiClient): PeopleVerbs {
  const at = (...words: readonly string[]): string => words.map((word) => `/${encodeURIComponent(word)}`).join('')
  return {
    users: async () => (await ask('GET', '/users', listed<User>(user))).items,
    removeUser: (name) => ask('DELETE', at('users', name), done),
    tokens: async (owner) => {
      const { items } = await ask('GET', '/tokens', listed<Token>(token))
      return owner === null ? items : items.filter((one) => one.user === owner)
    },
    removeToken: (owner, name) => ask('DELETE', at('tokens', owner, name), done),
    audit: (limit) =>
      newestFirst(
        limit,
        ({ id }: AuditRow) => id,
        async (query) => (await ask('GET', '/audit', listed<AuditRow>(audited), { query })).items,
      ),
  }
}
