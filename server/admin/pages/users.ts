// Users, for administrators: who there is, what they may, and links for those who come.
import { Refused } from '../../manage/failure.ts'
import type { Purpose } from '../accounts.ts'
import { changeUser, findUser, listUsers, makeLink, pathOfLink, removeUser } from '../accounts.ts'
import type { Admin } from '../app.ts'
import { sentence } from '../html.ts'
import { HttpRefusal } from '../refusal.ts'
import { isRole, roles } from '../roles.ts'
import type { Route, Visit } from '../route.ts'
import { fieldOf, queryOf } from '../route.ts'

export const userRoutes = (admin: Admin): readonly Route[] => [
  { method: 'get', path: '/users', role: 'admin', handle: (visit) => showUsers(admin, visit) },
  { method: 'post', path: '/users', role: 'admin', handle: (visit) => invite(admin, visit) },
  { method: 'post', path: '/users/:name', role: 'admin', handle: (visit) => setUser(admin, visit) },
  {
    method: 'post',
    path: '/users/:name/password-link',
    role: 'admin',
    handle: (visit) => showLink(admin, visit, { kind: 'reset', user: nameOf(visit) }),
  },
  { method: 'get', path: '/users/:name/remove', role: 'admin', handle: (visit) => askRemoval(admin, visit) },
  { method: 'post', path: '/users/:name/remove', role: 'admin', handle: (visit) => remove(admin, visit) },
]

const linkHours = 24
const nameOf = ({ request }: Visit): string => String(request.params['name'])

const done: Readonly<Record<string, string>> = {
  changed: 'The user is changed.',
  removed: 'The user is removed, with sessions and tokens.',
}

type Shown = Readonly<{ fault?: string; link?: string; linkFor?: string; status?: number }>

async function showUsers({ store }: Admin, visit: Visit, { status = 200, ...shown }: Shown = {}): Promise<void> {
  const view = {
    users: await listUsers(store),
    roles,
    linkHours,
    done: done[queryOf(visit.request, 'done')] ?? '',
    ...{ fault: '', link: '', linkFor: '' },
    ...shown,
  }
  visit.page('users.html', view, status)
}

/** What can't be done is said above the list. */
async function orSay(admin: Admin, visit: Visit, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!(error instanceof Refused)) throw error
    await showUsers(admin, visit, { fault: sentence(error.message), status: 422 })
  }
}

function invite(admin: Admin, visit: Visit): Promise<void> {
  const role = fieldOf(visit.request, 'role')
  return orSay(admin, visit, () => {
    if (!isRole(role)) throw new Refused(`a user's role is one of ${roles.join(', ')}`)
    return showLink(admin, visit, { kind: 'new', role })
  })
}

/** The link stands in this answer and nowhere else. */
function showLink(admin: Admin, visit: Visit, purpose: Exclude<Purpose, { kind: 'first' }>): Promise<void> {
  const { request, by } = visit
  return orSay(admin, visit, async () => {
    const secret = await makeLink(admin.store, purpose, linkHours, by)
    const link = `${admin.publicUrl ?? `${request.protocol}://${request.host}`}${pathOfLink(secret ?? '')}`
    const linkFor = purpose.kind === 'reset' ? `a new password of ${purpose.user}` : `a new user (${purpose.role})`
    await showUsers(admin, visit, { link, linkFor })
  })
}

function setUser(admin: Admin, visit: Visit): Promise<void> {
  const { request, response, by } = visit
  const [role, state] = [fieldOf(request, 'role'), fieldOf(request, 'state')]
  return orSay(admin, visit, async () => {
    if (!isRole(role)) throw new Refused(`a user's role is one of ${roles.join(', ')}`)
    if (state !== 'enabled' && state !== 'disabled') throw new Refused('a user is enabled or disabled')
    await changeUser(admin.store, nameOf(visit), { role, disabled: state === 'disabled' }, by)
    response.redirect(303, '/users?done=changed')
  })
}

async function askRemoval({ store }: Admin, visit: Visit): Promise<void> {
  const user = await findUser(store, nameOf(visit))
  if (user === null) throw new HttpRefusal(404, `there is no user ${nameOf(visit)}`)
  visit.page('user-removal.html', { user })
}

function remove(admin: Admin, visit: Visit): Promise<void> {
  return orSay(admin, visit, async () => {
    await removeUser(admin.store, nameOf(visit), visit.by)
    visit.response.redirect(303, '/users?done=removed')
  })
}
