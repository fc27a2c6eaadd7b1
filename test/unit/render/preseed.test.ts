// Debian's template: its answers as real parsers read them, its scripts taken out again and run, and its quoting.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import fc from 'fast-check'
import { allFindings } from '../../../server/inventory/findings.ts'
import { partmanRecipe, partmanUse } from '../../../server/render/partman.ts'
import { debianPackage, preseedScript, preseedValue } from '../../../server/render/quoting.ts'
import type { InstallView } from '../../../server/render/view.ts'
import { templateEngine } from '../../../server/render/templates.ts'
import { assertGolden } from '../../golden/golden.ts'
import { known, releaseRows, snapshotOf, templates, viewOf } from './farm.ts'
import { parsePreseed, preseedErrors, questions, scriptOf } from './preseed.ts'

const engine = templateEngine(templates)
const releases = ['debian7', 'debian8', 'debian9', 'debian10', 'debian11', 'debian12', 'debian13'] as const
const kinds = ['metal', 'dom0', 'guest'] as const
const everyParam = {
  root_password_hash: '$6$salt$hash.of/nobody',
  ssh_keys: ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFakeFakeFakeFake you@example.org'],
  language: 'de_CH.UTF-8',
  keyboard: 'ch',
  packages: ['rsync', '@web-server', '-exim4-base'],
  tasks: ['standard'],
  apt_services: [],
  gpgcheck: false,
  services: { enabled: ['ssh'], disabled: ['cups'] },
  partitions: ['/boot --fstype=ext3 --onpart=sda1', ['/', '--fstype=ext4', '--onpart=sda2'], 'swap --onpart=sda3'],
  keep_partitions: true,
  create_partitions: [512, 8192, 2048, 'extended', 4096],
  boot_disk_label: 'msdos',
  boot_args: 'quiet audit=1',
  reboot: 'poweroff',
}
const plain = snapshotOf(releaseRows(releases))
const full = snapshotOf(releaseRows(releases, everyParam))
const sized = snapshotOf(
  releaseRows(releases, {
    partitions: ['/boot --size=512', '/ --size=8192 --grow', 'swap --size=2048'],
    wipe_guests: true,
  }),
)

const folder = mkdtempSync(join(tmpdir(), 'preseed-test-'))
after(() => rmSync(folder, { recursive: true }))

const render = (view: InstallView): string => engine.render('debian.cfg', view, [], view.machine.hostname)
const everyPreseed: readonly (readonly [name: string, text: string])[] = releases.flatMap((release) =>
  kinds.flatMap((kind) =>
    [plain, full, sized].map((snapshot, index) => {
      const hostname = `${kind}-${release}`
      return [`${hostname} ${['plain', 'full', 'sized'][index] ?? ''}`, render(viewOf(snapshot, hostname))] as const
    }),
  ),
)

/** A tool's exit status and output. @throws Error naming the package when this host lacks it */
function tool(name: string, args: readonly string[], input = '', env: NodeJS.ProcessEnv = process.env) {
  const { status, stdout, stderr, error } = spawnSync(name, args, { input, encoding: 'utf8', env })
  if (error !== undefined) throw new Error(`this test needs ${name}: scripts/packages.sh installs it`, { cause: error })
  return { status, output: stdout + stderr, stdout }
}

const shells = [
  ['dash', []],
  ['busybox', ['sh']],
] as const

