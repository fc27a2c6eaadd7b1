// `bootstead import`: documents into the inventory, all of them or nothing.
import { readFileSync } from 'node:fs'
import { basename, extname, resolve } from 'node:path'
import { Option } from 'commander'
import type { Command } from 'commander'
import { parse as parseCsv } from 'csv-parse/sync'
import type { Base, DocumentRow, ParsedDocument } from '../inventory/document.ts'
import { parseCsvTable, parseYamlDocument } from '../inventory/document.ts'
import { encodeRow } from '../inventory/encode.ts'
import type { Edit } from '../inventory/encode.ts'
import type { TableName } from '../inventory/rows.ts'
import { tableNames, tables } from '../inventory/rows.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import { rowOf } from '../inventory/snapshot.ts'
import { refuseViewEdits } from '../inventory/store/mirrored.ts'
import { recordEdits } from '../inventory/store/record.ts'
import { describeError, fail, misuse } from './failure.ts'
import { foldNames } from './names.ts'
import { refuseBroken, describeDiffs, noteBroken } from './report.ts'
import type { Review } from './review.ts'
import { reviewEdits } from './review.ts'
import type { Session } from './session.ts'
import { alignColumns } from './table.ts'

type Format = 'yaml' | 'csv'
type Options = Readonly<{ table?: TableName; format?: Format; dryRun?: boolean; force?: boolean; json?: boolean }>

export function registerImport(program: Command, session: Session): void {
  program
    .command('import')
    .description('put the rows of YAML or CSV files into the inventory; rows that are not in them stay')
    .argument('<file...>', '.yaml, .yml, .json or .csv files; - is standard input')
    .addOption(
      new Option('--table <table>', 'what a CSV file is; else its name or its columns tell').choices(tableNames),
    )
    .addOption(new Option('--format <format>', 'for standard input and other extensions').choices(['yaml', 'csv']))
    .option('--dry-run', 'show what would change and change nothing')
    .option('--force', 'also when machines would be withheld because of it')
    .option('--json', 'as JSON')
    .action((files: readonly string[], options: Options) => importFiles(session, files, options))
}

async function importFiles(session: Session, files: readonly string[], options: Options): Promise<void> {
  const snapshot = await session.loadSnapshot()
  const documents: ParsedDocument[] = []
  for (const file of files) documents.push(await readDocument(session, snapshot, file, options))
  const rows = documents.flatMap((document) => document.rows)
  const errors = [...documents.flatMap((document) => document.errors), ...givenTwice(rows)]
  if (errors.length > 0) fail('nothing was imported:', ...errors)
  const review = reviewEdits(
    snapshot,
    session.known(),
    rows.map(({ table, row }): Edit => ({ kind: 'put', table, row })),
  )
  if (options.dryRun === true) await refuseViewEdits((await session.store()).db, review.edits)
  else {
    refuseBroken(review, options.force === true)
    if (review.edits.length > 0) await recordEdits(await session.store(), review.edits, session.who)
  }
  report(session, review, options)
}

async function readDocument(
  session: Session,
  snapshot: Snapshot,
  file: string,
  options: Options,
): Promise<ParsedDocument> {
  const format = options.format ?? formatOf(file)
  const text = file === '-' ? await session.io.readStdin() : readText(resolve(session.io.cwd, file), file)
  const name = file === '-' ? 'standard input' : file
  if (format === 'yaml') return parseYamlDocument(text, name, keptByYaml(snapshot))
  return parseCsvTable(text, options.table ?? tableOf(text, file), name, keptByCsv(snapshot))
}

function formatOf(file: string): Format {
  const extension = extname(file).toLowerCase()
  if (extension === '.csv') return 'csv'
  if (['.yaml', '.yml', '.json'].includes(extension)) return 'yaml'
  return misuse(`${file}: give --format yaml or --format csv, or a file that ends in .yaml, .yml, .json or .csv`)
}

function readText(path: string, file: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    return fail(
      `${file}: ${(error as NodeJS.ErrnoException).code === 'ENOENT' ? 'no such file' : describeError(error)}`,
    )
  }
}

/** A document says what a row is; only what the next boot does is left as it is unless the document says that too. */
function keptByYaml(snapshot: Snapshot): Base {
  return (table, key) => {
    const machine = table === 'machines' ? snapshot.machines.get(key) : undefined
    return machine === undefined ? {} : { boot: machine.boot }
  }
}

/** A CSV file says nothing of the columns that it doesn't have. */
function keptByCsv(snapshot: Snapshot): Base {
  return (table, key) => {
    const row = rowOf(snapshot, table, key)
    return row === null ? {} : encodeRow(row)
  }
}

/** By its name (machines.csv), else by its columns when they fit one table only. */
function tableOf(text: string, file: string): TableName {
  const stem = basename(file, extname(file)).toLowerCase()
  const named = tableNames.find((table) => table === stem)
  if (named !== undefined) return named
  const [header = []] = parseCsv(text, { to_line: 1, bom: true, relax_column_count: true, columns: false })
  const fitting = tableNames.filter((table) => {
    const columns = Object.keys(tables[table].schema.shape)
    return tables[table].key.every((key) => header.includes(key)) && header.every((column) => columns.includes(column))
  })
  const [table] = fitting
  if (table !== undefined && fitting.length === 1) return table
  return misuse(
    `${file}: its columns (${header.join(', ')}) fit ${fitting.length === 0 ? 'no table' : fitting.join(' and ')}; say which it is with --table ${tableNames.join('|')}`,
  )
}

function givenTwice(rows: readonly DocumentRow[]): readonly string[] {
  const seen = new Set<string>()
  const twice = new Set<string>()
  for (const { table, key } of rows) (seen.has(`${table} ${key}`) ? twice : seen).add(`${table} ${key}`)
  return [...twice].map((row) => `${row}: given twice; keep one of them`)
}

function report(session: Session, review: Review, { dryRun = false, json }: Options): void {
  const counted = tableNames
    .map((table) => {
      const diffs = review.diffs.filter((diff) => diff.table === table)
      const added = diffs.filter(({ before }) => before === null).length
      return {
        table,
        added,
        changed: diffs.length - added,
        unchanged: review.unchanged.filter((edit) => edit.table === table).length,
      }
    })
    .filter(({ added, changed, unchanged }) => added + changed + unchanged > 0)
  if (json === true) return session.printJson({ dryRun, tables: counted, withheld: review.broken })
  if (dryRun && review.diffs.length > 0) session.print(`${describeDiffs(review.diffs)}\n`)
  session.print(
    alignColumns(
      ['table', 'added', 'changed', 'unchanged'],
      counted.map((row) => Object.values(row).map(String)),
    ),
  )
  if (dryRun) session.note('dry run: nothing was changed')
  noteBroken(session, review, dryRun)
  noteUnarmed(session, review)
}

/** A file can't arm: without a token the machine boots its disk, and the person who wrote `install` should know. */
function noteUnarmed(session: Session, { diffs, candidate }: Review): void {
  const unarmed = diffs.filter(
    ({ table, key, after }) =>
      table === 'machines' && after?.['boot'] === 'install' && candidate.tokens.get(key) === undefined,
  )
  if (unarmed.length === 0) return
  session.note(
    `boot is install for ${foldNames(unarmed.map(({ key }) => key))}, but a file arms no install: bootstead machine install does`,
  )
}
