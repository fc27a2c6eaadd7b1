// Rows of tables beside the machines: all of one, and one as it is in the store.
import type { StoredRow } from '../inventory/encode.ts'
import { encodeRow } from '../inventory/encode.ts'
import type { AnyRow, TableName } from '../inventory/rows.ts'
import { selectMachines } from '../inventory/select.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import { rowOf, rowsOf } from '../inventory/snapshot.ts'
import type { Store } from '../inventory/store/open.ts'
import { readRows } from '../inventory/store/read.ts'
import { Refused } from './failure.ts'

/** Tables whose rows have a name and nothing below them. */
export type PlainTable = Exclude<TableName, 'machines' | 'interfaces'>

const nouns: Readonly<Record<PlainTable, readonly [noun: string, command: string]>> = {
  networks: ['network', 'network'],
  profiles: ['profile', 'profile'],
  images: ['image', 'image'],
  site: ['site value', 'site'],
}

export class NoSuchRow extends Refused {
  override name = 'NoSuchRow'

  constructor(table: PlainTable, name: string) {
    const [noun, command] = nouns[table]
    super(`there is no ${noun} ${name}; bootstead ${command} list shows those there are`)
  }
}

/** Of what was to be added. */
export function refuseSecond(snapshot: Snapshot, table: PlainTable, name: string): void {
  if (rowOf(snapshot, table, name) === null) return
  const [noun, command] = nouns[table]
  throw new Refused(`there is a ${noun} ${name} already; change it with: bootstead ${command} set`)
}

export type TableRows = Readonly<{
  rows: readonly AnyRow[]
  /** Names of rows that can't be read. */
  unreadable: readonly string[]
}>

export const tableRows = (snapshot: Snapshot, table: PlainTable): TableRows => ({
  rows: rowsOf(snapshot, table),
  unreadable: unreadableNames(snapshot, table),
})

export const unreadableNames = ({ unreadable }: Snapshot, table: PlainTable): readonly string[] =>
  [...unreadable.values()].flat().flatMap((row) => (row.table === table ? [row.key] : []))

/** @throws NoSuchRow */
export function foundRow(snapshot: Snapshot, table: PlainTable, name: string): AnyRow {
  const row = rowOf(snapshot, table, name)
  if (row === null) throw new NoSuchRow(table, name)
  return row
}

/** Machines that use it, in natural order; a site's value is everybody's, and so nobody's. */
export const machinesWith = (snapshot: Snapshot, table: PlainTable, name: string): readonly string[] =>
  table === 'site' ? [] : selectMachines(snapshot, [`${nouns[table][0]}=${name}`]).map(({ hostname }) => hostname)

/** The row as it is in the store, so that one that can't be read can be mended. @throws NoSuchRow */
export async function storedRow(store: Store, snapshot: Snapshot, table: PlainTable, name: string): Promise<StoredRow> {
  const row = rowOf(snapshot, table, name)
  if (row !== null) return encodeRow(row)
  const [stored] = snapshot.unreadable.has(`${table}/${name}`) ? await readRows(store, table, [name]) : []
  if (stored?.raw == null) throw new NoSuchRow(table, name)
  return stored.raw as StoredRow
}
