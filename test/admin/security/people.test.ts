// Tokens and sessions: what a token can never do, when either ends, and where our pages are when a proxy stands before them.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import supertest from 'supertest'
import { removeToken, removeUser } from '../../../server/admin/accounts.ts'
import { isApi } from '../../../server/admin/route.ts'
import { csrfTokenOf } from '../../../server/admin/secrets.ts'
import { limits } from '../../../server/admin/attempts.ts'
import { openApiFarm } from '../api/farm.ts'
import type { TestSite } from '../site.ts'
import { by, cookieOf, get, newSession, openTestSite, password, post, textOf } from '../site.ts'
import { listenAt } from './wire.ts'

const status = async (site: TestSite, path: string, token: string): Promise<number> =>
  (await supertest(site.app).get(path).set('Authorization', `Bearer ${token}`)).status

describe('an API token', () => {
  test('makes no users, passwords, links or tokens, not even one of an administrator’s; a session does', async (t) => {
    const farm = await openApiFarm(t)
    const asked = [
      ['post', '/users', { name: 'mallory', role: 'admin', password: 'correct horse battery staple' }],
      ['patch', '/users/admin', { password: 'correct horse battery staple' }],
      ['patch', '/users/viewer', { role: 'admin' }],
      ['post', '/tokens', { name: 'more', role: 'viewer', days: 300 }],
    ] as const
    const counted = async () => [
      await farm.store.db.selectFrom('users').select(['name', 'role', 'password']).orderBy('name').execute(),
      (await farm.store.db.selectFrom('api_tokens').select('name').execute()).length,
    ]
    const before = await counted()
    for (const [method, path, body] of asked) {
      const answer = await farm.ask(method, path, { as: 'admin', body })
      assert.equal(answer.status, 403, path)
      assert.match(answer.text, /an API token makes no users, passwords, links or tokens: log in/)
    }
    assert.deepEqual(await counted(), before)
    for (const [method, path, body] of asked)
      assert.ok((await farm.ask(method, path, { as: 'admin', via: 'session', body })).status < 300, path)
  })

  test('of an administrator takes rights away: a token, and a user with all of theirs', async (t) => {
    const farm = await openApiFarm(t)
    const viewers = farm.tokens.viewer
    assert.equal((await farm.ask('delete', '/users/viewer', { as: 'admin' })).status, 204)
    assert.equal(await status(farm.site, '/api/v1/machines', viewers), 401)
  })

  test('has no more than its owner has now: made less, shut out, removed, or itself taken back or too old', async (t) => {
    const site = await openTestSite(t)
    const token = await site.token('operator', 'operator')
    const set = (change: Readonly<{ role?: string; disabled?: number }>) =>
      site.store.db.updateTable('users').set(change).where('name', '=', 'operator').execute()
    const may = () => status(site, '/api/v1/diff?before=0', token)
    assert.equal(await may(), 200)
    await set({ role: 'viewer' })
    assert.equal(await may(), 403)
    await set({ role: 'admin' })
    assert.equal(await may(), 200)
    assert.equal(await status(site, '/api/v1/audit', token), 403, 'and not more than it was made with')
    await set({ disabled: 1 })
    assert.equal(await may(), 401)
    await set({ disabled: 0 })
    assert.equal(await may(), 200)
    site.pass(3600_000)
    assert.equal(await may(), 401, 'an hour later it has expired')
    const other = await site.token('operator', 'viewer')
    const [own] = await site.store.db.selectFrom('api_tokens').select('name').where('role', '=', 'viewer').execute()
    await removeToken(site.store, 'operator', own?.name ?? '', by)
    assert.equal(await status(site, '/api/v1/machines', other), 401)
    const last = await site.token('operator', 'viewer')
    await removeUser(site.store, 'operator', by)
    assert.equal(await status(site, '/api/v1/machines', last), 401)
  })

  test('opens no page, in whatever header, field or cookie it comes', async (t) => {
    const site = await openTestSite(t)
    const token = await site.token('admin', 'admin')
    for (const { path } of site.routes.filter(
      ({ method, role, path }) => method === 'get' && role !== 'public' && !isApi(path),
    )) {
      const at = path.replaceAll(/:\w+/g, 'x')
      for (const headers of [
        { Authorization: `Bearer ${token}` },
        { Cookie: `bootstead=${token}` },
        { Cookie: `__Host-bootstead=${token}` },
      ])
        assert.equal((await supertest(site.app).get(`${at}?token=${token}`).set(headers)).status, 303, at)
    }
    assert.equal((await supertest(site.app).get(`/api/v1/machines?token=${token}`)).status, 401)
  })
})

