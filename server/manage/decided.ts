// Changes that were shown to somebody before: what is done is what was seen, or nothing.
import { createHash } from 'node:crypto'
import type { Edit } from '../inventory/encode.ts'
import { canonicalJson } from '../inventory/encode.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import { readChanges } from '../inventory/store/read.ts'
import type { Expected, Subject } from '../inventory/store/versions.ts'
import { noVersion, Outdated, readVersions } from '../inventory/store/versions.ts'
import type { Desk } from './desk.ts'
import type { Applied } from './edits.ts'
import { applyEdits } from './edits.ts'
import { foldNames } from './names.ts'
import type { Review, RowDiff } from './review.ts'
import { reviewEdits } from './review.ts'

/** Of anything that was shown: the same word for the same, and for nothing else. */
export const fingerprintOf = (shown: unknown): string =>
  createHash('sha256').update(canonicalJson(shown)).digest('base64url').slice(0, 24)

/** `other`: it is no longer what was seen, and nothing was written. */
type Decided = Applied | Readonly<{ kind: 'other'; review: Review }>

/** @param seen of the review that was shown */
export async function applyDecided(
  desk: Desk,
  snapshot: Snapshot,
  edits: readonly Edit[],
  { seen, force }: Readonly<{ seen: string; force: boolean }>,
): Promise<Decided> {
  const review = await reviewEdits(snapshot, desk.known, edits)
  if (review.seen !== seen) return { kind: 'other', review }
  try {
    return await applyEdits(desk, snapshot, edits, { force, expected: await versionsOf(desk, snapshot, review.diffs) })
  } catch (error) {
    if (error instanceof Outdated) return { kind: 'other', review }
    throw error
  }
}

/** The versions, in this picture, of all rows that differ. */
export async function versionsOf(
  { store }: Desk,
  snapshot: Snapshot,
  diffs: readonly Pick<RowDiff, 'table' | 'key'>[],
): Promise<readonly Expected[]> {
  const byTable = new Map<Subject['table'], Set<string>>()
  for (const { table, key } of diffs) {
    const subject = table === 'interfaces' ? 'machines' : table
    byTable.set(subject, (byTable.get(subject) ?? new Set()).add(key.split('/')[0] ?? key))
  }
  const expected: Expected[] = []
  for (const [table, keys] of byTable) {
    const versions = await readVersions(store.db, table, [...keys], snapshot)
    for (const key of keys) expected.push({ table, key, version: versions.get(key) ?? noVersion })
  }
  return expected
}

/** Changes looked through for who came in between. */
const mostLookedAt = 500

/** Who has changed these machines since that revision: `web:bob changed acas0001`; '' when nobody did. */
export async function changedSince({ store }: Desk, names: readonly string[], revision: number): Promise<string> {
  const wanted = new Set(names)
  const byWho = new Map<string, string[]>()
  for (const { id, who, table_name, row_key } of await readChanges(store, { limit: mostLookedAt })) {
    const name = row_key.split('/')[0] ?? ''
    if (id > revision && wanted.has(name) && ['machines', 'interfaces'].includes(table_name))
      byWho.set(who, [...(byWho.get(who) ?? []), name])
  }
  return [...byWho].map(([who, changed]) => `${who} changed ${foldNames(changed)}`).join('; ')
}

/** The same of another row: `web:bob changed it`. */
export async function rowChangedSince({ store }: Desk, { table, key }: Subject, revision: number): Promise<string> {
  const changes = await readChanges(store, { table, key, limit: mostLookedAt })
  const others = new Set(changes.flatMap(({ id, who }) => (id > revision ? [who] : [])))
  return others.size === 0 ? '' : `${[...others].join(', ')} changed it`
}
