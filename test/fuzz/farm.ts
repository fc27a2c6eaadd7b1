// The farm that is shot at: a good client's machine, and one for each MAC of the captures, with an install armed.
import type { Store } from '../../server/inventory/store/open.ts'
import { migrateStore } from '../../server/inventory/store/migrations.ts'
import { recordArming } from '../../server/inventory/store/record.ts'
import { dhcpModes, PXE_PORT, type DhcpMode } from '../../server/plan/dhcp/proxy.ts'
import { holderOf, readCorpus } from '../corpus/captures.ts'
import { fillStore } from '../fixtures.ts'

export const SERVER = { ipv4: '192.0.2.1', ipv6: '2001:db8::1' } as const
export const GOOD = { mac: '02:00:00:00:00:02', ipv4: '192.0.2.9', ipv6: '2001:db8::9' } as const

/** What the server is to be, for programs that are told so by their environment; and where it hears DHCP then. */
export const dhcpMode: DhcpMode = dhcpModes.find((mode) => mode === process.env['DHCP_MODE']) ?? 'server'
export const dhcpPorts: readonly number[] = { server: [67], proxy: [67, PXE_PORT], 'proxy-4011': [PXE_PORT] }[dhcpMode]

export const macsOfFarm: readonly string[] = [GOOD.mac, ...new Set(readCorpus().map((one) => holderOf(one).mac))]

/** What its doors have files of: the names under the state folder, and how many octets. */
export const FILES = {
  'loaders/pxelinux.0': 42_000,
  'loaders/empty.0': 0,
  'images/el9/vmlinuz': 500_000,
  'images/el9/initrd.img': 8_000_000,
} as const

export async function plantFuzzFarm(store: Store): Promise<void> {
  await migrateStore(store)
  const names = macsOfFarm.map((_, index) => `m${index}`)
  const machines = names.map((name, index) => {
    const [ipv4, ipv6] = index === 0 ? [GOOD.ipv4, GOOD.ipv6] : [`192.0.2.${99 + index}`, `2001:db8::${99 + index}`]
    const nic = `{eth0: {mac: '${macsOfFarm[index]}', ip: ${ipv4}, ip6: '${ipv6}', network: farm}}`
    return `  ${name}: {profile: el9, disk: sda, interfaces: ${nic}}`
  })
  const rows = `
networks:
  farm: {cidr: 192.0.2.0/24, cidr6: '2001:db8::/64', dns: [${SERVER.ipv4}], domain: example.org}
images:
  el9: {arch: x86_64, kernel: vmlinuz, initrd: initrd.img, tree_url: repo/el9}
profiles:
  el9: {family: el, version: '9', arch: x86_64, template: el9.ks, image: el9}
machines:
${machines.join('\n')}
`
  await fillStore(store, rows)
  const now = Date.now()
  await recordArming(store, names, { who: 'fuzz', now, expiresAt: now + 30 * 86_400_000 })
}
