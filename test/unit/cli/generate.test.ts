import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { includeLines } from '../../../server/cli/include-lines.ts'
import { daemonNames } from '../../../server/render/targets.ts'
import { openCli, openFarm } from './cli.ts'
import type { Site } from './targets.ts'
import { openSite } from './targets.ts'

const all = `
  isc: { folder: isc, reload: TELL isc }
  kea: { folder: kea, reload: TELL kea }
  dnsmasq: { folder: dnsmasq, reload: TELL dnsmasq-reload, restart: TELL dnsmasq-restart }
  tftpboot: { folder: tftp }
`
const folders = ['isc', 'kea', 'dnsmasq', 'tftp']

type Json = readonly Readonly<Record<string, unknown>>[]

/** The files that a daemon is given, without those that Bootstead keeps for itself. */
const published = (site: Site, folder: string) =>
  new Map([...site.filesIn(folder)].filter(([path]) => !path.includes('.bootstead/')))

describe('generate', () => {
  test('writes each target, tells its daemon, and says what to include', async (t) => {
    const site = await openSite(t, all)
    const { code, out, err } = await site.run(['generate'])
    assert.equal(code, 0, err)
    const cells = out
      .trimEnd()
      .split('\n')
      .map((line) => line.replaceAll(`${site.folder}/`, '').split(/ {2,}/))
    assert.deepEqual(cells, [
      ['isc', 'isc', 'generation 1', '2 files written, 0 removed', 'dhcpd -t', 'tell isc: exit status 0'],
      ['kea', 'kea', 'generation 1', '6 files written, 0 removed', 'kea-dhcp4 -t', 'tell kea: exit status 0'],
      [
        'dnsmasq',
        'dnsmasq',
        'generation 1',
        '3 files written, 0 removed',
        'dnsmasq --test',
        'tell dnsmasq-restart: exit status 0',
      ],
      ['tftpboot', 'tftp', 'generation 1', cells[3]?.[3], 'grub-script-check'],
    ])
    assert.deepEqual(site.told(), ['isc', 'kea', 'dnsmasq-restart'])
    assert.match(readFileSync(join(site.folder, 'isc/current/hosts/farm-0.conf'), 'utf8'), /acas0002.*192\.0\.2\.12/)
    assert.match(readFileSync(join(site.folder, 'tftp/pxelinux.cfg/01-00-00-5e-00-53-02'), 'utf8'), /LOCALBOOT|chain/i)
    for (const target of daemonNames)
      for (const line of includeLines(target, join(site.folder, target, 'current'))) assert.ok(err.includes(line), line)
    assert.ok(err.includes(`make ${site.folder}/tftp the root of the TFTP daemon`))
  })

  test('a second time nothing is written, nobody is told, and nothing is said', async (t) => {
    const site = await openSite(t, all)
    await site.ok('generate')
    const before = folders.map((folder) => published(site, folder))
    const { code, out, err } = await site.run(['generate'])
    assert.deepEqual([code, err], [0, ''])
    assert.deepEqual(
      out
        .trimEnd()
        .split('\n')
        .map((line) => line.split(/ {2,}/)[2]),
      ['unchanged', 'unchanged', 'unchanged', 'unchanged'],
    )
    assert.deepEqual(
      folders.map((folder) => published(site, folder)),
      before,
      'inodes, times and texts',
    )
    assert.equal(site.told().length, 3)
  })

  test('a change of one machine writes its files only, and a daemon is told as much as it needs', async (t) => {
    const site = await openSite(t, all)
    await site.ok('generate')
    await site.ok('machine', 'set', 'web', 'interface.eth0.ip=192.0.2.99')
    const done = (await site.json('generate')) as Json
    assert.deepEqual(
      done.map(({ target, kind, written, removed }) => [target, kind, written, removed]),
      [
        ['isc', 'published', 1, 0],
        ['kea', 'published', 1, 0],
        ['dnsmasq', 'published', 1, 0],
        ['tftpboot', 'unchanged', undefined, undefined],
      ],
    )
    assert.deepEqual(site.told().slice(3), ['isc', 'kea', 'dnsmasq-reload'])
  })

  test('machines that get nothing are named once, by the reason', async (t) => {
    const site = await openSite(t, '  isc: {folder: isc}\n')
    await site.ok('machine', 'add', 'rack[1-9]', 'profile=base', '--force')
    const { code, err } = await site.run(['generate'])
    assert.equal(code, 0)
    assert.match(err, /^isc: left out: rack\[1-9\]: withheld: .*"HOSTNAME": the machine has no interface with a MAC/m)
  })

  test('a machine that gets nothing alone is named in its reason too', async (t) => {
    const site = await openSite(t, '  isc: {folder: isc}\n')
    await site.ok('machine', 'add', 'rack1', 'profile=base', '--force')
    const { err } = await site.run(['generate'])
    assert.match(err, /^isc: left out: rack1: withheld: .*"rack1": the machine has no interface with a MAC/m)
  })

  test('a target that fails keeps none of the others back', async (t) => {
    const site = await openSite(t, all)
    site.write('isc', 'a file, where the folder is to be')
    const { code, out, err } = await site.run(['generate'])
    assert.equal(code, 1)
    assert.match(out, /^isc +\S+ +failed$/m)
    assert.match(out, /^kea +\S+ +generation 1 /m)
    assert.match(out, /^tftpboot +\S+ +generation 1 /m)
    assert.match(err, /^bootstead: isc: .*\/isc/m)
    const json = JSON.parse((await site.run(['generate', '--json'])).out) as Json
    assert.deepEqual(
      json.map(({ kind }) => kind),
      ['failed', 'unchanged', 'unchanged', 'unchanged'],
    )
  })

  test('rows of a site’s views that may be old are not published, and can be looked at', async (t) => {
    const site = await openSite(t, '  isc: {folder: isc}\n')
    const views = ['--views', 'mysql://reader:secret@127.0.0.1:1/site']
    const refused = await site.run(['generate', ...views])
    assert.equal(refused.code, 1)
    assert.match(refused.err, /the rows may be old:/)
    assert.ok(!existsSync(join(site.folder, 'isc')))
    const look = await site.run(['generate', '--check', ...views])
    assert.match(look.out, /^isc +\S+ +would change/)
  })
})

