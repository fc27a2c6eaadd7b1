// DESIGN §2: every row that can't be served is named with its field, its value and the way out, and hides no neighbour.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Finding } from '../../../server/inventory/findings.ts'
import { allFindings, bridgeFor, findings, isWithheld } from '../../../server/inventory/findings.ts'
import type { RowChange, Snapshot } from '../../../server/inventory/snapshot.ts'
import { changeSnapshot } from '../../../server/inventory/snapshot.ts'
import { snapshotOf } from '../../fixtures.ts'

const known = { templates: new Set(['el9.ks']) }

/** A farm without a fault: a metal machine, a Dom0 and two guests. */
const farm = snapshotOf(`
networks:
  farm: {cidr: 192.0.2.0/24, gateway: 192.0.2.254}
  lab: {cidr: 198.51.100.0/24}
images: {el9: {arch: x86_64, kernel: vmlinuz}, sl5: {arch: i386, kernel: vmlinuz}}
profiles:
  base: {family: el, version: "9", arch: x86_64, template: el9.ks, image: el9}
  xen: {parent: base, hypervisor: xen}
machines:
  metal: {profile: base, disk: sda, interfaces: {eth0: {mac: 00:00:5e:00:53:01, ip: 192.0.2.11, network: farm}}}
  dom0:
    profile: xen
    vcpus: 8
    cpus: 0-1
    memory_mib: 8192
    disk: sda
    interfaces: {eth0: {mac: 00:00:5e:00:53:02, ip: 192.0.2.12, network: farm, bridge: xenbr0}}
  guest1: {profile: base, dom0: dom0, vdisk: /dev/sda5, cpus: 2-3, memory_mib: 2048, interfaces: {eth0: {ip: 192.0.2.13, network: farm}}}
  guest2: {profile: base, dom0: dom0, vdisk: /dev/sda6, cpus: 4-5, memory_mib: 2048, interfaces: {eth0: {ip: 192.0.2.14, network: farm}}}
`)

const put = (table: RowChange['table'], key: string, raw: object): RowChange => ({ table, key, raw: { ...raw } })
const change = (...changes: readonly RowChange[]): Snapshot => changeSnapshot(farm, changes, 2)
const machine = (hostname: string, columns: object): RowChange =>
  put('machines', hostname, { ...farm.machines.get(hostname), hostname, ...columns })
const nic = (hostname: string, columns: object, name = 'eth0'): RowChange =>
  put('interfaces', `${hostname}/${name}`, {
    ...farm.interfaces.get(hostname)?.find((one) => one.name === name),
    machine: hostname,
    name,
    ...columns,
  })
const profile = (name: string, columns: object): RowChange =>
  put('profiles', name, { ...farm.profiles.get(name), name, ...columns })

/** A finding as one line: `machine: table key field=value: message`. */
const line = ({ machine: host, table, key, field, value, message }: Finding): string =>
  `${host}: ${table} ${key} ${field}=${JSON.stringify(value)}: ${message}`
const found = (snapshot: Snapshot): readonly string[] => [...allFindings(snapshot, known)].map(line)
const withheld = (snapshot: Snapshot): readonly string[] =>
  [...snapshot.machines.keys()].filter((name) => isWithheld(findings(snapshot, name, known))).toSorted()

test('a farm without a fault has no findings', () => {
  assert.deepEqual(found(farm), [])
})

test('of a picture it is looked once and told again, and looked anew with other templates or at another picture', () => {
  const broken = change(machine('guest1', { vdisk: '/dev/sda6' }))
  const first = findings(broken, 'guest1', known)
  assert.equal(findings(broken, 'guest1', known), first)
  const others = { templates: new Set<string>() }
  assert.deepEqual(
    findings(broken, 'guest1', others).map(({ field }) => field),
    ['template', 'vdisk'],
  )
  assert.deepEqual(findings(broken, 'guest1', known), first)
  assert.deepEqual(findings(farm, 'guest1', known), [])
})

