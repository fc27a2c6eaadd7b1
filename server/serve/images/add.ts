// Brings kernels, initrds and trees into the state folder. All of an image appears at once or, on any failure, nothing.
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join, relative, resolve, sep } from 'node:path'
import type { Architecture, Image } from '../../inventory/rows.ts'
import { parseRow } from '../../inventory/rows.ts'
import type { Platform } from '../../inventory/treeinfo.ts'
import type { Detected } from './detect.ts'
import { detectBootFiles } from './detect.ts'
import { currentGeneration, discardGeneration, openGeneration, publishGeneration } from './generation.ts'
import { extractIso } from './iso.ts'
import { errorCode, hashFile, isAbsent } from './library.ts'
import type { Tree } from './tree.ts'
import { isUrl, openTree, storeLocation, treeUrl } from './tree.ts'

export type ImageSource =
  /** Paths on this host, or http(s) URLs. */
  | Readonly<{ kind: 'files'; kernel: string; initrd: string | null; xen: string | null; arch: Architecture }>
  /** `tree`: a folder on this host, or an http(s) URL. */
  | Readonly<{ kind: 'tree'; tree: string; platform: Platform }>
  | Readonly<{ kind: 'iso'; path: string; platform?: Platform }>

export type AddOptions = Readonly<{
  /** For a tree that doesn't say; one that says otherwise is an error. */
  arch?: Architecture | null
  /** Where machines find the tree, when the source can't tell: files, and a folder outside STATE/repo. */
  treeUrl?: string | null
  signal?: AbortSignal
}>

export type AddedImage = Readonly<{
  outcome: 'added' | 'replaced' | 'unchanged'
  /** The row for the inventory, which the caller stores. */
  image: Image
  detected: Detected
  /** Files that were compared with the checksums of the tree's own treeinfo. */
  verified: readonly string[]
  /** What the administrator should know before relying on it, or null. */
  remark: string | null
}>

/** What an image's files are called in STATE/images/NAME, whatever they were called where they come from. */
const fileNames = { kernel: 'vmlinuz', initrd: 'initrd.img', xen: 'xen.gz' } as const

/** Beside an unpacked tree, never served: which ISO it came from, so that adding it again costs reading and no writing. */
const isoRecord = '.bootstead-iso'

/** @throws naming the file or URL, what is wrong with it, and the way out */
export async function addImage(
  stateDir: string,
  name: string,
  source: ImageSource,
  options: AddOptions = {},
): Promise<AddedImage> {
  switch (source.kind) {
    case 'files':
      return installFiles(stateDir, name, (folder) => gatherFiles(folder, source, options))
    case 'tree':
      return installFiles(stateDir, name, (folder) =>
        gatherTree(
          folder,
          openTree(source.tree, options.signal),
          source.platform,
          treeUrlOf(stateDir, source.tree),
          options,
        ),
      )
    case 'iso':
      return addIso(stateDir, name, source, options)
    default:
      return source satisfies never
  }
}

/** An image's row as far as its files decide it; `sha256` is by the name in STATE/images/NAME. */
type Gathered = Readonly<{
  arch: Architecture
  sha256: Readonly<Record<string, string>>
  tree_url: string | null
  detected: Detected
  verified: readonly string[]
  remark: string | null
}>

async function gatherFiles(
  folder: string,
  { kernel, initrd, xen, arch }: Extract<ImageSource, { kind: 'files' }>,
  { signal, treeUrl: tree_url = null }: AddOptions,
): Promise<Gathered> {
  const sha256: Record<string, string> = {}
  for (const [role, location] of Object.entries({ kernel, initrd, xen })) {
    if (location === null) continue
    const file = fileNames[role as keyof typeof fileNames]
    sha256[file] = (await storeLocation(location, join(folder, file), signal)).sha256
  }
  return { arch, sha256, tree_url, detected: { family: null, version: null, product: '' }, verified: [], remark: null }
}

async function gatherTree(
  folder: string,
  tree: Tree,
  platform: Platform,
  ownUrl: string | null,
  options: AddOptions,
): Promise<Gathered> {
  const found = await detectBootFiles(tree, platform, options.arch ?? null)
  const { arch, kernel, initrd, checksums, detected, isMirror, remark } = found
  const store = async (path: string, file: string): Promise<string> =>
    (await tree.store(path, join(folder, file), checksums.get(path) ?? null)).sha256
  const sha256 = {
    [fileNames.kernel]: await store(kernel, fileNames.kernel),
    [fileNames.initrd]: await store(initrd, fileNames.initrd),
  }
  const tree_url = options.treeUrl ?? (isMirror ? ownUrl : null)
  return { arch, sha256, tree_url, detected, verified: [kernel, initrd].filter((path) => checksums.has(path)), remark }
}

