// What a Debian installation tree is made of: a mirror's suite, the netboot folder in it, its mini.iso, or a medium.
// Sources: Debian Installation Guide 4.5 (TFTP net booting), debian-installer build/config (netboot, mini.iso),
// debian-cd (.disk/info, install.amd), wiki.debian.org/DebianRepository/Format (Release).
import type { Architecture } from './rows.ts'
import type { Checksum, Platform, Treeinfo } from './treeinfo.ts'
import { familyOf, versionOf } from './treeinfo.ts'

/** Where one kind of tree keeps an installer for one architecture. */
export type DebianLayout = Readonly<{
  platform: Platform
  /** Debian's name of the architecture. */
  arch: string
  kernel: string
  initrd: string
  /** The file that says which Debian it is. */
  identity: string
  /** Checksums of files in the same folder and below. */
  checksums: string | null
  /** Packages are installed from here. */
  isMirror: boolean
  /** Its installer looks for the medium it came on. */
  needsMedium: boolean
}>

const debianNames: readonly Readonly<{ arch: Architecture; debian: string; medium: string | null }>[] = [
  { arch: 'x86_64', debian: 'amd64', medium: 'install.amd' },
  { arch: 'i386', debian: 'i386', medium: 'install.386' },
  { arch: 'aarch64', debian: 'arm64', medium: 'install.a64' },
  { arch: 'riscv64', debian: 'riscv64', medium: null },
]

const netboot = { isMirror: false, needsMedium: false }

/** Every place to look at, the best first; `arch`: only that architecture's. */
export function debianLayouts(arch: Architecture | null): readonly DebianLayout[] {
  const names = debianNames.filter((one) => arch === null || one.arch === arch)
  const suites = names.flatMap(({ debian }) => {
    const images = `main/installer-${debian}/current/images`
    const about = { identity: 'Release', checksums: `${images}/SHA256SUMS`, isMirror: true, needsMedium: false }
    return netbootKernels(debian, `${images}/netboot/`).map((files) => ({ ...files, ...about }))
  })
  const folders = names.flatMap(({ debian }) =>
    netbootKernels(debian, '').map((files) => ({ ...files, identity: 'version.info', checksums: null, ...netboot })),
  )
  const media = names.flatMap(({ debian, medium }): readonly DebianLayout[] => {
    if (medium === null) return []
    const about = { arch: debian, identity: '.disk/info', checksums: null, isMirror: true, needsMedium: true }
    return [
      { platform: 'pxeboot', kernel: `${medium}/vmlinuz`, initrd: `${medium}/initrd.gz`, ...about },
      { platform: 'xen', kernel: `${medium}/xen/vmlinuz`, initrd: `${medium}/xen/initrd.gz`, ...about },
    ]
  })
  const mini: DebianLayout = {
    platform: 'pxeboot',
    arch: '',
    kernel: 'linux',
    initrd: 'initrd.gz',
    identity: '.disk/info',
    checksums: null,
    ...netboot,
  }
  return [...suites, ...folders, ...media, mini]
}

function netbootKernels(
  arch: string,
  folder: string,
): readonly Pick<DebianLayout, 'platform' | 'arch' | 'kernel' | 'initrd'>[] {
  const own = `${folder}debian-installer/${arch}`
  return [
    { platform: 'pxeboot', arch, kernel: `${own}/linux`, initrd: `${own}/initrd.gz` },
    { platform: 'xen', arch, kernel: `${folder}xen/vmlinuz`, initrd: `${folder}xen/initrd.gz` },
  ]
}

/**
 * `Release` of a suite (`Origin: Debian`, `Version: 12.11`), `version.info` of a netboot folder (`Debian version:  12
 * (bookworm)`), or `.disk/info` of a medium (`Debian GNU/Linux 12.5.0 "Bookworm" - Official amd64 NETINST …`).
 */
export function parseDebianIdentity(text: string): Pick<Treeinfo, 'family' | 'product' | 'version' | 'arch'> {
  const [first = ''] = text.split(/\r?\n/)
  const field = (name: string): string | undefined => new RegExp(`^${name}:[ \\t]*(.+?)\\s*$`, 'm').exec(text)?.[1]
  const origin = field('Origin')
  const [, named = '', number] =
    /^([A-Za-z][A-Za-z/ -]*?)(?: version)?:?\s+(\d+(?:\.\d+)*)/.exec(first) ??
    /^([A-Za-z][A-Za-z/ -]*)/.exec(first) ??
    []
  const product = (origin ?? named).trim()
  const version = origin === undefined ? number : field('Version')
  return {
    family: familyOf(product),
    product,
    version: version === undefined ? null : versionOf(version),
    arch: debianNames.find(({ debian }) => new RegExp(`\\b${debian}\\b`).test(first))?.debian ?? null,
  }
}

/** `SHA256SUMS`, by path in the tree: its own paths begin at the folder it lies in. */
export function parseSums(text: string, path: string): ReadonlyMap<string, Checksum> {
  const folder = path.slice(0, path.lastIndexOf('/') + 1)
  const lines = [...text.matchAll(/^([0-9a-f]{64}) [ *](?:\.\/)?(\S+)$/gm)]
  return new Map(lines.map(([, hex = '', file = '']) => [`${folder}${file}`, { algorithm: 'sha256', hex }]))
}
