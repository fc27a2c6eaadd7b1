// Many edits as one transaction, after a dry run or not.
import { z } from 'zod'
import type { Edit } from '../../inventory/encode.ts'
import { encodeRow } from '../../inventory/encode.ts'
import { rowKey } from '../../inventory/rows.ts'
import { expandRange } from '../../inventory/select.ts'
import type { Snapshot } from '../../inventory/snapshot.ts'
import { changeSnapshot } from '../../inventory/snapshot.ts'
import type { Desk } from '../../manage/desk.ts'
import { Refused } from '../../manage/failure.ts'
import { editsToAdd, editsToRemove, editsToSet } from '../../manage/machines.ts'
import { chosenNames } from '../../manage/selection.ts'
import { assignmentsOf } from './assign.ts'
import { change, changeAnswers } from './apply.ts'
import type { Api, Endpoint } from './endpoint.ts'
import { endpoint, parse } from './endpoint.ts'
import { editsOf, storedRow } from './rows.ts'
import type { PlainTable } from './schemas.ts'
import { machinePatch, newMachine, plainTables, rowPatches } from './schemas.ts'

const machineWords = z.array(z.string()).min(1).describe('names, ranges, patterns, filters')
const plainTable = z.enum(plainTables)
const name = z.string()

const edit = z.discriminatedUnion('edit', [
  z.strictObject({ edit: z.literal('add machine'), machine: newMachine }),
  z.strictObject({ edit: z.literal('set machines'), select: machineWords, set: machinePatch }),
  z.strictObject({ edit: z.literal('remove machines'), select: machineWords }),
  z.strictObject({ edit: z.literal('put row'), table: plainTable, name, row: z.record(z.string(), z.json()) }),
  z.strictObject({ edit: z.literal('set row'), table: plainTable, name, set: z.record(z.string(), z.json()) }),
  z.strictObject({ edit: z.literal('remove row'), table: plainTable, name }),
])
type AskedEdit = Readonly<z.output<typeof edit>>

const expectation = z.strictObject({
  table: z.enum(['machines', ...plainTables]),
  key: z.string().describe('the name'),
  version: z.string(),
})

const edits = z.strictObject({
  edits: z.array(edit).min(1).max(10_000).describe('in order; each sees what those before it have changed'),
  dryRun: z.boolean().default(false),
  force: z.boolean().default(false).describe('also when machines would be withheld because of it'),
  expected: z
    .array(expectation)
    .default([])
    .describe('versions that the edits were decided on; when one is another by now, nothing is changed'),
})

export const bulkEndpoints = (api: Api): readonly Endpoint[] => [
  endpoint({
    method: 'post',
    path: '/changes',
    role: 'operator',
    tag: 'changes',
    summary: 'edits of machines and other rows, all in one transaction or none',
    body: edits,
    answers: changeAnswers,
    example: {
      body: {
        dryRun: true,
        edits: [
          { edit: 'put row', table: 'profiles', name: 'web', row: { parent: 'base', kernel_args: 'quiet' } },
          { edit: 'set machines', select: ['web'], set: { profile: 'web' } },
        ],
      },
    },
    handle: ({ desk, body: { edits: asked, ...options } }) =>
      change(api, desk, options, (snapshot) => inTurn(desk, snapshot, asked)),
  }),
]

/** Of a row that several edits change, the last holds: it was made of those before. */
async function inTurn(desk: Desk, before: Snapshot, asked: readonly AskedEdit[]): Promise<readonly Edit[]> {
  const made = new Map<string, Edit>()
  let snapshot = before
  for (const one of asked) {
    const own = await editsAsked(desk, snapshot, one)
    for (const edited of own) {
      const key = `${edited.table} ${keyOf(edited)}`
      const earlier = made.get(key)
      if (earlier !== undefined && earlier.kind !== edited.kind)
        throw new Refused(`${key} is changed by one of the edits and removed by another; leave out one of them`)
      made.set(key, edited)
    }
    snapshot = changeSnapshot(
      snapshot,
      own.map((edited) => ({
        table: edited.table,
        key: keyOf(edited),
        raw: edited.kind === 'put' ? encodeRow(edited.row) : null,
      })),
      snapshot.revision,
    )
  }
  return [...made.values()]
}

/** Only its table tells what a row may hold. */
const checked = (table: PlainTable, given: object): object =>
  parse<object>(rowPatches[table], given, `the edit of ${table}`)

const keyOf = (edit: Edit): string => (edit.kind === 'put' ? rowKey(edit.table, edit.row) : edit.key)

async function editsAsked(desk: Desk, snapshot: Snapshot, asked: AskedEdit): Promise<readonly Edit[]> {
  switch (asked.edit) {
    case 'add machine': {
      const { hostname, ...patch } = asked.machine
      return editsToAdd(snapshot, expandRange(hostname), assignmentsOf(patch))
    }
    case 'set machines':
      return editsToSet(desk.store, snapshot, chosenNames(snapshot, asked.select), assignmentsOf(asked.set))
    case 'remove machines':
      return editsToRemove(snapshot, chosenNames(snapshot, asked.select))
    case 'put row':
      return editsOf(asked.table, { name: asked.name }, checked(asked.table, asked.row))
    case 'set row': {
      const row = await storedRow(desk.store, snapshot, asked.table, 'row', asked.name)
      return editsOf(asked.table, row, checked(asked.table, asked.set))
    }
    case 'remove row':
      await storedRow(desk.store, snapshot, asked.table, 'row', asked.name)
      return [{ kind: 'delete', table: asked.table, key: asked.name }]
    default:
      return asked satisfies never
  }
}
