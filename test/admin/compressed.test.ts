// Answers of the administration side over the wire.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import supertest from 'supertest'
import { csrfTokenOf } from '../../server/admin/secrets.ts'
import { cookieOf, openTestSite } from './site.ts'

test('pages are compressed for who takes it, and plain for who does not', async (t) => {
  const { app, session } = await openTestSite(t)
  const ask = async (encoding: string) =>
    supertest(app)
      .get('/account')
      .set('Cookie', cookieOf(await session('viewer')))
      .set('Accept-Encoding', encoding)
  const [packed, plain] = [await ask('gzip'), await ask('identity')]
  assert.equal(packed.headers['content-encoding'], 'gzip')
  assert.match(String(packed.headers['vary']), /Accept-Encoding/)
  assert.equal(plain.headers['content-encoding'], undefined)
  const secretless = (text: string): string => text.replaceAll(/[\w-]{86}/g, 'CSRF')
  assert.equal(secretless(packed.text), secretless(plain.text))
})

test('no two pages of a session have the same token in them, so that their lengths tell nothing of it', async (t) => {
  const { app, session } = await openTestSite(t)
  const cookie = cookieOf(await session('viewer'))
  const tokens = new Set<string>()
  for (let page = 0; page < 3; page++)
    for (const [token] of (await supertest(app).get('/account').set('Cookie', cookie)).text.matchAll(/[\w-]{86}/g))
      tokens.add(token)
  assert.ok(tokens.size >= 3)
  assert.equal(csrfTokenOf('x').length, 86)
})
