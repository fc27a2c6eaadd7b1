// The inventory a site already has: samples/foreign-farm.sql and its views, in a real MariaDB.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { TestContext } from 'node:test'
import { sql } from 'kysely'
import { allFindings } from '../../server/inventory/findings.ts'
import type { Edit } from '../../server/inventory/encode.ts'
import { parseRow } from '../../server/inventory/rows.ts'
import type { Snapshot } from '../../server/inventory/snapshot.ts'
import { migrateStore } from '../../server/inventory/store/migrations.ts'
import type { MirrorReport } from '../../server/inventory/store/mirror.ts'
import { complaintsOf, mirrorViews } from '../../server/inventory/store/mirror.ts'
import type { Store } from '../../server/inventory/store/open.ts'
import { closeStore, openStore } from '../../server/inventory/store/open.ts'
import { readChanges, readRevision, readSnapshot } from '../../server/inventory/store/read.ts'
import { recordArming, recordEdits } from '../../server/inventory/store/record.ts'
import type { Views } from '../../server/inventory/store/views.ts'
import { closeViews, openViews } from '../../server/inventory/store/views.ts'
import type { Mirror } from '../../server/serve/mirror.ts'
import { openMirror } from '../../server/serve/mirror.ts'
import { silent, startServer, temporaryFolder } from '../fixtures.ts'
import type { MariaDb } from '../mariadb.ts'
import { startMariaDb } from '../mariadb.ts'
import { openCli } from '../unit/cli/cli.ts'

const root = join(import.meta.dirname, '../..')
const sample = (name: string): string => readFileSync(join(root, 'samples', name), 'utf8')

let mariadb: MariaDb
before(async () => {
  mariadb = await startMariaDb()
})
after(() => mariadb.stop())

type Site = Readonly<{
  /** Runs SQL as the site's administrator, in the site's own schema. */
  sql: (statement: string) => string
  schema: string
  viewsSchema: string
  reader: string
  ownAddress: string
  viewsAddress: string
  store: Store
  views: Views
  copy: (options?: Parameters<typeof mirrorViews>[2]) => Promise<MirrorReport>
  read: () => Promise<Snapshot>
}>

let sites = 0

/** A site of its own for each test: the sample files under other names. */
async function site(t: TestContext, own: 'mysql' | 'sqlite' = 'mysql'): Promise<Site> {
  const n = ++sites
  const rename = (text: string): string =>
    text
      .replaceAll('rechenzentrum', `rz${n}`)
      .replaceAll('bootstead_views', `bv${n}`)
      .replaceAll('bootstead_reader', `br${n}`)
      .replaceAll(/'bootstead'@/g, `'bo${n}'@`)
      .replaceAll(/(DATABASE|ON) bootstead\b/g, `$1 bo${n}`)
  for (const file of ['foreign-farm.sql', 'foreign-views.sql']) mariadb.sql(rename(sample(file)))
  const at = `127.0.0.1:${mariadb.port}`
  const viewsAddress = `mysql://br${n}:CHANGE-THIS-READER@${at}/bv${n}`
  const ownAddress =
    own === 'mysql'
      ? `mysql://bo${n}:CHANGE-THIS-OWN@${at}/bo${n}`
      : `sqlite:${join(temporaryFolder(t), 'inventory.sqlite')}`
  const [store, views] = [openStore(ownAddress), openViews(viewsAddress)]
  t.after(async () => {
    await closeViews(views)
    await closeStore(store)
  })
  await migrateStore(store)
  await recordEdits(store, images, 'test')
  return {
    ...{
      schema: `rz${n}`,
      viewsSchema: `bv${n}`,
      reader: `'br${n}'@'127.0.0.1'`,
      ownAddress,
      viewsAddress,
      store,
      views,
    },
    sql: (statement) => mariadb.sql(`USE rz${n}; ${statement}`),
    copy: async (options) => {
      const report = await mirrorViews(store, views, { patienceSeconds: 60, ...options })
      assert.ok(report)
      return report
    },
    read: () => readSnapshot(store),
  }
}

/** Images are Bootstead's own: they are what was put on this server. */
const images = (
  [
    ['el4', 'i386'],
    ['el5', 'x86_64'],
    ['el9', 'x86_64'],
  ] as const
).map(([name, arch]): Edit => {
  const parsed = parseRow('images', { name, arch, kernel: 'vmlinuz', initrd: 'initrd.img' })
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors))
  return { kind: 'put', table: 'images', row: parsed.row }
})

