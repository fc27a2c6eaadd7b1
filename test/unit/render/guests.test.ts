// Guests of each kind under each hypervisor, byte for byte where a Dom0 pulls them, and as the Dom0's programs read them.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { allFindings } from '../../../server/inventory/findings.ts'
import { parseYamlDocument } from '../../../server/inventory/document.ts'
import { encodeRow } from '../../../server/inventory/encode.ts'
import type { RowChange, Snapshot } from '../../../server/inventory/snapshot.ts'
import { changeSnapshot, emptySnapshot } from '../../../server/inventory/snapshot.ts'
import type { RenderContext } from '../../../server/render/catalogue.ts'
import { artefactAt, artefactsOf } from '../../../server/render/catalogue.ts'
import { templateEngine } from '../../../server/render/templates.ts'
import { address } from '../../fixtures.ts'
import { assertGolden } from '../../golden/golden.ts'
import { armed, known, templates, withChecksums } from './farm.ts'
import { assertDomain, readByPython, readByXl, xpath } from './guest-readers.ts'

/** A Dom0 of KVM, one of a Xen of today and one of EL 5, 32-bit. */
const rows = rowsOf(`
networks:
  farm: {cidr: 192.0.2.0/24, gateway: 192.0.2.254, dns: [192.0.2.1], domain: farm.example.org}
  storage: {cidr: 198.51.100.0/24, mtu: 9000}
images:
  el9: {arch: x86_64, kernel: vmlinuz, initrd: initrd.img, tree_url: repo/el9}
  el5: {arch: i386, kernel: vmlinuz, initrd: initrd.img, tree_url: repo/el5}
  el5-xen: {arch: i386, kernel: xen/vmlinuz, initrd: xen/initrd.img, tree_url: repo/el5}
  fedora: {arch: x86_64, kernel: vmlinuz, initrd: initrd.img, tree_url: repo/fedora}
profiles:
  el9: {family: el, version: "9", template: el9.ks, image: el9}
  el5: {family: el, version: "5", template: el5.ks, image: el5}
  el5-pv: {parent: el5, image: el5-xen, guest_type: pv}
  fedora: {family: fedora, version: "44", template: fedora.ks, image: fedora}
  kvm: {parent: el9, hypervisor: kvm}
  xen: {parent: fedora, hypervisor: xen}
  xen-el5: {parent: el5, hypervisor: xen}
  pvh: {parent: fedora, guest_type: pvh}
  hvm: {parent: el9, guest_type: hvm}
machines:
  kvm1:
    profile: kvm
    vcpus: 8
    memory_mib: 16384
    disk: sda
    interfaces:
      eth0: {mac: 00:00:5e:00:53:01, ip: 192.0.2.11, network: farm, bridge: br0}
      eth1: {mac: 00:00:5e:00:53:02, ip: 198.51.100.11, network: storage, bridge: br1}
  kvm1-a:
    profile: el9
    dom0: kvm1
    vdisk: /dev/vg0/kvm1-a,/srv/kvm/kvm1-a.img,/dev/sdb1
    vcpus: 2
    cpus: 2-3
    memory_mib: 4096
    params: {kernel_args: audit=1 motd="a<b&c>d"}
    interfaces: {eth0: {ip: 192.0.2.12, network: farm}, eth1: {ip: 198.51.100.12, network: storage}}
  kvm1-b:
    profile: el5
    dom0: kvm1
    vdisk: /dev/vg0/kvm1-b,/dev/vg0/kvm1-b-data:sda
    memory_mib: 2048
    interfaces: {eth0: {ip: 192.0.2.13, network: farm}, eth1: {ip: 198.51.100.13, network: storage}}
  xen1:
    profile: xen
    vcpus: 8
    cpus: 0-1
    memory_mib: 16384
    disk: sda
    interfaces:
      eth0: {mac: 00:00:5e:00:53:03, ip: 192.0.2.21, network: farm, bridge: xenbr0}
      eth1: {mac: 00:00:5e:00:53:04, ip: 198.51.100.21, network: storage, bridge: xenbr1}
  xen1-pv:
    profile: fedora
    dom0: xen1
    vdisk: /dev/vg0/xen1-pv,/srv/xen/xen1-pv.img,/dev/sda5
    vcpus: 3
    cpus: 2,4-5
    memory_mib: 2048
    interfaces: {eth0: {ip: 192.0.2.22, network: farm}, eth1: {ip: 198.51.100.22, network: storage}}
  xen1-pvh:
    profile: pvh
    dom0: xen1
    vdisk: /dev/vg0/xen1-pvh
    memory_mib: 2048
    interfaces: {eth0: {ip: 192.0.2.23, network: farm}}
  xen1-hvm:
    profile: hvm
    dom0: xen1
    vdisk: /dev/vg0/xen1-hvm
    memory_mib: 2048
    interfaces: {eth0: {ip: 192.0.2.24, network: farm}}
  xen5:
    profile: xen-el5
    vcpus: 4
    memory_mib: 8192
    disk: sda
    interfaces: {eth0: {mac: 00:00:5e:00:53:05, ip: 192.0.2.31, network: farm, bridge: xenbr0}}
  xen5-pv:
    profile: el5-pv
    dom0: xen5
    vdisk: /dev/sda5,/dev/vg0/xen5-pv
    memory_mib: 1024
    interfaces: {eth0: {ip: 192.0.2.32, network: farm}}
  xen5-hvm:
    profile: hvm
    dom0: xen5
    vdisk: /dev/sda6
    memory_mib: 1024
    interfaces: {eth0: {ip: 192.0.2.33, network: farm}}
`)
const dom0s = ['kvm1', 'xen1', 'xen5'] as const

