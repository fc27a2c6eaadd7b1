// Numbered migrations, the same for both databases; only types and triggers are spelt for each.
import type { Kysely, Migration } from 'kysely'
import { Migrator, sql } from 'kysely'
import type { Flavour, Store } from './open.ts'

type ColumnType = 'key' | 'path' | 'text' | 'long' | 'integer'
type TableShape = Readonly<{ key: readonly string[]; columns: Readonly<Record<string, ColumnType>> }>

/** The inventory's tables as migration 1 makes them. Frozen: a later change is a later migration. */
const inventory1: Readonly<Record<string, TableShape>> = {
  site: { key: ['name'], columns: { name: 'key', value: 'long' } },
  networks: {
    key: ['name'],
    columns: {
      name: 'key',
      cidr: 'text',
      gateway: 'text',
      dns: 'text',
      domain: 'text',
      ntp: 'text',
      next_server: 'text',
      mtu: 'integer',
      vlan: 'integer',
      relay: 'text',
    },
  },
  images: {
    key: ['name'],
    columns: {
      name: 'key',
      arch: 'text',
      kernel: 'text',
      initrd: 'text',
      xen: 'text',
      tree_url: 'long',
      sha256: 'long',
    },
  },
  profiles: {
    key: ['name'],
    columns: {
      name: 'key',
      parent: 'text',
      family: 'text',
      version: 'text',
      arch: 'text',
      template: 'text',
      image: 'text',
      hypervisor: 'text',
      guest_type: 'text',
      kernel_args: 'long',
      repositories: 'long',
      params: 'long',
    },
  },
  machines: {
    key: ['hostname'],
    columns: {
      hostname: 'key',
      domain: 'text',
      uuid: 'text',
      profile: 'text',
      dom0: 'text',
      vdisk: 'long',
      vcpus: 'integer',
      cpus: 'text',
      memory_mib: 'integer',
      arch: 'text',
      boot: 'text',
      disk: 'text',
      serial_console: 'text',
      params: 'long',
      notes: 'long',
    },
  },
  interfaces: {
    key: ['machine', 'name'],
    columns: {
      machine: 'key',
      name: 'key',
      mac: 'text',
      ip: 'text',
      network: 'text',
      bridge: 'text',
      vlan: 'integer',
      boot: 'integer',
    },
  },
}

const tokens1: TableShape = {
  key: ['machine', 'id'],
  columns: {
    machine: 'key',
    id: 'key',
    purpose: 'text',
    secret: 'text',
    created_at: 'text',
    expires_at: 'text',
    used_at: 'text',
  },
}

const typeNames: Readonly<Record<Flavour, Readonly<Record<ColumnType, string>>>> = {
  mysql: {
    key: 'varchar(64) NOT NULL',
    path: 'varchar(255) NOT NULL',
    text: 'varchar(255)',
    long: 'mediumtext',
    integer: 'int',
  },
  sqlite: { key: 'text NOT NULL', path: 'text NOT NULL', text: 'text', long: 'text', integer: 'integer' },
}

/** Now, in UTC, as every time in the store is written. */
export const nowSql: Readonly<Record<Flavour, string>> = {
  mysql: "CONCAT(LEFT(DATE_FORMAT(UTC_TIMESTAMP(3), '%Y-%m-%dT%H:%i:%s.%f'), 23), 'Z')",
  sqlite: "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')",
}

/** Who wrote: what our own transactions say, else the database user that ran the statement. */
const whoSql: Readonly<Record<Flavour, string>> = {
  mysql: "COALESCE(@bootstead_who, CONCAT('sql:', USER()))",
  sqlite: "'sql'",
}

const createTable = (
  flavour: Flavour,
  name: string,
  { key, columns }: TableShape,
  extra: readonly string[] = [],
): string => {
  const lines = Object.entries(columns).map(([column, type]) => `\`${column}\` ${typeNames[flavour][type]}`)
  const primary = `PRIMARY KEY (${key.map((column) => `\`${column}\``).join(', ')})`
  const body = [...lines, ...extra, primary].join(', ')
  return `CREATE TABLE \`${name}\` (${body})${flavour === 'mysql' ? ' ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin' : ''}`
}

