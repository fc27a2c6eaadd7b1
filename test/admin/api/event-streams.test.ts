// Server-sent events (HTML Living Standard §9.2) over a real connection: what comes, once, in order, and only to whom it is for.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import type { StreamLimits } from '../../../server/admin/api/event-streams.ts'
import type { Stream } from './streams.ts'
import { note, serveStreams } from './streams.ts'

async function serve(t: TestContext, limits: Partial<StreamLimits> = {}) {
  const { farm, open } = await serveStreams(t, limits)
  const listen = (path: string, headers: Readonly<Record<string, string>> = {}): Promise<Stream> =>
    open({ Authorization: `Bearer ${farm.tokens.viewer}`, ...headers }, path)
  return { farm, listen }
}

const detailsIn = (text: string): readonly string[] =>
  [...text.matchAll(/"detail":"(\w+)"/g)].map(([, detail = '']) => detail)

test('each event comes once, in order, to those who listen for its machine', async (t) => {
  const { farm, listen } = await serve(t)
  const [all, web] = [await listen('/events'), await listen('/machines/web/events')]
  assert.equal(all.response.statusCode, 200)
  await note(farm, 'web', 'a', 'b')
  await note(farm, 'acas0001', 'c')
  await all.until(/"c"/)
  await note(farm, 'web', 'last')
  assert.deepEqual(detailsIn(await all.until(/"last"/)), ['a', 'b', 'c', 'last'])
  assert.deepEqual(detailsIn(await web.until(/"last"/)), ['a', 'b', 'last'])
})

test('a selector bounds a stream', async (t) => {
  const { farm, listen } = await serve(t)
  const guests = await listen('/events?select=dom0%3Dacas0001')
  await note(farm, 'web', 'other')
  await note(farm, 'acas0002', 'own')
  assert.deepEqual(detailsIn(await guests.until(/"own"/)), ['own'])
})

test('Last-Event-ID: who comes back gets what was missed, and no event twice', async (t) => {
  const { farm, listen } = await serve(t)
  const first = await listen('/events')
  await note(farm, 'web', 'a')
  const [, id = ''] = /^id: (\d+)$/m.exec(await first.until(/"a"/)) ?? []
  first.response.destroy()
  await note(farm, 'web', 'b', 'c')
  const second = await listen('/events', { 'Last-Event-ID': id })
  await second.until(/"c"/)
  await note(farm, 'web', 'd')
  assert.deepEqual(detailsIn(await second.until(/"d"/)), ['b', 'c', 'd'])
})

test('a silent stream says that it is there, and one that is old ends', async (t) => {
  const { listen } = await serve(t, { heartbeatMs: 20, longestMs: 200 })
  const stream = await listen('/events')
  await stream.until(/^: nothing new$/m)
  await stream.ended
})

test('there are so many streams and no more, and one that ends makes room', async (t) => {
  const { listen } = await serve(t, { mostStreams: 2 })
  const [one] = [await listen('/events'), await listen('/events')]
  assert.equal((await listen('/events')).response.statusCode, 503)
  one.response.destroy()
  await one.ended
  for (let status: number | undefined = 503; status !== 200;) status = (await listen('/events')).response.statusCode
})
