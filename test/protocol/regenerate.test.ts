// A running server keeps its targets up to date: real folders, real checkers, reload commands that count themselves.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { before, describe, test } from 'node:test'
import { sql } from 'kysely'
import { pino } from 'pino'
import { loadTemplates } from '../../server/cli/templates.ts'
import { migrateStore } from '../../server/inventory/store/migrations.ts'
import type { Store } from '../../server/inventory/store/open.ts'
import { closeStore, openStore } from '../../server/inventory/store/open.ts'
import { recordArming } from '../../server/inventory/store/record.ts'
import type { TargetName } from '../../server/render/targets.ts'
import type { Place } from '../../server/serve/generate.ts'
import type { RunningServer, ServeOptions } from '../../server/serve/server.ts'
import { fillStore, sqliteStore, startServer, temporaryFolder } from '../fixtures.ts'
import { startMariaDb } from '../mariadb.ts'
import { requirePrograms } from './daemons-lab.ts'

const farm = `
networks: {farm: {cidr: 192.0.2.0/24, gateway: 192.0.2.254}}
images: {el9: {arch: x86_64, kernel: vmlinuz, initrd: initrd.img, tree_url: repo/el9}}
profiles: {el9: {family: el, version: "9", template: plain.ks, image: el9}}
machines:
  node1: {profile: el9, disk: sda, interfaces: {eth0: {mac: 00:00:5e:00:53:01, ip: 192.0.2.11, network: farm}}}
  node2: {profile: el9, disk: sda, interfaces: {eth0: {mac: 00:00:5e:00:53:02, ip: 192.0.2.12, network: farm}}}
`
const templates = {
  sources: new Map([...loadTemplates(null), ['plain.ks', 'text\n']]),
  names: new Set(['plain.ks']),
}

type Lab = Readonly<{
  server: RunningServer
  store: Store
  /** What is published in that target's file. */
  published: (target: TargetName, path: string) => string
  /** How many times that target's daemon was told. */
  reloads: (target: TargetName) => number
  /** Each line of the log, as pino writes it. */
  log: () => readonly Readonly<Record<string, unknown>>[]
  /** The folder with a folder of each target, and files that the reload commands look at. */
  folder: string
}>

type Wanted = Readonly<{
  targets: readonly TargetName[]
  folder?: string
  store?: Store
  places?: Partial<Record<TargetName, Partial<Place>>>
  server?: Partial<ServeOptions>
  gapMs?: number
  retryMs?: number
}>

/**
 * A server without doors but HTTP. The reload command of each target says so in `reloads-TARGET` when it begins, waits
 * while there is a file `wait`, and fails while there is one `fail-TARGET`.
 */
async function openLab(t: TestContext, wanted: Wanted): Promise<Lab> {
  const { folder = temporaryFolder(t), store = await sqliteStore(t, farm) } = wanted
  const script = join(folder, 'reload')
  writeFileSync(
    script,
    `#!/bin/sh
cd ${folder}
mkdir "running-$1" || echo "$1" >> overlaps
echo reloaded >> "reloads-$1"
while [ -e wait ]; do sleep 0.02; done
rmdir "running-$1"
[ ! -e "fail-$1" ] || kill -9 $$
`,
  )
  chmodSync(script, 0o755)
  const places = new Map(
    wanted.targets.map((target): [TargetName, Place] => [
      target,
      {
        folder: join(folder, target),
        main: null,
        check: true,
        reload: target === 'tftpboot' ? null : [script, target],
        restart: null,
        controlSocket: null,
        ...wanted.places?.[target],
      },
    ]),
  )
  const lines: Readonly<Record<string, unknown>>[] = []
  const log = pino(
    { level: 'info' },
    { write: (line) => void lines.push(JSON.parse(line) as Readonly<Record<string, unknown>>) },
  )
  const server = await startServer(t, store, {
    templates,
    tftpPort: null,
    dhcpPort: null,
    log,
    regenerate: { places, gapMs: wanted.gapMs ?? 50, retryMs: wanted.retryMs ?? 60_000 },
    ...wanted.server,
  })
  return {
    server,
    store,
    published: (target, path) => textOf(join(folder, target, target === 'tftpboot' ? '' : 'current', path)),
    reloads: (target) => textOf(join(folder, `reloads-${target}`)).split('reloaded').length - 1,
    log: () => lines,
    folder,
  }
}