const known = { templates: new Set(['el4.ks', 'el5.ks', 'el9.ks']) }

const withheld = (snapshot: Snapshot): readonly string[] =>
  [...allFindings(snapshot, known)]
    .filter(({ severity }) => severity === 'withheld')
    .map(({ machine, table, field, message }) => `${machine} ${table}.${field}: ${message}`)

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 600; attempt++) {
    if (await holds()) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  assert.fail(`${what}: not within 30 seconds`)
}

async function mirrorOf(t: TestContext, { store, views }: Site, intervalMs: number): Promise<Mirror> {
  const mirror = await openMirror({
    ...{ store, views, intervalMs, pollMs: 50, log: silent },
    onCopied: () => Promise.resolve(),
  })
  t.after(() => mirror.close())
  return mirror
}

const counts = ({ views }: MirrorReport): readonly string[] =>
  views.map(({ table, rows, added, changed, removed, held }) => [table, rows, added, changed, removed, held].join(' '))

for (const own of ['mysql', 'sqlite'] as const)
  test(`a farm of another making is copied; its bad rows are named and hide no other (own tables in ${own})`, async (t) => {
    const farm = await site(t, own)
    assert.deepEqual(counts(await farm.copy()), [
      'networks 12 12 0 0 0',
      'profiles 3 3 0 0 0',
      'machines 2403 2401 0 0 0',
      'interfaces 2400 2399 0 0 0',
    ])
    const snapshot = await farm.read()
    assert.deepEqual(withheld(snapshot), [
      "(no hostname) machines.hostname: 2 rows of the view have this key, and which is right can't be known here; keep one of them",
      'eine notiz, die in die falsche spalte geraten ist: bitte loe... machines.hostname: expected a host name: letters, digits and dashes, 63 at most, no domain (RFC 1123 §2.1)',
      'gast0001 machines.memory_mib: expected a whole number of MiB from 1 to 67108864',
      'gast0004 machines.dom0: gast0003 is itself a guest (of wn0002); name a Dom0',
      'gast0005 machines.vdisk: sda is the disk that wn0003 itself is installed on; give the guest a partition of it, or another',
      'gast0005 machines.vdisk: /dev/sda6 is given to gast0006 too; two guests would overwrite each other',
      'gast0006 machines.vdisk: /dev/sda is given to gast0005 too; two guests would overwrite each other',
      'gast0007 machines.dom0: there is no machine of this name; add it or name one that exists',
      'gast0009 machines.vdisk: /dev/sda5 is given to gast0010 too; two guests would overwrite each other',
      'gast0010 machines.vdisk: /dev/sda5 is given to gast0009 too; two guests would overwrite each other',
      'wn1021 interfaces.mac: wn1022/eth0 has the same MAC; change one of them',
      'wn1022 interfaces.mac: wn1021/eth0 has the same MAC; change one of them',
      'wn1023 interfaces.ip: the address is outside network reihe06 (198.18.6.0/24)',
      'wn1024 interfaces.mac: expected a unicast MAC address such as 00:00:5e:00:53:01',
      'wn1024 machines.hostname: the machine has no interface with a MAC, so nothing can recognise it; add one',
      'wn1025 interfaces.network: 198.18.6.34 needs a network for its netmask and gateway; name one',
      'wn1026 machines.profile: expected a name',
      "wn1028 interfaces.name: 2 rows of the view have this key, and which is right can't be known here; keep one of them",
      'wn1028 machines.hostname: the machine has no interface with a MAC, so nothing can recognise it; add one',
    ])
    assert.equal(snapshot.machines.get('wn1009')?.notes, 'Lüfter getauscht, Gehäuse größer als üblich')
    assert.deepEqual(
      ['wn1007', 'wn1008', 'wn1010'].map((name) => snapshot.machines.has(name)),
      [true, true, true],
      'capitals, trailing spaces and a retired namesake do no harm',
    )
    assert.deepEqual(
      ['wn1001', 'wn1002', 'wn1003'].map((name) => snapshot.interfaces.get(name)?.[0]?.mac),
      ['02:00:00:00:04:b1', '02:00:00:00:04:b2', '02:00:00:00:04:b3'],
      'dashes and capitals, nothing between, colons',
    )
    const guest = snapshot.machines.get('gast0800')
    assert.deepEqual([guest?.dom0, guest?.vdisk, guest?.memory_mib], ['wn0400', '/dev/sda6', 6656])
  })

