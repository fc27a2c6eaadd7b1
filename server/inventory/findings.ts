// What is wrong with a machine's rows, computed when asked from the indexes: nothing to keep up to date when a row changes.
import { ipv6NetworkContains, isHostAddress, isIpv6HostAddress, networkContains } from './address.ts'
import { cpuNumbers } from './cpus.ts'
import type { ProfileChain } from './profiles.ts'
import { effectiveParam, inherited, profileChain } from './profiles.ts'
import type { Hypervisor, Interface, Machine, Network, TableName } from './rows.ts'
import type { InterfaceRef, Snapshot } from './snapshot.ts'
import { compareNaturally } from './natural-order.ts'
import { isOneDisk, mostDisks, vdisks } from './vdisk.ts'

export type Finding = Readonly<{
  machine: string
  /** `withheld`: the machine gets no answer and no artefact until this is mended. */
  severity: 'withheld' | 'warning'
  table: TableName
  key: string
  field: string
  value: unknown
  /** What is wrong and the way out. */
  message: string
}>

/** What the checks need to know beyond the rows: the install templates there are. */
export type Known = Readonly<{ templates: ReadonlySet<string> }>

export const defaultDom0MemoryMiB = 1024

type Problem = Omit<Finding, 'machine' | 'severity'> & Readonly<{ severity?: Finding['severity'] }>
type Subject = Readonly<{
  snapshot: Snapshot
  machine: Machine
  chain: ProfileChain
  nics: readonly Interface[]
  known: Known
  /** What stands in its column `dom0`, be it one or not. */
  host: Machine | null
  /** The other guests of its Dom0. */
  siblings: readonly Machine[]
}>
type Check = (subject: Subject) => Iterable<Problem>

/** Who renders a machine asks for it and for those of its host again and again: kept are those asked for last. */
const asked = new WeakMap<Snapshot, Readonly<{ known: Known; found: Map<string, readonly Finding[]> }>>()
const mostKept = 64

/** Every finding of one machine; an unknown host name has those of its unreadable row, if any. */
export function findings(snapshot: Snapshot, hostname: string, known: Known): readonly Finding[] {
  const last = asked.get(snapshot)
  const { found } = last?.known === known ? last : { found: new Map<string, readonly Finding[]>() }
  if (found !== last?.found) asked.set(snapshot, { known, found })
  const own = found.get(hostname) ?? look(snapshot, hostname, known)
  if (found.size >= mostKept) found.clear()
  found.set(hostname, own)
  return own
}

function look(snapshot: Snapshot, hostname: string, known: Known): readonly Finding[] {
  const machine = snapshot.machines.get(hostname)
  const problems = [...unreadable(snapshot, `machines/${hostname}`)]
  if (machine !== undefined) {
    const subject = subjectOf(snapshot, machine, known)
    for (const check of checks) for (const problem of check(subject)) problems.push(problem)
  }
  return problems.map((problem) => ({ severity: 'withheld', ...problem, machine: hostname }))
}

const subjectOf = (snapshot: Snapshot, machine: Machine, known: Known): Subject => ({
  snapshot,
  machine,
  known,
  chain: profileChain(snapshot, machine.profile),
  nics: snapshot.interfaces.get(machine.hostname) ?? [],
  host: machine.dom0 === null ? null : (snapshot.machines.get(machine.dom0) ?? null),
  siblings: siblingsOf(snapshot, machine),
})

export function isWithheld(found: readonly Finding[]): boolean {
  return found.some((finding) => finding.severity === 'withheld')
}

/** Why a machine is withheld, in one line. */
export function describeWithheld(found: readonly Finding[]): string {
  return found
    .filter((finding) => finding.severity === 'withheld')
    .map(({ table, key, field, value, message }) => `${table} ${key}: ${field} ${JSON.stringify(value)}: ${message}`)
    .join('; ')
}

/** The data-quality report: every machine's findings, and those of rows that belong to no machine. */
export function* allFindings(snapshot: Snapshot, known: Known): Generator<Finding> {
  for (const hostname of [...machineNames(snapshot)].sort(compareNaturally)) {
    yield* findings(snapshot, hostname, known)
    yield* strayInterfaces(snapshot, hostname)
  }
  yield* findingsOfNoMachine(snapshot)
}

