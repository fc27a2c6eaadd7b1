// What stands before every route: headers, origins, tokens, bodies, paths; and what a refusal looks like.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import supertest from 'supertest'
import { whoOf } from '../../server/admin/actor.ts'
import { HttpRefusal } from '../../server/admin/refusal.ts'
import type { Route } from '../../server/admin/route.ts'
import { csrfTokenOf } from '../../server/admin/secrets.ts'
import { Refused } from '../../server/manage/failure.ts'
import { cookieOf, get, openTestSite, post, textOf } from './site.ts'

/** A part of the API as another file would declare it. */
const api: readonly Route[] = [
  {
    method: 'get',
    path: '/api/v1/echo',
    role: 'viewer',
    handle: ({ response, actor, by }) => void response.json({ role: actor.role, who: whoOf(actor), by: by.who }),
  },
  {
    method: 'post',
    path: '/api/v1/echo',
    role: 'operator',
    handle: ({ request, response }) => void response.json(request.body),
  },
  {
    method: 'get',
    path: '/api/v1/refused',
    role: 'viewer',
    handle: () => {
      throw new Refused('nothing was changed', {
        problems: [
          {
            machine: 'web',
            table: 'interfaces',
            key: 'web/eth0',
            field: 'mac',
            value: 'x',
            why: 'mac is x: give another',
          },
        ],
      })
    },
  },
  {
    method: 'get',
    path: '/api/v1/broken',
    role: 'viewer',
    handle: () => Promise.reject(new Error('SELECT secret FROM somewhere')),
  },
  {
    method: 'get',
    path: '/api/v1/stale',
    role: 'viewer',
    handle: () => {
      throw new HttpRefusal(412, 'alice changed it since', { headers: { ETag: '"7"' } })
    },
  },
]

