// What stands in the way of the site's views: each thing with why it matters and the statements that mend it.
import type { Kysely } from 'kysely'
import { sql } from 'kysely'
import type { TableName } from '../rows.ts'
import { tableNames, tables } from '../rows.ts'
import type { Snapshot } from '../snapshot.ts'
import type { Complaint } from './doctor.ts'
import { covers, quoted, quotedText, readGrants } from './doctor.ts'
import type { Views } from './views.ts'

type Column = Readonly<{ view: string; name: string; type: string }>
type Found = Readonly<{ table: TableName; columns: readonly Column[] }>
/** The statement of each view, as an administrator may read it; empty when nobody gave us one. */
type Definitions = ReadonlyMap<string, string>

export async function examineViews(
  views: Views,
  admin: Kysely<unknown> | null,
  snapshot: Snapshot | null,
): Promise<readonly Complaint[]> {
  const definitions = admin === null ? new Map<string, string>() : await readDefinitions(admin, views.schema)
  const found = await findViews(views)
  const complaints: Complaint[] = [...(await userComplaints(views)), ...noViews(views, found)]
  for (const view of found) {
    const trouble = await tryReading(views, view, definitions)
    if (trouble !== null) complaints.push(trouble)
    else
      complaints.push(...columnComplaints(views, view, snapshot), ...(await dateComplaints(views, view, definitions)))
  }
  return complaints
}

async function readDefinitions(admin: Kysely<unknown>, schema: string): Promise<Definitions> {
  const { rows } = await sql<{ name: string; definition: string }>`
    SELECT table_name AS name, view_definition AS definition FROM information_schema.views
    WHERE table_schema = ${schema}`.execute(admin)
  return new Map(rows.map(({ name, definition }) => [name, definition]))
}

async function findViews(views: Views): Promise<readonly Found[]> {
  const { rows: names } = await sql<{ name: string }>`
    SELECT table_name AS name FROM information_schema.tables
    WHERE table_schema = DATABASE() AND table_name IN (${sql.join(tableNames)})`.execute(views.db)
  const { rows } = await sql<Column>`
    SELECT table_name AS view, column_name AS name, column_type AS type FROM information_schema.columns
    WHERE table_schema = DATABASE() AND table_name IN (${sql.join(tableNames)}) ORDER BY ordinal_position`.execute(
    views.db,
  )
  return tableNames
    .filter((table) => names.some(({ name }) => name === table))
    .map((table) => ({ table, columns: rows.filter(({ view }) => view === table) }))
}

const noViews = ({ schema, label }: Views, found: readonly Found[]): readonly Complaint[] =>
  found.length > 0
    ? []
    : [
        {
          severity: 'mend',
          about: label,
          what: `there is no view ${tableNames.join(', ')} in ${schema} that this user may read`,
          why: 'nothing is copied; docs/existing-database.md shows the views of a farm',
          sql: [`GRANT SELECT ON ${quoted(schema)}.* TO CURRENT_USER; -- the user of ${label}`],
        },
      ]

/** Reading is all that this user is for. */
const harmless: ReadonlySet<string> = new Set(['SELECT', 'SHOW VIEW', 'USAGE'])

async function userComplaints(views: Views): Promise<readonly Complaint[]> {
  const grants = await readGrants(views.db)
  return grants.flatMap(({ privileges, scope, account }): readonly Complaint[] => {
    const beyond = privileges.filter((privilege) => !harmless.has(privilege))
    if (beyond.length === 0) return []
    const again = covers(scope, views.schema) && beyond.some((privilege) => privilege.startsWith('ALL'))
    return [
      {
        severity: 'advice',
        about: account,
        what: `it may do more than read: ${beyond.join(', ')} on ${scope}`,
        why: "Bootstead writes nothing of the site's; with SELECT alone the database sees to that too",
        sql: [
          `REVOKE ${beyond.join(', ')} ON ${scope} FROM ${account};`,
          ...(again ? [`GRANT SELECT ON ${quoted(views.schema)}.* TO ${account};`] : []),
        ],
      },
    ]
  })
}

