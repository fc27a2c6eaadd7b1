// What this server published into a folder, and what it replaced: an SQLite file, because a publication is one
// transaction. `since` and `until` are generations: generation G held the versions with since <= G < until.
import Database from 'libsql'

/** Whose the bytes of a file are, in order: `[["acas0001",612],[null,20]]`. Null for a file without lines. */
export type SectionIndex = string | null

export type Version = Readonly<{
  id: number
  path: string
  sha256: string
  /** What lstat() said of the file when it was last known to hold these bytes. */
  identity: string
  sections: SectionIndex
}>

export type Content = Readonly<{ sha256: string; identity: string; sections: SectionIndex }>
/** What was found in a place. */
export type Found = Readonly<{ sha256: string; identity: string; bytes: Buffer }>

type ReloadRecord = Readonly<{ at: string; tookMs: number; ok: boolean; how: string; output: string }>
export type Generation = Readonly<{
  id: number
  /** ISO 8601 in UTC. */
  at: string
  /** The generation a rollback took this one's content from. */
  restores: number | null
  /** Files. */
  written: number
  removed: number
  /** The last reload after it, or null when there was none yet. */
  reload: ReloadRecord | null
}>

/** A version that a rollback brings back; `bytes` is null when its file had vanished before it was replaced. */
type OldVersion = Readonly<{ path: string; sha256: string; sections: SectionIndex; bytes: Buffer | null }>

export type Manifest = ReturnType<typeof openManifest>

const format = 1
const schema = `
  CREATE TABLE generations (
    id INTEGER PRIMARY KEY, at TEXT NOT NULL, restores INTEGER, written INTEGER NOT NULL, removed INTEGER NOT NULL,
    reload TEXT
  );
  CREATE TABLE versions (
    id INTEGER PRIMARY KEY, path TEXT NOT NULL, sha256 TEXT NOT NULL, identity TEXT NOT NULL, sections TEXT,
    since INTEGER NOT NULL, until INTEGER, body BLOB
  );
  CREATE UNIQUE INDEX published ON versions (path) WHERE until IS NULL;
  CREATE INDEX replaced ON versions (until, path) WHERE until IS NOT NULL;
  CREATE TABLE basis (value TEXT NOT NULL);
  CREATE TABLE unsettled (path TEXT PRIMARY KEY) WITHOUT ROWID;
  PRAGMA user_version = ${format}`

const columns = 'id, path, sha256, identity, sections'

/**
 * libsql closes the file itself when the statements are collected; none of them is left half read, so nothing stays locked.
 * @throws when the file is no manifest, or one of a newer Bootstead
 */
export function openManifest(file: string) {
  const db = new Database(file)
  // EXTRA: a transaction that was committed stays so. FULL may lose the last one to a power cut in this journal mode.
  db.exec('PRAGMA journal_mode = DELETE; PRAGMA synchronous = EXTRA')
  const { user_version: found } = db.prepare('PRAGMA user_version').get() as { user_version: number }
  if (found === 0) db.exec(`BEGIN; ${schema}; COMMIT`)
  else if (found !== format) throw new Error(`${file} was written by a newer release (format ${found})`)
  return { ...transactions(db), ...versions(db), ...forTheNext(db), ...generations(db), close: () => db.close() }
}

function transactions(db: Database.Database) {
  return {
    inTransaction: (): boolean => db.inTransaction,
    begin: () => void db.exec('BEGIN IMMEDIATE'),
    commit: () => void db.exec('COMMIT'),
    rollBack: () => void db.exec('ROLLBACK'),
  }
}