function rowsOf(yaml: string): readonly RowChange[] {
  const parsed = parseYamlDocument(yaml, 'guests')
  assert.deepEqual(parsed.errors, [])
  return parsed.rows.map(({ table, key, row }) => {
    const raw = encodeRow(row)
    return { table, key, raw: table === 'images' ? withChecksums(raw) : raw }
  })
}

/** All guests armed, from rows in that order. */
function farmOf(changes: readonly RowChange[]): Snapshot {
  const plain = changeSnapshot(emptySnapshot, changes, 1)
  return [...plain.machines.values()].reduce(
    (snapshot, { hostname, dom0 }) => (dom0 === null ? snapshot : armed(snapshot, hostname)),
    plain,
  )
}
const farm = farmOf(rows)

const contextOf = (snapshot: Snapshot): RenderContext => ({
  snapshot,
  server: { advertise: address('192.0.2.1'), addresses: [], httpPort: 80 },
  known,
  now: Date.parse('2026-01-02T12:00:00.000Z'),
  engine: templateEngine(templates),
})

function textAt(path: string, snapshot = farm): string {
  const ref = artefactAt(snapshot, path)
  assert.ok(ref, path)
  const rendered = ref.artefact.render(contextOf(snapshot), ref)
  assert.ok(rendered.kind === 'text', rendered.kind === 'none' ? rendered.why : '')
  return rendered.text
}
const pathsOf = (dom0: string, snapshot = farm): readonly string[] =>
  artefactsOf(contextOf(snapshot), dom0).flatMap(({ path }) => (path.startsWith('dom0/') ? [path] : []))

test('nothing is wrong with the rows', () => {
  assert.deepEqual([...allFindings(farm, known)], [])
})

describe('golden', () => {
  for (const dom0 of dom0s) for (const path of pathsOf(dom0)) test(path, () => assertGolden(path, textAt(path)))
})

