// A guest as its Dom0 runs it: what its running and its install configuration say, before anything is written down.
import { createHash } from 'node:crypto'
import type { CpuSet } from '../inventory/cpus.ts'
import { bridgeFor } from '../inventory/findings.ts'
import type { Architecture, GuestType } from '../inventory/rows.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import { vdisks, vdiskTargets } from '../inventory/vdisk.ts'
import type { Platform } from './hypervisor.ts'
import { diskPrefix } from './hypervisor.ts'
import { effectiveMac } from './interfaces.ts'
import type { Settings } from './settings.ts'

type Guest = Readonly<{
  name: string
  uuid: string
  memoryMiB: number
  vcpus: number
  cpus: CpuSet | null
  vifs: readonly Readonly<{ mac: string; bridge: string }>[]
  disks: readonly Readonly<{ kind: 'block' | 'file'; device: string; target: string }>[]
  /** Where xenconf puts the install kernel and initrd on the Dom0; null when the guest's profile has no image. */
  installKernel: string | null
  installInitrd: string | null
}>

export type XenGuest = Guest &
  Readonly<{
    hypervisor: 'xen'
    type: GuestType
    /** The program in the Dom0 that reads the kernel off the guest's disk. */
    bootloader: string
    /** A full machine's firmware and device model, where Xen's tools want them named. */
    hvm: Readonly<{ loader: string; deviceModel: string }> | null
  }>

export type KvmGuest = Guest &
  Readonly<{
    hypervisor: 'kvm'
    arch: Architecture
    /** It drives virtio devices. */
    virtio: boolean
  }>

export type GuestPlan = XenGuest | KvmGuest

/** Where a Dom0 keeps the kernels its guests' installers boot. */
const bootFolder = '/var/lib/bootstead/boot'

/** Characters that no configuration of a guest can hold. */
export const hazards: Readonly<Record<GuestPlan['hypervisor'], Readonly<{ pattern: RegExp; names: string }>>> = {
  // Python's strings, which xm reads, and xl's own are alike without these only.
  xen: { pattern: /["\\\p{Cc}]/u, names: 'a quote, backslash or control character' },
  // XML 1.0 §2.2
  kvm: { pattern: /[\p{Cc}\p{Cs}\ufffe\uffff]/u, names: 'a control character' },
}

/** The guest's plan on its Dom0; null while that has no hypervisor. `guest` has no withholding finding. */
export function planGuest(snapshot: Snapshot, dom0: Settings, guest: Settings): GuestPlan | null {
  const { platform } = guest
  if (platform === null) return null
  const common = commonPlan(snapshot, guest, platform)
  if (platform.hypervisor === 'kvm')
    return { ...common, hypervisor: 'kvm', arch: guest.arch.value, virtio: platform.drivers }
  const { xen, type } = platform
  const bootloader = guest.params.get('bootloader')?.value
  const isNamed = type === 'hvm' && xen.hvm !== null
  return {
    ...common,
    hypervisor: 'xen',
    type,
    bootloader: typeof bootloader === 'string' ? bootloader : xen.pygrub,
    hvm: isNamed ? { loader: xen.hvm.loader, deviceModel: xen.hvm.deviceModel(dom0.arch.value) } : null,
  }
}

function commonPlan(snapshot: Snapshot, guest: Settings, platform: Platform): Guest {
  const { machine, image } = guest
  const targets = vdiskTargets(machine.vdisk, diskPrefix(platform))
  const local = (file: string | null | undefined): string | null =>
    image.value === null || file == null ? null : `${bootFolder}/${image.value.name}/${file}`
  return {
    name: machine.hostname,
    uuid: machine.uuid ?? derivedUuid(machine.hostname),
    memoryMiB: machine.memory_mib ?? 0,
    vcpus: machine.vcpus ?? 1,
    cpus: machine.cpus,
    vifs: guest.nics.flatMap((nic) => {
      const [mac, bridge] = [effectiveMac(machine, nic), bridgeFor(snapshot, machine.dom0 ?? '', nic)]
      return mac === null || bridge === null ? [] : [{ mac, bridge }]
    }),
    disks: vdisks(machine.vdisk).map(({ kind, device }, index) => ({ kind, device, target: targets[index] ?? '' })),
    installKernel: local(image.value?.kernel),
    installInitrd: local(image.value?.initrd),
  }
}

/** A hypervisor makes a new UUID for a domain that has none; a stable one keeps a guest the same machine. */
function derivedUuid(hostname: string): string {
  const hex = createHash('sha256').update(`bootstead guest ${hostname}`).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}` // RFC 9562 §5.5: a name-based form
}
