// What the systems of these tests are made of: busybox, the host's own programs, Debian's modules, and archives of them.
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile, readdir, readlink, realpath, rename, rm, stat, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { characterDevice, encodeCpio, file, folder, link, type CpioEntry } from './cpio.ts'
import { cacheFolder } from './packages.ts'

const run = promisify(execFile)

const folders = ['bin', 'boot', 'dev', 'etc', 'installer', 'lib', 'lib/modules', 'lib64', 'mnt', 'proc', 'run', 'sys']

/** What a kernel and its init take for granted. */
export const skeleton: readonly CpioEntry[] = [
  ...[...folders, 'sysroot', 'tmp', 'usr'].map((path) => folder(path)),
  characterDevice('dev/console', 5, 1), // the kernel opens it for init before anything is mounted
]

/** All of its applets in one folder. */
export const busybox = async (): Promise<CpioEntry[]> => {
  const { stdout } = await run('/bin/busybox', ['--list'])
  const applets = stdout.split('\n').filter((name) => name !== '' && name !== 'busybox' && name !== 'wget') // it crashes on -T
  return [
    file('bin/busybox', await readFile('/bin/busybox'), 0o755),
    ...applets.map((name) => link(`bin/${name}`, 'busybox')),
    file('etc/nsswitch.conf', Buffer.from('hosts: files dns\nservices: files\nprotocols: files\n')),
    link('sbin', 'bin'),
    link('usr/bin', '../bin'),
    link('usr/sbin', '../bin'),
  ]
}

/** A host program and the libraries its loader resolves, at the paths it looks for them. */
export const withLibraries = async (name: string): Promise<CpioEntry[]> => {
  const program = await realpath((await run('which', [name])).stdout.trim())
  const { stdout } = await run('ldd', [program])
  const libraries = [...stdout.matchAll(/(?:=> )?(\/\S+) \(0x/g)].map((match) => match[1] ?? '')
  const target = (path: string) => (path.startsWith('/lib64/') ? path.slice(1) : `lib/${basename(path)}`)
  return [
    file(`bin/${name}`, await readFile(program), 0o755),
    ...(await Promise.all(libraries.map(async (path) => file(target(path), await readFile(path), 0o755)))),
  ]
}

/** Modules in loading order, numbered so that the installer's `insmod` needs no dependency file. */
export const drivers = async (modules: string, names: readonly string[]): Promise<CpioEntry[]> => {
  const available = new Map<string, string>()
  for (const entry of await readdir(modules, { recursive: true }))
    if (entry.endsWith('.ko')) available.set(basename(entry, '.ko').replaceAll('-', '_'), join(modules, entry))
  const ordered = new Map<string, Buffer>()
  const load = async (name: string): Promise<void> => {
    const path = available.get(name)
    if (ordered.has(name) || path === undefined) return // built into the kernel
    const content = await readFile(path)
    for (const needed of dependencies(content)) await load(needed)
    ordered.set(name, content)
  }
  for (const name of names) await load(name)
  return [...ordered].map(([name, content], index) => file(`lib/modules/${String(index + 10)}-${name}.ko`, content))
}

/** A module's `.modinfo` section is text: `depends=a,b` ends in a zero byte. */
const dependencies = (module: Buffer): readonly string[] =>
  (/\0depends=([^\0]*)\0/.exec(module.toString('latin1'))?.[1] ?? '')
    .split(',')
    .filter((name) => name !== '')
    .map((name) => name.replaceAll('-', '_'))

/** Everything in a folder of the host, with its permissions, as root's. */
export const contentsOf = async (root: string): Promise<CpioEntry[]> => {
  const found = await readdir(root, { recursive: true, withFileTypes: true })
  const entries = found.map(async (one) => {
    const source = join(one.parentPath, one.name)
    const path = source.slice(root.length + 1)
    if (one.isSymbolicLink()) return link(path, await readlink(source))
    const permissions = (await stat(source)).mode & 0o7777
    return one.isDirectory() ? folder(path, permissions) : file(path, await readFile(source), permissions)
  })
  const depth = ({ path }: CpioEntry) => path.split('/').length
  return (await Promise.all(entries)).sort((a, b) => depth(a) - depth(b) || (a.path < b.path ? -1 : 1))
}

/** Of entries with one path the last counts. The path of the archive, written again when anything in it has changed. */
export const writeArchive = async (
  name: string,
  entries: readonly CpioEntry[],
  format: 'cpio' | 'cpio.gz',
): Promise<string> => {
  await mkdir(cacheFolder, { recursive: true })
  const archive = encodeCpio([...new Map(entries.map((entry) => [entry.path, entry])).values()])
  const digest = createHash('sha256').update(archive).digest('hex').slice(0, 12)
  const written = join(cacheFolder, `${name}-${digest}.${format}`)
  if (existsSync(written)) return written
  await writeFile(`${written}.${process.pid}`, format === 'cpio' ? archive : gzipSync(archive))
  await rename(`${written}.${process.pid}`, written)
  const older = (await readdir(cacheFolder)).filter(
    (other) => other.startsWith(`${name}-`) && other.endsWith(`.${format}`) && join(cacheFolder, other) !== written,
  )
  for (const other of older) await rm(join(cacheFolder, other))
  return written
}
