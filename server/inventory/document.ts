// The inventory as one document for people: YAML with tables as keys, interfaces under their machines; and as CSV tables.
import { parse as parseCsv } from 'csv-parse/sync'
import { stringify as stringifyCsv } from 'csv-stringify/sync'
import { Document, isScalar, LineCounter, parseDocument, visit } from 'yaml'
import { isTooDeep, mostDeep } from './depth.ts'
import { encodeRow } from './encode.ts'
import type { AnyRow, FieldError, RowOf, TableName } from './rows.ts'
import { parseRow, rowKey, tableNames, tables } from './rows.ts'
import type { Snapshot } from './snapshot.ts'
import { rowsOf } from './snapshot.ts'

/** What a document said: its rows, and everything in it that can't be read, with where it stands. */
export type ParsedDocument = Readonly<{
  rows: readonly DocumentRow[]
  /** Everything that can't be read, in words. */
  errors: readonly string[]
  /** Of that, what is wrong with the document itself. */
  faults: readonly string[]
  /** And with its rows. */
  refused: readonly RefusedRow[]
}>
export type RefusedRow = Readonly<{
  table: TableName
  key: string
  /** Where it stands; null when that is not known. */
  line: number | null
  errors: readonly FieldError[]
}>

const unread = (errors: readonly string[]): ParsedDocument => ({ rows: [], errors, faults: errors, refused: [] })
export type DocumentRow = { readonly [T in TableName]: Readonly<{ table: T; key: string; row: RowOf<T> }> }[TableName]

type Raw = Readonly<Record<string, unknown>>

const isRecord = (value: unknown): value is Raw => value !== null && typeof value === 'object' && !Array.isArray(value)

/** Columns a row has already, for those that a document doesn't give. */
export type Base = (table: TableName, key: string) => Raw
const noBase: Base = () => ({})

/** Reads a YAML (or JSON) document. Never throws: what can't be read is an error in words, and the rest is read. */
export function parseYamlDocument(text: string, file: string, base = noBase): ParsedDocument {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: false })
  if (document.errors.length > 0) return unread(faultsOf(document, text, lines, file))
  const repeated = repeatedKeys(document, lines, file)
  if (repeated.length > 0) return unread(firstOf(repeated, repeated.length, file))
  const content = contentOf(document)
  if (content instanceof Error) return unread([`${file}: ${content.message}`])
  if (isTooDeep(content)) return unread([tooDeep(file)])
  if (content === null) return unread([])
  if (!isRecord(content)) return unread([`${file}: expected the tables ${tableNames.join(', ')} as keys`])
  const lineOf = (path: readonly string[]): number | null => {
    const node = document.getIn(path, true) as { range?: [number, number, number] } | undefined
    return node?.range === undefined ? null : lines.linePos(node.range[0]).line
  }
  const rows: DocumentRow[] = []
  const errors: string[] = []
  const ofRows = new Set<string>()
  const refused: RefusedRow[] = []
  for (const raw of rawRows(content, errors, file)) {
    const parsed = parseRow(raw.table, { ...base(raw.table, rowKey(raw.table, raw.columns)), ...raw.columns })
    if (parsed.ok) rows.push({ table: raw.table, key: rowKey(raw.table, parsed.row), row: parsed.row } as DocumentRow)
    else {
      const [key, line] = [rowKey(raw.table, raw.columns), lineOf(raw.path)]
      const at = line === null ? file : `${file} line ${line}`
      refused.push({ table: raw.table, key, line, errors: parsed.errors })
      for (const error of parsed.errors) {
        const said = `${at}: ${describeFieldError(raw.table, raw.path.at(-1) ?? '', error)}`
        errors.push(said)
        ofRows.add(said)
      }
    }
  }
  return { rows, errors, faults: errors.filter((error) => !ofRows.has(error)), refused }
}

/** Told of a text; more are mostly because of these. */
const mostFaults = 20

const tooDeep = (file: string): string => `${file}: is nested more than ${mostDeep} deep; nothing that is meant is`

