// A whole system of Debian's packages in a folder: unpacked with everything they depend on, never configured.
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { cacheFolder } from './packages.ts'

const run = promisify(execFile)

/** What no test ever reads; most of it is documentation, translations and Perl. */
const leftOut = [
  ...['doc', 'doc-base', 'man', 'locale', 'info', 'lintian', 'bug', 'bash-completion', 'zsh', 'perl', 'perl5'].map(
    (name) => `./usr/share/${name}`,
  ),
  ...['./usr/lib/x86_64-linux-gnu/perl*', './usr/bin/perl*', './usr/lib*/gconv', './usr/lib/*/gconv'],
  ...['./usr/lib/xen-4.17/boot', './usr/lib/xen-4.17/bin/oxenstored', './boot/*.efi', './boot/System.map*'],
  ...['./usr/lib/udev', './lib/udev', './usr/lib/systemd', './lib/systemd'],
  ...['sound', 'drivers/gpu', 'drivers/media', 'drivers/infiniband'].map((name) => `./lib/modules/*/kernel/${name}`),
]

/**
 * The folder that holds the packages, downloaded once (134 MB for a Dom0).
 * @throws an error that says what could not be downloaded
 */
export const unpackSystem = async (name: string, packages: readonly string[]): Promise<string> => {
  const digest = createHash('sha256')
    .update([...packages, ...leftOut].join())
    .digest('hex')
    .slice(0, 8)
  const root = join(cacheFolder, `${name}-${digest}`)
  if (existsSync(root)) return root
  const filling = `${root}.${String(process.pid)}`
  const archives = join(filling, 'archives')
  await mkdir(join(archives, 'partial'), { recursive: true })
  await download(packages, archives)
  const excluded = leftOut.map((path) => `--exclude=${path}`)
  const unpacked = join(filling, 'root')
  await mkdir(unpacked)
  for (const archive of (await readdir(archives)).filter((file) => file.endsWith('.deb'))) {
    const script = 'set -o pipefail; dpkg --fsys-tarfile "$1" | tar -x -C "$2" "${@:3}"'
    await run('bash', ['-c', script, 'unpack', join(archives, archive), unpacked, ...excluded])
  }
  await rename(unpacked, root)
  await rm(filling, { recursive: true })
  return root
}

/** Against an empty status file apt resolves every dependency, whatever the host has installed. */
const download = async (packages: readonly string[], archives: string): Promise<void> => {
  const options = [
    ...['Dir::State::status=/dev/null', `Dir::Cache::archives=${archives}`, 'Debug::NoLocking=1'],
    'APT::Install-Recommends=false',
  ].flatMap((option) => ['-o', option])
  await run('apt-get', ['-q', '-y', ...options, '--download-only', 'install', ...packages]).catch((cause: unknown) => {
    throw new Error(`apt-get could not download ${packages.join(' ')} (has apt-get update run?)`, { cause })
  })
}