/** The tree first, then the kernel that installs from it; neither is published before both are complete. */
async function addIso(
  stateDir: string,
  name: string,
  { path, platform = 'pxeboot' }: Extract<ImageSource, { kind: 'iso' }>,
  options: AddOptions,
): Promise<AddedImage> {
  const repo = join(stateDir, 'repo')
  const current = await currentGeneration(repo, name)
  const sha256 = await hashIso(path)
  const isUnpacked = current !== null && (await recordedIso(current)) === sha256
  const folder = isUnpacked ? current : await openGeneration(repo, name)
  try {
    if (!isUnpacked) {
      await extractIso(path, folder)
      await writeFile(join(folder, isoRecord), `${sha256}\n`)
    }
    const gather = async (images: string): Promise<Gathered> => {
      const url = `repo/${encodeURIComponent(name)}`
      const gathered = await gatherTree(images, openTree(folder), platform, url, options)
      if (!isUnpacked) await publishGeneration(repo, name, folder)
      return gathered
    }
    const added = await installFiles(stateDir, name, gather)
    return isUnpacked || added.outcome === 'added' ? added : { ...added, outcome: 'replaced' }
  } catch (error) {
    if (!isUnpacked && (await currentGeneration(repo, name)) !== folder) await discardGeneration(folder)
    throw error
  }
}

async function hashIso(path: string): Promise<string> {
  try {
    // Hashing a FIFO would wait for ever.
    if (!(await stat(path)).isFile()) throw new Error(`${path} is not a regular file`)
    return await hashFile(path)
  } catch (cause) {
    throw isAbsent(cause) ? new Error(`${path}: no such file`, { cause }) : cause
  }
}

async function recordedIso(tree: string): Promise<string | null> {
  try {
    return (await readFile(join(tree, isoRecord), 'utf8')).trim()
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return null
    throw error
  }
}

/** Gathers the files into a new generation of STATE/images/NAME, and publishes it unless it is what is there already. */
async function installFiles(
  stateDir: string,
  name: string,
  gather: (folder: string) => Promise<Gathered>,
): Promise<AddedImage> {
  const images = join(stateDir, 'images')
  const current = await currentGeneration(images, name)
  const folder = await openGeneration(images, name)
  try {
    const { arch, sha256, tree_url, detected, verified, remark } = await gather(folder)
    const named = (file: string): string | null => (file in sha256 ? file : null)
    const image = imageRow({
      name,
      arch,
      kernel: fileNames.kernel,
      initrd: named(fileNames.initrd),
      xen: named(fileNames.xen),
      tree_url,
      sha256,
    })
    const outcome = current === null ? 'added' : (await holds(current, sha256)) ? 'unchanged' : 'replaced'
    if (outcome === 'unchanged') await discardGeneration(folder)
    else await publishGeneration(images, name, folder)
    return { outcome, image, detected, verified, remark }
  } catch (error) {
    if ((await currentGeneration(images, name)) !== folder) await discardGeneration(folder)
    throw error
  }
}

/** Whether the folder has just these files with just this content. */
async function holds(folder: string, sha256: Readonly<Record<string, string>>): Promise<boolean> {
  const files = (await readdir(folder)).sort()
  if (files.join('/') !== Object.keys(sha256).sort().join('/')) return false
  for (const file of files) if ((await hashFile(join(folder, file))) !== sha256[file]) return false
  return true
}

function imageRow(raw: Readonly<Record<string, unknown>>): Image {
  const parsed = parseRow('images', raw)
  if (parsed.ok) return parsed.row
  throw new Error(
    parsed.errors.map(({ field, value, message }) => `image: ${field} ${JSON.stringify(value)}: ${message}`).join('; '),
  )
}

/**
 * Where machines find a tree: its URL; `repo/…` for a folder under STATE/repo, which our HTTP door serves; or null
 * for any other folder, of which machines see nothing.
 */
function treeUrlOf(stateDir: string, tree: string): string | null {
  if (isUrl(tree)) return treeUrl(tree)
  const path = relative(resolve(stateDir, 'repo'), resolve(tree))
  const isServed = path !== '' && path.split(sep).every((part) => !part.startsWith('.'))
  return isServed ? `repo/${path.split(sep).map(encodeURIComponent).join('/')}` : null
}
