// The shipped templates: each release's grammar, its scripts, what a site may override, and what nothing may break out of.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import fc from 'fast-check'
import { allFindings } from '../../../server/inventory/findings.ts'
import { kickstartWord, packageLine, shellWord } from '../../../server/render/quoting.ts'
import type { TemplateEngine } from '../../../server/render/templates.ts'
import { templateEngine, TemplateError } from '../../../server/render/templates.ts'
import type { InstallView } from '../../../server/render/view.ts'
import { assertGolden } from '../../golden/golden.ts'
import { known, releaseRows, sampleRows, snapshotOf, templates, viewOf } from './farm.ts'
import type { Release } from './grammar.ts'
import { grammarErrors, parseKickstart, releases } from './grammar.ts'

const engine = templateEngine(templates)
const plain = snapshotOf(releaseRows(releases))
const kinds = ['metal', 'dom0', 'guest', 'kvm', 'vm'] as const
const keys = ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFakeFakeFakeFake you@example.org']
const everyParam = {
  root_password_hash: '$6$salt$hash.of/nobody',
  ssh_keys: keys,
  language: 'de_CH.UTF-8',
  keyboard: 'sg',
  packages: ['rsync', '@development-tools', '-postfix', 'kernel-*'],
  services: { enabled: ['sshd', 'crond'], disabled: ['cups'] },
  selinux: 'permissive',
  firewall_ports: ['8080:tcp', '161:udp'],
  partitions: ['/boot --fstype=ext3 --onpart=sda1', ['/', '--fstype=ext3', '--onpart=sda2'], 'swap --onpart=sda3'],
  keep_partitions: true,
  create_partitions: [512, 8192, 2048, 'extended', 4096],
  boot_disk_label: 'msdos',
  boot_args: 'quiet audit=1',
  ipv6: false,
  reboot: 'poweroff',
}
const full = snapshotOf(releaseRows(releases, everyParam))

const folder = mkdtempSync(join(tmpdir(), 'kickstart-test-'))
after(() => rmSync(folder, { recursive: true }))

/** A tool's exit status and output, or null when this host has no such tool. */
function tool(name: string, args: readonly string[], input = '', env: NodeJS.ProcessEnv = process.env) {
  const { status, stdout, stderr, error } = spawnSync(name, args, { input, encoding: 'utf8', env })
  if (error !== undefined) throw new Error(`this test needs ${name}: scripts/packages.sh installs it`, { cause: error })
  return { status, output: stdout + stderr, stdout }
}

const renderOn = (over: TemplateEngine, view: InstallView, release: Release): string => {
  const { hostname, profile } = view.machine
  return over.render(`${release}.ks`, view, over.overlay(hostname, [profile]), hostname)
}

/** Fails on a name that the view doesn't have, which `{% if %}` and filters would take for an absent value. */
function strict<T extends object>(value: T, path: string): T {
  return new Proxy(value, {
    getOwnPropertyDescriptor: (target, key) => {
      if (!Object.hasOwn(target, key)) throw new Error(`the view has no ${path}.${String(key)}`)
      return Object.getOwnPropertyDescriptor(target, key)
    },
    get: (target, key): unknown => {
      const inner: unknown = Reflect.get(target, key)
      const isOpen = Array.isArray(inner) || `${path}.${String(key)}` === 'view.params'
      return typeof inner === 'object' && inner !== null && !isOpen ? strict(inner, `${path}.${String(key)}`) : inner
    },
  })
}

describe('samples', () => {
  test('the farm is 12 Dom0s and 28 guests, and nothing is wrong with their rows', () => {
    const farm = snapshotOf(sampleRows('farm.yaml'))
    assert.deepEqual([...allFindings(farm, known)], [])
    const machines = [...farm.machines.values()]
    const guestsOf = [...farm.guests.values()].map((guests) => guests.length)
    assert.equal(machines.length, 40)
    assert.deepEqual(
      [
        machines.filter(({ dom0 }) => dom0 === null).length,
        guestsOf.filter((n) => n === 2).length,
        guestsOf.filter((n) => n === 3).length,
      ],
      [12, 8, 4],
    )
  })

  for (const sample of ['farm.yaml', 'boot-lab.yaml', 'xen-lab.yaml'])
    test(`every machine of samples/${sample} renders, by its release's grammar`, () => {
      const snapshot = snapshotOf(sampleRows(sample))
      assert.deepEqual([...allFindings(snapshot, known)], [])
      for (const hostname of snapshot.machines.keys()) {
        const view = viewOf(snapshot, hostname)
        const release = `${view.release.family}${view.release.family === 'el' ? view.release.version : ''}` as Release
        assert.deepEqual(grammarErrors(release, renderOn(engine, view, release)), [], hostname)
      }
    })
})

