// Which kernel and initrd a tree boots, and what the tree is: from its treeinfo, or from where every tree keeps them.
import type { DebianLayout } from '../../inventory/debian-tree.ts'
import { debianLayouts, parseDebianIdentity, parseSums } from '../../inventory/debian-tree.ts'
import type { Architecture } from '../../inventory/rows.ts'
import type { Checksum, Platform, Treeinfo } from '../../inventory/treeinfo.ts'
import { architectureOf, parseDiscinfo, parseTreeinfo, wellKnownPaths } from '../../inventory/treeinfo.ts'
import type { Tree } from './tree.ts'

export type Detected = Pick<Treeinfo, 'family' | 'version' | 'product'>

type BootFiles = Readonly<{
  arch: Architecture
  kernel: string
  initrd: string
  checksums: ReadonlyMap<string, Checksum>
  detected: Detected
  /** Machines install their packages from the tree itself. */
  isMirror: boolean
  /** What the administrator should know before relying on it. */
  remark: string | null
}>

/**
 * @param arch what the administrator says; a tree that says otherwise is an error
 * @throws when the tree has no such kernel, or its architecture isn't known
 */
export async function detectBootFiles(tree: Tree, platform: Platform, arch: Architecture | null): Promise<BootFiles> {
  const treeinfo =
    (await readTreeinfo(tree)) ?? (await readDebianTree(tree, platform, arch)) ?? (await readOldTree(tree))
  const { family, version, product, checksums } = treeinfo
  const kernel = platform === 'xen' ? treeinfo.xenKernel : treeinfo.kernel
  const initrd = platform === 'xen' ? treeinfo.xenInitrd : treeinfo.initrd
  if (kernel === null || initrd === null) throw new Error(`${tree.location}: ${noKernel(treeinfo, platform)}`)
  const detected = { family, version, product }
  const { isMirror, remark } = { isMirror: true, remark: null, ...treeinfo }
  return { arch: settleArch(tree, treeinfo, arch), kernel, initrd, checksums, detected, isMirror, remark }
}

/** Red Hat's own and most mirrors have `.treeinfo`; `treeinfo` is for those that drop dot files. */
async function readTreeinfo(tree: Tree): Promise<Treeinfo | null> {
  for (const name of ['.treeinfo', 'treeinfo']) {
    const text = await tree.text(name)
    if (text === null) continue
    const treeinfo = parseTreeinfo(text)
    if (treeinfo === null)
      throw new Error(`${tree.location}/${name} has neither [release] nor [general]: not a treeinfo`)
    return treeinfo
  }
  return null
}

type DebianTree = Treeinfo & Pick<BootFiles, 'isMirror' | 'remark'>

/** Null when it is none of Debian's. The netboot kernel boots Xen guests too, so it stands in for a missing `xen/`. */
async function readDebianTree(tree: Tree, platform: Platform, arch: Architecture | null): Promise<DebianTree | null> {
  const layouts = debianLayouts(arch)
  const layout = (await findLayout(tree, layouts, platform)) ?? (await findLayout(tree, layouts, 'pxeboot'))
  if (layout === undefined) return null
  const { kernel, initrd, checksums, isMirror, needsMedium } = layout
  const identity = parseDebianIdentity((await tree.text(layout.identity)) ?? '')
  const sums = checksums === null ? null : await tree.text(checksums)
  return {
    ...identity,
    arch: layout.arch === '' ? identity.arch : layout.arch,
    kernel,
    initrd,
    xenKernel: kernel,
    xenInitrd: initrd,
    checksums: sums === null || checksums === null ? new Map() : parseSums(sums, checksums),
    stage2: null,
    isMirror: isMirror || /\/dists\//.test(tree.location),
    remark: needsMedium
      ? `the installer in ${kernel} looks for its medium in a drive of the machine; to install from the network add a mirror's suite (--tree http://deb.debian.org/debian/dists/bookworm) or mini.iso`
      : null,
  }
}

async function findLayout(
  tree: Tree,
  layouts: readonly DebianLayout[],
  platform: Platform,
): Promise<DebianLayout | undefined> {
  for (const layout of layouts) {
    if (layout.platform === platform && (await tree.has(layout.kernel)) && (await tree.has(layout.initrd)))
      return layout
  }
  return undefined
}

/** EL 4 and before. */
async function readOldTree(tree: Tree): Promise<Treeinfo> {
  const pxeboot = await findPaths(tree, 'pxeboot')
  const xen = await findPaths(tree, 'xen')
  if (pxeboot === undefined && xen === undefined) {
    const places = wellKnownPaths.map(({ kernel }) => kernel).join(', ')
    throw new Error(
      `${tree.location} is not an installation tree: it has no .treeinfo, no treeinfo, and none of ${places}`,
    )
  }
  return {
    ...parseDiscinfo((await tree.text('.discinfo')) ?? ''),
    kernel: pxeboot?.kernel ?? null,
    initrd: pxeboot?.initrd ?? null,
    xenKernel: xen?.kernel ?? null,
    xenInitrd: xen?.initrd ?? null,
    checksums: new Map(),
    stage2: null,
  }
}

async function findPaths(tree: Tree, platform: Platform): Promise<(typeof wellKnownPaths)[number] | undefined> {
  for (const row of wellKnownPaths) {
    if (row.platform === platform && (await tree.has(row.kernel)) && (await tree.has(row.initrd))) return row
  }
  return undefined
}

function noKernel({ kernel, xenKernel, arch }: Treeinfo, platform: Platform): string {
  if (platform === 'xen' && kernel !== null)
    return 'the tree has no kernel for Xen guests; add it with --platform pxeboot'
  if (platform === 'pxeboot' && xenKernel !== null)
    return 'the tree has a kernel for Xen guests only; add it with --platform xen'
  return `its treeinfo names no kernel and initrd for ${arch ?? 'any architecture'}; give the tree that has images/pxeboot (BaseOS/…/os from EL 8 on)`
}

function settleArch(tree: Tree, { arch: said }: Treeinfo, given: Architecture | null): Architecture {
  const found = said === null ? null : architectureOf(said)
  if (said !== null && found === null)
    throw new Error(`${tree.location}: the tree is for ${said}, which Bootstead can't boot`)
  if (found !== null && given !== null && found !== given)
    throw new Error(`${tree.location}: the tree is for ${found}, not ${given}`)
  const arch = found ?? given
  if (arch === null) throw new Error(`${tree.location}: the tree doesn't say its architecture; give it with --arch`)
  return arch
}
