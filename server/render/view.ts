// What an install template sees: plain data, nothing to call. Every name here is documented in docs/reference/templates.md.
import type { Json, Machine, Token } from '../inventory/rows.ts'
import { netmaskOf, prefixLengthOf } from '../inventory/address.ts'
import { cpuNumbers } from '../inventory/cpus.ts'
import { defaultDom0MemoryMiB } from '../inventory/findings.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import { vdisks } from '../inventory/vdisk.ts'
import { absoluteUrl } from '../plan/arguments.ts'
import type { Mirror } from '../plan/mirror.ts'
import { mirrorOf } from '../plan/mirror.ts'
import { xenConsole } from '../plan/hypervisor.ts'
import { majorOf } from '../plan/release.ts'
import type { Settings } from '../plan/settings.ts'
import type { Plan } from '../plan/boot.ts'
import { effectiveMac } from '../plan/interfaces.ts'

/** An interface as the template configures it; a text that isn't given is '', a number that isn't given 0. */
type InterfaceView = Readonly<{
  name: string
  mac: string
  /** '' means DHCP. */
  ip: string
  netmask: string
  prefix: number
  gateway: string
  dns: readonly string[]
  mtu: number
  vlan: number
  bridge: string
  /** The one the machine boots from. */
  boot: boolean
}>

export type Dom0View = Readonly<{
  /** `xen` or `kvm`. */
  hypervisor: string
  /** Xen's own command line: the Dom0's memory and CPUs, the serial console. '' for KVM. */
  hypervisor_args: string
  guests: readonly string[]
  /** Block devices of this Dom0 that are its guests' disks; a reinstall of the Dom0 must leave them alone. */
  guest_disks: readonly Readonly<{ guest: string; device: string }>[]
  manifest_url: string
  firstboot_url: string
  memory_mib: number
}>

export type InstallView = Readonly<{
  machine: Readonly<{
    hostname: string
    fqdn: string
    domain: string
    arch: string
    /** Device name without /dev/, the only disk that may be erased: `sda`. */
    disk: string
    serial_console: string
    /** The installed kernel's `console=` values, the last one its /dev/console; none: the kernel's own choice. */
    consoles: readonly string[]
    /** The installed kernel's own arguments: its consoles, then the param boot_args. */
    boot_args: string
    vcpus: number
    memory_mib: number
    /** Its Dom0's host name when it is a guest, else ''. */
    dom0: string
    /** What kind of guest: `pv`, `pvh`, `hvm` (of Xen) or `kvm`; '' for metal. */
    guest_type: string
    profile: string
  }>
  release: Readonly<{ family: string; version: string; major: number }>
  /** The boot interface; `interfaces` has all of them. */
  network: InterfaceView
  interfaces: readonly InterfaceView[]
  ntp: readonly string[]
  install: Readonly<{
    /** The installation tree, absolute; '' when the image names none. */
    tree_url: string
    /** The package mirror that the tree is part of, as debian-installer wants it; null when the tree is not on HTTP. */
    mirror: Mirror | null
    repositories: readonly Readonly<{ name: string; url: string }>[]
    kernel_args: string
  }>
  server: Readonly<{ url: string; address: string }>
  /** The install token; only `%pre` and `%post` use it. */
  token: string
  /** The token of the system that the install leaves behind; it holds until the next install is done. */
  machine_token: string
  events_url: string
  /** For a Dom0 (its profile has a hypervisor), else null. */
  dom0: Dom0View | null
  /** Every param that holds for the machine (site < profile chain < machine). */
  params: Readonly<Record<string, Json>>
}>

/** Builds the view of an armed machine. */
export function installView(snapshot: Snapshot, plan: Extract<Plan, { kind: 'install' }>): InstallView {
  const { settings, token } = plan
  const { machine, platform } = settings
  const interfaces = settings.nics.map((nic) => interfaceView(snapshot, settings, machine, nic.name))
  const consoles = consolesOf(settings)
  const bootArgs = settings.params.get('boot_args')?.value
  const params = Object.fromEntries([...settings.params].map(([name, { value }]) => [name, value]))
  return {
    machine: {
      hostname: machine.hostname,
      fqdn: settings.fqdn,
      domain: settings.domain.value ?? '',
      arch: settings.arch.value,
      disk: settings.disk.value ?? '',
      serial_console: settings.serialConsole.value ?? '',
      consoles,
      boot_args: [
        ...consoles.map((console) => `console=${console}`),
        ...(typeof bootArgs === 'string' && bootArgs !== '' ? [bootArgs] : []),
      ].join(' '),
      vcpus: machine.vcpus ?? 0,
      memory_mib: machine.memory_mib ?? 0,
      dom0: machine.dom0 ?? '',
      guest_type: platform === null ? '' : platform.hypervisor === 'xen' ? platform.type : platform.hypervisor,
      profile: machine.profile,
    },
    release: {
      family: settings.family.value ?? '',
      version: settings.version.value ?? '',
      major: majorOf(settings.version.value ?? '0'),
    },
    network: interfaces.find((nic) => nic.boot) ?? emptyInterface,
    interfaces,
    ntp: settings.ntp.value,
    install: installSource(settings),
    server: { url: settings.serverUrl ?? '', address: settings.serverAddress.value ?? '' },
    token: token.secret,
    machine_token: machineToken(snapshot, machine.hostname, token)?.secret ?? '',
    events_url: `${settings.serverUrl ?? ''}/events/${machine.hostname}`,
    dom0: dom0View(snapshot, settings),
    params,
  }
}

