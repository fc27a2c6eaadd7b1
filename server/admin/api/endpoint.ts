// One endpoint of the API: what it takes and answers as schemas, which parse requests and are its documentation.
import type { Request } from 'express'
import type { z } from 'zod'
import { SelectorError } from '../../inventory/select.ts'
import type { Snapshot } from '../../inventory/snapshot.ts'
import { ViewEditRefused } from '../../inventory/store/mirrored.ts'
import { Outdated } from '../../inventory/store/versions.ts'
import type { Desk } from '../../manage/desk.ts'
import { TemplateError } from '../../render/templates.ts'
import type { Problem } from '../../manage/failure.ts'
import { Misworded } from '../../manage/failure.ts'
import { HttpRefusal } from '../refusal.ts'
import type { Role } from '../roles.ts'
import type { Route, Visit } from '../route.ts'

/** What the API is made of, beside what each request brings. */
export type Api = Readonly<{
  /** What is worked on, signed by `who`. */
  desk: (who: string) => Desk
  /** The inventory with everything that was committed before this was called, as far as the store answers within a second. */
  snapshot: () => Promise<Snapshot>
  /** The same, as what is done for good needs it. @throws HttpRefusal 503 while the store is away */
  current: () => Promise<Snapshot>
  /** What /healthz says. */
  health: () => object
}>

export type Call<Query, Body> = Readonly<{
  visit: Visit
  desk: Desk
  /** Of the path, by name. */
  params: Readonly<Record<string, string>>
  query: Query
  body: Body
}>

export type Answer = Readonly<{ status?: number; headers?: Readonly<Record<string, string>>; body?: unknown }>

/** What is answered; null: a body of no JSON, or none. */
type Answers = Readonly<Record<number, Readonly<{ what: string; schema: z.ZodType | null; type?: string }>>>

/** A request that works as it stands on the sample farm; tests make it. */
export type Example = Readonly<{
  params?: Readonly<Record<string, string>>
  query?: Readonly<Record<string, string>>
  headers?: Readonly<Record<string, string>>
  body?: unknown
}>

export type Endpoint<Query = unknown, Body = unknown> = Readonly<{
  method: Route['method']
  /** As OpenAPI writes it: `/machines/{name}`, below /api/v1. */
  path: string
  role: Role
  /** As of a route. */
  only?: 'session'
  tag: string
  summary: string
  description?: string
  /** What the path's names are. */
  params?: Readonly<Record<string, string>>
  query?: z.ZodType<Query>
  body?: z.ZodType<Body>
  /** Request headers, and what they are for. */
  headers?: Readonly<Record<string, string>>
  /** Of the request, at most. */
  mostBytes?: number
  answers: Answers
  example?: Example
  handle: (call: Call<Query, Body>) => Promise<Answer | 'sent'> | Answer | 'sent'
}>

/** Keeps the types of query and body for the handler, and nobody else. */
export const endpoint = <Query = undefined, Body = undefined>(declared: Endpoint<Query, Body>): Endpoint =>
  declared as unknown as Endpoint

export const apiRoot = '/api/v1'

export function routeOf(api: Api, one: Endpoint): Route {
  return {
    method: one.method,
    path: `${apiRoot}${one.path.replaceAll(/\{(\w+)\}/g, ':$1')}`,
    role: one.role,
    ...(one.only === undefined ? {} : { only: one.only }),
    mostBytes: one.mostBytes ?? 8 * 1024 * 1024, // a thousand machines' edits in one transaction
    handle: async (visit) => {
      const answer = await orRefuse(async () => one.handle(callOf(api, one, visit)))
      if (answer === 'sent') return
      const { status = 200, headers = {}, body } = answer
      visit.response.status(status).set(headers)
      if (body === undefined) visit.response.end()
      else visit.response.json(body)
    },
  }
}

function callOf(api: Api, { query, body }: Endpoint, visit: Visit): Call<unknown, unknown> {
  const { request, by } = visit
  return {
    visit,
    desk: api.desk(by.who),
    params: request.params as Readonly<Record<string, string>>,
    query: query === undefined ? undefined : parse(query, request.query, 'the query'),
    body: body === undefined ? undefined : parse(body, bodyOf(request), 'the request'),
  }
}

const bodyOf = (request: Request): unknown => (request.body as unknown) ?? {}

/** @throws HttpRefusal 400 naming each value */
export function parse<T>(schema: z.ZodType<T>, given: unknown, what: string): T {
  const parsed = schema.safeParse(given)
  if (parsed.success) return parsed.data
  const problems = parsed.error.issues.flatMap((issue) => problemsOf(issue, given))
  const sentences = problems.map(({ field, why }) => (field === null ? why : `${field}: ${why}`))
  throw new HttpRefusal(400, `${what} can't be understood: ${sentences.join('; ')}`, { problems })
}

function problemsOf(issue: z.core.$ZodIssue, given: unknown): readonly Problem[] {
  const at = (path: readonly PropertyKey[], why: string): Problem => ({
    machine: null,
    table: null,
    key: null,
    field: path.length === 0 ? null : path.map(String).join('.'),
    value: valueAt(given, path) ?? null,
    why,
  })
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => at([...issue.path, key], 'there is no field of this name'))
  return [at(issue.path, issue.message)]
}

const valueAt = (value: unknown, [key, ...rest]: readonly PropertyKey[]): unknown =>
  key === undefined ? value : valueAt((value as Readonly<Record<PropertyKey, unknown>> | null | undefined)?.[key], rest)

/** What the layers below throw at whoever asks, in HTTP's words. */
async function orRefuse<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof Misworded) throw new HttpRefusal(400, error.message)
    if (error instanceof SelectorError) throw new HttpRefusal(404, error.message)
    if (error instanceof ViewEditRefused) throw new HttpRefusal(409, error.message)
    if (error instanceof TemplateError) throw new HttpRefusal(422, error.message)
    if (error instanceof Outdated) throw new HttpRefusal(412, error.message)
    throw error
  }
}

/** `"105-7"` of `If-Match`; null when it is not given, or any version will do. */
export function versionExpected(request: Request): string | null {
  const given = request.get('if-match')?.trim()
  if (given === undefined || given === '*') return null
  const [, version] = /^"([^"]*)"$/.exec(given) ?? []
  if (version === undefined) throw new HttpRefusal(400, `If-Match: ${given}: expected one ETag, as it was answered`)
  return version
}

export const etagOf = (version: string): string => `"${version}"`