/** Of rows that many machines take values from. */
export function* findingsOfNoMachine(snapshot: Snapshot): Generator<Finding> {
  for (const [spoiled, rows] of [...snapshot.unreadable].sort(([a], [b]) => compareNaturally(a, b))) {
    if (rows.every((row) => row.table !== 'machines' && row.table !== 'interfaces'))
      for (const problem of unreadable(snapshot, spoiled)) yield { severity: 'warning', ...problem, machine: '' }
  }
  for (const network of [...snapshot.networks.values()].sort((a, b) => compareNaturally(a.name, b.name)))
    for (const problem of checkGateway(network)) yield { severity: 'warning', ...problem, machine: '' }
}

/** Machines on the network's own wire work without their gateway, so they are served. */
function* checkGateway({ name, cidr, gateway }: Network): Generator<Problem> {
  if (gateway === null || networkContains(cidr, gateway)) return
  const message = `the gateway is outside the network (${cidr}), so its machines can't reach it; mend one of them`
  yield { table: 'networks', key: name, field: 'gateway', value: gateway, message }
}

function machineNames(snapshot: Snapshot): ReadonlySet<string> {
  const spoiled = [...snapshot.unreadable.values()].flat().flatMap((row) => {
    return row.table === 'machines' || row.table === 'interfaces' ? (row.key.split('/')[0] ?? []) : []
  })
  return new Set([...snapshot.machines.keys(), ...snapshot.interfaces.keys(), ...spoiled])
}

/** Of a name that has interfaces, and is no machine's. */
export function* strayInterfaces(snapshot: Snapshot, hostname: string): Generator<Finding> {
  if (snapshot.machines.has(hostname) || snapshot.unreadable.has(`machines/${hostname}`)) return
  for (const nic of snapshot.interfaces.get(hostname) ?? [])
    yield {
      ...nicProblem(nic, 'machine', 'there is no machine of this name; add it or remove the interface'),
      severity: 'withheld',
      machine: hostname,
    }
}

function unreadable(snapshot: Snapshot, spoiled: string): readonly Problem[] {
  return (snapshot.unreadable.get(spoiled) ?? []).flatMap(({ table, key, errors }) =>
    errors.map((error) => ({ table, key, field: error.field, value: error.value, message: error.message })),
  )
}

const machineProblem = (machine: Machine, field: keyof Machine, message: string): Problem => ({
  table: 'machines',
  key: machine.hostname,
  field,
  value: machine[field],
  message,
})

const nicProblem = (nic: Interface, field: keyof Interface, message: string): Problem => ({
  table: 'interfaces',
  key: `${nic.machine}/${nic.name}`,
  field,
  value: nic[field],
  message,
})

const checks: readonly Check[] = [
  checkProfile,
  checkImage,
  checkIdentity,
  checkInterfaces,
  checkDom0,
  checkVdisks,
  checkTargets,
  checkCpus,
  checkMemory,
]

function* checkProfile({ machine, chain, known }: Subject): Generator<Problem> {
  if (chain.broken !== null) yield machineProblem(machine, 'profile', `${chain.broken}; name one that exists`)
  const template = inherited(chain, 'template')
  if (template !== null && !known.templates.has(template.value))
    yield {
      table: 'profiles',
      key: template.profile,
      field: 'template',
      value: template.value,
      message: 'there is no install template of this name; put it into the templates folder or name one that exists',
    }
}

function* checkImage({ snapshot, machine, chain }: Subject): Generator<Problem> {
  const named = inherited(chain, 'image')
  if (named === null) return
  const at = { table: 'profiles', key: named.profile, field: 'image', value: named.value } as const
  const image = snapshot.images.get(named.value)
  if (image === undefined) {
    yield { ...at, message: 'there is no image of this name; add it with: bootstead image add' }
    return
  }
  const arch = machine.arch ?? inherited(chain, 'arch')?.value
  if (arch !== undefined && arch !== image.arch)
    yield {
      ...at,
      message: `image ${image.name} is for ${image.arch}, the machine is ${arch}; name an image of its architecture`,
    }
}

function* checkIdentity({ snapshot, machine }: Subject): Generator<Problem> {
  const others =
    machine.uuid === null ? [] : (snapshot.byUuid.get(machine.uuid) ?? []).filter((name) => name !== machine.hostname)
  if (others.length > 0)
    yield machineProblem(machine, 'uuid', `${others.join(', ')} has the same UUID; a UUID belongs to one machine`)
}

