// `bootstead export`: the inventory as YAML or CSV; importing it again changes nothing.
import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { extname, join, resolve } from 'node:path'
import { Option } from 'commander'
import type { Command } from 'commander'
import { renderCsvTable, renderYamlDocument } from '../inventory/document.ts'
import type { TableName } from '../inventory/rows.ts'
import { tableNames } from '../inventory/rows.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import { emptySnapshot, rowsOf } from '../inventory/snapshot.ts'
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
      const snapshot = await session.loadSnapshot()
      exportSnapshot(session, snapshot, options)
      const lost = [...snapshot.unreadable.values()].flat().length
      if (lost > 0)
        fail(
          `${count(lost, 'row')} can't be read and ${lost === 1 ? 'is' : 'are'} not in the export; bootstead check shows why`,
        )
    })
}

function exportSnapshot(session: Session, snapshot: Snapshot, options: Options): void {
  const out = options.out === undefined ? null : resolve(session.io.cwd, options.out)
  const format = options.format ?? (out !== null && extname(out) === '.csv' ? 'csv' : 'yaml')
  if (format === 'yaml') return write(session, out, renderYamlDocument(onlyTable(snapshot, options.table)))
  if (options.table !== undefined) return write(session, out, renderCsvTable(snapshot, options.table))
  if (out === null || extname(out) === '.csv')
    misuse('CSV holds one table: name it with --table, or give --out FOLDER for all of them')
  for (const table of tableNames)
    if (rowsOf(snapshot, table).length > 0) write(session, join(out, `${table}.csv`), renderCsvTable(snapshot, table))
}

/** In YAML, interfaces are under their machines and have no table of their own. */
function onlyTable(snapshot: Snapshot, table: TableName | undefined): Snapshot {
  if (table === undefined) return snapshot
  if (table === 'interfaces') misuse('YAML has interfaces under their machines: give --table machines, or --format csv')
  const { revision, interfaces } = snapshot
  return { ...emptySnapshot, revision, [table]: snapshot[table], ...(table === 'machines' ? { interfaces } : {}) }
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
