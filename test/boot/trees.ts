// The installation trees of the Xen test: a Dom0 of Debian's packages with Xen, and a guest of busybox, each with its kernel.
import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { file, folder, link, type CpioEntry } from './cpio.ts'
import { unpackSystem } from './debian-system.ts'
import type { Unpacked } from './packages.ts'
import { busybox, contentsOf, drivers, skeleton, withLibraries, writeArchive } from './pieces.ts'

/** Archives by the names they have in the tree. */
type Tree = Readonly<Record<string, string>>

const systems = join(import.meta.dirname, 'system')

/** The full kernel: the cloud kernel is no Dom0. */
const dom0Packages = [
  ...['linux-image-amd64', 'xen-hypervisor-4.17-amd64', 'xen-utils-4.17', 'grub-legacy', 'sysvinit-core'],
  ...['lvm2', 'bridge-utils', 'iproute2', 'curl', 'kbd', 'util-linux', 'bsdutils', 'bash', 'coreutils', 'findutils'],
  ...['sed', 'grep', 'mawk', 'procps', 'hostname', 'kmod', 'ncurses-base', 'dash'],
]
const dom0Drivers = [
  ...['xen_evtchn', 'xen_privcmd', 'xen_gntdev', 'xen_gntalloc', 'xenfs', 'xen_netback', 'xen_blkback'],
  ...['bridge', 'loop', 'dm_mod', 'virtio_net', 'virtio_console'],
]

/** `core` is Debian, `xen` is what its Xen packages, its kernel and its boot loader bring. */
export const dom0Tree = async (): Promise<Tree> => {
  const root = await unpackSystem('dom0', dom0Packages)
  const kernel = await kernelOf(root)
  const everything = await contentsOf(root)
  const xen = /^(boot\/|etc\/xen|usr\/lib\/xen|usr\/share\/xen|usr\/s?bin\/xe?n?|lib\/modules)/
  const unwanted = /^(boot|lib\/modules)\//
  const wanted = everything.filter(({ path }) => !unwanted.test(path))
  const hypervisor = everything.find(({ path }) => /^boot\/xen-.*\.gz$/.test(path))?.content
  if (!hypervisor) throw new Error(`${root}/boot has no hypervisor: remove ${root}, it is filled again`)
  const core = [
    ...wanted.filter(({ path }) => !xen.test(path) && !/^var\/(run|lock)/.test(path)),
    link('bin/sh', 'dash'), // bash starts too slowly for an emulator; Xen's own scripts ask for it
    // What configuring the packages would make.
    link('usr/bin/awk', 'mawk'),
    link('var/run', '../run'),
    link('var/lock', '../run/lock'),
    ...(await overlay('common')),
    ...(await overlay('dom0')),
  ]
  const own = [
    ...wanted.filter(({ path }) => xen.test(path)),
    folder('boot'),
    file('boot/xen.gz', hypervisor),
    file('boot/vmlinuz', await readFile(kernel.vmlinuz)),
    file('boot/initrd.img', await readFile(await bootInitramfs('dom0-boot', kernel.modules, ['virtio_blk']))),
    folder('lib/modules'),
    ...(await drivers(kernel.modules, dom0Drivers)),
  ]
  return {
    'core.cpio': await writeArchive('dom0-core', core, 'cpio'),
    'xen.cpio': await writeArchive('dom0-xen', own, 'cpio'),
  }
}

/** All of it is `core`. */
export const guestTree = async ({ vmlinuz, modules }: Unpacked): Promise<Tree> => {
  const core = [
    ...skeleton,
    ...(await busybox()),
    ...(await withLibraries('curl')),
    ...(await overlay('common')),
    ...(await overlay('guest')),
    file('boot/vmlinuz', await readFile(vmlinuz)),
    file(
      'boot/initrd.img',
      await readFile(await bootInitramfs('guest-boot', modules, ['xen_blkfront', 'xen_netfront'])),
    ),
  ]
  return { 'core.cpio': await writeArchive('guest-core', core, 'cpio') }
}

const overlay = async (name: string): Promise<CpioEntry[]> => contentsOf(join(systems, name))

const kernelOf = async (root: string) => {
  const [release] = await readdir(join(root, 'lib/modules'))
  if (release === undefined) throw new Error(`${root} has no kernel: remove it, it is filled again`)
  return { vmlinuz: join(root, `boot/vmlinuz-${release}`), modules: join(root, 'lib/modules', release) }
}

/** The initramfs of an installed system. ext4's checksums are a driver that it does not name as a dependency. */
const bootInitramfs = async (name: string, modules: string, disks: readonly string[]): Promise<string> =>
  writeArchive(
    name,
    [
      ...skeleton,
      ...(await busybox()),
      file('init', await readFile(join(systems, 'boot-init')), 0o755),
      ...(await drivers(modules, ['virtio_pci', ...disks, 'crc32c_generic', 'ext4'])),
    ],
    'cpio.gz',
  )
