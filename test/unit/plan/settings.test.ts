import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Snapshot } from '../../../server/inventory/snapshot.ts'
import { derivedMac } from '../../../server/inventory/xen-mac.ts'
import type { Settings, Traced } from '../../../server/plan/settings.ts'
import { isInBootNetwork, isOwnAddress, settingsOf } from '../../../server/plan/settings.ts'
import { address, snapshotOf } from '../../fixtures.ts'

const server = { advertise: null, addresses: [address('192.0.2.1')], httpPort: 80 }

function settings(snapshot: Snapshot, hostname = 'a'): Settings {
  const machine = snapshot.machines.get(hostname)
  assert.ok(machine)
  return settingsOf(snapshot, machine, server)
}

/** `value < layer row.column`, as a person would be told it. */
const told = ({ value, origin }: Traced<unknown>): string =>
  `${JSON.stringify(value)} < ${origin.layer} ${origin.row}.${origin.column}`
const param = (from: Settings, name: string): string => {
  const given = from.params.get(name)
  return given === undefined ? 'not given' : told(given)
}

describe('site < network < profile chain < machine', () => {
  test('a param: each inner layer replaces what the outer one gave, and says where it came from', () => {
    const layer = (profiles: string, machine: string): Settings =>
      settings(
        snapshotOf(`site: {timezone: Etc/UTC}\nprofiles: ${profiles}\nmachines: {a: {profile: child, ${machine}}}`),
      )
    assert.equal(param(layer('{base: {}, child: {parent: base}}', ''), 'timezone'), '"Etc/UTC" < site timezone.value')
    assert.equal(
      param(layer('{base: {params: {timezone: B}}, child: {parent: base}}', ''), 'timezone'),
      '"B" < profile base.params.timezone',
    )
    assert.equal(
      param(layer('{base: {params: {timezone: B}}, child: {parent: base, params: {timezone: C}}}', ''), 'timezone'),
      '"C" < profile child.params.timezone',
    )
    assert.equal(
      param(layer('{base: {}, child: {parent: base, params: {timezone: C}}}', 'params: {timezone: M}'), 'timezone'),
      '"M" < machine a.params.timezone',
    )
    assert.equal(
      param(layer('{child: {params: {timezone: null}}}', ''), 'timezone'),
      'null < profile child.params.timezone',
    )
  })

  test('the domain: site, then network, then a profile’s param, then the machine’s column', () => {
    const given = {
      site: 'site: {domain: site.example.org}',
      network: 'domain: net.example.org',
      profile: 'params: {domain: profile.example.org}',
      machine: 'domain: machine.example.org',
    }
    const domain = (...layers: readonly (keyof typeof given)[]): Settings => {
      const has = (layer: keyof typeof given): string => (layers.includes(layer) ? given[layer] : '')
      return settings(
        snapshotOf(`${has('site')}
networks: {n: {cidr: 192.0.2.0/24, ${has('network')}}}
profiles: {p: {${has('profile')}}}
machines: {a: {profile: p, ${has('machine')}${has('machine') === '' ? '' : ','} interfaces: {eth0: {mac: 00:00:5e:00:53:01, network: n}}}}`),
      )
    }
    assert.equal(told(domain().domain), 'null < default .domain')
    assert.equal(domain().fqdn, 'a')
    assert.equal(told(domain('site').domain), '"site.example.org" < site domain.value')
    assert.equal(told(domain('site', 'network').domain), '"net.example.org" < network n.domain')
    assert.equal(told(domain('site', 'network', 'profile').domain), '"profile.example.org" < profile p.params.domain')
    assert.equal(
      told(domain('site', 'network', 'profile', 'machine').domain),
      '"machine.example.org" < machine a.domain',
    )
    assert.equal(domain('machine').fqdn, 'a.machine.example.org')
  })

  test('a profile’s column is its own, else the nearest ancestor’s that gives one', () => {
    const chain = settings(
      snapshotOf(`
images: {el9: {arch: x86_64, kernel: vmlinuz}}
profiles:
  base: {family: el, version: "9", template: base.ks, image: el9, kernel_args: quiet, repositories: [{name: base, url: repo/base}]}
  middle: {parent: base, template: middle.ks, hypervisor: xen}
  leaf: {parent: middle, version: "10", guest_type: hvm, repositories: []}
machines: {a: {profile: leaf}}`),
    )
    assert.equal(told(chain.family), '"el" < profile base.family')
    assert.equal(told(chain.version), '"10" < profile leaf.version')
    assert.equal(told(chain.template), '"middle.ks" < profile middle.template')
    assert.equal(told(chain.hypervisor), '"xen" < profile middle.hypervisor')
    assert.equal(told(chain.guestType), '"hvm" < profile leaf.guest_type')
    assert.equal(told(chain.kernelArgs), '"quiet" < profile base.kernel_args')
    assert.equal(told(chain.repositories), '[] < profile leaf.repositories')
    assert.deepEqual([chain.image.value?.name, chain.image.origin.row], ['el9', 'base'])
  })

  test('the architecture: machine, then profile, then the image it names, then x86_64', () => {
    const arch = (machine: string, profile: string): string =>
      told(
        settings(
          snapshotOf(
            `images: {sl5: {arch: i386, kernel: v}}\nprofiles: {p: {${profile}}}\nmachines: {a: {profile: p, ${machine}}}`,
          ),
        ).arch,
      )
    assert.equal(arch('arch: aarch64', 'arch: riscv64, image: sl5'), '"aarch64" < machine a.arch')
    assert.equal(arch('', 'arch: riscv64, image: sl5'), '"riscv64" < profile p.arch')
    assert.equal(arch('', 'image: sl5'), '"i386" < image sl5.arch')
    assert.equal(arch('', ''), '"x86_64" < default .arch')
  })
})

