// What an installation tree says of itself: `.treeinfo`, and `.discinfo` for trees older than that.
// Sources: productmd doc/treeinfo-1.1.rst (productmd 1.x; its [general] section keeps the form of EL 5 and 6),
// anaconda 11.1 scripts/makestamp.py and scripts/buildinstall (.discinfo, and the paths every tree has).
import type { Architecture, Family } from './rows.ts'

const checksumAlgorithms = ['md5', 'sha1', 'sha224', 'sha256', 'sha384', 'sha512'] as const
export type Checksum = Readonly<{ algorithm: (typeof checksumAlgorithms)[number]; hex: string }>

/** Paths are relative to the tree, never upwards; null is what the tree doesn't say. */
export type Treeinfo = Readonly<{
  family: Family | null
  /** As the tree names itself; '' when it doesn't. */
  product: string
  version: string | null
  /** As the tree writes it, so `ppc64le` too: see architectureOf(). */
  arch: string | null
  kernel: string | null
  initrd: string | null
  xenKernel: string | null
  xenInitrd: string | null
  checksums: ReadonlyMap<string, Checksum>
  stage2: string | null
}>

/** `starts`: the word or words a name begins with, in lower case. */
const products: readonly Readonly<{ starts: string; family: Family; source: string }>[] = [
  { starts: 'scientific', family: 'el', source: 'Scientific Linux 4 to 7, and its CERN and Fermi spins' },
  { starts: 'sl', family: 'el', source: 'Scientific Linux: [release] short, and the package folder SL/' },
  { starts: 'centos', family: 'el', source: 'CentOS 4 to 8, CentOS Stream' },
  { starts: 'red hat', family: 'el', source: 'Red Hat Enterprise Linux' },
  { starts: 'redhat', family: 'el', source: 'Red Hat Enterprise Linux 4 and 5: the package folder RedHat/' },
  { starts: 'rhel', family: 'el', source: 'Red Hat Enterprise Linux: [release] short' },
  { starts: 'rocky', family: 'el', source: 'Rocky Linux' },
  { starts: 'almalinux', family: 'el', source: 'AlmaLinux' },
  { starts: 'oracle', family: 'el', source: 'Oracle Linux Server' },
  { starts: 'fedora', family: 'fedora', source: 'Fedora, Fedora-Server' },
  { starts: 'debian', family: 'debian', source: 'Release: Origin; .disk/info: Debian GNU/Linux; version.info: Debian' },
]

const architectureNames: ReadonlyMap<string, Architecture> = new Map<string, Architecture>([
  ['i386', 'i386'],
  ['i486', 'i386'],
  ['i586', 'i386'],
  ['i686', 'i386'],
  ['x86_64', 'x86_64'],
  ['amd64', 'x86_64'],
  ['aarch64', 'aarch64'],
  ['arm64', 'aarch64'],
  ['riscv64', 'riscv64'],
])

export type Platform = 'pxeboot' | 'xen'

/** Where a tree without `.treeinfo` keeps its installer, the usual place first. */
export const wellKnownPaths: readonly Readonly<{
  platform: Platform
  kernel: string
  initrd: string
  source: string
}>[] = [
  {
    platform: 'pxeboot',
    kernel: 'images/pxeboot/vmlinuz',
    initrd: 'images/pxeboot/initrd.img',
    source: 'anaconda mk-images: every EL 4 tree',
  },
  {
    platform: 'pxeboot',
    kernel: 'isolinux/vmlinuz',
    initrd: 'isolinux/initrd.img',
    source: 'anaconda mk-images.x86: the boot CD, also of trees stripped of images/',
  },
  {
    platform: 'xen',
    kernel: 'images/xen/vmlinuz',
    initrd: 'images/xen/initrd.img',
    source: 'anaconda mk-images.x86: kernel-xenU and kernel-xen',
  },
]

/** Null for an architecture we can't boot. */
export function architectureOf(text: string): Architecture | null {
  return architectureNames.get(text.trim().toLowerCase()) ?? null
}

export function familyOf(product: string): Family | null {
  const name = product.trim().toLowerCase()
  const begins = (starts: string): boolean => name.startsWith(starts) && !/^[a-z]/.test(name.slice(starts.length))
  return products.find(({ starts }) => begins(starts))?.family ?? null
}

