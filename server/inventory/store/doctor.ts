// What stands in the way of our own database: each thing with why it matters and the statements that mend it.
import { sql } from 'kysely'
import type { Kysely } from 'kysely'
import { tableNames } from '../rows.ts'
import { inventoryTriggers } from './migrations.ts'
import type { Store } from './open.ts'

export type Complaint = Readonly<{
  /** `mend`: something doesn't work, or won't; `advice`: it works, and could be better. */
  severity: 'mend' | 'advice'
  /** A database user, a view, a table, a server. */
  about: string
  what: string
  why: string
  /** For an administrator of the database, in this order; none when it is not for SQL to mend. */
  sql: readonly string[]
}>

type Grant = Readonly<{ privileges: readonly string[]; scope: string; account: string }>

/** `GRANT SELECT, INSERT ON `farm`.* TO `user`@`host` …` as MySQL and MariaDB show it. */
export async function readGrants<T>(db: Kysely<T>): Promise<readonly Grant[]> {
  const { rows } = await sql<Readonly<Record<string, string>>>`SHOW GRANTS`.execute(db)
  return rows.flatMap((row): readonly Grant[] => {
    const text = Object.values(row)[0] ?? ''
    const [, list = '', scope = '', account = ''] = /^GRANT (.+) ON (\S+) TO ((?:`[^`]*`|'[^']*')@\S+)/.exec(text) ?? []
    const privileges = list
      .replaceAll(/\([^)]*\)/g, '')
      .split(',')
      .map((privilege) => privilege.trim().toUpperCase())
    return account === '' || privileges.includes('PROXY') ? [] : [{ privileges, scope, account }]
  })
}

export const quoted = (name: string): string => `\`${name.replaceAll('`', '``')}\``
export const quotedText = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`

/** Whether a grant's scope is the whole server or that database, whose name may have its _ and % escaped. */
export function covers(scope: string, database: string): boolean {
  const [schema = '', object = ''] = scope.replaceAll('`', '').split('.')
  return object === '*' && (schema === '*' || schema.replaceAll('\\', '') === database)
}

export async function examineStore(store: Store): Promise<readonly Complaint[]> {
  return store.flavour === 'sqlite' ? examineSqlite(store) : examineMysql(store)
}

async function examineSqlite(store: Store): Promise<readonly Complaint[]> {
  const { rows } = await sql<{ quick_check: string }>`PRAGMA quick_check(5)`.execute(store.db)
  const faults = rows.map((row) => row.quick_check).filter((text) => text !== 'ok')
  const { rows: found } = await sql<{ name: string }>`SELECT name FROM sqlite_master WHERE type = 'trigger'`.execute(
    store.db,
  )
  const broken: Complaint = {
    severity: 'mend',
    about: store.label,
    what: `the file is damaged: ${faults.join('; ')}`,
    why: 'rows may be lost or wrong; restore the last backup',
    sql: [],
  }
  return [
    ...(faults.length > 0 ? [broken] : []),
    ...missingTriggers(
      store,
      found.map(({ name }) => name),
      await hasTables(store),
    ),
  ]
}

const neededPrivileges = [
  ...['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'CREATE', 'ALTER', 'INDEX', 'DROP', 'TRIGGER', 'REFERENCES'],
]

type Server = Readonly<{
  schema: string
  version: string
  readOnly: number
  packet: number
  mode: string
  logBin: number
  trust: number
}>

async function examineMysql(store: Store): Promise<readonly Complaint[]> {
  const { rows } = await sql<Server>`SELECT DATABASE() AS \`schema\`, VERSION() AS version, @@read_only AS readOnly,
    @@max_allowed_packet AS packet, @@sql_mode AS mode, @@log_bin AS logBin,
    @@log_bin_trust_function_creators AS trust`.execute(store.db)
  const [server] = rows
  if (server === undefined) throw new Error(`${store.label}: the server says nothing of itself`)
  const grants = await readGrants(store.db)
  const { rows: triggers } = await sql<{ name: string }>`
    SELECT trigger_name AS name FROM information_schema.triggers WHERE trigger_schema = DATABASE()`.execute(store.db)
  const maySee = granted(grants, server.schema).has('TRIGGER') // or there seem to be none
  return [
    ...privilegeComplaints(store, server, grants),
    ...serverComplaints(store, server, grants),
    ...(await collationComplaints(store, server.schema)),
    ...missingTriggers(
      store,
      triggers.map(({ name }) => name),
      maySee && (await hasTables(store)),
    ),
  ]
}

function granted(grants: readonly Grant[], schema: string): ReadonlySet<string> {
  const own = grants.filter(({ scope }) => covers(scope, schema)).flatMap(({ privileges }) => privileges)
  return new Set(own.includes('ALL PRIVILEGES') || own.includes('ALL') ? [...neededPrivileges, 'SUPER'] : own)
}

function privilegeComplaints(store: Store, { schema }: Server, grants: readonly Grant[]): readonly Complaint[] {
  const had = granted(grants, schema)
  const missing = neededPrivileges.filter((privilege) => !had.has(privilege))
  if (missing.length === 0) return []
  const account = grants[0]?.account ?? 'CURRENT_USER'
  return [
    {
      severity: 'mend',
      about: `${account} on ${store.label}`,
      what: `it has no ${missing.join(', ')} on ${schema}`,
      why: "the user of Bootstead's own schema makes its tables and triggers, and writes them",
      sql: [`GRANT ${missing.join(', ')} ON ${quoted(schema)}.* TO ${account};`],
    },
  ]
}

const smallestPacket = 16 * 1024 * 1024

function serverComplaints(store: Store, server: Server, grants: readonly Grant[]): readonly Complaint[] {
  const about = store.label
  const isSuper = grants.some(({ scope, privileges }) => scope === '*.*' && /SUPER|ALL PRIV/.test(privileges.join()))
  const checks: readonly (Complaint & Readonly<{ holds: boolean }>)[] = [
    {
      holds: server.readOnly !== 0,
      ...{ severity: 'mend', about, what: 'the server is read only' },
      why: 'it is a replica, or somebody stopped writing: arming and reports need the server that takes writes',
      sql: ['SET GLOBAL read_only = OFF; -- on a replica: name its primary as inventory instead'],
    },
    {
      holds: server.logBin === 1 && server.trust === 0 && !isSuper,
      ...{ severity: 'mend', about, what: 'binary logging is on, and log_bin_trust_function_creators is off' },
      why: 'the migrations make triggers, which the server refuses then',
      sql: ['SET GLOBAL log_bin_trust_function_creators = 1; -- and in the configuration file, for the next start'],
    },
    {
      holds: server.packet < smallestPacket,
      ...{ severity: 'advice', about, what: `max_allowed_packet is ${server.packet} bytes` },
      why: 'rows and consoles are written many at a time',
      sql: [`SET GLOBAL max_allowed_packet = ${smallestPacket};`],
    },
    {
      holds: !/STRICT_(TRANS|ALL)_TABLES/.test(server.mode),
      ...{ severity: 'advice', about, what: 'sql_mode has no STRICT_TRANS_TABLES' },
      why: 'a value that does not fit its column is cut without a word, by whichever program writes it',
      sql: ["SET GLOBAL sql_mode = CONCAT_WS(',', NULLIF(@@GLOBAL.sql_mode, ''), 'STRICT_TRANS_TABLES');"],
    },
  ]
  return checks.flatMap(({ holds, ...complaint }) => (holds ? [complaint] : []))
}

const runtimeTables = [
  ...['tokens', 'events', 'changes', 'consoles', 'mirrored'],
  ...['users', 'api_tokens', 'sessions', 'invitations', 'audit', 'idempotency', 'servers'],
]

async function collationComplaints(store: Store, schema: string): Promise<readonly Complaint[]> {
  const { rows } = await sql<{ name: string; collation: string }>`
    SELECT table_name AS name, table_collation AS collation FROM information_schema.tables
    WHERE table_schema = DATABASE() AND table_name IN (${sql.join([...tableNames, ...runtimeTables])})
      AND table_collation <> 'utf8mb4_bin' ORDER BY table_name`.execute(store.db)
  return rows.map(({ name, collation }) => ({
    severity: 'mend',
    about: `${schema}.${name}`,
    what: `its collation is ${collation}`,
    why: 'to it, two keys that differ in capitals or accents are one; ours are utf8mb4_bin',
    sql: [`ALTER TABLE ${quoted(schema)}.${quoted(name)} CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;`],
  }))
}

/** Whether the migrations have run. */
export async function hasTables(store: Store): Promise<boolean> {
  const tables = await store.db.introspection.getTables()
  return tables.some(({ name }) => name === 'mirrored')
}

function missingTriggers(store: Store, found: readonly string[], isMigrated: boolean): readonly Complaint[] {
  const present = new Set(found)
  const missing = [...inventoryTriggers(store.flavour)].filter(([name]) => !present.has(name))
  if (!isMigrated || missing.length === 0) return []
  return [
    {
      severity: 'mend',
      about: store.label,
      what: `triggers are missing: ${missing.map(([name]) => name).join(', ')}`,
      why: 'changes of the inventory are then seen by nobody; a dump that was made without its triggers loses them',
      sql: ['DELIMITER //', ...missing.map(([, statement]) => `${statement} //`), 'DELIMITER ;'],
    },
  ]
}
