// Boot loaders that installed systems leave on their EFI system partition: where GRUB goes on to for a local boot.
// Its own `exit` ends in the setup screen of some firmware (OVMF 2022.11 among them) instead of the next boot option.

type DiskLoaderRow = Readonly<{ path: string; source: string }>

const vendors: readonly (readonly [folder: string, source: string])[] = [
  ['redhat', 'RHEL and Oracle Linux, shim package'],
  ['rocky', 'Rocky Linux, shim package'],
  ['almalinux', 'AlmaLinux, shim package'],
  ['centos', 'CentOS 7 and Stream, shim package'],
  ['fedora', 'Fedora, shim package'],
  ['scientific', 'Scientific Linux 7, shim package'],
  ['debian', 'Debian, shim-signed and grub-install'],
  ['ubuntu', 'Ubuntu, shim-signed and grub-install'],
]

/** Tried in this order: a vendor's shim, GRUB without shim, GRUB legacy of EL 6, then the removable-media path. */
const rows: readonly DiskLoaderRow[] = [
  ...['x64', 'aa64'].flatMap((arch) =>
    vendors.map(([folder, source]) => ({ path: `/EFI/${folder}/shim${arch}.efi`, source })),
  ),
  ...['x64', 'aa64'].flatMap((arch) =>
    vendors.map(([folder, source]) => ({ path: `/EFI/${folder}/grub${arch}.efi`, source })),
  ),
  { path: '/EFI/redhat/grub.efi', source: 'EL 6, grub 0.97 with EFI' },
  { path: '/EFI/BOOT/BOOTX64.EFI', source: 'UEFI 2.10 §3.5.1.1, removable media' },
  { path: '/EFI/BOOT/BOOTAA64.EFI', source: 'UEFI 2.10 §3.5.1.1, removable media' },
]

export const diskLoaderPaths: readonly string[] = rows.map(({ path }) => path)
