// A Xen guest's two configurations, valid for xm (Xen 3.0.3, whose files are Python) and xl (Xen 4): the grammar they share.
import type { KernelArg } from '../plan/arguments.ts'
import type { XenGuest } from '../plan/guest.ts'
import { hazards } from '../plan/guest.ts'
import { TemplateError } from './templates.ts'

/** `GUEST`: boots the installed system. */
export function renderXenRunning(guest: XenGuest): string {
  const boots: readonly Line[] = guest.type === 'hvm' ? [['boot', 'c']] : [['bootloader', guest.bootloader]]
  return render(guest, `${guest.name}: its running configuration`, [
    ...typeLines(guest),
    ...boots,
    ['on_poweroff', 'destroy'],
    ['on_reboot', 'restart'],
    ['on_crash', 'restart'],
  ])
}

/**
 * `GUEST_install`: boots the installer. The end of the installer is the end of the domain; a crash leaves it to be
 * looked at.
 */
export function renderXenInstall(guest: XenGuest, args: readonly KernelArg[]): string {
  return render(guest, `${guest.name}: its install configuration`, [
    ...typeLines(guest),
    ['kernel', guest.installKernel ?? ''],
    ['ramdisk', guest.installInitrd ?? ''],
    ['extra', args.map(({ value }) => quotable(guest, value)).join(' ')],
    ['on_poweroff', 'destroy'],
    ['on_reboot', 'destroy'],
    ['on_crash', 'preserve'],
  ])
}

type Value = string | number | readonly string[]
type Line = readonly [string, Value]

function render(guest: XenGuest, title: string, own: readonly Line[]): string {
  const lines: readonly Line[] = [
    ['name', guest.name],
    ['uuid', guest.uuid],
    ['memory', guest.memoryMiB],
    ['vcpus', guest.vcpus],
    ['cpus', guest.cpus ?? ''],
    ...own,
    ['vif', guest.vifs.map(({ mac, bridge }) => `${cardOf(guest)}mac=${mac},bridge=${bridge}`)],
    ['disk', guest.disks.map((disk) => `${backendOf(disk)},${disk.target},w`)],
  ]
  const given = lines.filter(([, value]) => value !== '')
  return [
    `# ${title}. Written by xenconf from the inventory: change it there.`,
    ...given.map(([name, value]) => `${name} = ${literal(guest, value)}`),
    '',
  ].join('\n')
}

/** xm knows paravirtual guests without being told and no pvh; xl takes paravirtual for granted as well. */
function typeLines({ type, hvm }: XenGuest): readonly Line[] {
  if (type === 'pv') return []
  if (type === 'pvh') return [['type', 'pvh']]
  const named: readonly Line[] =
    hvm === null
      ? []
      : [
          ['kernel', hvm.loader], // xl ignores it, by this name
          ['device_model', hvm.deviceModel],
          ['pae', 1],
          ['acpi', 1],
          ['apic', 1],
        ]
  return [['builder', 'hvm'], ...named, ['serial', 'pty']]
}

/** A full machine's card is one that every installer drives: xl's e1000, or what xm's device model has (rtl8139). */
function cardOf({ type, hvm }: XenGuest): string {
  if (type !== 'hvm') return ''
  return hvm === null ? 'type=ioemu,model=e1000,' : 'type=ioemu,'
}

/** The form that both know: xl 4.17 takes no device without its /dev/ ("failed to stat: sda5"), xm takes either. */
function backendOf({ kind, device }: XenGuest['disks'][number]): string {
  return `${kind === 'block' ? 'phy' : 'file'}:${device}`
}

function literal(guest: XenGuest, value: Value): string {
  if (typeof value === 'number') return String(value)
  if (typeof value === 'string') return `"${quotable(guest, value)}"`
  return `[ ${value.map((text) => `"${quotable(guest, text)}"`).join(', ')} ]`
}

/** A string that Python (xm) and xl's own grammar read alike: neither a quote nor a backslash may stand in it. */
function quotable({ name }: XenGuest, text: string): string {
  const { pattern, names } = hazards.xen
  if (pattern.test(text))
    throw new TemplateError(
      `${name}: ${JSON.stringify(text)}: ${names} can't stand in a guest configuration; take it out of the inventory`,
    )
  return text
}
