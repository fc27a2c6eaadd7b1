// Edits from the command line: reviewed, shown, and written unless they would withhold machines.
import type { Edit } from '../inventory/encode.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import { refuseViewEdits } from '../inventory/store/mirrored.ts'
import { recordEdits } from '../inventory/store/record.ts'
import { describeDiffs, diffsAsJson, noteBroken, refuseBroken } from './report.ts'
import { reviewEdits } from './review.ts'
import type { Session } from './session.ts'

export type ApplyOptions = Readonly<{ dryRun?: boolean; force?: boolean; json?: boolean }>

/**
 * Whether anything was written.
 * @throws CommandFailed when machines would be withheld because of the edits, unless forced; nothing is written then
 */
export async function applyEdits(
  session: Session,
  snapshot: Snapshot,
  edits: readonly Edit[],
  options: ApplyOptions,
): Promise<boolean> {
  const { dryRun = false, force = false, json = false } = options
  const review = reviewEdits(snapshot, session.known(), edits)
  if (dryRun) await refuseViewEdits((await session.store()).db, review.edits)
  else {
    refuseBroken(review, force)
    if (review.edits.length > 0) await recordEdits(await session.store(), review.edits, session.who)
  }
  if (json) session.printJson({ dryRun, changes: diffsAsJson(review.diffs), withheld: review.broken })
  else session.print(review.diffs.length === 0 ? 'nothing to change' : describeDiffs(review.diffs))
  if (dryRun) session.note('dry run: nothing was changed')
  noteBroken(session, review, dryRun)
  return !dryRun && review.edits.length > 0
}
