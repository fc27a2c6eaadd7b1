// A folder that is replaced as a whole: NAME is a symbolic link to its current generation, `.NAME~XXXXXX` beside it,
// so one rename(2) switches kernel and initrd, or a tree of thousands of files, together. `~` is in no image's name.
import type { Stats } from 'node:fs'
import { chmod, lstat, mkdir, mkdtemp, readdir, readlink, rename, rm, stat, symlink } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { imageSchema } from '../../inventory/rows.ts'
import { isAbsent, syncFolder } from './library.ts'

/** What a power cut left half filled is swept away by the next add of that name, but never another add's work. */
const ABANDONED_MS = 24 * 60 * 60 * 1000

/**
 * An empty folder to fill, to be published or discarded.
 * @throws as currentGeneration() does
 */
export async function openGeneration(parent: string, name: string): Promise<string> {
  await mkdir(parent, { recursive: true })
  await currentGeneration(parent, name)
  const folder = await mkdtemp(join(parent, prefixOf(name)))
  await chmod(folder, 0o755) // mkdtemp gives 0700
  return folder
}

export async function discardGeneration(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true })
}

/**
 * The folder NAME points to now, or null.
 * @throws when NAME is no image's name, or something that Bootstead did not make: that is reported and left alone
 */
export async function currentGeneration(parent: string, name: string): Promise<string | null> {
  const parsed = imageSchema.shape.name.safeParse(name)
  if (parsed.data !== name)
    throw new Error(`image: name ${JSON.stringify(name)}: ${parsed.error?.issues[0]?.message ?? 'spaces around it'}`)
  const link = join(parent, name)
  const found = await unlessAbsent(lstat(link))
  if (found === null) return null
  const target = found.isSymbolicLink() ? await readlink(link) : ''
  if (!target.startsWith(prefixOf(name)) || target.includes('/'))
    throw new Error(`${link} was not made by bootstead image add: move it away, or choose another name`)
  return (await unlessAbsent(stat(link))) === null ? null : join(parent, target)
}

/** Everybody who asks for NAME from now on gets this folder; what it replaces is removed. */
export async function publishGeneration(parent: string, name: string, folder: string): Promise<void> {
  const previous = await currentGeneration(parent, name)
  const link = `${folder}.link`
  await syncFolder(folder)
  await symlink(basename(folder), link)
  try {
    await rename(link, join(parent, name))
  } catch (error) {
    await rm(link, { force: true })
    throw error
  }
  await syncFolder(parent)
  if (previous !== null) await discardGeneration(previous)
  await sweep(parent, name, folder)
}

/** Whether there was one. @throws as currentGeneration() does */
export async function removeGeneration(parent: string, name: string): Promise<boolean> {
  const current = await currentGeneration(parent, name)
  await rm(join(parent, name), { force: true }) // the link first: nobody is sent into a folder that is being emptied
  if (current !== null) await discardGeneration(current)
  return current !== null
}

async function sweep(parent: string, name: string, published: string): Promise<void> {
  for (const entry of await readdir(parent)) {
    const path = join(parent, entry)
    if (!entry.startsWith(prefixOf(name)) || path === published) continue
    const found = await unlessAbsent(lstat(path))
    if (found !== null && Date.now() - found.mtimeMs > ABANDONED_MS) await discardGeneration(path)
  }
}

const prefixOf = (name: string): string => `.${name}~`

async function unlessAbsent(found: Promise<Stats>): Promise<Stats | null> {
  try {
    return await found
  } catch (error) {
    if (isAbsent(error)) return null
    throw error
  }
}
