// Files on disk for the HTTP and TFTP doors: which file a request names, and nothing outside the folders we serve.
import { constants } from 'node:fs'
import { open, realpath, stat } from 'node:fs/promises'
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
  const segments = requestPath.split('/').filter((segment) => segment !== '') // EL 5's loader asks for TREE//images
  const { root, path } = rootOf(roots, segments)
  if (path.length === 0) return absent('the path names a folder')
  try {
    return await locateUnder(root, join(...path))
  } catch (cause) {
    if (isAbsent(cause)) return absent('no such file')
    throw new Error(`serve ${requestPath}`, { cause })
  }
}

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
  const { size, mtimeMs, ino } = found
  return { kind: 'file', path: real, size, mtimeMs, ino }
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
      const key = `${file.path}\0${file.size}\0${file.mtimeMs}\0${file.ino}`
      return (await cache.fetch(key, { context: file })) ?? null
    },
    bytes: () => cache.calculatedSize,
  }
}

async function readLocated({ path, size, mtimeMs, ino }: LocatedFile): Promise<Uint8Array> {
  // O_NONBLOCK: whatever takes the file's place meanwhile, opening it never waits for somebody to write.
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    const found = await file.stat()
    const bytes = found.size === size && found.mtimeMs === mtimeMs && found.ino === ino ? await file.readFile() : null
    if (bytes?.length !== size) throw new Error(`${path} was replaced while it was being read`)
    return bytes
  } finally {
    await file.close()
  }
}