describe('lists', () => {
  test('`packages+` adds to what the outer layers gave, `packages` replaces it', () => {
    const packages = (site: string, profile: string, machine: string): string =>
      param(
        settings(
          snapshotOf(
            `site: {${site}}\nprofiles: {p: {params: {${profile}}}}\nmachines: {a: {profile: p, params: {${machine}}}}`,
          ),
        ),
        'packages',
      )
    assert.equal(
      packages('packages: [vim]', 'packages+: [git]', 'packages+: [gcc]'),
      '["vim","git","gcc"] < machine a.params.packages+',
    )
    assert.equal(
      packages('packages: [vim]', 'packages: [git]', 'packages+: [gcc]'),
      '["git","gcc"] < machine a.params.packages+',
    )
    assert.equal(
      packages('packages: [vim]', 'packages+: [git]', 'packages: [gcc]'),
      '["gcc"] < machine a.params.packages',
    )
    assert.equal(packages('', 'packages+: [git]', ''), '["git"] < profile p.params.packages+')
    assert.equal(packages('packages: vim', 'packages+: git', ''), '["vim","git"] < profile p.params.packages+')
  })

  test('a network’s name and time servers, unless it has none: then the site’s', () => {
    const lists = (network: string): readonly string[] => {
      const made = settings(
        snapshotOf(`site: {dns: "192.0.2.8,192.0.2.9", ntp: [ntp.example.org]}
networks: {n: {cidr: 192.0.2.0/24, ${network}}}
machines: {a: {profile: p, interfaces: {eth0: {mac: 00:00:5e:00:53:01, network: n}}}}`),
      )
      return [told(made.dns), told(made.ntp)]
    }
    assert.deepEqual(lists(''), ['["192.0.2.8","192.0.2.9"] < site dns.value', '["ntp.example.org"] < site ntp.value'])
    assert.deepEqual(lists('dns: [192.0.2.1], ntp: [192.0.2.1]'), [
      '["192.0.2.1"] < network n.dns',
      '["192.0.2.1"] < network n.ntp',
    ])
  })

  test('a value of the site, or a param that stands in for a column, has that column’s form or counts as not given', () => {
    const made = settings(
      snapshotOf(`site: {dns: [ns.example.org], ntp: 7, domain: "not a domain"}
profiles: {p: {params: {domain: 42, serial_console: "ttyS0\\nLABEL x"}}}
machines: {a: {profile: p}}`),
    )
    assert.deepEqual([made.dns, made.ntp, made.domain, made.serialConsole].map(told), [
      '[] < default .dns',
      '[] < default .ntp',
      'null < default .domain',
      'null < default .serial_console',
    ])
  })
})

