// Many edits as one transaction, after a dry run or not.
import { z } from 'zod'
import type { AskedEdit } from '../../manage/asked-edits.ts'
import { editsInTurn } from '../../manage/asked-edits.ts'
import { change, changeAnswers } from './apply.ts'
import type { Api, Endpoint } from './endpoint.ts'
import { endpoint, parse } from './endpoint.ts'
import { machinePatch, newMachine, plainTables, rowPatches } from './schemas.ts'

const machineWords = z.array(z.string()).min(1).describe('names, ranges, patterns, filters')
const words = z
  .array(z.string())
  .describe("the command line's words, after what is said beside them: vcpus=2, params.rack=r12, interface.eth0.mac=…")
const rowEdit = { table: z.enum(plainTables), name: z.string() }
const rowPatch = z.record(z.string(), z.json())

const edit = z.discriminatedUnion('edit', [
  z.strictObject({ edit: z.literal('add machine'), machine: newMachine, words: words.optional() }),
  z.strictObject({
    edit: z.literal('set machines'),
    select: machineWords,
    set: machinePatch.optional(),
    words: words.optional(),
  }),
  z.strictObject({ edit: z.literal('remove machines'), select: machineWords }),
  z.strictObject({ edit: z.literal('add row'), ...rowEdit, words }).describe('refused when there is one'),
  z.strictObject({ edit: z.literal('put row'), ...rowEdit, row: rowPatch }),
  z.strictObject({ edit: z.literal('set row'), ...rowEdit, set: rowPatch.optional(), words: words.optional() }),
  z.strictObject({ edit: z.literal('remove row'), ...rowEdit }),
])

const expectation = z.strictObject({
  table: z.enum(['machines', ...plainTables]),
  key: z.string().describe('the name'),
  etag: z.string(),
})

const edits = z.strictObject({
  edits: z.array(edit).min(1).max(10_000).describe('in order; each sees what those before it have changed'),
  dryRun: z.boolean().default(false),
  force: z.boolean().default(false).describe('also when machines would be withheld because of it'),
  served: z.boolean().default(true).describe('of a dry run, false: not what machines would be told'),
  expected: z
    .array(expectation)
    .default([])
    .describe('ETags that the edits were decided on; when one is another by now, nothing is changed'),
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
          { edit: 'set machines', select: ['web'], set: { profile: 'web' }, words: ['params.rack=r12'] },
        ],
      },
    },
    handle: ({ desk, body: { edits: asked, expected, ...options } }) => {
      const checked = asked.map(check)
      const versions = expected.map(({ etag, ...subject }) => ({ ...subject, version: etag }))
      return change(api, desk, { ...options, expected: versions }, (snapshot) => editsInTurn(desk, snapshot, checked))
    },
  }),
]

/** Only its table tells what a row may hold. @throws HttpRefusal 400 */
function check(asked: z.output<typeof edit>): AskedEdit {
  switch (asked.edit) {
    case 'put row':
      return { ...asked, row: parse<object>(rowPatches[asked.table], asked.row, `the edit of ${asked.table}`) as Row }
    case 'set row':
      return asked.set === undefined
        ? asked
        : { ...asked, set: parse<object>(rowPatches[asked.table], asked.set, `the edit of ${asked.table}`) as Row }
    default:
      return asked
  }
}

type Row = Readonly<Record<string, unknown>>
