// Which files of a published folder were written again.
import { readdir, stat } from 'node:fs/promises'
import { join, relative } from 'node:path'

/** By path, what another file at that place would not have, and the same one neither if it were written again. */
type Stamps = ReadonlyMap<string, string>

/** Of what is published in a folder, not of what the publisher keeps there for itself. */
export const stampsOf = async (folder: string): Promise<Stamps> => {
  const found = await readdir(folder, { recursive: true, withFileTypes: true })
  const paths = found.filter((one) => one.isFile()).map((one) => relative(folder, join(one.parentPath, one.name)))
  const stamp = async (path: string) => {
    const { ino, mtimeMs } = await stat(join(folder, path))
    return [path, `${ino} ${mtimeMs}`] as const
  }
  return new Map(await Promise.all(paths.filter((path) => !path.startsWith('.')).map(stamp)))
}

/** Sorted; those that came or went included. */
export const changedPaths = (before: Stamps, now: Stamps): readonly string[] =>
  [...new Set([...before.keys(), ...now.keys()])].filter((path) => before.get(path) !== now.get(path)).sort()
