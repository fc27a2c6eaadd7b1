// `bootstead export`: the inventory as YAML or CSV; importing it again changes nothing.
import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { extname, join, resolve } from 'node:path'
import { Option } from 'commander'
import type { Command } from 'commander'
import type { TableName } from '../inventory/rows.ts'
import { tableNames } from '../inventory/rows.ts'
import { fail, misuse } from './failure.ts'
import { describeError } from '../manage/failure.ts'
import type { Session } from './session.ts'
import { count } from './table.ts'

type Options = Readonly<{ format?: 'yaml' | 'csv'; table?: TableName; out?: string }>

export function registerExport(program: Command, session: Session): void {
  program
    .command('export')
    .description('write the inventory as YAML or CSV')
    .addOption(new Option('--format <format>', 'else the extension of --out tells; else yaml').choices(['yaml', 'csv']))
    .addOption(new Option('--table <table>', 'this table only').choices(tableNames))
    .option('--out <path>', 'a file, or for CSV without --table a folder that gets one file for each table')
    .action(async (options: Options) => {
      const unreadable = await exportInventory(session, options)
      if (unreadable > 0)
        fail(
          `${count(unreadable, 'row')} can't be read and ${unreadable === 1 ? 'is' : 'are'} not in the export; bootstead check shows why`,
        )
    })
}

/** @returns how many rows are not in it */
async function exportInventory(session: Session, options: Options): Promise<number> {
  const out = options.out === undefined ? null : resolve(session.io.cwd, options.out)
  const isCsvFile = out !== null && extname(out) === '.csv'
  const format = options.format ?? (isCsvFile ? 'csv' : 'yaml')
  const isFolder = format === 'csv' && options.table === undefined
  if (isFolder && (out === null || isCsvFile))
    misuse('CSV holds one table: name it with --table, or give --out FOLDER for all of them')
  const { documents, unreadable } = await session.site().export({ format, table: options.table ?? null })
  for (const { name, text } of documents) write(session, isFolder && out !== null ? join(out, name) : out, text)
  return unreadable
}

/** A file that is there is replaced as a whole, or not at all. */
function write(session: Session, path: string | null, text: string): void {
  if (path === null) return session.io.out(text)
  try {
    mkdirSync(resolve(path, '..'), { recursive: true })
    writeFileSync(`${path}.new`, text, { mode: 0o600 }) // it may hold password hashes
    renameSync(`${path}.new`, path)
  } catch (error) {
    fail(`write ${path}: ${describeError(error)}`)
  }
  session.note(`wrote ${path}`)
}
