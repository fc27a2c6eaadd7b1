// The administration side as one express application: each declared route behind the same guard.
import type { Express, NextFunction, Request, Response } from 'express'
import express from 'express'
import type { Logger } from 'pino'
import type { Store } from '../inventory/store/open.ts'
import { isoTime } from '../inventory/store/record.ts'
import { plainAddress } from '../serve/http/peers.ts'
import type { Live } from '../serve/live.ts'
import type { Desk } from '../manage/desk.ts'
import { whoOf } from './actor.ts'
import type { EventStreams } from './api/event-streams.ts'
import type { Attempts } from './attempts.ts'
import { bodyReader } from './body.ts'
import { compressed } from './compressed.ts'
import type { Gate } from './gate.ts'
import { securityHeaders } from './headers.ts'
import type { Html } from './html.ts'
import type { Identity } from './identify.ts'
import { identify } from './identify.ts'
import { checkCsrfToken, checkOrigin, isChange } from './own-site.ts'
import { endEarly, HttpRefusal, refusalOf, sendProblem } from './refusal.ts'
import { mayAs } from './roles.ts'
import type { Route, Visit } from './route.ts'
import { isApi } from './route.ts'

/** What routes work with. */
export type Admin = Readonly<{
  store: Store
  live: Pick<Live, 'snapshot' | 'health' | 'catchUp' | 'refresh'>
  /** What is done to machines, and signed by `who`. */
  desk: (who: string) => Desk
  /** What /healthz says. */
  health: () => object
  streams: EventStreams
  html: Html
  attempts: Attempts
  /** Where passwords are checked. */
  gate: Gate
  /** Where people find the pages when that is not where they asked, as behind a proxy: `https://HOST`. */
  publicUrl: string | null
  /** Milliseconds since the epoch. */
  now: () => number
  log: Logger
}>

/** @param trustProxy addresses of proxies whose X-Forwarded-* is believed */
export function adminApp(admin: Admin, routes: readonly Route[], trustProxy: readonly string[]): Express {
  const app = express()
  app.disable('x-powered-by')
  app.disable('etag')
  app.set('query parser', 'simple')
  app.set('trust proxy', trustProxy.length === 0 ? false : [...trustProxy])
  app.use(securityHeaders)
  app.use(compressed)
  for (const route of routes) app[route.method](route.path, guarded(admin, route))
  for (const path of new Set(routes.map((route) => route.path))) app.all(path, wrongMethod(path, routes))
  app.use(() => {
    throw new HttpRefusal(404, 'there is nothing here')
  })
  app.use((error: unknown, request: Request, response: Response, next: NextFunction) =>
    answerError(admin, error, request, response, next),
  )
  return app
}

/** Who asks, whether they may, whether it is our own page that asks; then what they bring, then the route's own work. */
function guarded(admin: Admin, route: Route) {
  const readBody = bodyReader(route)
  return async (request: Request, response: Response): Promise<void> => {
    const now = admin.now()
    const peer = plainAddress(request.ip ?? '')
    const who = route.role === 'public' ? null : await identify(admin.store, now, request)
    response.locals['who'] = who
    response.once('finish', () => note(admin.log, route, request, response, peer))
    if (route.role !== 'public') {
      if (who === null) return askToLogIn(request, response)
      if (!mayAs(who.actor.role, route.role))
        throw new HttpRefusal(403, `this takes the role ${route.role}; ${who.actor.name} has ${who.actor.role} here`)
      if (who.actor.via === 'screen' && isChange(request) && route.path !== '/logout')
        throw new HttpRefusal(403, onlyLooking)
      if (route.only === 'session' && who.actor.via === 'token') throw new HttpRefusal(403, noWayIn)
    }
    if (isChange(request) && who?.actor.via !== 'token') checkOrigin(request, admin.publicUrl)
    await readBody(request, response)
    if (isChange(request) && who !== null && who.session !== null) checkCsrfToken(request, who.session)
    const visit = {
      request,
      response,
      by: { who: signed(who), at: isoTime(now), peer },
      mayStill: () => mayStill(admin, route, request),
      page: (template, view = {}, status = 200) => admin.html.send(request, response, who, template, view, status),
    } satisfies Omit<Visit, 'actor'>
    if (route.role === 'public') await route.handle({ ...visit, actor: null })
    else if (who !== null) await route.handle({ ...visit, actor: who.actor })
  }
}

async function mayStill({ store, now }: Admin, { role }: Route, request: Request): Promise<boolean> {
  if (role === 'public') return true
  const who = await identify(store, now(), request, false).catch((error: unknown) => {
    if (error instanceof HttpRefusal) return null
    throw error
  })
  return who !== null && mayAs(who.actor.role, role)
}

/** Whoever stands before it is not who logged in: no new password, and no token either. */
const onlyLooking = 'this screen was signed in to look only; log out, and log in as yourself'

/** Else a token that somebody found would outlive its end and its removal. */
const noWayIn =
  'an API token makes no users, passwords, links or tokens: log in and do it on the pages, or use bootstead on the host of the server'

/** The route and never the address: a one-time link is one. */
function note(log: Logger, { path }: Route, { method }: Request, response: Response, peer: string): void {
  const who = signed((response.locals['who'] ?? null) as Identity | null)
  log.debug({ who, peer, method, route: path, status: response.statusCode }, 'admin')
}

const signed = (who: Identity | null): string => (who === null ? 'nobody' : whoOf(who.actor))

function askToLogIn(request: Request, response: Response): void {
  endEarly(request, response)
  if (isApi(request.path))
    throw new HttpRefusal(401, 'this takes an API token: Authorization: Bearer TOKEN', {
      headers: { 'WWW-Authenticate': 'Bearer realm="bootstead"' },
    })
  const next = request.method === 'GET' ? `?next=${encodeURIComponent(request.originalUrl)}` : ''
  if (request.get('hx-request') === 'true') response.set('HX-Redirect', '/login').status(401).end()
  else response.redirect(303, `/login${next}`)
}

const wrongMethod = (path: string, routes: readonly Route[]) => (request: Request) => {
  const allowed = routes.filter((route) => route.path === path).map(({ method }) => method.toUpperCase())
  const all = allowed.includes('GET') ? ['HEAD', ...allowed] : allowed
  throw new HttpRefusal(405, `${request.method} is not taken here`, {
    headers: { Allow: [...new Set(all)].toSorted().join(', ') },
  })
}

function answerError(admin: Admin, error: unknown, request: Request, response: Response, next: NextFunction): void {
  const refusal = refusalOf(error, admin.live.health().ok)
  if (refusal.status >= 500)
    admin.log.error({ err: error, method: request.method, path: request.path }, 'request failed')
  if (response.headersSent) return next(error)
  endEarly(request, response)
  response.set(refusal.headers)
  if (isApi(request.path)) return sendProblem(response, refusal)
  const who = (response.locals['who'] ?? null) as Identity | null
  const { status, message } = refusal
  admin.html.send(request, response, who, 'refusal.html', { status, message, problems: refusal.problems }, status)
}
