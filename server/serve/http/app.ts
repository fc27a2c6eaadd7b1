// The HTTP door: artefacts, files and the machines' reports. One route for everything that is fetched, one for events.
import type { Express, NextFunction, Request, Response } from 'express'
import express from 'express'
import type { Logger } from 'pino'
import type { Registry } from 'prom-client'
import { quietLog, type QuietLog } from '../quiet.ts'
import type { FileCache, LocatedFile } from '../files.ts'
import type { Found, Resolver } from '../resolve.ts'
import type { Timeline } from '../timeline.ts'
import { describeRefusal } from '../transfers.ts'
import type { EventReports } from './events.ts'
import { eventRoute } from './events.ts'
import { sendFile } from './file.ts'
import { plainAddress } from './peers.ts'

export type Health = Readonly<{
  status: 'ok' | 'degraded'
  revision: number
  machines: number
  inventory: string
  views?: string
  /** By target, when the server keeps any. */
  targets?: Readonly<Record<string, string>>
}>

type HttpDoorParts = Readonly<{
  resolver: Resolver
  files: FileCache
  timeline: Timeline
  reports: EventReports
  /** Which machine has that address, for the timeline. */
  machineAt: (address: string) => string | null
  health: () => Health
  metrics: Registry
  log: Logger
  /** Addresses of proxies whose X-Forwarded-For is believed. */
  trustProxy: readonly string[]
}>

export function httpApp(parts: HttpDoorParts): Express {
  const app = express()
  app.disable('x-powered-by')
  app.set('etag', () => undefined) // artefacts bring their own; `false` would take the files' away too
  app.set('trust proxy', parts.trustProxy.length === 0 ? false : [...parts.trustProxy])
  app.get('/healthz', (_, response) => void response.json(parts.health()))
  app.get(
    '/metrics',
    async (_, response) => void response.type(parts.metrics.contentType).send(await parts.metrics.metrics()),
  )
  app.post('/events/:hostname', ...eventRoute(parts.reports))
  const [refusals, brokenOff] = [quietLog(parts.log, LINES_PER_MINUTE), quietLog(parts.log, LINES_PER_MINUTE)]
  app.use((request, response, next) => {
    serve({ ...parts, refusals, brokenOff }, request, response).catch(next)
  })
  app.use((error: unknown, request: Request, response: Response, next: NextFunction) =>
    answerError(parts.log, error, request, response, next),
  )
  return app
}

/** Of each sort: who asks in vain can do so a thousand times a second. */
const LINES_PER_MINUTE = 60

type Serving = HttpDoorParts & Readonly<{ refusals: QuietLog; brokenOff: QuietLog }>

async function serve(parts: Serving, request: Request, response: Response): Promise<void> {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.set('Allow', 'GET, HEAD')
    return refuse(response, 405, `${request.method} is not taken here`)
  }
  const path = decodePath(request.path)
  if (path === null) return refuse(response, 400, 'the path is not valid percent-encoded UTF-8')
  if (path === '')
    return void response
      .type('text/plain')
      .send('Bootstead answers machines here. Health: /healthz, figures: /metrics.\n')
  const address = plainAddress(request.ip ?? '')
  const found = await parts.resolver.resolve(path, { door: 'http', address, secret: secretOf(request) })
  await send(parts, request, response, path, found, address)
}

/** Without leading slashes (shim asks for `//grubx64.efi`), decoded once. */
function decodePath(path: string): string | null {
  try {
    return decodeURIComponent(path).replace(/^\/+/, '')
  } catch {
    return null
  }
}

/** From `Authorization: Bearer`, or `?token=` as it stands on a kernel command line. */
export function secretOf(request: Request): string | null {
  const bearer = /^Bearer ([A-Za-z0-9._~+/=-]+)$/.exec(request.get('authorization') ?? '')?.[1]
  const query: unknown = request.query['token']
  return bearer ?? (typeof query === 'string' ? query : null)
}

