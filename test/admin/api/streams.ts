// Streams of events over real connections, of a farm whose API and log-in listen on a free port.
import { createServer, get } from 'node:http'
import type { IncomingMessage, RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import type { Express } from 'express'
import type { StreamLimits } from '../../../server/admin/api/event-streams.ts'
import { openEventStreams, streamLimits } from '../../../server/admin/api/event-streams.ts'
import { apiRoutes } from '../../../server/admin/api/routes.ts'
import { adminApp } from '../../../server/admin/app.ts'
import { logInRoutes } from '../../../server/admin/pages/log-in.ts'
import { recordEvents } from '../../../server/inventory/store/record.ts'
import type { Farm } from './farm.ts'
import { openApiFarm } from './farm.ts'

export type Stream = Readonly<{
  response: IncomingMessage
  heard: Readonly<{ beats: number; events: number }>
  /** All that was heard, once the pattern is in it. */
  until: (pattern: RegExp) => Promise<string>
  ended: Promise<void>
}>

type Headers = Readonly<Record<string, string>>
export type Streams = Readonly<{
  farm: Farm
  app: Express
  open: (headers: Headers, path?: string) => Promise<Stream>
}>

/** The store is looked at for new events fifty times a second. */
export async function serveStreams(t: TestContext, limits: Partial<StreamLimits> = {}): Promise<Streams> {
  const farm = await openApiFarm(t)
  const streams = openEventStreams({ ...streamLimits, pollMs: 20, ...limits })
  const admin = { ...farm.site.admin, streams }
  const app = adminApp(admin, [...apiRoutes(admin), ...logInRoutes(admin)], [])
  const server = createServer(app as RequestListener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    streams.close()
    server.closeAllConnections()
    return new Promise<void>((resolve) => server.close(() => resolve()))
  })
  const { port } = server.address() as AddressInfo
  return { farm, app, open: (headers, path = '/events') => openStream(port, path, headers) }
}

async function openStream(port: number, path: string, headers: Headers): Promise<Stream> {
  const asked = { Accept: 'text/event-stream', ...headers }
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    get({ host: '127.0.0.1', port, path: `/api/v1${path}`, headers: asked, agent: false }, resolve).on('error', reject)
  })
  const heard = { text: '', beats: 0, events: 0 }
  const waiting = new Set<() => void>()
  response.setEncoding('utf8').on('data', (part: string) => {
    heard.text += part
    heard.beats += (part.match(/^: /gm) ?? []).length
    heard.events += (part.match(/^data: /gm) ?? []).length
    for (const look of waiting) look()
  })
  return {
    response,
    heard,
    ended: new Promise<void>((resolve) => response.on('error', () => undefined).once('close', resolve)),
    until: (pattern) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (!pattern.test(heard.text)) return
          waiting.delete(look)
          resolve(heard.text)
        }
        waiting.add(look)
        look()
      }),
  }
}

/** Puts an event for each detail into the store. */
export const note = (farm: Farm, machine: string, ...details: readonly string[]): Promise<void> =>
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