test('what did not change is not written again: not by the next pass, a restart, or two at once', async (t) => {
  const farm = await site(t)
  const other = openStore(farm.ownAddress)
  const views = openViews(farm.viewsAddress)
  t.after(async () => {
    await closeViews(views)
    await closeStore(other)
  })
  await Promise.all([farm.copy(), mirrorViews(other, views, { patienceSeconds: 60 })])
  const revision = await readRevision(farm.store)
  assert.equal(revision, 3 + 12 + 3 + 2401 + 2399, 'one change for each row')
  await farm.copy()
  await farm.copy({ full: true })
  await mirrorViews(other, views, { full: true })
  assert.equal(await readRevision(farm.store), revision)
  const lock = await sql`SELECT 1`.execute(other.db)
  assert.equal(lock.rows.length, 1)
})

test('one process at a time: who finds another at it leaves it alone', async (t) => {
  const farm = await site(t)
  await farm.store.db.connection().execute(async (holder) => {
    await sql`SELECT GET_LOCK(CONCAT('bootstead mirror ', LEFT(SHA1(DATABASE()), 16)), 0)`.execute(holder)
    assert.equal(await mirrorViews(farm.store, farm.views), null)
    assert.equal((await farm.read()).machines.size, 0)
    await sql`SELECT RELEASE_LOCK(CONCAT('bootstead mirror ', LEFT(SHA1(DATABASE()), 16)))`.execute(holder)
  })
  assert.equal(counts(await farm.copy())[2], 'machines 2403 2401 0 0 0')
})

test('what other programs do in SQL arrives, by its date or at the next comparison, and is history', async (t) => {
  const farm = await site(t)
  await mirrorOf(t, farm, 3_600_000) // so that what arrives was seen by its updated_at
  farm.sql("UPDATE rechner SET ram_gb = 512 WHERE name = 'wn1100'")
  await until('the update', async () => (await farm.read()).machines.get('wn1100')?.memory_mib === 524_288)
  farm.sql("INSERT INTO rechner (name, os_id) VALUES ('neu0001', 3)")
  await until('the new machine', async () => (await farm.read()).machines.has('neu0001'))
  farm.sql("DELETE FROM rechner WHERE name = 'wn1101'")
  await until('the removal', async () => !(await farm.read()).machines.has('wn1101'))
  farm.sql("UPDATE rechner SET name = 'umbenannt' WHERE name = 'wn1102'")
  await until('the new name', async () => {
    const { machines } = await farm.read()
    return machines.has('umbenannt') && !machines.has('wn1102')
  })
  const [change] = await readChanges(farm.store, { table: 'machines', key: 'wn1100', limit: 1 })
  assert.equal(change?.who, `view:${farm.viewsSchema}`)
  const [old, now] = [change.before, change.after].map((image) => JSON.parse(image ?? '{}') as { memory_mib: number })
  assert.deepEqual([old?.memory_mib, now?.memory_mib], [262_144, 524_288])
})

test('two changes within one second of a date are both seen', async (t) => {
  const farm = await site(t)
  await mirrorOf(t, farm, 3_600_000)
  for (const memory of [100, 101, 102]) {
    farm.sql(`UPDATE rechner SET ram_gb = ${memory} WHERE name = 'wn1100'`)
    await new Promise((resolve) => setTimeout(resolve, 120))
  }
  await until('the last of them', async () => (await farm.read()).machines.get('wn1100')?.memory_mib === 102 * 1024)
})

test('views without a date are compared at their interval', async (t) => {
  const farm = await site(t)
  await mirrorOf(t, farm, 200)
  farm.sql("UPDATE netzkarten SET mac = '02-00-00-00-FF-01' WHERE rechner_id = 1300")
  await until('the MAC', async () => (await farm.read()).interfaces.get('wn1100')?.[0]?.mac === '02:00:00:00:ff:01')
  farm.sql('DELETE FROM netzkarten WHERE rechner_id = 1300')
  await until('the removal', async () => !(await farm.read()).interfaces.has('wn1100'))
})