async function tryReading(views: Views, { table }: Found, definitions: Definitions): Promise<Complaint | null> {
  const about = `${views.schema}.${table}`
  try {
    await sql`SELECT 1 FROM ${sql.table(table)} LIMIT 1`.execute(views.db)
    return null
  } catch (error) {
    if (!(error instanceof Error) || !('errno' in error)) throw error
    const why = 'its rows stay as they were copied last'
    const definer = await readDefiner(views, table)
    if (definer !== null && definerErrors.has(Number(error.errno)))
      return {
        ...{ severity: 'mend', about, why },
        what: `${definer}, in whose name it reads, does not exist any more or may not read (${error.message})`,
        sql: [
          `CREATE USER IF NOT EXISTS ${definer} ACCOUNT LOCK;`,
          ...schemasOf(definitions.get(table)).map((schema) => `GRANT SELECT ON ${schema}.* TO ${definer};`),
        ],
      }
    return {
      ...{ severity: 'mend', about, what: `it can't be read: ${error.message}`, why },
      sql: [
        `SHOW CREATE VIEW ${quoted(views.schema)}.${quoted(table)}; -- says what is gone; CREATE OR REPLACE VIEW mends it`,
      ],
    }
  }
}

/** ER_ACCESS_DENIED_ERROR, ER_NO_SUCH_USER: a view reads with the rights of its definer; MariaDB tells few that it is gone. */
const definerErrors: ReadonlySet<number> = new Set([1045, 1449])

async function readDefiner(views: Views, table: TableName): Promise<string | null> {
  const { rows } = await sql<{ definer: string }>`
    SELECT definer AS definer FROM information_schema.views
    WHERE table_schema = DATABASE() AND table_name = ${table}`.execute(views.db)
  const [, user, host] = /^(.*)@([^@]*)$/.exec(rows[0]?.definer ?? '') ?? []
  return user === undefined || host === undefined ? null : `${quotedText(user)}@${quotedText(host)}`
}