describe('grammar', () => {
  for (const release of releases)
    test(`${release}: no command, option or section that its installer lacks, none missing that it asks for`, () => {
      for (const kind of kinds)
        for (const snapshot of [plain, full]) {
          const view = viewOf(snapshot, `${kind}-${release}`)
          assert.deepEqual(grammarErrors(release, renderOn(engine, view, release)), [], kind)
        }
    })

  test('a Dom0 gets its own hypervisor’s packages, and only a paravirtual guest a kernel of Xen’s', () => {
    const packagesOf = (hostname: string, release: Release): readonly string[] => {
      const { sections } = parseKickstart(release, renderOn(engine, viewOf(plain, hostname), release))
      return sections.find(({ kind }) => kind === '%packages')?.body.split('\n') ?? []
    }
    const hypervisors = /^(kernel-xenU?|xen|kvm|qemu-kvm|libvirt.*)$/
    const rows: readonly (readonly [string, Release, readonly string[]])[] = [
      ['dom0-el5', 'el5', ['kernel-xen', 'xen']],
      ['kvm-el5', 'el5', ['kvm', 'libvirt']],
      ['guest-el4', 'el4', ['kernel-xenU']],
      ['guest-el5', 'el5', ['kernel-xen']],
      ['vm-el4', 'el4', []],
      ['vm-el5', 'el5', []],
      ['kvm-el6', 'el6', ['qemu-kvm', 'libvirt', 'libvirt-client']],
      ['kvm-el10', 'el10', ['qemu-kvm', 'libvirt-daemon-kvm', 'libvirt-client']],
      ['dom0-fedora', 'fedora', ['xen']],
      ['guest-fedora', 'fedora', []],
    ]
    for (const [hostname, release, expected] of rows)
      assert.deepEqual(
        packagesOf(hostname, release).filter((name) => hypervisors.test(name)),
        expected,
        hostname,
      )
  })

  test('the table itself refuses what a release lacks', () => {
    const text = renderOn(engine, viewOf(plain, 'metal-el9'), 'el9')
    assert.deepEqual(grammarErrors('el8', text).slice(0, 2), [
      'el8 has no timesource',
      'el8 has no timesource --ntp-server',
    ])
    assert.ok(grammarErrors('el5', text).includes('el5 has no %pre --erroronfail'))
  })

  test('no template reads a name that the view does not have', () => {
    for (const release of releases)
      for (const kind of kinds) {
        const view = viewOf(full, `${kind}-${release}`)
        const watched = Object.fromEntries(
          Object.entries(view).map(([name, value]) => [
            name,
            typeof value === 'object' && value !== null && !Array.isArray(value) && name !== 'params'
              ? strict(value as object, name)
              : value,
          ]),
        )
        engine.render(`${release}.ks`, watched, [], view.machine.hostname)
      }
  })

  test('a machine without a password hash has a locked root, never a default password', () => {
    for (const release of releases) {
      const line = parseKickstart(release, renderOn(engine, viewOf(plain, `metal-${release}`), release)).commands.find(
        (one) => one.startsWith('rootpw'),
      )
      assert.match(line ?? '', /^rootpw (--iscrypted !|--iscrypted --lock !|--lock)$/, release)
    }
  })

  test('keep_partitions clears nothing and needs to be told which partitions are the machine’s own', () => {
    const view = viewOf(full, 'dom0-el9')
    const { commands } = parseKickstart('el9', renderOn(engine, view, 'el9'))
    assert.deepEqual(
      commands.filter((line) => /^(zerombr|clearpart|part|autopart)/.test(line)),
      [
        'clearpart --none',
        'part /boot --fstype=ext3 --onpart=sda1',
        'part / --fstype=ext3 --onpart=sda2',
        'part swap --onpart=sda3',
      ],
    )
    const without = { ...view, params: { keep_partitions: true } }
    assert.throws(
      () => engine.render('el9.ks', without, [], 'dom0-el9'),
      /dom0-el9: template base\/partitions\.ks line \d+: keep_partitions needs the param partitions/,
    )
  })
})