test('a row that becomes a bad one is withheld, keeps what is ours, and comes back', async (t) => {
  const farm = await site(t)
  await farm.copy()
  const before = (await farm.read()).machines.get('wn1100')
  assert.ok(before)
  await recordEdits(
    farm.store,
    [{ kind: 'put', table: 'machines', row: { ...before, serial_console: 'ttyS1' } }],
    'test',
  )
  farm.sql("INSERT INTO rechner (id, name, os_id, ram_gb) VALUES (6000, 'WN1100', 1, 4)")
  assert.equal(counts(await farm.copy())[2], 'machines 2404 0 1 0 0')
  const bad = await farm.read()
  assert.equal(bad.machines.has('wn1100'), false)
  assert.ok(withheld(bad).some((line) => line.startsWith('wn1100 machines.hostname: 2 rows of the view have this key')))
  farm.sql('DELETE FROM rechner WHERE id = 6000')
  await farm.copy()
  assert.deepEqual((await farm.read()).machines.get('wn1100'), { ...before, serial_console: 'ttyS1' })
})

test('arming is ours: no column of the site arms a machine or disarms it', async (t) => {
  const farm = await site(t)
  mariadb.sql(
    `CREATE OR REPLACE VIEW ${farm.viewsSchema}.machines AS SELECT name AS hostname, 'wn9' AS profile, 'install' AS boot, geaendert AS updated_at FROM ${farm.schema}.rechner WHERE id > 1300 AND id < 1400`,
  )
  await farm.copy()
  assert.equal((await farm.read()).machines.get('wn1101')?.boot, 'local')
  await recordArming(farm.store, ['wn1101'], { who: 'test', now: Date.now(), expiresAt: Date.now() + 60_000 })
  farm.sql("UPDATE rechner SET bemerkung = 'x' WHERE name = 'wn1101'")
  await farm.copy()
  assert.equal((await farm.read()).machines.get('wn1101')?.boot, 'install')
})

test('what somebody writes into our copy is put right', async (t) => {
  const farm = await site(t)
  await farm.copy()
  await sql`UPDATE machines SET vdisk = '/dev/sdz9' WHERE hostname = 'gast0100'`.execute(farm.store.db)
  await sql`DELETE FROM interfaces WHERE machine = 'wn1100'`.execute(farm.store.db)
  assert.deepEqual(counts(await farm.copy()).slice(2), ['machines 2403 0 1 0 0', 'interfaces 2400 1 0 0 0'])
  const snapshot = await farm.read()
  assert.equal(snapshot.machines.get('gast0100')?.vdisk, '/dev/sda6')
})

test('a table that is emptied in one go is kept until somebody says so', async (t) => {
  const farm = await site(t)
  await farm.copy()
  farm.sql('DELETE FROM rechner WHERE id <= 1300')
  const report = await farm.copy()
  assert.deepEqual(
    report.views.slice(2).map(({ removed, held }) => [removed, held]),
    [
      [0, 1299],
      [0, 1299],
    ],
  )
  assert.match(
    complaintsOf(report)[0] ?? '',
    /machines: 1299 rows of machines are no longer in the view.*--accept-removals/,
  )
  assert.ok((await farm.read()).machines.has('wn0001'))
  farm.sql("UPDATE rechner SET ram_gb = 1 WHERE name = 'wn1200'")
  assert.equal((await farm.copy()).views[2]?.changed, 1, 'what still changes is copied meanwhile')
  await farm.copy({ acceptRemovals: true })
  assert.equal((await farm.read()).machines.size, 1100)
  assert.deepEqual(complaintsOf(await farm.copy()), [])
})

test('rows that were ours before there was a view are not removed unasked either', async (t) => {
  const farm = await site(t)
  const mine = parseRow('machines', { hostname: 'mine', profile: 'wn9' })
  assert.ok(mine.ok)
  await recordEdits(farm.store, [{ kind: 'put', table: 'machines', row: mine.row }], 'test')
  assert.equal((await farm.copy()).views[2]?.held, 1)
  assert.ok((await farm.read()).machines.has('mine'))
})

