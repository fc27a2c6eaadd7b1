// What a guest sees of its Dom0's hypervisor: what its disks and its console are called, and what that Xen can't do.
import { inherited, profileChain } from '../inventory/profiles.ts'
import type { Architecture, Family, GuestType, Machine } from '../inventory/rows.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import type { DiskPrefix } from '../inventory/vdisk.ts'
import { majorOf, releaseQuirks } from './release.ts'

/** The machine that a guest's kernel finds itself on. */
export type Platform = Readonly<{
  /** The console that the Dom0 shows of the guest, by the name that the guest's kernel has for it. */
  console: string
  /** The guest's release drives its hypervisor's own disks and cards: virtio, and Xen's in a full machine. */
  drivers: boolean
}> &
  (Readonly<{ hypervisor: 'xen'; xen: XenRelease; type: GuestType }> | Readonly<{ hypervisor: 'kvm' }>)

/** What the Xen of a Dom0's release understands. */
type XenRelease = Readonly<{
  name: string
  /** pygrub, as `bootloader` must say it. */
  pygrub: string
  /** Guests that it starts from a kernel that lies in the Dom0, as an installer's does. */
  installs: readonly GuestType[]
  /** What a full machine's configuration must name; null: its tools know. */
  hvm: Readonly<{ loader: string; deviceModel: (dom0: Architecture) => string }> | null
  source: string
}>

const xenReleases: readonly Readonly<{ family: Family; to: number; xen: XenRelease }>[] = [
  {
    family: 'el',
    to: 5,
    xen: {
      name: 'Xen 3.0.3',
      pygrub: '/usr/bin/pygrub',
      installs: ['pv'],
      hvm: {
        loader: '/usr/lib/xen/boot/hvmloader',
        deviceModel: (dom0) => `/usr/${dom0 === 'x86_64' ? 'lib64' : 'lib'}/xen/bin/qemu-dm`,
      },
      source:
        'Xen 3.0, tools/python/xen/xm/create.py: run_bootloader() wants the path of an executable; the kernel of a full machine is hvmloader; xmexample.hvm: device_model',
    },
  },
]

const xen4: XenRelease = {
  name: 'Xen 4',
  pygrub: 'pygrub',
  installs: ['pv', 'pvh', 'hvm'],
  hvm: null,
  source: 'xl.cfg(5): bootloader, type="pvh" (since Xen 4.10), direct kernel boot of hvm (since 4.5)',
}

/** A guest's platform; null for metal, and while its Dom0 has no hypervisor. */
export function platformOf(
  snapshot: Snapshot,
  machine: Machine,
  guest: Readonly<{ type: GuestType; arch: Architecture; family: Family | null; version: string | null }>,
): Platform | null {
  const dom0 = machine.dom0 === null ? undefined : snapshot.machines.get(machine.dom0)
  if (dom0 === undefined) return null
  const { type, arch, family, version } = guest
  const chain = profileChain(snapshot, dom0.profile)
  const quirks = family === null || version === null ? null : releaseQuirks(family, version)
  const drivers = quirks?.virtio ?? true // a release that no row knows is taken for a new one
  switch (inherited(chain, 'hypervisor')?.value) {
    case 'xen': {
      const xen = xenOf(inherited(chain, 'family')?.value ?? null, inherited(chain, 'version')?.value ?? null)
      // xl and xm attach to a full machine's serial port.
      return { hypervisor: 'xen', xen, type, drivers, console: type === 'hvm' ? 'ttyS0' : xenConsole(family, version) }
    }
    case 'kvm':
      return { hypervisor: 'kvm', drivers, console: arch === 'aarch64' ? 'ttyAMA0' : 'ttyS0' }
    default:
      return null
  }
}

function xenOf(family: Family | null, version: string | null): XenRelease {
  return xenReleases.find((row) => row.family === family && version !== null && majorOf(version) <= row.to)?.xen ?? xen4
}

/** Kernels before pvops (EL 5 and older) call Xen's console xvc0, all since hvc0. */
export function xenConsole(family: Family | null, version: string | null): string {
  return family === 'el' && version !== null && majorOf(version) <= 5 ? 'xvc0' : 'hvc0'
}

/** What its disks are called where the inventory names no target. */
export function diskPrefix(platform: Platform): DiskPrefix {
  if (platform.hypervisor === 'kvm') return platform.drivers ? 'vd' : 'hd'
  // xl shows the first four xvd disks of a full machine on its IDE controller too (libxl_dm.c); xm's device model knows hd.
  return platform.type === 'hvm' && (platform.xen.hvm !== null || !platform.drivers) ? 'hd' : 'xvd'
}

/**
 * What the guest's kernel calls a target: one with drivers of its own takes a full machine's disks from the emulated
 * controller (Linux, xen-blkfront.c: xen_translate_vdev()), and its libata drives IDE.
 */
export function diskInGuest(platform: Platform, target: string): string {
  if (!platform.drivers) return target
  if (platform.hypervisor === 'kvm') return target.replace(/^hd/, 'sd')
  return platform.type === 'hvm' ? target.replace(/^hd/, 'xvd') : target
}
