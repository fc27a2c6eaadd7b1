// The administration side as tests ask it: a store, a clock that is set by hand, users of each role, and browsers.
import type { TestContext } from 'node:test'
import { pino } from 'pino'
import type { Express } from 'express'
import supertest from 'supertest'
import type { Response } from 'supertest'
import type { Admin } from '../../server/admin/app.ts'
import { adminApp } from '../../server/admin/app.ts'
import { hashPassword } from '../../server/admin/passwords.ts'
import type { Role } from '../../server/admin/roles.ts'
import { roles } from '../../server/admin/roles.ts'
import type { Route } from '../../server/admin/route.ts'
import { csrfTokenOf, hashSecret, newSecret } from '../../server/admin/secrets.ts'
import { openSite } from '../../server/admin/site.ts'
import { recordApiToken } from '../../server/inventory/store/api-tokens.ts'
import type { By } from '../../server/inventory/store/audit.ts'
import { readAudit } from '../../server/inventory/store/audit.ts'
import type { Store } from '../../server/inventory/store/open.ts'
import { isoTime } from '../../server/inventory/store/record.ts'
import { recordSession } from '../../server/inventory/store/sessions.ts'
import { recordUser } from '../../server/inventory/store/users.ts'
import type { Desk } from '../../server/manage/desk.ts'
import { templateEngine } from '../../server/render/templates.ts'
import { address, snapshotOf, sqliteStore } from '../fixtures.ts'

export const password = 'correct horse battery'
export const begin = Date.parse('2026-11-23T12:00:00.000Z')
export const by: By = { who: 'test', at: isoTime(begin), peer: null }

/** Made once: the cost of a hash is not what most tests are about. */
const cheapHash = hashPassword(password, { ln: 4, r: 8, p: 1 })

export type TestSite = Readonly<{
  app: Express
  admin: Admin
  store: Store
  routes: readonly Route[]
  /** Puts the clock forward. */
  pass: (milliseconds: number) => void
  /** The secret of a new session of that user. */
  session: (user: string) => Promise<string>
  /** A new API token of that user. */
  token: (user: string, role: Role, expiresAt?: number) => Promise<string>
  /** What the log was told, as one text. */
  logged: () => string
  /** Oldest first, as `ACTION about by who`. */
  audit: () => Promise<readonly string[]>
}>

type Options = Readonly<{
  store?: Store
  more?: readonly Route[]
  isStoreUp?: () => boolean
  live?: Partial<Admin['live']>
  desk?: (who: string) => Desk
  trustProxy?: readonly string[]
}>

/** A desk without templates, images or targets. */
export const testDesk = (store: Store, who: string, now: () => number): Desk => ({
  store,
  who,
  now,
  server: { advertise: address('192.0.2.1'), addresses: [address('192.0.2.1')], httpPort: 80 },
  known: { templates: new Set(['own.ks']) },
  engine: templateEngine(new Map([['own.ks', 'install\n']])),
  stateDir: '/nonexistent',
  installHours: 24,
  stallMinutes: 30,
  dhcpMode: 'server',
  targets: new Map(),
})

/** With users viewer, operator and admin, each of the role of that name. */
export async function openTestSite(t: TestContext, options: Options = {}): Promise<TestSite> {
  const store = options.store ?? (await sqliteStore(t, ''))
  const clock = { now: begin }
  const lines: string[] = []
  const log = pino({ level: 'trace' }, { write: (line) => void lines.push(line) })
  for (const role of roles) await recordUser(store, { name: role, password: await cheapHash, role }, by)
  const { admin, routes } = openSite({
    store,
    log,
    live: {
      snapshot: () => snapshotOf(''),
      health: () => (options.isStoreUp?.() === false ? { ok: false, since: '', error: 'away' } : { ok: true }),
      catchUp: () => Promise.resolve(),
      refresh: () => Promise.resolve(),
      ...options.live,
    },
    desk: options.desk ?? ((who) => testDesk(store, who, () => clock.now)),
    health: () => ({ status: 'ok', revision: 0, machines: 0 }),
    now: () => clock.now,
  })
  return {
    app: adminApp(admin, [...routes, ...(options.more ?? [])], options.trustProxy ?? []),
    admin,
    store,
    routes,
    pass: (milliseconds) => void (clock.now += milliseconds),
    session: async (user) => {
      const secret = newSecret()
      const at = isoTime(clock.now)
      const session = {
        hash: hashSecret(secret),
        user,
        created_at: at,
        seen_at: at,
        expires_at: isoTime(clock.now + 12 * 3600_000),
      }
      await recordSession(store, session, isoTime(0))
      return secret
    },
    token: async (user, role, expiresAt = clock.now + 3600_000) => {
      const secret = newSecret('bootstead_')
      const name = `t${hashSecret(secret).replaceAll(/\W/g, '').slice(0, 8)}`
      await recordApiToken(store, { user, name, role, hash: hashSecret(secret), expiresAt: isoTime(expiresAt) }, by)
      return secret
    },
    logged: () => lines.join(''),
    audit: async () =>
      (await readAudit(store, { limit: 1000 }))
        .toReversed()
        .filter(({ who }) => who !== 'test')
        .map(({ action, about, who }) => `${action} ${about} by ${who}`),
  }
}

export const cookieOf = (session: string): string => `bootstead=${session}`

/** What a browser on our own page sends with a form. */
export function post(
  app: Express,
  path: string,
  session: string | null,
  fields: Readonly<Record<string, string>> = {},
) {
  const request = supertest(app).post(path).type('form').set('Sec-Fetch-Site', 'same-origin')
  if (session === null) return request.send(fields)
  return request.set('Cookie', cookieOf(session)).send({ _csrf: csrfTokenOf(session), ...fields })
}

export const get = (app: Express, path: string, session: string | null = null) =>
  session === null ? supertest(app).get(path) : supertest(app).get(path).set('Cookie', cookieOf(session))

/** The session that an answer begins; null when it begins none. */
export function newSession(answer: Response): string | null {
  const cookies = ([] as readonly string[]).concat(answer.headers['set-cookie'] ?? [])
  return cookies.flatMap((cookie) => /^(?:__Host-)?bootstead=([^;]{43});/.exec(cookie)?.[1] ?? [])[0] ?? null
}

/** With its characters as they are read. */
export const textOf = ({ text }: Response): string =>
  text.replaceAll(/\s+/g, ' ').replaceAll('&#39;', "'").replaceAll('&quot;', '"')
