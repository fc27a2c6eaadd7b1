// Copies the boot loaders of Debian's packages into STATE/loaders, and keeps the list of what each one is.
import { randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { z } from 'zod'
import type { LoaderRow } from '../plan/loaders.ts'
import { howToGet, loaderRows } from '../plan/loaders.ts'
import type { StoredLoader } from '../render/tftpboot.ts'
import { errorCode, hashFile, isAbsent, storeFile, syncFolder } from './images/library.ts'
import type { PackageRoot } from './loader-packages.ts'
import { downloadLoaderPackages, findInRoot, installedVersion } from './loader-packages.ts'

const loaderFileSchema = z.strictObject({
  name: z.string(),
  sha256: z.string(),
  size: z.number(),
  package: z.string(),
  version: z.string().nullable(),
  /** The file it was copied from. */
  source: z.string(),
})

type LoaderFile = Readonly<z.output<typeof loaderFileSchema>>

export type LoaderOutcome =
  | Readonly<{ kind: 'collected' | 'replaced' | 'unchanged'; loader: LoaderFile }>
  /** Its package is gone, the copy made of it earlier is still served. */
  | Readonly<{ kind: 'kept'; loader: LoaderFile; why: string }>
  | Readonly<{ kind: 'missing'; name: string; package: string; optional: boolean; why: string }>

type CollectOptions = Readonly<{
  /** Where the packages are installed: `/`, or a folder that holds a system. */
  root?: string
  /** Fetch with apt what isn't installed, without installing it. */
  download?: boolean
  /** STATE/cache/loader-packages unless given. */
  cacheDir?: string
}>

/**
 * One outcome for each row of the table. Missing ones, required or optional, keep none of the others away.
 * @throws when a file can't be read or written
 */
export async function collectLoaders(
  stateDir: string,
  options: CollectOptions = {},
): Promise<readonly LoaderOutcome[]> {
  const folder = join(stateDir, 'loaders')
  await mkdir(folder, { recursive: true })
  const known = new Map((await readLoaders(stateDir)).map((loader) => [loader.name, loader]))
  const { found, failed } = await findSources(stateDir, options)
  const outcomes: LoaderOutcome[] = []
  for (const row of loaderRows) {
    const source = found.get(row.name)
    outcomes.push(
      source === undefined
        ? await withoutSource(folder, row, known.get(row.name), howToGet(row.package, failed.get(row.package) ?? null))
        : await copyLoader(folder, row, source),
    )
  }
  const loaders = outcomes.flatMap((outcome) => (outcome.kind === 'missing' ? [] : [outcome.loader]))
  await writeList(folder, loaders)
  return outcomes
}

/** What was collected, in the table's order; nothing before the first collection. */
export async function readLoaders(stateDir: string): Promise<readonly LoaderFile[]> {
  const path = join(stateDir, 'loaders', 'loaders.json')
  const text = await textOf(path)
  if (text === null) return []
  try {
    return z.array(loaderFileSchema).parse(JSON.parse(text))
  } catch (cause) {
    throw new Error(`${path} can't be read; remove it and run: bootstead loaders collect`, { cause })
  }
}

/** Names of those that machines need and that were not collected yet. */
export async function missingLoaders(stateDir: string): Promise<readonly string[]> {
  const there = new Set((await readLoaders(stateDir)).map(({ name }) => name))
  return loaderRows.flatMap(({ name, optional }) => (optional || there.has(name) ? [] : [name]))
}

/** The same as the disk door takes it. */
export async function storedLoaders(stateDir: string): Promise<readonly StoredLoader[]> {
  const loaders = await readLoaders(stateDir)
  return loaders.map(({ name, sha256 }) => ({ name, sha256, file: join(stateDir, 'loaders', name) }))
}

type Source = Readonly<{ path: string; version: string | null }>

async function findSources(
  stateDir: string,
  { root = '/', download = false, cacheDir = join(stateDir, 'cache/loader-packages') }: CollectOptions,
): Promise<Readonly<{ found: ReadonlyMap<string, Source>; failed: ReadonlyMap<string, string> }>> {
  const found = new Map<string, Source>()
  const versions = new Map<string, string | null>()
  for (const row of loaderRows) {
    const path = await findInRoot(root, row.path)
    if (path === null) continue
    const version = versions.get(row.package) ?? (await installedVersion(root, row.package))
    versions.set(row.package, version)
    found.set(row.name, { path, version })
  }
  const missing = loaderRows.filter((row) => !found.has(row.name))
  if (!download || missing.length === 0) return { found, failed: new Map() }
  const { unpacked, failed } = await downloadLoaderPackages(cacheDir, [...new Set(missing.map((row) => row.package))])
  for (const row of missing) {
    const source = await findUnpacked(row, unpacked.get(row.package))
    if (source !== null) found.set(row.name, source)
  }
  return { found, failed }
}

async function findUnpacked(row: LoaderRow, unpacked: PackageRoot | undefined): Promise<Source | null> {
  if (unpacked === undefined) return null
  const path = await findInRoot(unpacked.root, row.path)
  return path === null ? null : { path, version: unpacked.version }
}

async function copyLoader(folder: string, row: LoaderRow, { path, version }: Source): Promise<LoaderOutcome> {
  const target = join(folder, row.name)
  const { size } = await stat(path)
  const describe = (sha256: string): LoaderFile => ({
    name: row.name,
    sha256,
    size,
    package: row.package,
    version,
    source: path,
  })
  const present = await hashOf(target)
  if (present !== null && present === (await hashFile(path))) return { kind: 'unchanged', loader: describe(present) }
  const { sha256 } = await replaceFile(target, createReadStream(path), path, size)
  return { kind: present === null ? 'collected' : 'replaced', loader: describe(sha256) }
}

async function withoutSource(
  folder: string,
  row: LoaderRow,
  known: LoaderFile | undefined,
  why: string,
): Promise<LoaderOutcome> {
  if (known !== undefined && (await hashOf(join(folder, row.name))) === known.sha256)
    return { kind: 'kept', loader: known, why }
  return { kind: 'missing', name: row.name, package: row.package, optional: row.optional, why }
}

async function writeList(folder: string, loaders: readonly LoaderFile[]): Promise<void> {
  const path = join(folder, 'loaders.json')
  const text = `${JSON.stringify(loaders, null, 2)}\n`
  if ((await textOf(path)) === text) return
  await replaceFile(path, [Buffer.from(text)], path, null)
}

/** Temporary file, fsync, rename: who asks for it gets the old loader or the new one, never half of either. */
async function replaceFile(
  target: string,
  content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  origin: string,
  bytes: number | null,
): Promise<Readonly<{ sha256: string }>> {
  await mkdir(dirname(target), { recursive: true })
  const temporary = join(dirname(target), `.${basename(target)}.${randomUUID()}`)
  try {
    const stored = await storeFile(content, temporary, { origin, bytes, checksum: null })
    await rename(temporary, target)
    await syncFolder(dirname(target))
    return stored
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}

async function hashOf(path: string): Promise<string | null> {
  try {
    return await hashFile(path)
  } catch (error) {
    if (isAbsent(error)) return null
    throw error
  }
}

async function textOf(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return null
    throw error
  }
}
