// Who may ask for what: every route that there is, as each role, by session and by token.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import supertest from 'supertest'
import { adminApp } from '../../server/admin/app.ts'
import type { Role } from '../../server/admin/roles.ts'
import { mayAs, roles } from '../../server/admin/roles.ts'
import type { Route } from '../../server/admin/route.ts'
import { isApi } from '../../server/admin/route.ts'
import { csrfTokenOf } from '../../server/admin/secrets.ts'
import type { TestSite } from './site.ts'
import { cookieOf, openTestSite } from './site.ts'

type Expected = Readonly<{
  role: 'public' | Role
  /** For who may, and brings nothing; null: whatever it is, it is no refusal of theirs. */ status: number | null
}>

/** A new route has its line here or below, or this file fails. */
const pages: Readonly<Record<string, Expected>> = {
  'get /assets/:hash/:name': { role: 'public', status: 404 },
  'get /': { role: 'viewer', status: 200 },
  'get /findings': { role: 'viewer', status: 200 },
  'get /site': { role: 'viewer', status: 200 },
  'get /site/edit': { role: 'operator', status: 200 },
  'post /site/edit': { role: 'operator', status: 200 },
  'get /changes': { role: 'viewer', status: 200 },
  'get /changes/diff': { role: 'viewer', status: 200 },
  'get /changes/revert': { role: 'operator', status: 422 },
  'post /changes/revert': { role: 'operator', status: 422 },
  'get /generate': { role: 'viewer', status: 200 },
  'get /generate/:target': { role: 'operator', status: 404 },
  'post /generate/:target': { role: 'operator', status: 404 },
  'get /generate/:target/rollback': { role: 'operator', status: 404 },
  'post /generate/:target/rollback': { role: 'operator', status: 404 },
  'get /machines/:name/guests': { role: 'viewer', status: 404 },
  'get /machines/:name/move': { role: 'operator', status: 404 },
  'post /machines/:name/move': { role: 'operator', status: 404 },
  'get /login': { role: 'public', status: 200 },
  'post /login': { role: 'public', status: 403 },
  'post /logout': { role: 'viewer', status: 303 },
  'get /invitation': { role: 'public', status: 404 },
  'post /invitation': { role: 'public', status: 404 },
  'get /account': { role: 'viewer', status: 200 },
  'post /account/password': { role: 'viewer', status: 422 },
  'post /account/tokens': { role: 'viewer', status: 422 },
  'post /account/tokens/:name/remove': { role: 'viewer', status: 422 },
  'get /users': { role: 'admin', status: 200 },
  'post /users': { role: 'admin', status: 422 },
  'post /users/:name': { role: 'admin', status: 422 },
  'post /users/:name/password-link': { role: 'admin', status: 422 },
  'get /users/:name/remove': { role: 'admin', status: 404 },
  'post /users/:name/remove': { role: 'admin', status: 422 },
  'get /reference': { role: 'viewer', status: 200 },
  'get /machines': { role: 'viewer', status: 200 },
  'get /machines/:name': { role: 'viewer', status: 404 },
  'get /machines/:name/edit': { role: 'operator', status: 404 },
  'post /machines/:name/edit': { role: 'operator', status: 404 },
  'get /machines/:name/explain': { role: 'viewer', status: 404 },
  'get /machines/:name/artefacts': { role: 'viewer', status: 404 },
  'get /machines/:name/artefact': { role: 'operator', status: 404 },
  'get /machines/:name/timeline': { role: 'viewer', status: 404 },
  'get /machines/:name/history': { role: 'viewer', status: 404 },
  'get /machines/:name/history/:revision': { role: 'viewer', status: 404 },
  'post /machines/:name/history/:revision': { role: 'operator', status: 404 },
  ...Object.fromEntries(
    ['network', 'profile', 'image'].flatMap((noun): readonly (readonly [string, Expected])[] => [
      [`get /${noun}s`, { role: 'viewer', status: 200 }],
      [`get /${noun}s/:name`, { role: 'viewer', status: 404 }],
      [`get /add/${noun}`, { role: 'operator', status: 200 }],
      [`post /add/${noun}`, { role: 'operator', status: 422 }],
      ...['edit', 'remove'].flatMap((act) =>
        ['get', 'post'].map(
          (method) => [`${method} /${noun}s/:name/${act}`, { role: 'operator', status: 404 }] as const,
        ),
      ),
    ]),
  ),
  'get /add': { role: 'operator', status: 200 },
  'post /add': { role: 'operator', status: 422 },
  'get /bulk/edit': { role: 'operator', status: 422 },
  'post /bulk/edit': { role: 'operator', status: 422 },
  'get /bulk/arm': { role: 'operator', status: 422 },
  'post /bulk/arm': { role: 'operator', status: 422 },
  'get /bulk/boot': { role: 'operator', status: 422 },
  'post /bulk/boot': { role: 'operator', status: 422 },
  'get /bulk/remove': { role: 'operator', status: 422 },
  'post /bulk/remove': { role: 'operator', status: 422 },
  'get /seen': { role: 'viewer', status: 200 },
  'get /import': { role: 'operator', status: 200 },
  'post /import': { role: 'operator', status: 422 },
  'get /export/:file': { role: 'operator', status: 404 },
}