function send(
  parts: Serving,
  request: Request,
  response: Response,
  path: string,
  found: Found,
  address: string,
): Promise<void> | void {
  switch (found.kind) {
    case 'refused':
      if (found.status === 403 || found.status === 500)
        parts.refusals.warn({ peer: address, path, machine: found.hostname, why: found.why }, 'refused')
      if (request.method === 'GET') noteRefusal(parts, path, found, address)
      return refuse(response, found.status, found.why)
    case 'text':
      return sendText(parts, request, response, found, address)
    case 'file':
      return answerFile(parts, request, response, path, found, address)
    default:
      return found satisfies never
  }
}

function noteRefusal(
  { timeline, machineAt }: HttpDoorParts,
  path: string,
  found: Extract<Found, { kind: 'refused' }>,
  peer: string,
): void {
  const machine = found.hostname ?? machineAt(peer)
  const detail = describeRefusal('http', path, found)
  if (machine !== null && detail !== null) timeline.note({ machine, stage: 'loader', detail, door: 'http', peer })
}

function refuse(response: Response, status: number, why: string): void {
  response.status(status).type('text/plain').set('Cache-Control', 'no-store').send(`${why}\n`)
}

function sendText(
  parts: HttpDoorParts,
  request: Request,
  response: Response,
  found: Extract<Found, { kind: 'text' }>,
  address: string,
): void {
  const { ref } = found
  if (ref !== null && ref.artefact.stage !== null && request.method === 'GET')
    parts.timeline.note({
      machine: ref.hostname,
      stage: ref.artefact.stage,
      detail: describeMenu(ref.artefact.name, found.body),
      door: 'http',
      peer: address,
    })
  const headers =
    found.etag === null
      ? { 'Content-Type': found.contentType, 'Cache-Control': 'no-store' }
      : { 'Content-Type': found.contentType, 'Cache-Control': 'no-cache', Vary: 'Authorization', ETag: found.etag }
  if (request.headers['if-none-match'] !== undefined) {
    response.set(headers)
    if (request.fresh) return void response.status(304).end()
  }
  response.writeHead(200, { ...headers, 'Content-Length': found.body.length })
  response.end(request.method === 'HEAD' ? undefined : found.body)
}

/** What a menu told the machine stands in its first comment. */
export function describeMenu(name: string, body: Buffer): string {
  if (name === 'kickstart') return 'kickstart fetched'
  const head =
    body
      .subarray(0, 400)
      .toString('utf8')
      .split('\n')
      .find((line) => line.startsWith('# ')) ?? ''
  return `${name} menu: ${head.replace(/^# [^:]*: /, '')}`
}

function answerFile(
  parts: Serving,
  request: Request,
  response: Response,
  path: string,
  file: LocatedFile,
  address: string,
): Promise<void> {
  const machine = path.startsWith('repo/') || request.method !== 'GET' ? null : parts.machineAt(address)
  return sendFile(parts.files, request, response, { path, file }, (error) => {
    if (error !== undefined) parts.brokenOff.info({ peer: address, path, err: error }, 'transfer ended early')
    else if (machine !== null)
      parts.timeline.note({ machine, stage: 'loader', detail: `${path} over http`, door: 'http', peer: address })
    if (error !== undefined && !response.headersSent) refuseFile(response, error)
  })
}

/** Between finding a file and sending it: it went away, or the range asked for is not in it (RFC 9110 §15.5.17). */
function refuseFile(response: Response, error: Error & { status?: number; headers?: Record<string, string> }): void {
  const status = error.status === 416 || error.status === 412 ? error.status : 404
  response.set(error.headers ?? {})
  refuse(response, status, status === 404 ? 'the file went away' : error.message)
}

/** A broken server is a 500 with a log line, never dressed as an unknown machine. Bad requests keep their own status. */
function answerError(log: Logger, error: unknown, request: Request, response: Response, next: NextFunction): void {
  const status = (error as { status?: unknown }).status
  const isClientError = typeof status === 'number' && status >= 400 && status < 500
  if (!isClientError) log.error({ err: error, method: request.method, path: request.path }, 'request failed')
  if (response.headersSent) return next(error)
  refuse(
    response,
    isClientError ? status : 500,
    isClientError && error instanceof Error ? error.message : 'this server failed; its log says why',
  )
}
