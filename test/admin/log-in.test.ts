// Logging in: who gets in, who does not, what that takes, and what is remembered of it.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import supertest from 'supertest'
import { limits } from '../../server/admin/attempts.ts'
import { isOutdated } from '../../server/admin/passwords.ts'
import { hashSecret } from '../../server/admin/secrets.ts'
import { sessionTimes } from '../../server/admin/sessions.ts'
import { readUser } from '../../server/inventory/store/users.ts'
import { cookieOf, get, newSession, openTestSite, password, post, textOf } from './site.ts'

describe('a log-in', () => {
  test('with name and password begins a session in a cookie that scripts and other sites don’t get', async (t) => {
    const { app, audit } = await openTestSite(t)
    const answer = await post(app, '/login', null, { name: ' Viewer ', password, next: '/account?x=1' })
    assert.deepEqual([answer.status, answer.headers['location']], [303, '/account?x=1'])
    assert.match(String(answer.headers['set-cookie']), /^bootstead=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax$/)
    assert.match(textOf(await get(app, '/account', newSession(answer))), /viewer/)
    assert.deepEqual(await audit(), ['log-in viewer by web:viewer'])
  })

  test('over TLS has a cookie with __Host- and Secure; one without is no session there', async (t) => {
    const { app, session } = await openTestSite(t, { trustProxy: ['127.0.0.1', '::1'] })
    const answer = await post(app, '/login', null, { name: 'viewer', password }).set('X-Forwarded-Proto', 'https')
    assert.match(
      String(answer.headers['set-cookie']),
      /^__Host-bootstead=[\w-]{43}; Path=\/; HttpOnly; Secure; SameSite=Lax$/,
    )
    assert.equal(answer.headers['strict-transport-security'], 'max-age=31536000')
    const tossed = await supertest(app)
      .get('/account')
      .set('X-Forwarded-Proto', 'https')
      .set('Cookie', cookieOf(await session('admin')))
    assert.equal(tossed.status, 303)
  })

  test('a session that was planted before is not the one after, and has ended (session fixation)', async (t) => {
    const { app, session } = await openTestSite(t)
    for (const planted of [await session('viewer'), 'A'.repeat(43)]) {
      const answer = await post(app, '/login', null, { name: 'admin', password }).set('Cookie', cookieOf(planted))
      assert.equal(answer.status, 303)
      assert.notEqual(newSession(answer), planted)
      assert.equal((await get(app, '/account', planted)).status, 303, 'leads to log-in')
      assert.equal((await get(app, '/users', newSession(answer))).status, 200)
    }
  })

  test('the store has neither password nor session, and the log no word of them', async (t) => {
    const { app, store, logged } = await openTestSite(t)
    const session = newSession(await post(app, '/login', null, { name: 'admin', password })) ?? ''
    await post(app, '/login', null, { name: 'admin', password: 'another secret of mine' })
    const rows = JSON.stringify([
      await store.db.selectFrom('sessions').selectAll().execute(),
      await store.db.selectFrom('users').selectAll().execute(),
      await store.db.selectFrom('audit').selectAll().execute(),
      await store.db.selectFrom('changes').selectAll().execute(),
    ])
    assert.ok(rows.includes(hashSecret(session)))
    for (const secret of [session, password, 'another secret of mine']) {
      assert.ok(!rows.includes(secret))
      assert.ok(!logged().includes(secret))
    }
    assert.match(logged(), /"route":"\/login"/)
  })

  test('with a wrong password, of nobody, and of a disabled user is refused in the same words', async (t) => {
    const { app, store, audit } = await openTestSite(t)
    await store.db.updateTable('users').set({ disabled: 1 }).where('name', '=', 'operator').execute()
    const answers = [
      await post(app, '/login', null, { name: 'viewer', password: 'wrong' }),
      await post(app, '/login', null, { name: 'hunter2 is my password', password: 'wrong' }),
      await post(app, '/login', null, { name: 'operator', password }),
    ]
    for (const answer of answers) {
      assert.equal(answer.status, 403)
      assert.match(textOf(answer), /This name and password do not belong together\./)
      assert.equal(newSession(answer), null)
    }
    assert.deepEqual(await audit(), [
      'log-in failed viewer by nobody',
      'log-in failed somebody unknown by nobody',
      'log-in failed operator by nobody',
    ])
  })

  test('a name that is nobody’s takes a password check too, so that time tells nothing', async (t) => {
    const { admin, app } = await openTestSite(t)
    const checks: string[] = []
    const gate = admin.gate
    Object.assign(admin, { gate: (work: () => Promise<unknown>) => (checks.push('check'), gate(work)) })
    await post(app, '/login', null, { name: 'nobody-at-all', password: 'wrong' })
    assert.deepEqual(checks, ['check'])
  })

  test('a hash of less than today’s cost is made anew with the password that was right', async (t) => {
    const { app, store } = await openTestSite(t)
    const hash = async (): Promise<string> => (await readUser(store, 'viewer'))?.password ?? ''
    const before = await hash()
    assert.ok(isOutdated(before))
    await post(app, '/login', null, { name: 'viewer', password: 'wrong' })
    assert.equal(await hash(), before)
    await post(app, '/login', null, { name: 'viewer', password })
    assert.ok(!isOutdated(await hash()))
    assert.equal((await post(app, '/login', null, { name: 'viewer', password })).status, 303)
  })

  test('leads to pages of this site only', async (t) => {
    const { app } = await openTestSite(t)
    const elsewhere = [
      '//evil.example.org/',
      '/\\evil.example.org',
      'https://evil.example.org/',
      'javascript:alert(1)',
      '/\t/evil.example.org',
      '/..//evil.example.org',
      '',
    ]
    for (const next of elsewhere) {
      const { headers } = await post(app, '/login', null, { name: 'viewer', password, next })
      assert.equal(headers['location'], '/', next)
    }
  })

  test('asked for by a page keeps in mind where it was to go', async (t) => {
    const { app } = await openTestSite(t)
    const { headers } = await get(app, '/users?done="><script>')
    assert.equal(headers['location'], '/login?next=%2Fusers%3Fdone%3D%2522%253E%253Cscript%253E')
    const form = await get(app, headers['location'] ?? '')
    assert.match(form.text, /name="next" value="\/users\?done=%22%3E%3Cscript%3E"/)
  })
})

