import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { KernelArg } from '../../../server/plan/arguments.ts'
import { absoluteUrl, installArguments, rescueArguments } from '../../../server/plan/arguments.ts'
import { releaseQuirks } from '../../../server/plan/release.ts'
import type { Settings } from '../../../server/plan/settings.ts'
import { settingsOf } from '../../../server/plan/settings.ts'
import { parseIpv6 } from '../../../server/inventory/address.ts'
import { address, snapshotOf } from '../../fixtures.ts'

const nic = 'mac: 00:00:5e:00:53:01, network: farm'
const fixed = `${nic}, ip: 192.0.2.11`

function settings({
  release = 'family: el, version: "9"',
  interfaces = `{eth0: {${fixed}}}`,
  network = 'dns: [192.0.2.1, 192.0.2.2], gateway: 192.0.2.254',
  machine = '',
  profile = '',
}): Settings {
  const snapshot = snapshotOf(`
networks: {farm: {cidr: 192.0.2.0/24, ${network}}}
images: {tree: {arch: x86_64, kernel: vmlinuz, tree_url: repo/tree}}
profiles: {p: {${release}, image: tree, ${profile}}}
machines: {acas0001: {profile: p, ${machine}${machine === '' ? '' : ','} interfaces: ${interfaces}}}`)
  const row = snapshot.machines.get('acas0001')
  assert.ok(row)
  const ipv6 = { advertise: null, addresses: [parseIpv6('2001:db8::1') ?? assert.fail()] }
  return settingsOf(snapshot, row, { advertise: null, addresses: [address('192.0.2.1')], ipv6, httpPort: 8080 })
}

function args(of: Parameters<typeof settings>[0], make: 'install' | 'rescue' = 'install'): readonly KernelArg[] {
  const made = settings(of)
  const quirks = releaseQuirks(made.family.value ?? 'el', made.version.value ?? '')
  assert.ok(quirks)
  return make === 'rescue'
    ? rescueArguments(made, quirks)
    : installArguments(made, quirks, 'http://192.0.2.1:8080/ks/acas0001?token=T')
}
const line = (of: Parameters<typeof settings>[0], make: 'install' | 'rescue' = 'install'): string =>
  args(of, make)
    .map(({ value }) => value)
    .join(' ')

const el = (version: string): string => `family: el, version: "${version}"`
const debian = (version: string): string => `family: debian, version: "${version}"`
const ks = 'http://192.0.2.1:8080/ks/acas0001?token=T'

describe('a static address', () => {
  test('EL 4, anaconda 10.1 docs/command-line.txt: ksdevice is a name', () => {
    assert.equal(
      line({ release: el('4') }),
      `ks=${ks} ksdevice=eth0 ip=192.0.2.11 netmask=255.255.255.0 gateway=192.0.2.254 dns=192.0.2.1,192.0.2.2`,
    )
  })

  test('EL 5 and 6, anaconda 11.1 docs/command-line.txt: ksdevice is the MAC, whatever the kernel calls the card', () => {
    for (const version of ['5', '6'])
      assert.equal(
        line({ release: el(version) }),
        `ks=${ks} ksdevice=00:00:5e:00:53:01 ip=192.0.2.11 netmask=255.255.255.0 gateway=192.0.2.254 dns=192.0.2.1,192.0.2.2`,
      )
  })

  test('EL 7 to 10 and Fedora, dracut.cmdline(7): ip=client::gateway:netmask:hostname:interface:none, the name held to its MAC', () => {
    for (const release of [el('7'), el('8'), el('9'), el('10'), 'family: fedora, version: "44"'])
      assert.equal(
        line({ release }),
        `inst.ks=${ks} ifname=eth0:00:00:5e:00:53:01 ip=192.0.2.11::192.0.2.254:255.255.255.0:acas0001:eth0:none nameserver=192.0.2.1 nameserver=192.0.2.2 inst.repo=http://192.0.2.1:8080/repo/tree`,
      )
  })

  test('Debian, Installation Guide B.2 and netcfg 1.64: the card by its MAC, every question of netcfg answered, one name server', () => {
    for (const version of ['7', '12', '13'])
      assert.equal(
        line({ release: debian(version) }),
        `auto=true priority=critical url=${ks} interface=00:00:5e:00:53:01 netcfg/hostname=acas0001 netcfg/disable_autoconfig=true netcfg/get_ipaddress=192.0.2.11 netcfg/get_netmask=255.255.255.0 netcfg/get_gateway=192.0.2.254 netcfg/get_nameservers=192.0.2.1 netcfg/confirm_static=true`,
      )
  })

  test('Linux, MAX_INIT_ENVS: no more than 32 arguments that the kernel hands to its init, or it panics', () => {
    const words = line({ release: debian('12'), machine: 'serial_console: ttyS0, domain: farm.example.org' }).split(' ')
    assert.ok(words.includes('domain=farm.example.org'))
    assert.ok(words.length < 20, `${words.length} words`)
  })

  test('dracut.cmdline(7): the MTU is the field after none', () => {
    assert.match(
      line({ network: 'gateway: 192.0.2.254, mtu: 9000' }),
      / ip=192\.0\.2\.11::192\.0\.2\.254:255\.255\.255\.0:acas0001:eth0:none:9000( |$)/,
    )
  })

  test('a network without a gateway or name servers leaves their places empty', () => {
    assert.match(line({ network: '' }), / ip=192\.0\.2\.11:::255\.255\.255\.0:acas0001:eth0:none inst\.repo/)
    assert.match(line({ release: el('6'), network: '' }), / ksdevice=\S+ ip=192\.0\.2\.11 netmask=255\.255\.255\.0$/)
    assert.match(
      line({ release: debian('12'), network: '' }),
      / netcfg\/get_gateway=none netcfg\/get_nameservers=0\.0\.0\.0 netcfg\/confirm_static=true$/,
    )
  })
})