describe('a machine’s network', () => {
  const farm = snapshotOf(`
networks:
  farm: {cidr: 192.0.2.0/25, gateway: 192.0.2.126, mtu: 9000, vlan: 30}
  lab: {cidr: 198.51.100.0/24, next_server: 198.51.100.7}
machines:
  a: {profile: p, interfaces: {eth0: {mac: 00:00:5e:00:53:01, ip: 198.51.100.11, network: lab}, eth1: {mac: 00:00:5e:00:53:02, ip: 192.0.2.11, network: farm, vlan: 31, boot: true}}}
  bare: {profile: p}
  guest: {profile: p, dom0: a, interfaces: {eth0: {ip: 192.0.2.12, network: farm}}}
`)

  test('is that of the interface it boots from, each value with its row', () => {
    const made = settings(farm)
    assert.deepEqual([made.mac, made.ip, made.netmask, made.gateway, made.mtu, made.vlan].map(told), [
      '"00:00:5e:00:53:02" < interface a/eth1.mac',
      '"192.0.2.11" < interface a/eth1.ip',
      '"255.255.255.128" < network farm.cidr',
      '"192.0.2.126" < network farm.gateway',
      '9000 < network farm.mtu',
      '31 < interface a/eth1.vlan',
    ])
    assert.ok(isOwnAddress(made, '198.51.100.11') && !isOwnAddress(made, '192.0.2.12'))
    assert.ok(isInBootNetwork(made, address('192.0.2.99')) && !isInBootNetwork(made, address('192.0.2.200')))
  })

  test('a machine without interfaces has none of it, and says so by default', () => {
    const made = settings(farm, 'bare')
    for (const traced of [made.mac, made.ip, made.netmask, made.gateway])
      assert.equal(told(traced), `null < default .${traced.origin.column}`)
    assert.equal(isInBootNetwork(made, address('192.0.2.1')), false)
  })

  test('a guest without a MAC has the one derived from its name, the same one for ever', () => {
    const made = settings(farm, 'guest')
    assert.equal(told(made.mac), `"${derivedMac('guest', 'eth0')}" < default guest.mac (derived from the host name)`)
  })

  test('Xen’s range, 00:16:3e:00:00:00 to 00:16:3e:7f:ff:ff, whatever the name', () => {
    const seen = new Set<string>()
    for (let index = 0; index < 500; index++) {
      const mac = derivedMac(`guest${index}`, 'eth0')
      assert.match(mac, /^00:16:3e:[0-7][0-9a-f]:[0-9a-f]{2}:[0-9a-f]{2}$/)
      seen.add(mac)
    }
    assert.equal(seen.size, 500)
    assert.equal(derivedMac('acas0002', 'eth0'), '00:16:3e:10:71:60')
  })

  test('it reaches the boot server at the network’s next_server, else at our own address', () => {
    assert.deepEqual(
      [told(settings(farm).serverAddress), settings(farm).serverUrl],
      ['"192.0.2.1" < server this host.its address on farm', 'http://192.0.2.1'],
    )
    const lab = snapshotOf(
      'networks: {lab: {cidr: 198.51.100.0/24, next_server: 198.51.100.7}}\nmachines: {a: {profile: p, interfaces: {eth0: {mac: 00:00:5e:00:53:01, network: lab}}}}',
    )
    assert.deepEqual(
      [told(settings(lab).serverAddress), settings(lab).serverUrl],
      ['"198.51.100.7" < network lab.next_server', 'http://198.51.100.7'],
    )
  })
})

