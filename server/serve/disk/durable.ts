// What it takes that bytes and names outlive a power cut. Synchronous calls: for hundreds of thousands of small files
// they cost a quarter of their promises; whoever loops over them lets the event loop turn, see breathing().
import { execFile } from 'node:child_process'
import {
  chmodSync,
  closeSync,
  existsSync,
  fchmodSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  writeSync,
} from 'node:fs'
import type { Stats } from 'node:fs'
import { dirname } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Beyond this many files one syncfs(2) is cheaper than an fsync(2) for each: 1 s against 80 s for 300,000. */
const mostSyncs = 64

/** A new file, mode 0644 whatever the umask: daemons run as other users. Not yet synced. Returns what lstat() will say. */
export function writeNew(path: string, bytes: Buffer): Stats {
  const file = openSync(path, 'wx', 0o644)
  try {
    for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at)
    const written = fstatSync(file)
    if ((written.mode & 0o777) !== 0o644) fchmodSync(file, 0o644) // changes neither what identityOf() sees
    return written
  } finally {
    closeSync(file)
  }
}

/** `mkdir -p`, mode 0755 whatever the umask. Adds what it made, and where, to the folders that are to be synced. */
export function makeFolder(folder: string, touched: Set<string>): void {
  if (touched.has(folder) || existsSync(folder)) return
  makeFolder(dirname(folder), touched)
  mkdirSync(folder)
  chmodSync(folder, 0o755)
  touched.add(dirname(folder)).add(folder)
}

/** Paths that syncWritten() is to sync; of very many the first are enough to know that. */
export function remember(paths: string[], path: string): void {
  if (paths.length <= mostSyncs) paths.push(path)
}

/**
 * Everything written so far is on the disk. Node has no syncfs(2), so `sync -f` of coreutils makes the call; it returns
 * when all of that file system is written, and fails when something could not be.
 */
export async function syncWritten(folder: string, files: readonly string[], folders: Iterable<string>): Promise<void> {
  if (files.length > mostSyncs) {
    await run('sync', ['-f', folder])
    return
  }
  for (const path of files) syncPath(path)
  for (const path of folders) syncPath(path)
}

/** A folder's names too: a rename alone is not durable, fsync(2). */
export function syncPath(path: string): void {
  const handle = openSync(path, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}

/** `await breathe()` in a long loop: a server in the same process answers in between. */
export function breathing(sliceMs = 10): () => Promise<void> | void {
  let until = performance.now() + sliceMs
  return () => {
    if (performance.now() < until) return
    return new Promise((resolve) => {
      setImmediate(() => {
        until = performance.now() + sliceMs
        resolve()
      })
    })
  }
}