const textOf = (path: string): string => (existsSync(path) ? readFileSync(path, 'utf8') : '')

/** Only ever reached when something is wrong; no assertion depends on it. */
const patienceMs = 60_000
async function until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (const end = Date.now() + patienceMs; Date.now() < end;) {
    if (await holds()) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  assert.fail(`in vain: ${what}`)
}

const menu = 'pxelinux.cfg/01-00-00-5e-00-53-01'
const menuOfNode2 = 'pxelinux.cfg/01-00-00-5e-00-53-02'
const isLocal = /boot is local/

async function setAddress(store: Store, machine: string, ip: string): Promise<void> {
  await sql`UPDATE interfaces SET ip = ${ip} WHERE machine = ${machine}`.execute(store.db)
}
async function setBoot(store: Store, machine: string, boot: string): Promise<void> {
  await sql`UPDATE machines SET boot = ${boot} WHERE hostname = ${machine}`.execute(store.db)
}

/** All that a daemon is given. */
function hosts({ folder }: Lab, target: 'dnsmasq' | 'isc' | 'kea' = 'dnsmasq'): string {
  const from = join(folder, target, 'current')
  if (!existsSync(from)) return ''
  const files = readdirSync(from, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  return files.map(({ parentPath, name }) => textOf(join(parentPath, name))).join('')
}

async function health({ server }: Lab): Promise<Readonly<{ status: string; targets: Record<string, string> }>> {
  const response = await fetch(`http://127.0.0.1:${server.ports.http ?? 0}/healthz`)
  return (await response.json()) as Readonly<{ status: string; targets: Record<string, string> }>
}

async function reportInstalled({ server }: Lab, machine: string, token: string): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${server.ports.http ?? 0}/events/${machine}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
    body: new URLSearchParams({ stage: 'installed' }),
  })
  assert.equal(response.status, 200)
}

