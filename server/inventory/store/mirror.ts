// The site's views copied into our own tables: rows that differ, in one transaction, so that a change of another
// program is a change of ours like any other. What is written follows from the views and our tables alone: any number
// of processes may do it, and what one missed the next makes good.
import type { Kysely } from 'kysely'
import { sql } from 'kysely'
import type { StoredRow } from '../encode.ts'
import type { TableName } from '../rows.ts'
import { refusalOf, rowKey, tables } from '../rows.ts'
import type { JudgedRow, ViewRow } from '../views.ts'
import { bucketOf, buckets, isSame, viewJudge } from '../views.ts'
import type { Mark } from './mirrored.ts'
import { readMarks, readMirroredRevision, writeMark, writeMirroredRevision } from './mirrored.ts'
import type { Store, StoreSchema } from './open.ts'
import { readRevision, readRows } from './read.ts'
import { deleteRow, putRows, transact } from './record.ts'
import type { Movement, Sums, View, Views, ViewsReader } from './views.ts'
import { inOneMoment, readBuckets, readMovement, readSums, readViews } from './views.ts'

/** What became of one view in one pass. */
type ViewReport = Readonly<{
  table: TableName
  /** `farm_views.machines` */
  view: string
  /** In the view. */
  rows: number
  added: number
  changed: number
  removed: number
  /** Rows of ours that the view no longer has, kept because they are too many to go unasked. */
  held: number
  /** Why the view can't be read; its rows stay as they were copied last. */
  broken: string | null
}>

export type MirrorReport = Readonly<{
  views: readonly ViewReport[]
  /** Of the views that have an `updated_at`, as of this pass. */
  movements: ReadonlyMap<TableName, Movement>
}>

type Options = Readonly<{
  /** Compares every row, also those that seem to be as they were. */
  full?: boolean
  /** Removes whatever the views no longer have, be it everything. */
  acceptRemovals?: boolean
  /** How long to wait for another process that is at it. */
  patienceSeconds?: number
}>

/** Null when another process is at it. @throws when a database can't be reached */
export async function mirrorViews(store: Store, views: Views, options: Options = {}): Promise<MirrorReport | null> {
  return alone(store, options.patienceSeconds ?? 0, async () => {
    const marks = await readMarks(store.db)
    const revision = await readRevision(store)
    const touched = await touchedBuckets(store, views, marks, options.full === true)
    const looks = await inOneMoment(views, async (reader) => {
      const looked: Look[] = []
      for (const view of await readViews(reader))
        looked.push(await lookAt({ store, views, reader, view, mark: marks.get(view.table) ?? null, touched, options }))
      return looked
    })
    await write(store, views, looks, revision)
    const gone = [...marks].filter(([table]) => !looks.some((look) => look.report.table === table))
    return {
      views: [...looks.map(({ report }) => report), ...gone.map(([table, mark]) => goneView(table, mark))],
      movements: new Map(
        looks.flatMap(({ report, movement }) => (movement === null ? [] : [[report.table, movement]])),
      ),
    }
  })
}

/** Whether anything keeps our tables from being what the views are. */
export const complaintsOf = ({ views }: MirrorReport): readonly string[] =>
  views.flatMap(({ view, table, broken, held }) => [
    ...(broken === null ? [] : [`${view}: ${broken}`]),
    ...(held === 0
      ? []
      : [
          `${view}: ${held} rows of ${table} are no longer in the view, too many to remove unasked; they are served on until: bootstead mirror --accept-removals`,
        ]),
  ])

const goneView = (table: TableName, { view }: Mark): ViewReport => ({
  ...nothing(table, view),
  broken: `there is no such view any more, or no right to read it; bootstead mirror --release ${table} makes the rows Bootstead's own`,
})

const nothing = (table: TableName, view: string): ViewReport => ({
  ...{ table, view, rows: 0, added: 0, changed: 0, removed: 0, held: 0, broken: null },
})

/** Galera keeps a lock on its own node only; two at once are then put right by whoever looks next. */
async function alone<T>(store: Store, patienceSeconds: number, body: () => Promise<T>): Promise<T | null> {
  if (store.flavour === 'sqlite') return body()
  const name = sql`CONCAT('bootstead mirror ', LEFT(SHA1(DATABASE()), 16))`
  return store.db.connection().execute(async (connection) => {
    const { rows } = await sql<{ had: number | null }>`SELECT GET_LOCK(${name}, ${patienceSeconds}) AS had`.execute(
      connection,
    )
    if (rows[0]?.had !== 1) return null
    try {
      return await body()
    } finally {
      await sql`SELECT RELEASE_LOCK(${name})`.execute(connection).catch(() => undefined) // gone with its connection
    }
  })
}

type Touched = ReadonlyMap<TableName, ReadonlySet<number>> | 'all'

/** Changes of our tables looked at in one pass. */
const mostChanges = 20_000

/**
 * The buckets of mirrored rows that somebody wrote since the last pass: others, and copies, of which another process may
 * have made one at the same time. After more changes of others everything is compared, after a larger copy only theirs.
 */
