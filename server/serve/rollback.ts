// An earlier generation of a target comes back, and its daemon is told.
import type { TargetName } from '../render/targets.ts'
import { reloadWay } from './daemon-reload.ts'
import type { PublishOptions } from './disk/publish.ts'
import type { Reload } from './disk/reload.ts'
import { reload } from './disk/reload.ts'
import type { Rollback } from './disk/rollback.ts'
import { rollBack } from './disk/rollback.ts'
import type { Place } from './generate.ts'
import { diskTarget } from './generate.ts'

export type RolledBack = Readonly<{ target: TargetName; place: Place; rollback: Rollback; reload: Reload }>

/**
 * @param to a generation, or null for the one before
 * @throws DiskBusy; Error when the folder can't be written, and when a checker can't run
 */
export async function rollBackTarget(
  target: TargetName,
  place: Place,
  to: number | null,
  options: PublishOptions & Readonly<{ /** Whether the daemon is. */ isTold: boolean }>,
): Promise<RolledBack> {
  const disk = diskTarget(target, place)
  const rollback = await rollBack(disk, to, options)
  const isInForce = rollback.kind === 'published' || rollback.kind === 'unchanged'
  const way = options.isTold && isInForce ? reloadWay(target, place) : null
  return { target, place, rollback, reload: way === null ? { kind: 'not owed' } : await reload(disk, way, options) }
}
