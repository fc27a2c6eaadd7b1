// Who asks: the client's platform by architecture type, and whether it is firmware, iPXE or an operating system.
import { describeArchitecture } from './architectures.ts'
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
  return clientFrom(typeOf(request), wordsOf(request))
}

/** What a client calls itself, in DHCP or DHCPv6. */
type ClientWords = Readonly<{ vendorClass: string | null; isIpxe: boolean }>

/** @param architecture of option 93, or 61 of DHCPv6 */
export function clientFrom(architecture: number, words: ClientWords): Client | null {
  const row = rowOf(architecture)
  return row === undefined ? null : { platform: row.platform, agent: agentOf(words, row.http) }
}

const wordsOf = (request: DhcpMessage): ClientWords => ({
  vendorClass: vendorClass(request),
  isIpxe: userClass(request).includes('iPXE') || ipxeFeatures(request) !== null,
})

/** What firmware or iPXE says that it runs on, when the table has no such type; null for every other client. */
export function strangePlatform(request: DhcpMessage): string | null {
  const type = typeOf(request)
  return rowOf(type) === undefined && agentOf(wordsOf(request), false) !== 'system' ? describeArchitecture(type) : null
}

const typeOf = (request: DhcpMessage): number => clientArchitecture(request) ?? 0

const rowOf = (wanted: number): ArchitectureRow | undefined => architectureTypes.find(({ type }) => type === wanted)

/** @param isHttpType whether its architecture type is one of HTTP boot */
function agentOf({ vendorClass: word, isIpxe }: ClientWords, isHttpType: boolean): Agent {
  const vendor = word ?? ''
  if (isIpxe) return 'ipxe'
  if (vendor.startsWith('HTTPClient') || (isHttpType && vendor === '')) return 'http'
  return vendor.startsWith('PXEClient') ? 'pxe' : 'system'
}