describe('answers', () => {
  test('every one is a question of debian-installer, asked once; none is left that would be asked at priority critical', () => {
    for (const [name, text] of everyPreseed) assert.deepEqual(preseedErrors(text), [], name)
  })

  test('the table itself refuses what is no question', () => {
    const text = render(viewOf(plain, 'metal-debian12'))
    assert.deepEqual(preseedErrors(text.replace('d-i partman/confirm boolean', 'd-i partman/confirmed boolean')), [
      'there is no question partman/confirmed of type boolean',
      'partman/confirm would be asked',
    ])
    assert.deepEqual(preseedErrors(`${text}d-i pkgsel/include string vim\n`), ['pkgsel/include is answered twice'])
    const answered = everyPreseed.flatMap(([, one]) => parsePreseed(one))
    for (const { question, source } of questions)
      assert.ok(
        answered.some((answer) => question.test(answer.question)),
        `nothing answers ${String(question)} (${source})`,
      )
  })

  test('debconf-set-selections of Debian takes each file, and has each value as it was meant', () => {
    const at = mkdtempSync(join(folder, 'debconf-'))
    const database = (name: string): string => `Name: ${name}\nDriver: File\nFilename: ${join(at, name)}\n`
    writeFileSync(
      join(at, 'debconf.conf'),
      `Config: config\nTemplates: templates\n\n${database('config')}\n${database('templates')}`,
    )
    const env = { ...process.env, DEBCONF_SYSTEMRC: join(at, 'debconf.conf') }
    for (const [index, hostname] of ['metal-debian13', 'dom0-debian12', 'guest-debian7'].entries()) {
      const text = render(viewOf([plain, full, sized][index] ?? plain, hostname))
      const { status, output } = tool('debconf-set-selections', [], text, env)
      assert.deepEqual([status, output], [0, ''])
      const stored = readFileSync(join(at, 'config'), 'utf8')
      const values = new Map(
        [...stored.matchAll(/^Name: (.*)\n(?:.+\n)*?(?:Value: (.*)\n)?Owners:/gm)].map(([, name, value = '']) => [
          name,
          value.replaceAll(/\s+/g, ' ').trim(),
        ]),
      )
      for (const { question, value } of parsePreseed(text))
        assert.equal(values.get(question), value.replaceAll(/\s+/g, ' ').trim(), `${hostname} ${question}`)
    }
  })

  test('only the inventory’s disk is named, and a Dom0’s guests are not wiped by accident', () => {
    const valuesOf = (text: string): ReadonlyMap<string, string> =>
      new Map(parsePreseed(text).map(({ question, value }) => [question, value]))
    const dom0 = valuesOf(render(viewOf(plain, 'dom0-debian12')))
    assert.deepEqual(
      [dom0.get('partman-auto/disk'), dom0.get('grub-installer/bootdev'), dom0.get('partman-lvm/device_remove_lvm')],
      ['/dev/sda', '/dev/sda', 'false'],
    )
    assert.equal(valuesOf(render(viewOf(sized, 'dom0-debian12'))).get('partman-lvm/device_remove_lvm'), 'true')
    assert.equal(valuesOf(render(viewOf(plain, 'guest-debian12'))).get('partman-auto/disk'), '/dev/xvda')
    const kept = valuesOf(render(viewOf(full, 'dom0-debian12')))
    assert.deepEqual([kept.has('partman-auto/choose_recipe'), kept.has('partman-auto/expert_recipe')], [false, false])
  })

  test('a machine without a password hash has a locked root, never a default password, and nobody is asked for one', () => {
    for (const release of releases) {
      const answers = parsePreseed(render(viewOf(plain, `metal-${release}`)))
      assert.equal(answers.find(({ question }) => question === 'passwd/root-password-crypted')?.value, '*')
    }
  })

  test('the mirror is the image’s tree up to dists/; a tree that is not on HTTP is refused by name', () => {
    const view = viewOf(plain, 'metal-debian12')
    const { mirror: _, ...install } = view.install
    const on = (mirror: InstallView['install']['mirror']) => render({ ...view, install: { ...install, mirror } })
    assert.match(
      on({ protocol: 'https', host: 'mirror.example.org', directory: '/debian' }),
      /^d-i mirror\/https\/hostname string mirror\.example\.org\nd-i mirror\/https\/directory string \/debian$/m,
    )
    assert.throws(() => on(null), /metal-debian12: template debian\.cfg line \d+: the image's tree_url is not on HTTP/)
  })

  test('a repository is flat unless its row names suite and components', () => {
    const view = viewOf(plain, 'metal-debian12')
    const repositories = [
      { name: 'site', url: 'http://192.0.2.1/repo/site' },
      { name: 'backports', url: 'http://192.0.2.1/debian bookworm-backports main' },
    ]
    const values = parsePreseed(render({ ...view, install: { ...view.install, repositories } }))
      .filter(({ question }) => question.startsWith('apt-setup/local'))
      .map(({ question, value }) => `${question} ${value}`)
    assert.deepEqual(values, [
      'apt-setup/local0/repository http://192.0.2.1/repo/site ./',
      'apt-setup/local0/comment site',
      'apt-setup/local1/repository http://192.0.2.1/debian bookworm-backports main',
      'apt-setup/local1/comment backports',
    ])
  })

  test('a Dom0 has its hypervisor’s packages by the names of its release', () => {
    const include = (hostname: string, hypervisor: string): string => {
      const view = viewOf(plain, hostname)
      assert.ok(view.dom0)
      const text = render({ ...view, dom0: { ...view.dom0, hypervisor } })
      return parsePreseed(text).find(({ question }) => question === 'pkgsel/include')?.value ?? ''
    }
    assert.equal(include('dom0-debian12', 'xen'), 'curl chrony bridge-utils kbd xen-system-amd64')
    assert.match(
      include('dom0-debian12', 'kvm'),
      /bridge-utils kbd qemu-system-x86 libvirt-daemon-system libvirt-clients$/,
    )
    assert.match(include('dom0-debian7', 'kvm'), /bridge-utils kbd qemu-kvm libvirt-bin$/)
  })

  test('the profiles and images of these machines have no findings', () => {
    assert.deepEqual([...allFindings(plain, known)], [])
  })
})

/** Runs the preseed's early_command with debian-installer's own programs stubbed; the scripts it took out. */
function takeOut(text: string, shell: (typeof shells)[number]): Readonly<Record<string, string>> {
  const root = mkdtempSync(join(folder, 'early-'))
  mkdirSync(join(root, 'bin'))
  writeFileSync(join(root, 'served'), text)
  writeFileSync(join(root, 'bin/debconf-get'), '#!/bin/sh\necho "http://192.0.2.1/ks/HOST?token=T&$1"\n', {
    mode: 0o755,
  })
  writeFileSync(
    join(root, 'bin/preseed_fetch'),
    `#!/bin/sh\n[ "$1" = 'http://192.0.2.1/ks/HOST?token=T&preseed/url' ] && cp '${root}/served' "$2"\n`,
    { mode: 0o755 },
  )
  const command = commandOf(text, 'preseed/early_command').replaceAll('/tmp/bootstead', `${root}/tmp`)
  const env = { ...process.env, PATH: `${join(root, 'bin')}:${process.env['PATH'] ?? ''}` }
  const run = tool(shell[0], [...shell[1], '-c', command], '', env)
  assert.deepEqual([run.status, run.output], [0, ''])
  return Object.fromEntries(
    ['pre', 'post', 'installed'].map((name) => [name, readFileSync(join(root, 'tmp', `${name}.sh`), 'utf8')]),
  )
}

const commandOf = (text: string, question: string): string =>
  parsePreseed(text).find((answer) => answer.question === question)?.value ?? ''

describe('scripts', () => {
  for (const shell of shells)
    test(`${shell[0]}: early_command takes them out of the file byte for byte`, () => {
      for (const hostname of ['dom0-debian12', 'guest-debian7']) {
        const text = render(viewOf(full, hostname))
        const scripts = takeOut(text, shell)
        for (const name of ['pre', 'post', 'installed']) assert.equal(scripts[name], scriptOf(text, name))
        assert.match(
          scripts['pre'] ?? '',
          /^# Tells[^]*\n\nsay\(\) \{\n {4}echo[^]*\nreport installing "[^"]+ on \$disk"\n$/,
        )
        assert.match(scripts['installed'] ?? '', /\nreport_installed "[^"]+ on (sda|xvda)"\n$/)
      }
    })

  const files = everyPreseed.flatMap(([name, text]) =>
    ['pre', 'post', 'installed'].map((script) => {
      const file = join(folder, `${name.replaceAll(' ', '-')}-${script}.sh`)
      writeFileSync(file, scriptOf(text, script))
      return file
    }),
  )

  for (const shell of ['dash', 'bash', 'busybox sh'])
    test(`${shell} can read every one, and the preseed’s commands`, () => {
      const check = `for file; do ${shell} -n "$file" || echo "$file"; done`
      assert.equal(tool('sh', ['-c', check, 'sh', ...files]).output, '')
      const text = render(viewOf(full, 'dom0-debian12'))
      for (const question of ['preseed/early_command', 'partman/early_command', 'preseed/late_command']) {
        const run = tool('sh', ['-c', `exec ${shell} -n`], commandOf(text, question))
        assert.deepEqual([run.status, run.output], [0, ''], question)
      }
    })

  test('shellcheck finds nothing in them', () => {
    const distinct = files.filter((file) => /debian(7|13)/.test(file)) // without systemd, with it
    assert.equal(tool('shellcheck', ['-s', 'sh', ...distinct]).output, '')
  })

  test('no token stands in an answer: debian-installer writes its commands into the system log', () => {
    for (const [name, text] of everyPreseed)
      for (const { value } of parsePreseed(text)) assert.doesNotMatch(value, /golden-(machine-)?token/, name)
  })
})

type MadeUp = Partial<{ disks: readonly string[]; partitions: readonly string[]; without: 'pre.sh' }>

/** Runs partman/early_command on a made-up machine: its /sys, /proc, programs and partman are in a folder. */
function runPre(hostname: string, shell: (typeof shells)[number], snapshot = plain, machine: MadeUp = {}) {
  const root = mkdtempSync(join(folder, 'machine-'))
  const text = render(viewOf(snapshot, hostname))
  const { disks = ['sda'], partitions = [] } = machine
  for (const path of ['bin', 'proc', 'sys/block', 'tmp', 'lib/partman/display.d', 'lib/partman/lib', 'var/lib'])
    mkdirSync(join(root, path), { recursive: true })
  for (const disk of disks) {
    mkdirSync(join(root, 'sys/block', disk))
    for (const [flag, value] of Object.entries({ removable: 0, ro: 0, size: 1000000 }))
      writeFileSync(join(root, 'sys/block', disk, flag), `${value}\n`)
  }
  for (const partition of partitions) {
    mkdirSync(join(root, 'sys/block/sda', partition))
    writeFileSync(join(root, 'sys/block/sda', partition, 'start'), '2048\n')
  }
  writeFileSync(join(root, 'proc/mounts'), 'none / rootfs rw 0 0\n')
  writeFileSync(join(root, 'proc/swaps'), '')
  const log = `>>'${root}/log'`
  const programs = {
    wget: `case $1 in --help) echo '--post-data -T' ;; *) echo "wget $*" ${log} ;; esac`,
    parted: `echo "parted $*" ${log}`,
    'anna-install': `echo "anna-install $*" ${log}`,
    curl: 'exit 127',
    readlink: 'echo "$2"',
  }
  for (const [name, script] of Object.entries(programs))
    writeFileSync(join(root, 'bin', name), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  const here = (script: string): string =>
    script
      .replaceAll(/(?<![a-z])\/(?=(?:sys\/block|proc\/|lib\/partman|var\/lib\/partman|tmp\/bootstead))/g, `${root}/`)
      .replaceAll(/\bwget (?=-)/g, `${root}/bin/wget `) // busybox would take its own
      .replaceAll('/dev/console', `${root}/console`)
      .replaceAll('command -v curl', 'false') // debian-installer has none
      .replaceAll(/while :; do sleep 3600; done/g, 'exit 99')
  mkdirSync(join(root, 'tmp/bootstead'))
  if (machine.without !== 'pre.sh') writeFileSync(join(root, 'tmp/bootstead/pre.sh'), here(scriptOf(text, 'pre')))
  const env = { ...process.env, PATH: `${join(root, 'bin')}:${process.env['PATH'] ?? ''}` }
  const command = here(commandOf(text, 'partman/early_command')).replaceAll(
    'sh /',
    `${[shell[0], ...shell[1]].join(' ')} /`,
  )
  const run = tool(shell[0], [...shell[1], '-c', command], '', env)
  const read = (path: string): string => (existsSync(join(root, path)) ? readFileSync(join(root, path), 'utf8') : '')
  return { root, status: run.status, output: run.output, log: read('log'), read }
}

describe('the disk, in partman/early_command', () => {
  for (const shell of shells) {
    test(`${shell[0]}: installing is reported, with the token, when the disk may be written`, () => {
      const { status, log } = runPre('metal-debian12', shell)
      assert.equal(status, 0)
      assert.match(
        log,
        /^wget .*--header Authorization: Bearer golden-token-of-no-machine --post-data stage=installing&detail=debian\+12\+on\+sda http:\/\/192\.0\.2\.1\/events\/metal-debian12\n$/,
      )
    })

    test(`${shell[0]}: without the inventory’s disk the installer is stopped for good, and failed is reported`, () => {
      const { status, output, log } = runPre('metal-debian12', shell, plain, { disks: ['sdb', 'vda'] })
      assert.equal(status, 99)
      assert.match(output, /REFUSED: this machine has no disk sda, which its inventory names; it has: sdb vda/)
      assert.match(log, /stage=failed&detail=this\+machine/)
      assert.doesNotMatch(log, /stage=installing/)
    })

    test(`${shell[0]}: a Dom0 whose guests’ partitions are there is refused, and keep_partitions needs them`, () => {
      const refused = runPre('dom0-debian12', shell, plain, { partitions: ['sda1', 'sda5'] })
      assert.equal(refused.status, 99)
      assert.match(refused.output, /\/dev\/sda5 is the disk of guest guest-debian12: set keep_partitions/)
      const missing = runPre('dom0-debian12', shell, full, { partitions: ['sda1'] })
      assert.match(missing.output, /\/dev\/sda5, the disk of guest guest-debian12, does not exist/)
    })
  }

  test('a check that could not even run stops the installer too', () => {
    const { status, read } = runPre('metal-debian12', shells[0], plain, { without: 'pre.sh' })
    assert.equal(status, 99)
    assert.match(read('console'), /its check of the disk could not run/)
  })

  test('a new Dom0’s empty disk gets its partitions, by the parted that debian-installer has to load first', () => {
    const { log } = runPre('dom0-debian12', shells[1], full)
    assert.match(
      log,
      /^anna-install parted-udeb\nparted -s \/dev\/sda mklabel msdos\nparted -s \/dev\/sda unit MiB mkpart primary 1 513\n/,
    )
  })

  test('keep_partitions: partman is told what becomes of the machine’s own, once, and partitions nothing by itself', () => {
    const { root, status, read } = runPre('dom0-debian12', shells[1], full, { partitions: ['sda1', 'sda2', 'sda5'] })
    assert.equal(status, 0)
    assert.ok(existsSync(join(root, 'var/lib/partman/initial_auto')))
    const devices = join(root, 'devices')
    for (const disk of ['=dev=sda', '=dev=sdb']) mkdirSync(join(devices, disk), { recursive: true })
    writeFileSync(
      join(devices, '=dev=sda/list'),
      [
        '1\t1-10\t9\tprimary\text4\t/dev/sda1\t',
        '2\t11-20\t9\tprimary\text4\t/dev/sda2\t',
        '5\t21-30\t9\tlogical\text4\t/dev/sda5\t',
        '',
      ].join('\n'),
    )
    writeFileSync(join(devices, '=dev=sdb/list'), '1\t1-10\t9\tprimary\text4\t/dev/sdb1\t\n')
    writeFileSync(
      join(root, 'lib/partman/lib/base.sh'),
      `DEVICES='${devices}'\nopen_dialog() { exec 7<list; }\nclose_dialog() { exec 7<&-; }\nread_line() { IFS='\t' read -r "$@" <&7; }\nupdate_partition() { echo "$1 $2" >>'${root}/updated'; }\n`,
    )
    const display = join(root, 'lib/partman/display.d/05bootstead')
    for (let again = 0; again < 2; again++) assert.deepEqual(tool(display, []), { status: 0, output: '', stdout: '' })
    assert.equal(read('updated'), `${devices}/=dev=sda 1-10\n${devices}/=dev=sda 11-20\n`)
    assert.deepEqual(
      ['method', 'format', 'use_filesystem', 'filesystem', 'mountpoint'].map((file) =>
        read(`devices/=dev=sda/1-10/${file}`),
      ),
      ['format\n', '\n', '\n', 'ext3\n', '/boot\n'],
    )
    assert.equal(existsSync(join(devices, '=dev=sda/21-30')), false)
  })
})

describe('reports from an installer without a wget that can post (Debian 7 and 8)', () => {
  test('busybox nc brings one to a real HTTP server, with the token', async () => {
    const requests: string[] = []
    const server = createServer((request, response) => {
      let body = ''
      request.on('data', (chunk: Buffer) => (body += chunk.toString()))
      request.on('end', () => {
        requests.push(`${request.method ?? ''} ${request.url ?? ''} ${request.headers.authorization ?? ''} ${body}`)
        response.writeHead(requests.length === 1 ? 204 : 403).end()
      })
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const bin = mkdtempSync(join(folder, 'bin-'))
    writeFileSync(join(bin, 'wget'), '#!/bin/sh\necho "Usage: wget [-csq] [-O FILE] URL" >&2\nexit 1\n', {
      mode: 0o755,
    })
    writeFileSync(join(bin, 'nc'), '#!/bin/sh\nexec busybox nc "$@"\n', { mode: 0o755 })
    const view = { ...viewOf(plain, 'metal-debian7'), events_url: `http://127.0.0.1:${port}/events/metal-debian7` }
    const functions = scriptOf(render(view), 'pre').split('# After this')[0] ?? ''
    const script = `${functions.replaceAll('command -v curl', 'false').replaceAll('/dev/console', '/dev/null')}report installing 'ü & 1'\nreport failed x\n`
    const shell = spawn('busybox', ['sh', '-c', script], {
      env: { ...process.env, PATH: `${bin}:${process.env['PATH'] ?? ''}` },
    })
    let output = ''
    shell.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
    await once(shell, 'close')
    server.close()
    const bearer = 'Bearer golden-token-of-no-machine'
    assert.deepEqual(requests, [
      `POST /events/metal-debian7 ${bearer} stage=installing&detail=ü+%26+1`,
      `POST /events/metal-debian7 ${bearer} stage=failed&detail=x`,
    ])
    assert.match(output, /could not report failed to/)
    assert.doesNotMatch(output, /could not report installing/)
  })
})

/** Runs the script post as late_command does, in a made-up installed system; a fetched file says what it is. */
function runPost(hostname: string, snapshot = plain, hypervisor = 'xen') {
  const root = mkdtempSync(join(folder, 'system-'))
  const path = (name: string): string => join(root, name)
  for (const name of [
    'bin',
    'target/root',
    'tmp/bootstead',
    'etc/network',
    'etc/default',
    'etc/grub.d',
    'etc/chrony',
    'boot/grub',
    'sys/class/net/enp1s0',
  ])
    mkdirSync(path(name), { recursive: true })
  const view = viewOf(snapshot, hostname)
  const text = render({ ...view, dom0: view.dom0 === null ? null : { ...view.dom0, hypervisor } })
  const { mac } = view.network
  writeFileSync(path('sys/class/net/enp1s0/address'), `${mac}\n`)
  writeFileSync(path('etc/chrony/chrony.conf'), 'pool 2.debian.pool.ntp.org iburst\ndriftfile /x\n')
  writeFileSync(path('etc/grub.d/20_linux_xen'), '')
  const programs = {
    curl: `case " $* " in *' -K '*) cat >/dev/null; echo "$*" >>'${root}/reports'; exit 0 ;; esac\nwhile [ $# -gt 0 ]; do [ "$1" != -o ] || file=$2; url=$1; shift; done\necho "$url" >"$file"`,
    'in-target': 'exec "$@"',
    'dpkg-divert': 'for last; do :; done; mv "$last" "${last%/*}/08_linux_xen"',
    'update-grub': `echo 'multiboot2 /boot/xen-4.17-amd64.gz' >'${root}/boot/grub/grub.cfg'`,
    systemctl: `echo "systemctl $*" >>'${root}/log'`,
  }
  for (const [name, script] of Object.entries(programs))
    writeFileSync(path(`bin/${name}`), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  const here = (script: string): string =>
    script
      .replaceAll(
        /(?<=["' >=]|^)\/(?=(?:etc|boot|usr\/local|root|target|sys|var\/lib\/bootstead|tmp\/bootstead)\b)/gm,
        `${root}/`,
      )
      .replaceAll('/dev/console', `${root}/console`)
      .replaceAll(/while :; do sleep 3600; done/g, 'exit 99')
  for (const name of ['post', 'installed']) writeFileSync(path(`tmp/bootstead/${name}.sh`), here(scriptOf(text, name)))
  const command = here(commandOf(text, 'preseed/late_command')).replaceAll(`${root}/root/`, `${root}/target/root/`)
  const run = tool('sh', ['-c', command], '', { ...process.env, PATH: `${path('bin')}:${process.env['PATH'] ?? ''}` })
  const read = (name: string): string => (existsSync(path(name)) ? readFileSync(path(name), 'utf8') : '')
  return { status: run.status, output: run.output, read, exists: (name: string) => existsSync(path(name)) }
}

describe('late_command', () => {
  test('a Xen Dom0: bridge, name servers, clock, hypervisor as default, first boot in place, then installed', () => {
    const { status, output, read, exists } = runPost('dom0-debian12')
    assert.deepEqual([status, read('target/root/bootstead-post.log')], [0, ''], output)
    assert.equal(
      read('etc/network/interfaces'),
      `# Written by the installer, from the inventory.

auto lo
iface lo inet loopback

auto enp1s0
iface enp1s0 inet manual

auto xenbr0
iface xenbr0 inet static
    address 192.0.2.62
    netmask 255.255.255.0
    gateway 192.0.2.254
    bridge_ports enp1s0
    bridge_stp off
    bridge_fd 0
`,
    )
    assert.equal(read('etc/resolv.conf'), 'search farm.example.org\nnameserver 192.0.2.1\nnameserver 192.0.2.2\n')
    assert.equal(read('etc/chrony/chrony.conf'), 'driftfile /x\nserver 192.0.2.1 iburst\n')
    assert.match(
      read('etc/default/grub'),
      /^GRUB_DISABLE_OS_PROBER=true\nGRUB_CMDLINE_XEN_DEFAULT="dom0_mem=1024M,max:1024M .*console=com2,vga"\n$/,
    )
    assert.deepEqual([exists('etc/grub.d/08_linux_xen'), exists('etc/grub.d/20_linux_xen')], [true, false])
    assert.match(read('etc/bootstead/firstboot.conf'), /BOOTSTEAD_TOKEN='golden-machine-token'/)
    assert.ok(exists('usr/local/sbin/bootstead-firstboot') && exists('usr/local/sbin/xenconf'))
    assert.match(read('reports'), /stage=installed&detail=debian\+12\+on\+sda/)
    assert.deepEqual([exists('target/root/post.sh'), exists('target/root/installed.sh')], [false, false])
  })

  test('a KVM Dom0: libvirt is at work at boot and leaves the guests to us, by Debian’s own file', () => {
    const { status, read } = runPost('dom0-debian13', plain, 'kvm')
    assert.deepEqual([status, read('target/root/bootstead-post.log')], [0, ''])
    assert.match(read('etc/default/libvirt-guests'), /^ON_BOOT=ignore\nON_SHUTDOWN=shutdown\n/)
    assert.equal(read('etc/default/grub'), '')
    assert.match(read('etc/bootstead/firstboot.conf'), /BOOTSTEAD_HYPERVISOR='kvm'/)
  })

  test('Debian 7 has no systemd: the first boot is its /etc/rc.local', () => {
    const { read, exists } = runPost('dom0-debian7')
    assert.equal(read('etc/rc.local'), 'http://192.0.2.1/firstboot/rc.local\n')
    assert.equal(exists('etc/systemd/system/multi-user.target.wants/bootstead-firstboot.service'), false)
  })

  test('metal: each card by its MAC or else its name, a VLAN and an MTU, services on and off, root’s key', () => {
    const { status, read } = runPost('metal-debian13', full)
    assert.equal(status, 0)
    assert.match(read('etc/network/interfaces'), /auto enp1s0\niface enp1s0 inet static\n {4}address 192\.0\.2\.71\n/)
    assert.match(
      read('etc/network/interfaces'),
      /auto eth1\.30\niface eth1\.30 inet static\n {4}address 198\.51\.100\.16\n {4}netmask 255\.255\.255\.0\n {4}mtu 9000\n$/,
    )
    assert.equal(read('log'), 'systemctl enable ssh\nsystemctl disable cups\n')
    assert.match(read('root/.ssh/authorized_keys') + read('target/root/.ssh/authorized_keys'), /^ssh-ed25519 AAAA/)
  })
})

describe('quoting', () => {
  const text = fc.string({ unit: 'binary' }).filter((one) => !one.includes('\0') && !/\p{Cs}/u.test(one))

  test('preseed: a value stays on its line and in its answer, or is refused', () => {
    fc.assert(
      fc.property(text, (value) => {
        let line: string
        try {
          line = `d-i a/b string x${preseedValue(value)}`
        } catch {
          assert.match(value, /[\p{Cc}\u2028\u2029]|\\$/u)
          return
        }
        assert.deepEqual(parsePreseed(`${line}\nd-i c/d string y\n`), [
          { owner: 'd-i', question: 'a/b', type: 'string', value: `x${value}` },
          { owner: 'd-i', question: 'c/d', type: 'string', value: 'y' },
        ])
      }),
    )
    for (const bad of ['a\nd-i x/y string z', 'a\r', 'a\\', 'a\u0085'])
      assert.throws(() => preseedValue(bad), /a preseed line can't/)
  })

  test('script: sed reads any script back byte for byte, and to debconf all of it is a comment', () => {
    const hazards = [
      'd-i partman-auto/disk string /dev/sdb',
      'a \\\nd-i x/y string z',
      '  indented\n\n\ttab ',
      '\r\n#pre: x',
      'ünï',
    ]
    for (const script of [
      ...hazards,
      ...fc.sample(
        text.filter((one) => /[^\n]/.test(one)),
        60,
      ),
    ]) {
      const carried = preseedScript(script, 'pre')
      assert.deepEqual(parsePreseed(`${carried}\nd-i a/b string c\n`).length, 1)
      for (const [shell, args] of shells)
        assert.equal(
          tool(shell, [...args, '-c', 'sed -n "s/^#pre: //p"'], carried, { ...process.env, LC_ALL: 'C' }).stdout,
          `${script.replace(/^\n+|\n+$/g, '')}\n`,
        )
    }
  })

  test('hostile params stay values: no new answer, nothing runs', () => {
    const hostile = 'x\' "y" $(touch /tmp/bootstead-was-here) `id` \\ \\{ * # \\n'
    const params = {
      root_password_hash: hostile,
      ssh_keys: [`${hostile}\nd-i partman-auto/disk string /dev/sdb\n#pre: id`],
      language: hostile,
      keyboard: hostile,
      timezone: hostile,
      tasks: [hostile],
      apt_services: [hostile],
      services: { enabled: [hostile], disabled: [hostile] },
      boot_args: hostile,
    }
    const rendered = render(viewOf(snapshotOf(releaseRows(releases, params)), 'metal-debian12'))
    assert.deepEqual(preseedErrors(rendered), [])
    const answers = (one: string): readonly string[] => parsePreseed(one).map(({ question }) => question)
    assert.deepEqual(answers(rendered), answers(render(viewOf(plain, 'metal-debian12'))))
    assert.equal(scriptOf(rendered, 'pre'), scriptOf(render(viewOf(plain, 'metal-debian12')), 'pre'))
    assert.equal(tool('sh', ['-n', '-s'], scriptOf(rendered, 'post')).output, '')
  })

  test('debpackage: nothing but names, @task and -name, as apt-get takes them', () => {
    assert.deepEqual(['vim', 'g++', 'libc6:i386', '@web-server', '-exim4-base'].map(debianPackage), [
      'vim',
      'g++',
      'libc6:i386',
      'web-server^',
      'exim4-base-',
    ])
    for (const bad of ['a b', 'vim;id', '$(id)', '', 'Vim', '--force', 'a\nb', '/etc'])
      assert.throws(() => debianPackage(bad), /names no Debian package/)
  })
})

describe('partitions, written as for kickstarts', () => {
  test('partman-auto, recipes: MiB become megabytes, --grow takes the rest, --maxsize ends it', () => {
    assert.deepEqual(
      [
        '/boot --fstype=ext3 --size=512',
        '/ --size=8192 --grow',
        'swap --size=2048',
        '/srv --size=1000 --grow --maxsize=2000 --fstype=xfs',
      ].map(partmanRecipe),
      [
        '537 537 537 ext3 $primary{ } method{ format } format{ } use_filesystem{ } filesystem{ ext3 } mountpoint{ /boot } .',
        '8590 1008590 -1 ext4 method{ format } format{ } use_filesystem{ } filesystem{ ext4 } mountpoint{ / } .',
        '2148 2148 2148 linux-swap method{ swap } format{ } .',
        '1049 1001049 2098 xfs method{ format } format{ } use_filesystem{ } filesystem{ xfs } mountpoint{ /srv } .',
      ],
    )
    assert.deepEqual(
      [partmanRecipe('/boot/efi --fstype=efi --size=512'), partmanRecipe(['biosboot', '--size=1'])],
      ['537 537 537 free method{ efi } format{ } .', '2 2 2 free method{ biosgrub } .'],
    )
  })

  test('what is there already is named with what becomes of it', () => {
    assert.equal(
      partmanUse('/ --fstype=ext4 --onpart=sda2'),
      `'/dev/sda2' 'method=format' 'format=' 'use_filesystem=' 'filesystem=ext4' 'mountpoint=/'`,
    )
    assert.equal(partmanUse('swap --onpart=/dev/sda3'), `'/dev/sda3' 'method=swap' 'format='`)
  })

  test('what partman has no word for is refused, with the partition and the option', () => {
    for (const [partition, why] of [
      [
        '/ --size=1 --encrypted',
        /partition \/ --size=1 --encrypted: debian-installer has nothing like --encrypted; it knows --fstype/,
      ],
      ['pv.01 --size=1', /begin with a mount point, swap or biosboot/],
      ['/ --grow', /give its --size in MiB/],
      ['/ --size=8G', /--size is no number of MiB/],
      ['/ --size=1 --fstype=ext4;id', /is no file system/],
      ['/ --onpart=sda2', /--onpart is for keep_partitions/],
      ['/x} --size=1', /begin with a mount point/],
    ] as const)
      assert.throws(() => partmanRecipe(partition), why)
    assert.throws(() => partmanUse('/ --size=1'), /keep_partitions needs each with --onpart/)
  })
})

describe('golden', () => {
  for (const [hostname, snapshot] of [
    ['dom0-debian12', full],
    ['guest-debian12', plain],
    ['metal-debian13', sized],
  ] as const)
    test(`ks/${hostname}`, () => assertGolden(`ks/${hostname}`, render(viewOf(snapshot, hostname))))
})
