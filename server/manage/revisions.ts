// Revisions as they are named: a number of the history, a time, or `now`.
import type { Snapshot } from '../inventory/snapshot.ts'
import type { Revision } from '../inventory/store/history.ts'
import {
  editsBack,
  readChangesSince,
  readRevisionAt,
  readRevisionTime,
  snapshotBefore,
  withoutTokenSecrets,
} from '../inventory/store/history.ts'
import type { Store } from '../inventory/store/open.ts'
import { readRevision } from '../inventory/store/read.ts'
import type { Desk } from './desk.ts'
import { Refused } from './failure.ts'

export const revisionHelp = 'a revision: its number in `bootstead log`, a time such as 2026-11-20T12:00, or now'

/** @throws Refused when there is no such revision */
export async function readNamedRevision(store: Store, named: string): Promise<Revision> {
  const number = /^\d+$/.test(named) ? Number(named) : named === 'now' ? await readRevision(store) : null
  const found = await readRevisionTime(store, number ?? (await revisionAt(store, named)))
  if (found === null) throw new Refused(`there is no revision ${named} yet; bootstead log shows the newest`)
  return found
}

async function revisionAt(store: Store, named: string): Promise<number> {
  const time = Date.parse(named)
  if (Number.isNaN(time)) throw new Refused(`${named} is no revision: expected ${revisionHelp}`)
  return readRevisionAt(store, new Date(time).toISOString())
}

export type Past = Readonly<{ snapshot: Snapshot; revision: number; now: number }>

/** The inventory at a revision, and the clock of that time, so that the same revision gives the same answers for ever. */
export async function readPicture({ store, now }: Desk, snapshot: Snapshot, named: string): Promise<Past> {
  const { revision, at } = await readNamedRevision(store, named)
  const changes = await readChangesSince(store, revision)
  const past = changes.length === 0 ? withoutTokenSecrets(snapshot) : snapshotBefore(snapshot, changes, revision)
  return { snapshot: past, revision, now: at ?? now() }
}

/** What makes the inventory as it was, and the rows that could not be read then either. */
export async function editsBackTo({ store }: Desk, snapshot: Snapshot, named: string) {
  const { revision } = await readNamedRevision(store, named)
  return { revision, ...editsBack(snapshot, await readChangesSince(store, revision)) }
}