describe('too many attempts', () => {
  test('on one name are refused with 429 and a time to wait, the right password too; then it works again', async (t) => {
    const { app, pass, audit } = await openTestSite(t)
    const attempt = (given: string) => post(app, '/login', null, { name: 'admin', password: given })
    for (let made = 0; made < limits.byName; made++) assert.equal((await attempt('wrong')).status, 403)
    const refused = await attempt(password)
    assert.deepEqual(
      [refused.status, refused.headers['retry-after'], newSession(refused)],
      [429, String(limits.windowMs / 1000), null],
    )
    assert.match(textOf(refused), /Too many attempts\. Try again in 15 minutes\./)
    await attempt(password)
    const lines = (await audit()).filter((line) => line.startsWith('log-in refused'))
    assert.deepEqual(lines, ['log-in refused admin by nobody'], 'said once, not at each attempt')
    pass(limits.windowMs)
    assert.equal((await attempt(password)).status, 303)
  })

  test('on many names from one address are refused as well, all that come at once counted; X-Forwarded-For is no way around', async (t) => {
    const { app } = await openTestSite(t)
    const attempt = (index: number) =>
      post(app, '/login', null, { name: `n${index}`, password: 'x' }).set('X-Forwarded-For', `192.0.2.${index}`)
    const answers = await Promise.all(Array.from({ length: limits.byAddress + 5 }, async (_, index) => attempt(index)))
    assert.equal(answers.filter(({ status }) => status === 429).length, 5)
  })
})

