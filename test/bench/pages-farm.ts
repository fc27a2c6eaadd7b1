// A farm as administrators have them: networks, chains of profiles, Dom0s with guests, bad rows, a history, installs that
// are on, done and failed.
import type { Edit } from '../../server/inventory/encode.ts'
import { migrateStore } from '../../server/inventory/store/migrations.ts'
import type { Store } from '../../server/inventory/store/open.ts'
import type { NewEvent } from '../../server/inventory/store/record.ts'
import { isoTime, recordArming, recordEdits, recordEvents } from '../../server/inventory/store/record.ts'
import { hostnameOf, macOf, put } from './farm.ts'

const [machinesPerNetwork, roles, metal] = [1000, 20, 10]

/** From 198.18.4.0 on, a /22 for every thousand machines. */
const networkOf = (index: number): number => Math.floor((index - 1) / machinesPerNetwork)
const nameOfNetwork = (network: number): string => `row${String(network).padStart(3, '0')}`
const addressIn = (network: number, host: number): string => {
  const third = 4 * (network + 1) + (host >>> 8)
  return `198.${18 + (third >>> 8)}.${third & 255}.${host & 255}`
}

/** Of ten machines two stand alone, two are Dom0s, and six are their guests. */
const dom0Of = (index: number): number | null => (index % metal < 4 ? null : index - (index % metal) + 2 + (index % 2))
const isDom0 = (index: number): boolean => index % metal === 2 || index % metal === 3

/** A Dom0 and a guest that pages are asked for. */
export const [someDom0, someGuest] = [2012, 2014]

/** A machine on the wire of the bench's relay, which a probe of DHCP asks for. */
export const probed = 1

export async function plantOffice(store: Store, count: number): Promise<void> {
  await migrateStore(store)
  await recordEdits(store, [...shared(count), ...machines(count)], 'cli:import')
  for (let change = 0; change < 300; change++) {
    const index = 1 + ((change * 331) % count)
    await recordEdits(store, [put('machines', rowOf(index, `moved in week ${change}`))], `web:user${change % 5}`)
  }
  await plantStates(store, count)
}

function shared(count: number): readonly Edit[] {
  const networks = Array.from({ length: networkOf(count) + 1 }, (_, network) =>
    put('networks', {
      name: nameOfNetwork(network),
      cidr: `${addressIn(network, 0)}/22`,
      gateway: addressIn(network, 1),
      dns: '198.18.0.1',
    }),
  )
  const profile = { family: 'el', version: '9', arch: 'x86_64', template: 'el9.ks', image: 'el9' }
  return [
    put('site', { name: 'timezone', value: '"Etc/UTC"' }),
    ...networks,
    put('networks', { name: 'relay', cidr: '198.19.252.0/22', gateway: '198.19.255.254' }),
    put('images', { name: 'el9', arch: 'x86_64', kernel: 'vmlinuz', initrd: 'initrd.img', tree_url: 'repo/el9' }),
    put('profiles', { name: 'base', params: { packages: ['vim', 'rsync'] } }),
    put('profiles', { name: 'el9', parent: 'base', ...profile }),
    put('profiles', { name: 'dom0', parent: 'el9', hypervisor: 'xen' }),
    ...Array.from({ length: roles }, (_, role) =>
      put('profiles', { name: `role${role}`, parent: 'el9', guest_type: 'pvh', kernel_args: `role=${role}` }),
    ),
  ]
}

function rowOf(index: number, notes: string | null): Readonly<Record<string, unknown>> {
  const dom0 = dom0Of(index)
  const row = { hostname: hostnameOf(index), notes, params: { rack: `r${index % 50}` } }
  if (dom0 === null && isDom0(index)) return { ...row, profile: 'dom0', disk: 'sda', vcpus: 16, memory_mib: 65_536 }
  if (dom0 === null) return { ...row, profile: `role${index % roles}`, disk: 'sda', vcpus: 8, memory_mib: 16_384 }
  const place = Math.floor(((index % metal) - 4) / 2)
  return {
    ...row,
    profile: `role${index % roles}`,
    dom0: hostnameOf(dom0),
    vdisk: `/dev/vg0/guest${place}`,
    vcpus: 4,
    cpus: `${4 + 4 * place}-${7 + 4 * place}`,
    memory_mib: 8192,
  }
}

/** One address in five hundred is also its neighbour's: two machines are withheld. */
export const addressOf = (index: number): string => {
  const own = index % 500 === 0 ? index - 1 : index
  return addressIn(networkOf(own), 2 + ((own - 1) % machinesPerNetwork))
}

const machines = (count: number): readonly Edit[] =>
  Array.from({ length: count }, (_, at) => at + 1).flatMap((index) => {
    const nic = { machine: hostnameOf(index), name: 'eth0', mac: macOf(index), bridge: isDom0(index) ? 'br0' : null }
    return [
      put('machines', rowOf(index, null)),
      index === probed
        ? put('interfaces', { ...nic, ip: '198.19.252.9', network: 'relay' })
        : put('interfaces', { ...nic, ip: addressOf(index), network: nameOfNetwork(networkOf(index)) }),
    ]
  })

const day = 86_400_000
const ways: readonly (readonly string[])[] = [
  ['dhcp', 'loader', 'kickstart', 'installing', 'installed'],
  ['dhcp', 'loader', 'kickstart', 'installing', 'installed', 'firstboot', 'ready'],
  ['dhcp', 'loader', 'kickstart', 'installing'],
  ['dhcp', 'loader', 'kickstart', 'installing', 'failed'],
]

/** One machine in twenty has been heard of: half of those are done, of the others some are on and some have failed. */
async function plantStates(store: Store, count: number): Promise<void> {
  const now = Date.now()
  const heard = Array.from({ length: Math.floor(count / 20) }, (_, at) => at * 20 + 14)
  const armed = heard.filter((_, at) => at % 10 === 0)
  await recordArming(store, armed.map(hostnameOf), { who: 'web:user1', now, expiresAt: now + day })
  const events = heard.flatMap((index, at): readonly NewEvent[] => {
    const way = ways[at % 10 < 5 ? at % 2 : 2 + (at % 2)] ?? []
    const begin = now - (way.length > 4 ? day : 600_000)
    return way.map((stage, step) => ({
      ...{ machine: hostnameOf(index), stage, at: isoTime(begin + step * 60_000), door: 'http' },
      ...{ detail: stage === 'failed' ? 'no space left on sda' : null, progress: null, peer: null },
    }))
  })
  await recordEvents(store, events)
}