/** Below /api/v1. What each answers is in test/admin/api; here it is who may ask. */
const api: Readonly<Record<Role, readonly string[]>> = {
  viewer: [
    'get /machines',
    'get /machines/:name',
    'get /overview',
    'get /machines/:name/overview',
    'get /machines/:name/explain',
    'get /machines/:name/artefacts',
    'get /machines/:name/events',
    'get /machines/:name/timeline',
    'get /events',
    'get /watched',
    'get /states',
    'get /consoles',
    ...['networks', 'profiles', 'images', 'site'].flatMap((table) => [`get /${table}`, `get /${table}/:name`]),
    'get /changes',
    'get /targets',
    'get /findings',
    'get /seen',
    'get /health',
    'get /tokens',
    'post /tokens',
    'delete /tokens/:user/:name',
    'get /openapi.json',
  ],
  operator: [
    'post /machines',
    'patch /machines',
    'put /machines/:name',
    'patch /machines/:name',
    'delete /machines/:name',
    'post /machines/:name/arm',
    'post /arm',
    'post /machines/:name/boot',
    'post /boot',
    'get /machines/:name/artefact',
    ...['networks', 'profiles', 'images', 'site'].flatMap((table) =>
      ['put', 'patch', 'delete'].map((method) => `${method} /${table}/:name`),
    ),
    'post /changes',
    'get /diff',
    'post /revert',
    'post /import',
    'get /export',
    'get /targets/:target/check',
    'post /targets/:target/generate',
    'post /targets/:target/rollback',
    'post /seen/:mac/adopt',
  ],
  admin: ['get /users', 'post /users', 'patch /users/:name', 'delete /users/:name', 'get /audit'],
}

/** What lets somebody in: no token makes it. */
const bySessionsOnly: ReadonlySet<string> = new Set(
  ['post /users', 'patch /users/:name', 'post /tokens'].map((key) => key.replace(' ', ' /api/v1')),
)

const expected: Readonly<Record<string, Expected>> = {
  ...pages,
  ...Object.fromEntries(
    roles.flatMap((role) => api[role].map((key) => [key.replace(' ', ' /api/v1'), { role, status: null }] as const)),
  ),
}

const expectedOf = (route: Route): Expected => expected[keyOf(route)] ?? assert.fail(`${keyOf(route)} is not declared`)

function assertMay(route: Route, status: number, who: string): void {
  const wanted = expectedOf(route).status
  if (wanted === null)
    assert.ok(status !== 401 && status !== 403 && status < 500, `${keyOf(route)} as ${who}: ${status}`)
  else assert.equal(status, wanted, `${keyOf(route)} as ${who}`)
}

const keyOf = ({ method, path }: Route): string => `${method} ${path}`
/** What is somebody's own is the asker's. */
const pathOf = ({ path }: Route, user = 'nobody'): string => path.replace(':user', user).replaceAll(/:\w+/g, 'nobody')

async function ask(site: TestSite, route: Route, who: Readonly<{ user?: string; session?: string; token?: string }>) {
  const request = supertest(site.app)
    [route.method](pathOf(route, who.user))
    .redirects(0)
    .set('Sec-Fetch-Site', 'same-origin')
  if (who.token !== undefined) return request.set('Authorization', `Bearer ${who.token}`)
  if (who.session === undefined) return request
  return request.set('Cookie', cookieOf(who.session)).set('X-CSRF-Token', csrfTokenOf(who.session))
}

test('every route is declared here with the role that it takes, and what is declared exists', async (t) => {
  const { routes } = await openTestSite(t)
  const declared = Object.fromEntries(routes.map((route) => [keyOf(route), route.role]))
  assert.deepEqual(declared, Object.fromEntries(Object.entries(expected).map(([key, { role }]) => [key, role])))
  const restricted = routes.filter(({ only }) => only === 'session').map(keyOf)
  assert.deepEqual(new Set(restricted), bySessionsOnly)
})