test('of more machines than are kept each is told its own', () => {
  const names = Array.from({ length: 200 }, (_, index) => `many${index}`)
  const many = change(...names.map((name, index) => put('machines', name, { hostname: name, profile: `p${index}` })))
  for (const round of [1, 2])
    for (const [index, name] of names.entries())
      assert.equal(findings(many, name, known)[0]?.value, `p${index}`, `round ${round}`)
})

type Case = readonly [what: string, snapshot: Snapshot, lines: readonly string[]]

const cases: readonly Case[] = [
  [
    'one MAC on two machines: both are withheld, for which is right can’t be known here',
    change(nic('metal', { mac: '00:00:5e:00:53:02' })),
    [
      'dom0: interfaces dom0/eth0 mac="00:00:5e:00:53:02": metal/eth0 has the same MAC; change one of them',
      'metal: interfaces metal/eth0 mac="00:00:5e:00:53:02": dom0/eth0 has the same MAC; change one of them',
    ],
  ],
  [
    'one MAC on two interfaces of one machine',
    change(nic('metal', { mac: '00:00:5e:00:53:01', ip: null }, 'eth1')),
    [
      'metal: interfaces metal/eth0 mac="00:00:5e:00:53:01": metal/eth1 has the same MAC; change one of them',
      'metal: interfaces metal/eth1 mac="00:00:5e:00:53:01": metal/eth0 has the same MAC; change one of them',
    ],
  ],
  [
    'one address on two machines',
    change(nic('metal', { ip: '192.0.2.12' })),
    [
      'dom0: interfaces dom0/eth0 ip="192.0.2.12": metal/eth0 has the same address; change one of them',
      'metal: interfaces metal/eth0 ip="192.0.2.12": dom0/eth0 has the same address; change one of them',
    ],
  ],
  [
    'one UUID on two machines',
    change(
      machine('metal', { uuid: '564d1c2e-0000-4000-8000-00005e005301' }),
      machine('guest1', { uuid: '564D1C2E00004000800000005E005301' }),
    ),
    [
      'guest1: machines guest1 uuid="564d1c2e-0000-4000-8000-00005e005301": metal has the same UUID; a UUID belongs to one machine',
      'metal: machines metal uuid="564d1c2e-0000-4000-8000-00005e005301": guest1 has the same UUID; a UUID belongs to one machine',
    ],
  ],
  [
    'an address outside its network',
    change(nic('metal', { ip: '198.51.100.11' })),
    ['metal: interfaces metal/eth0 ip="198.51.100.11": the address is outside network farm (192.0.2.0/24)'],
  ],
  [
    'the network’s own address',
    change(nic('metal', { ip: '192.0.2.0' })),
    [
      "metal: interfaces metal/eth0 ip=\"192.0.2.0\": the network's own or broadcast address of farm (192.0.2.0/24) can't be a host's",
    ],
  ],
  [
    'the broadcast address',
    change(nic('metal', { ip: '192.0.2.255' })),
    [
      "metal: interfaces metal/eth0 ip=\"192.0.2.255\": the network's own or broadcast address of farm (192.0.2.0/24) can't be a host's",
    ],
  ],
  [
    'the gateway’s address',
    change(nic('metal', { ip: '192.0.2.254' })),
    [
      'metal: interfaces metal/eth0 ip="192.0.2.254": the address is the gateway of network farm; give the machine another',
    ],
  ],
  [
    'an address without a network, which has no netmask',
    change(nic('metal', { network: null })),
    ['metal: interfaces metal/eth0 network=null: 192.0.2.11 needs a network for its netmask and gateway; name one'],
  ],
  [
    'a network that does not exist',
    change(nic('metal', { network: 'nowhere' })),
    [
      'metal: interfaces metal/eth0 network="nowhere": there is no network of this name; add it or name one that exists',
    ],
  ],
  [
    'a profile that does not exist',
    change(machine('metal', { profile: 'nothing' })),
    ['metal: machines metal profile="nothing": there is no profile nothing; name one that exists'],
  ],
  [
    'a parent that does not exist: every machine below it says so',
    change(profile('xen', { parent: 'nothing' })),
    ['dom0: machines dom0 profile="xen": there is no profile nothing, the parent of profile xen; name one that exists'],
  ],
  [
    'a profile that is its own ancestor',
    change(profile('xen', { parent: 'loop' }), profile('loop', { parent: 'xen', hypervisor: null })),
    [
      'dom0: machines dom0 profile="xen": profile xen is its own ancestor: mend its column parent; name one that exists',
    ],
  ],
  [
    'a profile whose row can’t be read: it is named, and so is each machine that needs it',
    change(profile('xen', { arch: 'vax' })),
    [
      'dom0: machines dom0 profile="xen": profile xen can\'t be read (arch: Invalid option: expected one of "i386"|"x86_64"|"aarch64"|"riscv64"); name one that exists',
      'guest1: machines guest1 dom0="dom0": profile xen of dom0 has no hypervisor; set xen or kvm there',
      'guest2: machines guest2 dom0="dom0": profile xen of dom0 has no hypervisor; set xen or kvm there',
      ': profiles xen arch="vax": Invalid option: expected one of "i386"|"x86_64"|"aarch64"|"riscv64"',
    ],
  ],
  [
    'a template that does not exist, at the profile that names it',
    change(profile('xen', { template: 'el7.ks' })),
    [
      'dom0: profiles xen template="el7.ks": there is no install template of this name; put it into the templates folder or name one that exists',
    ],
  ],
  [
    'an image that does not exist',
    change(profile('xen', { image: 'el7' })),
    ['dom0: profiles xen image="el7": there is no image of this name; add it with: bootstead image add'],
  ],
  [
    'an image of another architecture',
    change(profile('xen', { image: 'sl5' })),
    ['dom0: profiles xen image="sl5": image sl5 is for i386, the machine is x86_64; name an image of its architecture'],
  ],
  [
    'a machine of another architecture than its profile’s image',
    change(machine('metal', { arch: 'aarch64' })),
    [
      'metal: profiles base image="el9": image el9 is for x86_64, the machine is aarch64; name an image of its architecture',
    ],
  ],
  [
    'a machine that nothing can recognise',
    change(nic('metal', { mac: null })),
    [
      'metal: machines metal hostname="metal": the machine has no interface with a MAC, so nothing can recognise it; add one',
    ],
  ],
  [
    'two interfaces marked boot',
    change(nic('metal', { boot: true }), nic('metal', { mac: '00:00:5e:00:53:09', boot: true }, 'eth1')),
    ['metal: machines metal hostname="metal": more than one interface is marked boot; mark one'],
  ],
  [
    'a Dom0 that does not exist',
    change(machine('guest1', { dom0: 'nobody' }), nic('guest1', { bridge: 'br0' })),
    ['guest1: machines guest1 dom0="nobody": there is no machine of this name; add it or name one that exists'],
  ],
  [
    'a Dom0 that is itself a guest',
    change(machine('guest1', { dom0: 'guest2' }), nic('guest1', { bridge: 'br0' })),
    ['guest1: machines guest1 dom0="guest2": guest2 is itself a guest (of dom0); name a Dom0'],
  ],
  [
    'a Dom0 without a hypervisor',
    change(machine('guest1', { dom0: 'metal' }), nic('guest1', { bridge: 'br0' })),
    ['guest1: machines guest1 dom0="metal": profile base of metal has no hypervisor; set xen or kvm there'],
  ],
  [
    'a machine that is its own Dom0',
    change(machine('guest1', { dom0: 'guest1' }), nic('guest1', { bridge: 'br0' })),
    ['guest1: machines guest1 dom0="guest1": a machine is not its own Dom0'],
  ],
  [
    'a guest without a disk',
    change(machine('guest1', { vdisk: null })),
    ['guest1: machines guest1 vdisk=null: a guest needs a device of its Dom0 to live on, such as /dev/sda5'],
  ],
  [
    'one device for two guests: both are withheld before one overwrites the other',
    change(machine('guest1', { vdisk: '/dev/sda6' })),
    [
      'guest1: machines guest1 vdisk="/dev/sda6": /dev/sda6 is given to guest2 too; two guests would overwrite each other',
      'guest2: machines guest2 vdisk="/dev/sda6": /dev/sda6 is given to guest1 too; two guests would overwrite each other',
    ],
  ],
  [
    'the disk that the Dom0 itself is installed on',
    change(machine('guest1', { vdisk: '/dev/sda' }), machine('guest2', { vdisk: '/dev/sdb1' })),
    [
      'guest1: machines guest1 vdisk="/dev/sda": sda is the disk that dom0 itself is installed on; give the guest a partition of it, or another',
    ],
  ],
  [
    'one device twice in one guest',
    change(machine('guest1', { vdisk: '/dev/sdb,/dev/sdb1' })),
    ['guest1: machines guest1 vdisk="/dev/sdb,/dev/sdb1": the same device is given twice; give each once'],
  ],
  [
    'two disks that the guest would see as one',
    change(machine('guest1', { vdisk: '/dev/sda5:xvdb,/dev/sda7:hdb' })),
    [
      'guest1: machines guest1 vdisk="/dev/sda5:xvdb,/dev/sda7:hdb": the guest would see two disks as one (xvdb, hdb); name other targets',
    ],
  ],
  [
    'a target that Xen has no number for',
    change(machine('guest1', { vdisk: '/dev/sda5:vda' })),
    [
      'guest1: machines guest1 vdisk="/dev/sda5:vda": a guest of xen can\'t have a disk vda; name one like xvda, hda or sda, or none',
    ],
  ],
  [
    'a target that KVM has no bus for',
    change(profile('xen', { hypervisor: 'kvm' }), machine('guest1', { vdisk: '/dev/sda5:xvda' })),
    [
      'guest1: machines guest1 vdisk="/dev/sda5:xvda": a guest of kvm can\'t have a disk xvda; name one like vda, sda or hda, or none',
    ],
  ],
  [
    'more disks than there are letters',
    change(machine('guest1', { vdisk: Array.from({ length: 27 }, (_, index) => `/srv/xen/${index}`).join(',') })),
    [
      `guest1: machines guest1 vdisk="${Array.from({ length: 27 }, (_, index) => `/srv/xen/${index}`).join(',')}": a guest has at most 26 disks, and these are 27`,
    ],
  ],
  [
    'a guest whose name is a number, which xl, xm and virsh take for a domain’s',
    change(
      put('machines', '12', { ...farm.machines.get('guest1'), hostname: '12' }),
      put('machines', 'guest1', { ...farm.machines.get('guest1'), dom0: null, vdisk: null, cpus: null, disk: 'sda' }),
      nic('guest1', { mac: '00:00:5e:00:53:09' }),
    ),
    [
      '12: machines 12 hostname="12": xl, xm and virsh take a name of digits alone for the number of a domain, perhaps of another guest; rename it',
    ],
  ],
  [
    'a gateway outside its network, once for all its machines',
    change(put('networks', 'farm', { ...farm.networks.get('farm'), gateway: '203.0.113.1' })),
    [
      ': networks farm gateway="203.0.113.1": the gateway is outside the network (192.0.2.0/24), so its machines can\'t reach it; mend one of them',
    ],
  ],
  [
    'CPUs that the Dom0 does not have',
    change(machine('guest1', { cpus: '6-9' })),
    ['guest1: machines guest1 cpus="6-9": dom0 has CPUs 0 to 7, not 8, 9'],
  ],
  [
    'a CPU pinned to two guests',
    change(machine('guest1', { cpus: '3-4' })),
    [
      'guest1: machines guest1 cpus="3-4": CPU 4 is pinned to guest2 too; give each its own or set the param share_cpus on both',
      'guest2: machines guest2 cpus="4-5": CPU 4 is pinned to guest1 too; give each its own or set the param share_cpus on both',
    ],
  ],
  [
    'a CPU that the Dom0 keeps for itself',
    change(machine('guest1', { cpus: '1-2' })),
    [
      'guest1: machines guest1 cpus="1-2": CPU 1 is pinned to dom0 too; give each its own or set the param share_cpus on both',
    ],
  ],
  [
    'more memory than the Dom0 has, its own share included',
    change(machine('guest1', { memory_mib: 5121 })),
    [
      'guest1: machines guest1 memory_mib=5121: the guests of dom0 want 7169 MiB and it keeps 1024 itself, but it has 8192',
      'guest2: machines guest2 memory_mib=2048: the guests of dom0 want 7169 MiB and it keeps 1024 itself, but it has 8192',
    ],
  ],
  [
    'a guest without its memory',
    change(machine('guest1', { memory_mib: null })),
    ['guest1: machines guest1 memory_mib=null: a guest needs its memory in MiB'],
  ],
  [
    'a guest whose interface joins no bridge',
    change(nic('guest1', { network: 'lab', ip: null })),
    [
      "guest1: interfaces guest1/eth0 bridge=null: the guest's interface names no bridge, nor does an interface of dom0 on its network; name one",
    ],
  ],
  [
    'a machine row that can’t be read, with every column that is wrong',
    change(machine('metal', { boot: 'never', memory_mib: -1 })),
    [
      'metal: machines metal memory_mib=-1: expected a whole number of MiB from 1 to 67108864',
      'metal: machines metal boot="never": Invalid option: expected one of "local"|"install"|"rescue"|"memtest"|"hold"',
    ],
  ],
  [
    'an interface row that can’t be read withholds its machine: it may be the one that it boots from',
    change(nic('metal', { mac: 'zz' }, 'eth1')),
    ['metal: interfaces metal/eth1 mac="zz": expected a unicast MAC address such as 00:00:5e:00:53:01'],
  ],
  [
    'an interface of no machine',
    change(nic('ghost', { mac: '00:00:5e:00:53:66' })),
    ['ghost: interfaces ghost/eth0 machine="ghost": there is no machine of this name; add it or remove the interface'],
  ],
  [
    'a network row that can’t be read, and whom it takes along',
    change(put('networks', 'farm', { name: 'farm', cidr: '192.0.2.1/24' })),
    [
      ...['dom0', 'guest1', 'guest2', 'metal'].map(
        (host) =>
          `${host}: interfaces ${host}/eth0 network="farm": there is no network of this name; add it or name one that exists`,
      ),
      ': networks farm cidr="192.0.2.1/24": expected a network such as 192.0.2.0/24 (address bits behind the prefix are zero)',
    ],
  ],
  [
    'an image row and a site value that can’t be read',
    change(
      put('images', 'el8', { name: 'el8', arch: 'vax', kernel: 'vmlinuz' }),
      put('site', 'zone', { name: 'zone', value: 'x' }),
    ),
    [
      ': images el8 arch="vax": Invalid option: expected one of "i386"|"x86_64"|"aarch64"|"riscv64"',
      ': site zone value="x": expected JSON',
    ],
  ],
]

