// One change of the history taken back: what it changed is again what it was, and what was changed since stays.
import type { Edit, StoredRow } from '../inventory/encode.ts'
import { canonicalJson, encodeRow } from '../inventory/encode.ts'
import type { AnyRow, TableName } from '../inventory/rows.ts'
import { parseRow, tableNames } from '../inventory/rows.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import { rowOf } from '../inventory/snapshot.ts'
import { describeProblem, problemIn, Refused } from './failure.ts'
import type { Logged } from './history.ts'
import { editsToRemove } from './machines.ts'

type TakenBack = Readonly<{
  edits: readonly Edit[]
  /** Fields that somebody has changed again since. */
  stays: readonly string[]
}>

/** @throws Refused when the row can't be as it was, or its going would leave guests without their Dom0 */
export function takeBack(
  snapshot: Snapshot,
  { table: named, key, before, after }: Pick<Logged, 'table' | 'key' | 'before' | 'after'>,
): TakenBack {
  const table = tableNames.find((one) => one === named)
  if (table === undefined)
    throw new Refused('what is armed is no row of the inventory: set what the machine boots next instead')
  const row = rowOf(snapshot, table, key)
  if (before === null) return { edits: row === null ? [] : removalOf(snapshot, table, key), stays: [] }
  if (row === null) {
    if (after !== null) throw new Refused(`${table} ${key} has been removed since; take that change back first`)
    return { edits: [putBack(table, key, { ...before, ...atRest(table) })], stays: [] }
  }
  if (after === null) throw new Refused(`there is a new row ${table} ${key} since; change that one`)
  const now = spread(encodeRow(row))
  const [old, made] = [spread(before), spread(after)]
  const stays: string[] = []
  for (const field of new Set([...old.keys(), ...made.keys()])) {
    if (old.get(field) === made.get(field) || (table === 'machines' && field === 'boot')) continue
    if (now.get(field) === old.get(field)) continue
    if (now.get(field) !== made.get(field)) stays.push(field)
    else if (old.has(field)) now.set(field, old.get(field) ?? null)
    else now.delete(field)
  }
  return { edits: [putBack(table, key, gathered(now))], stays }
}

const removalOf = (snapshot: Snapshot, table: TableName, key: string): readonly Edit[] =>
  table === 'machines' ? editsToRemove(snapshot, [key]) : [{ kind: 'delete', table, key }]

/** A machine that comes back is not armed. */
const atRest = (table: TableName): StoredRow => (table === 'machines' ? { boot: 'local' } : {})

function putBack(table: TableName, key: string, given: StoredRow): Edit {
  const parsed = parseRow(table, given)
  if (parsed.ok) return { kind: 'put', table, row: parsed.row as AnyRow }
  const problems = parsed.errors.map((error) => problemIn(table, key, error))
  throw new Refused(problems.map(describeProblem).join('\n'), { problems })
}

type Cells = Map<string, StoredRow[string]>

/** Params are fields of their own: another param that was set since is nobody's business here. */
function spread(row: StoredRow): Cells {
  const cells: Cells = new Map()
  for (const [column, value] of Object.entries(row)) {
    const params = column === 'params' ? paramsOf(value) : null
    if (params === null) cells.set(column, value)
    else for (const [name, param] of Object.entries(params)) cells.set(`params.${name}`, canonicalJson(param))
  }
  return cells
}

function paramsOf(stored: unknown): Readonly<Record<string, unknown>> | null {
  try {
    const params: unknown = typeof stored === 'string' && stored !== '' ? JSON.parse(stored) : {}
    return typeof params === 'object' && params !== null ? (params as Readonly<Record<string, unknown>>) : null
  } catch {
    return null // somebody's SQL: compared as it is
  }
}

function gathered(cells: Cells): StoredRow {
  const columns = [...cells].filter(([field]) => !field.startsWith('params.'))
  const params = [...cells].flatMap(([field, text]) =>
    field.startsWith('params.') ? [[field.slice('params.'.length), JSON.parse(String(text))] as const] : [],
  )
  return {
    ...Object.fromEntries(columns),
    ...(params.length === 0 ? {} : { params: canonicalJson(Object.fromEntries(params)) }),
  }
}
