// `bootstead import`: documents into the inventory, all of them or nothing.
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { Option } from 'commander'
import type { Command } from 'commander'
import type { ParsedDocument } from '../inventory/document.ts'
import type { TableName } from '../inventory/rows.ts'
import { tableNames } from '../inventory/rows.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import { fail, misuse } from './failure.ts'
import { describeError } from '../manage/failure.ts'
import type { ImportFormat } from '../manage/import.ts'
import { csvTableOf, editsOfRows, formatOf, givenTwice, readDocument } from '../manage/import.ts'
import { foldNames } from '../manage/names.ts'
import { writeEdits } from './apply.ts'
import { describeDiffs, noteBroken } from './report.ts'
import type { Review } from '../manage/review.ts'
import type { Session } from './session.ts'
import { alignColumns } from './table.ts'

type Options = Readonly<{ table?: TableName; format?: ImportFormat; dryRun?: boolean; force?: boolean; json?: boolean }>

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
  for (const file of files) documents.push(await readFile(session, snapshot, file, options))
  const rows = documents.flatMap((document) => document.rows)
  const errors = [...documents.flatMap((document) => document.errors), ...givenTwice(rows)]
  if (errors.length > 0) fail('nothing was imported:', ...errors)
  report(session, await writeEdits(session, snapshot, editsOfRows(rows), options), options)
}

async function readFile(session: Session, snapshot: Snapshot, file: string, options: Options): Promise<ParsedDocument> {
  const format = options.format ?? formatOf(file) ?? misuseFormat(file)
  const text = file === '-' ? await session.io.readStdin() : readText(resolve(session.io.cwd, file), file)
  const table = format === 'yaml' ? null : (options.table ?? tableOf(text, file))
  return readDocument(snapshot, { text, name: file === '-' ? 'standard input' : file, table })
}

const misuseFormat = (file: string): never =>
  misuse(`${file}: give --format yaml or --format csv, or a file that ends in .yaml, .yml, .json or .csv`)

function readText(path: string, file: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    return fail(
      `${file}: ${(error as NodeJS.ErrnoException).code === 'ENOENT' ? 'no such file' : describeError(error)}`,
    )
  }
}

function tableOf(text: string, file: string): TableName {
  const found = csvTableOf(text, file)
  if (found.ok) return found.table
  const { columns, fitting } = found
  return misuse(
    `${file}: its columns (${columns.join(', ')}) fit ${fitting.length === 0 ? 'no table' : fitting.join(' and ')}; say which it is with --table ${tableNames.join('|')}`,
  )
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
