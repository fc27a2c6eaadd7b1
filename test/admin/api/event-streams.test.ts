// Server-sent events (HTML Living Standard §9.2) over a real connection: what comes, once, in order, and only to whom it is for.
import assert from 'node:assert/strict'
import type { IncomingMessage, Server } from 'node:http'
import { createServer, get } from 'node:http'
import type { RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import type { StreamLimits } from '../../../server/admin/api/event-streams.ts'
import { openEventStreams, streamLimits } from '../../../server/admin/api/event-streams.ts'
import { adminApp } from '../../../server/admin/app.ts'
import { apiRoutes } from '../../../server/admin/api/routes.ts'
import { recordEvents } from '../../../server/inventory/store/record.ts'
import type { Farm } from './farm.ts'
import { openApiFarm } from './farm.ts'

type Stream = Readonly<{
  status: number
  until: (pattern: RegExp) => Promise<string>
  ended: Promise<void>
  close: () => void
}>

async function serve(t: TestContext, limits: Partial<StreamLimits> = {}) {
  const farm = await openApiFarm(t)
  const streams = openEventStreams({ ...streamLimits, pollMs: 20, ...limits })
  const app = adminApp(farm.site.admin, apiRoutes({ ...farm.site.admin, streams }), [])
  const server = createServer(app as RequestListener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => closeAll(server, streams.close))
  const listen = (path: string, headers: Readonly<Record<string, string>> = {}): Promise<Stream> =>
    openStream((server.address() as AddressInfo).port, path, {
      Accept: 'text/event-stream',
      Authorization: `Bearer ${farm.tokens.viewer}`,
      ...headers,
    })
  return { farm, listen, streams }
}

function closeAll(server: Server, closeStreams: () => void): Promise<void> {
  closeStreams()
  server.closeAllConnections()
  return new Promise((resolve) => server.close(() => resolve()))
}

async function openStream(port: number, path: string, headers: Readonly<Record<string, string>>): Promise<Stream> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    get({ host: '127.0.0.1', port, path: `/api/v1${path}`, headers }, resolve).on('error', reject)
  })
  const had = { text: '' }
  const waiting = new Set<() => void>()
  response.setEncoding('utf8').on('data', (chunk: string) => {
    had.text += chunk
    for (const look of waiting) look()
  })
  const ended = new Promise<void>((resolve) => response.once('close', resolve))
  return {
    status: response.statusCode ?? 0,
    ended,
    close: () => response.destroy(),
    until: (pattern) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (!pattern.test(had.text)) return
          waiting.delete(look)
          resolve(had.text)
        }
        waiting.add(look)
        look()
      }),
  }
}

const note = (farm: Farm, machine: string, ...details: readonly string[]): Promise<void> =>
  recordEvents(
    farm.store,
    details.map((detail) => ({
      machine,
      at: '2026-11-23T12:00:00.000Z',
      stage: 'installing',
      detail,
      progress: null,
      door: 'http',
      peer: null,
    })),
  )

const detailsIn = (text: string): readonly string[] =>
  [...text.matchAll(/"detail":"(\w+)"/g)].map(([, detail = '']) => detail)

test('each event comes once, in order, to those who listen for its machine', async (t) => {
  const { farm, listen } = await serve(t)
  const [all, web] = [await listen('/events'), await listen('/machines/web/events')]
  assert.equal(all.status, 200)
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
  first.close()
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
  assert.equal((await listen('/events')).status, 503)
  one.close()
  await one.ended
  for (let status = 503; status !== 200;) status = (await listen('/events')).status
})
