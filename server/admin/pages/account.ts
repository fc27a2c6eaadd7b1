// My account: the password, and the API tokens.
import { readUser } from '../../inventory/store/users.ts'
import { Refused } from '../../manage/failure.ts'
import { addToken, changePassword, listTokens, mostTokenDays, parseDays, removeToken } from '../accounts.ts'
import type { Admin } from '../app.ts'
import { sentence } from '../html.ts'
import { isPassword } from '../passwords.ts'
import { isRole, mayAs, roles } from '../roles.ts'
import type { Route, Visit } from '../route.ts'
import { fieldOf, queryOf } from '../route.ts'
import { beginSession } from '../sessions.ts'

export const accountRoutes = (admin: Admin): readonly Route[] => [
  { method: 'get', path: '/account', role: 'viewer', handle: (visit) => showAccount(admin, visit) },
  { method: 'post', path: '/account/password', role: 'viewer', handle: (visit) => setPassword(admin, visit) },
  { method: 'post', path: '/account/tokens', role: 'viewer', handle: (visit) => makeToken(admin, visit) },
  {
    method: 'post',
    path: '/account/tokens/:name/remove',
    role: 'viewer',
    handle: async ({ request, response, actor, by }) => {
      await removeToken(admin.store, actor.name, String(request.params['name']), by)
      response.redirect(303, '/account?done=token-removed')
    },
  },
]

/** What a redirect may say was done: words of ours only. */
const done: Readonly<Record<string, string>> = {
  password: 'The password is changed. Other sessions of yours have ended.',
  'token-removed': 'The token is removed. Whatever used it gets no answer from now on.',
}

type Shown = Readonly<{
  passwordFault?: string
  tokenFault?: string
  newToken?: string
  newTokenName?: string
  status?: number
}>

async function showAccount({ store }: Admin, visit: Visit, { status = 200, ...shown }: Shown = {}): Promise<void> {
  const { actor, request } = visit
  const view = {
    tokens: await listTokens(store, actor.name),
    roles: roles.filter((role) => mayAs(actor.role, role)),
    mostTokenDays,
    done: done[queryOf(request, 'done')] ?? '',
    ...{ passwordFault: '', tokenFault: '', newToken: '', newTokenName: '' },
    ...shown,
  }
  visit.page('account.html', view, status)
}

/** The old one is asked for: an unlocked screen is no leave to lock its owner out. Guesses count as log-ins do. */
async function setPassword(admin: Admin, visit: Visit): Promise<void> {
  const { store, attempts, gate } = admin
  const { request, response, actor, by } = visit
  const again = (passwordFault: string, status = 422): Promise<void> =>
    showAccount(admin, visit, { passwordFault, status })
  const password = fieldOf(request, 'password')
  if (password !== fieldOf(request, 'again')) return again('The two new passwords differ.')
  if (!attempts.take(by.peer ?? '', actor.name).ok) return again('Too many attempts. Try again in some minutes.', 429)
  const user = await readUser(store, actor.name)
  if (!(await gate(() => isPassword(fieldOf(request, 'current'), user?.password ?? null))))
    return again('The present password is not that one.')
  attempts.forgive(by.peer ?? '', actor.name)
  try {
    await changePassword(store, actor.name, password, by)
  } catch (error) {
    if (error instanceof Refused) return again(sentence(error.message))
    throw error
  }
  await beginSession(store, admin.now(), { user: actor.name, kind: 'person' }, request, response)
  response.redirect(303, '/account?done=password')
}

/** The token stands in this answer and nowhere else. */
async function makeToken(admin: Admin, visit: Visit): Promise<void> {
  const { request, actor, by } = visit
  const [name, role] = [fieldOf(request, 'name').trim(), fieldOf(request, 'role')]
  try {
    if (!isRole(role)) throw new Refused(`a token's role is one of ${roles.join(', ')}`)
    const days = parseDays(fieldOf(request, 'days'))
    const newToken = await addToken(admin.store, { user: actor.name, name, role, days }, by)
    await showAccount(admin, visit, { newToken, newTokenName: name })
  } catch (error) {
    if (!(error instanceof Refused)) throw error
    await showAccount(admin, visit, { tokenFault: sentence(error.message), status: 422 })
  }
}
