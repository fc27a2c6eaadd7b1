// Pages as a browser without scripts asks for them, over a farm in either database.
import { after } from 'node:test'
import type { TestContext } from 'node:test'
import type { Response } from 'supertest'
import { startMariaDb } from '../../mariadb.ts'
import type { MariaDb } from '../../mariadb.ts'
import type { Farm } from '../api/farm.ts'
import { openApiFarm } from '../api/farm.ts'
import { get, post } from '../site.ts'

export type Fields = Readonly<Record<string, string>>
export type Asking = Readonly<{
  farm: Farm
  get: (path: string) => Promise<Response>
  post: (path: string, fields: Fields) => Promise<Response>
  /** The same as another user. */
  as: (user: string) => Promise<Pick<Asking, 'get' | 'post'>>
}>

/** Opens farms; MariaDB is started when the first of them asks for it. */
export function openAsking(): (t: TestContext, flavour: 'SQLite' | 'MariaDB', user?: string) => Promise<Asking> {
  const started: { mariaDb: Promise<MariaDb> | null } = { mariaDb: null }
  after(async () => (await started.mariaDb)?.stop())
  return async (t, flavour, user = 'operator') => {
    if (flavour === 'MariaDB') started.mariaDb ??= startMariaDb()
    const at = (await started.mariaDb)?.newDatabase(`pages_${Math.random().toString(36).slice(2)}`)
    const farm = await openApiFarm(t, flavour === 'MariaDB' ? at : null)
    const as: Asking['as'] = async (who) => {
      const session = await farm.site.session(who)
      return {
        get: async (path) => get(farm.site.app, path, session),
        post: async (path, fields) => post(farm.site.app, path, session, fields),
      }
    }
    return { farm, as, ...(await as(user)) }
  }
}

/** What the form of an answer holds, as the browser would send it: hidden fields, inputs, what is selected, areas. */
export function filledIn({ text }: Response): Fields {
  const areas = [...text.matchAll(/<textarea (?:id="[^"]*" )?name="([^"]+)"[^>]*>([^<]*)<\/textarea>/g)]
  const inputs = [...text.matchAll(/<input (?:type="hidden" |id="[^"]*" )name="([^"]+)" value="([^"]*)"/g)]
  const choices = [...text.matchAll(/<select [^>]*name="([^"]+)"[^>]*>(.*?)<\/select>/gs)].map(
    ([, name = '', options = '']) => ['', name, /value="([^"]*)" selected/.exec(options)?.[1] ?? ''] as const,
  )
  return Object.fromEntries(
    [...areas, ...inputs, ...choices].flatMap(([, name = '', value = '']) =>
      name === '_csrf' ? [] : [[name, plain(value)] as const],
    ),
  )
}

const plain = (value: string): string =>
  value
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&')
