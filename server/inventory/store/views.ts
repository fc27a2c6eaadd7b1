// The site's own views, read only: which there are, what they give, and what of them differs from the last look.
import type { Kysely, RawBuilder } from 'kysely'
import { Kysely as Database, MysqlDialect, sql } from 'kysely'
import type { PoolConnection } from 'mysql2'
import type { TableName } from '../rows.ts'
import { tableNames, tables } from '../rows.ts'
import type { ViewRow } from '../views.ts'
import { buckets, hostnameColumns, viewColumnsOf } from '../views.ts'
import { InventoryAddressError, openPool, parseUrl, withoutPassword } from './open.ts'

export type Views = Readonly<{
  db: Kysely<unknown>
  /** The schema that the views are in. */
  schema: string
  /** Where it is, without its password. */
  label: string
}>

/** One view: those of our columns that it has, and how each is compared. */
export type View = Readonly<{
  table: TableName
  columns: readonly string[]
  /** By column: whether it holds bytes rather than text. */
  binary: ReadonlySet<string>
  /** Whether it has an `updated_at` that can be followed. */
  isDated: boolean
}>

/** One consistent picture of the views: a connection inside a read-only transaction. */
export type ViewsReader = Kysely<unknown>

/** The checksum of each bucket of a view. */
export type Sums = ReadonlyMap<number, string>

/** What shows at little cost that rows came, went or changed. */
export type Movement = Readonly<{ rows: number; newest: string | null }>