/** Minted by the same arming as the install token. */
function machineToken(snapshot: Snapshot, hostname: string, install: Token): Token | null {
  const own = snapshot.tokens.get(hostname) ?? []
  return own.find((one) => one.purpose === 'machine' && one.created_at === install.created_at) ?? null
}

const emptyInterface: InterfaceView = {
  name: '',
  mac: '',
  ip: '',
  netmask: '',
  prefix: 0,
  gateway: '',
  dns: [],
  mtu: 0,
  vlan: 0,
  bridge: '',
  boot: true,
}

function interfaceView(snapshot: Snapshot, settings: Settings, machine: Machine, name: string): InterfaceView {
  const nic = settings.nics.find((one) => one.name === name)
  const network = nic === undefined || nic.network === null ? undefined : snapshot.networks.get(nic.network)
  const isBoot = settings.nic?.name === name
  const mac = nic === undefined ? null : effectiveMac(machine, nic)
  return {
    name,
    mac: mac ?? '',
    ip: network === undefined ? '' : (nic?.ip ?? ''),
    netmask: network === undefined ? '' : netmaskOf(network.cidr),
    prefix: network === undefined ? 0 : prefixLengthOf(network.cidr),
    gateway: isBoot ? (settings.gateway.value ?? '') : '',
    dns: isBoot ? settings.dns.value : [],
    mtu: network?.mtu ?? 0,
    vlan: nic?.vlan ?? network?.vlan ?? 0,
    bridge: nic?.bridge ?? '',
    boot: isBoot,
  }
}

function installSource(settings: Settings): InstallView['install'] {
  const tree = settings.image.value?.tree_url ?? null
  const treeUrl = tree === null ? '' : absoluteUrl(settings, tree)
  return {
    tree_url: treeUrl,
    mirror: mirrorOf(treeUrl),
    repositories: settings.repositories.value.map(({ name, url }) => ({ name, url: absoluteUrl(settings, url) })),
    kernel_args: settings.kernelArgs.value ?? '',
  }
}

function dom0View(snapshot: Snapshot, settings: Settings): Dom0View | null {
  if (settings.hypervisor.value === 'none') return null
  const { machine, serverUrl } = settings
  const memory = settings.params.get('dom0_memory_mib')?.value
  const memoryMiB = typeof memory === 'number' ? memory : defaultDom0MemoryMiB
  const guests = snapshot.guests.get(machine.hostname) ?? []
  return {
    hypervisor: settings.hypervisor.value,
    hypervisor_args: settings.hypervisor.value === 'xen' ? xenArguments(settings, memoryMiB) : '',
    guests,
    guest_disks: guests.flatMap((guest) =>
      vdisks(snapshot.machines.get(guest)?.vdisk ?? null).flatMap(({ kind, device }) =>
        kind === 'block' ? [{ guest, device }] : [],
      ),
    ),
    manifest_url: `${serverUrl ?? ''}/dom0/${machine.hostname}/manifest`,
    firstboot_url: `${serverUrl ?? ''}/firstboot`,
    memory_mib: memoryMiB,
  }
}

function consolesOf({ machine, family, version, hypervisor, serialConsole }: Settings): readonly string[] {
  if (serialConsole.value === null) return []
  if (machine.dom0 !== null) return [serialConsole.value]
  const isXen = hypervisor.value === 'xen' // which keeps the serial port for itself
  return ['tty0', isXen ? xenConsole(family.value, version.value) : serialConsole.value]
}

/** Xen pins the Dom0's virtual CPUs to the physical ones of the same numbers, so `cpus` can pin it only when it begins at 0. */
function xenArguments({ machine, family, version, serialConsole }: Settings, memoryMiB: number): string {
  const isOld = family.value === 'el' && majorOf(version.value ?? '0') <= 5 // Xen 3.1 knows no max:
  const cpus = machine.cpus === null ? [] : cpuNumbers(machine.cpus)
  const isPrefix = cpus.every((cpu, index) => cpu === index)
  const [, port, speed = '9600'] = /^ttyS([01])(?:,(\d+))?/.exec(serialConsole.value ?? '') ?? []
  const com = port === undefined ? null : `com${Number(port) + 1}`
  return [
    isOld ? `dom0_mem=${memoryMiB}M` : `dom0_mem=${memoryMiB}M,max:${memoryMiB}M`,
    ...(cpus.length === 0 ? [] : [`dom0_max_vcpus=${cpus.length}`]),
    ...(cpus.length > 0 && isPrefix ? ['dom0_vcpus_pin'] : []),
    ...(com === null ? [] : [`${com}=${speed},8n1`, `console=${com},vga`]),
  ].join(' ')
}
