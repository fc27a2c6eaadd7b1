import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { PlanContext } from '../../../server/plan/boot.ts'
import { bootfileFor, bootBranches, loaders } from '../../../server/plan/bootfile.ts'
import { platforms } from '../../../server/plan/dhcp/clients.ts'
import { bootSets, linksOf, reservationsOf } from '../../../server/plan/reservation.ts'
import { settingsOf } from '../../../server/plan/settings.ts'
import { derivedMac } from '../../../server/inventory/xen-mac.ts'
import { address, snapshotOf } from '../../fixtures.ts'

const contextOf = (yaml: string): PlanContext => ({
  snapshot: snapshotOf(yaml),
  server: { advertise: null, addresses: [address('192.0.2.1'), address('198.51.100.1')], httpPort: 80 },
  known: { templates: new Set() },
  now: 0,
})

const networks = `
networks:
  farm: {cidr: 192.0.2.0/24, gateway: 192.0.2.254, domain: farm.example.org}
  storage: {cidr: 198.51.100.0/24, gateway: 198.51.100.254, mtu: 9000}
profiles: {p: {}, xen: {hypervisor: xen}}`

describe('reservationsOf', () => {
  const reserved = (yaml: string, hostname = 'a') => reservationsOf(contextOf(`${networks}\n${yaml}`), hostname)

  test('every card with an address gets one; only the one it boots from has a router and boots', () => {
    const found = reserved(
      'machines: {a: {profile: p, params: {loader: ipxe}, interfaces: {eth0: {mac: 00:00:5e:00:53:01, ip: 192.0.2.11, network: farm}, eth1: {mac: 00:00:5e:00:53:02, ip: 198.51.100.11, network: storage}, ipmi: {mac: 00:00:5e:00:53:03}}}}',
    )
    assert.equal(found.kind, 'reserved')
    const shown = found.reservations.map(({ nic, mac, ip, network, host, boots }) => [
      ...[nic, mac, ip, network.name, host.router, host.mtu, boots],
    ])
    assert.deepEqual(shown, [
      ['eth0', '00:00:5e:00:53:01', '192.0.2.11', 'farm', '192.0.2.254', null, '192.0.2.1-ipxe'],
      ['eth1', '00:00:5e:00:53:02', '198.51.100.11', 'storage', null, 9000, null],
    ])
  })

  test('a guest without a MAC of its own is known by the one derived from its name', () => {
    const found = reserved(
      'machines: {d: {profile: xen, memory_mib: 4096, interfaces: {eth0: {mac: 00:00:5e:00:53:01, network: farm, bridge: xenbr0}}}, a: {profile: p, dom0: d, vdisk: /dev/sda5, memory_mib: 512, interfaces: {eth0: {ip: 192.0.2.12, network: farm}}}}',
    )
    assert.equal(found.kind, 'reserved')
    assert.equal(found.reservations[0]?.mac, derivedMac('a', 'eth0'))
  })

  test('what is left out says why: withheld, without an address, known by its UUID only', () => {
    const why = (yaml: string): string => {
      const found = reserved(yaml)
      return found.kind === 'left-out' ? found.why : ''
    }
    assert.match(
      why('machines: {a: {profile: nosuch, interfaces: {eth0: {mac: 00:00:5e:00:53:01}}}}'),
      /^withheld: .*nosuch/,
    )
    assert.match(
      why('machines: {a: {profile: p, interfaces: {eth0: {mac: 00:00:5e:00:53:01}}}}'),
      /none of its interfaces has an address/,
    )
    const byUuid =
      'machines: {a: {profile: p, uuid: 564d1c2e-0000-4000-8000-00005e005301, interfaces: {eth0: {ip: 192.0.2.11, network: farm, boot: true}, ipmi: {mac: 00:00:5e:00:53:03}}}}'
    assert.match(why(byUuid), /eth0 has an address and no MAC/)
    assert.match(why(''), /no machine a/)
  })
})

describe('boot sets', () => {
  test('are those of every boot server and loader, whichever machines there are', () => {
    const sets = bootSets(contextOf(networks)).map(({ name, url }) => `${name} ${url}`)
    assert.deepEqual(
      sets,
      ['192.0.2.1', '198.51.100.1'].flatMap((one) => loaders.map((loader) => `${one}-${loader} http://${one}`)),
    )
  })

  test('branches say for each client what bootfileFor() answers it', () => {
    const { snapshot, server } = contextOf(
      loaders
        .map(
          (loader, index) =>
            `  ${loader}: {profile: p, params: {loader: ${loader}}, interfaces: {eth0: {mac: 00:00:5e:00:53:0${index}}}}`,
        )
        .reduce((all, one) => `${all}\n${one}`, 'machines:'),
    )
    for (const loader of loaders) {
      const machine = snapshot.machines.get(loader)
      assert.ok(machine)
      const settings = settingsOf(snapshot, machine, server)
      for (const platform of platforms)
        for (const agent of ['pxe', 'http', 'ipxe'] as const) {
          const branches = bootBranches(loader).filter((one) => one.agent === agent && one.platforms.includes(platform))
          const name = bootfileFor(settings, { platform, agent })?.value.name
          const [branch] = branches
          const file = branch?.file === null ? `ipxe/${settings.mac.value ?? ''}.ipxe` : branch?.file
          assert.ok(branches.length <= 1)
          assert.equal(
            branch?.byUrl === true ? `http://192.0.2.1/${file ?? ''}` : file,
            name,
            `${loader} ${platform} ${agent}`,
          )
        }
    }
  })
})

describe('links', () => {
  const links = (yaml: string) =>
    linksOf(snapshotOf(yaml)).map(({ name, subnets }) => [
      name,
      ...subnets.map(({ cidr, networks: of, relays }) => [cidr, of.join('+'), ...relays].join(' ')),
    ])

  test('a network is a link of its own, also with a relay in its own range', () => {
    assert.deepEqual(links('networks: {a: {cidr: 192.0.2.0/24, relay: 192.0.2.2}, b: {cidr: 198.51.100.0/24}}'), [
      ['a', '192.0.2.0/24 a'],
      ['b', '198.51.100.0/24 b'],
    ])
  })

  test('one relay is one wire, and so is a relay in another network', () => {
    assert.deepEqual(
      links(
        'networks: {a: {cidr: 192.0.2.0/24}, b: {cidr: 198.51.100.0/24, relay: 192.0.2.9}, c: {cidr: 10.0.0.0/24, relay: 203.0.113.1}, d: {cidr: 10.0.1.0/24, relay: 203.0.113.1}}',
      ),
      [
        ['a', '192.0.2.0/24 a', '198.51.100.0/24 b 192.0.2.9'],
        ['c', '10.0.0.0/24 c 203.0.113.1', '10.0.1.0/24 d 203.0.113.1'],
      ],
    )
  })

  test('two networks of one range are one subnet: no daemon takes it twice', () => {
    assert.deepEqual(links('networks: {a: {cidr: 192.0.2.0/24}, b: {cidr: 192.0.2.0/24}}'), [['a', '192.0.2.0/24 a+b']])
  })

  test('declared_subnets leaves out the links of those networks, or all', () => {
    const yaml =
      'networks: {a: {cidr: 192.0.2.0/24}, b: {cidr: 198.51.100.0/24, relay: 192.0.2.9}, c: {cidr: 10.0.0.0/24}}'
    assert.deepEqual(links(`${yaml}\nsite: {declared_subnets: [b]}`), [['c', '10.0.0.0/24 c']])
    assert.deepEqual(links(`${yaml}\nsite: {declared_subnets: true}`), [])
  })
})