test('the application has no way in beside its list of routes', async (t) => {
  const { admin, routes } = await openTestSite(t)
  const { stack } = adminApp(admin, routes, []).router
  const paths = new Set(routes.map(({ path }) => path))
  const strange = stack
    .flatMap((layer) => (layer.route === undefined ? [] : [layer.route.path]))
    .filter((path) => !paths.has(path))
  assert.deepEqual(strange, [])
  const others = stack.filter((layer) => layer.route === undefined).map(({ name }) => name)
  assert.deepEqual(
    others,
    ['securityHeaders', 'compression', '<anonymous>', '<anonymous>'],
    'headers, compression, not found, errors',
  )
})

describe('each route', () => {
  test('by a session of each role: what it takes, or 403', async (t) => {
    for (const role of roles) {
      const site = await openTestSite(t)
      for (const route of site.routes) {
        const least = expectedOf(route).role
        const { status } = await ask(site, route, { user: role, session: await site.session(role) })
        if (least === 'public' || mayAs(role, least)) assertMay(route, status, role)
        else assert.equal(status, 403, `${keyOf(route)} as ${role}`)
      }
    }
  })

  test('by nobody: pages lead to log-in, the API says 401', async (t) => {
    const site = await openTestSite(t)
    for (const route of site.routes.filter(({ role }) => role !== 'public')) {
      const answer = await ask(site, route, {})
      if (isApi(route.path)) assert.equal(answer.status, 401, keyOf(route))
      else
        assert.deepEqual([answer.status, /^\/login/.test(answer.headers['location'] ?? '')], [303, true], keyOf(route))
    }
  })

  test('by a session that ended, of a user who is disabled, or with an invented one: as by nobody', async (t) => {
    const site = await openTestSite(t)
    const ended = await site.session('admin')
    site.pass(24 * 3600_000)
    const disabled = await site.session('operator')
    await site.store.db.updateTable('users').set({ disabled: 1 }).where('name', '=', 'operator').execute()
    for (const session of [ended, disabled, 'A'.repeat(43), ''])
      for (const route of site.routes.filter(({ role }) => role !== 'public')) {
        const { status } = await ask(site, route, { session })
        assert.equal(status, isApi(route.path) ? 401 : 303, keyOf(route))
      }
  })

  test('by an API token: pages are not for programs; the API gives what the token’s role allows', async (t) => {
    for (const role of roles) {
      const site = await openTestSite(t)
      const token = await site.token('admin', role)
      for (const route of site.routes.filter((one) => one.role !== 'public')) {
        const { status } = await ask(site, route, { user: 'admin', token })
        const least = expectedOf(route).role
        if (bySessionsOnly.has(keyOf(route))) assert.equal(status, 403, keyOf(route))
        else if (!isApi(route.path)) assert.equal(status, 303, keyOf(route))
        else if (least === 'public' || mayAs(role, least)) assertMay(route, status, `a token of ${role}`)
        else assert.equal(status, 403, `${keyOf(route)} as a token of ${role}`)
      }
    }
  })

  test('that changes anything: without the CSRF token of its own session it does nothing', async (t) => {
    const site = await openTestSite(t)
    const [session, other] = [await site.session('admin'), await site.session('admin')]
    for (const route of site.routes.filter(({ method, role }) => method !== 'get' && role !== 'public'))
      for (const csrf of ['', 'x', csrfTokenOf(other), csrfTokenOf(session).slice(1)]) {
        const { status } = await supertest(site.app)
          [route.method](pathOf(route))
          .set('Cookie', cookieOf(session))
          .set('Sec-Fetch-Site', 'same-origin')
          .set('X-CSRF-Token', csrf)
        assert.equal(status, 403, `${keyOf(route)} with ${csrf}`)
      }
  })

  test('that changes anything: another site’s page gets nothing done, not even a log-in', async (t) => {
    const site = await openTestSite(t)
    const session = await site.session('admin')
    const origins = [
      { 'Sec-Fetch-Site': 'cross-site' },
      { 'Sec-Fetch-Site': 'same-site' },
      { Origin: 'http://evil.example.org' },
      { Origin: 'null' },
    ]
    for (const route of site.routes.filter(({ method }) => method !== 'get'))
      for (const headers of origins) {
        const { status } = await supertest(site.app)
          [route.method](pathOf(route))
          .set({ Cookie: cookieOf(session), 'X-CSRF-Token': csrfTokenOf(session), ...headers })
        assert.equal(status, 403, `${keyOf(route)} with ${JSON.stringify(headers)}`)
      }
  })
})
