// What keeps a machine from being installed: each obstacle with its numbers and the way out, and never a false one.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Snapshot } from '../../../server/inventory/snapshot.ts'
import { installObstacle } from '../../../server/plan/install.ts'
import { settingsOf } from '../../../server/plan/settings.ts'
import { address, snapshotOf } from '../../fixtures.ts'

const context = {
  server: { advertise: address('192.0.2.1'), addresses: [], httpPort: 80 },
  known: { templates: new Set(['el.ks']) },
}

type Rows = Readonly<{ dom0?: string; dom0Row?: string; guest?: string; web?: string; image?: string; site?: string }>

/** A Dom0 and its guest `web`, and the columns that a test is about. */
const farm = ({
  dom0 = 'hypervisor: xen, family: el, version: "9"',
  dom0Row = '',
  guest = 'family: el, version: "9", guest_type: pv',
  web = 'vdisk: /dev/vg0/web',
  image = `sha256: {vmlinuz: ${'a'.repeat(64)}, initrd.img: ${'b'.repeat(64)}}`,
  site = '',
}: Rows): Snapshot =>
  snapshotOf(`
site: {${site}}
networks: {farm: {cidr: 192.0.2.0/24, gateway: 192.0.2.254, dns: [192.0.2.1]}}
images: {installer: {arch: x86_64, kernel: vmlinuz, initrd: initrd.img, ${image}}}
profiles: {dom0: {${dom0}}, guest: {template: el.ks, image: installer, ${guest}}}
machines:
  dom0: {profile: dom0, ${dom0Row} interfaces: {eth0: {mac: 00:00:5e:00:53:01, ip: 192.0.2.11, network: farm, bridge: br0}}}
  web: {profile: guest, dom0: dom0, memory_mib: 512, ${web}, interfaces: {eth0: {ip: 192.0.2.12, network: farm}}}`)

function obstacle(snapshot: Snapshot, hostname = 'web'): string | null {
  const machine = snapshot.machines.get(hostname)
  assert.ok(machine)
  return installObstacle({ ...context, snapshot }, settingsOf(snapshot, machine, context.server))
}

const xen303 = 'hypervisor: xen, family: el, version: "5"'

test('nothing is in the way of a guest of either hypervisor', () => {
  assert.equal(obstacle(farm({})), null)
  assert.equal(obstacle(farm({ dom0: 'hypervisor: kvm' })), null)
  assert.equal(obstacle(farm({ dom0: xen303 })), null)
})

describe('the name', () => {
  const domainOf = (length: number): string => `domain: ${'d'.repeat(50)}.${'e'.repeat(length - 'web'.length - 52)}`

  test('Linux, __NEW_UTS_LEN: 64 characters with its domain, not one more', () => {
    assert.equal(obstacle(farm({ site: domainOf(64) })), null)
    assert.match(
      obstacle(farm({ site: domainOf(65) })) ?? '',
      /^the name web\.d+\.e+ has 65 characters, and Linux takes 64: shorten the host name or the domain \(site domain, value\)$/,
    )
  })
})

test('a Dom0 that is withheld would never learn of the install', () => {
  assert.equal(
    obstacle(farm({ dom0: 'hypervisor: xen, parent: nothing' })),
    'its Dom0 dom0 is withheld: machines dom0: profile "dom0": there is no profile nothing, the parent of profile dom0; name one that exists',
  )
})

describe('the kind of guest', () => {
  test('Xen 3.0.3 boots no installer but of a paravirtual guest', () => {
    for (const type of ['hvm', 'pvh'])
      assert.equal(
        obstacle(farm({ dom0: xen303, guest: `family: el, version: "5", guest_type: ${type}` })),
        `Xen 3.0.3 on dom0 can't boot the installer of a guest of type ${type} (profile guest): give it guest_type pv, or a Dom0 of a later release`,
      )
  })

  test('a later Xen boots all, and KVM has one kind only', () => {
    for (const type of ['pv', 'pvh', 'hvm'])
      for (const hypervisor of ['xen', 'kvm'])
        assert.equal(
          obstacle(farm({ dom0: `hypervisor: ${hypervisor}`, guest: `family: el, version: "9", guest_type: ${type}` })),
          null,
        )
  })
})

describe('IDE', () => {
  const five = `vdisk: "${[1, 2, 3, 4, 5].map((number) => `/dev/sdb${number}`).join(',')}"`

  test('has four disks: the fifth of an old guest needs another bus', () => {
    for (const [dom0, type] of [
      ['hypervisor: kvm', 'pv'],
      ['hypervisor: xen', 'hvm'],
    ] as const)
      assert.match(
        obstacle(farm({ dom0, guest: `family: el, version: "5", guest_type: ${type}`, web: five })) ?? '',
        /^its vdisk hde is one too many: IDE has four disks, hda to hdd; give the others a target/,
      )
    const moved = five.replace('/dev/sdb5', '/dev/sdb5:sda')
    assert.equal(obstacle(farm({ dom0: 'hypervisor: kvm', guest: 'family: el, version: "5"', web: moved })), null)
  })

  test('is not in the way of a release that drives virtio or Xen’s own disks', () => {
    assert.equal(obstacle(farm({ dom0: 'hypervisor: kvm', web: five })), null)
    assert.equal(obstacle(farm({ guest: 'family: el, version: "9", guest_type: hvm', web: five })), null)
  })
})