describe('which targets', () => {
  test('those of the setting, those that are named, and neither is wrong usage that says both', async (t) => {
    const site = await openSite(t, '  isc: {folder: isc}\n')
    assert.deepEqual(
      ((await site.json('generate')) as Json).map(({ target, folder }) => [target, folder]),
      [['isc', join(site.folder, 'isc')]],
    )
    assert.deepEqual(
      ((await site.json('generate', 'tftpboot', 'dnsmasq', 'tftpboot')) as Json).map(({ folder }) => folder),
      [join(site.folder, 'state/generated/tftpboot'), join(site.folder, 'state/generated/dnsmasq')],
    )
    const none = await (await openFarm(t)).run(['generate'])
    assert.equal(none.code, 2)
    assert.match(none.err, /no target: name some of isc, kea, dnsmasq, tftpboot, or set targets in bootstead\.yaml/)
    const unknown = await site.run(['generate', 'nginx'])
    assert.equal(unknown.code, 2)
    assert.match(unknown.err, /'nginx' is invalid.*isc, kea, dnsmasq, tftpboot/)
  })

  test('--out writes somewhere else, and tells nobody', async (t) => {
    const site = await openSite(t, all)
    const out = await site.ok('generate', '--out', 'preview')
    assert.match(out, /\/preview\/kea +generation 1/)
    assert.deepEqual(site.told(), [])
    assert.deepEqual(
      folders.filter((folder) => existsSync(join(site.folder, folder))),
      [],
    )
    await site.ok('generate')
    for (const folder of ['kea', 'dnsmasq'])
      assert.deepEqual(
        [...published(site, folder)].map(([path, { text }]) => [path, text]),
        [...published(site, `preview/${folder}`)].map(([path, { text }]) => [
          path,
          text.replaceAll(`${site.folder}/preview/`, `${site.folder}/`),
        ]),
      )
  })
})