const serial: Readonly<Record<Flavour, string>> = {
  mysql: 'bigint NOT NULL AUTO_INCREMENT PRIMARY KEY',
  sqlite: 'integer PRIMARY KEY AUTOINCREMENT',
}

function createLogs(flavour: Flavour): readonly string[] {
  const long = flavour === 'mysql' ? 'mediumtext' : 'text'
  const short = flavour === 'mysql' ? 'varchar(255)' : 'text'
  const engine = flavour === 'mysql' ? ' ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin' : ''
  return [
    `CREATE TABLE \`changes\` (\`id\` ${serial[flavour]}, \`at\` ${short} NOT NULL, \`who\` ${short} NOT NULL, \`table_name\` ${short} NOT NULL, \`row_key\` ${short} NOT NULL, \`before\` ${long}, \`after\` ${long})${engine}`,
    `CREATE TABLE \`events\` (\`id\` ${serial[flavour]}, \`machine\` ${short} NOT NULL, \`at\` ${short} NOT NULL, \`stage\` ${short} NOT NULL, \`detail\` ${long}, \`progress\` integer, \`door\` ${short} NOT NULL, \`peer\` ${short})${engine}`,
    'CREATE INDEX `events_by_machine` ON `events` (`machine`, `at`, `id`)',
    'CREATE INDEX `changes_by_row` ON `changes` (`table_name`, `row_key`, `id`)',
  ]
}

const without = (columns: readonly string[], column: string): readonly string[] =>
  columns.filter((one) => one !== column)

type Verb = 'INSERT' | 'UPDATE' | 'DELETE'

/** A trigger that writes one `changes` row: it is what makes a statement from any program part of the history. */
function changeTrigger(
  flavour: Flavour,
  table: string,
  shape: TableShape,
  shown: readonly string[],
  verb: Verb,
): string {
  const pairs = (side: 'OLD' | 'NEW', columns: readonly string[]): string =>
    `json_object(${columns.map((column) => `'${column}', ${side}.\`${column}\``).join(', ')})`
  /** `refused` stands in an image only when it is given: to everybody else it is no column. */
  const image = (side: 'OLD' | 'NEW'): string =>
    shown.includes('refused')
      ? `CASE WHEN ${side}.\`refused\` IS NULL THEN ${pairs(side, without(shown, 'refused'))} ELSE ${pairs(side, shown)} END`
      : pairs(side, shown)
  const keyOf = (side: 'OLD' | 'NEW'): string => {
    const parts = shape.key.map((column) => `${side}.\`${column}\``)
    return flavour === 'mysql' ? `CONCAT(${parts.join(", '/', ")})` : parts.join(" || '/' || ")
  }
  const insert = (key: string, before: string, after: string): string =>
    `INSERT INTO \`changes\` (\`at\`, \`who\`, \`table_name\`, \`row_key\`, \`before\`, \`after\`) VALUES (${nowSql[flavour]}, ${whoSql[flavour]}, '${table}', ${key}, ${before}, ${after});`
  const name = `${table}_${verb.toLowerCase()}_is_a_change`
  const head = `CREATE TRIGGER \`${name}\` AFTER ${verb} ON \`${table}\` FOR EACH ROW`
  if (verb === 'INSERT') return `${head} BEGIN ${insert(keyOf('NEW'), 'NULL', image('NEW'))} END`
  if (verb === 'DELETE') return `${head} BEGIN ${insert(keyOf('OLD'), image('OLD'), 'NULL')} END`
  const columns = Object.keys(shape.columns)
  const isRenamed = `${keyOf('OLD')} <> ${keyOf('NEW')}`
  const renamed = insert(keyOf('OLD'), image('OLD'), 'NULL') + ' ' + insert(keyOf('NEW'), 'NULL', image('NEW'))
  const changed = insert(keyOf('NEW'), image('OLD'), image('NEW'))
  if (flavour === 'mysql') {
    const same = columns.map((column) => `OLD.\`${column}\` <=> NEW.\`${column}\``).join(' AND ')
    return `${head} BEGIN IF ${isRenamed} THEN ${renamed} ELSEIF NOT (${same}) THEN ${changed} END IF; END`
  }
  const before = `CASE WHEN ${isRenamed} THEN NULL ELSE ${image('OLD')} END`
  const differs = columns.map((column) => `OLD.\`${column}\` IS NOT NEW.\`${column}\``).join(' OR ')
  // SQLite has no IF in a trigger: a rename's first half is an INSERT … SELECT with a condition.
  const disappeared = insert(keyOf('OLD'), image('OLD'), 'NULL').replace(
    /VALUES \((.*)\);$/,
    `SELECT $1 WHERE ${isRenamed};`,
  )
  return `${head} WHEN ${differs} BEGIN ${disappeared} ${insert(keyOf('NEW'), before, image('NEW'))} END`
}