/** Null when the text is no treeinfo: a web page of somebody's proxy, say. Never throws. */
export function parseTreeinfo(text: string): Treeinfo | null {
  const ini = parseIni(text)
  if (!ini.has('release') && !ini.has('general')) return null
  const first = (...places: readonly (readonly [string, string])[]): string | null =>
    places.map(([section, key]) => ini.get(section)?.get(key)).find((value) => value !== undefined && value !== '') ??
    null
  const product = first(['release', 'name'], ['general', 'family'], ['release', 'short']) ?? ''
  const version = first(['release', 'version'], ['general', 'version'])
  const arch = first(['tree', 'arch'], ['general', 'arch'])
  const path = (section: string, key: string): string | null => treePath(ini.get(section)?.get(key) ?? '')
  const images = `images-${arch ?? ''}`
  return {
    family: familyOf(product),
    product,
    version: version === null ? null : versionOf(version),
    arch,
    kernel: path(images, 'kernel'),
    initrd: path(images, 'initrd'),
    xenKernel: path('images-xen', 'kernel'),
    xenInitrd: path('images-xen', 'initrd'),
    checksums: parseChecksums(ini.get('checksums') ?? new Map<string, string>()),
    stage2: path('stage2', 'mainimage') ?? path('stage2', 'instimage'),
  }
}

/**
 * The lines of `.discinfo`: a time, the release, the architecture, the disc numbers, the package folder. The release
 * is `Red Hat Enterprise Linux 4`, `7.9`, or, of no use to us, `Final`: then the package folder tells the product.
 */
export function parseDiscinfo(text: string): Pick<Treeinfo, 'family' | 'product' | 'version' | 'arch'> {
  const [, release = '', arch = '', , packages = ''] = text.split(/\r?\n/).map((line) => line.trim())
  const [, name = '', version = null] = /^(.*?)\s*(\d+(?:\.\d+)*)?$/.exec(release) ?? []
  const folder = packages.split('/')[0] ?? ''
  const product = [name, folder].find((candidate) => familyOf(candidate) !== null) ?? ''
  return {
    family: familyOf(product),
    product,
    version: version === null ? null : versionOf(version),
    arch: arch === '' ? null : arch,
  }
}

/** `7.9.2009` and `8-stream` become what a profile's version takes, `7.9` and `8`; `Rawhide` stays. */
export function versionOf(text: string): string {
  return /^\d+(\.\d+)?/.exec(text)?.[0] ?? text
}

type Ini = ReadonlyMap<string, ReadonlyMap<string, string>>

/** The dialect of Python's configparser, less what no tree uses: interpolation and values of several lines. */
function parseIni(text: string): Ini {
  const sections = new Map<string, Map<string, string>>()
  let section: Map<string, string> | null = null
  for (const raw of text.replace(/^\uFEFF/, '').split(/\r?\n/)) {
    const line = raw.trim()
    if (line === '' || line.startsWith('#') || line.startsWith(';')) continue
    const heading = /^\[([^\]]+)\]$/.exec(line)?.[1]
    if (heading !== undefined) {
      section = sections.get(heading) ?? new Map<string, string>()
      sections.set(heading, section)
      continue
    }
    const at = line.includes('=') ? line.indexOf('=') : line.indexOf(':')
    if (at > 0) section?.set(line.slice(0, at).trim(), line.slice(at + 1).trim())
  }
  return sections
}

/** A file's place in the tree, or null: what a tree says is not to be trusted with a path upwards or an absolute one. */
function treePath(text: string): string | null {
  const path = text.replace(/^(\.\/+)+/, '')
  const isSafe =
    path !== '' && !/[\p{Cc}\\]/u.test(path) && path.split('/').every((part) => part !== '' && part !== '..')
  return isSafe ? path : null
}

/** A checksum of an algorithm or a length unknown to us counts as not given; addImage() tells which files it checked. */
function parseChecksums(section: ReadonlyMap<string, string>): ReadonlyMap<string, Checksum> {
  const checksums = new Map<string, Checksum>()
  for (const [file, value] of section) {
    const path = treePath(file)
    const [, name = '', hex = ''] = /^([a-z0-9]+):\s*([0-9a-f]+)$/.exec(value.toLowerCase()) ?? []
    const algorithm = checksumAlgorithms.find((known) => known === (name === 'sha' ? 'sha1' : name)) // yum's name for SHA-1
    if (path !== null && algorithm !== undefined && hex.length === hexLength[algorithm])
      checksums.set(path, { algorithm, hex })
  }
  return checksums
}

const hexLength: Readonly<Record<Checksum['algorithm'], number>> = {
  md5: 32,
  sha1: 40,
  sha224: 56,
  sha256: 64,
  sha384: 96,
  sha512: 128,
}
