// One-time links: the first administrator, other new users, and passwords that were forgotten.
import type { Invitation } from '../../inventory/store/users.ts'
import { Refused } from '../../manage/failure.ts'
import { findLink, followLink, normalName } from '../accounts.ts'
import type { Admin } from '../app.ts'
import { sentence } from '../html.ts'
import { HttpRefusal } from '../refusal.ts'
import type { Route, Visit } from '../route.ts'
import { fieldOf, queryOf } from '../route.ts'
import { enter } from './log-in.ts'

export const invitationRoutes = (admin: Admin): readonly Route[] => [
  {
    method: 'get',
    path: '/invitation',
    role: 'public',
    handle: async (visit) => {
      const secret = queryOf(visit.request, 'token')
      showForm(visit, secret, await goodLink(admin, secret))
    },
  },
  { method: 'post', path: '/invitation', role: 'public', handle: (visit) => follow(admin, visit) },
]

async function goodLink({ store, now }: Admin, secret: string): Promise<Invitation> {
  const invitation = await findLink(store, secret, now())
  if (invitation !== null) return invitation
  throw new HttpRefusal(404, 'this link was used already, has expired, or is not complete; ask for a new one')
}

type Shown = Readonly<{ name?: string; fault?: string; status?: number }>

function showForm(
  visit: Visit<null>,
  secret: string,
  invitation: Invitation,
  { name = '', fault = '', status = 200 }: Shown = {},
): void {
  const purpose =
    invitation.kind === 'reset'
      ? { isReset: true, role: '', name: invitation.user }
      : { isReset: false, role: invitation.role, name }
  visit.page('invitation.html', { ...purpose, secret, fault }, status)
}

async function follow(admin: Admin, visit: Visit<null>): Promise<void> {
  const { request, response, by } = visit
  const secret = fieldOf(request, 'token')
  const invitation = await goodLink(admin, secret)
  const name = invitation.kind === 'reset' ? invitation.user : normalName(fieldOf(request, 'name'))
  const password = fieldOf(request, 'password')
  const again = (fault: string): void => showForm(visit, secret, invitation, { name, fault, status: 422 })
  if (password !== fieldOf(request, 'again')) return again('The two passwords differ.')
  try {
    const isDone = await followLink(admin.store, invitation, { name, password }, { ...by, who: `web:${name}` })
    if (!isDone) throw new HttpRefusal(404, 'somebody has just used this link; ask for a new one')
  } catch (error) {
    if (error instanceof Refused) return again(sentence(error.message))
    throw error
  }
  await enter(admin, visit, name)
  response.redirect(303, '/')
}
