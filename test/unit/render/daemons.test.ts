// The daemons' configurations of a small farm byte for byte, and what no value of the inventory can do to them.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { loadTemplates, knownTemplates } from '../../../server/cli/templates.ts'
import type { RowChange, Snapshot } from '../../../server/inventory/snapshot.ts'
import { changeSnapshot } from '../../../server/inventory/snapshot.ts'
import { machinesTouched } from '../../../server/inventory/touched.ts'
import { uptakeOf } from '../../../server/render/daemons/check.ts'
import type { Shares } from '../../../server/render/daemons/shares.ts'
import { openShares } from '../../../server/render/daemons/shares.ts'
import { dnsmasqWord, includable, iscString } from '../../../server/render/daemons/syntax.ts'
import type { DiskFile } from '../../../server/render/files.ts'
import type { TargetContext, TargetName } from '../../../server/render/targets.ts'
import {
  daemonNames,
  openTarget,
  prepareTarget,
  renderTarget,
  targetNames,
  touchedPaths,
} from '../../../server/render/targets.ts'
import { templateEngine } from '../../../server/render/templates.ts'
import { assertGolden } from '../../golden/golden.ts'
import { address, snapshotOf } from '../../fixtures.ts'

const sources = loadTemplates(null)
const context: Omit<TargetContext, 'snapshot'> = {
  server: { advertise: null, addresses: [address('192.0.2.1')], httpPort: 8080 },
  known: knownTemplates(sources),
  now: 0,
  engine: templateEngine(sources),
  folder: '/etc/bootstead/current',
  loaders: [{ name: 'pxelinux.0', sha256: 'a'.repeat(64), file: '/var/lib/bootstead/loaders/pxelinux.0' }],
  imagesFolder: '/var/lib/bootstead/images',
}

const yaml = `
site: {ntp: [192.0.2.9]}
networks:
  farm: {cidr: 192.0.2.0/24, gateway: 192.0.2.254, dns: [192.0.2.1, 192.0.2.3], domain: farm.example.org, relay: 192.0.2.2}
  storage: {cidr: 198.51.100.0/24, mtu: 9000, next_server: 198.51.100.7}
  remote: {cidr: 10.7.0.0/16, gateway: 10.7.0.1, relay: 203.0.113.9}
images:
  sl5: {arch: i386, kernel: vmlinuz, initrd: initrd.img, sha256: {vmlinuz: ${'b'.repeat(64)}}}
profiles:
  metal: {}
  xen: {hypervisor: xen}
machines:
  node2: {profile: metal, interfaces: {eth0: {mac: 00:00:5e:00:53:02, ip: 192.0.2.12, network: farm}}}
  node10: {profile: metal, params: {loader: ipxe}, interfaces: {eth0: {mac: 00:00:5e:00:53:10, ip: 192.0.2.20, network: farm}, eth1.30: {mac: 00:00:5e:00:53:11, ip: 198.51.100.20, network: storage}}}
  other: {profile: metal, domain: other.example.net, params: {dhcp_lease_seconds: 600}, interfaces: {eth0: {mac: 00:00:5e:00:53:03, ip: 10.7.0.3, network: remote}}}
  bad: {profile: nosuch, interfaces: {eth0: {mac: 00:00:5e:00:53:04, ip: 192.0.2.14, network: farm}}}
  nowhere: {profile: metal, interfaces: {eth0: {mac: 00:00:5e:00:53:05}}}
`
const farm = snapshotOf(yaml)
const rendered = (snapshot: Snapshot, target: TargetName) => [
  ...renderTarget(openTarget({ ...context, snapshot }, target)),
]
const filesOf = (snapshot: Snapshot, target: TargetName): readonly DiskFile[] =>
  rendered(snapshot, target).filter((one) => one.kind !== 'left-out')
const textOf = (file: DiskFile): string => (file.kind === 'text' ? file.sections.map(({ text }) => text).join('') : '')

