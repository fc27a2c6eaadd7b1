// Whether an image's files are those that its row describes: asked before a machine is armed, and by `image check`.
import type { BigIntStats } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Image } from '../../inventory/rows.ts'
import { hashFile, isAbsent } from './library.ts'
import { isUrl } from './tree.ts'

type ImageProblem = Readonly<{
  kind: 'missing' | 'not-a-file' | 'altered'
  file: string
  path: string
  /** The whole story for a person, the way out included. */
  message: string
}>

/** What was hashed, by path, and what it looked like then: kept by the caller, so that 400 machines hash a file once. */
export type CheckedFiles = Map<string, Readonly<{ seen: string; sha256: Promise<string> }>>

/** @throws when a file can't be read, which says nothing about the image */
export async function verifyImage(
  stateDir: string,
  image: Image,
  checked: CheckedFiles = new Map(),
): Promise<readonly ImageProblem[]> {
  const named = [image.kernel, image.initrd, image.xen].filter((file) => file !== null)
  const files = new Set([...named, ...Object.keys(image.sha256)])
  const problems = await Promise.all([...files].map((file) => verifyFile(stateDir, image, file, checked)))
  return problems.filter((problem) => problem !== null)
}

async function verifyFile(
  stateDir: string,
  image: Image,
  file: string,
  checked: CheckedFiles,
): Promise<ImageProblem | null> {
  const path = join(stateDir, 'images', image.name, file)
  const problem = (kind: ImageProblem['kind'], what: string): ImageProblem => ({
    kind,
    file,
    path,
    message: `image ${image.name}: ${path} ${what}; mend it with: ${mendWith(stateDir, image)}`,
  })
  const found = await statOrNull(path)
  if (found === null) return problem('missing', 'is missing')
  if (!found.isFile()) return problem('not-a-file', 'is not a regular file')
  const expected = Object.hasOwn(image.sha256, file) ? image.sha256[file] : undefined
  if (expected === undefined) return null // a row written by hand need not give checksums
  const sha256 = await hashOnce(path, found, checked)
  return sha256 === expected
    ? null
    : problem('altered', `is altered: its sha256 is ${sha256}, the inventory says ${expected}`)
}

/** The promise is kept, not the hash: callers that come while it is being computed wait for the same one. */
async function hashOnce(path: string, { size, mtimeNs, ino }: BigIntStats, checked: CheckedFiles): Promise<string> {
  const seen = `${size} ${mtimeNs} ${ino}`
  const known = checked.get(path)
  if (known?.seen === seen) return known.sha256
  const entry = { seen, sha256: hashFile(path) }
  checked.set(path, entry)
  try {
    return await entry.sha256
  } catch (error) {
    if (checked.get(path) === entry) checked.delete(path)
    throw error
  }
}

/** A row doesn't tell from which of a tree's platforms its kernel came. */
function mendWith(stateDir: string, { name, xen, initrd, tree_url }: Image): string {
  const add = `bootstead image add ${name}`
  if (tree_url === null || xen !== null)
    return `${add} --kernel FILE${initrd === null ? '' : ' --initrd FILE'}${xen === null ? '' : ' --xen FILE'}`
  const tree = isUrl(tree_url) ? tree_url : join(stateDir, decodeURIComponent(tree_url))
  return `${add} --tree ${tree} (and --platform xen if it was added so)`
}

async function statOrNull(path: string): Promise<BigIntStats | null> {
  try {
    return await stat(path, { bigint: true })
  } catch (error) {
    if (isAbsent(error)) return null
    throw error
  }
}