/** Every script of every rendered kickstart, as files. */
function scripts(): readonly string[] {
  return releases.flatMap((release) =>
    kinds.flatMap((kind) =>
      [plain, full].flatMap((snapshot, index) => {
        const text = renderOn(engine, viewOf(snapshot, `${kind}-${release}`), release)
        const bodies = parseKickstart(release, text).sections.filter((section) =>
          ['%pre', '%post'].includes(section.kind),
        )
        assert.deepEqual(
          bodies.map((section) => section.kind),
          ['%pre', '%post', '%post'],
        )
        return bodies.map(({ body }, number) => {
          const file = join(folder, `${kind}-${release}-${index}-${number}.sh`)
          writeFileSync(file, `${body}\n`)
          return file
        })
      }),
    ),
  )
}

describe('scripts', () => {
  const files = scripts()
  for (const shell of ['dash', 'bash', 'busybox sh'])
    test(`${shell} can read every %pre and %post`, () => {
      assert.equal(
        tool('sh', ['-c', `for file; do ${shell} -n "$file" || echo "$file"; done`, 'sh', ...files]).output,
        '',
      )
    })

  test('shellcheck finds nothing in them', () => {
    assert.equal(tool('shellcheck', ['-s', 'sh', ...files]).output, '')
  })

  test('the last thing a kickstart does is to report installed', () => {
    for (const release of releases) {
      const { sections } = parseKickstart(release, renderOn(engine, viewOf(full, `dom0-${release}`), release))
      assert.match(sections.at(-1)?.body.trim() ?? '', /\nreport_installed "[^"]+ on sda"$/)
    }
  })
})

/** Runs a rendered `%pre` on a made-up machine: its /sys, /proc and curl are in a folder. */
function runPre(
  hostname: string,
  snapshot = plain,
  machine: Partial<{
    disks: Record<string, string>
    partitions: readonly string[]
    mounts: string
    swaps: string
  }> = {},
) {
  const root = mkdtempSync(join(folder, 'machine-'))
  const { disks = { sda: '' }, partitions = [], mounts = 'proc /proc proc rw 0 0\n', swaps = '' } = machine
  mkdirSync(join(root, 'sys/block'), { recursive: true })
  mkdirSync(join(root, 'proc'))
  mkdirSync(join(root, 'bin'))
  for (const [disk, flags] of Object.entries(disks)) {
    mkdirSync(join(root, 'sys/block', disk))
    for (const flag of ['removable', 'ro'])
      writeFileSync(join(root, 'sys/block', disk, flag), flags.includes(flag) ? '1\n' : '0\n')
    writeFileSync(join(root, 'sys/block', disk, 'size'), '1000000\n')
  }
  for (const partition of partitions) {
    mkdirSync(join(root, 'sys/block/sda', partition))
    writeFileSync(join(root, 'sys/block/sda', partition, 'start'), '2048\n')
  }
  writeFileSync(join(root, 'proc/mounts'), mounts)
  writeFileSync(join(root, 'proc/swaps'), swaps)
  for (const name of ['curl', 'parted'])
    writeFileSync(
      join(root, 'bin', name),
      `#!/bin/sh\n{ echo "${name} $*"; [ ${name} != curl ] || cat; } >>'${root}/log'\n`,
      { mode: 0o755 },
    )
  writeFileSync(join(root, 'bin/readlink'), '#!/bin/sh\necho "$2"\n', { mode: 0o755 })
  const release = hostname.split('-')[1] as Release
  const body =
    parseKickstart(release, renderOn(engine, viewOf(snapshot, hostname), release)).sections.find(
      ({ kind }) => kind === '%pre',
    )?.body ?? ''
  const here = body
    .replaceAll('/sys/block', `${root}/sys/block`)
    .replaceAll('/proc/', `${root}/proc/`)
    .replaceAll('/dev/console', '/dev/null')
  const run = tool('sh', ['-s'], here.replaceAll('sleep 3600', 'exit 99'), {
    ...process.env,
    PATH: `${join(root, 'bin')}:${process.env['PATH'] ?? ''}`,
  })
  const log = join(root, 'log')
  return { status: run.status, output: run.output, log: existsSync(log) ? readFileSync(log, 'utf8') : '' }
}