function versions(db: Database.Database) {
  const byPath = db
    .prepare(`SELECT ${columns} FROM versions WHERE until IS NULL AND path IN (SELECT value FROM json_each(?))`)
    .raw()
  const page = db
    .prepare('SELECT id, path, identity FROM versions WHERE id > ? AND id < ? AND until IS NULL ORDER BY id LIMIT 5000')
    .raw()
  const count = db.prepare('SELECT count(*) FROM versions WHERE until IS NULL').raw()
  const insert = db.prepare(
    'INSERT INTO versions (id, path, sha256, identity, sections, since, until, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
  )
  const update = db.prepare('UPDATE versions SET sha256 = ?, identity = ?, sections = ? WHERE id = ?')
  const end = db.prepare('UPDATE versions SET sha256 = ?, identity = ?, until = ?, body = ? WHERE id = ?')
  return {
    publishedAt: (paths: readonly string[]): ReadonlyMap<string, Version> => {
      const rows = byPath.all(JSON.stringify(paths)) as readonly [number, string, string, string, SectionIndex][]
      return new Map(rows.map(([id, path, ...rest]) => [path, versionOf(id, path, ...rest)]))
    },
    /** What is published, but what was added from `firstNewId` on. */
    publishedPages: function* (firstNewId: number): Generator<readonly Listed[]> {
      for (let last = 0; ;) {
        const rows = page.all(last, firstNewId) as readonly Listed[]
        const [id] = rows.at(-1) ?? []
        if (id === undefined) return
        yield rows
        last = id
      }
    },
    files: (): number => (count.get() as readonly [number])[0],
    nextId: (): number =>
      (db.prepare('SELECT coalesce(max(id), 0) + 1 AS id FROM versions').get() as { id: number }).id,
    /** `since` 0: as far back as anybody knows. */
    add: (id: number, path: string, { sha256, identity, sections }: Content, since: number) =>
      void insert.run(id, path, sha256, identity, sections, since, null, null),
    /** A file that was not ours until we replaced it. */
    addReplaced: (id: number, path: string, { sha256, identity, bytes }: Found, until: number) =>
      void insert.run(id, path, sha256, identity, null, 0, until, bytes),
    correct: (id: number, { sha256, identity, sections }: Content) => void update.run(sha256, identity, sections, id),
    /** Keeps what was found in its place, null when that was nothing. */
    replace: (version: Version, found: Found | null, until: number) =>
      void end.run(
        (found ?? version).sha256,
        (found ?? version).identity,
        until,
        found === null ? null : found.bytes,
        version.id,
      ),
    ...unfinished(db),
  }
}

type Listed = readonly [id: number, path: string, identity: string]

const versionOf = (id: number, path: string, sha256: string, identity: string, sections: SectionIndex): Version => ({
  id,
  path,
  sha256,
  identity,
  sections,
})

/** What finishing a publication asks: the versions that its generation replaces. */
function unfinished(db: Database.Database) {
  const replaced = db
    .prepare('SELECT path, identity FROM versions WHERE until = ? AND path IN (SELECT value FROM json_each(?))')
    .raw()
  const drop = db.prepare('DELETE FROM versions WHERE path = ? AND since = ? AND until IS NULL')
  const reopen = db.prepare('UPDATE versions SET until = NULL, body = NULL WHERE path = ? AND until = ?')
  return {
    /** The identities of the files that are in these places until the generation's are. */
    replacedAt: (generation: number, paths: readonly string[]): ReadonlyMap<string, string> =>
      new Map(replaced.all(generation, JSON.stringify(paths)) as readonly (readonly [string, string])[]),
    removed: (generation: number) =>
      db
        .prepare(
          `SELECT path, identity FROM versions old WHERE until = ?
           AND NOT EXISTS (SELECT 1 FROM versions now WHERE now.path = old.path AND now.until IS NULL)`,
        )
        .all(generation) as readonly Readonly<{ path: string; identity: string }>[],
    /** The file could not be changed after all. */
    takeBack: (path: string, generation: number): void => {
      db.exec('BEGIN IMMEDIATE')
      drop.run(path, generation)
      reopen.run(path, generation)
      db.prepare('INSERT OR IGNORE INTO unsettled (path) VALUES (?)').run(path)
      db.exec('COMMIT')
    },
  }
}