describe('every answer', () => {
  test('names a strict content policy and no framing, is not kept, and does not say what it runs on', async (t) => {
    const { app, session } = await openTestSite(t)
    const answers = [
      await get(app, '/login'),
      await get(app, '/users', await session('admin')),
      await get(app, '/nothing'),
      await get(app, '/'),
    ]
    for (const { headers } of answers) {
      assert.equal(
        headers['content-security-policy'],
        "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
      )
      assert.equal(headers['x-content-type-options'], 'nosniff')
      assert.equal(headers['x-frame-options'], 'DENY')
      assert.equal(headers['referrer-policy'], 'same-origin')
      assert.equal(headers['cache-control'], 'no-store')
      assert.equal(headers['x-powered-by'], undefined)
      assert.equal(headers['strict-transport-security'], undefined, 'means nothing without TLS')
    }
  })

  test('that is a page has nothing inline that the policy forbids', async (t) => {
    const { app, session } = await openTestSite(t)
    for (const path of ['/account', '/users', '/users/viewer/remove', '/nothing']) {
      const { text } = await get(app, path, await session('admin'))
      assert.doesNotMatch(text, /<script(?![^>]* src=)|<style|\sstyle=|\son\w+=|javascript:/i, path)
      for (const [, url = ''] of text.matchAll(/(?:src|href)="([^"]*)"/g))
        assert.match(url, /^[/#]/, 'everything is from here')
    }
  })
})

test('assets are at addresses made of what is in them, and may be kept for ever', async (t) => {
  const { app } = await openTestSite(t)
  const { text } = await get(app, '/login')
  const urls = [...text.matchAll(/"(\/assets\/[^"]+)"/g)].map(([, url = '']) => url)
  assert.ok(urls.length >= 3)
  for (const url of urls) {
    const answer = await get(app, url)
    assert.deepEqual(
      [answer.status, answer.headers['cache-control']],
      [200, 'public, max-age=31536000, immutable'],
      url,
    )
    assert.match(answer.headers['content-type'] ?? '', /^(text\/(css|javascript)|image\/svg)/)
    assert.equal((await get(app, url.replace(/\/[0-9a-f]{16}\//, '/0123456789abcdef/'))).status, 404)
  }
})

describe('an API token', () => {
  test('acts with the lesser of its own role and its user’s, and signs as api:USER/TOKEN', async (t) => {
    const { app, store, token } = await openTestSite(t, { more: api })
    const ask = async (secret: string) => supertest(app).get('/api/v1/echo').set('Authorization', `Bearer ${secret}`)
    const answer = await ask(await token('admin', 'operator'))
    const { role, who, by } = answer.body as Readonly<Record<string, string>>
    assert.equal(role, 'operator')
    assert.match(who ?? '', /^api:admin\/t\w+$/)
    assert.equal(by, who)
    const demoted = await token('operator', 'operator')
    await store.db.updateTable('users').set({ role: 'viewer' }).where('name', '=', 'operator').execute()
    assert.equal(((await ask(demoted)).body as { role: string }).role, 'viewer')
  })

  test('that is unknown, has expired, is of a disabled user, or is none at all is a 401, whatever cookie comes with it', async (t) => {
    const { app, store, token, session } = await openTestSite(t, { more: api })
    const disabled = await token('operator', 'viewer')
    await store.db.updateTable('users').set({ disabled: 1 }).where('name', '=', 'operator').execute()
    const bad = [
      `Bearer ${await token('admin', 'admin', 0)}`,
      `Bearer ${disabled}`,
      'Bearer bootstead_x',
      'Basic YWRtaW46eA==',
      'Bearer',
      '',
    ]
    for (const authorization of bad.slice(0, 5)) {
      const answer = await supertest(app)
        .get('/api/v1/echo')
        .set({ Authorization: authorization, Cookie: cookieOf(await session('admin')) })
      assert.deepEqual(
        [answer.status, answer.headers['www-authenticate']],
        [401, 'Bearer realm="bootstead", error="invalid_token"'],
        authorization,
      )
    }
  })

  test('needs no CSRF token, for no other site can send it; a session in the API does', async (t) => {
    const { app, token, session } = await openTestSite(t, { more: api })
    const send = (headers: Readonly<Record<string, string>>) =>
      supertest(app).post('/api/v1/echo').set(headers).send({ a: 1 })
    assert.equal(
      (
        await send({
          Authorization: `Bearer ${await token('operator', 'operator')}`,
          Origin: 'http://tool.example.org',
        })
      ).status,
      200,
    )
    const mine = await session('operator')
    assert.equal((await send({ Cookie: cookieOf(mine) })).status, 403)
    assert.equal((await send({ Cookie: cookieOf(mine), 'X-CSRF-Token': csrfTokenOf(mine) })).status, 200)
    assert.equal(
      (await send({ Cookie: cookieOf(mine), 'X-CSRF-Token': csrfTokenOf(mine), Origin: 'http://evil.example.org' }))
        .status,
      403,
    )
  })

  test('has its last use noted, once a minute', async (t) => {
    const { app, store, token, pass } = await openTestSite(t, { more: api })
    const secret = await token('viewer', 'viewer')
    const usedAt = async () => {
      await supertest(app).get('/api/v1/echo').set('Authorization', `Bearer ${secret}`)
      return (await store.db.selectFrom('api_tokens').select('used_at').executeTakeFirst())?.used_at
    }
    assert.equal(await usedAt(), '2026-11-23T12:00:00.000Z')
    pass(59_000)
    assert.equal(await usedAt(), '2026-11-23T12:00:00.000Z')
    pass(1000)
    assert.equal(await usedAt(), '2026-11-23T12:01:00.000Z')
  })
})

describe('RFC 9457: a refusal of the API', () => {
  test('is problem+json with status, a sentence, and what is wrong with each row', async (t) => {
    const { app, token } = await openTestSite(t, { more: api })
    const ask = async (path: string) =>
      supertest(app)
        .get(path)
        .set('Authorization', `Bearer ${await token('viewer', 'viewer')}`)
    const refused = await ask('/api/v1/refused')
    assert.match(refused.headers['content-type'] ?? '', /^application\/problem\+json/)
    assert.deepEqual(
      [refused.status, refused.body],
      [
        422,
        {
          type: 'about:blank',
          title: 'Unprocessable Entity',
          status: 422,
          detail: 'nothing was changed',
          errors: [
            {
              machine: 'web',
              table: 'interfaces',
              key: 'web/eth0',
              field: 'mac',
              value: 'x',
              why: 'mac is x: give another',
            },
          ],
        },
      ],
    )
    const stale = await ask('/api/v1/stale')
    assert.deepEqual([stale.status, stale.headers['etag']], [412, '"7"'])
    assert.equal((await ask('/api/v1/nothing')).status, 404)
    assert.equal(((await ask('/api/v1/nothing')).body as { title: string }).title, 'Not Found')
  })

  test('of our own failure tells nothing but where to look; the log tells all', async (t) => {
    const { app, token, logged } = await openTestSite(t, { more: api })
    const answer = await supertest(app)
      .get('/api/v1/broken')
      .set('Authorization', `Bearer ${await token('viewer', 'viewer')}`)
    assert.equal(answer.status, 500)
    assert.ok(!answer.text.includes('SELECT'))
    assert.match(logged(), /SELECT secret FROM somewhere/)
  })
})

test('while the database is away: 503 that says so, in full dress, and the log tells why', async (t) => {
  const { app, admin, session, logged } = await openTestSite(t, { isStoreUp: () => false })
  const mine = await session('admin')
  Object.assign(admin, { store: { ...admin.store, db: null } })
  const answer = await get(app, '/users', mine)
  assert.equal(answer.status, 503)
  assert.match(textOf(answer), /The database is away; machines are served from the last picture/)
  assert.equal((await get(app, /"(\/assets\/[^"]+\.css)"/.exec(answer.text)?.[1] ?? '')).status, 200)
  assert.match(logged(), /request failed/)
})

describe('a body', () => {
  test('that is too long is a 413, before any of it is used: forms of 64 KiB, JSON of 1 MiB', async (t) => {
    const { app, token } = await openTestSite(t, { more: api })
    const form = await post(app, '/login', null, { name: 'viewer', password: 'x'.repeat(64 * 1024) })
    assert.equal(form.status, 413)
    assert.match(textOf(form), /The request is too long\./)
    const json = (length: number) => async () =>
      supertest(app)
        .post('/api/v1/echo')
        .set('Authorization', `Bearer ${await token('operator', 'operator')}`)
        .send({ a: 'x'.repeat(length) })
    assert.equal((await json(1024 * 1024)()).status, 413)
    assert.equal((await json(1000 * 1024)()).status, 200)
  })

  test('is not read at all for who may not send it', async (t) => {
    const { app, token } = await openTestSite(t, { more: api })
    const send = (authorization: string) =>
      supertest(app).post('/api/v1/echo').set('Authorization', authorization).type('json').send('{"a": not JSON')
    assert.equal((await send('Bearer nobody')).status, 401)
    assert.equal((await send(`Bearer ${await token('viewer', 'viewer')}`)).status, 403)
    assert.equal((await send(`Bearer ${await token('operator', 'operator')}`)).status, 400)
  })

  test('of another type is a 415 that names the right one; a compressed one too', async (t) => {
    const { app, token } = await openTestSite(t, { more: api })
    const authorization = `Bearer ${await token('operator', 'operator')}`
    const xml = await supertest(app)
      .post('/api/v1/echo')
      .set('Authorization', authorization)
      .type('text/xml')
      .send('<a/>')
    assert.deepEqual([xml.status, /application\/json/.test(xml.text)], [415, true])
    const gzip = await supertest(app)
      .post('/api/v1/echo')
      .set({ Authorization: authorization, 'Content-Encoding': 'gzip' })
      .type('json')
      .send('x')
    assert.equal(gzip.status, 415)
    assert.equal(
      (await supertest(app).post('/login').set('Sec-Fetch-Site', 'same-origin').type('json').send({ name: 'viewer' }))
        .status,
      415,
    )
  })

  test('with fields twice, with names of objects’ own, or with very many is no way in and no failure', async (t) => {
    const { app } = await openTestSite(t)
    const send = async (body: string) =>
      (await supertest(app).post('/login').set('Sec-Fetch-Site', 'same-origin').type('form').send(body)).status
    assert.equal(await send('name=viewer&name=admin&password=x'), 403)
    assert.equal(await send('__proto__=x&constructor=y&name[]=viewer&password[$ne]=x'), 403)
    assert.equal(await send(Array.from({ length: 2000 }, (_, index) => `f${index}=`).join('&')), 413)
  })
})

describe('a path', () => {
  test('with tricks reaches no file and no other route', async (t) => {
    const { app, session } = await openTestSite(t)
    const mine = await session('admin')
    const tricks = [
      '/assets/../../package.json',
      '/assets/%2e%2e/%2e%2e/package.json',
      '/assets/x/..%2f..%2fpackage.json',
      '/assets/x/%00',
      '/assets//site.css',
      '//evil.example.org/',
      '/users/..%2f..%2f/remove',
      '/users/__proto__/remove',
      '/.git/config',
    ]
    for (const path of tricks) assert.equal((await get(app, path, mine)).status, 404, path)
    assert.equal((await get(app, '/users/%ff/remove', mine)).status, 400)
  })

  test('with another method is a 405 that names those it takes', async (t) => {
    const { app, session } = await openTestSite(t)
    const answer = await supertest(app).put('/login')
    assert.deepEqual([answer.status, answer.headers['allow']], [405, 'GET, HEAD, POST'])
    assert.deepEqual((await supertest(app).delete('/users')).headers['allow'], 'GET, HEAD, POST')
    assert.equal(
      (
        await supertest(app)
          .head('/users')
          .set('Cookie', cookieOf(await session('admin')))
      ).status,
      200,
    )
    assert.equal((await supertest(app).trace('/login')).status, 405)
  })

  test('that is reflected or stored anywhere stands there as text', async (t) => {
    const { app, session, store, logged } = await openTestSite(t)
    const mine = await session('admin')
    const evil = '"><script>alert(1)</script>'
    await store.db.updateTable('api_tokens').set({ name: evil }).execute()
    await store.db
      .insertInto('api_tokens')
      .values({
        user: 'admin',
        name: evil,
        hash: 'h',
        role: 'viewer',
        created_at: evil,
        expires_at: evil,
        used_at: evil,
      })
      .execute()
    await store.db
      .insertInto('users')
      .values({ name: evil, password: '', role: 'viewer', disabled: 0, created_at: evil, changed_at: evil })
      .execute()
    const pages = [
      await get(app, `/login?next=${encodeURIComponent(`/${evil}`)}`),
      await post(app, '/login', null, { name: evil, password: evil, next: evil }),
      await get(app, '/account', mine),
      await get(app, '/users', mine),
      await get(app, `/users?done=${encodeURIComponent(evil)}`, mine),
      await get(app, `/users/${encodeURIComponent(evil)}/remove`, mine),
      await get(app, `/users/${encodeURIComponent(`${evil}2`)}/remove`, mine),
      await get(app, `/${encodeURIComponent(evil)}`, mine),
      await post(app, '/account/tokens', mine, { name: evil, role: evil, days: evil }),
      await post(app, '/account/tokens', mine, { name: evil, role: 'viewer', days: '9' }),
      await get(app, `/invitation?token=${encodeURIComponent(evil)}`),
    ]
    for (const page of pages) assert.ok(!page.text.includes('<script>alert'), page.text)
    assert.ok(!logged().includes('alert(1)'), 'the log names routes, not what was asked')
  })
})