describe('%pre', () => {
  test('reports installing with the token when the disk may be written', () => {
    const { status, log } = runPre('metal-el9')
    assert.equal(status, 0)
    assert.match(
      log,
      /--data-binary stage=installing&detail=el\+9\+on\+sda http:\/\/192\.0\.2\.1\/events\/metal-el9\nheader = "Authorization: Bearer golden-token-of-no-machine"\n/,
    )
  })

  const refusals = [
    {
      why: 'the inventory’s disk is not there',
      machine: { disks: { sdb: '', nvme0n1: '' } },
      says: /has no disk sda.*it has: nvme0n1 sdb/,
    },
    { why: 'the disk is removable', machine: { disks: { sda: 'removable' } }, says: /removable/ },
    { why: 'the disk is read-only', machine: { disks: { sda: 'ro' } }, says: /read-only/ },
    {
      why: 'a partition of it is mounted',
      machine: { mounts: '/dev/sda2 /run/install/repo ext4 ro 0 0\n' },
      says: /in use: \/dev\/sda2/,
    },
    {
      why: 'a partition of it is swap',
      machine: { swaps: 'Filename Type\n/dev/sda3 partition 1 0 -1\n' },
      says: /in use: \/dev\/sda3/,
    },
  ] as const
  for (const { why, machine, says } of refusals)
    test(`refuses when ${why}, with the reason on the console and at the server`, () => {
      const { status, output, log } = runPre('metal-el9', plain, machine)
      assert.equal(status, 1)
      assert.match(output, says)
      assert.match(log, /stage=failed&detail=/)
      assert.doesNotMatch(log, /stage=installing/)
    })

  test('another disk’s partitions are none of its business: sdaa is not on sda', () => {
    assert.equal(
      runPre('metal-el9', plain, {
        disks: { sda: '', sdaa: '' },
        mounts: '/dev/sdaa1 /x ext4 rw 0 0\n/dev/sdb /y ext4 rw 0 0\n',
      }).status,
      0,
    )
  })

  test('EL 4 and 5 ignore the exit status, so a refusal there never returns', () => {
    for (const hostname of ['metal-el4', 'metal-el5']) assert.equal(runPre(hostname, plain, { disks: {} }).status, 99)
  })

  test('reinstalling a Dom0 does not wipe its guests: without keep_partitions it refuses', () => {
    const { status, output } = runPre('dom0-el9', plain, { partitions: ['sda1', 'sda5'] })
    assert.equal(status, 1)
    assert.match(output, /\/dev\/sda5 is the disk of guest guest-el9: set keep_partitions/)
    assert.equal(runPre('dom0-el9', plain, { partitions: ['sda1'] }).status, 0)
  })

  test('a new Dom0’s empty disk gets its partitions; one that has them keeps them', () => {
    const first = runPre('dom0-el5', full)
    assert.deepEqual(
      first.log.split('\n').filter((line) => line.startsWith('parted')),
      [
        'parted -s /dev/sda mklabel msdos',
        'parted -s /dev/sda unit MiB mkpart primary 1 513',
        'parted -s /dev/sda unit MiB mkpart primary 513 8705',
        'parted -s /dev/sda unit MiB mkpart primary 8705 10753',
        'parted -s /dev/sda unit MiB mkpart extended 10753 100%',
        'parted -s /dev/sda unit MiB mkpart logical 10754 14850',
      ],
    )
    const again = runPre('dom0-el5', full, { partitions: ['sda1', 'sda2', 'sda3', 'sda4', 'sda5'] })
    assert.equal(again.status, 0)
    assert.doesNotMatch(again.log, /parted/)
  })

  test('keep_partitions refuses when a guest’s partition is missing, or is one the Dom0 would format', () => {
    assert.match(
      runPre('dom0-el9', full, { partitions: ['sda1'] }).output,
      /\/dev\/sda5, the disk of guest guest-el9, does not exist/,
    )
    const clumsy = snapshotOf(
      releaseRows(releases, { ...everyParam, partitions: ['/ --fstype=xfs --onpart=/dev/sda5'] }),
    )
    assert.match(runPre('dom0-el9', clumsy, { partitions: ['sda5'] }).output, /partitions would format it/)
  })
})