describe('a small farm', () => {
  // Machines' menus have golden files of their own, where they are served.
  for (const target of targetNames)
    test(`${target}: byte for byte`, () => {
      const constant = filesOf(farm, target).filter(
        ({ kind, path }) => kind === 'text' && !path.includes('00-5e') && !path.includes('00:5e'),
      )
      for (const file of constant) assertGolden(`daemons/${target}/${file.path}`, textOf(file))
    })

  test('every file ends its sections in a newline, and each machine’s lines are its own', () => {
    for (const target of targetNames)
      for (const file of filesOf(farm, target))
        for (const { machine, text } of file.kind === 'text' ? file.sections : []) {
          assert.match(text, /\n$/, file.path)
          for (const name of ['node2', 'node10', 'other'])
            if (machine !== null && machine !== name) assert.doesNotMatch(text, new RegExp(`\\b${name}\\b`), file.path)
        }
  })

  test('a machine that is left out is named once, with the reason', () => {
    for (const target of daemonNames) {
      const leftOut = rendered(farm, target).filter((one) => one.kind === 'left-out')
      assert.deepEqual(leftOut.map(({ machine }) => machine).sort(), ['bad', 'nowhere'], target)
      assert.match(leftOut.find(({ machine }) => machine === 'bad')?.why ?? '', /nosuch/)
    }
    const leftOut = rendered(farm, 'tftpboot').filter((one) => one.kind === 'left-out')
    assert.deepEqual(leftOut.map(({ machine }) => machine).sort(), ['bad', null])
    assert.match(leftOut.find(({ machine }) => machine === null)?.why ?? '', /image sl5 has no checksum of initrd\.img/)
  })

  test('loaders and installer kernels are copies of the files that the doors serve', () => {
    const copies = filesOf(farm, 'tftpboot').filter((file) => file.kind === 'copy')
    assert.deepEqual(copies, [
      { kind: 'copy', path: 'pxelinux.0', source: '/var/lib/bootstead/loaders/pxelinux.0', sha256: 'a'.repeat(64) },
      {
        kind: 'copy',
        path: 'images/sl5/vmlinuz',
        source: '/var/lib/bootstead/images/sl5/vmlinuz',
        sha256: 'b'.repeat(64),
      },
    ])
  })

  test('the order of rows changes nothing', () => {
    const [head = '', machines = ''] = yaml.split('machines:\n')
    const turned = snapshotOf(`${head}machines:\n${machines.trimEnd().split('\n').toReversed().join('\n')}`)
    for (const target of targetNames) assert.deepEqual(filesOf(turned, target), filesOf(farm, target))
  })
})

/** `count` machines of one network. */
function manyMachines(count: number): Snapshot {
  const rows = Array.from({ length: count }, (_, index): RowChange[] => {
    const machine = `node${index}`
    const octets = [index >> 8, index & 255]
    const mac = `02:00:00:00:${octets.map((octet) => octet.toString(16).padStart(2, '0')).join(':')}`
    return [
      { table: 'machines', key: machine, raw: { hostname: machine, profile: 'p' } },
      {
        table: 'interfaces',
        key: `${machine}/eth0`,
        raw: { machine, name: 'eth0', mac, ip: `10.1.${(octets[0] ?? 0) + 1}.${octets[1] ?? 0}`, network: 'n' },
      },
    ]
  }).flat()
  return changeSnapshot(snapshotOf('networks: {n: {cidr: 10.1.0.0/16}}\nprofiles: {p: {}}'), rows, 2)
}