/** `updated_at` is kept by the database, so that it holds for statements of any program. */
function timestampTriggers(flavour: Flavour, table: string, shape: TableShape): readonly string[] {
  if (flavour === 'mysql')
    return ['INSERT', 'UPDATE'].map(
      (verb) =>
        `CREATE TRIGGER \`${table}_${verb.toLowerCase()}_updated_at\` BEFORE ${verb} ON \`${table}\` FOR EACH ROW SET NEW.\`updated_at\` = ${nowSql.mysql}`,
    )
  const same = shape.key.map((column) => `\`${column}\` = NEW.\`${column}\``).join(' AND ')
  return ['INSERT', 'UPDATE'].map((verb) => {
    const columns =
      verb === 'UPDATE'
        ? ` OF ${Object.keys(shape.columns)
            .map((column) => `\`${column}\``)
            .join(', ')}`
        : ''
    return `CREATE TRIGGER \`${table}_${verb.toLowerCase()}_updated_at\` AFTER ${verb}${columns} ON \`${table}\` FOR EACH ROW BEGIN UPDATE \`${table}\` SET \`updated_at\` = ${nowSql.sqlite} WHERE ${same}; END`
  })
}

async function run(db: Kysely<unknown>, statements: readonly string[]): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
}

/**
 * MySQL commits every DDL statement by itself, so a migration that fails half-way leaves its half. What an
 * administrator most often withholds is tried first, on a table of its own.
 */
async function tryTriggers(db: Kysely<unknown>): Promise<void> {
  const probe = 'bootstead_probe'
  await run(db, [`DROP TABLE IF EXISTS \`${probe}\``, `CREATE TABLE \`${probe}\` (\`id\` int)`])
  try {
    await run(db, [`CREATE TRIGGER \`${probe}\` BEFORE INSERT ON \`${probe}\` FOR EACH ROW SET NEW.\`id\` = 1`])
  } finally {
    await run(db, [`DROP TABLE \`${probe}\``])
  }
}

async function createInventory(db: Kysely<unknown>, flavour: Flavour): Promise<void> {
  if (flavour === 'mysql') await tryTriggers(db)
  await run(db, createLogs(flavour))
  const stamp = flavour === 'mysql' ? '`updated_at` varchar(24)' : '`updated_at` text'
  for (const [table, shape] of Object.entries(inventory1)) {
    await run(db, [createTable(flavour, table, shape, [stamp])])
    await run(db, timestampTriggers(flavour, table, shape))
    await run(
      db,
      (['INSERT', 'UPDATE', 'DELETE'] as const).map((verb) =>
        changeTrigger(flavour, table, shape, Object.keys(shape.columns), verb),
      ),
    )
  }
  const withoutSecret = Object.keys(tokens1.columns).filter((column) => column !== 'secret')
  await run(db, [createTable(flavour, 'tokens', tokens1)])
  await run(
    db,
    (['INSERT', 'UPDATE', 'DELETE'] as const).map((verb) =>
      changeTrigger(flavour, 'tokens', tokens1, withoutSecret, verb),
    ),
  )
  await run(db, [
    'CREATE INDEX `interfaces_by_mac` ON `interfaces` (`mac`)',
    'CREATE INDEX `machines_by_dom0` ON `machines` (`dom0`)',
  ])
}

