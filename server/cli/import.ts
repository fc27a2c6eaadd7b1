// `bootstead import`: documents into the inventory, all of them or nothing.
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { Option } from 'commander'
import type { Command } from 'commander'
import type { TableName } from '../inventory/rows.ts'
import { tableNames } from '../inventory/rows.ts'
import type { Document, Imported } from '../manage/documents.ts'
import { fail, misuse } from './failure.ts'
import { describeError } from '../manage/failure.ts'
import type { ImportFormat } from '../manage/import.ts'
import { csvTableOf, formatOf } from '../manage/import.ts'
import { foldNames } from '../manage/names.ts'
import { changeOptions, told } from './apply.ts'
import { describeStories, noteWithheld } from './report.ts'
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
  const documents: Document[] = []
  for (const file of files) documents.push(await readFile(session, file, options))
  report(session, told(await session.site().import(documents, changeOptions(options))), options)
}

async function readFile(session: Session, file: string, options: Options): Promise<Document> {
  const format = options.format ?? formatOf(file) ?? misuseFormat(file)
  const text = file === '-' ? await session.io.readStdin() : readText(resolve(session.io.cwd, file), file)
  const table = format === 'yaml' ? null : (options.table ?? tableOf(text, file))
  return { text, name: file === '-' ? 'standard input' : file, table }
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

function report(session: Session, imported: Imported, { json }: Options): void {
  const { dryRun, tables, stories, withheld, unarmed } = imported
  if (json === true) return session.printJson({ dryRun, tables, withheld })
  if (stories.length > 0) session.print(`${describeStories(stories)}\n`)
  session.print(
    alignColumns(
      ['table', 'added', 'changed', 'unchanged'],
      tables.map((row) => Object.values(row).map(String)),
    ),
  )
  if (dryRun) session.note('dry run: nothing was changed')
  noteWithheld(session, withheld, dryRun)
  // Without a token the machine boots its disk, and the person who wrote `install` should know.
  if (unarmed.length > 0)
    session.note(
      `boot is install for ${foldNames(unarmed)}, but a file arms no install: bootstead machine install does`,
    )
}