async function touchedBuckets(
  store: Store,
  views: Views,
  marks: ReadonlyMap<TableName, Mark>,
  full: boolean,
): Promise<Touched> {
  if (full) return 'all'
  const since = await readMirroredRevision(store.db)
  const written = async (by: '=' | '<>') =>
    store.db
      .selectFrom('changes')
      .select(['table_name', 'row_key'])
      .where('id', '>', since)
      .where('who', by, copier(views))
      .orderBy('id')
      .limit(mostChanges)
      .execute()
  const [others, copies] = [await written('<>'), await written('=')]
  if (others.length === mostChanges) return 'all'
  const touched = new Map<TableName, Set<number>>([...marks.keys()].map((table) => [table, new Set()]))
  for (const { table_name, row_key } of [...others, ...(copies.length < mostChanges ? copies : [])])
    touched.get(table_name as TableName)?.add(bucketOf(row_key))
  return touched
}

/** Who the history says it was. */
const copier = ({ schema }: Views): string => `view:${schema}`

type Look = Readonly<{
  report: ViewReport
  movement: Movement | null
  /** Null when nothing is to be noted. */
  mark: Mark | null
  puts: readonly JudgedRow[]
  removals: readonly string[]
}>

type Subject = Readonly<{
  store: Store
  views: Views
  reader: ViewsReader
  view: View
  mark: Mark | null
  touched: Touched
  options: Options
}>

async function lookAt(subject: Subject): Promise<Look> {
  const { views, view } = subject
  const name = `${views.schema}.${view.table}`
  const missing = tables[view.table].key.filter((column) => !view.columns.includes(column))
  if (missing.length > 0)
    return brokenLook(view.table, name, `it has no column ${missing.join(', ')}, which is the key`)
  try {
    return await compare(subject, name)
  } catch (error) {
    if (isOfTheView(error)) return brokenLook(view.table, name, error.message)
    throw error
  }
}

const brokenLook = (table: TableName, name: string, broken: string): Look => ({
  ...{ report: { ...nothing(table, name), broken }, movement: null, mark: null, puts: [], removals: [] },
})

/** The server answered, and said no: a dropped column, a definer that is gone, a right that was taken away. */
function isOfTheView(error: unknown): error is Error {
  if (!(error instanceof Error) || !('errno' in error) || ('fatal' in error && error.fatal === true)) return false
  const errno = Number(error.errno)
  return errno >= 1000 && errno < 2000 && !connectionErrors.has(errno)
}

/** ER_SERVER_SHUTDOWN, ER_QUERY_INTERRUPTED, ER_CONNECTION_KILLED: nothing that the view is to blame for. */
const connectionErrors: ReadonlySet<number> = new Set([1053, 1317, 1927])

async function compare(subject: Subject, name: string): Promise<Look> {
  const { store, reader, view, mark, touched, options } = subject
  const { table } = view
  const movement = view.isDated ? await readMovement(reader, table) : null
  const sums = await readSums(reader, view)
  const wanted = differingBuckets(view, mark, sums, touched === 'all' ? 'all' : (touched.get(table) ?? new Set()))
  const { puts, added, seen } = await readDifferences(subject, wanted)
  const gone = wanted.length === 0 ? [] : await keysNotSeen(store, table, new Set(wanted), seen)
  const isHeld = options.acceptRemovals !== true && (await areTooMany(store, table, gone.length, mark === null))
  const rows = [...sums.values()].reduce((total, sum) => total + Number(sum.split(':')[0]), 0)
  const report: ViewReport = {
    ...{ table, view: name, rows, added, changed: puts.length - added },
    ...{ removed: isHeld ? 0 : gone.length, held: isHeld ? gone.length : 0, broken: null },
  }
  const noted: Mark = {
    view: name,
    columns: view.columns,
    binary: [...view.binary],
    // What is held back is looked at again in the next pass.
    sums: isHeld ? new Map([...sums, ...wanted.map((bucket) => [bucket, heldBack] as const)]) : sums,
  }
  const isNew = mark === null || mark.view !== name || !isSameView(view, mark) || !areSameSums(mark.sums, noted.sums)
  return { report, movement, mark: isNew ? noted : null, puts, removals: isHeld ? [] : gone }
}

const isSameView = (view: View, mark: Mark): boolean =>
  view.columns.join() === mark.columns.join() && [...view.binary].join() === mark.binary.join()

const areSameSums = (a: Sums, b: Sums): boolean =>
  a.size === b.size && [...a].every(([bucket, sum]) => b.get(bucket) === sum)

/** Other than any sum, also than the none of an empty bucket. */
const heldBack = 'held back'

const everyBucket: readonly number[] = Array.from({ length: buckets }, (_, bucket) => bucket)

function differingBuckets(
  view: View,
  mark: Mark | null,
  sums: Sums,
  touched: ReadonlySet<number> | 'all',
): readonly number[] {
  if (mark === null || touched === 'all' || !isSameView(view, mark)) return everyBucket
  return everyBucket.filter((bucket) => touched.has(bucket) || sums.get(bucket) !== mark.sums.get(bucket))
}

