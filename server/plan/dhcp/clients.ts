// Who asks: the client's platform by architecture type, and whether it is firmware, iPXE or an operating system.
import { clientArchitecture, ipxeFeatures, userClass, vendorClass } from './options.ts'
import type { DhcpMessage } from './message.ts'

export const platforms = ['bios', 'uefi-ia32', 'uefi-x64', 'uefi-arm64', 'uefi-riscv64'] as const
export type Platform = (typeof platforms)[number]

/** `pxe`: a PXE ROM; `http`: UEFI HTTP boot; `ipxe`: iPXE, from ROM or chained; `system`: anything that doesn't boot. */
export type Agent = 'pxe' | 'http' | 'ipxe' | 'system'
export type Client = Readonly<{ platform: Platform; agent: Agent }>

type ArchitectureRow = Readonly<{ type: number; platform: Platform; http: boolean; source: string }>

const iana = 'IANA, Processor Architecture Types (DHCPv6 parameters)'

/** What option 93 means. A type that isn't here is a machine whose loaders we don't have. */
export const architectureTypes: readonly ArchitectureRow[] = [
  { type: 0, platform: 'bios', http: false, source: 'RFC 4578 §2.1: Intel x86PC' },
  { type: 6, platform: 'uefi-ia32', http: false, source: 'RFC 4578 §2.1: EFI IA32' },
  { type: 7, platform: 'uefi-x64', http: false, source: 'RFC 4578 §2.1 erratum 4625: x64 UEFI; what firmware sends' },
  { type: 9, platform: 'uefi-x64', http: false, source: 'RFC 4578 §2.1: listed as EFI x86-64; sent by a few' },
  { type: 11, platform: 'uefi-arm64', http: false, source: `${iana}: ARM 64-bit UEFI` },
  { type: 15, platform: 'uefi-ia32', http: true, source: `${iana}: x86 UEFI boot from HTTP` },
  { type: 16, platform: 'uefi-x64', http: true, source: `${iana}: x64 UEFI boot from HTTP` },
  { type: 19, platform: 'uefi-arm64', http: true, source: `${iana}: ARM 64-bit UEFI boot from HTTP` },
  { type: 27, platform: 'uefi-riscv64', http: false, source: `${iana}: RISC-V 64-bit UEFI` },
  { type: 28, platform: 'uefi-riscv64', http: true, source: `${iana}: RISC-V 64-bit UEFI boot from HTTP` },
]

/** Null for an architecture type that isn't in the table. A client that gives none is taken for a BIOS, as PXE 2.1 has it. */
export function clientOf(request: DhcpMessage): Client | null {
  const type = clientArchitecture(request) ?? 0
  const row = architectureTypes.find((one) => one.type === type)
  if (row === undefined) return null
  return { platform: row.platform, agent: agentOf(request, row) }
}

function agentOf(request: DhcpMessage, row: ArchitectureRow): Agent {
  const vendor = vendorClass(request) ?? ''
  if (userClass(request).includes('iPXE') || ipxeFeatures(request) !== null) return 'ipxe'
  if (vendor.startsWith('HTTPClient') || (row.http && vendor === '')) return 'http'
  return vendor.startsWith('PXEClient') ? 'pxe' : 'system'
}
