// What becomes of a request that can't be done: problem+json (RFC 9457) for programs, a page for people.
import { STATUS_CODES } from 'node:http'
import type { Request, Response } from 'express'
import type { Problem } from '../manage/failure.ts'
import { Refused } from '../manage/failure.ts'
import { NoSuchRow } from '../manage/stored-rows.ts'
import { GateFull } from './gate.ts'

type Options = Readonly<{
  headers?: Readonly<Record<string, string>>
  /** By row, where there are some. */
  problems?: readonly Problem[]
  /** What kind of problem it is, for programs that tell it from others. */
  type?: string
  /** What else they are told (RFC 9457 §3.2). */
  more?: object
}>

/** Thrown by a route: that status, with a sentence for whoever asked. */
export class HttpRefusal extends Error {
  override name = 'HttpRefusal'
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly problems: readonly Problem[]
  readonly type: string
  readonly more: object

  constructor(
    status: number,
    detail: string,
    { headers = {}, problems = [], type = 'about:blank', more = {} }: Options = {},
  ) {
    super(detail)
    this.status = status
    this.headers = headers
    this.problems = problems
    this.type = type
    this.more = more
  }
}

/** Every error as an answer; what is no refusal is our failure, of which the log alone tells. */
export function refusalOf(error: unknown, isStoreUp: boolean): HttpRefusal {
  if (error instanceof HttpRefusal) return error
  if (error instanceof NoSuchRow) return new HttpRefusal(404, error.message)
  if (error instanceof Refused) return new HttpRefusal(422, error.message, { problems: error.problems })
  if (error instanceof GateFull) return new HttpRefusal(503, error.message, { headers: { 'Retry-After': '5' } })
  const { status, message } = error as Readonly<{ status?: unknown; message?: unknown }>
  if (typeof status === 'number' && status >= 400 && status < 500)
    return new HttpRefusal(status, status === 413 ? 'the request is too long' : String(message)) // express and its body parsers
  if (!isStoreUp)
    return new HttpRefusal(503, 'the database is away; machines are served from the last picture of the inventory')
  return new HttpRefusal(500, 'this server failed; its log says why')
}

/** What is left of a request's body is not waited for. */
export function endEarly(request: Request, response: Response): void {
  if (!request.complete) response.set('Connection', 'close')
}

export function sendProblem(response: Response, { status, message, problems, type, more }: HttpRefusal): void {
  const title = STATUS_CODES[status] ?? 'Error'
  const errors = problems.length === 0 ? {} : { errors: problems }
  response
    .status(status)
    .type('application/problem+json')
    .send(JSON.stringify({ type, title, status, detail: message, ...errors, ...more }))
}
