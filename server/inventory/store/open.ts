// Opening a store: one Kysely over an embedded SQLite file or a MySQL/MariaDB server.
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Dialect, Generated, KyselyPlugin } from 'kysely'
import { Kysely, MysqlDialect, SqliteDialect } from 'kysely'
import Database from 'libsql'
import { createPool } from 'mysql2'
import type { Pool } from 'mysql2'
import type { TableName } from '../rows.ts'
import { turnTaking } from '../slices.ts'
import type { StoredRow } from '../encode.ts'

export type EventRow = Readonly<{
  id: number
  machine: string
  /** ISO 8601 in UTC. */
  at: string
  stage: string
  detail: string | null
  /** Per cent, or null. */
  progress: number | null
  door: string
  peer: string | null
}>

/** What a machine last let be heard of itself. Its history is in the events. */
export type ConsoleRow = Readonly<{
  machine: string
  /** When it last reported anything that made no event, or showed its console. */
  at: string
  /** The end of its newest console; null when it has shown none. */
  tail: string | null
}>

export type ChangeRow = Readonly<{
  id: number
  at: string
  who: string
  table_name: string
  row_key: string
  before: string | null
  after: string | null
}>

type TokenRow = Readonly<{
  id: string
  machine: string
  purpose: string
  secret: string
  created_at: string
  expires_at: string | null
  used_at: string | null
}>

/** A view of the site as it was last copied; `state` is store/mirror.ts's own JSON. */
type MirroredRow = Readonly<{ name: string; state: string }>

/** A person or program that may log in; `password` is a hash with its parameters. */
export type UserRow = Readonly<{
  name: string
  password: string
  role: string
  /** 0 or 1. */
  disabled: number
  created_at: string
  changed_at: string
}>

/** `hash` here and below is the SHA-256 of a secret that only its holder has. */
export type ApiTokenRow = Readonly<{
  user: string
  name: string
  hash: string
  role: string
  created_at: string
  expires_at: string
  used_at: string | null
}>

export type SessionRow = Readonly<{
  hash: string
  user: string
  created_at: string
  seen_at: string
  expires_at: string
  /** 1: of a display that nobody sits at. */
  screen: number
}>

export type InvitationRow = Readonly<{
  hash: string
  kind: string
  /** Whose password may be set anew. */
  user: string | null
  /** What whoever comes in will be. */
  role: string | null
  created_by: string
  expires_at: string
}>

export type AuditRow = Readonly<{
  id: number
  at: string
  who: string
  action: string
  about: string
  detail: string
  peer: string | null
}>

/** A request of the API that must not be done twice; `answer` is null until it is known. */
type IdempotencyRow = Readonly<{ key: string; request: string; at: string; answer: string | null }>

/** A server that works on this inventory. `addresses` and `doors` are JSON; times are the database's own. */
export type ServerRow = Readonly<{
  name: string
  /** Its state folder: there may be several on one host. */
  folder: string
  version: string
  addresses: string
  doors: string
  /** Of the inventory that it serves. */
  revision: number
  /** `ok` or `degraded`. */
  status: string
  seen_at: string
}>

export type StoreSchema = { [T in TableName]: StoredRow } & {
  tokens: TokenRow
  events: Omit<EventRow, 'id'> & { id: Generated<number> }
  consoles: ConsoleRow
  changes: ChangeRow
  mirrored: MirroredRow
  users: UserRow
  api_tokens: ApiTokenRow
  sessions: Omit<SessionRow, 'screen'> & { screen: Generated<number> }
  invitations: InvitationRow
  idempotency: IdempotencyRow
  servers: ServerRow
  audit: Omit<AuditRow, 'id'> & { id: Generated<number> }
}

export type Flavour = 'sqlite' | 'mysql'
export type Store = Readonly<{
  flavour: Flavour
  db: Kysely<StoreSchema>
  /** Where it is, without its password. */ label: string
  /** Of an embedded one that others can open too. */
  file: string | null
}>

/** The address of an inventory that can't be used, and what one looks like. */
export class InventoryAddressError extends Error {
  override name = 'InventoryAddressError'
}

/**
 * Opens `sqlite:FILE` or `mysql://USER:PASSWORD@HOST[:PORT]/DATABASE` (`?socketPath=…` for a local socket).
 * Connects on first use; no migration runs here.
 * @throws InventoryAddressError when the address has neither form
 */
export function openStore(address: string): Store {
  if (address.startsWith('sqlite:')) return openSqlite(address.slice('sqlite:'.length))
  if (/^(mysql|mariadb):\/\//.test(address)) return openMysql(address)
  throw new InventoryAddressError(
    `${withoutPassword(address)}: expected sqlite:FILE or mysql://USER:PASSWORD@HOST:PORT/DATABASE`,
  )
}

function openSqlite(file: string): Store {
  if (file === '') throw new InventoryAddressError('sqlite: names no file; give sqlite:FILE')
  if (file !== ':memory:') mkdirSync(dirname(file), { recursive: true })
  const database = new Database(file, { timeout: 10_000 })
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 10000')
  const dialect: Dialect = new SqliteDialect({ database: database })
  return {
    flavour: 'sqlite',
    db: new Kysely<StoreSchema>({ dialect, plugins: [takingTurns()] }),
    label: `sqlite:${file}`,
    file: file === ':memory:' ? null : file,
  }
}

/** SQLite answers in this very process and at once: ten thousand statements would be one turn of the event loop. */
function takingTurns(): KyselyPlugin {
  const turn = turnTaking()
  return {
    transformQuery: ({ node }) => node,
    transformResult: async ({ result }) => {
      await turn()
      return result
    },
  }
}

function openMysql(address: string): Store {
  const pool = openPool(address)
  return {
    flavour: 'mysql',
    db: new Kysely<StoreSchema>({ dialect: new MysqlDialect({ pool }) }),
    label: withoutPassword(address),
    file: null,
  }
}

/** @throws InventoryAddressError when the address is none of MySQL's */
export function openPool(address: string): Pool {
  const url = parseUrl(address)
  const socketPath = url.searchParams.get('socketPath')
  return createPool({
    ...(socketPath === null ? { host: url.hostname, port: Number(url.port || 3306) } : { socketPath }),
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    database: decodeURIComponent(url.pathname.slice(1)),
    connectionLimit: 4,
    connectTimeout: 3000,
    supportBigNumbers: true,
    dateStrings: true,
    charset: 'utf8mb4_bin',
    timezone: 'Z',
  })
}

export function parseUrl(address: string): URL {
  const url = URL.canParse(address) ? new URL(address) : null
  if (url === null || url.pathname.length < 2)
    throw new InventoryAddressError(`${withoutPassword(address)}: expected mysql://USER:PASSWORD@HOST:PORT/DATABASE`)
  return url
}

/** An inventory address as it may stand in a log line. */
export function withoutPassword(address: string): string {
  return address.replace(/^([a-z]+:\/\/[^:@/]*):.*@/, '$1:***@')
}

export async function closeStore(store: Store): Promise<void> {
  await store.db.destroy()
}
