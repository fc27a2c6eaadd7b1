// The boot loaders that Debian packages bring: which file of which package machines ask for under which name.

export type LoaderRow = Readonly<{
  /** Its path at the TFTP and HTTP doors, and in STATE/loaders. */
  name: string
  /** With an architecture (`:arm64`) where the package is not built for this host's. */
  package: string
  /** Where the package puts it. */
  path: string
  /** Without it some machines can't boot, but most sites have none of them. */
  optional: boolean
  source: string
}>

const bios = '/usr/lib/syslinux/modules/bios'
const efi64 = '/usr/lib/syslinux/modules/efi64'
const syslinuxWiki = 'wiki.syslinux.org, Library_modules: what each module loads in turn'

export const loaderRows: readonly LoaderRow[] = [
  {
    name: 'pxelinux.0',
    package: 'pxelinux',
    path: '/usr/lib/PXELINUX/pxelinux.0',
    optional: false,
    source: 'PXELINUX: BIOS over TFTP',
  },
  {
    name: 'lpxelinux.0',
    package: 'pxelinux',
    path: '/usr/lib/PXELINUX/lpxelinux.0',
    optional: false,
    source: 'PXELINUX since 5.10: BIOS, TFTP and HTTP',
  },
  {
    name: 'ldlinux.c32',
    package: 'syslinux-common',
    path: `${bios}/ldlinux.c32`,
    optional: false,
    source: 'PXELINUX since 5.00 does not start without it',
  },
  ...['mboot', 'libcom32', 'libutil', 'menu', 'vesamenu', 'chain', 'reboot', 'poweroff'].map((module) => ({
    name: `${module}.c32`,
    package: 'syslinux-common',
    path: `${bios}/${module}.c32`,
    optional: false,
    source: syslinuxWiki,
  })),
  {
    name: 'efi64/syslinux.efi',
    package: 'syslinux-efi',
    path: '/usr/lib/SYSLINUX.EFI/efi64/syslinux.efi',
    optional: true,
    source: 'SYSLINUX for UEFI; its modules have the names of the BIOS ones, hence the folder',
  },
  ...['ldlinux.e64', 'mboot.c32', 'libcom32.c32', 'libutil.c32', 'menu.c32'].map((module) => ({
    name: `efi64/${module}`,
    package: 'syslinux-common',
    path: `${efi64}/${module}`,
    optional: true,
    source: syslinuxWiki,
  })),
  ...['undionly.kpxe', 'ipxe.pxe', 'ipxe.lkrn', 'ipxe.efi', 'snponly.efi'].map((name) => ({
    name,
    package: 'ipxe',
    path: `/usr/lib/ipxe/${name}`,
    optional: false,
    source:
      'ipxe.org/appnote/buildtargets: undionly and snponly use the firmware’s network driver, the others their own',
  })),
  {
    name: 'shimx64.efi',
    package: 'shim-signed',
    path: '/usr/lib/shim/shimx64.efi.signed',
    optional: false,
    source: 'wiki.debian.org/SecureBoot: signed by Microsoft, loads grubx64.efi from beside itself',
  },
  {
    name: 'mmx64.efi',
    package: 'shim-helpers-amd64-signed',
    path: '/usr/lib/shim/mmx64.efi.signed',
    optional: false,
    source: 'shim README: MokManager, asked for when keys wait to be enrolled',
  },
  {
    name: 'grubx64.efi',
    package: 'grub-efi-amd64-signed',
    path: '/usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed',
    optional: false,
    source: 'grub2 debian/build-efi-images: the network build, prefix /grub',
  },
  {
    name: 'shimaa64.efi',
    package: 'shim-signed:arm64',
    path: '/usr/lib/shim/shimaa64.efi.signed',
    optional: true,
    source: 'as shimx64.efi',
  },
  {
    name: 'mmaa64.efi',
    package: 'shim-helpers-arm64-signed:arm64',
    path: '/usr/lib/shim/mmaa64.efi.signed',
    optional: true,
    source: 'as mmx64.efi',
  },
  {
    name: 'grubaa64.efi',
    package: 'grub-efi-arm64-signed:arm64',
    path: '/usr/lib/grub/arm64-efi-signed/grubnetaa64.efi.signed',
    optional: true,
    source: 'as grubx64.efi',
  },
  {
    name: 'memtest/memtest86+.bin',
    package: 'memtest86+',
    path: '/boot/memtest86+x64.bin',
    optional: false,
    source: 'memtest86+ 6 README: boots as a Linux kernel, BIOS',
  },
  {
    name: 'memtest/memtest86+.efi',
    package: 'memtest86+',
    path: '/boot/memtest86+x64.efi',
    optional: false,
    source: 'memtest86+ 6 README: the same as an EFI program; not signed for secure boot',
  },
]

/** Every package of the table, once, in its order. */
export const loaderPackages: readonly string[] = [...new Set(loaderRows.map((row) => row.package))]

/** How a person gets a package that is missing on the host; `refusal` is what apt said when it was asked for it. */
export function howToGet(packageName: string, refusal: string | null): string {
  const arch = /:(.+)$/.exec(packageName)?.[1]
  if (arch !== undefined)
    return `dpkg --add-architecture ${arch}, apt-get update, then: bootstead loaders collect --download`
  return refusal ?? `apt-get install ${packageName}, or: bootstead loaders collect --download`
}