describe('the image’s checksums', () => {
  const without = (image: string): string | null => obstacle(farm({ image }))

  test('a guest’s Dom0 fetches nothing that it can’t verify', () => {
    assert.equal(
      without(''),
      "image installer has no sha256 of vmlinuz and initrd.img, so dom0 can't verify what it fetches; bootstead image add installer records it (with --tree TREE, or --kernel FILE --initrd FILE)",
    )
    assert.match(without(`sha256: {vmlinuz: ${'a'.repeat(64)}}`) ?? '', /has no sha256 of initrd\.img, so/)
  })

  test('metal boots without: a firmware compares nothing', () => {
    const metal = farm({
      image: '',
      dom0Row: 'disk: sda,',
      dom0: 'template: el.ks, image: installer, family: el, version: "9"',
    })
    assert.equal(obstacle(metal, 'dom0'), null)
  })
})

describe('what no configuration can say', () => {
  const args = (text: string, hypervisor = 'xen'): string | null =>
    obstacle(farm({ dom0: `hypervisor: ${hypervisor}`, web: `vdisk: /dev/vg0/web, params: {kernel_args: ${text}}` }))

  test('a quote in a kernel argument of a Xen guest is named with its row', () => {
    assert.equal(
      args(`'init="x"'`),
      'the kernel argument "init=\\"x\\"" (machine web, params.kernel_args) has a quote, backslash or control character, which no configuration of a guest of xen can say; take it out',
    )
    assert.match(args('"a\\nb"', 'kvm') ?? '', /"a\\nb" \(machine web, params\.kernel_args\) has a control character/)
    assert.equal(args(`'init="x"'`, 'kvm'), null)
  })
})

describe('the kernel command line', () => {
  /** The obstacle of a guest whose kernel_args are that long, as `length limit`. */
  const measured = (rows: Rows, padding: number): string | null => {
    const web = `vdisk: /dev/vg0/web, params: {kernel_args: ${'x'.repeat(padding)}}`
    const told = obstacle(farm({ ...rows, web }))
    const found = /has (\d+) characters, and (\d+) are read/.exec(told ?? '')
    return told === null ? null : found === null ? told : `${found[1] ?? ''} ${found[2] ?? ''}`
  }
  const cases: readonly (readonly [string, Rows, number])[] = [
    ['xen.h, MAX_GUEST_CMDLINE: of a Xen guest 1023', {}, 1023],
    ['EL 5’s COMMAND_LINE_SIZE is shorter: 255', { dom0: xen303, guest: 'family: el, version: "5"' }, 255],
    ['of a full machine and under KVM the kernel’s own, 2047', { dom0: 'hypervisor: kvm' }, 2047],
    ['', { guest: 'family: el, version: "9", guest_type: hvm' }, 2047],
  ]
  for (const [what, rows, limit] of cases)
    test(what === '' ? 'hvm as well' : what, () => {
      const over = /^(\d+) /.exec(measured(rows, 3000) ?? '')
      const others = Number(over?.[1]) - 3000
      assert.equal(measured(rows, limit - others), null)
      assert.equal(measured(rows, limit - others + 1), `${limit + 1} ${limit}`)
    })

  test('says what is longest, and shows no token', () => {
    const told = obstacle(farm({ web: `vdisk: /dev/vg0/web, params: {kernel_args: long=${'x'.repeat(1000)}}` })) ?? ''
    assert.match(told, /; the longest of it: long \(1005\), inst\.ks \(\d+\), ip \(\d+\)$/)
    assert.doesNotMatch(told, /token|loader/)
  })

  test('metal: what the boot loader puts before it counts; iPXE’s menu says less', () => {
    const metal = (loader: string): string | null =>
      obstacle(
        snapshotOf(`
networks: {farm: {cidr: 192.0.2.0/24, gateway: 192.0.2.254, dns: [192.0.2.1]}}
images: {a-name-of-some-length: {arch: i386, kernel: images/pxeboot/vmlinuz, initrd: images/pxeboot/initrd.img}}
profiles: {p: {family: el, version: "5", template: el.ks, image: a-name-of-some-length, params: {${loader}}}}
machines: {a: {profile: p, disk: sda, interfaces: {eth0: {mac: 00:00:5e:00:53:01, ip: 192.0.2.11, network: farm}}}}`),
        'a',
      )
    assert.match(
      metal('') ?? '',
      /has \d+ characters, and 255 are read: .*set the param loader to ipxe, whose menu says less/,
    )
    assert.equal(metal('loader: ipxe'), null)
  })
})