/** Not followed: a console changes every few seconds, and nothing that is served depends on it. */
const consoles2: TableShape = { key: ['machine'], columns: { machine: 'key', at: 'text', tail: 'long' } }

/** What each view of the site was when it was last read, so that the next look reads only what differs. */
const mirrored3: TableShape = { key: ['name'], columns: { name: 'key', state: 'long' } }

/** Rows of a site's views stand in our tables: each has room for why its view's row could not be copied. */
async function mirrorViews(db: Kysely<unknown>, flavour: Flavour): Promise<void> {
  await run(db, [createTable(flavour, 'mirrored', mirrored3)])
  for (const [table, { key, columns }] of Object.entries(inventory1)) {
    await run(db, [`ALTER TABLE \`${table}\` ADD COLUMN \`refused\` ${typeNames[flavour].long}`])
    const shape: TableShape = { key, columns: { ...columns, refused: 'long' } }
    for (const verb of ['INSERT', 'UPDATE', 'DELETE'] as const)
      await run(db, [
        `DROP TRIGGER \`${table}_${verb.toLowerCase()}_is_a_change\``,
        changeTrigger(flavour, table, shape, Object.keys(shape.columns), verb),
      ])
  }
}

/** People and programs, beside the inventory: none of it is followed, exported or part of the history. */
const accounts4: Readonly<Record<string, TableShape>> = {
  users: {
    key: ['name'],
    columns: {
      name: 'key',
      password: 'text',
      role: 'text',
      disabled: 'integer',
      created_at: 'text',
      changed_at: 'text',
    },
  },
  api_tokens: {
    key: ['user', 'name'],
    columns: {
      user: 'key',
      name: 'key',
      hash: 'text',
      role: 'text',
      created_at: 'text',
      expires_at: 'text',
      used_at: 'text',
    },
  },
  sessions: {
    key: ['hash'],
    columns: { hash: 'key', user: 'key', created_at: 'text', seen_at: 'text', expires_at: 'text' },
  },
  invitations: {
    key: ['hash'],
    columns: { hash: 'key', kind: 'text', user: 'text', role: 'text', created_by: 'text', expires_at: 'text' },
  },
}

async function createAccounts(db: Kysely<unknown>, flavour: Flavour): Promise<void> {
  for (const [table, shape] of Object.entries(accounts4)) await run(db, [createTable(flavour, table, shape)])
  const short = flavour === 'mysql' ? 'varchar(255)' : 'text'
  const engine = flavour === 'mysql' ? ' ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin' : ''
  await run(db, [
    `CREATE TABLE \`audit\` (\`id\` ${serial[flavour]}, \`at\` ${short} NOT NULL, \`who\` ${short} NOT NULL, \`action\` ${short} NOT NULL, \`about\` ${short} NOT NULL, \`detail\` ${short} NOT NULL, \`peer\` ${short})${engine}`,
    'CREATE UNIQUE INDEX `api_tokens_by_hash` ON `api_tokens` (`hash`)',
    'CREATE INDEX `sessions_by_user` ON `sessions` (`user`)',
  ])
}

/** IPv6 stands beside IPv4: nothing of what there was changes. */
const ipv6Columns5: Readonly<Record<string, TableShape['columns']>> = {
  networks: { cidr6: 'text', dns6: 'text' },
  interfaces: { ip6: 'text' },
}

