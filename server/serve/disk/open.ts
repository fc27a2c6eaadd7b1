// A folder that is published into: its lock, its manifest, and whatever a crash left to be done, done.
import { chmodSync, existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { errorCode } from '../images/library.ts'
import { makeFolder } from './durable.ts'
import type { Conflict } from './judge.ts'
import { privateFolder } from './judge.ts'
import { DiskBusy, withLock } from './lock.ts'
import type { Manifest } from './manifest.ts'
import { openManifest } from './manifest.ts'
import { swapFiles } from './swap-files.ts'
import { swapFolder } from './swap-folder.ts'
import type { DiskTarget, Swap } from './swap.ts'

export type Disk = Readonly<{
  target: DiskTarget
  manifest: Manifest
  swap: Swap
  /** What was left to do by a publication that did not end, or null when there was none. */
  resumed: readonly Conflict[] | null
}>

export type Told = Readonly<{
  /** How many files are published then. */
  files: number
  conflicts: readonly Conflict[]
  /** A publication that had been interrupted was finished first. */
  resumed: boolean
}>

export type Wait = Readonly<{
  /** How long another publication into the same folder may go on before we give up. */
  waitMs?: number
}>

const defaultWaitMs = 60_000

/**
 * Works on a folder under its lock.
 * @throws DiskBusy; Error naming the folder, what is wrong with it, and the way out
 */
export async function withDisk<T>(
  target: DiskTarget,
  { waitMs = defaultWaitMs }: Wait,
  work: (disk: Disk) => Promise<T>,
): Promise<T> {
  const home = join(target.folder, privateFolder)
  try {
    makeFolder(target.folder, new Set())
    mkdirSync(home, { recursive: true })
    chmodSync(home, 0o700) // what is replaced may hold tokens
    return await withLock(join(home, 'lock'), waitMs, async () => {
      const manifest = openManifest(join(home, 'manifest.db'))
      try {
        const swap = swapOf(target)
        const resumed = await swap.finish(manifest)
        return await work({ target, manifest, swap, resumed })
      } finally {
        manifest.close()
      }
    })
  } catch (cause) {
    if (cause instanceof DiskBusy) throw cause
    throw new Error(`${target.folder}: ${wayOut(cause)}`, { cause })
  }
}

/** For looking only: nothing is made in a folder that was never published into. */
export async function lookAtDisk<T>(target: DiskTarget, wait: Wait, work: (disk: Disk) => Promise<T>): Promise<T> {
  if (existsSync(join(target.folder, privateFolder))) return withDisk(target, wait, work)
  const manifest = openManifest(':memory:')
  try {
    const swap = swapOf(target)
    const isThere = existsSync(target.folder)
    return await work({ target, manifest, swap: isThere ? swap : { ...swap, base: () => null }, resumed: null })
  } finally {
    manifest.close()
  }
}

const swapOf = ({ folder, swap }: DiskTarget): Swap => (swap === 'files' ? swapFiles(folder) : swapFolder(folder))

const waysOut: Readonly<Record<string, string>> = {
  ENOSPC: 'the file system is full; make room (inodes too: df -i) and run it again',
  SQLITE_FULL: 'the file system is full; make room (inodes too: df -i) and run it again',
  EDQUOT: 'the quota is used up; raise it and run it again',
  EROFS: 'the file system is read-only; remount it and run it again',
  EACCES: 'may not be written by this user; run it as the folder’s owner',
  EPERM: 'may not be written by this user; run it as the folder’s owner',
  SQLITE_CORRUPT: `its manifest is damaged; move ${privateFolder}/manifest.db away: files that are as they should be are taken in again`,
  SQLITE_NOTADB: `its manifest is damaged; move ${privateFolder}/manifest.db away: files that are as they should be are taken in again`,
}

function wayOut(error: unknown): string {
  const known = waysOut[errorCode(error) ?? '']
  if (known !== undefined) return known
  return error instanceof Error ? error.message : String(error)
}