function* checkInterfaces(subject: Subject): Generator<Problem> {
  const { snapshot, machine, nics } = subject
  if (machine.dom0 === null && !nics.some((nic) => nic.mac !== null))
    yield machineProblem(
      machine,
      'hostname',
      'the machine has no interface with a MAC, so nothing can recognise it; add one',
    )
  if (nics.filter((nic) => nic.boot).length > 1)
    yield machineProblem(machine, 'hostname', 'more than one interface is marked boot; mark one')
  for (const nic of nics) {
    yield* checkShared(nic, 'mac', nic.mac === null ? [] : (snapshot.byMac.get(nic.mac) ?? []))
    yield* checkShared(nic, 'ip', nic.ip === null ? [] : (snapshot.byIp.get(nic.ip) ?? []))
    yield* checkShared(nic, 'ip6', nic.ip6 === null ? [] : (snapshot.byIp6.get(nic.ip6) ?? []))
    yield* checkAddress(snapshot, nic)
    yield* checkIpv6Address(snapshot, nic)
    if (machine.dom0 !== null && bridgeFor(snapshot, machine.dom0, nic) === null)
      yield nicProblem(
        nic,
        'bridge',
        `the guest's interface names no bridge, nor does an interface of ${machine.dom0} on its network; name one`,
      )
  }
}

function* checkShared(nic: Interface, field: 'mac' | 'ip' | 'ip6', refs: readonly InterfaceRef[]): Generator<Problem> {
  const others = refs.filter((ref) => ref.machine !== nic.machine || ref.name !== nic.name)
  if (others.length === 0) return
  const who = others.map((ref) => `${ref.machine}/${ref.name}`).join(', ')
  yield nicProblem(nic, field, `${who} has the same ${field === 'mac' ? 'MAC' : 'address'}; change one of them`)
}

function* checkAddress(snapshot: Snapshot, nic: Interface): Generator<Problem> {
  if (nic.network === null) {
    if (nic.ip !== null)
      yield nicProblem(nic, 'network', `${nic.ip} needs a network for its netmask and gateway; name one`)
    return
  }
  const network = snapshot.networks.get(nic.network)
  if (network === undefined)
    yield nicProblem(nic, 'network', 'there is no network of this name; add it or name one that exists')
  else if (nic.ip !== null && !networkContains(network.cidr, nic.ip))
    yield nicProblem(nic, 'ip', `the address is outside network ${network.name} (${network.cidr})`)
  else if (nic.ip !== null && !isHostAddress(network.cidr, nic.ip))
    yield nicProblem(
      nic,
      'ip',
      `the network's own or broadcast address of ${network.name} (${network.cidr}) can't be a host's`,
    )
  else if (nic.ip !== null && nic.ip === network.gateway)
    yield nicProblem(nic, 'ip', `the address is the gateway of network ${network.name}; give the machine another`)
}

function* checkIpv6Address(snapshot: Snapshot, nic: Interface): Generator<Problem> {
  if (nic.ip6 === null) return
  const network = nic.network === null ? undefined : snapshot.networks.get(nic.network)
  if (network === undefined) {
    if (nic.network === null && nic.ip === null)
      yield nicProblem(nic, 'network', `${nic.ip6} needs a network with cidr6; name one`)
    return // of no network, or of one that isn't there, checkAddress has told
  }
  const { name, cidr6 } = network
  if (cidr6 === null)
    yield nicProblem(
      nic,
      'ip6',
      `network ${name} has no cidr6; give it one with: bootstead network set ${name} cidr6=…`,
    )
  else if (!ipv6NetworkContains(cidr6, nic.ip6))
    yield nicProblem(nic, 'ip6', `the address is outside network ${name} (${cidr6})`)
  else if (!isIpv6HostAddress(cidr6, nic.ip6))
    yield nicProblem(nic, 'ip6', `the first address of ${name} (${cidr6}) is its routers'; give the machine another`)
}

/** The bridge a guest's interface joins: its own, else that of the Dom0's interface on the same network. */
export function bridgeFor(snapshot: Snapshot, dom0: string, nic: Interface): string | null {
  if (nic.bridge !== null) return nic.bridge
  const carriers = (snapshot.interfaces.get(dom0) ?? []).filter((other) => other.bridge !== null)
  return (
    (carriers.find((other) => other.network === nic.network) ?? (nic.network === null ? carriers[0] : undefined))
      ?.bridge ?? null
  )
}