/** Each with its place: the parser's own way to show it searches a long line anew for each of a million errors. */
function faultsOf({ errors }: Document.Parsed, text: string, lines: LineCounter, file: string): readonly string[] {
  if (errors.some(({ code }) => code === 'RESOURCE_EXHAUSTION')) return [tooDeep(file)]
  const placed = errors.slice(0, mostFaults).map(({ message, pos: [at] }) => {
    const { line, col } = lines.linePos(at)
    const before = Math.min(col - 1, 40)
    const [shown = ''] = text.slice(at - before, at + 40).split(/\r?\n/, 1)
    return `${file}: ${message} at line ${line}, column ${col}:\n\n${shown}\n${' '.repeat(before)}^\n`
  })
  return firstOf(placed, errors.length, file)
}

const firstOf = (faults: readonly string[], count: number, file: string): readonly string[] =>
  count > mostFaults ? [...faults.slice(0, mostFaults), `${file}: and ${count - mostFaults} more like these`] : faults

/** Aliases of aliases multiply. */
const mostAliased = 1000

/** Plain values, or why there are none: aliases of what isn't there, or that multiply without end. */
function contentOf(document: Document.Parsed): unknown {
  try {
    return document.toJS({ maxAliasCount: mostAliased })
  } catch (error) {
    const why = error instanceof Error ? error : new Error(String(error))
    return why.message.startsWith('Excessive alias count')
      ? new Error(`its aliases stand for more than ${mostAliased} values; write out what is meant`, { cause: why })
      : why
  }
}

/** The parser's own check compares each key with all others, which takes minutes for 100,000 machines. */
function repeatedKeys(document: Document.Parsed, lines: LineCounter, file: string): readonly string[] {
  const repeated: string[] = []
  visit(document, {
    Map: (_, { items }) => {
      const seen = new Set<unknown>()
      for (const { key } of items) {
        const name = isScalar(key) ? key.value : key
        if (seen.has(name))
          repeated.push(
            `${file} line ${lines.linePos(isScalar(key) ? (key.range?.[0] ?? 0) : 0).line}: the key ${String(name)} is given twice`,
          )
        seen.add(name)
      }
    },
  })
  return repeated
}

export function describeFieldError(table: TableName, key: string, { field, value, message }: FieldError): string {
  const shown = value === undefined ? '' : ` is ${JSON.stringify(value)}`
  return `${table} ${key}: ${field}${shown}: ${message}`
}

type RawRow = Readonly<{ table: TableName; path: readonly string[]; columns: Raw }>

function* rawRows(content: Raw, errors: string[], file: string): Generator<RawRow> {
  for (const [table, entries] of Object.entries(content)) {
    if (table === 'interfaces' || !Object.hasOwn(tables, table)) {
      errors.push(`${file}: ${table} is not one of ${tableNames.filter((name) => name !== 'interfaces').join(', ')}`)
      continue
    }
    if (!isRecord(entries ?? {})) {
      errors.push(`${file}: ${table}: expected one key for each row`)
      continue
    }
    const rows: Raw = isRecord(entries) ? entries : {}
    for (const [key, columns] of Object.entries(rows)) yield* rowsUnder(table as TableName, key, columns, errors, file)
  }
}

function* rowsUnder(
  table: TableName,
  key: string,
  columns: unknown,
  errors: string[],
  file: string,
): Generator<RawRow> {
  const path = [table, key]
  if (table === 'site') {
    yield { table, path, columns: { name: key, value: JSON.stringify(columns) } }
    return
  }
  if (!isRecord(columns ?? {})) {
    errors.push(`${file}: ${table} ${key}: expected columns`)
    return
  }
  const { interfaces, ...own }: Raw = isRecord(columns) ? columns : {}
  const [keyColumn = 'name'] = tables[table].key
  if (table !== 'machines') {
    yield { table, path, columns: { [keyColumn]: key, ...(isRecord(columns) ? columns : {}) } }
    return
  }
  yield { table, path, columns: { [keyColumn]: key, ...own } }
  if (interfaces === undefined || interfaces === null) return
  if (!isRecord(interfaces)) {
    errors.push(`${file}: machines ${key}: interfaces: expected one key for each interface`)
    return
  }
  for (const [name, nic] of Object.entries(interfaces)) {
    const nicPath = [...path, 'interfaces', name]
    if (isRecord(nic)) yield { table: 'interfaces', path: nicPath, columns: { machine: key, name, ...nic } }
    else errors.push(`${file}: machines ${key}: interface ${name}: expected columns`)
  }
}

