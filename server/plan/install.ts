// What an install boots, and what keeps a machine from being installed as far as the rows can tell.
import type { Known } from '../inventory/findings.ts'
import { describeWithheld, findings, isWithheld } from '../inventory/findings.ts'
import type { Image } from '../inventory/rows.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import { vdiskTargets } from '../inventory/vdisk.ts'
import { installArguments } from './arguments.ts'
import type { Loader } from './bootfile.ts'
import { loaderOf } from './bootfile.ts'
import { hazards } from './guest.ts'
import { diskPrefix } from './hypervisor.ts'
import type { ReleaseQuirks } from './release.ts'
import { releaseQuirks } from './release.ts'
import type { Server } from './server.ts'
import type { Settings } from './settings.ts'

/** A release's quirks and its installer's files; paths are the catalogue's, `images/NAME/…`. */
export type Release = Readonly<{
  quirks: ReleaseQuirks
  files: Readonly<{ image: Image; kernel: string; initrd: string | null }>
}>

/** What the machine's profiles and image give for an install or a rescue, or what they lack. */
export function releaseOf(settings: Settings): Release | string {
  const { family, version, image } = settings
  if (family.value === null || version.value === null)
    return `no profile of ${settings.machine.hostname} (${chainNames(settings)}) names a family and version`
  const quirks = releaseQuirks(family.value, version.value)
  if (quirks === null) return `${family.value} ${version.value} is not a release whose installer is known`
  if (image.value === null) return `no profile of ${settings.machine.hostname} (${chainNames(settings)}) names an image`
  const at = (file: string): string => `images/${image.value?.name ?? ''}/${file}`
  const { kernel, initrd } = image.value
  return { quirks, files: { image: image.value, kernel: at(kernel), initrd: initrd === null ? null : at(initrd) } }
}

const chainNames = (settings: Settings): string => settings.chain.profiles.map((profile) => profile.name).join(' < ')

export function kickstartUrl(settings: Settings, secret: string): string {
  return `${settings.serverUrl ?? ''}/ks/${settings.machine.hostname}?token=${secret}`
}

type ObstacleContext = Readonly<{ snapshot: Snapshot; server: Server; known: Known }>

/**
 * What keeps a machine that isn't withheld from being installed, or null. Arming refuses with it; what is armed already is
 * held.
 */
export function installObstacle(context: ObstacleContext, settings: Settings): string | null {
  const release = releaseOf(settings)
  if (typeof release === 'string') return release
  for (const check of checks) {
    const problem = check({ ...context, settings, release })
    if (problem !== null) return problem
  }
  return settings.chain.broken
}

type Subject = ObstacleContext & Readonly<{ settings: Settings; release: Release }>

const checks: readonly ((subject: Subject) => string | null)[] = [
  checkRows,
  checkName,
  checkDom0,
  checkGuestType,
  checkTargets,
  checkChecksums,
  checkHazards,
  checkLength,
]

function checkRows({ settings }: Subject): string | null {
  const { machine, template, disk, serverUrl } = settings
  if (template.value === null) return `no profile of ${machine.hostname} (${chainNames(settings)}) names a template`
  if (disk.value === null)
    return `machine ${machine.hostname} names no disk that an install may erase; set it: bootstead machine set ${machine.hostname} disk=sda`
  return serverUrl === null ? 'this server does not know its own address; start it with --advertise ADDRESS' : null
}

/** Linux, include/uapi/linux/utsname.h: __NEW_UTS_LEN. `hostname` refuses a longer name, and so does systemd. */
const longestName = 64

function checkName({ settings: { fqdn, domain } }: Subject): string | null {
  if (fqdn.length <= longestName) return null
  const { layer, row, column } = domain.origin
  return `the name ${fqdn} has ${fqdn.length} characters, and Linux takes ${longestName}: shorten the host name or the domain (${layer} ${row}, ${column})`
}

/** Its Dom0 is answered nothing, so it would never learn of the install. */
function checkDom0({ snapshot, known, settings }: Subject): string | null {
  const { dom0 } = settings.machine
  const found = dom0 === null ? [] : findings(snapshot, dom0, known)
  return isWithheld(found) ? `its Dom0 ${dom0 ?? ''} is withheld: ${describeWithheld(found)}` : null
}

