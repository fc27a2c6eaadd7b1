// What an install template sees: plain data, nothing to call. Every name here is documented in docs/reference/templates.md.
import type { Json, Machine } from '../inventory/rows.ts'
import { netmaskOf, prefixLengthOf } from '../inventory/address.ts'
import { defaultDom0MemoryMiB } from '../inventory/findings.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import { absoluteUrl } from '../plan/arguments.ts'
import { majorOf } from '../plan/release.ts'
import type { Settings } from '../plan/settings.ts'
import type { Plan } from '../plan/boot.ts'
import { effectiveMac } from '../plan/interfaces.ts'

/** An interface as the template configures it; a text that isn't given is '', a number that isn't given 0. */
export type InterfaceView = Readonly<{
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

export type InstallView = Readonly<{
  machine: Readonly<{
    hostname: string
    fqdn: string
    domain: string
    arch: string
    /** Device name without /dev/, the only disk that may be erased: `sda`. */
    disk: string
    serial_console: string
    vcpus: number
    memory_mib: number
    /** Its Dom0's host name when it is a guest, else ''. */
    dom0: string
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
    repositories: readonly Readonly<{ name: string; url: string }>[]
    kernel_args: string
  }>
  server: Readonly<{ url: string; address: string }>
  /** The install token; only `%pre` and `%post` use it. */
  token: string
  events_url: string
  /** For a Dom0 (its profile has a hypervisor), else null. */
  dom0: Readonly<{ hypervisor: string; guests: readonly string[]; manifest_url: string; firstboot_url: string; memory_mib: number }> | null
  /** Every param that holds for the machine (site < profile chain < machine). */
  params: Readonly<Record<string, Json>>
}>

/** Builds the view of an armed machine. */
export function installView(snapshot: Snapshot, plan: Extract<Plan, { kind: 'install' }>): InstallView {
  const { settings, token } = plan
  const { machine } = settings
  const interfaces = settings.nics.map((nic) => interfaceView(snapshot, settings, machine, nic.name))
  const params = Object.fromEntries([...settings.params].map(([name, { value }]) => [name, value]))
  return {
    machine: {
      hostname: machine.hostname,
      fqdn: settings.fqdn,
      domain: settings.domain.value ?? '',
      arch: settings.arch.value,
      disk: settings.disk.value ?? '',
      serial_console: settings.serialConsole.value ?? '',
      vcpus: machine.vcpus ?? 0,
      memory_mib: machine.memory_mib ?? 0,
      dom0: machine.dom0 ?? '',
      profile: machine.profile,
    },
    release: { family: settings.family.value ?? '', version: settings.version.value ?? '', major: majorOf(settings.version.value ?? '0') },
    network: interfaces.find((nic) => nic.boot) ?? emptyInterface,
    interfaces,
    ntp: settings.ntp.value,
    install: installSource(settings),
    server: { url: settings.serverUrl ?? '', address: settings.serverAddress.value ?? '' },
    token: token.secret,
    events_url: `${settings.serverUrl ?? ''}/events/${machine.hostname}`,
    dom0: dom0View(snapshot, settings),
    params,
  }
}

const emptyInterface: InterfaceView = { name: '', mac: '', ip: '', netmask: '', prefix: 0, gateway: '', dns: [], mtu: 0, vlan: 0, bridge: '', boot: true }

function interfaceView(snapshot: Snapshot, settings: Settings, machine: Machine, name: string): InterfaceView {
  const nic = settings.nics.find((one) => one.name === name)
  const network = nic?.network == null ? undefined : snapshot.networks.get(nic.network)
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
  return {
    tree_url: tree === null ? '' : absoluteUrl(settings, tree),
    repositories: settings.repositories.value.map(({ name, url }) => ({ name, url: absoluteUrl(settings, url) })),
    kernel_args: settings.kernelArgs.value ?? '',
  }
}

function dom0View(snapshot: Snapshot, settings: Settings): InstallView['dom0'] {
  if (settings.hypervisor.value === 'none') return null
  const { machine, serverUrl } = settings
  const memory = settings.params.get('dom0_memory_mib')?.value
  return {
    hypervisor: settings.hypervisor.value,
    guests: snapshot.guests.get(machine.hostname) ?? [],
    manifest_url: `${serverUrl ?? ''}/dom0/${machine.hostname}/manifest`,
    firstboot_url: `${serverUrl ?? ''}/firstboot`,
    memory_mib: typeof memory === 'number' ? memory : defaultDom0MemoryMiB,
  }
}
