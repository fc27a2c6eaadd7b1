// Values given to columns: memory_mib = 2048, params.rack = r12, interfaces.eth0.mac = 00:00:5e:00:53:01. Pure.
import { canonicalJson } from '../inventory/encode.ts'
import type { Edit, StoredRow } from '../inventory/encode.ts'
import type { AnyRow, TableName } from '../inventory/rows.ts'
import { parseRow, rowKey } from '../inventory/rows.ts'
import type { Problem } from './failure.ts'
import { problemIn } from './failure.ts'

export type Assignment =
  | Readonly<{ kind: 'column'; column: string; value: unknown }>
  /** Undefined takes the param away. */
  | Readonly<{ kind: 'param'; name: string; value: unknown }>
  | Readonly<{ kind: 'interface'; name: string; column: string; value: unknown }>
  | Readonly<{ kind: 'no-interface'; name: string }>

/** A row whose values are not parsed yet: as the store has them, or as they were given. */
export type GivenRow = Readonly<Record<string, unknown>>

/** A machine's rows as the store has them; no row yet is one with only its key. */
export type StoredMachine = Readonly<{ machine: StoredRow; interfaces: ReadonlyMap<string, StoredRow> }>
export type Assigned = Readonly<{ edits: readonly Edit[]; problems: readonly Problem[] }>

export function assignToMachine({ machine, interfaces }: StoredMachine, assignments: readonly Assignment[]): Assigned {
  const hostname = String(machine['hostname'])
  const own = assignToRow(machine, assignments)
  const nics = new Map<string, GivenRow>()
  const removed: Edit[] = []
  for (const assignment of assignments) {
    if (assignment.kind === 'interface') {
      const { name, column, value } = assignment
      nics.set(name, { ...(nics.get(name) ?? interfaces.get(name) ?? { machine: hostname, name }), [column]: value })
    } else if (assignment.kind === 'no-interface') {
      nics.delete(assignment.name)
      if (interfaces.has(assignment.name))
        removed.push({ kind: 'delete', table: 'interfaces', key: `${hostname}/${assignment.name}` })
    }
  }
  const put = [putRow('machines', own), ...[...nics.values()].map((nic) => putRow('interfaces', nic))]
  return {
    edits: [...put.flatMap(({ edits }) => edits), ...removed],
    problems: put.flatMap(({ problems }) => problems),
  }
}

/** The row with the columns and params assigned, not parsed yet. */
export function assignToRow(row: GivenRow, assignments: readonly Assignment[]): GivenRow {
  const assigned: Record<string, unknown> = { ...row }
  for (const assignment of assignments) {
    if (assignment.kind === 'column') assigned[assignment.column] = assignment.value
    else if (assignment.kind === 'param')
      assigned['params'] = withParam(assigned['params'], assignment.name, assignment.value)
  }
  return assigned
}

function withParam(stored: unknown, name: string, value: unknown): string {
  const { [name]: _, ...others } = (typeof stored === 'string' && stored !== '' ? jsonOrText(stored) : {}) as Readonly<
    Record<string, unknown>
  >
  return canonicalJson(value === undefined ? others : { ...others, [name]: value })
}

export function putRow(table: TableName, given: GivenRow): Assigned {
  const parsed = parseRow(table, given)
  if (parsed.ok) return { edits: [{ kind: 'put', table, row: parsed.row as AnyRow }], problems: [] }
  const key = rowKey(table, given)
  return { edits: [], problems: parsed.errors.map((error) => problemIn(table, key, error)) }
}

/** JSON where it is JSON, else the text itself: 8, true, ["a","b"], r12. */
export function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return text
  }
}
