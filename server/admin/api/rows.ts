// Networks, profiles, images and the site's values: all in one way.
import { z } from 'zod'
import type { Edit } from '../../inventory/encode.ts'
import type { AnyRow } from '../../inventory/rows.ts'
import { rowsOf } from '../../inventory/snapshot.ts'
import type { Expected } from '../../inventory/store/versions.ts'
import { noVersion, readVersions } from '../../inventory/store/versions.ts'
import { editsOfRow } from '../../manage/asked-edits.ts'
import type { GivenRow } from '../../manage/assignments.ts'
import { assignmentsOf } from '../../manage/patches.ts'
import { isSecretName, withoutSecrets } from '../../inventory/secrets.ts'
import type { PlainTable } from '../../manage/stored-rows.ts'
import { foundRow, machinesWith, storedRow, unreadableNames } from '../../manage/stored-rows.ts'
import type { Role } from '../roles.ts'
import { mayAs } from '../roles.ts'
import { change, changeAnswers, changeQuery, flag } from './apply.ts'
import type { Api, Call, Endpoint } from './endpoint.ts'
import { endpoint, etagOf, versionExpected } from './endpoint.ts'
import { pageOfKeys, pageQuery } from './page.ts'
import { pageOf, rowPatches, rowSchemas } from './schemas.ts'

type Kind = Readonly<{
  table: PlainTable
  noun: string
  /** One of the sample farm, another that is not there, and what may be said of either. */
  example: Readonly<{ name: string; added: string; row: object; patch: object }>
}>

const kinds: readonly Kind[] = [
  {
    table: 'networks',
    noun: 'network',
    example: {
      name: 'farm',
      added: 'lab',
      row: { cidr: '198.51.100.0/24', gateway: '198.51.100.254' },
      patch: { dns: ['192.0.2.1'] },
    },
  },
  {
    table: 'profiles',
    noun: 'profile',
    example: { name: 'base', added: 'web', row: { parent: 'base' }, patch: { params: { rack: 'r1' } } },
  },
  {
    table: 'images',
    noun: 'image',
    example: {
      name: 'el9',
      added: 'el10',
      row: { arch: 'x86_64', kernel: 'vmlinuz', initrd: 'initrd.img' },
      patch: { tree_url: 'http://192.0.2.1/el9' },
    },
  },
  {
    table: 'site',
    noun: 'site value',
    example: { name: 'timezone', added: 'keymap', row: { value: 'us' }, patch: { value: 'Europe/Paris' } },
  },
]

export const rowEndpoints = (api: Api): readonly Endpoint[] => kinds.flatMap((kind) => endpointsOf(api, kind))

function endpointsOf(api: Api, { table, noun, example }: Kind): readonly Endpoint[] {
  const common = { tag: table, params: { name: 'its name' } }
  const headers = {
    'If-Match': 'the ETag of what the change was decided on; when it is another by now, nothing is changed',
  }
  const path = `/${table}/{name}`
  return [
    endpoint({
      method: 'get',
      path: `/${table}`,
      role: 'viewer',
      tag: table,
      summary: `list ${noun}s`,
      query: z.object(pageQuery),
      answers: {
        200: {
          what: 'a page of them; `unreadable`: names of rows that can not be read',
          schema: pageOf(rowSchemas[table]).extend({ unreadable: z.array(z.string()) }),
        },
      },
      example: { query: { limit: '10' } },
      handle: async ({ desk, query, visit }) => {
        const snapshot = await api.snapshot()
        const names = rowsOf(snapshot, table).map((row) => row.name)
        const { items, ...page } = pageOfKeys(names, query)
        const versions = await readVersions(desk.store.db, table, items, snapshot)
        const shown = items.map((name) => ({
          ...shownRow(foundRow(snapshot, table, name), visit.actor.role),
          etag: versions.get(name) ?? noVersion,
        }))
        return { body: { items: shown, ...page, unreadable: unreadableNames(snapshot, table) } }
      },
    }),
    endpoint({
      ...common,
      method: 'get',
      path,
      role: 'viewer',
      summary: `a ${noun}`,
      query: z.object({ machines: flag.describe('true: also which machines use it') }),
      answers: {
        200: {
          what: 'its row; its ETag changes with it',
          schema: rowSchemas[table].extend({ machines: z.array(z.string()).optional() }),
        },
      },
      example: { params: { name: example.name } },
      handle: async ({ desk, params: { name = '' }, query, visit }) => {
        const snapshot = await api.snapshot()
        const row = foundRow(snapshot, table, name)
        const version = (await readVersions(desk.store.db, table, [name], snapshot)).get(name) ?? noVersion
        const machines = query.machines ? { machines: machinesWith(snapshot, table, name) } : {}
        return {
          headers: { ETag: etagOf(version) },
          body: { ...shownRow(row, visit.actor.role), etag: version, ...machines },
        }
      },
    }),
    endpoint({
      ...common,
      method: 'put',
      path,
      role: 'operator',
      summary: `what a ${noun} is, all of it: added, or replaced`,
      headers,
      query: changeQuery,
      body: rowPatches[table],
      answers: changeAnswers,
      example: { params: { name: example.added }, body: example.row },
      handle: (call) =>
        change(api, call.desk, { ...call.query, expected: expectedOf(table, call) }, () =>
          editsOf(table, { name: nameOf(call) }, call.body),
        ),
    }),
    endpoint({
      ...common,
      method: 'patch',
      path,
      role: 'operator',
      summary: `change fields of a ${noun}`,
      headers,
      query: changeQuery,
      body: rowPatches[table],
      answers: changeAnswers,
      example: { params: { name: example.name }, body: example.patch },
      handle: (call) =>
        change(api, call.desk, { ...call.query, expected: expectedOf(table, call) }, async (snapshot) =>
          editsOf(table, await storedRow(call.desk.store, snapshot, table, nameOf(call)), call.body),
        ),
    }),
    endpoint({
      ...common,
      method: 'delete',
      path,
      role: 'operator',
      summary: `remove a ${noun}; refused while a machine needs it`,
      headers,
      query: changeQuery,
      answers: changeAnswers,
      example: { params: { name: example.name }, query: { dryRun: 'true' } },
      handle: (call) =>
        change(api, call.desk, { ...call.query, expected: expectedOf(table, call) }, async (snapshot) => {
          await storedRow(call.desk.store, snapshot, table, nameOf(call))
          return [{ kind: 'delete', table, key: nameOf(call) }]
        }),
    }),
  ]
}

type Named = Pick<Call<unknown, unknown>, 'params' | 'visit'>

const nameOf = ({ params: { name = '' } }: Named): string => name

function expectedOf(table: PlainTable, call: Named): readonly Expected[] {
  const version = versionExpected(call.visit.request)
  return version === null ? [] : [{ table, key: nameOf(call), version }]
}

/** A site's value is any JSON, and its column is text. */
function editsOf(table: PlainTable, row: GivenRow, patch: object): readonly Edit[] {
  const columns = 'value' in patch ? { value: JSON.stringify(patch.value) } : { ...patch }
  return editsOfRow(table, row, assignmentsOf(columns))
}

/** What a viewer is not to know is not in it. */
function shownRow(row: AnyRow, role: Role): object {
  if (mayAs(role, 'operator')) return row
  const isSecret = 'value' in row && isSecretName(row.name)
  return { ...(withoutSecrets('', row) as object), ...(isSecret ? { value: withoutSecrets(row.name, row.value) } : {}) }
}
