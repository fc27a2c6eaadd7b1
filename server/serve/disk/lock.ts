// One at a time, across processes. An SQLite file of which nothing is wanted but its lock: fcntl(2), so the kernel lets go
// of it however the process ends and there are no stale locks to judge, and SQLite keeps two of one process apart too.
import { readFileSync, statSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import Database from 'libsql'
import { errorCode } from '../images/library.ts'

/** Somebody else is at it, and did not end while we waited. */
export class DiskBusy extends Error {
  override name = 'DiskBusy'
}

const lookMs = 20

/** @throws DiskBusy naming the process that holds the lock */
export async function withLock<T>(path: string, waitMs: number, work: () => Promise<T>): Promise<T> {
  const file = new Database(path, { timeout: 0 })
  try {
    const until = performance.now() + waitMs
    while (!isTaken(file)) {
      if (performance.now() >= until)
        throw new DiskBusy(
          `${path} is held by process ${holderOf(path)}, for ${waitMs / 1000} s by now; try again later`,
        )
      await delay(lookMs)
    }
    return await work()
  } finally {
    if (file.inTransaction) file.exec('ROLLBACK') // close() alone may come into effect later
    file.close()
  }
}

/** Nothing is ever written: the file stays empty. */
function isTaken(file: Database.Database): boolean {
  try {
    file.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
    return true
  } catch (error) {
    if (errorCode(error) !== 'SQLITE_BUSY') throw error
    return false
  }
}

/** By its number; proc_locks(5): `1: POSIX  ADVISORY  WRITE 4711 fe:00:12345 1073741824 …`, where SQLite's locks begin. */
function holderOf(path: string): string {
  const { ino } = statSync(path)
  const lock = new RegExp(`POSIX .* WRITE (\\d+) \\S+:${ino} 1073741824 `).exec(readFileSync('/proc/locks', 'utf8'))
  return lock?.[1] ?? 'unknown'
}
