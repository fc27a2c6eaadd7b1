// The sample inventories and the shipped templates, as the tests of render/ use them.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseIpv4 } from '../../../server/inventory/address.ts'
import { parseYamlDocument } from '../../../server/inventory/document.ts'
import { encodeRow } from '../../../server/inventory/encode.ts'
import type { RowChange, Snapshot } from '../../../server/inventory/snapshot.ts'
import { changeSnapshot, emptySnapshot } from '../../../server/inventory/snapshot.ts'
import { planBoot } from '../../../server/plan/boot.ts'
import type { InstallView } from '../../../server/render/view.ts'
import { installView } from '../../../server/render/view.ts'
import type { TemplateSources } from '../../../server/render/templates.ts'

const root = join(import.meta.dirname, '../../..')

type Row = Readonly<Record<string, unknown>>

/** The checksums that `bootstead image add` records: a guest's install kernel is fetched by them. */
export function withChecksums(image: Row): Row {
  const files = [image['kernel'], image['initrd']].filter((file) => typeof file === 'string')
  return { ...image, sha256: Object.fromEntries(files.map((file, index) => [file, `${index}c`.repeat(32)])) }
}

/** A sample's rows, as `bootstead import` reads them; the images as `bootstead image add` leaves them. */
export function sampleRows(name: string): readonly RowChange[] {
  const { rows, errors } = parseYamlDocument(readFileSync(join(root, 'samples', name), 'utf8'), `samples/${name}`)
  if (errors.length > 0) throw new Error(errors.join('\n'))
  return rows.map(({ table, key, row }) => ({
    table,
    key,
    raw: table === 'images' ? withChecksums(encodeRow(row)) : encodeRow(row),
  }))
}

/** A machine armed for install, with a token that is no secret. */
export function armed(snapshot: Snapshot, hostname: string): Snapshot {
  const machine = snapshot.machines.get(hostname)
  if (machine === undefined) throw new Error(`no machine ${hostname}`)
  const token = {
    id: 't1',
    machine: hostname,
    purpose: 'install',
    secret: 'golden-token-of-no-machine',
    created_at: '2026-01-02T03:04:05.000Z',
    expires_at: null,
    used_at: null,
  }
  return changeSnapshot(
    snapshot,
    [
      { table: 'machines', key: hostname, raw: { ...machine, boot: 'install' } },
      { table: 'tokens', key: `${hostname}/t1`, raw: token },
      {
        table: 'tokens',
        key: `${hostname}/t2`,
        raw: { ...token, id: 't2', purpose: 'machine', secret: 'golden-machine-token' },
      },
    ],
    2,
  )
}

export function snapshotOf(rows: readonly RowChange[]): Snapshot {
  return changeSnapshot(emptySnapshot, rows, 1)
}

export const templates = shippedTemplates()

function shippedTemplates(): TemplateSources {
  const folder = join(root, 'kickstart-templates')
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) => /\.(ks|cfg|sh)$/.test(path))
  return new Map(paths.map((path) => [path.replaceAll('\\', '/'), readFileSync(join(folder, path), 'utf8')]))
}

export const known = { templates: new Set([...templates.keys()].filter((path) => !path.includes('/'))) }

export const server = { advertise: parseIpv4('192.0.2.1'), addresses: [], httpPort: 80 }

/** The view of a machine once it is armed. @throws Error when its plan is not to install */
export function viewOf(snapshot: Snapshot, hostname: string): InstallView {
  const ready = armed(snapshot, hostname)
  const plan = planBoot({ snapshot: ready, server, known, now: 0 }, hostname)
  if (plan.kind !== 'install') throw new Error(`${hostname}: ${plan.kind}: ${plan.why}`)
  return installView(ready, plan)
}

