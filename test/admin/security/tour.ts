// Every page there is, with the names of whatever the farm has put into its path.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Route } from '../../../server/admin/route.ts'
import type { Farm } from '../api/farm.ts'

/** By the first word of a path, what its `:name` may be. */
export type Names = Readonly<Record<string, readonly string[]>>

/** Of the inventory as it stands, whatever stands there. */
export async function namesOf({ store }: Pick<Farm, 'store'>): Promise<Names> {
  const keys = async (table: 'networks' | 'profiles' | 'images' | 'site'): Promise<readonly string[]> =>
    (await store.db.selectFrom(table).select('name').execute()).map(({ name }) => String(name))
  const machines = await store.db.selectFrom('machines').select('hostname').execute()
  const users = await store.db.selectFrom('users').select('name').execute()
  return {
    machines: machines.map(({ hostname }) => String(hostname)),
    networks: await keys('networks'),
    profiles: await keys('profiles'),
    images: await keys('images'),
    site: await keys('site'),
    users: users.map(({ name }) => name),
    generate: ['tftpboot'],
    targets: ['tftpboot'],
    export: ['inventory.yaml', 'machines.csv'],
  }
}

const other: Readonly<Record<string, readonly string[]>> = { revision: ['1', '3'], hash: ['x'], target: ['tftpboot'] }

/** @returns the paths of a route, one for each name; a name that is not known of is `unknown` */
export function pathsOf({ path }: Route, names: Names): readonly string[] {
  const [, first = ''] = path.replace(/^\/api\/v1/, '').split('/')
  const words = path.split('/').map((word) => {
    if (!word.startsWith(':')) return [word]
    const known = other[word.slice(1)] ?? names[first] ?? []
    return known.length === 0 ? ['unknown'] : known.map(encodeURIComponent)
  })
  return words
    .reduce<readonly string[]>(
      (before, choices) => before.flatMap((path) => choices.map((word) => `${path}/${word}`)),
      [''],
    )
    .map((path) => path.replace('/', '') || '/')
}

const pagesFolder = join(import.meta.dirname, '../../../server/admin/pages')
const templatesFolder = join(import.meta.dirname, '../../../server/admin/web/templates')
const textsIn = (folder: string): readonly string[] =>
  readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'))

const all = (texts: readonly string[], pattern: RegExp): readonly string[] => [
  ...new Set(texts.flatMap((text) => [...text.matchAll(pattern)].map(([, name = '']) => name))),
]

/** What pages ask of the query, out of their sources. */
export const queryNames: readonly string[] = all(
  textsIn(pagesFolder),
  /(?:queryOf\([\w.]+, |\bword\(|\bgiven\(|fieldsOf\(\w+(?:\.query)?, )'([\w.]+)'/g,
)

/** What their forms send, out of the templates, and fields that are made in code. */
export const fieldNames: readonly string[] = [
  ...all(textsIn(templatesFolder), /name="([\w.]+)"/g),
  ...all(textsIn(pagesFolder), /fieldOf\([\w.]+, '([\w.]+)'/g),
  ...['set.notes', 'set.params', 'set.profile', 'set.hostname', 'set.name', 'nic.0.mac', 'nic.0.name', 'nic.0.ip'],
].filter((name) => name !== '_csrf')