function* checkDom0({ snapshot, machine, host }: Subject): Generator<Problem> {
  if (machine.dom0 === null) {
    if (machine.vdisk !== null)
      yield {
        ...machineProblem(machine, 'vdisk', 'only a guest has vdisks, and this machine names no dom0'),
        severity: 'warning',
      }
    return
  }
  if (machine.dom0 === machine.hostname) yield machineProblem(machine, 'dom0', 'a machine is not its own Dom0')
  else if (host === null)
    yield machineProblem(machine, 'dom0', 'there is no machine of this name; add it or name one that exists')
  else if (host.dom0 !== null)
    yield machineProblem(machine, 'dom0', `${host.hostname} is itself a guest (of ${host.dom0}); name a Dom0`)
  else if (hypervisorOf(snapshot, host) === 'none')
    yield machineProblem(
      machine,
      'dom0',
      `profile ${host.profile} of ${host.hostname} has no hypervisor; set xen or kvm there`,
    )
  if (/^\d+$/.test(machine.hostname))
    yield machineProblem(
      machine,
      'hostname',
      'xl, xm and virsh take a name of digits alone for the number of a domain, perhaps of another guest; rename it',
    )
  if (machine.vdisk === null)
    yield machineProblem(machine, 'vdisk', 'a guest needs a device of its Dom0 to live on, such as /dev/sda5')
}

/** The machine that a guest's CPUs and memory are of; null when what stands in its row is no Dom0. */
const dom0Of = ({ host }: Subject): Machine | null => (host?.dom0 === null ? host : null)

function hypervisorOf(snapshot: Snapshot, dom0: Machine | null): Hypervisor {
  if (dom0 === null) return 'none'
  return inherited(profileChain(snapshot, dom0.profile), 'hypervisor')?.value ?? 'none'
}

function siblingsOf(snapshot: Snapshot, machine: Machine): readonly Machine[] {
  if (machine.dom0 === null) return []
  return (snapshot.guests.get(machine.dom0) ?? []).flatMap((name) =>
    name === machine.hostname ? [] : (snapshot.machines.get(name) ?? []),
  )
}

function* checkVdisks({ machine, host, siblings }: Subject): Generator<Problem> {
  if (machine.dom0 === null) return
  const devices = vdisks(machine.vdisk).map((vdisk) => vdisk.device)
  if (devices.some((one, index) => devices.slice(index + 1).some((other) => overlap(one, other))))
    yield machineProblem(machine, 'vdisk', 'the same device is given twice; give each once')
  const disk = host?.disk ?? null
  if (disk !== null && devices.includes(`/dev/${disk.replace(/^\/dev\//, '')}`))
    yield machineProblem(
      machine,
      'vdisk',
      `${disk} is the disk that ${machine.dom0} itself is installed on; give the guest a partition of it, or another`,
    )
  for (const sibling of siblings) {
    const shared = vdisks(sibling.vdisk).find(({ device }) => devices.some((one) => overlap(one, device)))
    if (shared !== undefined)
      yield machineProblem(
        machine,
        'vdisk',
        `${shared.device} is given to ${sibling.hostname} too; two guests would overwrite each other`,
      )
  }
}

/** The names that a guest's disks may be given, by its Dom0's hypervisor. */
const targetNames: Readonly<Record<Exclude<Hypervisor, 'none'>, Readonly<{ pattern: RegExp; like: string }>>> = {
  // xen-vbd-interface(7); the devices of a domain are numbered, so xm and xl know names of these kinds only
  xen: { pattern: /^(xvd|hd|sd)[a-z]{1,2}\d*$/, like: 'xvda, hda or sda' },
  // libvirt, Format of domain XML, target: the name's beginning says the bus; a guest of KVM is given whole disks
  kvm: { pattern: /^(vd|sd|hd)[a-z]{1,2}$/, like: 'vda, sda or hda' },
}

function* checkTargets(subject: Subject): Generator<Problem> {
  const { snapshot, machine } = subject
  const hypervisor = hypervisorOf(snapshot, dom0Of(subject))
  if (hypervisor === 'none') return
  const disks = vdisks(machine.vdisk)
  if (disks.length > mostDisks)
    yield machineProblem(machine, 'vdisk', `a guest has at most ${mostDisks} disks, and these are ${disks.length}`)
  const targets = disks.flatMap(({ target }) => target ?? [])
  const { pattern, like } = targetNames[hypervisor]
  const odd = targets.find((target) => !pattern.test(target))
  if (odd !== undefined)
    yield machineProblem(
      machine,
      'vdisk',
      `a guest of ${hypervisor} can't have a disk ${odd}; name one like ${like}, or none`,
    )
  const twin = targets.find((one, index) => targets.slice(index + 1).some((other) => isOneDisk(one, other)))
  if (twin !== undefined)
    yield machineProblem(
      machine,
      'vdisk',
      `the guest would see two disks as one (${targets.join(', ')}); name other targets`,
    )
}

