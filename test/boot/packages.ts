// What the boot tests need from Debian: programs on the host, and packages that are only unpacked into the cache.
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync } from 'node:fs'
import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Ignored by git; what is in it is made again when it is missing. */
export const cacheFolder = join(import.meta.dirname, '../../.cache/boot')
export const logFolder = join(cacheFolder, 'logs')

/** A file the host must have, and the Debian package that brings it. A bare name is looked up on PATH. */
export interface HostNeed {
  readonly file: string
  readonly debian: string
}

/** What emulated machines need, and the installer that they boot. */
const machineNeeds: readonly HostNeed[] = [
  { file: 'qemu-system-x86_64', debian: 'qemu-system-x86' },
  { file: '/usr/lib/ipxe/qemu/pxe-virtio.rom', debian: 'ipxe-qemu' },
  { file: '/usr/share/OVMF/OVMF_CODE_4M.fd', debian: 'ovmf' },
  { file: '/bin/busybox', debian: 'busybox-static' },
  { file: 'dnsmasq', debian: 'dnsmasq-base' },
  { file: 'ip', debian: 'iproute2' },
  { file: 'nsenter', debian: 'util-linux' },
  { file: 'ld', debian: 'binutils' },
  { file: 'curl', debian: 'curl' },
  { file: 'wget', debian: 'wget' },
  { file: 'parted', debian: 'parted' },
  { file: 'mke2fs', debian: 'e2fsprogs' },
]

/** The cloud kernel: its drivers (virtio-net, virtio-blk, ext2, FAT) are all that the stand-in installer needs. */
const kernelPackage = 'linux-image-cloud-amd64'
const unpackedPackages = ['shim-signed', 'grub-efi-amd64-signed', 'pxelinux', 'syslinux-common', 'ipxe']

const onHost = (file: string): boolean =>
  file.startsWith('/')
    ? existsSync(file)
    : [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin'].some((folder) =>
        existsSync(join(folder, file)),
      )

/** Throws an error that names the packages to install. */
export const requireHostFiles = (needs: readonly HostNeed[]): void => {
  const missing = needs.filter(({ file }) => !onHost(file)).map(({ debian }) => debian)
  if (missing.length > 0) throw new Error(`these tests need: apt-get install ${missing.join(' ')}`)
}

/** Debian's kernel and loaders, unpacked; nothing of it is installed on the host. */
export interface Unpacked {
  /** Holds the packages' files at their usual paths. */
  readonly root: string
  readonly vmlinuz: string
  /** `…/lib/modules/RELEASE` */
  readonly modules: string
  readonly shim: string
  /** GRUB as the network boots it, and as an installed disk does. */
  readonly grubNet: string
  readonly grubDisk: string
}

/** Downloads once, some 35 MB. Throws an error that names the packages to install, or what could not be downloaded. */
export const unpackDebian = async (): Promise<Unpacked> => {
  requireHostFiles(machineNeeds)
  const digest = createHash('sha256')
    .update([kernelPackage, ...unpackedPackages].join())
    .digest('hex')
    .slice(0, 8)
  const root = join(cacheFolder, `debian-${digest}`)
  if (!existsSync(root)) await downloadInto(root)
  const only = (folder: string, start: string) => {
    const found = readdirSync(join(root, folder)).find((name) => name.startsWith(start))
    if (!found) throw new Error(`${join(root, folder)} has no ${start}…: remove ${root}, it is filled again`)
    return join(root, folder, found)
  }
  return {
    root,
    vmlinuz: only('boot', 'vmlinuz-'),
    modules: only('lib/modules', ''),
    shim: only('usr/lib/shim', 'shimx64.efi.signed'),
    grubNet: only('usr/lib/grub/x86_64-efi-signed', 'grubnetx64.efi.signed'),
    grubDisk: only('usr/lib/grub/x86_64-efi-signed', 'grubx64.efi.signed'),
  }
}

/** Fills a temporary folder and renames it, so that an interrupted download is never taken for a finished one. */
const downloadInto = async (root: string): Promise<void> => {
  const filling = `${root}.${String(process.pid)}`
  await rm(filling, { recursive: true, force: true })
  await mkdir(filling, { recursive: true })
  const wanted = [await newestKernel(), ...unpackedPackages]
  await run('apt-get', ['-q', 'download', ...wanted], { cwd: filling }).catch((cause: unknown) => {
    throw new Error(`apt-get download ${wanted.join(' ')} failed (has apt-get update run?)`, { cause })
  })
  for (const archive of (await readdir(filling)).filter((name) => name.endsWith('.deb'))) {
    await run('dpkg', ['-x', archive, '.'], { cwd: filling })
    await rm(join(filling, archive))
  }
  await rename(filling, root)
}

/** `linux-image-cloud-amd64` is empty and depends on the versioned kernel of the day. */
const newestKernel = async (): Promise<string> => {
  const { stdout } = await run('apt-cache', ['depends', '--important', kernelPackage]).catch((cause: unknown) => {
    throw new Error(`apt-cache knows no ${kernelPackage}: run apt-get update`, { cause })
  })
  const found = /Depends: (linux-image-\S+)/.exec(stdout)?.[1]
  if (!found) throw new Error(`${kernelPackage} depends on no kernel: run apt-get update`)
  return found
}
