// Streams of events: so many in all and of one user, cut when nobody reads, and ended with the session or token that
// opened them.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { TestContext } from 'node:test'
import type { StreamLimits } from '../../../server/admin/api/event-streams.ts'
import type { Stream } from '../api/streams.ts'
import { note, serveStreams } from '../api/streams.ts'
import { cookieOf, post } from '../site.ts'

async function serve(t: TestContext, limits: Partial<StreamLimits>) {
  const served = await serveStreams(t, { heartbeatMs: 20, ...limits })
  return { ...served, as: (secret: string) => served.open({ Authorization: `Bearer ${secret}` }) }
}

/** Some heartbeats later it is still there. */
async function assertOpen({ heard, response }: Stream): Promise<void> {
  for (const before = heard.beats; heard.beats < before + 3;) {
    assert.ok(!response.closed, 'the stream ended')
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

describe('a stream', () => {
  test('ends when its session logs out, and those of other sessions go on', async (t) => {
    const { farm, app, open } = await serve(t, {})
    const [mine, other] = [await farm.site.session('viewer'), await farm.site.session('viewer')]
    const [stream, elsewhere] = [await open({ Cookie: cookieOf(mine) }), await open({ Cookie: cookieOf(other) })]
    await assertOpen(stream)
    assert.equal((await post(app, '/logout', mine)).status, 303)
    await stream.ended
    await assertOpen(elsewhere)
  })

  test('ends with the hour in which nobody did anything: listening is no use of a session', async (t) => {
    const { farm, open } = await serve(t, {})
    const stream = await open({ Cookie: cookieOf(await farm.site.session('viewer')) })
    farm.site.pass(30 * 60_000)
    await assertOpen(stream)
    farm.site.pass(30 * 60_000)
    await stream.ended
  })

  test('ends when its token is removed or has expired, and when its user is shut out', async (t) => {
    const { farm, as } = await serve(t, {})
    const db = farm.store.db
    const streams = {
      removed: await as(farm.tokens.viewer),
      shutOut: await as(farm.tokens.operator),
      expired: await as(await farm.site.token('admin', 'viewer', farm.site.admin.now() + 1000)),
    }
    const stays = await as(farm.tokens.admin)
    await db.deleteFrom('api_tokens').where('user', '=', 'viewer').execute()
    await db.updateTable('users').set({ disabled: 1 }).where('name', '=', 'operator').execute()
    farm.site.pass(1000)
    await Promise.all(Object.values(streams).map(({ ended }) => ended))
    await assertOpen(stays)
  })

  test('stays while the store is away: who may is not known, and it has nothing to say', async (t) => {
    const { farm, as } = await serve(t, {})
    const stream = await as(farm.tokens.viewer)
    await assertOpen(stream)
    const selectFrom: unknown = Reflect.get(farm.store.db, 'selectFrom')
    Object.assign(farm.store.db, {
      selectFrom: () => {
        throw new Error('the store is away')
      },
    })
    await assertOpen(stream)
    Object.assign(farm.store.db, { selectFrom })
  })

  test('that nobody reads is cut, and others hear on', async (t) => {
    const { farm, as } = await serve(t, { mostBehind: 1_000_000, heartbeatMs: 60_000 })
    const lazy = await as(farm.tokens.viewer)
    const good = await as(farm.tokens.operator)
    lazy.response.socket.pause()
    // More than what the kernel holds for either side of a connection.
    const text = 'x'.repeat(16_000)
    for (let sent = 0; sent < 1500; sent++) await note(farm, 'web', text)
    while (good.heard.events < 1500) await new Promise((resolve) => setTimeout(resolve, 20))
    lazy.response.socket.resume()
    await lazy.ended
    assert.ok(lazy.heard.events < 1500, `${lazy.heard.events} events, and it should have been cut before`)
    await note(farm, 'web', 'one more')
    while (good.heard.events === 1500) await new Promise((resolve) => setTimeout(resolve, 20))
  })
})

test('who comes back to more than may be behind gets all of it', async (t) => {
  const { farm, open } = await serve(t, { mostBehind: 100_000 })
  for (let sent = 0; sent < 100; sent++) await note(farm, 'web', 'x'.repeat(16_000))
  const { heard } = await open({ Authorization: `Bearer ${farm.tokens.viewer}`, 'Last-Event-ID': '0' })
  while (heard.events < 100) await new Promise((resolve) => setTimeout(resolve, 20))
})

describe('so many streams', () => {
  test('of one user and no more, by however many tokens and sessions; others get theirs, and one that ends makes room', async (t) => {
    const { farm, as, open } = await serve(t, { mostStreams: 10, mostOfOne: 2 })
    const first = await as(farm.tokens.viewer)
    await as(await farm.site.token('viewer', 'viewer'))
    const refused = await open({ Cookie: cookieOf(await farm.site.session('viewer')) })
    assert.deepEqual([refused.response.statusCode, refused.response.headers['retry-after']], [429, '10'])
    assert.equal((await as(farm.tokens.operator)).response.statusCode, 200)
    first.response.destroy()
    for (let status: number | undefined = 429; status !== 200;)
      status = (await as(farm.tokens.viewer)).response.statusCode
  })

  test('in all and no more', async (t) => {
    const { farm, as } = await serve(t, { mostStreams: 2, mostOfOne: 2 })
    await as(farm.tokens.viewer)
    await as(farm.tokens.operator)
    assert.equal((await as(farm.tokens.admin)).response.statusCode, 503)
  })
})
