// A Xen guest's two configurations, valid for xm (Xen 3.0.3, whose files are Python) and xl (Xen 4): the grammar they share.
import type { KernelArg } from '../plan/arguments.ts'
import type { GuestPlan } from '../plan/guest.ts'
import { TemplateError } from './templates.ts'

/** `GUEST`: boots the installed system. */
export function renderRunning(guest: GuestPlan): string {
  return render(guest, `${guest.name}: its running configuration`, [
    ...bootLines(guest),
    ['on_poweroff', 'destroy'],
    ['on_reboot', 'restart'],
    ['on_crash', 'restart'],
  ])
}

/**
 * `GUEST_install`: boots the installer. The end of the installer is the end of the domain; a crash leaves it to be
 * looked at.
 */
export function renderInstall(guest: GuestPlan, args: readonly KernelArg[]): string {
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

function render(guest: GuestPlan, title: string, own: readonly Line[]): string {
  const lines: readonly Line[] = [
    ['name', guest.name],
    ['uuid', guest.uuid],
    ['memory', guest.memoryMiB],
    ['vcpus', guest.vcpus],
    ['cpus', guest.cpus ?? ''],
    ...own,
    [
      'vif',
      guest.vifs.map(
        ({ mac, bridge, model }) => `mac=${mac},bridge=${bridge}${model === null ? '' : `,model=${model}`}`,
      ),
    ],
    ['disk', guest.disks.map(({ prefix, device, target }) => `${prefix}:${device},${target},w`)],
  ]
  const given = lines.filter(([, value]) => value !== '')
  return [
    `# ${title}. Written by xenconf from the inventory: change it there.`,
    ...given.map(([name, value]) => `${name} = ${literal(guest, value)}`),
    '',
  ].join('\n')
}

function literal(guest: GuestPlan, value: Value): string {
  if (typeof value === 'number') return String(value)
  if (typeof value === 'string') return `"${quotable(guest, value)}"`
  return `[ ${value.map((text) => `"${quotable(guest, text)}"`).join(', ')} ]`
}

/** A string that Python (xm) and xl's own grammar read alike: neither a quote nor a backslash may stand in it. */
function quotable({ name }: GuestPlan, text: string): string {
  if (/["\\\p{Cc}]/u.test(text))
    throw new TemplateError(
      `${name}: ${JSON.stringify(text)}: a quote, backslash or control character can't stand in a guest configuration; take it out of the inventory`,
    )
  return text
}

function typeLines(guest: GuestPlan): readonly Line[] {
  // xm knows paravirtual guests only without being told; `type` is xl's, and xl takes pv for granted as well.
  if (guest.type === 'pv') return []
  return guest.type === 'pvh'
    ? [['type', 'pvh']]
    : [
        ['builder', 'hvm'],
        ['serial', 'pty'],
      ]
}

function bootLines(guest: GuestPlan): readonly Line[] {
  if (guest.type === 'pv') return [['bootloader', guest.bootloader]]
  if (guest.type === 'pvh')
    return [
      ['type', 'pvh'],
      ['bootloader', guest.bootloader],
    ]
  return [
    ['builder', 'hvm'],
    ['boot', 'c'],
    ['serial', 'pty'],
  ]
}
