// The pages of one's own account, of users, and of one-time links.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import supertest from 'supertest'
import type { Response } from 'supertest'
import { makeLink } from '../../server/admin/accounts.ts'
import { readUser } from '../../server/inventory/store/users.ts'
import { by, get, newSession, openTestSite, password, post, textOf } from './site.ts'

const chosen = 'another good password'
const shownIn = ({ text }: Response): string => /<code class="secret">([^<]*)<\/code>/.exec(text)?.[1] ?? ''

describe('my account', () => {
  test('the password is changed by who knows the present one; every other session ends, and this one is a new one', async (t) => {
    const { app, session, audit } = await openTestSite(t)
    const [mine, elsewhere, another] = [await session('viewer'), await session('viewer'), await session('operator')]
    const change = (fields: Readonly<Record<string, string>>) => post(app, '/account/password', mine, fields)
    const wrong = await change({ current: 'wrong', password: chosen, again: chosen })
    assert.deepEqual([wrong.status, /The present password is not that one/.test(textOf(wrong))], [422, true])
    const differ = await change({ current: password, password: chosen, again: 'x' })
    assert.match(textOf(differ), /The two new passwords differ/)
    const short = await change({ current: password, password: 'short', again: 'short' })
    assert.match(textOf(short), /A password has at least 12 characters/)
    const done = await change({ current: password, password: chosen, again: chosen })
    assert.deepEqual([done.status, done.headers['location']], [303, '/account?done=password'])
    for (const old of [mine, elsewhere]) assert.equal((await get(app, '/account', old)).status, 303)
    assert.match(textOf(await get(app, '/account?done=password', newSession(done))), /The password is changed\./)
    assert.equal((await get(app, '/account', another)).status, 200, 'others are not concerned')
    assert.equal((await post(app, '/login', null, { name: 'viewer', password })).status, 403)
    assert.equal((await post(app, '/login', null, { name: 'viewer', password: chosen })).status, 303)
    assert.ok((await audit()).includes('password changed viewer by web:viewer'))
  })

  test('the present password can’t be guessed without end', async (t) => {
    const { app, session } = await openTestSite(t)
    const mine = await session('viewer')
    const statuses = new Set<number>()
    for (let made = 0; made < 12; made++)
      statuses.add(
        (await post(app, '/account/password', mine, { current: `g${made}`, password: chosen, again: chosen })).status,
      )
    assert.deepEqual([...statuses], [422, 429])
  })

  test('an API token is shown once, is at most what its owner is, and is removed by its owner only', async (t) => {
    const { app, session, store, audit } = await openTestSite(t)
    const mine = await session('operator')
    const make = (role: string, days = '30') => post(app, '/account/tokens', mine, { name: 'nightly', role, days })
    assert.match(textOf(await make('admin')), /The role of operator is operator; a token of theirs can't be admin/)
    assert.match(textOf(await make('root')), /A token's role is one of viewer, operator, admin/)
    assert.match(textOf(await make('viewer', '0')), /A token lives 1 to 366 days; 0 is not that/)
    const made = await make('viewer')
    assert.match(shownIn(made), /^bootstead_[\w-]{43}$/)
    assert.match(textOf(await make('viewer')), /There is a token nightly of operator already/)
    const page = await get(app, '/account', mine)
    assert.ok(page.text.includes('nightly') && !page.text.includes(shownIn(made)))
    assert.ok(!JSON.stringify(await store.db.selectFrom('api_tokens').selectAll().execute()).includes(shownIn(made)))
    assert.equal((await post(app, '/account/tokens/nightly/remove', await session('admin'))).status, 422)
    assert.equal((await post(app, '/account/tokens/nightly/remove', mine)).status, 303)
    assert.match(textOf(await get(app, '/account', mine)), /You have none\./)
    assert.deepEqual((await audit()).slice(-2), [
      'token added operator/nightly by web:operator',
      'token removed operator/nightly by web:operator',
    ])
  })
})

describe('users', () => {
  test('are listed, changed and removed by an administrator; each is in the audit trail', async (t) => {
    const { app, session, audit } = await openTestSite(t)
    const mine = await session('admin')
    const theirs = await session('operator')
    assert.equal((await post(app, '/users/operator', mine, { role: 'viewer', state: 'enabled' })).status, 303)
    assert.equal((await post(app, '/users/operator', mine, { role: 'viewer', state: 'disabled' })).status, 303)
    assert.equal((await get(app, '/account', theirs)).status, 303, 'their session has ended')
    assert.match(textOf(await get(app, '/users/operator/remove', mine)), /The viewer <strong>operator<\/strong> goes/)
    assert.equal((await post(app, '/users/operator/remove', mine)).status, 303)
    assert.doesNotMatch(textOf(await get(app, '/users', mine)), /operator<\/th>/)
    assert.deepEqual(await audit(), [
      'user changed operator by web:admin',
      'user changed operator by web:admin',
      'user removed operator by web:admin',
    ])
  })

  test('the last administrator stays: neither less, nor disabled, nor removed', async (t) => {
    const { app, session, store } = await openTestSite(t)
    const mine = await session('admin')
    const attempts = [
      await post(app, '/users/admin', mine, { role: 'operator', state: 'enabled' }),
      await post(app, '/users/admin', mine, { role: 'admin', state: 'disabled' }),
      await post(app, '/users/admin/remove', mine),
    ]
    for (const attempt of attempts) {
      assert.equal(attempt.status, 422)
      assert.match(textOf(attempt), /The user admin is the only administrator who may log in; make another one first/)
    }
    assert.equal((await readUser(store, 'admin'))?.role, 'admin')
  })

  test('a new one comes in by a link that works once', async (t) => {
    const { app, session, audit, pass } = await openTestSite(t)
    const made = await post(app, '/users', await session('admin'), { role: 'operator' })
    const token = /\/invitation\?token=([\w-]{43})$/.exec(shownIn(made))?.[1] ?? ''
    assert.match(
      textOf(await get(app, `/invitation?token=${token}`)),
      /You will have the role <strong>operator<\/strong>/,
    )
    const come = (fields: Readonly<Record<string, string>>) =>
      post(app, '/invitation', null, { token, name: 'carol', password: chosen, again: chosen, ...fields })
    assert.match(textOf(await come({ name: 'admin' })), /There is a user admin already; choose another name/)
    assert.match(textOf(await come({ name: 'Car ol' })), /A user's name is a letter, then letters/)
    assert.match(
      textOf(await come({ password: 'carol was here 1', again: 'carol was here 1' })),
      /does not contain its user's name/,
    )
    assert.match(textOf(await come({ again: 'x' })), /The two passwords differ/)
    const [first, second] = await Promise.all([come({}), come({ name: 'dave' })])
    assert.deepEqual([first.status, second.status].toSorted(), [303, 404], 'whoever comes first')
    const winner = first.status === 303 ? first : second
    assert.match(textOf(await get(app, '/account', newSession(winner))), /<span class="tag">operator<\/span>/)
    assert.equal((await get(app, `/invitation?token=${token}`)).status, 404)
    assert.match((await audit()).slice(-2).join('; '), /^user added (carol|dave) by web:\1; log-in \1 by web:\1$/)
    const late =
      /token=([\w-]{43})$/.exec(shownIn(await post(app, '/users', await session('admin'), { role: 'viewer' })))?.[1] ??
      ''
    pass(24 * 3600_000)
    assert.equal((await get(app, `/invitation?token=${late}`)).status, 404, 'a day later')
  })

  test('who forgot a password gets a link for a new one, and for no other name', async (t) => {
    const { app, session } = await openTestSite(t)
    const theirs = await session('viewer')
    const made = await post(app, '/users/viewer/password-link', await session('admin'))
    const token = /token=([\w-]{43})$/.exec(shownIn(made))?.[1] ?? ''
    assert.match(
      textOf(await get(app, `/invitation?token=${token}`)),
      /Choose a new password for <strong>viewer<\/strong>/,
    )
    const done = await post(app, '/invitation', null, { token, name: 'admin', password: chosen, again: chosen })
    assert.equal(done.status, 303)
    assert.equal((await get(app, '/account', theirs)).status, 303)
    assert.match(textOf(await get(app, '/account', newSession(done))), /viewer <span/)
    assert.equal((await post(app, '/login', null, { name: 'admin', password: chosen })).status, 403)
  })
})

test('the first administrator comes in by a link that is good while there are no users', async (t) => {
  const { app, store } = await openTestSite(t)
  await store.db.deleteFrom('users').execute()
  assert.match(textOf(await get(app, '/login')), /Nobody can log in yet.*bootstead user invite --first/)
  const older = (await makeLink(store, { kind: 'first' }, 1, by)) ?? ''
  const link = (await makeLink(store, { kind: 'first' }, 1, by)) ?? ''
  assert.equal((await get(app, `/invitation?token=${older}`)).status, 404, 'the newest alone')
  assert.equal((await get(app, `/invitation?token=${link}`)).status, 200)
  const other = (await makeLink(store, { kind: 'new', role: 'viewer' }, 1, by)) ?? ''
  const come = (token: string, name: string) =>
    post(app, '/invitation', null, { token, name, password: chosen, again: chosen })
  assert.equal((await come(other, 'erin')).status, 303)
  assert.equal((await come(link, 'mallory')).status, 404, 'now there is a user')
  assert.equal(await makeLink(store, { kind: 'first' }, 1, by), null)
})

test('htmx is told where to log in, for it would put the log-in page into a page', async (t) => {
  const { app } = await openTestSite(t)
  const answer = await supertest(app).get('/users').set('HX-Request', 'true')
  assert.deepEqual([answer.status, answer.headers['hx-redirect']], [401, '/login'])
})
