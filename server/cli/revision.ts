// Revisions as they are typed: a number of `bootstead log`, or a time.
import type { Snapshot } from '../inventory/snapshot.ts'
import type { Revision } from '../inventory/store/history.ts'
import {
  readChangesSince,
  readRevisionAt,
  readRevisionTime,
  snapshotBefore,
  withoutTokenSecrets,
} from '../inventory/store/history.ts'
import { readRevision } from '../inventory/store/read.ts'
import { fail } from './failure.ts'
import type { Session } from './session.ts'

export const revisionHelp = 'a revision: its number in `bootstead log`, a time such as 2026-11-20T12:00, or now'

/** @throws CommandFailed when there is no such revision */
export async function readTypedRevision(session: Session, typed: string): Promise<Revision> {
  const store = await session.store()
  const number = /^\d+$/.test(typed) ? Number(typed) : typed === 'now' ? await readRevision(store) : null
  const found = await readRevisionTime(store, number ?? (await revisionAt(session, typed)))
  return found ?? fail(`there is no revision ${typed} yet; bootstead log shows the newest`)
}

async function revisionAt(session: Session, typed: string): Promise<number> {
  const time = Date.parse(typed)
  if (Number.isNaN(time)) fail(`${typed} is no revision: expected ${revisionHelp}`)
  return readRevisionAt(await session.store(), new Date(time).toISOString())
}

export type Past = Readonly<{ snapshot: Snapshot; revision: number; now: number }>

/** The inventory at a revision, and the clock of that time, so that the same revision gives the same answers for ever. */
export async function loadPast(session: Session, snapshot: Snapshot, typed: string): Promise<Past> {
  const { revision, at } = await readTypedRevision(session, typed)
  const changes = await readChangesSince(await session.store(), revision)
  const past = changes.length === 0 ? withoutTokenSecrets(snapshot) : snapshotBefore(snapshot, changes, revision)
  return { snapshot: past, revision, now: at ?? session.io.now() }
}
