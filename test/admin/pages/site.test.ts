// The site's own values, on SQLite and on MariaDB: asked as a browser without scripts asks.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { flavours } from '../../databases.ts'
import { textOf } from '../site.ts'
import { filledIn, openAsking } from './asking.ts'

const open = openAsking()

test('a viewer sees the values but no secret, and is led to no form', async (t) => {
  const { get } = await open(t, { user: 'viewer' })
  const text = textOf(await get('/site'))
  assert.match(text, /timezone<\/th><td class="folds">Etc\/UTC/)
  assert.match(text, /root_password_hash<\/th><td class="folds">\(secret\)/)
  assert.doesNotMatch(text, /\$6\$|site\/edit/)
  assert.equal((await get('/site/edit')).status, 403)
})

for (const flavour of flavours)
  describe(`changed, ${flavour}`, () => {
    test('values are changed, added and emptied away in one change, after a look at whom it concerns', async (t) => {
      const { farm, get, post } = await open(t, { flavour })
      await farm.ask('put', '/site/old', { body: { value: 'gone soon' } })
      const form = filledIn(await get('/site/edit'))
      assert.deepEqual([form['set.timezone'], form['set.old'], form['add.lines']], ['Etc/UTC', 'gone soon', ''])
      const review = await post('/site/edit', {
        ...form,
        'set.timezone': 'Europe/Paris',
        'set.old': '',
        'add.lines': 'rack = r12\r\nssh_keys = ["ssh-ed25519 AAAA you@example.org"]',
        act: 'review',
      })
      assert.equal(review.status, 200)
      assert.match(textOf(review), /<del>"Etc\/UTC"<\/del>.*<ins>"Europe\/Paris"/)
      assert.equal(
        (await post('/site/edit', { ...filledIn(review), act: 'do' })).headers['location'],
        '/site?done=changed',
      )
      const text = textOf(await get('/site?done=changed'))
      assert.match(text, /values are changed.*rack<\/th><td class="folds">r12.*Europe\/Paris/)
      assert.match(text, /ssh_keys<\/th><td class="folds">ssh-ed25519 AAAA you@example\.org/)
      assert.doesNotMatch(text, /gone soon/)
    })

    test('a value whose row can’t be read is found in the findings, led to and mended', async (t) => {
      const { farm, get, post } = await open(t, { flavour })
      await farm.store.db
        .updateTable('site' as never)
        .set({ value: 'Etc/UTC' } as never)
        .where('name' as never, '=', 'timezone' as never)
        .execute()
      await farm.site.admin.live.catchUp()
      assert.match(textOf(await get('/findings')), /href="\/site\/edit">Mend/)
      assert.match(textOf(await get('/site')), /Can’t be read.*timezone: /)
      const form = filledIn(await get('/site/edit'))
      assert.equal(form['set.timezone'], 'Etc/UTC')
      const review = await post('/site/edit', { ...form, 'set.timezone': 'Europe/Paris', act: 'review' })
      assert.equal((await post('/site/edit', { ...filledIn(review), act: 'do' })).status, 303)
      assert.doesNotMatch(textOf(await get('/site')), /Can’t be read/)
    })
  })

test('what is wrong is said beside its field, and nothing is changed', async (t) => {
  const { farm, get, post } = await open(t)
  const form = filledIn(await get('/site/edit'))
  const before = farm.site.admin.live.snapshot().revision
  for (const [lines, why] of [
    ['Rack Row = 1', /id="add-lines-fault">expected a name such as timezone/],
    ['timezone = Etc/UTC', /id="add-lines-fault">there is a value of this name already/],
  ] as const) {
    const answer = await post('/site/edit', { ...form, 'add.lines': lines, act: 'do' })
    assert.equal(answer.status, 422)
    assert.match(textOf(answer), why)
  }
  assert.equal(farm.site.admin.live.snapshot().revision, before)
})

test('who changes the site at the same time as somebody else is told, and both are kept', async (t) => {
  const { farm, get, post } = await open(t)
  const form = filledIn(await get('/site/edit'))
  await farm.ask('put', '/site/rack', { body: { value: 'r1' }, as: 'admin' })
  await farm.ask('patch', '/site/timezone', { body: { value: 'Asia/Tokyo' }, as: 'admin' })
  const answer = await post('/site/edit', { ...form, 'set.timezone': 'Europe/Paris', act: 'do' })
  assert.equal(answer.status, 409)
  assert.match(textOf(answer), /is Asia\/Tokyo meanwhile/)
  const merged = filledIn(answer)
  assert.deepEqual([merged['set.timezone'], merged['set.rack']], ['Europe/Paris', 'r1'])
})
