// The history as people remember it: what one did in one go, and what became of each row between two revisions.
import type { Edit, StoredRow } from '../inventory/encode.ts'
import type { TableName } from '../inventory/rows.ts'
import { tableNames } from '../inventory/rows.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import { isKnown } from '../inventory/snapshot.ts'
import type { ChangeRow } from '../inventory/store/open.ts'
import { parseChange } from './history.ts'
import { editsToRemove } from './machines.ts'
import type { RowDiff } from './review.ts'
import { ownerOf } from './row-changes.ts'
import { takeBack } from './take-back.ts'

export type ChangeSet = Readonly<{
  who: string
  /** Of its last row. */
  at: string
  /** Revisions before its first and after its last row. */
  before: number
  after: number
  rows: readonly ChangeRow[]
}>

/** A transaction's rows are written one after the other, and each has its own time. */
const pauseMs = 2000

/** @param newestFirst rows of the history; @returns the same rows, together where one hand wrote them without a pause */
export function changeSets(newestFirst: readonly ChangeRow[]): readonly ChangeSet[] {
  const sets: ChangeRow[][] = []
  for (const row of newestFirst) {
    const open = sets.at(-1)
    const last = open?.at(-1)
    if (last !== undefined && last.who === row.who && Date.parse(last.at) - Date.parse(row.at) <= pauseMs)
      open?.push(row)
    else sets.push([row])
  }
  return sets.flatMap((rows) => {
    const [newest, oldest] = [rows[0], rows.at(-1)]
    if (newest === undefined || oldest === undefined) return []
    return [{ who: newest.who, at: newest.at, before: oldest.id - 1, after: newest.id, rows }]
  })
}

type NetChanges = Readonly<{
  /** Oldest first; what was changed and changed back is not among them. */
  diffs: readonly RowDiff[]
  /** Machines whose install was armed, disarmed or done: that is no inventory. */
  armed: readonly string[]
}>

/** What became of each row in all. */
export function netChanges(newestFirst: readonly ChangeRow[]): NetChanges {
  const diffs = new Map<string, RowDiff>()
  const armed = new Set<string>()
  for (const row of newestFirst.toReversed()) {
    const { table, key, before, after } = parseChange(row)
    if (!isTable(table)) {
      armed.add(key.split('/')[0] ?? key)
      continue
    }
    const first = diffs.get(`${table} ${key}`)
    diffs.set(`${table} ${key}`, { table, key, before: first === undefined ? before : first.before, after })
  }
  return { diffs: [...diffs.values()].filter(({ before, after }) => !isSame(before, after)), armed: [...armed] }
}

const isTable = (name: string): name is TableName => tableNames.some((table) => table === name)

function isSame(before: StoredRow | null, after: StoredRow | null): boolean {
  if (before === null || after === null) return before === after
  return Object.keys({ ...before, ...after }).every((column) => (before[column] ?? null) === (after[column] ?? null))
}

/**
 * What was changed in these rows taken back; `stays`: rows of which somebody has changed something again since, which
 * stays.
 * @throws Refused as takeBack() does
 */
export function editsToTakeBack(
  snapshot: Snapshot,
  diffs: readonly RowDiff[],
): Readonly<{ edits: readonly Edit[]; stays: readonly string[] }> {
  const come = diffs.flatMap(({ table, key, before }) => (table === 'machines' && before === null ? [key] : []))
  const gone = new Set(come)
  const there = come.filter((name) => isKnown(snapshot, name))
  const others = diffs.filter((diff) => !gone.has(diff.key.split('/')[0] ?? '') || !isOfMachine(diff))
  const taken = others.map((diff) => ({ owner: ownerOf(diff), ...takeBack(snapshot, diff) }))
  return {
    edits: [...taken.flatMap(({ edits }) => edits), ...editsToRemove(snapshot, there)],
    stays: [...new Set(taken.flatMap(({ owner, stays }) => (stays.length === 0 ? [] : [owner])))],
  }
}

/** The store removes a machine's interfaces with it. */
const isOfMachine = ({ table }: RowDiff): boolean => table === 'machines' || table === 'interfaces'
