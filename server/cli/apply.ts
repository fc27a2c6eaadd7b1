// Edits from the command line: reviewed, shown, and written unless they would withhold machines.
import type { Edit } from '../inventory/encode.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import { applyEdits } from '../manage/edits.ts'
import type { Review } from '../manage/review.ts'
import { diffsToShow } from '../manage/review.ts'
import { describeDiffs, noteBroken, refuseBroken } from './report.ts'
import type { Session } from './session.ts'

export type ApplyOptions = Readonly<{ dryRun?: boolean; force?: boolean; json?: boolean }>

/** @throws Refused when machines would be withheld because of the edits, unless forced; nothing is written then */
export async function writeEdits(
  session: Session,
  snapshot: Snapshot,
  edits: readonly Edit[],
  options: Pick<ApplyOptions, 'dryRun' | 'force'>,
): Promise<Review> {
  const { kind, review } = await applyEdits(await session.desk(), snapshot, edits, options)
  if (kind === 'refused') refuseBroken(review)
  return review
}

/** The same, and says what has changed. Whether anything was written. */
export async function changeRows(
  session: Session,
  snapshot: Snapshot,
  edits: readonly Edit[],
  options: ApplyOptions,
): Promise<boolean> {
  const { dryRun = false, json = false } = options
  const review = await writeEdits(session, snapshot, edits, options)
  if (json) session.printJson({ dryRun, changes: diffsToShow(review.diffs), withheld: review.broken })
  else session.print(review.diffs.length === 0 ? 'nothing to change' : describeDiffs(review.diffs))
  if (dryRun) session.note('dry run: nothing was changed')
  noteBroken(session, review, dryRun)
  return !dryRun && review.edits.length > 0
}
