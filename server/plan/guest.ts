// A guest as its Dom0 runs it: what the two Xen configurations say, before anything is written down.
import { createHash } from 'node:crypto'
import type { CpuSet } from '../inventory/cpus.ts'
import { bridgeFor } from '../inventory/findings.ts'
import type { GuestType } from '../inventory/rows.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import { vdisks, vdiskTargets } from '../inventory/vdisk.ts'
import { effectiveMac } from './interfaces.ts'
import type { Settings } from './settings.ts'

export type GuestPlan = Readonly<{
  name: string
  uuid: string
  type: GuestType
  memoryMiB: number
  vcpus: number
  cpus: CpuSet | null
  /** The program in the Dom0 that reads the kernel off the guest's disk. */
  bootloader: string
  vifs: readonly Readonly<{ mac: string; bridge: string; model: string | null }>[]
  disks: readonly Readonly<{ prefix: 'phy' | 'file' | 'tap:aio'; device: string; target: string }>[]
  /** Where xenconf puts the install kernel and initrd on the Dom0; null when the guest's profile has no image. */
  installKernel: string | null
  installInitrd: string | null
}>

/** Where a Dom0 keeps the kernels its guests' installers boot. */
export const bootFolder = '/var/lib/bootstead/boot'

/** The guest's plan on its Dom0. `guest` is a machine with `dom0` set and no withholding finding. */
export function planGuest(snapshot: Snapshot, guest: Settings): GuestPlan {
  const { machine, image } = guest
  const dom0 = machine.dom0 ?? ''
  const type = guest.guestType.value
  const bootloader = guest.params.get('bootloader')?.value
  const targets = vdiskTargets(machine.vdisk, type)
  const local = (file: string | null | undefined): string | null =>
    image.value === null || file == null ? null : `${bootFolder}/${image.value.name}/${file}`
  return {
    name: machine.hostname,
    uuid: machine.uuid ?? derivedUuid(machine.hostname),
    type,
    memoryMiB: machine.memory_mib ?? 0,
    vcpus: machine.vcpus ?? 1,
    cpus: machine.cpus,
    bootloader: typeof bootloader === 'string' ? bootloader : 'pygrub',
    vifs: guest.nics.flatMap((nic) => {
      const [mac, bridge] = [effectiveMac(machine, nic), bridgeFor(snapshot, dom0, nic)]
      return mac === null || bridge === null ? [] : [{ mac, bridge, model: type === 'hvm' ? 'e1000' : null }]
    }),
    disks: vdisks(machine.vdisk).map((vdisk, index) => ({
      prefix: vdisk.kind === 'block' ? 'phy' : 'file',
      device: vdisk.kind === 'block' ? vdisk.device.replace(/^\/dev\//, '') : vdisk.device,
      target: targets[index] ?? '',
    })),
    installKernel: local(image.value?.kernel),
    installInitrd: local(image.value?.initrd),
  }
}

/** Xen makes a new UUID at each start of a domain that has none; a stable one keeps a guest the same machine. */
function derivedUuid(hostname: string): string {
  const hex = createHash('sha256').update(`bootstead guest ${hostname}`).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}` // RFC 9562 §5.5: a name-based form
}
