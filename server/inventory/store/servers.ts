// Servers that work on this inventory: each says every few seconds that it is there, and what it serves.
import { sql } from 'kysely'
import { nowSql } from './migrations.ts'
import type { ServerRow, Store } from './open.ts'

/** One of them is known by host name and state folder. */
export type ServerKey = Pick<ServerRow, 'name' | 'folder'>

/** By the database's clock: those of several servers need not agree. */
export type HeardServer = ServerRow & Readonly<{ silentMs: number }>

export async function recordServer({ db, flavour }: Store, server: Omit<ServerRow, 'seen_at'>): Promise<void> {
  const row = { ...server, seen_at: sql<string>`${sql.raw(nowSql[flavour])}` }
  const { numUpdatedRows } = await db
    .updateTable('servers')
    .set(row)
    .where('name', '=', row.name)
    .where('folder', '=', row.folder)
    .executeTakeFirstOrThrow()
  if (numUpdatedRows === 0n) await db.insertInto('servers').values(row).execute()
}

export async function readServers({ db, flavour }: Store): Promise<readonly HeardServer[]> {
  const rows = await db
    .selectFrom('servers')
    .selectAll()
    .select(sql<string>`${sql.raw(nowSql[flavour])}`.as('now'))
    .orderBy('name')
    .orderBy('folder')
    .execute()
  return rows.map(({ now, ...row }) => ({ ...row, silentMs: Math.max(0, Date.parse(now) - Date.parse(row.seen_at)) }))
}

export async function deleteServers({ db }: Store, servers: readonly ServerKey[]): Promise<void> {
  for (const { name, folder } of servers)
    await db.deleteFrom('servers').where('name', '=', name).where('folder', '=', folder).execute()
}

const keptMs = 7 * 24 * 3600_000

/** Nothing was heard of it for a week. */
export const isForgotten = ({ silentMs }: HeardServer): boolean => silentMs > keptMs
