// One at a time, across processes. flock(2) on a file that this process keeps open: the kernel lets go of it however the
// process ends, so there are no stale locks to judge. Node has no flock(2); flock(1) takes the lock on the open file it
// inherits, which is ours, and goes (`exec 9>lock; flock 9` in a shell does the same).
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs'
import { errorCode } from '../images/library.ts'

/** Somebody else is at it, and did not end while we waited. */
export class DiskBusy extends Error {
  override name = 'DiskBusy'
}

/** flock(1)'s exit status when the time is up: one that no other failure of it has. */
const waitedInVain = 75

/** @throws DiskBusy naming the process that holds the lock */
export async function withLock<T>(path: string, waitMs: number, work: () => Promise<T>): Promise<T> {
  const file = openSync(path, 'a+', 0o600)
  try {
    await lock(file, path, waitMs)
    ftruncateSync(file)
    writeSync(file, `${process.pid}\n`) // for people and messages; the lock itself does not rest on it
    return await work()
  } finally {
    closeSync(file)
  }
}

async function lock(file: number, path: string, waitMs: number): Promise<void> {
  const args = ['--exclusive', '--wait', String(waitMs / 1000), '--conflict-exit-code', String(waitedInVain), '3']
  const child = spawn('flock', args, { stdio: ['ignore', 'ignore', 'ignore', file] })
  const [status] = (await once(child, 'exit').catch((cause: unknown) => {
    throw errorCode(cause) === 'ENOENT'
      ? new Error('locking needs the program flock: apt-get install util-linux', { cause })
      : cause
  })) as [number | null]
  if (status === 0) return
  if (status !== waitedInVain) throw new Error(`lock ${path}: flock ended with ${String(status)}`)
  const holder = readFileSync(path, 'utf8').trim()
  throw new DiskBusy(
    `${path} is held by process ${holder === '' ? 'unknown' : holder}, for ${waitMs / 1000} s by now; try again later`,
  )
}