describe('shares', () => {
  test('hold some hundred machines each, evenly, and every machine once', () => {
    const snapshot = manyMachines(2000)
    const shares = openShares(snapshot)
    const names = shares.names.get('n') ?? []
    const sizes = names.map((name) => shares.members(name).length)
    assert.equal(names.length, 16)
    assert.equal(
      sizes.reduce((sum, size) => sum + size, 0),
      2000,
    )
    assert.ok(Math.max(...sizes) < 190, `sizes ${sizes.join(' ')}`)
    for (const machine of ['node0', 'node1999'])
      assert.ok(shares.members(shares.of(machine)[0] ?? '').includes(machine))
  })

  test('looked up in slices they are what they are at once', () => {
    const snapshot = manyMachines(5000)
    const same = { ...snapshot } // another picture, of which nothing is known yet
    let slices = 0
    for (const _ of prepareTarget(snapshot, 'isc')) slices++
    assert.ok(slices >= 4)
    const [prepared, atOnce] = [openShares(snapshot), openShares(same)]
    assert.deepEqual(prepared.names, atOnce.names)
    for (const name of atOnce.names.get('n') ?? []) assert.deepEqual(prepared.members(name), atOnce.members(name))
  })

  test('a changed machine touches the files of its share, and making those again is making all', () => {
    const before = manyMachines(1000)
    const moved = { machine: 'node7', name: 'eth0', mac: '02:00:00:00:ff:ff', ip: '10.1.200.1', network: 'n' }
    const rows: readonly RowChange[] = [{ table: 'interfaces', key: 'node7/eth0', raw: moved }]
    const after = changeSnapshot(before, rows, 3)
    for (const target of targetNames) {
      const [old, now] = [before, after].map((snapshot) => openTarget({ ...context, snapshot }, target))
      assert.ok(old && now)
      const files = new Map([...renderTarget(old)].flatMap((one) => (one.kind === 'text' ? [[one.path, one]] : [])))
      const touched = new Set(touchedPaths(old, now, rows, machinesTouched(before, after, rows)))
      for (const path of touched) {
        files.delete(path)
        for (const file of now.render(path)) if (file.kind === 'text') files.set(path, file)
      }
      assert.ok(touched.size <= 6, `${target}: ${[...touched].join(' ')}`)
      const whole = filesOf(after, target).filter((one) => one.kind === 'text')
      assert.deepEqual(new Map([...files].sort()), new Map(whole.map((one) => [one.path, one] as const).sort()))
    }
  })

  test('more machines than the shares are for: their network has other shares then, and others have the same', () => {
    const other: RowChange = { table: 'networks', key: 'other', raw: { name: 'other', cidr: '10.9.0.0/16' } }
    const [before, after] = [manyMachines(128), manyMachines(129)].map((snapshot) =>
      openTarget({ ...context, snapshot: changeSnapshot(snapshot, [other], 3) }, 'isc'),
    )
    assert.ok(before && after)
    const rows = [{ table: 'machines', key: 'node128' }] as const
    assert.deepEqual([...new Set(touchedPaths(before, after, rows, new Set(['node128'])))].sort(), [
      'bootstead.conf',
      'hosts/n-0.conf',
      'hosts/n-1.conf',
    ])
  })

  test('of a picture that differs from another in a few machines are those that looking at all machines gives', () => {
    const nic = (machine: string, ip: string, network: string): RowChange => ({
      table: 'interfaces',
      key: `${machine}/eth0`,
      raw: { machine, name: 'eth0', ip, network },
    })
    const others: readonly RowChange[] = ['n', 'o'].map((name, index) => ({
      table: 'networks',
      key: name,
      raw: { name, cidr: `10.${index + 1}.0.0/16` },
    }))
    const host = fc.constantFrom('node1', 'node2', 'node127', 'new')
    const change = fc.oneof(
      fc
        .tuple(host, fc.constantFrom('n', 'o', 'p'))
        .map(([machine, network]) => nic(machine, `10.1.9.${machine.length}`, network)),
      host.map((key): RowChange => ({ table: 'machines', key, raw: null })),
      host.map((key): RowChange => ({ table: 'machines', key, raw: { hostname: key, profile: 'p' } })),
      host.map((machine): RowChange => ({ table: 'interfaces', key: `${machine}/eth0`, raw: null })),
      fc.constantFrom(...others),
      fc.constantFrom('n', 'o').map((key): RowChange => ({ table: 'networks', key, raw: null })),
    )
    const membersOf = ({ names, members }: Shares) =>
      [...names].map(([network, shares]) => [network, shares.map((share) => [share, members(share)])])
    fc.assert(
      fc.property(fc.array(fc.array(change, { maxLength: 3 }), { maxLength: 5 }), (steps) => {
        let snapshot = manyMachines(128)
        membersOf(openShares(snapshot)) // they are known from now on
        for (const rows of steps) {
          const next = changeSnapshot(snapshot, rows, 3)
          const since = { snapshot, hostnames: machinesTouched(snapshot, next, rows) }
          assert.deepEqual(membersOf(openShares(next, since)), membersOf(openShares({ ...next })))
          snapshot = next
        }
      }),
    )
  })
})

