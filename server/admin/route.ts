// What a route of the administration side is. Every one is declared in one list (routes.ts), so that tests can ask each
// as each role.
import type { Request, Response } from 'express'
import type { By } from '../inventory/store/audit.ts'
import type { Actor } from './actor.ts'
import type { Role } from './roles.ts'

export type Visit<Who extends Actor | null = Actor> = Readonly<{
  request: Request
  response: Response
  actor: Who
  /** How history and audit trail sign what is done now: `by.who` is `web:alice` or `api:alice/nightly`. */
  by: By
  /** Whether they may still, for an answer that goes on for long: sessions and tokens end, roles change. */
  mayStill: () => Promise<boolean>
  /** Sends a page of web/templates. The layout gets actor, navigation and CSRF token by itself. */
  page: (template: string, view?: object, status?: number) => void
}>

type Answering<Who extends Actor | null> = (visit: Visit<Who>) => Promise<void> | void

export type Route = Readonly<{
  method: 'get' | 'post' | 'put' | 'patch' | 'delete'
  /** Of express; below `/api/` errors are problem+json and API tokens are taken, elsewhere they are pages. */
  path: string
  /**
   * How `request.body` is read, after the role was checked: by default `json` below `/api/`, `form` elsewhere. An
   * `upload` is a form with files, whose texts are fields like the others.
   */
  body?: 'form' | 'json' | 'upload' | 'unread'
  /** `session`: whoever gives others a way in is a person who has logged in, and no API token. */
  only?: 'session'
  /** By default 1 MiB of JSON or of an upload, 64 KiB of a form. */
  mostBytes?: number
}> &
  Readonly<
    | {
        /** Nobody is asked who they are, so it works while the database is away. */ role: 'public'
        handle: Answering<null>
      }
    | { /** The least that may. */ role: Role; handle: Answering<Actor> }
  >

export const isApi = (path: string): boolean => path === '/api' || path.startsWith('/api/')

/** A field of a form; '' when it is missing or there twice. */
export function fieldOf(request: Request, name: string): string {
  const fields = (request.body ?? {}) as Readonly<Record<string, unknown>>
  const value = fields[name]
  return typeof value === 'string' ? value : ''
}

/** A word of the query; '' when it is missing or there twice. */
export function queryOf(request: Request, name: string): string {
  const value = request.query[name]
  return typeof value === 'string' ? value : ''
}
