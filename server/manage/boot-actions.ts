// What machines do at their next network boot, but for installs: those are armed.
import type { BootAction } from '../inventory/rows.ts'
import { selectingMachines } from '../inventory/select.ts'
import { inSlices } from '../inventory/slices.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import { recordBootAction } from '../inventory/store/record.ts'
import type { Expected } from '../inventory/store/versions.ts'
import type { Desk } from './desk.ts'

/** `local` takes an install back that was armed and not begun. */
export type OtherBoot = Exclude<BootAction, 'install'>

/** @returns the machines, in natural order; none, when filters leave nobody. @throws SelectorError, Outdated */
export async function setBootOf(
  { store, who, now }: Desk,
  snapshot: Snapshot,
  words: readonly string[],
  action: OtherBoot,
  expected: readonly Expected[] = [],
): Promise<readonly string[]> {
  const names = (await inSlices(selectingMachines(snapshot, words))).map(({ hostname }) => hostname)
  if (names.length > 0) await recordBootAction(store, names, action, { who, now: now(), expected })
  return names
}
