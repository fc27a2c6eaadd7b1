// Files on disk for the HTTP and TFTP doors: which file a request names, and nothing outside the folders we serve.
import { constants } from 'node:fs'
import { lstat, open, realpath, stat } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { LRUCache } from 'lru-cache'
import { isAbsent } from './images/library.ts'

/** Folders; `loaders` is served at the top, the others under their names. */
export type FileRoots = Readonly<{ images: string; repo: string; loaders: string; firstboot: string }>

export type LocatedFile = Readonly<{
  kind: 'file'
  /** Real: no symbolic link in it. May hold dot folders, so hand it to express with `dotfiles: 'allow'`. */
  path: string
  size: number
  mtimeMs: number
  ino: number
  dev: number
}>

export type Located = LocatedFile | Readonly<{ kind: 'absent'; why: string }>

/** Installers read these two; any other name with a leading dot is ours, or somebody's mistake. */
const servedDotFiles: readonly string[] = ['.treeinfo', '.discinfo']

/**
 * @param requestPath without a leading slash, percent-decoded once: a `%` that is left was encoded twice, to hide something
 * @throws when a file is there and can't be read: a broken server, not an unknown file
 */
export async function locateFile(roots: FileRoots, requestPath: string): Promise<Located> {
  const refused = hazardIn(requestPath)
  if (refused !== null) return absent(refused)
  const { root, path } = rootOf(roots, segmentsOf(requestPath))
  if (path.length === 0) return absent('the path names a folder')
  try {
    return await locateUnder(root, join(...path))
  } catch (cause) {
    if (isAbsent(cause)) return absent('no such file')
    throw new Error(`serve ${requestPath}`, { cause })
  }
}

/** As locateFile(). */
export type FileLocator = (requestPath: string) => Promise<Located>

/**
 * Names that a farm asks for again and again: while the same file is there, its folders need no look. Those with a
 * symbolic link on their way are looked for each time.
 */
export function fileLocator(roots: FileRoots): FileLocator {
  const known = new LRUCache<string, LocatedFile>({ max: 1000 })
  return async (requestPath) => {
    const before = known.get(requestPath)
    if (before !== undefined && (await isThere(before))) return before
    const located = await locateFile(roots, requestPath)
    if (located.kind === 'file' && located.path === namedPath(roots, requestPath)) known.set(requestPath, located)
    else known.delete(requestPath)
    return located
  }
}

async function isThere(file: LocatedFile): Promise<boolean> {
  const found = await lstat(file.path).catch(() => null)
  return found !== null && isSame(file, found)
}

function namedPath(roots: FileRoots, requestPath: string): string {
  const { root, path } = rootOf(roots, segmentsOf(requestPath))
  return join(root, ...path)
}

type Identity = Pick<LocatedFile, 'size' | 'mtimeMs' | 'ino' | 'dev'>

const isSame = (file: Identity, found: Identity): boolean =>
  found.size === file.size && found.mtimeMs === file.mtimeMs && found.ino === file.ino && found.dev === file.dev

/** Empty ones left out: EL 5's loader asks for TREE//images. */
const segmentsOf = (path: string): readonly string[] => path.split('/').filter((segment) => segment !== '')

function hazardIn(path: string): string | null {
  if (/[\p{Cc}\\%]/u.test(path)) return 'control character, backslash or percent in the path'
  if (path === '' || path.startsWith('/') || path.endsWith('/')) return 'the path is empty, absolute, or names a folder'
  const segments = path.split('/')
  const last = segments.at(-1) ?? ''
  const hidden = segments.find(
    (segment) => segment.startsWith('.') && !(segment === last && servedDotFiles.includes(segment)),
  )
  return hidden === undefined ? null : `${hidden} is not served`
}

function rootOf(
  { images, repo, firstboot, loaders }: FileRoots,
  segments: readonly string[],
): Readonly<{ root: string; path: readonly string[] }> {
  const [first, ...path] = segments
  switch (first) {
    case 'images':
      return { root: images, path }
    case 'repo':
      return { root: repo, path }
    case 'firstboot':
      return { root: firstboot, path }
    default:
      return { root: loaders, path: segments }
  }
}

async function locateUnder(root: string, path: string): Promise<Located> {
  const [realRoot, real] = await Promise.all([realpath(root), realpath(join(root, path))])
  if (!real.startsWith(`${realRoot}${sep}`)) return absent('a symbolic link that leaves the folder')
  const found = await stat(real)
  if (!found.isFile()) return absent('not a regular file')
  const { size, mtimeMs, ino, dev } = found
  return { kind: 'file', path: real, size, mtimeMs, ino, dev }
}

const absent = (why: string): Located => ({ kind: 'absent', why })

export type FileCache = Readonly<{
  /**
   * The file's bytes, the same array for all who ask: nobody may write to it. Null when it is larger than the cache.
   * @throws when the file is no longer the one that was located: locate it again
   */
  read: (file: LocatedFile) => Promise<Uint8Array | null>
  /** Bytes held now. */
  bytes: () => number
}>

/** At most `maxBytes` of files, the least recently used out first; readers of one file share one read of the disk. */
export function fileCache(maxBytes: number): FileCache {
  const cache = new LRUCache<string, Uint8Array, LocatedFile>({
    maxSize: maxBytes,
    sizeCalculation: (bytes) => Math.max(bytes.length, 1), // an empty file is a file too, and sizes are positive
    ignoreFetchAbort: true, // what is pushed out while it is being read still reaches its readers
    fetchMethod: async (_key, _stale, { context }) => readLocated(context),
  })
  return {
    read: async (file) => {
      if (file.size > maxBytes) return null
      const key = `${file.path}\0${file.size}\0${file.mtimeMs}\0${file.ino}\0${file.dev}`
      return (await cache.fetch(key, { context: file })) ?? null
    },
    bytes: () => cache.calculatedSize,
  }
}

async function readLocated(located: LocatedFile): Promise<Uint8Array> {
  // O_NONBLOCK: whatever takes the file's place meanwhile, opening it never waits for somebody to write.
  const { path, size } = located
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    const bytes = isSame(located, await file.stat()) ? await file.readFile() : null
    if (bytes?.length !== size) throw new Error(`${path} was replaced while it was being read`)
    return bytes
  } finally {
    await file.close()
  }
}
