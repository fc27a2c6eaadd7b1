// What edits would do before they are done: rows that really change, and machines that would be withheld because of them. Pure.
import { createHash } from 'node:crypto'
import type { Edit, StoredRow } from '../inventory/encode.ts'
import { canonicalJson, encodeRow } from '../inventory/encode.ts'
import type { Finding, Known } from '../inventory/findings.ts'
import { findings } from '../inventory/findings.ts'
import type { TableName } from '../inventory/rows.ts'
import { rowKey } from '../inventory/rows.ts'
import { inSlices } from '../inventory/slices.ts'
import type { RowChange, Snapshot } from '../inventory/snapshot.ts'
import { changeSnapshotInSlices, rowOf } from '../inventory/snapshot.ts'
import { touchedMachines } from '../inventory/touched.ts'
import { rowWithoutSecrets } from '../inventory/secrets.ts'

export type RowDiff = Readonly<{ table: TableName; key: string; before: StoredRow | null; after: StoredRow | null }>

export type Review = Readonly<{
  /** The inventory as it would be. */
  candidate: Snapshot
  /** Those edits that change something, and what. */
  edits: readonly Edit[]
  diffs: readonly RowDiff[]
  unchanged: readonly Edit[]
  /** Of the differences: the same word for the same, and for nothing else. What is decided is decided on it. */
  seen: string
  /** Machines that would be withheld for a reason there is not today. */
  broken: readonly Finding[]
}>

/** Of a profile that all machines have it takes a while; the doors answer meanwhile. */
export const reviewEdits = (snapshot: Snapshot, known: Known, edits: readonly Edit[]): Promise<Review> =>
  inSlices(reviewing(snapshot, known, edits))

function* reviewing(snapshot: Snapshot, known: Known, edits: readonly Edit[]): Generator<void, Review> {
  const changing: Edit[] = []
  const unchanged: Edit[] = []
  const diffs: RowDiff[] = []
  for (const edit of edits) {
    yield
    const diff = diffOf(snapshot, edit)
    if (isSame(diff) && !isUnreadable(snapshot, diff)) {
      unchanged.push(edit)
      continue
    }
    changing.push(edit)
    diffs.push(diff, ...interfacesGone(snapshot, edit))
  }
  const candidate = yield* changeSnapshotInSlices(snapshot, diffs.map(toRowChange), snapshot.revision, 1)
  const broken = yield* newlyWithheld(snapshot, candidate, known, diffs)
  const hash = createHash('sha256')
  for (const diff of diffs) {
    hash.update(`${canonicalJson(diff)}\n`)
    yield
  }
  const seen = hash.digest('base64url').slice(0, 24)
  return { candidate, edits: changing, diffs, unchanged, seen, broken }
}

function diffOf(snapshot: Snapshot, edit: Edit): RowDiff {
  const key = edit.kind === 'put' ? rowKey(edit.table, edit.row) : edit.key
  const before = rowOf(snapshot, edit.table, key)
  const after = edit.kind === 'put' ? encodeRow(edit.row) : null
  return { table: edit.table, key, before: before === null ? null : encodeRow(before), after }
}

function isSame({ before, after }: RowDiff): boolean {
  if (before === null || after === null) return before === after
  return Object.keys({ ...before, ...after }).every((column) => before[column] === after[column])
}

/** A row that can't be read looks like none at all, and still is one to replace or remove. */
function isUnreadable(snapshot: Snapshot, { table, key }: RowDiff): boolean {
  const spoiled = table === 'interfaces' ? `machines/${key.split('/')[0] ?? ''}` : `${table}/${key}`
  return (snapshot.unreadable.get(spoiled) ?? []).some((row) => row.table === table && row.key === key)
}

/** The store removes a machine's interfaces with it. */
function interfacesGone(snapshot: Snapshot, edit: Edit): readonly RowDiff[] {
  if (edit.kind !== 'delete' || edit.table !== 'machines') return []
  const nics = snapshot.interfaces.get(edit.key) ?? []
  return nics.map((nic) => ({
    table: 'interfaces',
    key: `${edit.key}/${nic.name}`,
    before: encodeRow(nic),
    after: null,
  }))
}

const toRowChange = ({ table, key, after }: RowDiff): RowChange => ({ table, key, raw: after })

function* newlyWithheld(
  before: Snapshot,
  after: Snapshot,
  known: Known,
  diffs: readonly RowDiff[],
): Generator<void, readonly Finding[]> {
  const broken: Finding[] = []
  for (const hostname of yield* concernedMachines(before, after, diffs)) {
    yield
    const now = findings(after, hostname, known).filter(({ severity }) => severity === 'withheld')
    if (now.length === 0) continue
    const earlier = new Set(findings(before, hostname, known).map(identity))
    broken.push(...now.filter((finding) => !earlier.has(identity(finding))))
  }
  return broken
}

/** Without the value and the words: memory that is short by more than yesterday is yesterday's finding. */
const identity = ({ severity, table, key, field }: Finding): string => `${severity} ${table} ${key} ${field}`

/**
 * Duplicates and overlaps show on both sides, so on the touched machine too; what only shows elsewhere is what a
 * Dom0 does to its guests. A network, profile or site value may concern very many.
 */
function* concernedMachines(
  before: Snapshot,
  after: Snapshot,
  diffs: readonly RowDiff[],
): Generator<void, ReadonlySet<string>> {
  if (diffs.some(({ table }) => table !== 'machines' && table !== 'interfaces'))
    return yield* touchedMachines(before, after, diffs)
  const touched = new Set(diffs.map(({ key }) => key.split('/')[0] ?? ''))
  const concerned = new Set(touched)
  for (const snapshot of [before, after])
    for (const hostname of touched) for (const guest of snapshot.guests.get(hostname) ?? []) concerned.add(guest)
  return concerned
}

/** Differences as anybody may see them. */
export function diffsToShow(diffs: readonly RowDiff[]): readonly RowDiff[] {
  const shown = (row: StoredRow | null): StoredRow | null => (row === null ? null : rowWithoutSecrets(row))
  return diffs.map(({ table, key, before, after }) => ({ table, key, before: shown(before), after: shown(after) }))
}