/** How the kernel and udev name the partitions of a disk. A logical volume's name says nothing of the kind. */
const partitionNames: readonly Readonly<{ disk: RegExp; partition: RegExp; source: string }>[] = [
  {
    disk: /^\/dev\/[a-z]+$/,
    partition: /^\d+$/,
    source: 'Linux, Documentation/admin-guide/devices.txt: sda5, hda5, xvda5, vda5',
  },
  {
    disk: /^\/dev\/([a-z]+|(cciss|ida|rd)\/[a-z]+)\d+([a-z]+\d+)*$/,
    partition: /^p\d+$/,
    source: 'Linux, block/partitions/core.c: a name that ends in a digit gets a p: nvme0n1p5, mmcblk0p5, cciss/c0d0p5',
  },
  { disk: /^\/dev\/disk\/by-[a-z]+\/.+$/, partition: /^-part\d+$/, source: 'udev, 60-persistent-storage.rules' },
]

/** /dev/sda and /dev/sda5 overlap; /dev/sda5 and /dev/sda50 don't. */
function overlap(a: string, b: string): boolean {
  const [short, long] = a.length <= b.length ? [a, b] : [b, a]
  if (short === long) return true
  const rest = long.slice(short.length)
  return (
    long.startsWith(short) && partitionNames.some(({ disk, partition }) => disk.test(short) && partition.test(rest))
  )
}

function* checkCpus(subject: Subject): Generator<Problem> {
  const { snapshot, machine, siblings } = subject
  const dom0 = dom0Of(subject)
  if (dom0 === null) return
  if (dom0.vcpus !== null && (machine.vcpus ?? 1) > dom0.vcpus)
    yield {
      ...machineProblem(
        machine,
        'vcpus',
        `${dom0.hostname} has ${dom0.vcpus} CPUs; the guest's take turns on them, which is slow`,
      ),
      severity: 'warning',
    }
  if (machine.cpus === null) return
  const own = cpuNumbers(machine.cpus)
  const beyond = dom0.vcpus === null ? [] : own.filter((cpu) => cpu >= (dom0.vcpus ?? 0))
  if (beyond.length > 0)
    yield machineProblem(
      machine,
      'cpus',
      `${dom0.hostname} has CPUs 0 to ${(dom0.vcpus ?? 1) - 1}, not ${beyond.join(', ')}`,
    )
  const mayShare = maySharePinnedCpus(snapshot, machine)
  for (const other of [dom0, ...siblings]) {
    if (other.cpus === null || (mayShare && maySharePinnedCpus(snapshot, other))) continue
    const theirs = new Set(cpuNumbers(other.cpus))
    const shared = own.filter((cpu) => theirs.has(cpu))
    if (shared.length > 0)
      yield machineProblem(
        machine,
        'cpus',
        `CPU ${shared.join(', ')} is pinned to ${other.hostname} too; give each its own or set the param share_cpus on both`,
      )
  }
}

function maySharePinnedCpus(snapshot: Snapshot, machine: Machine): boolean {
  return effectiveParam(snapshot, machine, profileChain(snapshot, machine.profile), 'share_cpus') === true
}

function* checkMemory(subject: Subject): Generator<Problem> {
  const { snapshot, machine, siblings } = subject
  if (machine.dom0 === null) return
  const dom0 = dom0Of(subject)
  if (machine.memory_mib === null) yield machineProblem(machine, 'memory_mib', 'a guest needs its memory in MiB')
  if (dom0 === null || dom0.memory_mib === null || machine.memory_mib === null) return
  const kept = effectiveParam(snapshot, dom0, profileChain(snapshot, dom0.profile), 'dom0_memory_mib')
  const reserved = typeof kept === 'number' ? kept : defaultDom0MemoryMiB
  const wanted = siblings.reduce((sum, guest) => sum + (guest.memory_mib ?? 0), machine.memory_mib)
  if (wanted + reserved > dom0.memory_mib)
    yield machineProblem(
      machine,
      'memory_mib',
      `the guests of ${dom0.hostname} want ${wanted} MiB and it keeps ${reserved} itself, but it has ${dom0.memory_mib}`,
    )
}
