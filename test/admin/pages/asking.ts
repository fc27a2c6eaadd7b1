// Pages as a browser without scripts asks for them, over a farm in either database.
import type { TestContext } from 'node:test'
import supertest from 'supertest'
import type { Response } from 'supertest'
import { csrfTokenOf } from '../../../server/admin/secrets.ts'
import { databases } from '../../databases.ts'
import type { Flavour } from '../../databases.ts'
import type { Farm } from '../api/farm.ts'
import { openApiFarm } from '../api/farm.ts'
import { cookieOf, get, post } from '../site.ts'

export type Fields = Readonly<Record<string, string>>

/** A user's browser. */
type Browser = Readonly<{
  get: (path: string) => Promise<Response>
  /** As htmx asks: for the part of a page that it names, if it does. */
  part: (path: string, target?: string) => Promise<Response>
  post: (path: string, fields: Fields) => Promise<Response>
  /** Posts a form that may have a file in it. */
  upload: (path: string, fields: Fields, file?: Readonly<{ name: string; text: string }>) => Promise<Response>
}>

export type Asking = Browser &
  Readonly<{
    farm: Farm
    /** The same as another user. */
    as: (user: string) => Promise<Browser>
  }>

/** The usual farm on SQLite, asked by an operator, unless it is said otherwise. */
type Asked = Readonly<{ flavour?: Flavour; user?: string; yaml?: string }>

/** For a file's tests, called once at its top: opens farms. */
export function openAsking(): (t: TestContext, asked?: Asked) => Promise<Asking> {
  const { address } = databases()
  return async (t, { flavour = 'SQLite', user = 'operator', yaml } = {}) => {
    const farm = await openApiFarm(t, await address(t, flavour), yaml)
    const { app } = farm.site
    const as: Asking['as'] = async (who) => {
      const session = await farm.site.session(who)
      return {
        get: async (path) => get(app, path, session),
        part: async (path, target) =>
          get(app, path, session).set({
            'HX-Request': 'true',
            ...(target === undefined ? {} : { 'HX-Target': target }),
          }),
        post: async (path, fields) => post(app, path, session, fields),
        upload: async (path, fields, file) => {
          const request = supertest(app)
            .post(path)
            .set('Cookie', cookieOf(session))
            .set('Sec-Fetch-Site', 'same-origin')
          for (const [name, value] of Object.entries({ _csrf: csrfTokenOf(session), ...fields }))
            void request.field(name, value)
          return file === undefined ? request : request.attach('document', Buffer.from(file.text), file.name)
        },
      }
    }
    return { farm, as, ...(await as(user)) }
  }
}

/** What the form of an answer carries on unseen, as the browser would send it. */
export function carriedBy({ text }: Response): Fields {
  const areas = text.matchAll(/<textarea name="([^"]+)" hidden>([^<]*)<\/textarea>/g)
  const inputs = text.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)">/g)
  return fieldsOf([...areas, ...inputs])
}

/** What the form of an answer holds, as the browser would send it: hidden fields, inputs, what is selected, areas. */
export function filledIn({ text }: Response): Fields {
  const areas = [...text.matchAll(/<textarea (?:id="[^"]*" )?name="([^"]+)"[^>]*>([^<]*)<\/textarea>/g)]
  const inputs = [...text.matchAll(/<input (?:type="hidden" |id="[^"]*" )name="([^"]+)" value="([^"]*)"/g)]
  const choices = [...text.matchAll(/<select [^>]*name="([^"]+)"[^>]*>(.*?)<\/select>/gs)].map(
    ([, name = '', options = '']) => ['', name, /value="([^"]*)" selected/.exec(options)?.[1] ?? ''] as const,
  )
  return fieldsOf([...areas, ...inputs, ...choices])
}

/** @param found each with the name second and the value third, as in the page's text */
const fieldsOf = (found: readonly (readonly string[])[]): Fields =>
  Object.fromEntries(
    found.flatMap(([, name = '', value = '']) => (name === '_csrf' ? [] : [[name, plain(value)] as const])),
  )

const plain = (value: string): string =>
  value
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&')
