// File by file: each is staged at its own path below FOLDER/.bootstead/staging/GENERATION and renamed into its place after
// the commit; a folder that is not there yet comes whole, by one rename. What is staged under the generation that was
// committed last is still to be put into its place; anything else there was never committed.
import {
  existsSync,
  lstatSync,
  mkdirSync,
  opendirSync,
  readdirSync,
  renameSync,
  rmSync,
  rmdirSync,
  unlinkSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { errorCode } from '../images/library.ts'
import { breathing, makeFolder, remember, syncPath, syncWritten, writeNew } from './durable.ts'
import type { Conflict } from './judge.ts'
import { conflictAt, editedMessage, identityOf, privateFolder } from './judge.ts'
import type { Manifest } from './manifest.ts'
import type { Swap } from './swap.ts'

export function swapFiles(folder: string): Swap {
  const staging = join(folder, privateFolder, 'staging')
  const root = (generation: number): string => join(staging, String(generation))
  let staged: string[] = []
  const folders = new Set<string>()
  const open = (generation: number): void => {
    if (folders.has(staging)) return
    mkdirSync(staging, { recursive: true, mode: 0o700 })
    folders.add(dirname(staging)).add(staging)
    makeFolder(root(generation), folders)
  }
  const forget = (): void => {
    staged = []
    folders.clear()
  }
  return {
    base: () => folder,
    lastUsed: () => 0,
    stage: (generation, path, bytes) => {
      open(generation)
      const aside = join(root(generation), path)
      makeFolder(dirname(aside), folders)
      remember(staged, aside)
      return identityOf(writeNew(aside, bytes))
    },
    complete: async (generation) => {
      open(generation) // a publication that only removes
      await syncWritten(staging, staged, folders)
      return root(generation)
    },
    discard: () => {
      forget()
      rmSync(staging, { recursive: true, force: true })
    },
    finish: async (manifest) => {
      forget()
      return existsSync(staging) ? finish(folder, staging, manifest) : null
    },
  }
}

/** Names are looked up in the manifest so many at a time. */
const filesPerLookUp = 200

type Finish = Readonly<{
  folder: string
  /** The staged generation. */
  from: string
  replacedAt: (paths: readonly string[]) => ReadonlyMap<string, string>
  /** Changes one place, unless somebody was there meanwhile. */
  attempt: (path: string, replaces: string | null, change: (place: string) => void) => boolean
  /** Folders whose names changed. */
  touched: Set<string>
  breathe: () => Promise<void> | void
}>

async function finish(folder: string, staging: string, manifest: Manifest): Promise<readonly Conflict[]> {
  const generation = manifest.latest()?.id ?? 0
  for (const name of readdirSync(staging))
    if (name !== String(generation)) rmSync(join(staging, name), { recursive: true, force: true })
  const touched = new Set<string>()
  const conflicts: Conflict[] = []
  const breathe = breathing()
  const attempt: Finish['attempt'] = (path, replaces, change) => {
    const conflict = changeUnlessTouched(folder, path, replaces, change)
    if (conflict === null) touched.add(dirname(join(folder, path)))
    else {
      manifest.takeBack(path, generation)
      conflicts.push(conflict)
    }
    return conflict === null
  }
  const from = join(staging, String(generation))
  const replacedAt = (paths: readonly string[]) => manifest.replacedAt(generation, paths)
  if (existsSync(from)) await placeFolder({ folder, from, replacedAt, attempt, touched, breathe }, '')
  for (const { path, identity } of manifest.removed(generation)) {
    await breathe()
    attempt(path, identity, (place) => rmSync(place, { force: true }))
  }
  for (const one of touched) if (existsSync(one)) syncPath(one)
  rmdirSync(staging)
  return conflicts
}

async function placeFolder(work: Finish, within: string): Promise<void> {
  const { from, breathe } = work
  const entries = opendirSync(join(from, within))
  let names: string[] = []
  for (let entry = entries.readSync(); entry !== null; entry = entries.readSync()) {
    await breathe()
    const path = join(within, entry.name)
    if (entry.isDirectory()) {
      if (!placeWhole(work, path)) await placeFolder(work, path)
    } else names.push(path)
    if (names.length < filesPerLookUp) continue
    placeFiles(work, names)
    names = []
  }
  entries.closeSync()
  placeFiles(work, names)
  rmdirSync(join(from, within))
}

/** False when the folder is there already, or anything else speaks against it: then its files are told one by one. */
function placeWhole({ folder, from, touched }: Finish, path: string): boolean {
  const place = join(folder, path)
  if (lstatSync(place, { throwIfNoEntry: false }) !== undefined) return false
  try {
    renameSync(join(from, path), place)
  } catch {
    return false
  }
  touched.add(dirname(place))
  return true
}

function placeFiles({ from, replacedAt, attempt, touched }: Finish, paths: readonly string[]): void {
  const replaced = replacedAt(paths)
  for (const path of paths) {
    const aside = join(from, path)
    const isInPlace = attempt(path, replaced.get(path) ?? null, (place) => {
      makeFolder(dirname(place), touched)
      renameSync(aside, place)
    })
    if (!isInPlace) unlinkSync(aside)
  }
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