/** Runs the first `%post` of a Dom0 in a made-up installed system; a fetched file says what it is. */
function runPost(hostname: string, snapshot = plain) {
  const root = mkdtempSync(join(folder, 'system-'))
  const path = (name: string): string => join(root, name)
  for (const name of ['bin', 'etc/xen', 'etc/sysconfig', 'boot/grub', 'etc/ntp'])
    mkdirSync(path(name), { recursive: true })
  const fetching =
    '#!/bin/sh\nwhile [ $# -gt 0 ]; do [ "$1" != -o ] || file=$2; url=$1; shift; done\ncase $url in */events/*) ;; *) echo "$url" >"$file" ;; esac\n'
  writeFileSync(path('bin/curl'), fetching, { mode: 0o755 })
  writeFileSync(path('etc/xen/xend-config.sxp'), '(network-script network-bridge)\n(vif-script vif-bridge)\n')
  writeFileSync(path('etc/sysconfig/kernel'), 'UPDATEDEFAULT=yes\nDEFAULTKERNEL=kernel\n')
  writeFileSync(path('etc/inittab'), 'id:3:initdefault:\n')
  writeFileSync(path('etc/ntp.conf'), 'server 0.example.org\ndriftfile /x\n')
  writeFileSync(
    path('boot/grub/grub.conf'),
    'default=0\ntitle Linux (2.6)\n\tkernel /vmlinuz\ntitle Linux (2.6xen)\n\tkernel /xen.gz-2.6\n',
  )
  const release = hostname.split('-')[1] as Release
  const body =
    parseKickstart(release, renderOn(engine, viewOf(snapshot, hostname), release)).sections.find(
      ({ kind }) => kind === '%post',
    )?.body ?? ''
  const here = body
    .replaceAll(/(?<=["' >=]|^)\/(?=(?:etc|boot|usr\/local|root)\b)/gm, `${root}/`)
    .replaceAll('/dev/console', '/dev/null')
  const run = tool('sh', ['-s'], here, { ...process.env, PATH: `${path('bin')}:${process.env['PATH'] ?? ''}` })
  const read = (name: string): string => readFileSync(path(name), 'utf8')
  return {
    status: run.status,
    output: run.output,
    read,
    mode: (name: string): number => statSync(path(name)).mode & 0o777,
    exists: (name: string): boolean => existsSync(path(name)),
  }
}

describe('%post of a Dom0', () => {
  for (const [hostname, script] of [
    ['dom0-el5', 'etc/rc.d/rc.local'],
    ['dom0-el9', 'usr/local/sbin/bootstead-firstboot'],
  ] as const)
    test(`${hostname} has its first boot in place, and its token is root’s only`, () => {
      const { status, output, read, mode, exists } = runPost(hostname)
      assert.deepEqual([status, output], [0, ''])
      assert.equal(mode('etc/bootstead/firstboot.conf'), 0o600)
      const conf = tool('sh', [
        '-c',
        `${read('etc/bootstead/firstboot.conf')}echo "$BOOTSTEAD_SERVER $BOOTSTEAD_HOSTNAME $BOOTSTEAD_TOKEN $BOOTSTEAD_HYPERVISOR"`,
      ])
      assert.equal(conf.stdout, `http://192.0.2.1 ${hostname} golden-machine-token xen\n`)
      assert.deepEqual([read(script), mode(script)], ['http://192.0.2.1/firstboot/rc.local\n', 0o755])
      for (const name of ['xenconf', 'installguest', 'allguests'])
        assert.deepEqual(
          [read(`usr/local/sbin/${name}`), mode(`usr/local/sbin/${name}`)],
          [`http://192.0.2.1/firstboot/${name}\n`, 0o755],
        )
      assert.equal(
        exists('etc/systemd/system/multi-user.target.wants/bootstead-firstboot.service'),
        hostname === 'dom0-el9',
      )
    })

  test('EL 5: the bridge, the console, the clock and the hypervisor as default are written by hand', () => {
    const { read } = runPost('dom0-el5')
    assert.equal(
      read('etc/sysconfig/network-scripts/ifcfg-eth0'),
      'DEVICE=eth0\nHWADDR=00:00:5e:00:53:13\nONBOOT=yes\nBRIDGE=xenbr0\n',
    )
    assert.match(
      read('etc/sysconfig/network-scripts/ifcfg-xenbr0'),
      /^DEVICE=xenbr0\nTYPE=Bridge\nONBOOT=yes\nDELAY=0\nBOOTPROTO=static\nIPADDR=192\.0\.2\.22\nNETMASK=255\.255\.255\.0\nGATEWAY=192\.0\.2\.254\n$/,
    )
    assert.match(read('etc/xen/xend-config.sxp'), /^\(network-script \/bin\/true\)\n\(vif-script/)
    assert.match(read('boot/grub/grub.conf'), /^default=1\n/)
    assert.match(read('etc/sysconfig/kernel'), /DEFAULTKERNEL=kernel-xen/)
    assert.match(read('etc/inittab'), /co:2345:respawn:\/sbin\/agetty xvc0 9600 vt100\n$/)
    assert.equal(read('etc/ntp.conf'), 'driftfile /x\nserver 192.0.2.1 iburst\n')
  })
})

describe('quoting', () => {
  const hazards = [
    "it's",
    'a "b" c',
    '$(touch /tmp/x) `id` $HOME',
    'back\\slash \\',
    'a b  c',
    '%end',
    '--option',
    '',
    '#x',
    ';|&',
    'ünï',
  ]
  const text = fc.string({ unit: 'binary' }).filter((one) => !one.includes('\0') && !/\p{Cs}/u.test(one))

  test('shell: a POSIX shell reads back any value', () => {
    const back = (values: readonly string[]) =>
      tool('sh', ['-c', `printf '%s\\0' ${values.map(shellWord).join(' ')}`])
        .stdout.split('\0')
        .slice(0, -1)
    assert.deepEqual(back(hazards), hazards)
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 20 }), (values) => assert.deepEqual(back(values), values)),
      { numRuns: 30 },
    )
  })

  test('shell: no line of a quoted value begins with %, whatever a reader takes for a line end', () => {
    for (const end of ['\n', '\r\n', '\r', '\v', '\f', '\u001c', '\u0085', '\u2028', '\u2029'])
      assert.doesNotMatch(shellWord(`a${end}%end${end}  %post`), /(?:[\n\v\f\r\u001c-\u001e\u0085\u2028\u2029])\s*%/)
  })

  test('ks: Python’s shlex, which splits the lines for every installer since EL 5, reads back any value', () => {
    const program = 'import json, shlex, sys; print(json.dumps(shlex.split(sys.stdin.read(), comments=True)))'
    const python = tool('python3', ['-c', program], hazards.map(kickstartWord).join(' '))
    assert.deepEqual(JSON.parse(python.stdout), hazards)
  })

  test('ks: popt, which splits them for EL 4, takes a backslash in quotes for itself, so there is none', () => {
    assert.equal(kickstartWord("a\\'b"), "'a'\\\\''\\''b'")
  })

  test('ks: a value with a line end is refused', () => {
    for (const end of ['\n', '\r', '\0', '\u2028', '\u0085'])
      assert.throws(() => kickstartWord(`a${end}%end`), /control character/)
  })

  test('package: nothing but names, globs and groups', () => {
    for (const name of [
      'vim-enhanced',
      '@^minimal-environment',
      '@ Development Tools',
      '-postfix',
      'kernel-*',
      'glibc.i686',
      '*',
    ])
      assert.equal(packageLine(name), name)
    for (const name of ['%end', 'a\n%end', '# x', '', ' -x', '%include /tmp/x'])
      assert.throws(() => packageLine(name), /names no package/)
  })

  test('hostile params stay values: no new command, no new section, nothing runs', () => {
    const hostile = 'x\' "y" $(touch /tmp/bootstead-was-here) `id` \\'
    const params = {
      root_password_hash: hostile,
      ssh_keys: [hostile, `${hostile}%end`],
      language: hostile,
      keyboard: hostile,
      timezone: hostile,
      services: { enabled: [hostile], disabled: [hostile] },
      firewall_ports: [hostile],
      boot_args: hostile,
    }
    const snapshot = snapshotOf(releaseRows(releases, params))
    for (const release of releases) {
      const rendered = renderOn(engine, viewOf(snapshot, `metal-${release}`), release)
      assert.deepEqual(grammarErrors(release, rendered), [])
      const { sections } = parseKickstart(release, rendered)
      for (const { kind, body } of sections)
        if (kind !== '%packages') assert.equal(tool('sh', ['-n', '-s'], body).output, '')
    }
  })

  test('a key with a line end and %end in it stays in its script, or is refused', () => {
    const snapshot = snapshotOf(releaseRows(releases, { ssh_keys: ['ssh-rsa AAAA\n%end\n%post\nid'] }))
    assert.equal(parseKickstart('el7', renderOn(engine, viewOf(snapshot, 'metal-el7'), 'el7')).sections.length, 5)
    assert.throws(
      () => renderOn(engine, viewOf(snapshot, 'metal-el9'), 'el9'),
      /metal-el9: template base\/dracut\.ks line \d+: a kickstart line can't hold/,
    )
  })
})

