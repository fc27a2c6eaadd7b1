// What the server answered: what was asked for, or its refusal; and what is no answer of Bootstead's at all.
import { z } from 'zod'
import { problem } from '../admin/api/schemas.ts'
import { apiVersion } from '../admin/headers.ts'
import { Misworded, Refused } from '../manage/failure.ts'
import type { Problem } from '../manage/failure.ts'
import type { Answer } from './api-client.ts'

/** A schema that checks an answer, and the type that this program knows it by. */
export type Shape<T> = Readonly<{ schema: z.ZodType | null; known?: T }>

/** The schemas of the API are those of its document; the types are those of what makes the answers. */
export const shaped = <T>(schema: z.ZodType): Shape<T> => ({ schema })
export type Listed<T> = Readonly<{ items: readonly T[] }>
export const listed = <T>(item: z.ZodType): Shape<Listed<T>> => shaped(z.object({ items: z.array(item) }))
/** No body. */
export const done: Shape<void> = { schema: null }

/** A refusal of the server, in its words. */
export class ApiRefusal extends Refused {
  override name = 'ApiRefusal'
  readonly status: number
  readonly type: string
  /** What it says beside that (RFC 9457 §3.2). */
  readonly more: Readonly<Record<string, unknown>>

  constructor(status: number, message: string, { type, errors = [], ...more }: z.output<typeof problemJson>) {
    super(message, { problems: errors as readonly Problem[] })
    this.status = status
    this.type = type
    this.more = more
  }
}

const problemJson = z.looseObject({ type: z.string(), detail: z.string(), errors: z.array(problem).optional() })

/** The body as it came: a schema would put its keys into another order. @throws as refusalIn(), Refused when it is none */
export function bodyOf<T>(url: string, answer: Answer, { schema }: Shape<T>): T {
  if (answer.status < 200 || answer.status >= 300) throw refusalIn(url, answer)
  checkVersion(url, answer)
  const body = schema === null ? null : parsed(answer)
  if (schema !== null && !schema.safeParse(body).success)
    throw new Refused(`${url} answered what this program does not understand; is it of the same version?`)
  return body as T
}

/** What the server's refusal is to whoever typed the command. */
export function refusalIn(url: string, answer: Answer): Error {
  // By Node or a proxy, before any program sees it.
  if (answer.status === 431 || answer.status === 414)
    return new Refused(
      `${url}: so many names are too long for one request; choose the machines by a pattern or --where`,
    )
  try {
    checkVersion(url, answer)
  } catch (error) {
    return error as Error
  }
  const told = problemJson.safeParse(parsed(answer))
  if (!told.success) return strange(url, answer)
  const { status, headers } = answer
  const { detail } = told.data
  if (status === 400) return new Misworded(detail)
  return new ApiRefusal(status, sentence(url, status, detail, headers['retry-after']), told.data)
}

/** What is about the request is the same sentence as on the database; what is about server and token names the server. */
function sentence(url: string, status: number, detail: string, retryAfter: string | undefined): string {
  const pause = retryAfter === undefined ? '' : `; try again in ${retryAfter} s`
  if (status === 413) return `${url}: ${detail} for the API; run the command on the server's host`
  return [401, 403, 429].includes(status) || status >= 500 ? `${url}: ${detail}${pause}` : detail
}

/** @throws Refused when it is no Bootstead, or one that speaks otherwise */
function checkVersion(url: string, answer: Answer): void {
  const [[name, own]] = Object.entries(apiVersion) as [[string, string]]
  const theirs = answer.headers[name.toLowerCase()]
  if (theirs === undefined) throw strange(url, answer)
  if (theirs !== own)
    throw new Refused(
      `${url} speaks version ${String(theirs)} of the API, and this program version ${own}: install the program of the server's version`,
    )
}

function strange(url: string, { status, headers }: Answer): Refused {
  const type = headers['content-type']?.split(';')[0] ?? 'no text'
  const where = headers.location === undefined ? '' : ` and points to ${headers.location}`
  return new Refused(
    `${url} answers ${status} (${type})${where}, as no Bootstead does: is it the address of the administration side, and is the server up?`,
  )
}

function parsed({ text }: Answer): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return null
  }
}
