// Debian packages as sources of loaders: installed on the host, or unpacked beside it without being installed.
// Installing grub-efi-amd64-signed or shim-signed only to copy a file from it would bring a boot loader's maintenance
// scripts to a server that may boot in another way.
import { execFile } from 'node:child_process'
import { lstat, mkdir, mkdtemp, readdir, readlink, rename, rm } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { loaderPackages } from '../plan/loaders.ts'
import { errorCode, isAbsent } from './images/library.ts'

const run = promisify(execFile)

/** `root`: a folder that holds the package's files at their usual paths. */
export type PackageRoot = Readonly<{ root: string; version: string | null }>

type DownloadedPackages = Readonly<{
  unpacked: ReadonlyMap<string, PackageRoot>
  /** Package → what apt said. */
  failed: ReadonlyMap<string, string>
}>

/**
 * Downloads packages with apt, as this host is configured to, and unpacks each into a folder of its own in `cacheDir`.
 * A version that is there already is not fetched again. No package is installed, no script of one is run.
 * @throws when apt-get or dpkg-deb is missing or the folder can't be written
 */
export async function downloadLoaderPackages(
  cacheDir: string,
  packages: readonly string[] = loaderPackages,
): Promise<DownloadedPackages> {
  await mkdir(cacheDir, { recursive: true })
  const unpacked = new Map<string, PackageRoot>()
  const failed = new Map<string, string>()
  for (const name of packages) {
    try {
      unpacked.set(name, await unpack(cacheDir, name))
    } catch (error) {
      if (!(error instanceof AptRefusal)) throw error
      failed.set(name, error.message)
    }
  }
  return { unpacked, failed }
}

/** What apt can't get, as against an apt that can't run. */
class AptRefusal extends Error {
  override name = 'AptRefusal'
}

async function unpack(cacheDir: string, name: string): Promise<PackageRoot> {
  // One line: 'URL' FILE SIZE HASH. The file is NAME_VERSION_ARCH.deb, with %3a for the colon of an epoch.
  const file = /^'[^']*' (\S+)\.deb /m.exec(await aptGet(cacheDir, ['--print-uris', 'download', name]))?.[1]
  if (file === undefined) throw new AptRefusal(`apt-get names no file for ${name}`)
  const root = join(cacheDir, file)
  const packageRoot = { root, version: decodeURIComponent(file.split('_')[1] ?? '') }
  if (await exists(root)) return packageRoot
  const filling = await mkdtemp(join(cacheDir, '.filling-'))
  try {
    await aptGet(filling, ['download', name])
    const archive = (await readdir(filling)).find((entry) => entry.endsWith('.deb'))
    if (archive === undefined) throw new AptRefusal(`apt-get download ${name} brought nothing`)
    await run('dpkg-deb', ['-x', join(filling, archive), join(filling, 'root')])
    await rename(join(filling, 'root'), root)
  } finally {
    await rm(filling, { recursive: true, force: true })
  }
  return packageRoot
}

async function aptGet(cwd: string, args: readonly string[]): Promise<string> {
  try {
    return (await run('apt-get', ['-q', ...args], { cwd })).stdout
  } catch (cause) {
    if (errorCode(cause) === 'ENOENT')
      throw new Error('downloading packages needs apt-get: this host is not a Debian', { cause })
    const said = cause instanceof Error && 'stderr' in cause ? String(cause.stderr) : String(cause)
    const errors = said.split('\n').filter((line) => line.startsWith('E: '))
    throw new AptRefusal(`${errors.join('; ') || said.trim()} (has apt-get update run?)`, { cause })
  }
}

/** Null when the package isn't installed under that root. */
export async function installedVersion(root: string, name: string): Promise<string | null> {
  try {
    const query = ['--admindir', join(root, 'var/lib/dpkg'), '-W', '-f', '${Version}', name]
    return (await run('dpkg-query', query)).stdout || null
  } catch (cause) {
    if (errorCode(cause) === 'ENOENT')
      throw new Error('reading package versions needs dpkg-query: apt-get install dpkg', { cause })
    return null
  }
}

/** Symbolic links resolve inside the root: /usr/lib/ipxe/ipxe.efi is one to /boot/ipxe.efi, of the package, not the host. */
export async function findInRoot(root: string, path: string): Promise<string | null> {
  let at = join(root, path)
  for (let links = 0; links < 8; links++) {
    try {
      const found = await lstat(at)
      if (!found.isSymbolicLink()) return found.isFile() ? at : null
      const target = await readlink(at)
      at = target.startsWith('/') ? join(root, target) : resolve(dirname(at), target)
    } catch (error) {
      if (isAbsent(error)) return null
      throw error
    }
  }
  return null
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path)
    return true
  } catch (error) {
    if (isAbsent(error)) return false
    throw error
  }
}
