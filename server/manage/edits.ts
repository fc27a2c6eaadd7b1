// Edits of the inventory: reviewed, and written unless they would withhold machines that are served today.
import type { Edit } from '../inventory/encode.ts'
import type { BootAction } from '../inventory/rows.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import { refuseViewEdits } from '../inventory/store/mirrored.ts'
import { recordEdits } from '../inventory/store/record.ts'
import type { Expected } from '../inventory/store/versions.ts'
import { checkVersions } from '../inventory/store/versions.ts'
import type { Desk } from './desk.ts'
import type { Review } from './review.ts'
import { reviewEdits } from './review.ts'

export type EditOptions = Readonly<{
  /** Nothing is written. */
  dryRun?: boolean
  /** Also when machines would be withheld because of it. */
  force?: boolean
  expected?: readonly Expected[]
}>

/** `refused`: the review says which machines would be withheld, and nothing was written. */
export type Applied = Readonly<{ kind: 'done' | 'planned' | 'refused'; review: Review }>

/** @throws ViewEditRefused when an edit is of the site's own, Outdated when what was expected is no longer so */
export async function applyEdits(
  { store, known, who, now }: Pick<Desk, 'store' | 'known' | 'who' | 'now'>,
  snapshot: Snapshot,
  edits: readonly Edit[],
  { dryRun = false, force = false, expected = [] }: EditOptions,
): Promise<Applied> {
  await checkVersions(store.db, expected) // before the review: of what was decided on old rows nothing else is of interest
  const review = await reviewEdits(snapshot, known, edits)
  if (dryRun) {
    await refuseViewEdits(store.db, review.edits)
    return { kind: 'planned', review }
  }
  if (review.broken.length > 0 && !force) return { kind: 'refused', review }
  if (review.edits.length + expected.length > 0)
    await recordEdits(store, review.edits, who, { expected, boots: bootsOf(review, now()) })
  return { kind: 'done', review }
}

/** A row that says what is next takes an arming back; one that says `install` arms nothing (see arming.ts). */
function bootsOf({ diffs }: Review, now: number) {
  return diffs.flatMap(({ table, key, before, after }) => {
    const boot = table === 'machines' ? after?.['boot'] : undefined
    if (before === null || boot === undefined || boot === before['boot'] || boot === 'install') return []
    return [{ hostname: key, action: boot as Exclude<BootAction, 'install'>, now }]
  })
}
