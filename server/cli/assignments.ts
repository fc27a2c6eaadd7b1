// `field=value` words: memory_mib=2048, params.rack=r12, interface.eth0.mac=00:00:5e:00:53:01. Pure.
import { canonicalJson } from '../inventory/encode.ts'
import { describeFieldError } from '../inventory/document.ts'
import type { Edit, StoredRow } from '../inventory/encode.ts'
import type { AnyRow, TableName } from '../inventory/rows.ts'
import { parseRow, rowKey, tables } from '../inventory/rows.ts'
import { misuse } from './failure.ts'

export type Assignment =
  | Readonly<{ kind: 'column'; column: string; text: string }>
  /** Undefined takes the param away. */
  | Readonly<{ kind: 'param'; name: string; value: unknown }>
  | Readonly<{ kind: 'interface'; name: string; column: string; text: string }>
  | Readonly<{ kind: 'no-interface'; name: string }>

/** Whether a word assigns; `field!=value` is a filter. */
export const isAssignment = (word: string): boolean => /^[^=!]+=/.test(word)

/** @throws UsageError naming the word and what is expected */
export function parseAssignment(table: TableName, word: string): Assignment {
  const [, target = '', text = ''] = /^([^=]+)=([^]*)$/.exec(word) ?? misuse(`${word}: expected field=value`)
  const columns = Object.keys(tables[table].schema.shape)
  const param = /^params\.(.+)$/.exec(target)?.[1]
  if (param !== undefined && columns.includes('params'))
    return { kind: 'param', name: param, value: text === '' ? undefined : jsonOrText(text) }
  if (table === 'machines' && target.startsWith('interface.'))
    return parseInterfaceAssignment(word, target.slice('interface.'.length), text)
  if (tables[table].key.some((key) => key === target))
    misuse(`${word}: a row keeps its ${target}; add one of the new name and remove the old one`)
  if (columns.includes(target)) return { kind: 'column', column: target, text }
  const more =
    table === 'machines' ? ', params.NAME, interface.NAME.COLUMN' : columns.includes('params') ? ', params.NAME' : ''
  return misuse(
    `${word}: ${table} have no field ${target}; expected one of ${columns.filter((column) => !tables[table].key.some((key) => key === column)).join(', ')}${more}`,
  )
}

/** The name may have dots (`eth0.100`), so the column is what stands behind the last. */
function parseInterfaceAssignment(word: string, target: string, text: string): Assignment {
  const columns = Object.keys(tables.interfaces.schema.shape).filter(
    (column) => column !== 'machine' && column !== 'name',
  )
  const dot = target.lastIndexOf('.')
  const column = target.slice(dot + 1)
  if (dot > 0 && columns.includes(column)) return { kind: 'interface', name: target.slice(0, dot), column, text }
  if (text === '') return { kind: 'no-interface', name: target }
  return misuse(
    `${word}: expected interface.NAME.COLUMN=value with one of the columns ${columns.join(', ')}, or interface.NAME= to remove it`,
  )
}

/** JSON where it is JSON, else the text itself: 8, true, ["a","b"], r12. */
export function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return text
  }
}

/** `--interface eth0,mac=…,ip=…`: an interface in one word. @throws UsageError */
export function parseInterfaceOption(option: string): readonly Assignment[] {
  const [name = '', ...parts] = option.split(',').map((part) => part.trim())
  if (name === '' || name.includes('=') || parts.some((part) => !isAssignment(part)))
    misuse(`--interface ${option}: expected NAME,mac=MAC,ip=ADDRESS,network=NAME`)
  return parts.map((part) => parseAssignment('machines', `interface.${name}.${part}`))
}

/** A machine's rows as the store has them; no row yet is one with only its key. */
export type StoredMachine = Readonly<{ machine: StoredRow; interfaces: ReadonlyMap<string, StoredRow> }>
export type Assigned = Readonly<{ edits: readonly Edit[]; errors: readonly string[] }>

export function assignToMachine({ machine, interfaces }: StoredMachine, assignments: readonly Assignment[]): Assigned {
  const hostname = String(machine['hostname'])
  const own = assignToRow(machine, assignments)
  const nics = new Map<string, StoredRow>()
  const removed: Edit[] = []
  for (const assignment of assignments) {
    if (assignment.kind === 'interface') {
      const { name, column, text } = assignment
      nics.set(name, { ...(nics.get(name) ?? interfaces.get(name) ?? { machine: hostname, name }), [column]: text })
    } else if (assignment.kind === 'no-interface') {
      nics.delete(assignment.name)
      if (interfaces.has(assignment.name))
        removed.push({ kind: 'delete', table: 'interfaces', key: `${hostname}/${assignment.name}` })
    }
  }
  const put = [putRow('machines', own), ...[...nics.values()].map((nic) => putRow('interfaces', nic))]
  return { edits: [...put.flatMap(({ edits }) => edits), ...removed], errors: put.flatMap(({ errors }) => errors) }
}

/** The row with the columns and params assigned, not parsed yet. */
export function assignToRow(row: StoredRow, assignments: readonly Assignment[]): StoredRow {
  const assigned = { ...row }
  for (const assignment of assignments) {
    if (assignment.kind === 'column') assigned[assignment.column] = assignment.text
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

export function putRow(table: TableName, stored: StoredRow): Assigned {
  const parsed = parseRow(table, stored)
  if (parsed.ok) return { edits: [{ kind: 'put', table, row: parsed.row as AnyRow }], errors: [] }
  return { edits: [], errors: parsed.errors.map((error) => describeFieldError(table, rowKey(table, stored), error)) }
}