/** The schemas that a view reads; all of them when its statement can't be seen. */
function schemasOf(definition: string | undefined): readonly string[] {
  const names = [...(definition ?? '').matchAll(/(?:from|join) \(*(`[^`]+`)\.`[^`]+`/gi)].map(([, name = '']) => name)
  return names.length === 0 ? ['*'] : [...new Set(names)]
}

const addressColumns: ReadonlySet<string> = new Set(['ip', 'gateway', 'next_server', 'relay'])

/** A column of another type as the text that ours is. */
const conversions: readonly Readonly<{
  columns: (name: string) => boolean
  type: RegExp
  expression: (column: string) => string
  why: string
}>[] = [
  {
    columns: (name) => name === 'mac',
    type: /int/i,
    expression: (column) => `LPAD(HEX(${column}), 12, '0')`,
    why: 'a MAC is text here: twelve hex digits, with colons, dashes or nothing between',
  },
  {
    columns: (name) => name === 'mac',
    type: /binary/i,
    expression: (column) => `HEX(${column})`,
    why: 'a MAC is text here: twelve hex digits, with colons, dashes or nothing between',
  },
  {
    columns: (name) => addressColumns.has(name),
    type: /int/i,
    expression: (column) => `INET_NTOA(${column})`,
    why: 'an address is text here: 192.0.2.10',
  },
  {
    columns: (name) => addressColumns.has(name) || name === 'ip6',
    type: /binary/i,
    expression: (column) => `INET6_NTOA(${column})`,
    why: 'an address is text here: 192.0.2.10',
  },
]

/** What other inventories call our columns. */
const otherNames: Readonly<Record<string, string>> = {
  ...{ host: 'hostname', host_name: 'hostname', node: 'hostname', fqdn: 'hostname', machine_name: 'hostname' },
  ...{ memory: 'memory_mib', memory_mb: 'memory_mib', ram: 'memory_mib', ram_mb: 'memory_mib' },
  ...{ cores: 'vcpus', cpu_count: 'vcpus', hypervisor_host: 'dom0', vdisks: 'vdisk', comment: 'notes' },
  ...{
    mac_address: 'mac',
    hwaddr: 'mac',
    ip_address: 'ip',
    ipaddr: 'ip',
    ipv6: 'ip6',
    subnet: 'network',
    architecture: 'arch',
  },
  ...{ modified: 'updated_at', last_modified: 'updated_at', changed_at: 'updated_at', mtime: 'updated_at' },
}

function columnComplaints(views: Views, { table, columns }: Found, snapshot: Snapshot | null): readonly Complaint[] {
  const known = [...Object.keys(tables[table].schema.shape), 'updated_at']
  const given = new Set(columns.map(({ name }) => name.toLowerCase()))
  const complaints: Omit<Complaint, 'about' | 'sql'>[] = []
  const rewritten = new Map<string, Readonly<{ expression: string; name: string }>>()
  for (const { name, type } of columns) {
    const column = name.toLowerCase()
    if (!known.includes(column)) {
      const near = nearest(
        column,
        known.filter((one) => !given.has(one)),
      )
      const isKey = near !== null && (tables[table].key as readonly string[]).includes(near)
      complaints.push({
        severity: isKey ? 'mend' : 'advice',
        what: `${name} is no column of ours${near === null ? '' : `; perhaps it is ${near}`}`,
        why: isKey ? 'it is the key: without it nothing is copied' : 'it is not read',
      })
      if (near !== null) rewritten.set(name, { expression: quoted(name), name: near })
      continue
    }
    const conversion = conversions.find((one) => one.columns(column) && one.type.test(type))
    if (conversion !== undefined) {
      complaints.push({ severity: 'mend', what: `${name} is ${type}`, why: conversion.why })
      rewritten.set(name, { expression: conversion.expression(quoted(name)), name: column })
    }
    const spellings = otherSpellings(snapshot, table, column)
    if (spellings.size > 0) {
      const pairs = [...spellings].map(([wrong, right]) => `${wrong} for ${right}`).join(', ')
      complaints.push({
        severity: 'mend',
        what: `${name} names rows in other capitals: ${pairs}`,
        why: "the site's collation takes them for the same; here they are not, and the machines are withheld",
      })
      const cases = [...spellings].map(([wrong, right]) => `WHEN ${quotedText(wrong)} THEN ${quotedText(right)}`)
      rewritten.set(name, {
        expression: `CASE ${quoted(name)} ${cases.join(' ')} ELSE ${quoted(name)} END`,
        name: column,
      })
    }
  }
  if (table === 'machines' && given.has('boot'))
    complaints.push({
      severity: 'advice',
      what: 'its column boot is not read',
      why: 'an install needs the token that arming makes: bootstead install; leave the column out',
    })
  const keys = tables[table].key.filter(
    (key) => !given.has(key) && ![...rewritten.values()].some((one) => one.name === key),
  )
  for (const key of keys)
    complaints.push({
      severity: 'mend',
      what: `it has no column ${key}`,
      why: 'it is the key: without it nothing is copied',
    })
  const statements = rewritten.size === 0 ? [] : rewrite(views.schema, table, columns, rewritten)
  // One statement mends all columns of a view, so it stands under the first complaint that needs it.
  return complaints.map((complaint, index) => ({
    ...complaint,
    about: `${views.schema}.${table}`,
    sql: index === 0 ? statements : [],
  }))
}

/** Under its own name a view that gives our columns, over the one that there is: its statement need not be known. */
function rewrite(
  schema: string,
  table: TableName,
  columns: readonly Column[],
  rewritten: ReadonlyMap<string, Readonly<{ expression: string; name: string }>>,
): readonly string[] {
  const [view, inner] = [table, `${table}_of_the_site`].map((name) => `${quoted(schema)}.${quoted(name)}`)
  const list = columns.map(({ name }) => {
    const one = rewritten.get(name)
    return one === undefined ? quoted(name) : `${one.expression} AS ${quoted(one.name)}`
  })
  return [`RENAME TABLE ${view} TO ${inner};`, `CREATE VIEW ${view} AS SELECT ${list.join(', ')} FROM ${inner};`]
}

const references: Readonly<Record<string, (snapshot: Snapshot) => Iterable<string>>> = {
  profile: (snapshot) => snapshot.profiles.keys(),
  network: (snapshot) => snapshot.networks.keys(),
  image: (snapshot) => snapshot.images.keys(),
}

/** Names that rows of the table give in other capitals than the row that they mean. */
function otherSpellings(snapshot: Snapshot | null, table: TableName, column: string): ReadonlyMap<string, string> {
  const names = references[column]
  if (snapshot === null || names === undefined) return new Map()
  const byLower = new Map([...names(snapshot)].map((name) => [name.toLowerCase(), name]))
  const used = new Set<string | null>(
    table === 'interfaces'
      ? [...snapshot.interfaces.values()].flat().map(({ network }) => network)
      : table === 'machines'
        ? [...snapshot.machines.values()].map(({ profile }) => profile)
        : table === 'profiles'
          ? [...snapshot.profiles.values()].map(({ image }) => image)
          : [],
  )
  const exact = new Set(byLower.values())
  return new Map(
    [...used].flatMap((name): readonly (readonly [string, string])[] => {
      const meant = name === null || exact.has(name) ? undefined : byLower.get(name.toLowerCase())
      return name === null || meant === undefined ? [] : [[name, meant]]
    }),
  )
}

function nearest(name: string, candidates: readonly string[]): string | null {
  const known = otherNames[name]
  if (known !== undefined && candidates.includes(known)) return known
  const [best] = candidates
    .map((candidate) => ({ candidate, distance: editDistance(name, candidate) }))
    .sort((a, b) => a.distance - b.distance)
  return best !== undefined && best.distance <= Math.max(1, Math.floor(name.length / 4)) ? best.candidate : null
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (const [i, letter] of Array.from(a).entries()) {
    const next = [i + 1]
    for (const [j, other] of Array.from(b).entries())
      next.push(Math.min((next[j] ?? 0) + 1, (row[j + 1] ?? 0) + 1, (row[j] ?? 0) + (letter === other ? 0 : 1)))
    row = next
  }
  return row.at(-1) ?? 0
}

/** Below so many rows a scan costs nothing. */
const manyRows = 1000

async function dateComplaints(
  views: Views,
  { table, columns }: Found,
  definitions: Definitions,
): Promise<readonly Complaint[]> {
  const about = `${views.schema}.${table}`
  const dated = columns.find(({ name }) => name.toLowerCase() === 'updated_at')
  if (dated === undefined || !/^(datetime|timestamp)/i.test(dated.type))
    return [
      {
        severity: 'advice',
        about,
        what:
          dated === undefined
            ? 'it has no updated_at'
            : `its updated_at is ${dated.type}, and no DATETIME or TIMESTAMP`,
        why: 'its changes are seen when it is next compared (views_interval), not within two seconds',
        sql: [],
      },
    ]
  const base = baseColumn(definitions.get(table))
  return [...(await clockComplaint(views, table, about, base)), ...(await indexComplaint(views, table, about, base))]
}

type BaseColumn = Readonly<{ table: string; column: string }>

/** Where `updated_at` comes from: ``select … `r`.`changed` AS `updated_at` … from `farm`.`hosts` `r` …``. */
function baseColumn(definition: string | undefined): BaseColumn | null {
  const [, alias = '', column = ''] = /`([^`]+)`\.`([^`]+)` AS `updated_at`/i.exec(definition ?? '') ?? []
  const tablesRead = [...(definition ?? '').matchAll(/(`[^`]+`\.`([^`]+)`)(?: `([^`]+)`)?(?= |\)|$)/g)]
  const read = tablesRead.find(([, , name, short]) => (short ?? name) === alias)
  return read?.[1] === undefined || column === '' ? null : { table: read[1], column: quoted(column) }
}

async function clockComplaint(
  views: Views,
  table: TableName,
  about: string,
  base: BaseColumn | null,
): Promise<readonly Complaint[]> {
  const { rows } = await sql<{ ahead: number | null; newest: string | null }>`
    SELECT TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(), MAX(updated_at)) AS ahead, CAST(MAX(updated_at) AS CHAR) AS newest
    FROM ${sql.table(table)}`.execute(views.db)
  const { ahead = null, newest = null } = rows[0] ?? {}
  if (ahead === null || ahead < 90) return []
  return [
    {
      severity: 'advice',
      about,
      what: `its newest updated_at, ${newest ?? ''}, is ${ahead} seconds in the future`,
      why: 'it is a DATETIME in local time, or a mistyped date: when clocks go back, an hour of changes is seen at the next comparison only',
      sql:
        base === null
          ? []
          : [
              `ALTER TABLE ${base.table} MODIFY ${base.column} TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP;`,
            ],
    },
  ]
}

/** Asked of the server's own counters: EXPLAIN would need rights on the tables below the view. */
async function indexComplaint(
  views: Views,
  table: TableName,
  about: string,
  base: BaseColumn | null,
): Promise<readonly Complaint[]> {
  const scanned = await views.db.connection().execute(async (connection) => {
    const readSoFar = async (): Promise<number> => {
      const { rows } = await sql<{ Value: string }>`SHOW SESSION STATUS LIKE 'Handler_read_rnd_next'`.execute(
        connection,
      )
      return Number(rows[0]?.Value ?? 0)
    }
    const before = await readSoFar()
    await sql`SELECT updated_at FROM ${sql.table(table)} WHERE updated_at > UTC_TIMESTAMP() + INTERVAL 1 YEAR`.execute(
      connection,
    )
    return (await readSoFar()) - before
  })
  if (scanned < manyRows) return []
  return [
    {
      severity: 'advice',
      about,
      what: 'its updated_at has no index',
      why: `every look for changes, twice a second, reads ${scanned} rows`,
      sql: base === null ? [] : [`CREATE INDEX bootstead_updated_at ON ${base.table} (${base.column});`],
    },
  ]
}