describe('DHCP', () => {
  test('an interface without a reserved address asks for one', () => {
    const interfaces = `{eth0: {${nic}}}`
    assert.equal(line({ interfaces, release: el('4') }), `ks=${ks} ksdevice=eth0 ip=dhcp`)
    assert.equal(line({ interfaces, release: el('5') }), `ks=${ks} ksdevice=00:00:5e:00:53:01 ip=dhcp`)
    assert.match(line({ interfaces }), / ifname=eth0:00:00:5e:00:53:01 ip=eth0:dhcp inst\.repo/)
    assert.equal(
      line({ interfaces, release: debian('12') }),
      `auto=true priority=critical url=${ks} interface=00:00:5e:00:53:01 netcfg/hostname=acas0001`,
    )
  })

  test('a machine without an interface is told nothing of a network', () => {
    assert.equal(line({ interfaces: '{}', release: el('6') }), `ks=${ks}`)
  })
})

describe('everything else', () => {
  test('a serial console gets the kernel’s messages and the installer’s text mode', () => {
    assert.match(line({ machine: 'serial_console: "ttyS1,115200"' }), / console=tty0 console=ttyS1,115200 inst\.text$/)
    assert.match(
      line({ machine: 'serial_console: ttyS0', release: debian('12') }),
      / console=tty0 console=ttyS0 DEBIAN_FRONTEND=text$/,
    )
  })

  test('EL 4 and 5 read 255 characters: a serial console is their only one', () => {
    assert.match(line({ machine: 'serial_console: ttyS0', release: el('5') }), / dns=\S+ console=ttyS0 text$/)
  })

  test('kernel_args of the profile come last; the param of that name replaces them', () => {
    assert.match(line({ profile: 'kernel_args: "nomodeset noapic"' }), / nomodeset noapic$/)
    assert.match(line({ profile: 'kernel_args: nomodeset', machine: 'params: {kernel_args: acpi=off}' }), / acpi=off$/)
    assert.doesNotMatch(line({ profile: 'kernel_args: nomodeset', machine: 'params: {kernel_args: ""}' }), /nomodeset/)
  })

  test('rescue: the installer’s own mode with network and tree, and no kickstart', () => {
    assert.equal(
      line({ release: el('6') }, 'rescue'),
      'rescue ksdevice=00:00:5e:00:53:01 ip=192.0.2.11 netmask=255.255.255.0 gateway=192.0.2.254 dns=192.0.2.1,192.0.2.2 repo=http://192.0.2.1:8080/repo/tree',
    )
    assert.match(line({ release: el('4') }, 'rescue'), /^rescue .* method=http:\/\/192\.0\.2\.1:8080\/repo\/tree$/)
    assert.match(line({ machine: 'boot: rescue' }, 'rescue'), /^inst\.rescue ifname=/)
    assert.match(
      line({ release: debian('12') }, 'rescue'),
      /^rescue\/enable=true interface=\S+ .* mirror\/country=manual mirror\/protocol=http mirror\/http\/hostname=192\.0\.2\.1:8080 mirror\/http\/directory=\/repo\/tree$/,
    )
  })

  test('a tree’s address is absolute, or a path on this server', () => {
    const made = settings({})
    assert.equal(absoluteUrl(made, 'repo/el9'), 'http://192.0.2.1:8080/repo/el9')
    assert.equal(absoluteUrl(made, '/repo/el9'), 'http://192.0.2.1:8080/repo/el9')
    assert.equal(absoluteUrl(made, 'nfs:192.0.2.9:/export'), 'nfs:192.0.2.9:/export')
    assert.equal(absoluteUrl(made, 'https://mirror.example.org/el9'), 'https://mirror.example.org/el9')
  })

  test('each argument knows the row and column it came from', () => {
    const origins = args({ machine: 'serial_console: ttyS0', profile: 'kernel_args: quiet' }).map(
      ({ value, origin }) => `${value.split('=')[0] ?? ''} < ${origin.layer} ${origin.column}`,
    )
    assert.deepEqual(origins, [
      'inst.ks < default anaconda boot options (docs/boot-options.rst) and dracut.cmdline(7); EL 9 refuses them without inst.',
      'ifname < interface mac',
      'ip < interface ip',
      'nameserver < network dns',
      'nameserver < network dns',
      'inst.repo < image tree_url',
      'console < machine serial_console',
      'console < machine serial_console',
      'inst.text < machine serial_console',
      'quiet < profile kernel_args',
    ])
  })
})

describe('a machine without IPv4', () => {
  const six = {
    release: el('9'),
    interfaces: `{eth0: {${nic}, ip6: '2001:db8::11'}}`,
    network: `cidr6: '2001:db8::/64', dns6: ['2001:db8::53']`,
  }

  test('dracut.cmdline(7): its IPv6 address in brackets with the length of the prefix; the route is the routers’ affair', () => {
    assert.ok(
      line(six).includes(
        'ifname=eth0:00:00:5e:00:53:01 ip=[2001:db8::11]:::64:acas0001:eth0:none nameserver=2001:db8::53',
      ),
    )
  })

  test('comes to the server by IPv6; one that has both comes by IPv4', () => {
    assert.equal(settings(six).serverUrl, 'http://[2001:db8::1]:8080')
    assert.equal(
      settings({ ...six, interfaces: `{eth0: {${fixed}, ip6: '2001:db8::11'}}` }).serverUrl,
      'http://192.0.2.1:8080',
    )
    assert.equal(settings({}).serverUrl, 'http://192.0.2.1:8080')
  })
})
