// File by file: each is staged in FOLDER/.bootstead/staging under its version's number and renamed into its place after
// the commit. The staging folder lasts until that is done, so its existence is the note that something is left to do.
import { existsSync, lstatSync, mkdirSync, opendirSync, renameSync, rmSync, rmdirSync, unlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { errorCode } from '../images/library.ts'
import { breathing, makeFolder, remember, syncPath, syncWritten, writeNew } from './durable.ts'
import type { Conflict } from './judge.ts'
import { conflictAt, editedMessage, identityOf, privateFolder } from './judge.ts'
import type { Manifest } from './manifest.ts'
import type { Swap } from './swap.ts'

export function swapFiles(folder: string): Swap {
  const staging = join(folder, privateFolder, 'staging')
  let staged: string[] = []
  const open = (): void => void mkdirSync(staging, { recursive: true, mode: 0o700 })
  return {
    base: () => folder,
    lastUsed: () => 0,
    stage: (_generation, id, _path, bytes) => {
      if (staged.length === 0) open()
      const aside = join(staging, String(id))
      remember(staged, aside)
      return identityOf(writeNew(aside, bytes))
    },
    complete: async () => {
      open() // a publication that only removes
      await syncWritten(staging, staged, [staging, dirname(staging)])
      return staging
    },
    discard: () => {
      staged = []
      rmSync(staging, { recursive: true, force: true })
    },
    finish: async (manifest) => {
      staged = []
      return existsSync(staging) ? finish(folder, staging, manifest) : null
    },
  }
}

async function finish(folder: string, staging: string, manifest: Manifest): Promise<readonly Conflict[]> {
  const generation = manifest.latest()?.id ?? 0
  const touched = new Set<string>()
  const conflicts: Conflict[] = []
  const breathe = breathing()
  const attempt = (path: string, replaces: string | null, change: (place: string) => void): boolean => {
    const conflict = changeUnlessTouched(folder, path, replaces, change)
    if (conflict === null) touched.add(dirname(join(folder, path)))
    else {
      manifest.takeBack(path, generation)
      conflicts.push(conflict)
    }
    return conflict === null
  }
  const entries = opendirSync(staging)
  for (let entry = entries.readSync(); entry !== null; entry = entries.readSync()) {
    await breathe()
    const { name } = entry
    const aside = join(staging, name)
    const version = manifest.staged(generation, Number(name))
    const isInPlace =
      version !== null &&
      attempt(version.path, version.replaces, (place) => {
        makeFolder(dirname(place), touched)
        renameSync(aside, place)
      })
    if (!isInPlace) unlinkSync(aside)
  }
  entries.closeSync()
  for (const { path, identity } of manifest.removed(generation)) {
    await breathe()
    attempt(path, identity, (place) => rmSync(place, { force: true }))
  }
  for (const one of touched) if (existsSync(one)) syncPath(one)
  rmdirSync(staging)
  return conflicts
}

/** Somebody may have written between the comparison and now, which is minutes after a crash: theirs is left alone. */
function changeUnlessTouched(
  folder: string,
  path: string,
  replaces: string | null,
  change: (place: string) => void,
): Conflict | null {
  const place = join(folder, path)
  try {
    const found = lstatSync(place, { throwIfNoEntry: false })
    if (found !== undefined && identityOf(found) !== replaces) return conflictAt(path, 'edited', editedMessage(path))
    change(place)
    return null
  } catch (error) {
    const code = errorCode(error) ?? ''
    if (!['EACCES', 'EPERM', 'EISDIR', 'ENOTDIR', 'EEXIST', 'EXDEV'].includes(code)) throw error
    return conflictAt(path, 'refused', `can't be replaced (${code}): is it immutable, or its folder another user's?`)
  }
}