describe('--check and --diff', () => {
  test('--check writes nothing: 1 when something would change or is in conflict, else 0', async (t) => {
    const site = await openSite(t, all)
    const first = await site.run(['generate', '--check'])
    assert.equal(first.code, 1)
    assert.match(first.out, /^kea +\S+ +would change +6 files to write, 0 to remove$/m)
    assert.match(first.err, /^bootstead: isc: not as the inventory has it\nkea: /m)
    assert.deepEqual(
      folders.filter((folder) => existsSync(join(site.folder, folder))),
      [],
    )
    await site.ok('generate')
    const before = folders.map((folder) => published(site, folder))
    assert.equal((await site.run(['generate', '--check'])).code, 0)
    await site.ok('machine', 'rm', 'web', '--yes')
    const removal = await site.run(['generate', '--check'])
    assert.equal(removal.code, 1)
    assert.match(removal.out, /^tftpboot +\S+ +would change +0 files to write, [1-9] to remove$/m)
    const json = JSON.parse((await site.run(['generate', '--check', '--json'])).out) as Json
    assert.deepEqual(
      json.map(({ target, kind, conflicts }) => [target, kind, conflicts]),
      ['isc', 'kea', 'dnsmasq', 'tftpboot'].map((target) => [target, 'compared', []]),
    )
    assert.deepEqual(
      folders.map((folder) => published(site, folder)),
      before,
    )
    assert.equal(site.told().length, 3)
  })

  test('--diff says a change of many machines once, in whatever files they are', async (t) => {
    const site = await openSite(t, '  isc: {folder: isc}\n  dnsmasq: {folder: dnsmasq}\n  kea: {folder: kea}\n')
    const machines = Array.from({ length: 200 }, (_, index) => {
      const [name, octet] = [`node${String(index).padStart(3, '0')}`, index.toString(16).padStart(2, '0')]
      return `  ${name}: { profile: node, interfaces: { eth0: { mac: 02:00:00:00:00:${octet}, ip: 198.51.100.${index + 1}, network: lab } } }`
    })
    const lab = `networks: { lab: { cidr: 198.51.100.0/24 } }\nprofiles: { node: { params: { dhcp_lease_seconds: 3600 } } }\nmachines:\n${machines.join('\n')}\n`
    await site.ok('import', site.write('lab.yaml', lab))
    await site.ok('generate')
    assert.ok(existsSync(join(site.folder, 'dnsmasq/current/hosts/lab-1')), 'the farm is in several files')
    await site.ok('profile', 'set', 'node', 'params.dhcp_lease_seconds=7200')
    const { code, out, err } = await site.run(['generate', '--diff', 'dnsmasq'])
    assert.equal(code, 1, err)
    const [line, , ...diff] = out.split('\n')
    assert.match(line ?? '', /^dnsmasq +\S+ +would change +4 files to write, 0 to remove$/)
    const host = (set: string, seconds: number): string =>
      `ETH0-MAC,set:bootstead-SHARE-${set},set:bootstead-boots,set:bootstead-boot-192.0.2.1-auto,ETH0-IP,HOSTNAME,${seconds}`
    const [before = '', after = ''] = [...new Set([...out.matchAll(/SHARE-([0-9a-f]{6})/g)].map(([, set = '']) => set))]
    const options = (sign: string, set: string): readonly string[] =>
      ['router', 'dns-server'].map((option) => `    ${sign}tag:bootstead-SHARE-${set},option:${option}`)
    assert.deepEqual(diff, [
      'lines of no machine',
      '  options/SHARE',
      ...options('-', before),
      ...options('+', after),
      '',
      'node[000-199] (200)',
      '  hosts/SHARE',
      `    -${host(before, 3600)}`,
      `    +${host(after, 7200)}`,
      '',
      '',
    ])
    const json = JSON.parse((await site.run(['generate', '--diff', '--json'])).out) as Json
    assert.deepEqual(
      json.map(({ target, ways }) => [target, (ways as Json).map(({ machines: named }) => (named as string[]).length)]),
      [
        ['isc', [0]],
        ['kea', [0, 200]],
        ['dnsmasq', [0, 200]],
      ],
    )
  })

  test('--diff of a machine that comes shows its whole files, of one that goes too', async (t) => {
    const site = await openSite(t, '  tftpboot: {folder: tftp}\n')
    await site.ok('generate')
    await site.ok('machine', 'rm', 'web', '--yes')
    await site.ok(
      'machine',
      'add',
      'db',
      'profile=base',
      'disk=sda',
      '--interface',
      'eth0,mac=02:00:00:00:00:01,ip=192.0.2.20,network=farm',
    )
    const { out } = await site.run(['generate', '--diff'])
    assert.match(out, /^web\n(?: {2,4}\S.*\n)* {2}pxelinux\.cfg\/01-ETH0-MAC\n {4}-/m)
    assert.match(out, /^db\n(?: {2,4}\S.*\n)* {2}pxelinux\.cfg\/01-ETH0-MAC\n {4}\+/m)
  })

  test('--diff shows no token: neither the one to be written nor one that was used up', async (t) => {
    const site = await openSite(t, '  tftpboot: {folder: tftp}\n')
    await site.ok('generate')
    await site.ok('install', 'web')
    const arming = await site.run(['generate', '--diff'])
    await site.ok('generate')
    const menu = readFileSync(join(site.folder, 'tftp/pxelinux.cfg/01-00-00-5e-00-53-02'), 'utf8')
    const token = /\?token=([\w-]{22})/.exec(menu)?.[1] ?? assert.fail(menu)
    await site.ok('machine', 'disarm', 'web')
    const disarming = await site.run(['generate', '--diff', '--json'])
    for (const { out, err } of [arming, disarming]) {
      assert.match(out, /[+-] .*\?token=TOKEN-OF-THE-INSTALL /)
      assert.ok(!`${out}${err}`.includes(token))
    }
  })
})

