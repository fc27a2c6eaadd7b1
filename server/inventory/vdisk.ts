// The Dom0's devices given to a guest: `/dev/sda5`, `/dev/vg0/web:xvda,/srv/xen/web.img:xvdb`.
declare const brand: unique symbol
/** Canonical text of the `vdisk` column: `device[:target]`, separated by commas, no empty or `.` part in a path. */
type VdiskList = string & { readonly [brand]: 'VdiskList' }

export type Vdisk = Readonly<{
  /** Path on the Dom0. */
  device: string
  /** What the guest sees; null leaves it to the order of the list. */
  target: string | null
  kind: 'block' | 'file'
}>

const entry = /^(\/[A-Za-z0-9/_.+-]*[A-Za-z0-9_.+-])(?::([a-z]{2,4}[0-9]{0,2}))?$/

export function parseVdisks(text: string): VdiskList | null {
  const parts = text.split(',').map((part) => part.trim().replaceAll(/\/+/g, '/'))
  return parts.every((part) => entry.test(part) && !/\/\.{1,2}(\/|:|$)/.test(part))
    ? (parts.join(',') as VdiskList)
    : null
}

export function vdisks(list: VdiskList | null): readonly Vdisk[] {
  if (list === null) return []
  return list.split(',').map((part) => {
    const [device, target] = part.split(':') as [string, string?]
    return { device, target: target ?? null, kind: device.startsWith('/dev/') ? 'block' : 'file' }
  })
}

/** The kernel's names for disks: Xen's own, IDE, virtio. */
export type DiskPrefix = 'xvd' | 'hd' | 'vd'

/** What each disk is given to the guest as: its target, else the next letter that is free: xvda, xvdb … */
export function vdiskTargets(list: VdiskList | null, prefix: DiskPrefix): readonly string[] {
  const disks = vdisks(list)
  const taken = new Set(disks.flatMap(({ target }) => (target === null ? [] : [target.replace(/\d+$/, '')])))
  return disks.map(({ target }, index) => {
    if (target !== null) return target
    const name = [...letters.slice(index), ...letters].map((letter) => prefix + letter).find((one) => !taken.has(one))
    taken.add(name ?? '')
    return name ?? ''
  })
}

/** Whether a guest would see two targets as one disk: xvda and hda are the same to it, and xvda1 is a part of xvda. */
export function isOneDisk(a: string, b: string): boolean {
  const [one, other] = [a, b].map((target) => target.replace(/^hd/, 'xvd')) as [string, string]
  const isPart = (part: string, whole: string): boolean => part !== whole && part.replace(/\d+$/, '') === whole
  return one === other || isPart(one, other) || isPart(other, one)
}

const letters = Array.from('abcdefghijklmnopqrstuvwxyz')
export const mostDisks = letters.length