function guest({ hypervisor = 'xen', profile = '', columns = '' }): Settings {
  return settings(
    snapshotOf(`
profiles: {p: {${profile}}, h: {hypervisor: ${hypervisor}}}
machines: {a: {profile: p, dom0: b, ${columns}}, b: {profile: h}}`),
  )
}

describe('the disk that an install may erase', () => {
  const disk = (columns: string, profile = ''): string =>
    told(settings(snapshotOf(`profiles: {p: {${profile}}}\nmachines: {a: {profile: p, ${columns}}}`)).disk)

  test('is what the machine’s row says and nothing else: no profile and no param can name one', () => {
    assert.equal(disk('disk: /dev/sda'), '"sda" < machine a.disk')
    assert.equal(disk('disk: disk/by-id/ata-X'), '"disk/by-id/ata-X" < machine a.disk')
    assert.equal(disk('', 'params: {disk: sda}'), 'null < default .disk')
    assert.equal(disk('params: {disk: sda}'), 'null < default .disk')
  })

  test('is, for a guest, what its first vdisk is called inside it', () => {
    const inside = (columns: string): string => told(guest({ columns }).disk)
    assert.equal(inside('vdisk: /dev/sda5'), '"xvda" < machine a.vdisk')
    assert.equal(inside('vdisk: "/dev/sda5:sda,/dev/sda6:sdb"'), '"sda" < machine a.vdisk')
    assert.equal(inside('vdisk: "/dev/sda5,/dev/sda6:xvda"'), '"xvdb" < machine a.vdisk')
    assert.equal(inside('vdisk: /dev/sda5, disk: xvdb'), '"xvdb" < machine a.disk')
    assert.equal(disk('vdisk: /dev/sda5'), 'null < default .disk')
    assert.equal(disk('dom0: nobody, vdisk: /dev/sda5'), 'null < default .disk')
  })

  test('by the hypervisor of its Dom0, the kind of guest and the drivers of its release', () => {
    const inside = (hypervisor: string, profile: string, vdisk = '/dev/sda5'): unknown =>
      guest({ hypervisor, profile, columns: `vdisk: "${vdisk}"` }).disk.value
    const [el5, el9] = ['family: el, version: "5"', 'family: el, version: "9"']
    assert.equal(inside('kvm', el9), 'vda')
    assert.equal(inside('kvm', el5), 'hda')
    assert.equal(inside('kvm', el5, '/dev/sda5:vda'), 'vda')
    assert.equal(inside('kvm', el9, '/dev/sda5:hda'), 'sda') // libata's name of an IDE disk
    assert.equal(inside('xen', `${el9}, guest_type: pvh`), 'xvda')
    assert.equal(inside('xen', `${el9}, guest_type: hvm`), 'xvda')
    assert.equal(inside('xen', `${el9}, guest_type: hvm`, '/dev/sda5:hda'), 'xvda') // xen-blkfront.c: xen_translate_vdev()
    assert.equal(inside('xen', `${el5}, guest_type: hvm`), 'hda')
  })
})

describe('a guest’s console', () => {
  const console = (hypervisor: string, profile: string, columns = ''): string =>
    told(guest({ hypervisor, profile, columns: `vdisk: /dev/sda5${columns}` }).serialConsole)

  test('is the one that its Dom0 shows, unless the inventory names another', () => {
    const rows = [
      ['xen', 'family: el, version: "9"', 'hvc0'],
      ['xen', 'family: el, version: "9", guest_type: pvh', 'hvc0'],
      ['xen', 'family: el, version: "5"', 'xvc0'],
      ['xen', 'family: el, version: "5", guest_type: hvm', 'ttyS0'],
      ['kvm', 'family: el, version: "5"', 'ttyS0'],
      ['kvm', 'family: el, version: "9", arch: aarch64', 'ttyAMA0'],
    ] as const
    for (const [hypervisor, profile, name] of rows)
      assert.equal(
        console(hypervisor, profile),
        `"${name}" < default a.serial_console (of a guest of ${hypervisor})`,
        profile,
      )
    assert.equal(console('kvm', '', ', serial_console: ttyS1'), '"ttyS1" < machine a.serial_console')
  })
})