describe('a session', () => {
  test('ends when nothing was asked for an hour, and twelve hours after log-in whatever was asked', async (t) => {
    const { app, session, pass } = await openTestSite(t)
    const idle = await session('viewer')
    pass(sessionTimes.idleMs - 1)
    assert.equal((await get(app, '/account', idle)).status, 200)
    pass(sessionTimes.idleMs - 1)
    assert.equal((await get(app, '/account', idle)).status, 200)
    pass(sessionTimes.idleMs)
    assert.equal((await get(app, '/account', idle)).status, 303)
    const busy = await session('viewer')
    for (let passed = 0; passed < sessionTimes.longestMs; passed += sessionTimes.idleMs / 2) {
      assert.equal((await get(app, '/account', busy)).status, 200)
      pass(sessionTimes.idleMs / 2)
    }
    assert.equal((await get(app, '/account', busy)).status, 303)
  })

  test('is not kept by a page that asks by itself: nobody need be there', async (t) => {
    const { app, session, pass } = await openTestSite(t)
    const idle = await session('viewer')
    const poll = () => get(app, '/', idle).set({ 'HX-Request': 'true', 'HX-Target': 'now', 'X-Asks-By-Itself': '1' })
    for (let asked = 0; asked < 4; asked++) {
      assert.equal((await poll()).status, 200)
      pass(sessionTimes.idleMs / 4)
    }
    const ended = await poll()
    assert.deepEqual([ended.status, ended.headers['hx-redirect']], [401, '/login'])
  })

  test('ends at log-out, on the server too', async (t) => {
    const { app, session, audit } = await openTestSite(t)
    const mine = await session('viewer')
    const answer = await post(app, '/logout', mine)
    assert.deepEqual([answer.status, answer.headers['location']], [303, '/login'])
    assert.match(String(answer.headers['set-cookie']), /^bootstead=; Path=\/; Expires=Thu, 01 Jan 1970/)
    assert.equal((await get(app, '/account', mine)).status, 303)
    assert.deepEqual(await audit(), ['log-out viewer by web:viewer'])
  })

  test('has the role that its user has now', async (t) => {
    const { app, store, session } = await openTestSite(t)
    const mine = await session('admin')
    assert.equal((await get(app, '/users', mine)).status, 200)
    await store.db.updateTable('users').set({ role: 'viewer' }).where('name', '=', 'admin').execute()
    assert.equal((await get(app, '/users', mine)).status, 403)
  })
})

describe('a screen that stays signed in', () => {
  const day = 24 * 3600_000

  test('looks for ninety days, whoever logged it in, and is not asked again after hours without anybody', async (t) => {
    const { app, pass, audit } = await openTestSite(t)
    const answer = await post(app, '/login', null, { name: 'admin', password, screen: '1' })
    assert.match(String(answer.headers['set-cookie']), /; Max-Age=7776000; /, 'it outlives the browser')
    const screen = newSession(answer)
    assert.deepEqual(await audit(), ['log-in of a screen admin by web:admin'])
    assert.equal((await get(app, '/users', screen)).status, 403, 'an administrator’s screen is a viewer’s')
    pass(80 * day)
    assert.equal((await get(app, '/account', screen)).status, 200)
    assert.equal((await post(app, '/login', null, { name: 'viewer', password })).status, 303, 'sessions are tidied')
    assert.equal((await get(app, '/account', screen)).status, 200)
    pass(10 * day)
    assert.equal((await get(app, '/account', screen)).status, 303)
  })

  test('changes nothing, neither password nor token of who logged it in; it can be logged out', async (t) => {
    const { app } = await openTestSite(t)
    const screen = newSession(await post(app, '/login', null, { name: 'viewer', password, screen: '1' })) ?? ''
    const change = { current: password, password: 'another good password', again: 'another good password' }
    assert.equal((await post(app, '/account/password', screen, change)).status, 403)
    assert.equal((await post(app, '/account/tokens', screen, { name: 'x', role: 'viewer', days: '1' })).status, 403)
    assert.equal((await post(app, '/logout', screen)).status, 303)
    assert.equal((await get(app, '/account', screen)).status, 303)
  })
})