describe('each fault is named: machine, row, field, value, way out', () => {
  for (const [what, snapshot, lines] of cases)
    test(what, () => assert.deepEqual([...found(snapshot)].toSorted(), [...lines].toSorted()))
})

test('DESIGN §2: a bad row never takes down its neighbours: who is not named is served', () => {
  for (const [what, snapshot, lines] of cases) {
    const named = new Set(lines.map((text) => text.split(':')[0]).filter((name) => name !== ''))
    for (const name of withheld(snapshot)) assert.ok(named.has(name), `${what}: ${name}`)
    assert.ok(withheld(snapshot).length <= named.size)
  }
})

describe('IPv6 addresses', () => {
  const six = { ...farm.networks.get('farm'), cidr6: '2001:db8:1::/64' }
  const withIpv6 = (...changes: readonly RowChange[]): Snapshot => change(put('networks', 'farm', six), ...changes)
  const lines = (...changes: readonly RowChange[]): readonly string[] => found(withIpv6(...changes))

  test('an address of its network’s cidr6 is no finding, beside an IPv4 address or alone', () => {
    assert.deepEqual(
      lines(nic('metal', { ip6: '2001:db8:1::11' }), nic('dom0', { ip: null, ip6: '2001:db8:1::12' })),
      [],
    )
  })

  test('one address on two machines: both are withheld', () => {
    const twice = withIpv6(nic('metal', { ip6: '2001:db8:1::11' }), nic('dom0', { ip6: '2001:DB8:1:0::11' }))
    assert.deepEqual(withheld(twice), ['dom0', 'metal'])
    assert.deepEqual(found(twice), [
      'dom0: interfaces dom0/eth0 ip6="2001:db8:1::11": metal/eth0 has the same address; change one of them',
      'metal: interfaces metal/eth0 ip6="2001:db8:1::11": dom0/eth0 has the same address; change one of them',
    ])
  })

  test('an address outside the network, the routers’, or of a network without cidr6', () => {
    assert.deepEqual(lines(nic('metal', { ip6: '2001:db8:2::11' })), [
      'metal: interfaces metal/eth0 ip6="2001:db8:2::11": the address is outside network farm (2001:db8:1::/64)',
    ])
    assert.deepEqual(lines(nic('metal', { ip6: '2001:db8:1::' })), [
      `metal: interfaces metal/eth0 ip6="2001:db8:1::": the first address of farm (2001:db8:1::/64) is its routers'; give the machine another`,
    ])
    assert.deepEqual(found(change(nic('metal', { ip6: '2001:db8:1::11' }))), [
      'metal: interfaces metal/eth0 ip6="2001:db8:1::11": network farm has no cidr6; give it one with: bootstead network set farm cidr6=…',
    ])
    assert.deepEqual(lines(nic('metal', { ip: null, ip6: '2001:db8:1::11', network: null })), [
      'metal: interfaces metal/eth0 network=null: 2001:db8:1::11 needs a network with cidr6; name one',
    ])
  })
})

