// Changes of the inventory by a request: refused, planned or done, and told alike.
import { z } from 'zod'
import type { Edit } from '../../inventory/encode.ts'
import type { Finding } from '../../inventory/findings.ts'
import type { Snapshot } from '../../inventory/snapshot.ts'
import type { Expected } from '../../inventory/store/versions.ts'
import { changedBy } from '../../manage/changed.ts'
import type { Desk } from '../../manage/desk.ts'
import { waysOfReview } from '../../manage/diff.ts'
import { applyEdits } from '../../manage/edits.ts'
import { problemFound } from '../../manage/failure.ts'
import { HttpRefusal } from '../refusal.ts'
import type { Answer, Api } from './endpoint.ts'
import { changeStory, finding, rowDiff, way } from './schemas.ts'

/** Of a query, where everything is text. */
export const flag = z
  .enum(['true', 'false'])
  .default('false')
  .transform((word) => word === 'true')

export const changeQuery = z.object({
  dryRun: flag.describe('true: nothing is changed; says what would be, and what machines would be told otherwise'),
  force: flag.describe('true: also when machines would be withheld because of it'),
  served: z
    .enum(['true', 'false'])
    .default('true')
    .transform((word) => word === 'true')
    .describe('of a dry run, false: not what machines would be told'),
})

export const changed = z.object({
  dryRun: z.boolean(),
  changes: z.array(rowDiff),
  stories: z.array(changeStory).describe('the same in few words, what changes alike together'),
  withheld: z.array(finding).describe('what keeps machines from being served because of this change'),
  served: z
    .array(way)
    .nullable()
    .describe('with dryRun: what machines would be told otherwise, those that change alike together'),
  servedLeft: z.number().describe('machines that would be told something else and are not in `served`'),
})

export const changeAnswers = { 200: { what: 'what has changed, or with dryRun would', schema: changed } } as const

type Options = Readonly<{ dryRun: boolean; force: boolean; served: boolean; expected?: readonly Expected[] }>

/** Machines of which a dry run says what they would be told; rendering a hundred thousand would take minutes. */
const mostRendered = 500

/** @throws HttpRefusal 422 when machines would be withheld, unless forced; Outdated */
export async function change(
  api: Api,
  desk: Desk,
  options: Options,
  decide: (snapshot: Snapshot) => Promise<readonly Edit[]> | readonly Edit[],
): Promise<Answer> {
  const snapshot = await api.current()
  const { kind, review } = await applyEdits(desk, snapshot, await decide(snapshot), options)
  if (kind === 'refused') throw wouldWithhold(review.broken)
  const told = kind === 'planned' && options.served ? await waysOfReview(desk, snapshot, review, mostRendered) : null
  return {
    body: {
      ...changedBy(review, kind === 'planned'),
      served: told?.ways ?? null,
      servedLeft: told?.left ?? 0,
    },
  }
}

/** By it a program tells this refusal, which force overcomes, from others. */
export const wouldWithholdType = 'urn:bootstead:would-withhold'

export function wouldWithhold(broken: readonly Finding[]): HttpRefusal {
  const machines = new Set(broken.map(({ machine }) => machine)).size
  const would = machines === 1 ? 'a machine would be withheld' : `${machines} machines would be withheld`
  return new HttpRefusal(422, `nothing was changed: ${would}; with force it is done all the same`, {
    type: wouldWithholdType,
    problems: broken.map(problemFound),
  })
}
