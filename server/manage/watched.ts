// Machines that somebody watches, a Dom0 with its guests. Pure.
import type { Machine } from '../inventory/rows.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import { guestsOf } from '../plan/guests-along.ts'

export type Watched = Readonly<{
  hostname: string
  /** The Dom0 that is watched too, and below which it stands. */
  dom0: string | null
  /** Something is expected of it; a guest that only came with its Dom0 may well have nothing before it. */
  isNamed: boolean
}>

/** In the order of the table: a Dom0 brings its guests, and stands before them. */
export function watchedMachines(snapshot: Snapshot, named: readonly Machine[]): readonly Watched[] {
  const names = new Set(named.map(({ hostname }) => hostname))
  const heads = named.filter(({ dom0 }) => dom0 === null || !names.has(dom0))
  return heads.flatMap((head) => [
    { hostname: head.hostname, dom0: null, isNamed: true },
    ...guestsOf(snapshot, head).map(({ hostname }) => ({
      hostname,
      dom0: head.hostname,
      isNamed: names.has(hostname),
    })),
  ])
}
