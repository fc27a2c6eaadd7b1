// Changes from the command line: shown when they were done, or would be; refused when they would withhold machines.
import type { AskedEdit } from '../manage/asked-edits.ts'
import type { Changed, Decision } from '../manage/changed.ts'
import { describeStories, noteWithheld, refuseWithheld } from './report.ts'
import type { Session } from './session.ts'
import type { ChangeOptions } from './site.ts'

export type ApplyOptions = ChangeOptions & Readonly<{ json?: boolean }>

/** What else was typed is about the printing. */
export const changeOptions = ({ dryRun = false, force = false }: ApplyOptions): Required<ChangeOptions> => ({
  dryRun,
  force,
})

/** @throws Refused when machines would be withheld; nothing was written then */
export function told<Told>(decision: Decision<Told>): Told {
  return decision.kind === 'refused' ? refuseWithheld(decision.withheld) : decision.told
}

/** Makes the edits, and says what has changed. @throws Refused as told() does */
export async function changeRows(
  session: Session,
  edits: readonly AskedEdit[],
  options: ApplyOptions,
): Promise<Changed> {
  const changed = told(await session.site().change(edits, changeOptions(options)))
  tellChanged(session, changed, options)
  return changed
}

export function tellChanged(session: Session, changed: Changed, { json }: ApplyOptions): void {
  const { dryRun, changes, stories, withheld } = changed
  if (json === true) session.printJson({ dryRun, changes, withheld })
  else session.print(stories.length === 0 ? 'nothing to change' : describeStories(stories))
  if (dryRun) session.note('dry run: nothing was changed')
  noteWithheld(session, withheld, dryRun)
}

/** Whether anything was written. */
export const isWritten = ({ dryRun, changes }: Changed): boolean => !dryRun && changes.length > 0
