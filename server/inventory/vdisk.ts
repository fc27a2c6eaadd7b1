// The Dom0's devices given to a guest: `/dev/sda5`, `/dev/vg0/web:xvda,/srv/xen/web.img:xvdb`.
declare const brand: unique symbol
/** Canonical text of the `vdisk` column: `device[:target]`, separated by commas, no empty or `.` part in a path. */
export type VdiskList = string & { readonly [brand]: 'VdiskList' }

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

/** What the guest sees each disk as: the target given, else the next letter: xvda, xvdb … or, for hvm, hda, hdb … */
export function vdiskTargets(list: VdiskList | null, guestType: 'pv' | 'pvh' | 'hvm'): readonly string[] {
  const prefix = guestType === 'hvm' ? 'hd' : 'xvd'
  return vdisks(list).map(({ target }, index) => target ?? `${prefix}${String.fromCharCode(97 + index)}`)
}