/** Buckets read by one query: an eighth of the view. */
const bucketsPerQuery = buckets / 8
/** Rows judged between two chances for a server to answer something else. */
const rowsPerSlice = 500

type Differences = Readonly<{ puts: readonly JudgedRow[]; added: number; seen: ReadonlySet<string> }>

async function readDifferences({ store, reader, view }: Subject, wanted: readonly number[]): Promise<Differences> {
  const puts: JudgedRow[] = []
  const seen = new Set<string>()
  let added = 0
  const judge = viewJudge(view.table, view.columns)
  for (let from = 0; from < wanted.length; from += bucketsPerQuery) {
    const rows = await readBuckets(reader, view, wanted.slice(from, from + bucketsPerQuery))
    for (const slice of slicesOf(rows)) {
      const judged = judge(slice)
      for (const { key, raw } of await readRows(store, view.table, [...judged.keys()])) {
        const row = judged.get(key)
        seen.add(key)
        if (row === undefined || (raw !== null && isAsJudged(row, raw))) continue
        puts.push(row)
        if (raw === null) added++
      }
    }
  }
  return { puts, added, seen }
}

const isAsJudged = ({ row, refused }: JudgedRow, raw: Readonly<Record<string, unknown>>): boolean =>
  isSame(row, raw) && refused === (raw['refused'] ?? null)

/** Rows of one key are of one bucket, so whole buckets are judged together. */
function* slicesOf(rows: readonly ViewRow[]): Generator<readonly ViewRow[]> {
  const sorted = [...rows].sort((a, b) => a.bucket - b.bucket)
  let slice: ViewRow[] = []
  for (const [index, row] of sorted.entries()) {
    if (slice.length >= rowsPerSlice && row.bucket !== sorted[index - 1]?.bucket) {
      yield slice
      slice = []
    }
    slice.push(row)
  }
  if (slice.length > 0) yield slice
}

/** Keys of ours in those buckets that the view no longer has. */
async function keysNotSeen(
  store: Store,
  table: TableName,
  wanted: ReadonlySet<number>,
  seen: ReadonlySet<string>,
): Promise<readonly string[]> {
  const keys = sql.join(tables[table].key.map((column) => sql.ref(column)))
  const some = sql.join([...wanted].map((bucket) => sql.lit(bucket)))
  // SQLite has no CRC32: there all keys are read, and they are near.
  const where =
    store.flavour === 'mysql' && wanted.size < buckets
      ? sql`WHERE CRC32(CONCAT_WS('/', ${keys})) % ${sql.lit(buckets)} IN (${some}) OR refused IS NOT NULL`
      : sql``
  const { rows } = await sql<StoredRow>`SELECT ${keys}, refused FROM ${sql.table(table)} ${where}`.execute(store.db)
  return rows.flatMap((row) => {
    const key = rowKey(table, row)
    return wanted.has(refusalOf(row)?.bucket ?? bucketOf(key)) && !seen.has(key) ? [key] : []
  })
}

/** A table that lost so few rows is believed. */
const fewRows = 10

/** Somebody truncated a table, or a grant shows nothing: a farm is not forgotten in one go, nor when it is first read. */
async function areTooMany(store: Store, table: TableName, gone: number, isFirst: boolean): Promise<boolean> {
  if (gone === 0 || isFirst) return gone > 0
  if (gone <= fewRows) return false
  const { rows } = await sql<{ n: number }>`SELECT COUNT(*) AS n FROM ${sql.table(table)}`.execute(store.db)
  return gone * 2 > (rows[0]?.n ?? 0)
}

async function write(store: Store, views: Views, looks: readonly Look[], revision: number): Promise<void> {
  if (looks.some(({ puts, removals }) => puts.length + removals.length > 0))
    return transact(store, copier(views), async (trx) => {
      for (const { report, puts, removals } of looks) {
        const { table } = report
        const sound = puts.filter(({ refused }) => refused === null)
        await putRows(
          trx,
          table,
          sound.map(({ row }) => ({ ...row, refused: null })),
        )
        await putRows(
          trx,
          table,
          puts.filter(({ refused }) => refused !== null).map(({ row, refused }) => ({ ...row, refused })),
        )
        for (const key of removals) await deleteRow(trx, table, key)
      }
      await writeMarks(trx, looks, revision)
    })
  if (looks.some(({ mark }) => mark !== null) || (await readMirroredRevision(store.db)) !== revision)
    await writeMarks(store.db, looks, revision)
}

/** Our own writes come after `revision`: the next pass looks at them again, and finds whoever wrote in between. */
async function writeMarks(db: Kysely<StoreSchema>, looks: readonly Look[], revision: number): Promise<void> {
  for (const { report, mark } of looks) if (mark !== null) await writeMark(db, report.table, mark)
  await writeMirroredRevision(db, revision)
}

/** How many rows of a table could not be copied. */
export async function countRefused(store: Store, table: TableName): Promise<number> {
  const { rows } = await sql<{ n: number }>`
    SELECT COUNT(*) AS n FROM ${sql.table(table)} WHERE refused IS NOT NULL`.execute(store.db)
  return rows[0]?.n ?? 0
}
