// What a change has done, or would do, as it is told to whoever asked for it.
import type { Finding } from '../inventory/findings.ts'
import type { Applied } from './edits.ts'
import type { Review, RowDiff } from './review.ts'
import { diffsToShow } from './review.ts'
import type { ChangeStory } from './row-changes.ts'
import { changeStories } from './row-changes.ts'

export type Changed = Readonly<{
  dryRun: boolean
  /** Row by row, as anybody may see it. */
  changes: readonly RowDiff[]
  /** The same in few words, machines and rows that change alike together. */
  stories: readonly ChangeStory[]
  /** What keeps machines from being served because of it. */
  withheld: readonly Finding[]
}>

/** `refused`: machines that are served today would be withheld, and nothing was written. */
export type Decision<Told> =
  Readonly<{ kind: 'told'; told: Told }> | Readonly<{ kind: 'refused'; withheld: readonly Finding[] }>

export const changedBy = ({ diffs, broken }: Review, dryRun: boolean): Changed => ({
  dryRun,
  changes: diffsToShow(diffs),
  stories: changeStories(diffs),
  withheld: broken,
})

export const decisionOf = <Told>(
  { kind, review }: Applied,
  tell: (review: Review, dryRun: boolean) => Told,
): Decision<Told> =>
  kind === 'refused' ? { kind, withheld: review.broken } : { kind: 'told', told: tell(review, kind === 'planned') }