test('views that are away, or broken, leave what was copied last; the health says so, and they come back', async (t) => {
  const farm = await site(t, 'sqlite')
  const server = await startServer(t, farm.store, { views: { at: farm.views, intervalMs: 100 } })
  const health = async (): Promise<{ status: string; views: string }> =>
    (await fetch(`http://127.0.0.1:${server.ports.http ?? 0}/healthz`)).json() as Promise<{
      status: string
      views: string
    }>
  assert.deepEqual([(await health()).status, (await health()).views], ['ok', 'ok'])
  assert.equal(server.live.snapshot().machines.size, 2397)
  mariadb.sql(`ALTER USER ${farm.reader} ACCOUNT LOCK; KILL USER ${farm.reader.split('@')[0] ?? ''}`)
  await until('the outage', async () => (await health()).status === 'degraded')
  assert.match((await health()).views, /^not followed since .*: /)
  const metrics = await (await fetch(`http://127.0.0.1:${server.ports.http ?? 0}/metrics`)).text()
  assert.match(metrics, /^bootstead_views_up 0$/m)
  mariadb.sql(`ALTER USER ${farm.reader} ACCOUNT UNLOCK`)
  await until('the return', async () => (await health()).status === 'ok')
  farm.sql('ALTER TABLE rechner CHANGE ram_gb arbeitsspeicher DECIMAL(6, 2)')
  await until('the broken view', async () => (await health()).views.includes(`${farm.viewsSchema}.machines: `))
  farm.sql(
    "ALTER TABLE rechner CHANGE arbeitsspeicher ram_gb DECIMAL(6, 2); UPDATE rechner SET ram_gb = 3 WHERE name = 'wn1100'",
  )
  await until('the change', () => server.live.snapshot().machines.get('wn1100')?.memory_mib === 3072)
  mariadb.sql(`DROP VIEW ${farm.viewsSchema}.interfaces`)
  await until('the missing view', async () => (await health()).views.includes('there is no such view any more'))
  assert.equal(server.live.snapshot().interfaces.size, 2397)
})

test('the reader has SELECT only; and where it has more, the session is read only', async (t) => {
  const farm = await site(t)
  const write = sql`UPDATE ${sql.table(`${farm.schema}.rechner`)} SET name = 'x'`
  await assert.rejects(write.execute(farm.views.db), /denied/)
  mariadb.sql(`GRANT ALL ON *.* TO ${farm.reader}`)
  const views = openViews(farm.viewsAddress)
  t.after(() => closeViews(views))
  await assert.rejects(write.execute(views.db), /READ ONLY/)
})

