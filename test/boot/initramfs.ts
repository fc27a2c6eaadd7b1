// Builds the stand-in installer: an initramfs of busybox, Debian's kernel modules and the scripts in installer/.
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { file, type CpioEntry } from './cpio.ts'
import { cacheFolder, type Unpacked } from './packages.ts'
import { busybox, drivers, skeleton, withLibraries, writeArchive } from './pieces.ts'

const run = promisify(execFile)
const scripts = join(import.meta.dirname, 'installer')
const driverNames = [
  ...['virtio_pci', 'virtio_net', 'virtio_blk', 'xen_netfront', 'xen_blkfront'],
  ...['vfat', 'nls_cp437', 'nls_ascii', 'crc32c_generic', 'ext4', 'dm_mod'],
]
const installerParts = ['command-line.sh', 'network.sh', 'kickstart.sh', 'disk.sh', 'tree.sh', 'sections.awk']

/** What `%post` finds on the installed system to report with: EL has had curl since EL5, older ones only wget. */
type Fetcher = 'curl' | 'wget'

/** The path of the initramfs. */
export const buildInitramfs = async (debian: Unpacked, fetcher: Fetcher): Promise<string> =>
  writeArchive(
    `stand-in-${fetcher}`,
    [
      ...skeleton,
      ...(await busybox()),
      ...(await withLibraries(fetcher)),
      ...(await withLibraries('parted')),
      ...(await withLibraries('mke2fs')),
      file('bin/udevadm', Buffer.from('#!/bin/sh\n'), 0o755), // parted runs it after every change
      ...(await drivers(debian.modules, driverNames)),
      ...(await installer()),
      ...(await diskLoaders(debian)),
    ],
    'cpio.gz',
  )

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