/** A figure of /metrics, 0 while it has no sample. */
async function figure({ server }: Lab, name: string, labels: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${server.ports.http ?? 0}/metrics`)).text()
  return Number(text.split(`bootstead_target_${name}{${labels}} `)[1]?.split('\n')[0] ?? 0)
}

before(requirePrograms)

describe('changes', () => {
  test('at the start every target is published; two hundred edits in a row are one or two publications more', async (t) => {
    const lab = await openLab(t, { targets: ['dnsmasq', 'isc', 'kea', 'tftpboot'], gapMs: 1500 })
    await until(() => isLocal.test(lab.published('tftpboot', menu)), 'published at the start')
    assert.match(hosts(lab), /192\.0\.2\.11/)
    for (let host = 20; host < 220; host++) await setAddress(lab.store, 'node1', `192.0.2.${host}`)
    await lab.server.live.catchUp()
    const daemons = ['dnsmasq', 'isc', 'kea'] as const
    for (const target of daemons)
      await until(() => hosts(lab, target).includes('192.0.2.219'), `the last of them is published for ${target}`)
    await lab.server.close()
    for (const target of daemons)
      assert.ok([2, 3].includes(lab.reloads(target)), `${target} was told ${lab.reloads(target)} times`)
    assert.equal(existsSync(join(lab.folder, 'overlaps')), false)
  })

  test('what comes while a publication is under way is one more, after it', async (t) => {
    const folder = temporaryFolder(t)
    writeFileSync(join(folder, 'wait'), '')
    const lab = await openLab(t, { targets: ['dnsmasq'], folder })
    await until(() => lab.reloads('dnsmasq') === 1, 'the first reload has begun')
    for (let host = 20; host < 70; host++) {
      await setAddress(lab.store, 'node1', `192.0.2.${host}`)
      await lab.server.live.catchUp()
    }
    rmSync(join(folder, 'wait'))
    await until(() => hosts(lab).includes('192.0.2.69'), 'the last of them is published')
    await lab.server.close()
    assert.equal(lab.reloads('dnsmasq'), 2)
    assert.equal(existsSync(join(folder, 'overlaps')), false)
  })

  test('a change renders its machine’s files, and no others', async (t) => {
    const lab = await openLab(t, { targets: ['tftpboot'] })
    await until(() => isLocal.test(lab.published('tftpboot', menu)), 'published at the start')
    await setBoot(lab.store, 'node1', 'hold')
    await until(() => !isLocal.test(lab.published('tftpboot', menu)), 'published again')
    await lab.server.close()
    const [first, second] = lab.log().filter(({ msg }) => msg === 'published')
    assert.ok(Number(first?.['written']) > 1)
    assert.deepEqual([second?.['written'], second?.['rendered']], [3, 3], 'a menu for each loader')
  })

  test('a change that alters no file publishes nothing and tells nobody', async (t) => {
    const lab = await openLab(t, { targets: ['dnsmasq'] })
    await until(() => lab.reloads('dnsmasq') === 1, 'published at the start')
    await sql`UPDATE machines SET notes = 'moved' WHERE hostname = 'node1'`.execute(lab.store.db)
    await until(
      async () => (await figure(lab, 'runs_total', 'target="dnsmasq",outcome="unchanged"')) === 1,
      'another run has ended',
    )
    assert.equal(lab.reloads('dnsmasq'), 1)
    assert.equal(readlinkSync(join(lab.folder, 'dnsmasq/current')), 'generations/1')
  })

  test('a token expires: the menu that has it is replaced, without any change of a row', async (t) => {
    const lab = await openLab(t, { targets: ['tftpboot'] })
    const now = Date.now()
    await recordArming(lab.store, ['node1'], { who: 'test', now, expiresAt: now + 2000 })
    await lab.server.live.catchUp()
    const { revision } = lab.server.live.snapshot()
    await until(() => lab.published('tftpboot', menu).includes('inst.ks='), 'the token is in the menu')
    await until(() => lab.published('tftpboot', menu).includes('the install token expired'), 'it is there no more')
    assert.equal(lab.server.live.snapshot().revision, revision)
    assert.doesNotMatch(lab.published('tftpboot', menu), /inst\.ks=/)
  })

  test('other templates are taken up by every menu; a file that somebody removed is found missing then', async (t) => {
    const lab = await openLab(t, { targets: ['tftpboot'] })
    await until(() => isLocal.test(lab.published('tftpboot', menu)), 'published at the start')
    rmSync(join(lab.folder, 'tftpboot', menuOfNode2))
    const sources = new Map(templates.sources)
    sources.set('pxe/pxelinux.cfg', `# of this site\n${sources.get('pxe/pxelinux.cfg') ?? ''}`)
    lab.server.useTemplates({ ...templates, sources })
    await until(() => lab.published('tftpboot', menu).startsWith('# of this site\n'), 'the template is taken up')
    await until(() => lab.published('tftpboot', menuOfNode2) !== '', 'the file is there again')
  })

  test('loaders that were collected meanwhile come along with the next change', async (t) => {
    const stateDir = temporaryFolder(t)
    const lab = await openLab(t, { targets: ['tftpboot'], server: { stateDir } })
    await until(() => isLocal.test(lab.published('tftpboot', menu)), 'published at the start')
    mkdirSync(join(stateDir, 'loaders'))
    writeFileSync(join(stateDir, 'loaders/pxelinux.0'), 'a loader')
    const sha256 = createHash('sha256').update('a loader').digest('hex')
    const loader = { name: 'pxelinux.0', sha256, size: 8, package: 'pxelinux', version: null, source: '/nonexistent' }
    writeFileSync(join(stateDir, 'loaders/loaders.json'), JSON.stringify([loader]))
    await setBoot(lab.store, 'node1', 'hold')
    await until(() => lab.published('tftpboot', 'pxelinux.0') === 'a loader', 'it is published')
  })
})

