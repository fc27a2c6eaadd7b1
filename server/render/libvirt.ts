// A KVM guest's two domains as libvirt's XML. What an old libvirt doesn't know of it, it ignores.
import type { Architecture } from '../inventory/rows.ts'
import type { KernelArg } from '../plan/arguments.ts'
import type { KvmGuest } from '../plan/guest.ts'
import { hazards } from '../plan/guest.ts'
import { TemplateError } from './templates.ts'

/** `GUEST.xml`: boots the installed system. */
export function renderLibvirtRunning(guest: KvmGuest): string {
  return render(guest, 'running', [], { reboot: 'restart', crash: 'restart' })
}

/**
 * `GUEST_install.xml`: boots the installer. The end of the installer is the end of the domain; a crash leaves it to be
 * looked at.
 */
export function renderLibvirtInstall(guest: KvmGuest, args: readonly KernelArg[]): string {
  const boots: readonly Element[] = [
    element('kernel', {}, guest.installKernel ?? ''),
    ...(guest.installInitrd === null ? [] : [element('initrd', {}, guest.installInitrd)]),
    element('cmdline', {}, args.map(({ value }) => writable(guest, value)).join(' ')),
  ]
  return render(guest, 'install', boots, { reboot: 'destroy', crash: 'preserve' })
}

type Ends = Readonly<{ reboot: 'restart' | 'destroy'; crash: 'restart' | 'preserve' }>

function render(guest: KvmGuest, what: string, boots: readonly Element[], { reboot, crash }: Ends): string {
  const pinned = guest.cpus === null ? {} : { cpuset: guest.cpus }
  const domain = element('domain', { type: 'kvm' }, [
    element('name', {}, guest.name),
    element('uuid', {}, guest.uuid),
    element('memory', { unit: 'KiB' }, String(guest.memoryMiB * 1024)), // before 0.9.11 libvirt knew no unit but this
    element('vcpu', { placement: 'static', ...pinned }, String(guest.vcpus)),
    osElement(guest, boots),
    element('features', {}, isPc(guest) ? [element('acpi'), element('apic')] : [element('acpi')]),
    element('cpu', { mode: 'host-passthrough' }), // qemu's own default lacks what EL 9 and later ask of a CPU
    element('clock', { offset: 'utc' }),
    element('on_poweroff', {}, 'destroy'),
    element('on_reboot', {}, reboot),
    element('on_crash', {}, crash),
    element('devices', {}, devices(guest)),
  ])
  // XML 1.0 §2.5: no -- in a comment, and a host name may have one (xn--…).
  const name = guest.name.replaceAll(/-(?=-)/g, '- ')
  return `<!-- ${name}: its ${what} configuration. Written by xenconf from the inventory: change it there. -->\n${written(guest, domain)}`
}

const architectures: Readonly<Record<Architecture, string>> = {
  i386: 'i686',
  x86_64: 'x86_64',
  aarch64: 'aarch64',
  riscv64: 'riscv64',
}

const isPc = ({ arch }: KvmGuest): boolean => arch === 'i386' || arch === 'x86_64'

/** Where there is no BIOS the machine is `virt` and its firmware UEFI. A PC with IDE is a `pc`; q35 has none. */
function osElement(guest: KvmGuest, boots: readonly Element[]): Element {
  const isIde = guest.disks.some((disk) => busOf(disk.target) === 'ide')
  const machine = isPc(guest) ? (isIde ? { machine: 'pc' } : {}) : { machine: 'virt' }
  return element('os', isPc(guest) ? {} : { firmware: 'efi' }, [
    element('type', { arch: architectures[guest.arch], ...machine }, 'hvm'),
    ...boots,
  ])
}

/** virtio is what the release drives; what a PC emulates else, every release drives. */
function devices(guest: KvmGuest): readonly Element[] {
  const model = guest.virtio ? 'virtio' : 'none'
  return [
    ...guest.disks.map(diskElement),
    ...guest.vifs.map(({ mac, bridge }) =>
      element('interface', { type: 'bridge' }, [
        element('mac', { address: mac }),
        element('source', { bridge }),
        element('model', { type: guest.virtio ? 'virtio' : 'e1000' }),
      ]),
    ),
    element('serial', { type: 'pty' }, [element('target', { port: '0' })]),
    element('console', { type: 'pty' }, [element('target', { type: 'serial', port: '0' })]),
    element('memballoon', { model }),
    ...(guest.virtio ? [element('rng', { model }, [element('backend', { model: 'random' }, '/dev/random')])] : []),
  ]
}

/** The first disk boots, whatever the names of the others. */
function diskElement({ kind, device, target }: KvmGuest['disks'][number], index: number): Element {
  return element('disk', { type: kind, device: 'disk' }, [
    element('driver', { name: 'qemu', type: 'raw', cache: 'none' }),
    element('source', kind === 'block' ? { dev: device } : { file: device }),
    element('target', { dev: target, bus: busOf(target) }),
    ...(index === 0 ? [element('boot', { order: '1' })] : []),
  ])
}

/** The target's name says the bus. */
function busOf(target: string): 'virtio' | 'ide' | 'sata' {
  if (target.startsWith('vd')) return 'virtio'
  return target.startsWith('hd') ? 'ide' : 'sata'
}

// --- XML ---

type Element = Readonly<{
  name: string
  attributes: Readonly<Record<string, string>>
  content: string | readonly Element[]
}>

function element(name: string, attributes: Element['attributes'] = {}, content: Element['content'] = []): Element {
  return { name, attributes, content }
}

function written(guest: KvmGuest, { name, attributes, content }: Element, indent = ''): string {
  const given = Object.entries(attributes).map(([key, value]) => ` ${key}='${escaped(guest, value)}'`)
  const opening = `${indent}<${name}${given.join('')}`
  if (content.length === 0) return `${opening}/>\n`
  if (typeof content === 'string') return `${opening}>${escaped(guest, content)}</${name}>\n`
  return `${opening}>\n${content.map((child) => written(guest, child, `${indent}  `)).join('')}${indent}</${name}>\n`
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  "'": '&apos;',
  '"': '&quot;',
}

function escaped(guest: KvmGuest, text: string): string {
  return writable(guest, text).replaceAll(/[&<>'"]/g, (character) => entities[character] ?? character)
}

/** A text without characters that can't stand in a document at all, not even escaped. */
function writable({ name }: KvmGuest, text: string): string {
  const { pattern, names } = hazards.kvm
  if (pattern.test(text))
    throw new TemplateError(
      `${name}: ${JSON.stringify(text)}: ${names} can't stand in a guest configuration; take it out of the inventory`,
    )
  return text
}