describe('conflicts', () => {
  const menu = 'pxelinux.cfg/01-00-00-5e-00-53-02'

  test('a file that somebody edited is left alone until it is adopted; all others are published', async (t) => {
    const site = await openSite(t, '  tftpboot: {folder: tftp}\n')
    await site.ok('generate')
    writeFileSync(join(site.folder, 'tftp', menu), 'mine\n')
    await site.ok('machine', 'hold', 'web', 'acas0001')
    const { code, out, err } = await site.run(['generate'])
    assert.equal(code, 1)
    assert.match(out, /^tftpboot +\S+ +generation 2 /)
    assert.match(
      err,
      new RegExp(`tftpboot: ${menu}: was changed by somebody else and is left alone; --adopt ${menu} replaces it`),
    )
    assert.match(err, /^bootstead: tftpboot: 1 file left alone$/m)
    assert.equal(readFileSync(join(site.folder, 'tftp', menu), 'utf8'), 'mine\n')
    assert.equal((await site.run(['generate', '--check'])).code, 1, 'a conflict is reason enough')
    const absolute = join(site.folder, 'tftp', menu)
    assert.equal((await site.run(['generate', '--check', '--adopt', absolute])).code, 1)
    assert.equal(readFileSync(absolute, 'utf8'), 'mine\n')
    await site.ok('generate', '--adopt', absolute)
    assert.notEqual(readFileSync(absolute, 'utf8'), 'mine\n')
    assert.equal((await site.run(['generate', '--check'])).code, 0)
  })

  test('a foreign file is adopted by its path in the target, in whichever target that is', async (t) => {
    const site = await openSite(t, all)
    site.write('tftp/ipxe/boot.ipxe', 'theirs\n')
    assert.equal((await site.run(['generate'])).code, 1)
    assert.equal(readFileSync(join(site.folder, 'tftp/ipxe/boot.ipxe'), 'utf8'), 'theirs\n')
    await site.ok('generate', '--adopt', 'ipxe/boot.ipxe')
    assert.match(readFileSync(join(site.folder, 'tftp/ipxe/boot.ipxe'), 'utf8'), /^#!ipxe/)
  })

  test('what is not in conflict, or can’t be adopted, is named, and nothing is written', async (t) => {
    const site = await openSite(t, '  tftpboot: {folder: tftp}\n')
    mkdirSync(join(site.folder, 'tftp/ipxe/boot.ipxe'), { recursive: true })
    const { code, out, err } = await site.run([
      'generate',
      '--adopt',
      'ipxe/boot.ipxe',
      '--adopt',
      'menu',
      '--adopt',
      '/x',
    ])
    assert.deepEqual([code, out], [1, ''])
    assert.deepEqual(err.trimEnd().split('\n'), [
      'bootstead: nothing was written:',
      '--adopt ipxe/boot.ipxe: ipxe/boot.ipxe: a folder is in the way; move it away',
      '--adopt menu: nothing is in conflict there; bootstead generate --check names what is',
      '--adopt /x: nothing is in conflict there; bootstead generate --check names what is',
    ])
    assert.ok(!existsSync(join(site.folder, 'tftp/.bootstead')))
  })
})

describe('the checker and the reload', () => {
  test('the include lines are those of the documentation', () => {
    const page = readFileSync(join(import.meta.dirname, '../../../docs/how-to/existing-daemons.md'), 'utf8').split('\n')
    const folders = { isc: '/etc/dhcp/bootstead', kea: '/etc/kea/bootstead', dnsmasq: '/etc/bootstead-dnsmasq' }
    for (const target of daemonNames)
      for (const line of includeLines(target, `${folders[target]}/current`)) assert.ok(page.includes(line), line)
  })

  test('the include lines are what each daemon’s own checker takes in a main file', async (t) => {
    const site = await openSite(
      t,
      '  isc: {folder: isc, main: dhcpd.conf}\n  kea: {folder: kea, main: kea.conf}\n  dnsmasq: {folder: dnsmasq, main: dnsmasq.conf}\n',
    )
    const lines = (target: 'isc' | 'kea' | 'dnsmasq'): string =>
      includeLines(target, join(site.folder, target, 'current')).join('\n')
    site.write('dhcpd.conf', `default-lease-time 600;\n${lines('isc')}\n`)
    site.write(
      'kea.conf',
      `{ "Dhcp4": { "lease-database": { "type": "memfile", "persist": false },\n${lines('kea')}\n} }\n`,
    )
    site.write('dnsmasq.conf', `port=0\n${lines('dnsmasq')}\n`)
    const { code, err } = await site.run(['generate'])
    assert.deepEqual([code, err], [0, ''], 'and the hint is not given to who has followed it')
  })

  test('a main file that includes nothing of ours is told each time: its check says nothing', async (t) => {
    const site = await openSite(t, '  isc: {folder: isc, main: dhcpd.conf}\n')
    site.write('dhcpd.conf', 'default-lease-time 600;\n')
    for (const ip of ['192.0.2.98', '192.0.2.99']) {
      await site.ok('machine', 'set', 'web', `interface.eth0.ip=${ip}`)
      const { code, err } = await site.run(['generate'])
      assert.equal(code, 0)
      assert.match(
        err,
        /dhcpd\.conf includes none of these files, so they were not checked and are not read; it is to have\nisc: {5}include "/,
      )
    }
  })

  test('what the checker refuses is not published; it is told whose lines these are, and the others go on', async (t) => {
    const site = await openSite(
      t,
      '  isc: {folder: isc, main: dhcpd.conf, reload: TELL isc}\n  tftpboot: {folder: tftp}\n',
    )
    const include = `include "${site.folder}/isc/current/bootstead.conf";\n`
    site.write('dhcpd.conf', include)
    await site.ok('generate')
    const before = published(site, 'isc')
    site.write('dhcpd.conf', `host bootstead-web-eth0 { hardware ethernet 00:00:5e:00:53:02; }\n${include}`)
    await site.ok('machine', 'set', 'web', 'interface.eth0.ip=192.0.2.99')
    await site.ok('machine', 'hold', 'web')
    const { code, out, err } = await site.run(['generate'])
    assert.equal(code, 1)
    assert.match(out, /^isc +\S+ +refused +nothing published +dhcpd -t$/m)
    assert.match(out, /^tftpboot +\S+ +generation 2 /m)
    assert.match(err, /^isc: web: hosts\/farm-0\.conf line \d+: host bootstead-web-eth0: already exists$/m)
    assert.match(err, /^isc: \| .*dhcpd\.conf line 2: /m)
    assert.match(
      err,
      /isc: dhcpd -t refuses the new configuration, because of web; nothing was published, what was before stays/,
    )
    assert.deepEqual(published(site, 'isc'), before)
    assert.deepEqual(site.told(), ['isc'])
    const [json] = JSON.parse((await site.run(['generate', '--json'])).out) as Json
    assert.deepEqual(
      [json?.['kind'], (json?.['blamed'] as Json)[0]?.['machine'], json?.['reload']],
      ['refused', 'web', { kind: 'not owed' }],
    )
    site.write('dhcpd.conf', include)
    await site.ok('generate')
    assert.deepEqual(site.told(), ['isc', 'isc'])
  })

  test('a checker that is missing is named with its package and the way around it', async (t) => {
    const site = await openSite(t, '  isc: {folder: isc}\n')
    mkdirSync(join(site.folder, 'bin'))
    const path = process.env['PATH']
    process.env['PATH'] = join(site.folder, 'bin')
    t.after(() => (process.env['PATH'] = path))
    const { code, err } = await site.run(['generate'])
    assert.equal(code, 1)
    assert.match(err, /isc: .*no program dhcpd: apt-get install isc-dhcp-server; --no-check leaves the check out/)
    assert.match(await site.ok('generate', '--no-check'), /generation 1 +2 files written, 0 removed +not checked$/m)
  })

  test('a daemon that could not be told is told by the next run, and --no-reload leaves it so', async (t) => {
    const site = await openSite(t, '  isc: {folder: isc, reload: TELL isc}\n')
    site.write('deaf', '')
    const failed = await site.run(['generate'])
    assert.equal(failed.code, 1)
    assert.match(failed.out, /generation 1 .*exit status 5$/m)
    assert.match(failed.err, /^isc: \| no such unit$/m)
    assert.match(
      failed.err,
      /isc: the files are published, and their daemon was not told: .*exit status 5; the same command tries again/,
    )
    rmSync(join(site.folder, 'deaf'))
    assert.doesNotMatch(await site.ok('generate', '--no-reload'), /exit status/)
    assert.deepEqual(site.told(), ['isc'])
    assert.match(await site.ok('generate'), /^isc +\S+ +unchanged .*exit status 0$/m)
    await site.ok('generate')
    assert.deepEqual(site.told(), ['isc', 'isc'])
  })
})

test('without a configuration file a named target goes to the state folder', async (t) => {
  const cli = await openFarm(t)
  assert.match(await cli.ok('generate', 'isc'), /^isc +\S+\/state\/generated\/isc +generation 1 /)
  assert.equal((await openCli(t).run(['generate', '--adopt'])).code, 2)
})
