// What has changed in the inventory, by whom; and going back.
import { z } from 'zod'
import { readChanges } from '../../inventory/store/read.ts'
import { waysBetween } from '../../manage/diff.ts'
import { toldChange } from '../../manage/history.ts'
import { editsBackTo, readPicture, revisionHelp } from '../../manage/revisions.ts'
import { change, changed, changeQuery } from './apply.ts'
import type { Api, Endpoint } from './endpoint.ts'
import { endpoint } from './endpoint.ts'
import { historyChange, way } from './schemas.ts'

const tag = 'changes'
const revision = z.string().min(1).describe(revisionHelp)

export const reverted = z.object({
  ...changed.shape,
  revision: z.number().describe('what the inventory is as at'),
  unreadable: z
    .array(z.object({ table: z.string(), key: z.string() }))
    .describe('rows that could not be read then either; they stay as they are'),
})

export const differences = z.object({ before: z.number(), after: z.number(), ways: z.array(way) })

export const historyEndpoints = (api: Api): readonly Endpoint[] => [
  endpoint({
    method: 'get',
    path: '/changes',
    role: 'viewer',
    tag,
    summary: 'who changed what in the inventory, newest first, by whichever program it was written',
    query: z.object({
      machine: z.string().optional().describe('of this machine and its interfaces only'),
      limit: z.coerce.number().int().min(1).max(1000).default(100),
      before: z.coerce.number().int().optional().describe('only revisions below this one: the next page'),
    }),
    answers: { 200: { what: 'the changes', schema: z.object({ items: z.array(historyChange) }) } },
    example: { query: { machine: 'web', limit: '10' } },
    handle: async ({ desk, query: { machine, limit, before } }) => {
      const filter = {
        limit,
        ...(machine === undefined ? {} : { machine }),
        ...(before === undefined ? {} : { before }),
      }
      const rows = await readChanges(desk.store, filter)
      return { body: { items: rows.map(toldChange) } }
    },
  }),
  endpoint({
    method: 'get',
    path: '/diff',
    role: 'operator',
    tag,
    summary: 'what machines are told at two revisions, and where it differs: menus, DHCP, kickstarts, guests',
    query: z.object({ before: revision, after: revision.default('now') }),
    answers: {
      200: {
        what: 'machines that change alike are together',
        schema: differences,
      },
    },
    example: { query: { before: '0' } },
    handle: async ({ desk, query }) => {
      const today = await api.snapshot()
      const [old, now] = [await readPicture(desk, today, query.before), await readPicture(desk, today, query.after)]
      const ways = await waysBetween(desk, old, now)
      return { body: { before: old.revision, after: now.revision, ways } }
    },
  }),
  endpoint({
    method: 'post',
    path: '/revert',
    role: 'operator',
    tag,
    summary: 'make the inventory what it was at a revision, as a new change; installs that are armed stay armed',
    query: changeQuery,
    body: z.strictObject({ to: revision }),
    answers: { 200: { what: 'what has changed, or with dryRun would', schema: reverted } },
    example: { query: { dryRun: 'true' }, body: { to: 'now' } },
    handle: async ({ desk, query, body }) => {
      const back: { revision: number; unreadable: readonly object[] } = { revision: 0, unreadable: [] }
      const answer = await change(api, desk, query, async (snapshot) => {
        const { revision, edits, unreadable } = await editsBackTo(desk, snapshot, body.to)
        Object.assign(back, { revision, unreadable })
        return edits
      })
      return { ...answer, body: { ...(answer.body as object), ...back } }
    },
  }),
]
