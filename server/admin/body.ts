// Reading what a request brings, after it is known who brings it.
import type { Request, RequestHandler, Response as ExpressResponse } from 'express'
import express from 'express'
import { isTooDeep, mostDeep } from '../inventory/depth.ts'
import { HttpRefusal } from './refusal.ts'
import type { Route } from './route.ts'
import { isApi } from './route.ts'

const mostBytes = { form: 64 * 1024, json: 1024 * 1024, upload: 1024 * 1024 } as const
const types = {
  form: 'application/x-www-form-urlencoded',
  json: 'application/json',
  upload: 'multipart/form-data',
} as const

/** @returns what reads the bodies of that route. Compressed ones are not taken: they could be of any size */
export function bodyReader(route: Route): (request: Request, response: ExpressResponse) => Promise<void> {
  const kind = route.body ?? (isApi(route.path) ? 'json' : 'form')
  if (kind === 'unread') return () => Promise.resolve()
  const limit = route.mostBytes ?? mostBytes[kind]
  const parse: RequestHandler = {
    json: express.json({ limit, inflate: false }),
    form: express.urlencoded({ limit, inflate: false, extended: false, parameterLimit: 1000 }),
    upload: express.raw({ type: types.upload, limit, inflate: false }),
  }[kind]
  return async (request, response) => {
    await new Promise<void>((resolve, reject) => {
      refuseTooLong(request, limit, reject)
      parse(request, response, (error?: unknown) => {
        if (error === undefined) resolve()
        else reject(error instanceof Error ? error : new Error('a body could not be read', { cause: error }))
      })
    })
    if (kind === 'json' && isTooDeep(request.body))
      throw new HttpRefusal(400, `the request is nested more than ${mostDeep} deep; nothing that is meant is`)
    if (Buffer.isBuffer(request.body)) request.body = await uploaded(request, request.body)
    if (hasBody(request) && request.body === undefined)
      throw new HttpRefusal(
        415,
        `a request here is ${types[kind]}, and not ${request.get('content-type') ?? 'untyped'}`,
      )
  }
}

/** At once: express reads all that comes before it says that it was too much, however long that takes. */
function refuseTooLong(request: Request, limit: number, reject: (why: Error) => void): void {
  const refuse = (): void => reject(new HttpRefusal(413, 'the request is too long'))
  if (Number(request.headers['content-length'] ?? 0) > limit) return refuse()
  let had = 0
  request.on('data', (part: Buffer) => {
    had += part.length
    if (had > limit) refuse()
  })
}

/** Fields as those of a form; a file is its text, and `NAME.file` what it is called. Files that are empty are none. */
async function uploaded(request: Request, body: Buffer): Promise<Readonly<Record<string, string>>> {
  const headers = { 'Content-Type': request.get('content-type') ?? '' }
  const fields: Record<string, string> = {}
  // Meant for bodies without end; this one is read, and bounded.
  const form = await new Response(new Uint8Array(body), { headers }).formData().catch(() => {
    throw new HttpRefusal(400, 'the form that was sent can’t be read; send it once more')
  })
  for (const [name, value] of form) {
    if (typeof value === 'string') fields[name] = value
    else if (value.size > 0) Object.assign(fields, { [name]: await value.text(), [`${name}.file`]: value.name })
  }
  return fields
}

const hasBody = ({ headers }: Request): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
