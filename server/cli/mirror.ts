// `bootstead mirror`: the site's views copied into the inventory, once or for as long as it runs.
import type { Command } from 'commander'
import { Option } from 'commander'
import type { TableName } from '../inventory/rows.ts'
import { tableNames } from '../inventory/rows.ts'
import type { MirrorReport } from '../inventory/store/mirror.ts'
import { complaintsOf, countRefused, mirrorViews } from '../inventory/store/mirror.ts'
import { readMarks, releaseTables } from '../inventory/store/mirrored.ts'
import type { Store } from '../inventory/store/open.ts'
import type { Views } from '../inventory/store/views.ts'
import { openMirror } from '../serve/mirror.ts'
import { fail, misuse } from './failure.ts'
import { describeError } from '../manage/failure.ts'
import { openLog } from './serve.ts'
import type { Session } from './session.ts'
import { alignColumns, count } from './table.ts'

type Options = Readonly<{
  full?: boolean
  acceptRemovals?: boolean
  follow?: boolean
  release?: readonly TableName[]
  json?: boolean
}>

export function registerMirror(program: Command, session: Session): void {
  program
    .command('mirror')
    .description("copy the rows of the site's own views into the inventory; serve does so all the time")
    .option('--full', 'compare every row, also those that seem to be as they were')
    .option('--accept-removals', 'remove what the views no longer have, be it most of a table')
    .option('--follow', 'go on until SIGINT or SIGTERM: where no server runs')
    .addOption(
      new Option('--release <table...>', "make these tables Bootstead's own again; their rows stay").choices(
        tableNames,
      ),
    )
    .option('--json', 'as JSON')
    .action((options: Options) => mirror(session, options))
}

async function mirror(session: Session, options: Options): Promise<void> {
  const store = await session.store()
  if (options.release !== undefined) return release(session, store, options.release)
  const views =
    session.views() ?? misuse('no views are configured; name their schema with --views or in bootstead.yaml')
  if (options.follow === true) return follow(session, store, views)
  const report = await pass(store, views, options)
  const refused = await Promise.all(report.views.map(({ table }) => countRefused(store, table)))
  if (options.json === true)
    session.printJson(report.views.map((view, index) => ({ ...view, refused: refused[index] ?? 0 })))
  else
    session.print(
      alignColumns(
        ['view', 'rows', 'added', 'changed', 'removed', 'refused'],
        report.views.map(({ view, rows, added, changed, removed }, index) =>
          [view, rows, added, changed, removed, refused[index] ?? 0].map(String),
        ),
      ),
    )
  if (refused.some((rows) => rows > 0)) session.note('bootstead check names the rows that were refused, and why')
  const complaints = complaintsOf(report)
  if (complaints.length > 0) fail(...complaints)
}

async function pass(store: Store, views: Views, { full, acceptRemovals }: Options): Promise<MirrorReport> {
  const options = { full: full === true, acceptRemovals: acceptRemovals === true, patienceSeconds: 60 }
  const report = await mirrorViews(store, views, options).catch((error: unknown) =>
    fail(`the views ${views.label} can't be copied: ${describeError(error)}`),
  )
  return report ?? fail('another process has been copying the views for a minute; try again')
}

async function follow(session: Session, store: Store, views: Views): Promise<void> {
  const mirror = await openMirror({
    ...{ store, views, intervalMs: session.config().viewsInterval * 1000, log: openLog(session) },
    onCopied: () => Promise.resolve(),
  })
  await session.io.stoppable((stop) => new Promise<void>((resolve) => stop.addEventListener('abort', () => resolve())))
  await mirror.close()
}

async function release(session: Session, store: Store, released: readonly TableName[]): Promise<void> {
  const marks = await readMarks(store.db)
  const unknown = released.filter((table) => !marks.has(table))
  if (unknown.length > 0) fail(`${unknown.join(', ')}: not copied from a view; nothing was changed`)
  await releaseTables(store.db, released)
  session.print(`${count(released.length, 'table')} released: ${released.join(', ')}`)
  if (session.config().views !== null)
    session.note(
      'while there is a view of this name, the next look copies it again: drop it, or take views out of the configuration',
    )
}
