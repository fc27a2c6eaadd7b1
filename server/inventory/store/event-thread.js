// The thread of event-writer.ts: rows come as JSON, and go into an embedded file by a connection of its own. JavaScript,
// since a thread of a checkout would need its loader.
import { setPriority } from 'node:os'
import { parentPort, workerData } from 'node:worker_threads'
import Database from 'libsql'

/** Whoever is answered comes first: on Linux this is of the thread, elsewhere it would be of the whole process. */
const LOWER = 10
if (process.platform === 'linux') setPriority(LOWER)

const database = new Database(workerData, { timeout: 10_000 })
database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 10000')
/**
 * Each machine has its own page of the index: with 16 MiB of them at hand, and a log of 32 MiB to gather those that are
 * written again and again, 100,000 machines' events take two thirds of the time.
 */
database.exec('PRAGMA cache_size = -16384; PRAGMA wal_autocheckpoint = 8192')

/** Parsed and bound by SQLite itself: half of what a statement with a parameter for each value takes. */
const insert = `INSERT INTO events (machine, at, stage, detail, progress, door, peer)
  SELECT value ->> 'machine', value ->> 'at', value ->> 'stage', value ->> 'detail', value ->> 'progress',
    value ->> 'door', value ->> 'peer' FROM json_each(?)`

parentPort?.on('message', (rows) => {
  try {
    database.prepare(insert).run(rows)
    parentPort?.postMessage(null)
  } catch (error) {
    parentPort?.postMessage(error instanceof Error ? error.message : String(error))
  }
})