describe('a form', () => {
  test('without the token of its session, with another’s, or with one that was shortened, changes nothing', async (t) => {
    const site = await openTestSite(t)
    const [mine, other] = [await site.session('admin'), await site.session('admin')]
    const send = (csrf: string | null, more: Readonly<Record<string, string>> = {}) =>
      supertest(site.app)
        .post('/users/viewer')
        .type('form')
        .set({ Cookie: cookieOf(mine), ...more })
        .send({ ...(csrf === null ? {} : { _csrf: csrf }), role: 'admin', state: 'enabled' })
    for (const csrf of [null, '', csrfTokenOf(other), csrfTokenOf(mine).slice(0, -2), mine, 'A'.repeat(86)])
      assert.equal((await send(csrf)).status, 403, String(csrf))
    for (const more of [
      { Origin: 'http://evil.example.org' },
      { 'Sec-Fetch-Site': 'cross-site' },
      { 'Sec-Fetch-Site': 'same-site' },
    ])
      assert.equal((await send(csrfTokenOf(mine), more)).status, 403, JSON.stringify(more))
    assert.deepEqual(await site.audit(), [])
    assert.equal((await send(csrfTokenOf(mine))).status, 303)
  })

  test('of a page has another token each time, and every one of them is good: nothing to be guessed by its length', async (t) => {
    const site = await openTestSite(t)
    const mine = await site.session('viewer')
    const tokens = await Promise.all(
      Array.from(
        { length: 5 },
        async () => /name="_csrf" value="([^"]+)"/.exec((await get(site.app, '/account', mine)).text)?.[1] ?? '',
      ),
    )
    assert.equal(new Set(tokens).size, 5)
    for (const _csrf of tokens)
      assert.equal(
        (
          await supertest(site.app)
            .post('/logout')
            .type('form')
            .set('Cookie', cookieOf(await site.session('viewer')))
            .send({ _csrf })
        ).status,
        403,
      )
    const [one = '', two = ''] = tokens
    for (const _csrf of [one, two])
      assert.equal((await post(site.app, '/account/tokens', mine, { _csrf, name: '', role: '', days: '' })).status, 422)
  })
})

describe('a session', () => {
  test('that somebody else planted is worth nothing after the log-in, over TLS too', async (t) => {
    const site = await openTestSite(t, { trustProxy: ['127.0.0.1', '::1'] })
    for (const name of ['bootstead', '__Host-bootstead']) {
      const planted = await site.session('viewer')
      const secure = name.startsWith('__Host')
      const answer = await post(site.app, '/login', null, { name: 'admin', password }).set({
        Cookie: `${name}=${planted}; ${name}=${'B'.repeat(43)}`,
        'X-Forwarded-Proto': secure ? 'https' : 'http',
      })
      assert.equal(answer.status, 303)
      assert.ok(![planted, null].includes(newSession(answer)))
      assert.match(
        String(answer.headers['set-cookie']),
        secure ? /; HttpOnly; Secure; SameSite=Lax$/ : /; HttpOnly; SameSite=Lax$/,
      )
      assert.doesNotMatch(
        String(answer.headers['set-cookie']),
        /Domain=|Max-Age=|Expires=/,
        'of this host alone, and gone with the browser',
      )
    }
  })

  test('is one of fifty of a user at most: whoever logs in again and again fills no table', async (t) => {
    const site = await openTestSite(t)
    const first = await site.session('viewer')
    for (let made = 0; made < 60; made++) {
      site.pass(1000)
      await site.session('viewer')
    }
    const { length } = await site.store.db.selectFrom('sessions').select('hash').execute()
    assert.equal(length, 50)
    assert.equal((await get(site.app, '/account', first)).status, 303, 'the oldest went')
  })
})

