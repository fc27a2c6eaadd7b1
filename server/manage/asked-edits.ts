// Edits as they are asked for, by the command line, the API, and one by the other: made into edits of rows in turn, each
// seeing what those before it have changed.
import type { Edit } from '../inventory/encode.ts'
import { encodeRow } from '../inventory/encode.ts'
import { rowKey } from '../inventory/rows.ts'
import { expandRange } from '../inventory/select.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import { changeSnapshot } from '../inventory/snapshot.ts'
import { parseAssignment } from './assignment-words.ts'
import type { Assignment, GivenRow } from './assignments.ts'
import { assignToRow, putRow } from './assignments.ts'
import type { Desk } from './desk.ts'
import { Refused } from './failure.ts'
import { collect, editsToAdd, editsToRemove, editsToSet } from './machines.ts'
import type { Patch } from './patches.ts'
import { assignmentsOf, withoutArming } from './patches.ts'
import { chosenNames } from './selection.ts'
import type { PlainTable } from './stored-rows.ts'
import { refuseSecond, storedRow } from './stored-rows.ts'

type Words = readonly string[]
type Row = Readonly<{ table: PlainTable; name: string }>

/** `words` are the command line's, `field=value`; they come after what is said beside them. */
export type AskedEdit =
  | Readonly<{ edit: 'add machine'; machine: Readonly<{ hostname: string }> & Patch; words?: Words | undefined }>
  | Readonly<{ edit: 'set machines'; select: Words; set?: Patch | undefined; words?: Words | undefined }>
  | Readonly<{ edit: 'remove machines'; select: Words }>
  /** Refused when there is one. */
  | (Row & Readonly<{ edit: 'add row'; words: Words }>)
  /** Whatever it was before. */
  | (Row & Readonly<{ edit: 'put row'; row: Patch }>)
  | (Row & Readonly<{ edit: 'set row'; set?: Patch | undefined; words?: Words | undefined }>)
  | (Row & Readonly<{ edit: 'remove row' }>)

/**
 * Of a row that several edits change, the last holds: it was made of those before.
 * @throws SelectorError, Misworded, NoSuchRow, and Refused with every value that its column can't hold
 */
export async function editsInTurn(desk: Desk, before: Snapshot, asked: readonly AskedEdit[]): Promise<readonly Edit[]> {
  const made = new Map<string, Edit>()
  let snapshot = before
  for (const [index, one] of asked.entries()) {
    const own = await editsAsked(desk, snapshot, one)
    for (const edited of own) {
      const key = `${edited.table} ${keyOf(edited)}`
      const earlier = made.get(key)
      if (earlier !== undefined && earlier.kind !== edited.kind)
        throw new Refused(`${key} is changed by one of the edits and removed by another; leave out one of them`)
      made.set(key, edited)
    }
    if (index < asked.length - 1) snapshot = after(snapshot, own)
  }
  return [...made.values()]
}

const keyOf = (edit: Edit): string => (edit.kind === 'put' ? rowKey(edit.table, edit.row) : edit.key)

const after = (snapshot: Snapshot, edits: readonly Edit[]): Snapshot =>
  changeSnapshot(
    snapshot,
    edits.map((edited) => ({
      table: edited.table,
      key: keyOf(edited),
      raw: edited.kind === 'put' ? encodeRow(edited.row) : null,
    })),
    snapshot.revision,
  )

async function editsAsked(desk: Desk, snapshot: Snapshot, asked: AskedEdit): Promise<readonly Edit[]> {
  switch (asked.edit) {
    case 'add machine': {
      const { hostname, ...patch } = asked.machine
      return editsToAdd(snapshot, expandRange(hostname), assigned('machines', patch, asked.words))
    }
    case 'set machines': {
      const names = await chosenNames(snapshot, asked.select)
      return editsToSet(desk.store, snapshot, names, assigned('machines', asked.set, asked.words))
    }
    case 'remove machines':
      return editsToRemove(snapshot, await chosenNames(snapshot, asked.select))
    case 'add row': {
      const { table, name, words } = asked
      refuseSecond(snapshot, table, name)
      return editsOfRow(table, { name }, assigned(table, {}, words))
    }
    case 'put row':
      return editsOfRow(asked.table, { name: asked.name }, assigned(asked.table, asked.row))
    case 'set row': {
      const { table, name, set, words } = asked
      return editsOfRow(table, await storedRow(desk.store, snapshot, table, name), assigned(table, set, words))
    }
    case 'remove row':
      await storedRow(desk.store, snapshot, asked.table, asked.name)
      return [{ kind: 'delete', table: asked.table, key: asked.name }]
    default:
      return asked satisfies never
  }
}

const assigned = (table: PlainTable | 'machines', patch: Patch = {}, words: Words = []): readonly Assignment[] =>
  withoutArming([
    ...assignmentsOf(table === 'site' ? asColumn(patch) : patch),
    ...words.map((word) => parseAssignment(table, word)),
  ])

/** A site's value is any JSON, and its column is text. */
const asColumn = (patch: Patch): Patch => ('value' in patch ? { value: JSON.stringify(patch['value']) } : patch)

/** @throws Refused with every value that its column can't hold */
export const editsOfRow = (table: PlainTable, row: GivenRow, assignments: readonly Assignment[]): readonly Edit[] =>
  collect([putRow(table, assignToRow(row, assignments))])