describe('vdisks', () => {
  const clash = (a: string, b: string): boolean =>
    withheld(change(machine('guest1', { vdisk: a }), machine('guest2', { vdisk: b }))).length === 2

  test('a disk and a partition of it are one device, by the kernel’s names and by udev’s', () => {
    for (const [a, b] of [
      ['/dev/sdb', '/dev/sdb5'],
      ['/dev/nvme0n1p5', '/dev/nvme0n1'],
      ['/dev/mmcblk0', '/dev/mmcblk0p1'],
      ['/dev/cciss/c0d0', '/dev/cciss/c0d0p5'],
      ['/dev/md0', '/dev/md0p1'],
      ['/dev/disk/by-id/ata-X', '/dev/disk/by-id/ata-X-part5'],
      ['/srv/xen/a.img', '/srv/xen/a.img'],
      ['/dev/vg0/a,/dev/sdc1', '/dev/vg0/b,/dev/sdc'],
    ] as const)
      assert.ok(clash(a, b) && clash(b, a), `${a} ${b}`)
  })

  test('names that only begin alike are different devices', () => {
    for (const [a, b] of [
      ['/dev/sda5', '/dev/sda50'],
      ['/dev/sdb', '/dev/sdbb1'],
      ['/dev/nvme0n1', '/dev/nvme0n12'],
      ['/dev/nvme0n1p1', '/dev/nvme0n1p10'],
      ['/dev/vg0/web', '/dev/vg0/web2'],
      ['/dev/vg0/acas1', '/dev/vg0/acas1p2'],
      ['/dev/mapper/vg0-web', '/dev/mapper/vg0-web1'],
      ['/srv/xen/a', '/srv/xen/a1'],
      ['/dev/disk/by-id/ata-X', '/dev/disk/by-id/ata-X2'],
    ] as const)
      assert.ok(!clash(a, b), `${a} ${b}`)
  })

  test('guests of different Dom0s may have devices of the same name', () => {
    const other = [
      machine('metal', { profile: 'xen' }),
      nic('metal', { bridge: 'br0' }),
      machine('guest2', { dom0: 'metal', vdisk: '/dev/sda5' }),
    ]
    assert.deepEqual(found(change(...other)), [])
  })

  test('a vdisk of a machine that is no guest is odd, but hinders nothing', () => {
    const [finding, ...others] = allFindings(change(machine('metal', { vdisk: '/dev/sda5' })), known)
    assert.ok(finding)
    assert.equal(finding.severity, 'warning')
    assert.deepEqual([finding.field, others.length], ['vdisk', 0])
    assert.deepEqual(withheld(change(machine('metal', { vdisk: '/dev/sda5' }))), [])
  })
})