test('the command line: copies before it shows, refuses what is the site’s, changes what is ours', async (t) => {
  const farm = await site(t)
  const cli = openCli(t)
  cli.write('bootstead.yaml', `inventory: ${farm.ownAddress}\nviews: ${farm.viewsAddress}\n`)
  assert.match(await cli.ok('mirror'), /machines +2403 +2401 +0 +0 +4$/m)
  assert.doesNotMatch(await cli.ok('config'), /CHANGE-THIS/)
  farm.sql("UPDATE netzkarten SET ip = INET_ATON('198.18.6.200') WHERE rechner_id = 1300")
  assert.match(await cli.ok('machine', 'show', 'wn1100'), /198\.18\.6\.200/)
  await cli.ok('machine', 'set', 'wn1100', 'serial_console=ttyS0,115200')
  const refused = async (...words: readonly string[]): Promise<string> => {
    const { code, err } = await cli.run(words)
    assert.equal(code, 1, err)
    return err
  }
  const view = `${farm.viewsSchema}.machines`
  assert.match(
    await refused('machine', 'set', 'gast0100', 'vdisk=/dev/sdz9'),
    new RegExp(`machines gast0100: vdisk comes from the view ${view}; change it in the site's own table`),
  )
  assert.match(
    await refused('machine', 'set', 'gast0100', 'vdisk=/dev/sdz9', '--dry-run'),
    new RegExp(`vdisk comes from the view ${view}`),
  )
  assert.match(
    await refused('machine', 'rm', 'wn1100', '--yes'),
    new RegExp(`machines wn1100: comes from the view ${view}; remove it in the site's own table`),
  )
  assert.match(
    await refused('machine', 'add', 'wn9999', 'profile=wn9', '--force'),
    /machines wn9999: is not in the view/,
  )
  await cli.ok('machine', 'disarm', 'wn1100')
  mariadb.sql(`ALTER USER ${farm.reader} ACCOUNT LOCK`)
  const shown = await cli.run(['machine', 'show', 'wn1100'])
  assert.deepEqual([shown.code, /can't be read.*copied last/.test(shown.err)], [0, true], 'what is shown may be old')
  assert.match(await refused('install', 'wn1100'), /the rows may be old/)
  mariadb.sql(`ALTER USER ${farm.reader} ACCOUNT UNLOCK`)
  await cli.ok('mirror', '--release', 'machines')
})

type Doctor = Readonly<{
  complaints: readonly Readonly<{ severity: string; about: string; what: string; sql: readonly string[] }>[]
}>

test('doctor: a sound site has nothing to mend', async (t) => {
  const farm = await site(t)
  const cli = openCli(t)
  cli.write('bootstead.yaml', `inventory: ${farm.ownAddress}\nviews: ${farm.viewsAddress}\n`)
  await cli.ok('mirror')
  const { complaints } = (await cli.json('doctor')) as Doctor
  assert.deepEqual(
    complaints.map(({ severity, about, what }) => `${severity} ${about}: ${what}`),
    ['networks', 'profiles', 'interfaces'].map((view) => `advice ${farm.viewsSchema}.${view}: it has no updated_at`),
  )
})

test('doctor names what is wrong with views, users and our tables, and its SQL mends it', async (t) => {
  const farm = await site(t)
  const cli = openCli(t)
  cli.write('bootstead.yaml', `inventory: ${farm.ownAddress}\nviews: ${farm.viewsAddress}\n`)
  const [bv, rz] = [farm.viewsSchema, farm.schema]
  const maker = `'maker${sites}'@'localhost'`
  mariadb.sql(`
    GRANT INSERT, DROP ON ${bv}.* TO ${farm.reader};
    ALTER TABLE ${rz}.rechner DROP KEY geaendert, MODIFY geaendert DATETIME;
    UPDATE ${rz}.rechner SET geaendert = UTC_TIMESTAMP() + INTERVAL 2 HOUR WHERE name = 'wn1100';
    CREATE OR REPLACE VIEW ${bv}.machines AS SELECT r.name AS hostname, UPPER(p.kuerzel) AS profile, r.dom0, r.vdisk,
      ROUND(r.ram_gb * 1024) AS ram_mb, 'install' AS boot, r.geaendert AS updated_at
      FROM ${rz}.rechner r LEFT JOIN ${rz}.os_profile p ON p.id = r.os_id;
    CREATE OR REPLACE VIEW ${bv}.interfaces AS SELECT r.name AS machine, k.geraet AS name,
      CAST(CONV(REPLACE(REPLACE(k.mac, '-', ''), ':', ''), 16, 10) AS UNSIGNED) AS mac, k.ip, s.name AS network
      FROM ${rz}.netzkarten k JOIN ${rz}.rechner r ON r.id = k.rechner_id LEFT JOIN ${rz}.subnetze s ON s.id = k.subnetz_id;
    CREATE USER ${maker};
    CREATE OR REPLACE DEFINER = ${maker} VIEW ${bv}.networks AS SELECT name, CONCAT(INET_NTOA(netz), '/', praefix) AS cidr
      FROM ${rz}.subnetze;
    DROP USER ${maker};
    CREATE USER 'root${sites}'@'127.0.0.1' IDENTIFIED BY 'r'; GRANT ALL ON *.* TO 'root${sites}'@'127.0.0.1'`)
  const admin = `mysql://root${sites}:r@127.0.0.1:${mariadb.port}/mysql`
  const doctor = async (): Promise<Doctor['complaints']> => {
    const { out } = await cli.run(['doctor', '--admin', admin, '--json'])
    return (JSON.parse(out) as Doctor).complaints
  }
  await farm.copy()
  mariadb.sql(`REVOKE TRIGGER ON bo${sites}.* FROM 'bo${sites}'@'127.0.0.1'`)
  const first = await doctor()
  const told = first.map(({ severity, about, what }) => `${severity} ${about}: ${what}`).join('\n')
  for (const expected of [
    /mend `bo\d+`@.*it has no TRIGGER on bo\d+/,
    /advice `br\d+`@.*it may do more than read: INSERT, DROP on/,
    /mend bv\d+\.networks: 'maker\d+'@'localhost', in whose name it reads, does not exist/,
    /mend bv\d+\.interfaces: mac is bigint/,
    /mend bv\d+\.interfaces: ip is int/,
    /advice bv\d+\.machines: ram_mb is no column of ours; perhaps it is memory_mib/,
    /mend bv\d+\.machines: profile names rows in other capitals: .*WN9 for wn9/,
    /advice bv\d+\.machines: its column boot is not read/,
    /advice bv\d+\.machines: its newest updated_at, .*, is \d+ seconds in the future/,
    /advice bv\d+\.machines: its updated_at has no index/,
  ])
    assert.match(told, expected)
  for (const statement of first.flatMap(({ sql: statements }) => statements)) mariadb.sql(statement)
  farm.sql("UPDATE rechner SET bemerkung = 'x' WHERE name = 'wn1100'") // a date of today at last
  await farm.copy()
  const left = await doctor()
  assert.deepEqual(
    left.map(({ severity, about, what }) => `${severity} ${about.replace(/^bv\d+\./, '')}: ${what}`),
    [
      'advice networks: it has no updated_at',
      'advice profiles: it has no updated_at',
      'advice machines: its column boot is not read',
      'advice interfaces: it has no updated_at',
    ],
  )
  const snapshot = await farm.read()
  assert.equal(snapshot.machines.get('wn1100')?.memory_mib, 262_144)
  assert.equal(snapshot.interfaces.get('wn1100')?.[0]?.mac, '02:00:00:00:05:14')
  assert.deepEqual(
    withheld(snapshot).filter((line) => line.startsWith('wn1100 ')),
    [],
  )
})

test('doctor: triggers that a restored dump has lost are made again by its SQL', async (t) => {
  const farm = await site(t)
  const cli = openCli(t)
  cli.write('bootstead.yaml', `inventory: ${farm.ownAddress}\n`)
  await sql`DROP TRIGGER machines_update_is_a_change`.execute(farm.store.db)
  const run = async (): Promise<Doctor['complaints']> =>
    (JSON.parse((await cli.run(['doctor', '--json'])).out) as Doctor).complaints
  const [complaint, ...others] = await run()
  assert.deepEqual([complaint?.what, others], ['triggers are missing: machines_update_is_a_change', []])
  mariadb.sql(`USE bo${sites};\n${complaint?.sql.join('\n') ?? ''}`)
  assert.deepEqual(await run(), [])
})

test('doctor names what is wrong with the server of our tables, and its SQL mends it', async (t) => {
  const server = await startMariaDb([
    ...['--log-bin', '--read-only', '--sql-mode=ERROR_FOR_DIVISION_BY_ZERO', '--max-allowed-packet=1M'],
  ])
  t.after(() => server.stop())
  const address = server.newDatabase('farm')
  const cli = openCli(t)
  cli.write('bootstead.yaml', `inventory: ${address}\n`)
  const run = async (): Promise<Doctor['complaints']> =>
    (JSON.parse((await cli.run(['doctor', '--json'])).out) as Doctor).complaints
  const first = await run()
  assert.deepEqual(
    first.map(({ severity, what }) => `${severity}: ${what}`),
    [
      'mend: the server is read only',
      'mend: binary logging is on, and log_bin_trust_function_creators is off',
      'advice: max_allowed_packet is 1048576 bytes',
      'advice: sql_mode has no STRICT_TRANS_TABLES',
    ],
  )
  assert.match((await cli.run(['check'])).err, /read-only/)
  for (const statement of first.flatMap(({ sql: statements }) => statements)) server.sql(statement)
  assert.deepEqual(await run(), [])
  await cli.ok('check')
  server.sql('ALTER TABLE farm.consoles CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci')
  const [collation, ...others] = await run()
  assert.deepEqual([collation?.what, others], ['its collation is utf8mb4_general_ci', []])
  server.sql(collation?.sql.join('\n') ?? '')
  assert.deepEqual(await run(), [])
})

test('the document’s SQL is the samples’, which these tests have run', () => {
  const text = readFileSync(join(root, 'docs/existing-database.md'), 'utf8')
  const flat = (one: string): string => one.replaceAll(/--.*$/gm, '').replaceAll(/\s+/g, ' ').trim()
  const ran = flat(`${sample('foreign-farm.sql')}\n${sample('foreign-views.sql')}`)
  const blocks = [...text.matchAll(/^```sql\n(.*?)^```$/gms)].map(([, block = '']) => block)
  assert.ok(blocks.length >= 4)
  for (const statement of blocks.flatMap((block) => flat(block).split(';')).filter((one) => one.trim() !== ''))
    assert.ok(ran.includes(statement.trim()), statement)
})