describe('quoting', () => {
  test('dhcpd.conf(5): a string ends at its own quote, whatever is in it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const quoted = iscString(text)
        assert.match(quoted, /^"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\]|\\[0-7]{3})*"$/)
        const octets = quoted
          .slice(1, -1)
          .replaceAll(/\\([0-7]{3}|.)/g, (_, escape: string) =>
            escape.length === 3 ? String.fromCharCode(Number.parseInt(escape, 8)) : escape,
          )
        assert.equal(octets, Buffer.from(text).toString('latin1'))
      }),
    )
  })

  test('dnsmasq(8): a word is bare or in quotes, on one line', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        fc.pre(!/[\p{Cc}\u2028\u2029]/u.test(text))
        const quoted = dnsmasqWord(text)
        if (!/^[A-Za-z0-9._/:+-]+$/.test(quoted)) assert.match(quoted, /^"(?:[^"\\\n\r]|\\["\\])*"$/u)
      }),
    )
    for (const text of ['a\nb', 'a\u2028b']) assert.throws(() => dnsmasqWord(text), /control character/)
  })

  test('a folder that can’t stand in an include line is refused by name', () => {
    assert.equal(includable('/etc/dhcp/bootstead/current'), '/etc/dhcp/bootstead/current')
    for (const folder of ['relative', '/a b', '/a"b', '/a\nb', '/', '/a/'])
      assert.throws(() => includable(folder), /name an absolute folder/)
  })

  test('whatever a row holds, its machine’s lines are one host each and start nothing else', () => {
    const hostile = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom(
        'a"; include "/etc/passwd',
        'a\n}',
        'x,y',
        'tag:!known',
        '<?include "x"?>',
        '*/',
        '# c',
        '\\"',
        '${IFS}',
        'é',
      ),
    )
    const row = fc.record({
      hostname: hostile,
      nic: hostile,
      network: hostile,
      domain: hostile,
      ntp: hostile,
      loader: hostile,
    })
    const shapes: Readonly<Record<(typeof daemonNames)[number], RegExp>> = {
      isc: /^ {2}host bootstead-[a-z0-9-]+-[A-Za-z0-9_.-]+ \{ hardware ethernet [0-9a-f:]{17}; fixed-address [\d.]+; option host-name "[a-z0-9-]+"; \}\n(?: {2}subclass "bootstead-[\d.]+-[a-z]+" 1:[0-9a-f:]{17};\n)?$/,
      kea: /^\{"hw-address":"[0-9a-f:]{17}","ip-address":"[\d.]+","hostname":"[a-z0-9-]+","client-classes":\["[^"\\]+"(?:,"[^"\\]+")*\]\},\n$/,
      dnsmasq: /^[0-9a-f:]{17}(?:,set:[A-Za-z0-9._+-]+)+,[\d.]+,[a-z0-9-]+,\d+\n$/,
    }
    let machines = 0
    fc.assert(
      fc.property(row, fc.boolean(), ({ hostname, nic, network, domain, ntp, loader }, plain) => {
        const [host, card, net] = plain ? ['h', 'eth0', 'n'] : [hostname, nic, network]
        const params = { loader, domain, dhcp_lease_seconds: domain }
        const snapshot = changeSnapshot(
          snapshotOf('profiles: {p: {}}\nnetworks: {sure: {cidr: 198.51.100.0/24}}'),
          [
            { table: 'networks', key: net, raw: { name: net, cidr: '192.0.2.0/24', ntp: [ntp], domain } },
            { table: 'site', key: 'domain', raw: { name: 'domain', value: JSON.stringify(domain) } },
            { table: 'site', key: 'ntp', raw: { name: 'ntp', value: JSON.stringify([ntp, '192.0.2.9']) } },
            { table: 'machines', key: host, raw: { hostname: host, profile: 'p', domain, params } },
            { table: 'machines', key: 'sure', raw: { hostname: 'sure', profile: 'p', params } },
            {
              table: 'interfaces',
              key: `${host}/${card}`,
              raw: { machine: host, name: card, mac: '00:00:5e:00:53:01', ip: '192.0.2.11', network: net },
            },
            {
              table: 'interfaces',
              key: 'sure/eth0',
              raw: { machine: 'sure', name: 'eth0', mac: '00:00:5e:00:53:02', ip: '198.51.100.12', network: 'sure' },
            },
          ],
          2,
        )
        for (const target of daemonNames)
          for (const file of filesOf(snapshot, target)) {
            if (file.kind !== 'text' || !/^(hosts|reservations)\//.test(file.path)) continue
            for (const { text } of file.sections.filter(
              ({ text: one, machine }) => machine !== null && !one.startsWith('group'),
            )) {
              assert.match(text, shapes[target])
              machines++
            }
          }
      }),
      { numRuns: 200 },
    )
    assert.ok(machines > 100, `${machines} machines were seen`)
  })
})

test('dhcpd starts again for every change, Kea and dnsmasq read again what they can', () => {
  assert.equal(uptakeOf('isc', ['hosts/farm-0.conf']), 'restart')
  assert.equal(uptakeOf('kea', ['subnets.json']), 'reload')
  assert.equal(uptakeOf('dnsmasq', ['hosts/farm-0', 'options/farm-0']), 'reload')
  assert.equal(uptakeOf('dnsmasq', ['bootstead.conf', 'hosts/farm-0']), 'restart')
  assert.equal(uptakeOf('tftpboot', ['ipxe/boot.ipxe']), 'reload')
  for (const target of targetNames) assert.equal(uptakeOf(target, []), 'nothing')
})

test('the templates of constant first files are the shipped ones', () => {
  const entry = readFileSync(join(import.meta.dirname, '../../../pxe/grub-entry.cfg'), 'utf8')
  const file = filesOf(farm, 'tftpboot').find(({ path }) => path === 'grub/grub.cfg')
  assert.equal(file === undefined ? '' : textOf(file), entry)
})
