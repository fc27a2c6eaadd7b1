// The inventory as documents: brought, and taken along.
import { z } from 'zod'
import { tableNames } from '../../inventory/rows.ts'
import { rowsOf } from '../../inventory/snapshot.ts'
import { applyDocuments, exportDocuments, importedBy } from '../../manage/documents.ts'
import { HttpRefusal } from '../refusal.ts'
import { wouldWithhold } from './apply.ts'
import type { Api, Endpoint } from './endpoint.ts'
import { endpoint } from './endpoint.ts'
import { changeStory, finding } from './schemas.ts'

const tag = 'documents'
/** While documents are read or written nothing else is answered: larger ones are for the command line on the server. */
const mostBytes = 2 * 1024 * 1024
const mostRows = 20_000

const table = z.enum(tableNames)
const document = z.strictObject({
  name: z.string().describe('what it is called where it comes from; errors name it'),
  text: z.string(),
  table: table.nullable().describe('of a CSV text; null is YAML'),
})

export const imported = z.object({
  dryRun: z.boolean(),
  tables: z.array(z.object({ table, added: z.number(), changed: z.number(), unchanged: z.number() })),
  stories: z.array(changeStory).describe('with dryRun: what would change'),
  withheld: z.array(finding).describe('what keeps machines from being served because of this change'),
  unarmed: z.array(z.string()).describe('machines whose row says install; a document arms none'),
})

export const exported = z.object({
  documents: z.array(document).describe('as /import takes them'),
  unreadable: z.number().describe('rows that can not be read, and are in none of them'),
})

export const documentEndpoints = (api: Api): readonly Endpoint[] => [
  endpoint({
    method: 'post',
    path: '/import',
    role: 'operator',
    tag,
    summary: 'put the rows of YAML and CSV documents into the inventory, all or none; rows that are not in them stay',
    mostBytes,
    body: z.strictObject({
      documents: z.array(document).min(1),
      dryRun: z.boolean().default(false),
      force: z.boolean().default(false).describe('also when machines would be withheld because of it'),
    }),
    answers: { 200: { what: 'what has changed, or with dryRun would', schema: imported } },
    example: {
      body: {
        dryRun: true,
        documents: [{ name: 'farm.yaml', text: 'machines: { web: { profile: base, disk: sda } }', table: null }],
      },
    },
    handle: async ({ desk, body: { documents, ...options } }) => {
      const { kind, review } = await applyDocuments(desk, await api.current(), documents, options)
      if (kind === 'refused') throw wouldWithhold(review.broken)
      return { body: importedBy(review, kind === 'planned') }
    },
  }),
  endpoint({
    method: 'get',
    path: '/export',
    role: 'operator',
    tag,
    summary: 'the inventory as YAML or CSV; importing it again changes nothing',
    description: 'Secrets are in it.',
    query: z.object({
      format: z.enum(['yaml', 'csv']).default('yaml'),
      table: table.optional().describe('this one only'),
    }),
    answers: { 200: { what: 'one document of YAML, or one of CSV for each table that has rows', schema: exported } },
    example: { query: { format: 'csv', table: 'machines' } },
    handle: async ({ query }) => {
      const snapshot = await api.snapshot()
      for (const one of tableNames) {
        const { length } = rowsOf(snapshot, one)
        if (length > mostRows)
          throw new HttpRefusal(
            422,
            `there are ${length} ${one}, and no more than ${mostRows} are written out here: run bootstead export on the server's host`,
          )
      }
      return { body: exportDocuments(snapshot, { format: query.format, table: query.table ?? null }) }
    },
  }),
]