async function addIpv6(db: Kysely<unknown>, flavour: Flavour): Promise<void> {
  for (const [table, columns] of Object.entries(ipv6Columns5)) {
    for (const [column, type] of Object.entries(columns))
      await run(db, [`ALTER TABLE \`${table}\` ADD COLUMN \`${column}\` ${typeNames[flavour][type]}`])
    for (const [name, statement] of inventoryTriggers(flavour))
      if (name.startsWith(`${table}_`)) await run(db, [`DROP TRIGGER \`${name}\``, statement])
  }
}

/** Requests that must not be done twice. */
const idempotency6: TableShape = {
  key: ['key'],
  columns: { key: 'key', request: 'text', at: 'text', answer: 'long' },
}

/** Who works on this inventory; every server writes its own row every few seconds. */
const servers7: TableShape = {
  key: ['name', 'folder'],
  columns: {
    name: 'key',
    folder: 'path',
    version: 'text',
    addresses: 'long',
    doors: 'long',
    revision: 'integer',
    status: 'text',
    seen_at: 'text',
  },
}

/** Every trigger there is after the last migration, by name: what a restored dump may have lost. */
export function inventoryTriggers(flavour: Flavour): ReadonlyMap<string, string> {
  const statements = Object.entries(inventory1).flatMap(([table, { key, columns: first }]) => {
    const columns = { ...first, ...ipv6Columns5[table] }
    const shape: TableShape = { key, columns: { ...columns, refused: 'long' } }
    return [
      ...timestampTriggers(flavour, table, { key, columns }),
      ...(['INSERT', 'UPDATE', 'DELETE'] as const).map((verb) =>
        changeTrigger(flavour, table, shape, Object.keys(shape.columns), verb),
      ),
    ]
  })
  return new Map(statements.map((statement) => [/^CREATE TRIGGER `(\w+)`/.exec(statement)?.[1] ?? '', statement]))
}

const migrationsFor = (flavour: Flavour): Readonly<Record<string, Migration>> => ({
  '0001-inventory': { up: (db) => createInventory(db as Kysely<unknown>, flavour) },
  '0002-consoles': { up: (db) => run(db as Kysely<unknown>, [createTable(flavour, 'consoles', consoles2)]) },
  '0003-views': { up: (db) => mirrorViews(db as Kysely<unknown>, flavour) },
  '0004-accounts': { up: (db) => createAccounts(db as Kysely<unknown>, flavour) },
  '0005-ipv6': { up: (db) => addIpv6(db as Kysely<unknown>, flavour) },
  '0006-idempotency': { up: (db) => run(db as Kysely<unknown>, [createTable(flavour, 'idempotency', idempotency6)]) },
  '0007-servers': { up: (db) => run(db as Kysely<unknown>, [createTable(flavour, 'servers', servers7)]) },
  '0008-screens': {
    up: (db) => run(db as Kysely<unknown>, ['ALTER TABLE `sessions` ADD COLUMN `screen` integer NOT NULL DEFAULT 0']),
  },
})

/**
 * Brings the store to the newest schema; does nothing when it is there. Safe to run from several processes at once.
 * @throws Error naming the migration that failed and its cause
 */
export async function migrateStore(store: Store): Promise<readonly string[]> {
  const migrator = new Migrator({
    db: store.db,
    provider: { getMigrations: () => Promise.resolve(migrationsFor(store.flavour)) },
    migrationTableName: 'bootstead_migrations',
    migrationLockTableName: 'bootstead_migrations_lock',
  })
  const { error, results } = await migrator.migrateToLatest()
  const failed = results?.find((result) => result.status === 'Error')
  if (error !== undefined)
    throw new Error(
      `migrate ${store.label}${failed === undefined ? '' : `: ${failed.migrationName}`}: ${mend(error)}`,
      { cause: error },
    )
  return (results ?? []).map((result) => result.migrationName)
}

function mend(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  // MySQL 1419 (ER_BINLOG_CREATE_ROUTINE_NEED_SUPER): with binary logging, triggers need this or SUPER
  if (text.includes('log_bin_trust_function_creators'))
    return `${text}; the administrator of the database allows it with: SET GLOBAL log_bin_trust_function_creators = 1`
  return text
}