describe('overrides', () => {
  const over = (files: Readonly<Record<string, string>>): TemplateEngine =>
    templateEngine(new Map([...templates, ...Object.entries(files)]))
  const el9 = viewOf(plain, 'metal-el9')

  test('a template of the site extends ours and replaces a block', () => {
    const site = over({ 'site/farm.ks': '{% extends "el9.ks" %}\n{% block post_site %}\necho site\n{% endblock %}\n' })
    assert.match(site.render('farm.ks', el9, [], 'metal-el9'), /\necho site\n%end\n/)
  })

  test('a file of the same name extends the one it stands before, in the order machine, profile, site, ours', () => {
    const layer = (name: string): string =>
      `{% extends "el9.ks" %}\n{% block post_site %}\n{{ super() }}echo ${name}\n{% endblock %}\n`
    const all = over({
      'site/el9.ks': layer('site'),
      'profile/el9/el9.ks': layer('profile'),
      'machine/metal-el9/el9.ks': layer('machine'),
    })
    assert.match(renderOn(all, el9, 'el9'), /\necho site\necho profile\necho machine\n%end\n/)
    const other = all.render('el9.ks', el9, all.overlay('metal-el8', ['el8']), 'metal-el8')
    assert.match(other, /\necho site\n%end\n/)
  })

  for (const where of ['site', 'profile/el9', 'machine/metal-el9'])
    test(`a snippet in ${where} replaces ours`, () => {
      const replaced = over({ [`${where}/snippets/pre-disk.sh`]: 'disk=own\n' })
      const text = renderOn(replaced, el9, 'el9')
      assert.match(text, /\ndisk=own\n/)
      assert.doesNotMatch(text, /is_on_disk/)
      assert.doesNotMatch(renderOn(engine, el9, 'el9'), /disk=own/)
    })

  test('a machine’s folder is that machine’s only', () => {
    const one = over({ 'machine/metal-el8/snippets/pre-disk.sh': 'disk=own\n' })
    assert.deepEqual(
      [one.overlay('metal-el8', ['el8']), one.overlay('metal-el9', ['el9'])],
      [['machine/metal-el8'], []],
    )
    assert.doesNotMatch(renderOn(one, el9, 'el9'), /disk=own/)
  })
})