function checkGuestType({ settings: { machine, platform, guestType } }: Subject): string | null {
  if (platform?.hypervisor !== 'xen' || platform.xen.installs.includes(platform.type)) return null
  return `${platform.xen.name} on ${machine.dom0 ?? ''} can't boot the installer of a guest of type ${platform.type} (profile ${guestType.origin.row}): give it guest_type ${platform.xen.installs.join(' or ')}, or a Dom0 of a later release`
}

/** qemu's PC and Xen's have one IDE controller of two channels. */
function checkTargets({ settings: { machine, platform } }: Subject): string | null {
  if (platform === null || (platform.hypervisor === 'xen' && platform.type !== 'hvm')) return null
  const beyond = vdiskTargets(machine.vdisk, diskPrefix(platform)).find((target) => /^hd[e-z]/.test(target))
  if (beyond === undefined) return null
  return `its vdisk ${beyond} is one too many: IDE has four disks, hda to hdd; give the others a target such as /dev/vg0/data:sda`
}

/** A Dom0 fetches only what it can verify, and a configuration that names a kernel which isn't there starts nothing. */
function checkChecksums({ settings: { machine, image } }: Subject): string | null {
  if (machine.dom0 === null || image.value === null) return null
  const { name, kernel, initrd, sha256 } = image.value
  const missing = [kernel, initrd].filter((file) => file !== null && !Object.hasOwn(sha256, file))
  if (missing.length === 0) return null
  return `image ${name} has no sha256 of ${missing.join(' and ')}, so ${machine.dom0} can't verify what it fetches; bootstead image add ${name} records it (with --tree TREE, or --kernel FILE${initrd === null ? '' : ' --initrd FILE'})`
}

function checkHazards(subject: Subject): string | null {
  const { platform } = subject.settings
  if (platform === null) return null
  const { pattern, names } = hazards[platform.hypervisor]
  const arg = commandLine(subject).find(({ value }) => pattern.test(value))
  if (arg === undefined) return null
  const { layer, row, column } = arg.origin
  return `the kernel argument ${JSON.stringify(arg.value)} (${layer} ${row}, ${column}) has ${names}, which no configuration of a guest of ${platform.hypervisor} can say; take it out`
}

/** As long as a token is (inventory/store/record.ts). */
const secretOfLength = 'x'.repeat(22)

function commandLine({ settings, release }: Subject): ReturnType<typeof installArguments> {
  return installArguments(settings, release.quirks, kickstartUrl(settings, secretOfLength))
}

/** Xen, xen/include/public/xen.h: MAX_GUEST_CMDLINE 1024, with its end. */
const xenCommandLineLength = 1023

function checkLength(subject: Subject): string | null {
  const { settings, release } = subject
  const args = commandLine(subject).map(({ value }) => value)
  const length = Buffer.byteLength([...loaderWords(settings, release), ...args].join(' '))
  const isXen = settings.platform?.hypervisor === 'xen' && settings.platform.type !== 'hvm'
  const limit = isXen
    ? Math.min(xenCommandLineLength, release.quirks.commandLineLength)
    : release.quirks.commandLineLength
  if (length <= limit) return null
  const longest = args.toSorted((a, b) => b.length - a.length).slice(0, 3)
  const shown = longest.map((arg) => `${arg.split('=')[0] ?? ''} (${arg.length})`).join(', ')
  const lessOfIt = settings.machine.dom0 === null ? ', set the param loader to ipxe, whose menu says less' : ''
  return `its installer's kernel command line has ${length} characters, and ${limit} are read: shorten kernel_args or the image's name, leave name servers out${lessOfIt}; the longest of it: ${shown}`
}

/** What the boot loader itself puts before the arguments. A guest's are handed over as they are. */
const loaderForms: Readonly<Record<Loader, (kernel: string, initrd: string) => readonly string[]>> = {
  // The longest: SYSLINUX 6, com32/elflink/ldlinux/kernel.c and readconfig.c
  auto: (kernel, initrd) => [`BOOT_IMAGE=/${kernel}`, `initrd=/${initrd}`],
  pxelinux: (kernel, initrd) => [`BOOT_IMAGE=/${kernel}`, `initrd=/${initrd}`],
  grub: (kernel) => [`BOOT_IMAGE=/${kernel}`],
  ipxe: (_, initrd) => [`initrd=${initrd.split('/').at(-1) ?? ''}`],
}

function loaderWords(settings: Settings, { files }: Release): readonly string[] {
  if (settings.machine.dom0 !== null) return []
  return loaderForms[loaderOf(settings).value](files.kernel, files.initrd ?? '')
}
