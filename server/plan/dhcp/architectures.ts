// The names of client architecture types (option 93), for people to read.

/** In the order of their numbers, from 0: IANA, "Processor Architecture Types" in the registry of DHCPv6 parameters. */
export const architectureNames: readonly string[] = [
  'x86 BIOS',
  'NEC PC-98',
  'Itanium',
  'DEC Alpha',
  'Arc x86',
  'Intel Lean Client',
  'x86 UEFI',
  'x64 UEFI',
  'EFI Xscale',
  'EBC',
  'ARM 32-bit UEFI',
  'ARM 64-bit UEFI',
  'PowerPC Open Firmware',
  'PowerPC ePAPR',
  'POWER OPAL v3',
  'x86 UEFI boot from HTTP',
  'x64 UEFI boot from HTTP',
  'EBC boot from HTTP',
  'ARM 32-bit UEFI boot from HTTP',
  'ARM 64-bit UEFI boot from HTTP',
  'x86 BIOS boot from HTTP',
  'ARM 32-bit U-Boot',
  'ARM 64-bit U-Boot',
  'ARM 32-bit U-Boot boot from HTTP',
  'ARM 64-bit U-Boot boot from HTTP',
  'RISC-V 32-bit UEFI',
  'RISC-V 32-bit UEFI boot from HTTP',
  'RISC-V 64-bit UEFI',
  'RISC-V 64-bit UEFI boot from HTTP',
  'RISC-V 128-bit UEFI',
  'RISC-V 128-bit UEFI boot from HTTP',
  's390 Basic',
  's390 Extended',
  'MIPS 32-bit UEFI',
  'MIPS 64-bit UEFI',
  'Sunway 32-bit UEFI',
  'Sunway 64-bit UEFI',
  'LoongArch 32-bit UEFI',
  'LoongArch 32-bit UEFI boot from HTTP',
  'LoongArch 64-bit UEFI',
  'LoongArch 64-bit UEFI boot from HTTP',
  'ARM rpiboot',
]

/** `POWER OPAL v3 (type 14)` */
export function describeArchitecture(type: number): string {
  return `${architectureNames[type] ?? 'an unknown architecture'} (type ${type})`
}