describe('sandbox', () => {
  const render = (text: string): string =>
    templateEngine(new Map([...templates, ['site/evil.ks', text]])).render(
      'evil.ks',
      viewOf(plain, 'metal-el9'),
      [],
      'metal-el9',
    )
  const escapes = [
    '{{ "".constructor.constructor("return process")() }}',
    '{{ constructor }}',
    '{{ constructor.constructor("return process")() }}',
    '{{ range.constructor("return process")() }}',
    '{{ range.constructor }}',
    '{{ cycler("a").next.constructor("return process")() }}',
    '{{ joiner().constructor }}',
    '{{ params.__proto__ }}',
    '{{ params["constructor"] }}',
    '{{ machine.toString }}',
    '{{ [].push }}',
    '{{ __proto__ }}',
    '{{ hasOwnProperty }}',
    '{{ globalThis }}',
    '{{ process }}',
    '{{ require("fs") }}',
    '{% set c = "constructor" %}{{ ""[c][c]("return process")() }}',
    '{% macro m() %}{{ caller.constructor }}{% endmacro %}{% call m() %}x{% endcall %}',
    '{% macro m() %}x{% endmacro %}{{ m.constructor("return process")() }}',
    '{% include "../../etc/passwd" %}',
    '{% include "/etc/passwd" %}',
    '{% include "constructor" %}',
    '{{ "x" | valueOf }}',
    '{{ ("x" | valueOf).env.loaders[0].getSource("el9.ks").src }}',
    '{{ "x" | __lookupGetter__ }}',
    '{{ 1 is constructor }}',
    '{{ [machine] | join(",", "constructor") }}',
    '{{ [{a: 1}] | groupby("constructor") }}',
    '{{ [1] | sum("constructor") }}',
    '{% extends "__proto__" %}',
    '{% import "../../../package.json" as x %}',
  ]
  for (const escape of escapes) test(`${escape} is an error`, () => assert.throws(() => render(escape), TemplateError))
})