/** What a publication leaves for the next one (basis.ts). */
function forTheNext(db: Database.Database) {
  const basis = (): string | null =>
    (db.prepare('SELECT value FROM basis').get() as { value: string } | undefined)?.value ?? null
  const unsettled = (): readonly string[] =>
    (db.prepare('SELECT path FROM unsettled').raw().all() as readonly [string][]).map(([path]) => path)
  return {
    basis,
    unsettled,
    /** Writes only what differs: a publication that changes nothing is to leave the file as it is. */
    leave: (value: string | null, paths: ReadonlySet<string>): void => {
      if (basis() !== value) {
        db.exec('DELETE FROM basis')
        if (value !== null) db.prepare('INSERT INTO basis (value) VALUES (?)').run(value)
      }
      const known = new Set(unsettled())
      const insert = db.prepare('INSERT INTO unsettled (path) VALUES (?)')
      const forget = db.prepare('DELETE FROM unsettled WHERE path = ?')
      for (const path of paths) if (!known.has(path)) insert.run(path)
      for (const path of known) if (!paths.has(path)) forget.run(path)
    },
  }
}

function generations(db: Database.Database) {
  const byId = db.prepare('SELECT path, sha256, sections, body AS bytes FROM versions WHERE id = ?')
  const select = (clause: string, ...values: readonly number[]): readonly Generation[] =>
    (
      db
        .prepare(`SELECT id, at, restores, written, removed, reload FROM generations ${clause}`)
        .all(...values) as readonly RawGeneration[]
    ).map(({ reload, ...generation }) => ({
      ...generation,
      reload: reload === null ? null : (JSON.parse(reload) as ReloadRecord),
    }))
  return {
    latest: (): Generation | null => select('ORDER BY id DESC LIMIT 1')[0] ?? null,
    /** Newest first. */
    generations: (): readonly Generation[] => select('ORDER BY id DESC'),
    addGeneration: ({ id, at, restores, written, removed }: Omit<Generation, 'reload'>): void =>
      void db
        .prepare('INSERT INTO generations (id, at, restores, written, removed) VALUES (?, ?, ?, ?, ?)')
        .run(id, at, restores, written, removed),
    forgetBefore: (id: number): void => {
      db.prepare('DELETE FROM versions WHERE until <= ?').run(id)
      db.prepare('DELETE FROM generations WHERE id < ?').run(id)
    },
    recordReload: (id: number, reload: ReloadRecord): void =>
      void db.prepare('UPDATE generations SET reload = ? WHERE id = ?').run(JSON.stringify(reload), id),
    /** The versions that generation `id` held otherwise than now. */
    changedSince: (id: number): readonly number[] =>
      db
        .prepare(
          `SELECT old.id FROM versions old LEFT JOIN versions now ON now.path = old.path AND now.until IS NULL
           WHERE old.until > ?1 AND old.since <= ?1 AND old.sha256 IS NOT now.sha256`,
        )
        .raw()
        .all(id)
        .map((row) => (row as [number])[0]),
    /** Paths whose bytes came, or went, after generation `id`; -1: all. */
    pathsChangedSince: (id: number): readonly string[] =>
      db
        .prepare('SELECT DISTINCT path FROM versions WHERE since > ?1 OR until > ?1')
        .raw()
        .all(id)
        .map((row) => (row as [string])[0]),
    oldVersion: (id: number): OldVersion => byId.get(id) as OldVersion,
    /** Paths published now that generation `id` did not have. */
    addedSince: (id: number): readonly string[] =>
      db
        .prepare(
          `SELECT path FROM versions WHERE until IS NULL AND since > ?1
           EXCEPT SELECT path FROM versions WHERE until > ?1 AND since <= ?1`,
        )
        .raw()
        .all(id)
        .map((row) => (row as [string])[0]),
  }
}

type RawGeneration = Omit<Generation, 'reload'> & Readonly<{ reload: string | null }>