describe('when something is wrong', () => {
  test('a refused configuration leaves the one before in force and is said once, with the machine; mending the row publishes', async (t) => {
    const folder = temporaryFolder(t)
    const main = join(folder, 'dnsmasq.conf')
    const own = 'dhcp-host=00:00:5e:00:53:99,192.0.2.99'
    writeFileSync(main, `port=0\nconf-file=${folder}/dnsmasq/current/bootstead.conf\n${own}\n`)
    const lab = await openLab(t, { targets: ['dnsmasq', 'isc'], folder, places: { dnsmasq: { main } } })
    await until(() => lab.reloads('dnsmasq') === 1 && lab.reloads('isc') === 1, 'published at the start')
    assert.deepEqual(await health(lab).then(({ status, targets }) => [status, targets]), [
      'ok',
      { dnsmasq: 'ok', isc: 'ok' },
    ])

    await setAddress(lab.store, 'node2', '192.0.2.99')
    await until(() => lab.reloads('isc') === 2, 'the other daemon has it')
    await setBoot(lab.store, 'node1', 'hold')
    await until(
      async () => (await figure(lab, 'runs_total', 'target="dnsmasq",outcome="refused"')) === 2,
      'it is refused again',
    )
    assert.match(hosts(lab), /192\.0\.2\.12/)
    assert.doesNotMatch(hosts(lab), /192\.0\.2\.99/)
    const refusals = lab.log().filter(({ target, level }) => target === 'dnsmasq' && Number(level) >= 50)
    assert.deepEqual(
      refusals.map(({ machines }) => machines),
      [['node2']],
    )
    assert.match(JSON.stringify(refusals), /192\.0\.2\.99/)
    const ill = await health(lab)
    assert.deepEqual([ill.status, ill.targets['isc']], ['degraded', 'ok'])
    assert.match(ill.targets['dnsmasq'] ?? '', /refuses .* because of node2$/)

    await setAddress(lab.store, 'node2', '192.0.2.13')
    await until(() => /192\.0\.2\.13/.test(hosts(lab)), 'the mended row is published')
    await until(async () => (await health(lab)).status === 'ok', 'all is well')
    await until(() => lab.reloads('dnsmasq') === 2, 'the daemon is told')
  })

  test('a reload that is killed is said once and tried again until it succeeds', async (t) => {
    const folder = temporaryFolder(t)
    writeFileSync(join(folder, 'fail-dnsmasq'), '')
    const lab = await openLab(t, { targets: ['dnsmasq'], folder, retryMs: 100 })
    await until(() => lab.reloads('dnsmasq') >= 3, 'it is tried again and again')
    assert.match((await health(lab)).targets['dnsmasq'] ?? '', /the reload failed: .*signal SIGKILL/)
    assert.equal(lab.log().filter(({ level }) => Number(level) >= 50).length, 1)
    assert.ok((await figure(lab, 'reload_failures_total', 'target="dnsmasq"')) >= 2)
    rmSync(join(folder, 'fail-dnsmasq'))
    await until(async () => (await health(lab)).status === 'ok', 'it has succeeded')
    const told = lab.reloads('dnsmasq')
    await setAddress(lab.store, 'node1', '192.0.2.20')
    await until(() => hosts(lab).includes('192.0.2.20'), 'another change')
    await lab.server.close()
    assert.equal(lab.reloads('dnsmasq'), told + 1)
  })

  test('a foreign file is left alone and said once; when it is gone ours is written, without any change of a row', async (t) => {
    const folder = temporaryFolder(t)
    mkdirSync(join(folder, 'tftpboot/pxelinux.cfg'), { recursive: true })
    writeFileSync(join(folder, 'tftpboot', menu), 'somebody else’s')
    const lab = await openLab(t, { targets: ['tftpboot'], folder, retryMs: 100 })
    await until(() => isLocal.test(lab.published('tftpboot', menuOfNode2)), 'the others are published')
    await until(
      async () => (await figure(lab, 'runs_total', 'target="tftpboot",outcome="unchanged"')) >= 2,
      'it is looked at again',
    )
    assert.equal(lab.published('tftpboot', menu), 'somebody else’s')
    const warnings = lab.log().filter(({ level }) => Number(level) >= 40)
    assert.deepEqual(
      warnings.map(({ path }) => path),
      [menu],
    )
    rmSync(join(folder, 'tftpboot', menu))
    await until(() => isLocal.test(lab.published('tftpboot', menu)), 'ours is there')
  })

  test('a target that can’t be written keeps neither the others nor the doors back', async (t) => {
    const folder = temporaryFolder(t)
    writeFileSync(join(folder, 'a file'), '')
    const places = { isc: { folder: join(folder, 'a file/isc') } }
    const lab = await openLab(t, { targets: ['isc', 'dnsmasq', 'tftpboot'], folder, places })
    await until(() => isLocal.test(lab.published('tftpboot', menu)) && lab.reloads('dnsmasq') === 1, 'the others are')
    await setAddress(lab.store, 'node1', '192.0.2.20')
    await until(() => hosts(lab).includes('192.0.2.20'), 'and go on being published')
    const { status, targets } = await health(lab)
    assert.deepEqual([status, targets['dnsmasq'], targets['tftpboot']], ['degraded', 'ok', 'ok'])
    assert.match(targets['isc'] ?? '', /a file\/isc/)
  })

  test('the end of the server waits for a publication that is under way, while its doors answer; the next start finds nothing to do', async (t) => {
    const folder = temporaryFolder(t)
    writeFileSync(join(folder, 'wait'), '')
    const store = await sqliteStore(t, farm)
    const lab = await openLab(t, { targets: ['dnsmasq', 'tftpboot'], folder, store })
    await until(() => lab.reloads('dnsmasq') === 1, 'the reload has begun')
    await setAddress(lab.store, 'node1', '192.0.2.20')
    await lab.server.live.catchUp()
    let isClosed = false
    const closed = lab.server.close().then(() => (isClosed = true))
    assert.equal((await health(lab)).status, 'ok')
    assert.equal(isClosed, false)
    rmSync(join(folder, 'wait'))
    await closed
    assert.equal(lab.published('tftpboot', menu), '', 'what had not begun is left to the next start')
    assert.doesNotMatch(hosts(lab), /192\.0\.2\.20/)

    const server = { httpPort: lab.server.ports.http } // menus name it
    const next = await openLab(t, { targets: ['dnsmasq', 'tftpboot'], folder, store, server })
    await until(() => isLocal.test(next.published('tftpboot', menu)), 'the next start')
    assert.match(hosts(next), /192\.0\.2\.20/)
    await next.server.close()
    const third = await openLab(t, { targets: ['dnsmasq', 'tftpboot'], folder, store, server })
    await until(
      async () => (await figure(third, 'runs_total', 'target="tftpboot",outcome="unchanged"')) === 1,
      'the one after that',
    )
    assert.equal(third.reloads('dnsmasq'), 2)
  })

  test('while the database is away tokens expire and installs count; when it is back, what was changed there is published', async (t) => {
    const mariadb = await startMariaDb()
    t.after(() => mariadb.stop())
    mariadb.sql('SET GLOBAL innodb_flush_log_at_trx_commit = 1') // a crash must not take back what was committed
    const at = mariadb.newDatabase('farm')
    const opened = (): Store => {
      const store = openStore(at)
      t.after(() => closeStore(store))
      return store
    }
    const store = opened()
    await migrateStore(store)
    await fillStore(store, farm)
    const stateDir = temporaryFolder(t)
    const lab = await openLab(t, { targets: ['tftpboot', 'dnsmasq'], store, server: { stateDir } })
    const now = Date.now()
    await recordArming(store, ['node1'], { who: 'test', now, expiresAt: now + 4000 })
    await recordArming(store, ['node2'], { who: 'test', now, expiresAt: now + 3_600_000 })
    await until(() => lab.published('tftpboot', menu).includes('inst.ks='), 'the token is in the menu')
    await until(() => lab.published('tftpboot', menuOfNode2).includes('inst.ks='), 'the other’s too')
    await mariadb.kill()
    await until(() => !lab.server.live.health().ok, 'it is noticed')
    await reportInstalled(
      lab,
      'node2',
      /ks\/node2\?token=(\S+)/.exec(lab.published('tftpboot', menuOfNode2))?.[1] ?? '',
    )
    await until(() => isLocal.test(lab.published('tftpboot', menuOfNode2)), 'installed once, then local boot')
    await until(() => lab.published('tftpboot', menu).includes('the install token expired'), 'the token is gone')
    await mariadb.start()
    mariadb.sql("UPDATE farm.interfaces SET ip = '192.0.2.20' WHERE machine = 'node1'")
    await until(() => hosts(lab).includes('192.0.2.20'), 'what was changed is published')
    await lab.server.close()

    await mariadb.kill()
    const again = await openLab(t, {
      targets: ['tftpboot', 'dnsmasq'],
      folder: lab.folder,
      store: opened(),
      server: { stateDir },
    })
    rmSync(join(lab.folder, 'tftpboot', menu))
    again.server.useTemplates(templates)
    await mariadb.start()
    mariadb.sql("UPDATE farm.interfaces SET ip = '192.0.2.21' WHERE machine = 'node1'")
    await until(() => hosts(again).includes('192.0.2.21'), 'a start without it goes on when it is there')
    await until(() => again.published('tftpboot', menu) !== '', 'and looks at every file')
  })
})