/** @throws InventoryAddressError when the address is none of MySQL's */
export function openViews(address: string): Views {
  if (!/^(mysql|mariadb):\/\//.test(address))
    throw new InventoryAddressError(
      `${withoutPassword(address)}: views are read from MySQL or MariaDB; expected mysql://USER:PASSWORD@HOST:PORT/DATABASE`,
    )
  const pool = openPool(address)
  pool.on('connection', prepare)
  return {
    db: new Database<unknown>({ dialect: new MysqlDialect({ pool }) }),
    schema: decodeURIComponent(parseUrl(address).pathname.slice(1)),
    label: withoutPassword(address),
  }
}

export async function closeViews(views: Views): Promise<void> {
  await views.db.destroy()
}

/** Times in UTC whatever the server's zone; and no statement of ours could write if its user might. */
function prepare(connection: PoolConnection): void {
  for (const statement of ["SET SESSION time_zone = '+00:00', sql_mode = ''", 'SET SESSION TRANSACTION READ ONLY'])
    connection.query(statement, () => undefined) // the first look tells what is wrong with the connection
}

/** Reads all views as they are at one moment, so that a machine and its interface arrive together. */
export async function inOneMoment<T>(views: Views, body: (reader: ViewsReader) => Promise<T>): Promise<T> {
  return views.db.connection().execute(async (reader) => {
    await sql`START TRANSACTION WITH CONSISTENT SNAPSHOT`.execute(reader)
    try {
      return await body(reader)
    } finally {
      await sql`ROLLBACK`.execute(reader).catch(() => undefined) // a connection that broke has no transaction
    }
  })
}

type ColumnRow = Readonly<{ table_name: string; column_name: string; data_type: string }>

const binaryTypes: ReadonlySet<string> = new Set([
  ...['binary', 'varbinary', 'tinyblob', 'blob', 'mediumblob', 'longblob', 'bit'],
])

/** The views of our names that this user may read. */
export async function readViews(reader: ViewsReader): Promise<readonly View[]> {
  const { rows } = await sql<ColumnRow>`
    SELECT table_name AS table_name, column_name AS column_name, data_type AS data_type
    FROM information_schema.columns
    WHERE table_schema = DATABASE() AND table_name IN (${sql.join(tableNames)})`.execute(reader)
  return tableNames.flatMap((table): readonly View[] => {
    const types = new Map(
      rows
        .filter((row) => row.table_name === table)
        .map((row) => [row.column_name.toLowerCase(), row.data_type.toLowerCase()]),
    )
    if (types.size === 0) return []
    const columns = viewColumnsOf(table).filter((column) => types.has(column))
    return [
      {
        table,
        columns,
        binary: new Set(columns.filter((column) => binaryTypes.has(types.get(column) ?? ''))),
        isDated: ['datetime', 'timestamp'].includes(types.get('updated_at') ?? ''),
      },
    ]
  })
}

/** The key of a row as `rowKey` would write it: host names in lower case, no spaces around. */
function keySql(table: TableName): RawBuilder<string> {
  const parts = tables[table].key.map((column) => {
    const text = sql`TRIM(CONVERT(${sql.ref(column)} USING utf8mb4))`
    return sql`COALESCE(${hostnameColumns.has(column) ? sql`LOWER(${text})` : text}, '')`
  })
  return sql`CONCAT_WS('/', ${sql.join(parts)})`
}

const bucketSql = (table: TableName): RawBuilder<number> => sql`CRC32(${keySql(table)}) % ${sql.lit(buckets)}`

/** A row as one text in which NULL, '' and a comma inside a value are told apart, whatever the columns' character sets. */
function rowSql({ columns, binary }: View): RawBuilder<string> {
  const parts = columns.map((column) =>
    binary.has(column) ? sql`QUOTE(HEX(${sql.ref(column)}))` : sql`QUOTE(CONVERT(${sql.ref(column)} USING utf8mb4))`,
  )
  return sql`CONCAT_WS(',', ${sql.join(parts)})`
}

/** A sum and not an exclusive or: two equal rows would cancel each other out. */
export async function readSums(reader: ViewsReader, view: View): Promise<Sums> {
  const { rows } = await sql<Readonly<{ bucket: number; n: number; total: string }>>`
    SELECT ${bucketSql(view.table)} AS bucket, COUNT(*) AS n,
      CAST(SUM(CAST(CONV(LEFT(SHA1(${rowSql(view)}), 12), 16, 10) AS UNSIGNED)) AS CHAR) AS total
    FROM ${sql.table(view.table)} GROUP BY bucket`.execute(reader)
  return new Map(rows.map(({ bucket, n, total }) => [bucket, `${n}:${total}`]))
}

/** The rows of those buckets; of all when `wanted` is null. */
export async function readBuckets(
  reader: ViewsReader,
  { table, columns }: View,
  wanted: readonly number[],
): Promise<readonly ViewRow[]> {
  const bucket = bucketSql(table)
  const { rows } = await sql<Readonly<Record<string, unknown>>>`
    SELECT ${bucket} AS ${sql.ref(bucketColumn)}, ${sql.join(columns.map((column) => sql.ref(column)))}
    FROM ${sql.table(table)} WHERE ${bucket} IN (${sql.join(wanted.map((one) => sql.lit(one)))})`.execute(reader)
  return rows.map(({ [bucketColumn]: own, ...values }) => ({
    bucket: Number(own),
    columns: Object.fromEntries(Object.entries(values).map(([column, value]) => [column, asText(value)])),
  }))
}

/** No view has a column of this name. */
const bucketColumn = '(bucket)'

/** Bytes as what they mean: a bit is a number, text is text, and anything else is shown in hex. */
function asText(value: unknown): unknown {
  if (!Buffer.isBuffer(value)) return value
  if (value.length === 1 && (value[0] ?? 2) <= 1) return value[0]
  const text = value.toString('utf8')
  return /\p{Cc}|\uFFFD/u.test(text) ? `0x${value.toString('hex')}` : text
}

/** A date in the far future is somebody's typing error and would stand before all later ones; a zone's offset is not. */
export async function readMovement(reader: ViewsReader, table: TableName): Promise<Movement> {
  const { rows } = await sql<Readonly<{ n: number; newest: string | null }>>`
    SELECT COUNT(*) AS n,
      CAST(MAX(CASE WHEN updated_at < UTC_TIMESTAMP() + INTERVAL 1 DAY THEN updated_at END) AS CHAR) AS newest
    FROM ${sql.table(table)}`.execute(reader)
  return { rows: rows[0]?.n ?? 0, newest: rows[0]?.newest ?? null }
}
