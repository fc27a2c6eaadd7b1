// Builds the stand-in installer: an initramfs of busybox, Debian's kernel modules and the scripts in installer/.
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, readdir, realpath, rename, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { characterDevice, encodeCpio, file, folder, link, type CpioEntry } from './cpio.ts'
import { cacheFolder, type Unpacked } from './packages.ts'

const run = promisify(execFile)
const scripts = join(import.meta.dirname, 'installer')
const driverNames = ['virtio_pci', 'virtio_net', 'virtio_blk', 'vfat', 'nls_cp437', 'nls_ascii']
const installerParts = ['command-line.sh', 'network.sh', 'kickstart.sh', 'disk.sh', 'sections.awk']
const folders = [
  'bin',
  'boot',
  'dev',
  'etc',
  'installer',
  'lib',
  'lib/modules',
  'lib64',
  'mnt',
  'proc',
  'run',
  'sys',
  'tmp',
  'usr',
]

/** What `%post` finds on the installed system to report with: EL has had curl since EL5, older ones only wget. */
export type Fetcher = 'curl' | 'wget'

/** The path of the initramfs, built again when anything that goes into it has changed. */
export const buildInitramfs = async (debian: Unpacked, fetcher: Fetcher): Promise<string> => {
  await mkdir(cacheFolder, { recursive: true })
  const entries = [
    ...folders.map((path) => folder(path)),
    characterDevice('dev/console', 5, 1), // the kernel opens it for init before anything is mounted
    ...(await busybox()),
    ...(await withLibraries(fetcher)),
    ...(await drivers(debian.modules)),
    ...(await installer()),
    ...(await diskLoaders(debian)),
  ]
  const archive = encodeCpio(entries)
  const digest = createHash('sha256').update(archive).digest('hex').slice(0, 12)
  const built = join(cacheFolder, `stand-in-${fetcher}-${digest}.img`)
  if (!existsSync(built)) {
    await writeFile(`${built}.${process.pid}`, gzipSync(archive))
    await rename(`${built}.${process.pid}`, built)
    await forgetOlder(`stand-in-${fetcher}-`, built)
  }
  return built
}

const forgetOlder = async (start: string, kept: string): Promise<void> => {
  const older = (await readdir(cacheFolder)).filter(
    (name) => name.startsWith(start) && join(cacheFolder, name) !== kept,
  )
  for (const name of older) await rm(join(cacheFolder, name))
}

const busybox = async (): Promise<CpioEntry[]> => {
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
const withLibraries = async (name: string): Promise<CpioEntry[]> => {
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
const drivers = async (modules: string): Promise<CpioEntry[]> => {
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
  for (const name of driverNames) await load(name)
  return [...ordered].map(([name, content], index) => file(`lib/modules/${String(index + 10)}-${name}.ko`, content))
}

/** A module's `.modinfo` section is text: `depends=a,b` ends in a zero byte. */
const dependencies = (module: Buffer): readonly string[] =>
  (/\0depends=([^\0]*)\0/.exec(module.toString('latin1'))?.[1] ?? '')
    .split(',')
    .filter((name) => name !== '')
    .map((name) => name.replaceAll('-', '_'))

const installer = async (): Promise<CpioEntry[]> => [
  file('init', await readFile(join(scripts, 'init')), 0o755),
  ...(await Promise.all(
    installerParts.map(async (name) => file(`installer/${name}`, await readFile(join(scripts, name)))),
  )),
  file('etc/udhcpc.script', await readFile(join(scripts, 'udhcpc.script')), 0o755),
]

/** What makes the installed disk boot: a boot sector for BIOS; for UEFI Debian's signed shim and GRUB, so Secure Boot too. */
const diskLoaders = async (debian: Unpacked): Promise<CpioEntry[]> => {
  const work = await mkdtemp(join(cacheFolder, 'loaders-'))
  try {
    const object = join(work, 'bios.o')
    const sector = join(work, 'bios.bin')
    await run('as', ['--32', '-o', object, join(scripts, 'disk-bios.S')])
    await run('ld', ['-m', 'elf_i386', '-Ttext', '0x7c00', '--oformat', 'binary', '-o', sector, object])
    return [
      file('boot/disk-bios.bin', await readFile(sector)),
      file('boot/BOOTX64.EFI', await readFile(debian.shim)),
      file('boot/grubx64.efi', await readFile(debian.grubDisk)),
      file('boot/grub.cfg', await readFile(join(scripts, 'disk-uefi.cfg'))),
    ]
  } finally {
    await rm(work, { recursive: true })
  }
}