describe('log-in attempts', () => {
  test('are counted for an IPv6 host’s whole /64, as a proxy that is trusted tells it', async (t) => {
    const { app } = await openTestSite(t, { trustProxy: ['127.0.0.1', '::1', '::ffff:127.0.0.1'] })
    const attempt = (index: number, network: string) =>
      post(app, '/login', null, { name: `n${index}`, password: 'x' }).set(
        'X-Forwarded-For',
        `${network}::${index.toString(16)}`,
      )
    const statuses = []
    for (let made = 0; made < limits.byAddress + 1; made++) statuses.push((await attempt(made, '2001:db8:0:1')).status)
    assert.deepEqual([...new Set(statuses)], [403, 429])
    assert.equal((await attempt(99, '2001:db8:0:2')).status, 403, 'another network goes on')
  })
})

describe('behind a proxy', () => {
  const publicUrl = 'https://boot.example.org'

  test('that changes Host, a change is taken from the pages at admin_url, and from nowhere else', async (t) => {
    const site = await openTestSite(t)
    Object.assign(site.admin, { publicUrl })
    const send = (origin: string) =>
      supertest(site.app)
        .post('/login')
        .type('form')
        .set({ Host: '127.0.0.1:8081', Origin: origin })
        .send({ name: 'viewer', password })
    assert.equal((await send(publicUrl)).status, 303)
    for (const origin of [
      'http://boot.example.org',
      'https://boot.example.org.evil.example.org',
      'https://evil.example.org',
      'null',
    ])
      assert.equal((await send(origin)).status, 403, origin)
  })

  test('links lead to admin_url; Host, which anybody can send, makes none', async (t) => {
    const site = await openTestSite(t)
    Object.assign(site.admin, { publicUrl })
    const answer = await post(site.app, '/users', await site.session('admin'), { role: 'viewer' }).set(
      'Host',
      'evil.example.org',
    )
    assert.match(textOf(answer), /https:\/\/boot\.example\.org\/invitation\?token=/)
    assert.doesNotMatch(answer.text, /evil\.example\.org/)
  })

  test('X-Forwarded-* of somebody who is no proxy of ours changes nothing: no https, no other address, no other host', async (t) => {
    const site = await openTestSite(t)
    const forged = {
      'X-Forwarded-Proto': 'https',
      'X-Forwarded-For': '192.0.2.7',
      'X-Forwarded-Host': 'evil.example.org',
    }
    const answer = await post(site.app, '/login', null, { name: 'viewer', password }).set(forged)
    assert.match(String(answer.headers['set-cookie']), /^bootstead=/)
    assert.equal(answer.headers['strict-transport-security'], undefined)
    const made = await post(site.app, '/users', await site.session('admin'), { role: 'viewer' }).set(forged)
    assert.doesNotMatch(made.text, /evil\.example\.org|https:/)
    const peers = await site.store.db.selectFrom('audit').select('peer').where('action', '=', 'log-in').execute()
    assert.deepEqual(peers, [{ peer: '127.0.0.1' }])
  })

  test('every address of it counts as a proxy only where it is named: over a real connection too', async (t) => {
    const site = await openTestSite(t)
    const { port } = await listenAt(t, site, { trustProxy: ['127.0.0.2'] })
    const response = await fetch(`http://127.0.0.1:${port}/login`, { headers: { 'X-Forwarded-Proto': 'https' } })
    assert.equal(response.headers.get('strict-transport-security'), null)
  })
})