describe('which files a Dom0 has', () => {
  const names = (dom0: string): readonly string[] => pathsOf(dom0).map((path) => path.replace(`dom0/${dom0}/`, ''))

  test('its own hypervisor’s and no other’s, an install configuration of each armed guest', () => {
    assert.deepEqual(names('kvm1'), [
      'manifest',
      'libvirt/kvm1-a.xml',
      'libvirt/kvm1-b.xml',
      'libvirt/kvm1-a_install.xml',
      'libvirt/kvm1-b_install.xml',
    ])
    assert.deepEqual(names('xen1'), [
      'manifest',
      'xen/xen1-hvm',
      'xen/xen1-pv',
      'xen/xen1-pvh',
      'xen/xen1-hvm_install',
      'xen/xen1-pv_install',
      'xen/xen1-pvh_install',
    ])
    assert.deepEqual(names('xen5'), ['manifest', 'xen/xen5-hvm', 'xen/xen5-pv', 'xen/xen5-pv_install'])
  })

  test('the manifest names each of them, where it goes, and the bytes that are served there', () => {
    for (const dom0 of dom0s) {
      const lines = textAt(`dom0/${dom0}/manifest`).split('\n')
      const files = lines.flatMap((line) => (/^file .* dom0\//.test(line) ? [line.split(' ')] : []))
      assert.deepEqual(
        files.map(([, , mode, place, path]) => [mode, place, path]),
        names(dom0)
          .slice(1)
          .toSorted()
          .map((name) => ['0600', name, `dom0/${dom0}/${name}`]),
      )
    }
  })

  test('the other hypervisor’s path of a guest is refused, with the reason', () => {
    const why = (path: string): string => {
      const ref = artefactAt(farm, path)
      assert.ok(ref, path)
      const rendered = ref.artefact.render(contextOf(farm), ref)
      return rendered.kind === 'none' ? rendered.why : 'served'
    }
    assert.equal(why('dom0/kvm1/xen/kvm1-a'), 'kvm1 runs kvm, not xen')
    assert.equal(why('dom0/xen1/libvirt/xen1-pv_install.xml'), 'xen1 runs xen, not kvm')
    assert.match(why('dom0/xen5/xen/xen5-hvm_install'), /^xen5-hvm is not to be installed: .*Xen 3\.0\.3 on xen5/)
  })
})

/** xl knows numbers as texts. */
const textOf = (value: unknown): string =>
  typeof value === 'number' || typeof value === 'string' ? String(value) : JSON.stringify(value ?? null)

describe('by their readers', () => {
  for (const path of pathsOf('kvm1').slice(1))
    test(`virt-xml-validate: ${path}`, () => {
      assertDomain(textAt(path))
    })

  for (const dom0 of ['xen1', 'xen5'] as const)
    for (const path of pathsOf(dom0).slice(1))
      test(`Python and xl read the same in ${path}`, () => {
        const [python, xl] = [readByPython(textAt(path)), readByXl(textAt(path))]
        for (const name of Object.keys(xl).filter((one) => one !== 'disk'))
          assert.equal(textOf(xl[name]), textOf(python[name]), name)
      })

  test('the disk that an install may erase is what the guest’s kernel calls the first one of the configuration', () => {
    const disks = ['kvm1-a', 'kvm1-b', 'xen1-pv', 'xen1-hvm', 'xen5-pv'].map((hostname) => {
      const ks = textAt(`ks/${hostname}`)
      return /^ignoredisk --only-use=(\S+)$/m.exec(ks)?.[1]
    })
    assert.deepEqual(disks, ['vda', 'hda', 'xvda', 'xvda', 'xvda'])
    assert.deepEqual(xpath(textAt('dom0/kvm1/libvirt/kvm1-b_install.xml'), '//disk/target/@dev'), ['hda', 'sda'])
  })

  test('each installer speaks on the console that its Dom0 shows', () => {
    const consoleIn = (path: string): string | undefined => /console=(\S+)/.exec(textAt(path))?.[1]
    assert.equal(consoleIn('dom0/kvm1/libvirt/kvm1-a_install.xml'), 'ttyS0')
    assert.equal(consoleIn('dom0/xen1/xen/xen1-pv_install'), 'hvc0')
    assert.equal(consoleIn('dom0/xen1/xen/xen1-hvm_install'), 'ttyS0')
    assert.equal(consoleIn('dom0/xen5/xen/xen5-pv_install'), 'xvc0')
  })
})

describe('the same inventory gives the same bytes', () => {
  const all = (snapshot: Snapshot): readonly string[] =>
    dom0s.flatMap((dom0) => pathsOf(dom0, snapshot).map((path) => `${path}\n${textAt(path, snapshot)}`))
  const expected = all(farm)

  test('in whatever order its rows came', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray([...rows], { minLength: rows.length, maxLength: rows.length }), (shuffled) => {
        assert.deepEqual(all(farmOf(shuffled)), expected)
      }),
      { numRuns: 20 },
    )
  })

  test('whatever was changed and changed back', () => {
    const rowArbitrary = fc.constantFrom(...rows.filter(({ table }) => table === 'machines' || table === 'interfaces'))
    fc.assert(
      fc.property(fc.array(rowArbitrary, { minLength: 1, maxLength: 5 }), (touched) => {
        const current = touched.map(({ table, key }): RowChange => {
          const parts = key.split('/')
          const row =
            table === 'machines'
              ? farm.machines.get(key)
              : farm.interfaces.get(parts[0] ?? '')?.find(({ name }) => name === parts[1])
          return { table, key, raw: { ...row } }
        })
        const gone = changeSnapshot(
          farm,
          touched.map(({ table, key }) => ({ table, key, raw: null })),
          3,
        )
        assert.deepEqual(all(changeSnapshot(gone, current, 4)), expected)
      }),
      { numRuns: 20 },
    )
  })

  test('for a Dom0, as long as nothing that it or its guests are made of changes', () => {
    const manifest = (snapshot: Snapshot): string => textAt('dom0/kvm1/manifest', snapshot)
    const elsewhere = fc.constantFrom(
      ...[...farm.machines.values()].filter(({ hostname, dom0 }) => hostname !== 'kvm1' && dom0 !== 'kvm1'),
    )
    const columns = fc.record({
      memory_mib: fc.integer({ min: 1, max: 65536 }),
      notes: fc.string(),
      boot: fc.constantFrom('local', 'install', 'hold'),
    })
    fc.assert(
      fc.property(fc.array(fc.tuple(elsewhere, columns), { minLength: 1, maxLength: 5 }), (edits) => {
        const changes = edits.map(([machine, given]): RowChange => ({
          table: 'machines',
          key: machine.hostname,
          raw: { ...machine, ...given },
        }))
        assert.equal(manifest(changeSnapshot(farm, changes, 3)), manifest(farm))
      }),
      { numRuns: 30 },
    )
  })
})
