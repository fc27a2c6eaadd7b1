// Boot menus: one view of the plan, written down for PXELINUX, GRUB and iPXE by the templates in pxe/.
import type { Plan } from '../plan/boot.ts'
import { menuPath } from '../plan/bootfile.ts'
import { diskLoaderPaths } from '../plan/disk-loaders.ts'
import type { Settings } from '../plan/settings.ts'

export type Menu = 'pxelinux' | 'grub' | 'ipxe'

export const menuTemplates: Readonly<Record<Menu, string>> = {
  pxelinux: 'pxe/pxelinux.cfg',
  grub: 'pxe/grub.cfg',
  ipxe: 'pxe/menu.ipxe',
}

/** What a menu template sees: exactly one of boot, memtest, local and hold is given, the others are null. */
export type MenuView = Readonly<{
  machine: string
  why: string
  kind: string
  server_url: string
  serial: Readonly<{ unit: string; speed: string }> | null
  /** Tenths of a second before PXELINUX goes on; 0 waits for ever. */
  timeout_tenths: number
  boot: Readonly<{ kernel: string; initrd: string; initrd_name: string; args: string }> | null
  memtest: Readonly<{ bios: string; efi: string }> | null
  local: Readonly<{ pxelinux: string; ipxe_drive: string }> | null
  hold: Readonly<{ seconds: number; pxelinux: string; grub: string; ipxe: string }> | null
  /** Files that a local boot by GRUB looks for on the machine's disks. */
  disk_loaders: readonly string[]
  /** Where this menu is, at each loader's path. */
  menu: Readonly<Record<Menu, string>>
}>

const holdSeconds = 30

const memtestFiles = { bios: 'memtest/memtest86+.bin', efi: 'memtest/memtest86+.efi' } as const

/** @throws never for an ignored plan is no menu: the caller asks for menus of served machines only */
export function menuView(plan: Exclude<Plan, { kind: 'ignore' }>): MenuView {
  const { settings } = plan
  const menu = {
    pxelinux: menuPath(settings.mac.value, 'pxelinux') ?? '',
    grub: menuPath(settings.mac.value, 'grub') ?? '',
    ipxe: menuPath(settings.mac.value, 'ipxe') ?? '',
  }
  const boot = plan.kind === 'install' || plan.kind === 'rescue' ? plan.boot : null
  return {
    machine: settings.machine.hostname,
    why: plan.why.replaceAll(/[^\x20-\x7e]/g, '?'),
    kind: plan.kind,
    server_url: settings.serverUrl ?? '',
    serial: serialOf(settings),
    timeout_tenths: plan.kind === 'hold' ? holdSeconds * 10 : 50,
    boot:
      boot === null
        ? null
        : {
            kernel: boot.kernel,
            initrd: boot.initrd ?? '',
            initrd_name: boot.initrd?.split('/').at(-1) ?? '',
            args: boot.args.map(({ value }) => value).join(' '),
          },
    memtest: plan.kind === 'memtest' ? memtestFiles : null,
    local:
      plan.kind === 'local'
        ? {
            pxelinux: numberParam(settings, 'localboot', '0'),
            ipxe_drive: numberParam(settings, 'localboot_drive', '0x80'),
          }
        : null,
    hold: plan.kind === 'hold' ? { seconds: holdSeconds, ...menu } : null,
    disk_loaders: diskLoaderPaths,
    menu,
  }
}

/** A number, as loaders write one (`0`, `-1`, `0x80`): the word stands bare in the menu. */
function numberParam(settings: Settings, name: string, otherwise: string): string {
  const value = settings.params.get(name)?.value
  const text = typeof value === 'string' || typeof value === 'number' ? String(value) : ''
  return /^-?\d{1,5}$|^0x[0-9a-fA-F]{1,4}$/.test(text) ? text : otherwise
}

/** `ttyS1,115200n8` → unit 1 at 115200; loaders know the first four serial ports by number. */
function serialOf(settings: Settings): MenuView['serial'] {
  const parts = /^ttyS([0-3])(?:,(\d+))?/.exec(settings.serialConsole.value ?? '')
  return parts === null ? null : { unit: parts[1] ?? '0', speed: parts[2] ?? '9600' }
}
