// As a folder: FOLDER/current is a symbolic link to generations/N. A generation is complete before the link is replaced,
// by one rename(2); the one before stays for those who are reading it. Unchanged files are hard links.
import { existsSync, linkSync, lstatSync, readdirSync, readlinkSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { errorCode } from '../images/library.ts'
import { breathing, makeFolder, remember, syncPath, syncWritten, writeNew } from './durable.ts'
import { identityOf, privateFolder } from './judge.ts'
import type { Manifest } from './manifest.ts'
import type { Swap } from './swap.ts'

const linkName = 'current'
const generationsName = 'generations'

/** @throws when FOLDER/current is something else than our link */
export function swapFolder(folder: string): Swap {
  const generations = join(folder, generationsName)
  const root = (generation: number): string => join(generations, String(generation))
  const base = (): string | null => {
    const target = currentOf(folder)
    return target === null || !existsSync(join(folder, target)) ? null : join(folder, target)
  }
  const staged: string[] = []
  const folders = new Set<string>()
  return {
    base,
    lastUsed: () => Number(currentOf(folder)?.split('/')[1] ?? 0),
    stage: (generation, path, bytes) => {
      const place = join(root(generation), path)
      makeFolder(dirname(place), folders)
      remember(staged, place)
      return identityOf(writeNew(place, bytes))
    },
    complete: async (generation, removed) => {
      makeFolder(root(generation), folders)
      const from = base()
      if (from !== null) await carry(from, root(generation), removed, folders)
      await syncWritten(folder, staged, folders)
      return root(generation)
    },
    discard: (generation) => {
      staged.length = 0
      folders.clear()
      rmSync(root(generation), { recursive: true, force: true })
    },
    finish: (manifest) => Promise.resolve(finish(folder, manifest)),
  }
}

function currentOf(folder: string): string | null {
  const path = join(folder, linkName)
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (found === undefined) return null
  const target = found.isSymbolicLink() ? readlinkSync(path) : ''
  if (!new RegExp(`^${generationsName}/\\d+$`).test(target))
    throw new Error(`${path} was not made by Bootstead: move it away, or publish into another folder`)
  return target
}

/** Everything that was published and is neither new nor removed, what somebody else put there included. */
async function carry(
  from: string,
  to: string,
  removed: ReadonlySet<string>,
  folders: Set<string>,
  within = '',
): Promise<void> {
  const breathe = breathing()
  for (const entry of readdirSync(join(from, within), { withFileTypes: true })) {
    await breathe()
    const path = join(within, entry.name)
    if (removed.has(path)) continue
    if (entry.isDirectory()) await carry(from, to, removed, folders, path)
    else {
      makeFolder(join(to, within), folders)
      linkUnlessThere(join(from, path), join(to, path))
    }
  }
}

function linkUnlessThere(from: string, to: string): void {
  try {
    linkSync(from, to)
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error // the new version is there
  }
}

function finish(folder: string, manifest: Manifest): readonly [] | null {
  const latest = manifest.latest()?.id ?? 0
  const target = `${generationsName}/${latest}`
  const isDue = currentOf(folder) !== target && existsSync(join(folder, target))
  if (isDue) {
    const link = join(folder, privateFolder, linkName)
    rmSync(link, { force: true })
    symlinkSync(target, link)
    renameSync(link, join(folder, linkName))
    syncPath(folder)
  }
  const kept = [currentOf(folder), `${generationsName}/${latest - 1}`]
  for (const name of existsSync(join(folder, generationsName)) ? readdirSync(join(folder, generationsName)) : [])
    if (/^\d+$/.test(name) && !kept.includes(`${generationsName}/${name}`))
      rmSync(join(folder, generationsName, name), { recursive: true, force: true })
  return isDue ? [] : null
}