/** The whole inventory as YAML; what is not given is left out, so that it reads as a person would write it. */
export function renderYamlDocument(snapshot: Snapshot): string {
  const content: Record<string, Record<string, unknown>> = {}
  for (const table of tableNames) {
    if (table === 'interfaces') continue
    const rows = rowsOf(snapshot, table)
    if (rows.length > 0)
      content[table] = Object.fromEntries(rows.map((row) => [rowKey(table, row), givenColumns(snapshot, table, row)]))
  }
  const document = new Document(content, { aliasDuplicateObjects: false })
  visit(document, {
    Map: (_, node, path) => {
      if (path.length > 4) node.flow = true
    },
    Seq: (_, node) => {
      node.flow = node.items.length < 8
    },
  })
  return document.toString({ lineWidth: 120 })
}

function givenColumns(snapshot: Snapshot, table: TableName, row: AnyRow): unknown {
  if (table === 'site') return (row as RowOf<'site'>).value
  const skipped: ReadonlySet<string> = new Set(tables[table].key)
  const given = Object.entries(row).filter(([column, value]) => !skipped.has(column) && !isDefault(column, value))
  if (table !== 'machines') return Object.fromEntries(given)
  const nics = snapshot.interfaces.get((row as RowOf<'machines'>).hostname) ?? []
  const interfaces = nics.map((nic) => {
    const columns = Object.entries(nic).filter(
      ([column, value]) => column !== 'machine' && column !== 'name' && !isDefault(column, value),
    )
    return [nic.name, Object.fromEntries(columns)] as const
  })
  return Object.fromEntries(
    interfaces.length === 0 ? given : [...given, ['interfaces', Object.fromEntries(interfaces)]],
  )
}

function isDefault(column: string, value: unknown): boolean {
  if (value === null || value === false || (column === 'boot' && value === 'local')) return true
  if (Array.isArray(value)) return value.length === 0 && column !== 'repositories'
  return typeof value === 'object' && Object.keys(value).length === 0
}

/** One table as CSV with a header line. */
export function renderCsvTable(snapshot: Snapshot, table: TableName): string {
  const rows = rowsOf(snapshot, table).map(encodeRow)
  return stringifyCsv(rows, { header: true, columns: Object.keys(tables[table].schema.shape) })
}

/** Reads one CSV table; the header names the columns, in any order, and those left out are as `base` has them. */
export function parseCsvTable(text: string, table: TableName, file: string, base = noBase): ParsedDocument {
  const rows: DocumentRow[] = []
  const errors: string[] = []
  const faults: string[] = []
  const refused: RefusedRow[] = []
  try {
    const records: readonly { record: Raw; info: { lines: number } }[] = parseCsv(text, {
      columns: true,
      bom: true,
      skip_empty_lines: true,
      info: true,
    })
    for (const { record, info } of records) {
      const parsed = parseRow(table, { ...base(table, rowKey(table, record)), ...record })
      if (parsed.ok) rows.push({ table, key: rowKey(table, parsed.row), row: parsed.row } as DocumentRow)
      else {
        const [key, line] = [rowKey(table, record), info.lines]
        refused.push({ table, key, line, errors: parsed.errors })
        errors.push(...parsed.errors.map((error) => `${file} line ${line}: ${describeFieldError(table, key, error)}`))
      }
    }
  } catch (error) {
    faults.push(`${file}: ${error instanceof Error ? error.message : String(error)}`)
  }
  return { rows, errors: [...errors, ...faults], faults, refused }
}