describe('CPUs and memory', () => {
  test('more CPUs than the Dom0 has are slow, but hinder nothing; fewer physical ones than virtual are a choice', () => {
    const many = change(machine('guest1', { vcpus: 9 }))
    assert.deepEqual(found(many), [
      "guest1: machines guest1 vcpus=9: dom0 has 8 CPUs; the guest's take turns on them, which is slow",
    ])
    assert.deepEqual(withheld(many), [])
    assert.deepEqual(found(change(machine('guest1', { vcpus: 4, cpus: '2-3' }))), [])
  })

  test('the param share_cpus lets guests share when both have it, by whichever layer', () => {
    const shared = machine('guest1', { cpus: '4-5' })
    const one = change(shared, machine('guest2', { params: { share_cpus: true } }))
    assert.deepEqual(withheld(one), ['guest1', 'guest2'])
    const both = change(
      machine('guest1', { cpus: '4-5', params: { share_cpus: true } }),
      machine('guest2', { params: { share_cpus: true } }),
    )
    assert.deepEqual(withheld(both), [])
    assert.deepEqual(withheld(change(shared, profile('base', { params: { share_cpus: true } }))), [])
    assert.deepEqual(withheld(change(shared, put('site', 'share_cpus', { name: 'share_cpus', value: 'true' }))), [])
  })

  test('a Dom0 whose CPUs or memory nobody wrote down is not guessed at', () => {
    assert.deepEqual(
      found(
        change(
          machine('dom0', { vcpus: null, memory_mib: null }),
          machine('guest1', { cpus: '30-31', memory_mib: 999999 }),
        ),
      ),
      [],
    )
  })

  test('what the Dom0 keeps is the param dom0_memory_mib, 1024 unless given', () => {
    const fits = change(machine('guest1', { memory_mib: 5120 }))
    assert.deepEqual(found(fits), [])
    const keepsMore = changeSnapshot(fits, [machine('dom0', { params: { dom0_memory_mib: 2048 } })], 3)
    assert.deepEqual(withheld(keepsMore), ['guest1', 'guest2'])
  })
})

describe('bridges', () => {
  test('a guest’s interface joins its own bridge, else that of its Dom0’s interface on the same network', () => {
    const [eth0] = farm.interfaces.get('guest1') ?? []
    assert.ok(eth0)
    assert.equal(bridgeFor(farm, 'dom0', eth0), 'xenbr0')
    assert.equal(bridgeFor(farm, 'dom0', { ...eth0, bridge: 'br7' }), 'br7')
    assert.equal(bridgeFor(farm, 'dom0', { ...eth0, network: 'lab' }), null)
    assert.equal(bridgeFor(farm, 'dom0', { ...eth0, network: null }), 'xenbr0')
    assert.equal(bridgeFor(farm, 'metal', eth0), null)
  })
})