describe('errors', () => {
  const failing = (files: Readonly<Record<string, string>>): string => {
    const broken = templateEngine(new Map([...templates, ...Object.entries(files)]))
    try {
      return broken.render('mine.ks', viewOf(plain, 'metal-el9'), [], 'metal-el9')
    } catch (error) {
      return (error as Error).message
    }
  }
  const cases = [
    {
      of: 'an undefined name',
      files: { 'site/mine.ks': 'lang en\n\n{{ machine.nmae }}\n' },
      says: 'metal-el9: template site/mine.ks line 3: attempted to output an undefined or null value',
    },
    {
      of: 'an undefined name under a filter',
      files: { 'site/mine.ks': '\n{{ machine.nmae | ks }}\n' },
      says: 'metal-el9: template site/mine.ks line 2: the value is undefined or null',
    },
    {
      of: 'a syntax error',
      files: { 'site/mine.ks': 'a\n{% if %}\n' },
      says: 'metal-el9: template site/mine.ks line 2: unexpected token: %}',
    },
    {
      of: 'a snippet',
      files: { 'site/mine.ks': '\n{% include "snippets/x.sh" %}', 'snippets/x.sh': 'a\nb\n{{ nothing }}' },
      says: 'metal-el9: template snippets/x.sh line 3: attempted to output an undefined or null value',
    },
    {
      of: 'a block',
      files: { 'site/mine.ks': '{% extends "el9.ks" %}\n{% block post_site %}\n{{ nothing | shell }}\n{% endblock %}' },
      says: 'metal-el9: template site/mine.ks line 3: the value is undefined or null',
    },
    {
      of: 'a missing include',
      files: { 'site/mine.ks': 'a\nb\n{% include "snippets/none.sh" %}' },
      says: 'metal-el9: template site/mine.ks line 3: template snippets/none.sh does not exist',
    },
    {
      of: 'a value that is none of those allowed',
      files: { 'site/mine.ks': '{{ "on" | oneof(["enforcing"]) }}' },
      says: 'metal-el9: template site/mine.ks line 1: "on" is none of enforcing',
    },
    {
      of: 'a template that is not there',
      files: {},
      says: 'metal-el9: template mine.ks: template mine.ks does not exist',
    },
  ]
  for (const { of, files, says } of cases)
    test(`${of} names machine, template and line`, () => assert.equal(failing(files), says))

  test('templates that include one another end in an error', () => {
    assert.match(
      failing({
        'site/mine.ks': '{% include "b.ks" %}',
        'b.ks': '{% include "c.ks" %}',
        'c.ks': '{% include "b.ks" %}',
      }),
      /^metal-el9: template [bc]\.ks line 1: Maximum call stack/,
    )
  })
})

describe('golden', () => {
  const machines: readonly (readonly [string, Release])[] = [
    ['guest-el4', 'el4'],
    ['dom0-el5', 'el5'],
    ['metal-el6', 'el6'],
    ['metal-el7', 'el7'],
    ['guest-el8', 'el8'],
    ['metal-el9', 'el9'],
    ['metal-el10', 'el10'],
    ['dom0-fedora', 'fedora'],
    ['kvm-el6', 'el6'],
    ['kvm-el9', 'el9'],
  ]
  for (const [hostname, release] of machines)
    test(`ks/${hostname}`, () => {
      const text = renderOn(engine, viewOf(hostname.startsWith('dom0') ? full : plain, hostname), release)
      assertGolden(`ks/${hostname}`, text)
      process.env['TZ'] = 'Pacific/Auckland'
      assert.equal(
        renderOn(templateEngine(templates), viewOf(hostname.startsWith('dom0') ? full : plain, hostname), release),
        text,
      )
    })
})