/** For each release a metal machine, a Dom0 of Xen and one of KVM, and a guest of each: `metal-`, `dom0-`, `guest-`, `kvm-`, `vm-el9`. */
export function releaseRows(releases: readonly string[], params: Row = {}): readonly RowChange[] {
  return [
    { table: 'site', key: 'timezone', raw: { name: 'timezone', value: '"Europe/Zurich"' } },
    {
      table: 'networks',
      key: 'farm',
      raw: {
        name: 'farm',
        cidr: '192.0.2.0/24',
        gateway: '192.0.2.254',
        dns: ['192.0.2.1', '192.0.2.2'],
        ntp: ['192.0.2.1'],
        domain: 'farm.example.org',
      },
    },
    { table: 'networks', key: 'storage', raw: { name: 'storage', cidr: '198.51.100.0/24', mtu: 9000, vlan: 30 } },
    ...releases.flatMap((release, index) => rowsOfRelease(release, index, params)),
  ]
}

function rowsOfRelease(release: string, index: number, params: Row): readonly RowChange[] {
  const [, family = '', version = ''] = /^(el|fedora|debian)(\d*)$/.exec(release) ?? []
  const arch = ['el4', 'el5'].includes(release) ? 'i386' : 'x86_64'
  const profile = {
    family,
    version: version === '' ? '44' : version,
    arch,
    template: family === 'debian' ? 'debian.cfg' : `${release}.ks`,
    image: release,
  }
  const repositories = [{ name: 'extra', url: `repo/extra/${release}` }]
  const machine = (hostname: string, raw: Row): RowChange => ({
    table: 'machines',
    key: hostname,
    raw: { hostname, params, ...raw },
  })
  const nic = (host: string, name: string, raw: Row): RowChange => ({
    table: 'interfaces',
    key: `${host}/${name}`,
    raw: { machine: host, name, ...raw },
  })
  const ip = (kind: number): string => `192.0.2.${10 + index * 10 + kind}`
  const mac = (kind: number): string => `00:00:5e:00:53:${(index * 16 + kind).toString(16).padStart(2, '0')}`
  return [
    {
      table: 'images',
      key: release,
      raw: withChecksums({ name: release, arch, kernel: 'vmlinuz', initrd: 'initrd.img', tree_url: `repo/${release}` }),
    },
    { table: 'profiles', key: release, raw: { name: release, ...profile, repositories } },
    { table: 'profiles', key: `${release}-dom0`, raw: { name: `${release}-dom0`, parent: release, hypervisor: 'xen' } },
    { table: 'profiles', key: `${release}-kvm`, raw: { name: `${release}-kvm`, parent: release, hypervisor: 'kvm' } },
    machine(`metal-${release}`, { profile: release, disk: 'sda', serial_console: 'ttyS0,115200' }),
    nic(`metal-${release}`, 'eth0', { mac: mac(1), ip: ip(1), network: 'farm' }),
    nic(`metal-${release}`, 'eth1', { mac: mac(2), ip: `198.51.100.${10 + index}`, network: 'storage' }),
    machine(`dom0-${release}`, {
      profile: `${release}-dom0`,
      disk: 'sda',
      vcpus: 8,
      cpus: '0-1',
      memory_mib: 16384,
      serial_console: 'ttyS1,57600',
    }),
    nic(`dom0-${release}`, 'eth0', { mac: mac(3), ip: ip(2), network: 'farm', bridge: 'xenbr0' }),
    machine(`guest-${release}`, {
      profile: release,
      dom0: `dom0-${release}`,
      vdisk: '/dev/sda5',
      vcpus: 2,
      cpus: '2-3',
      memory_mib: 2048,
    }),
    nic(`guest-${release}`, 'eth0', { ip: ip(3), network: 'farm' }),
    machine(`kvm-${release}`, { profile: `${release}-kvm`, disk: 'sda', vcpus: 8, memory_mib: 16384 }),
    nic(`kvm-${release}`, 'eth0', { mac: mac(4), ip: ip(4), network: 'farm', bridge: 'br0' }),
    machine(`vm-${release}`, { profile: release, dom0: `kvm-${release}`, vdisk: '/dev/vg0/vm', memory_mib: 2048 }),
    nic(`vm-${release}`, 'eth0', { ip: ip(5), network: 'farm' }),
  ]
}
