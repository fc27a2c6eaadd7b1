// Logging in and out.
import type { Request, Response } from 'express'
import type { Store } from '../../inventory/store/open.ts'
import { recordAudit } from '../../inventory/store/audit.ts'
import { hasUsers, readUser, recordRehash } from '../../inventory/store/users.ts'
import { normalName } from '../accounts.ts'
import type { Admin } from '../app.ts'
import { hashPassword, isOutdated, isPassword } from '../passwords.ts'
import type { Route, Visit } from '../route.ts'
import { fieldOf, queryOf } from '../route.ts'
import type { SessionKind } from '../sessions.ts'
import { beginSession, endSession } from '../sessions.ts'

export const logInRoutes = (admin: Admin): readonly Route[] => [
  { method: 'get', path: '/login', role: 'public', handle: (visit) => showForm(admin, visit) },
  { method: 'post', path: '/login', role: 'public', handle: (visit) => logIn(admin, visit) },
  {
    method: 'post',
    path: '/logout',
    role: 'viewer',
    handle: async ({ request, response, actor, by }) => {
      await endSession(admin.store, request, response)
      await recordAudit(admin.store.db, by, { action: 'log-out', about: actor.name })
      response.set('Clear-Site-Data', '"cache"').redirect(303, '/login')
    },
  },
]

type Shown = Readonly<{ name?: string; next?: string; fault?: string; status?: number }>

async function showForm(admin: Admin, visit: Visit<null>, shown: Shown = {}): Promise<void> {
  const { name = '', fault = '', status = 200 } = shown
  const next = ownPath(shown.next ?? queryOf(visit.request, 'next'))
  visit.page('log-in.html', { name, next, fault, hasUsers: await hasUsers(admin.store) }, status)
}

async function logIn(admin: Admin, visit: Visit<null>): Promise<void> {
  const { store, attempts } = admin
  const { request, response, by } = visit
  const [name, password] = [normalName(fieldOf(request, 'name')), fieldOf(request, 'password')]
  const shown = { name, next: fieldOf(request, 'next') }
  const address = by.peer ?? ''
  const taken = attempts.take(address, name)
  if (!taken.ok) {
    if (taken.isFirst)
      await recordAudit(store.db, by, { action: 'log-in refused', about: await knownName(store, name) })
    response.set('Retry-After', String(taken.waitSeconds))
    const minutes = Math.ceil(taken.waitSeconds / 60)
    const fault = `Too many attempts. Try again in ${minutes} ${minutes === 1 ? 'minute' : 'minutes'}.`
    return showForm(admin, visit, { ...shown, fault, status: 429 })
  }
  if (!(await isUser(admin, name, password))) {
    await recordAudit(store.db, by, { action: 'log-in failed', about: await knownName(store, name) })
    return showForm(admin, visit, { ...shown, fault: 'This name and password do not belong together.', status: 403 })
  }
  attempts.forgive(address, name)
  await enter(admin, visit, name, fieldOf(request, 'screen') === '1' ? 'screen' : 'person')
  response.redirect(303, ownPath(shown.next))
}

/** Begins the session of somebody who has shown who they are. */
export async function enter(
  { store, now }: Admin,
  { request, response, by }: Readonly<{ request: Request; response: Response; by: Visit['by'] }>,
  name: string,
  kind: SessionKind = 'person',
): Promise<void> {
  await beginSession(store, now(), { user: name, kind }, request, response)
  await recordAudit(
    store.db,
    { ...by, who: `web:${name}` },
    {
      action: kind === 'screen' ? 'log-in of a screen' : 'log-in',
      about: name,
    },
  )
}

/** The same work whether there is such a user or not, so that the time it takes tells nothing. */
async function isUser({ store, gate }: Admin, name: string, password: string): Promise<boolean> {
  const user = await readUser(store, name)
  const hash = user?.password ?? null
  if (!(await gate(() => isPassword(password, hash))) || user === null || user.disabled !== 0) return false
  if (isOutdated(user.password))
    await recordRehash(store, name, user.password, await gate(() => hashPassword(password)))
  return true
}

/** A name that is nobody's may be a password in the wrong field. */
async function knownName(store: Store, name: string): Promise<string> {
  return (await readUser(store, name)) === null ? 'somebody unknown' : name
}

/** Where to after log-in: a path of this site, and not another site's address in its clothes. */
function ownPath(next: string): string {
  if (!next.startsWith('/') || !URL.canParse(next, 'http://own.invalid')) return '/'
  const { origin, pathname, search } = new URL(next, 'http://own.invalid')
  return origin === 'http://own.invalid' && !pathname.startsWith('//') ? `${pathname}${search}` : '/'
}
