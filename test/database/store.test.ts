// One suite over both databases: the embedded SQLite file and a real MariaDB.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { TestContext } from 'node:test'
import { sql } from 'kysely'
import { parseYamlDocument, renderYamlDocument } from '../../server/inventory/document.ts'
import type { RowChange, Snapshot } from '../../server/inventory/snapshot.ts'
import { changeSnapshot } from '../../server/inventory/snapshot.ts'
import { followStore } from '../../server/inventory/store/follow.ts'
import { migrateStore } from '../../server/inventory/store/migrations.ts'
import type { Store } from '../../server/inventory/store/open.ts'
import { closeStore, openStore } from '../../server/inventory/store/open.ts'
import {
  readChanges,
  readConsoles,
  readEverInstalled,
  readEvents,
  readEventsAfter,
  readHeardAt,
  readLatestEvents,
  readRevision,
  readSnapshot,
} from '../../server/inventory/store/read.ts'
import {
  isoTime,
  recordArming,
  recordBootAction,
  recordConsoles,
  recordEdits,
  recordEvents,
  recordInstalled,
} from '../../server/inventory/store/record.ts'
import { databases, flavours } from '../databases.ts'
import { fillStore } from '../fixtures.ts'

const farm = `
site: { timezone: Etc/UTC, ssh_keys: [ssh-ed25519 AAAA admin@example.org] }
networks: { farm: { cidr: 192.0.2.0/24, gateway: 192.0.2.254, dns: [192.0.2.1, 192.0.2.2], ntp: [ntp.example.org] } }
images: { el9: { arch: x86_64, kernel: vmlinuz, initrd: initrd.img, sha256: { vmlinuz: ${'a'.repeat(64)} } } }
profiles:
  base: { family: el, version: "9", params: { packages: [vim] } }
  xen: { parent: base, hypervisor: xen, repositories: [{ name: base, url: repo/el9 }] }
machines:
  acas0001: { profile: xen, vcpus: 8, memory_mib: 16384, disk: sda, notes: "it's the \\"first\\" – ünïcode", interfaces: { eth0: { mac: 00:00:5e:00:53:01, ip: 192.0.2.11, network: farm, bridge: xenbr0, boot: true } } }
  acas0002: { profile: base, dom0: acas0001, vdisk: "/dev/sda5,/dev/vg0/x:xvdb", cpus: 2-3, memory_mib: 2048, interfaces: { eth0: { mac: 00:16:3e:00:00:02, ip: 192.0.2.12, network: farm } } }
`

const inventories = databases()

for (const flavour of flavours) {
  describe(`the store on ${flavour}`, () => {
    const opened = async (t: TestContext): Promise<Store> => {
      const store = await inventories.opened(t, flavour)
      await fillStore(store, farm)
      return store
    }
    const inTransactionOf = { SQLite: 'sql', MariaDB: /^sql:t\d+@/ }

    test('migrations run once, and again change nothing', async (t) => {
      const store = await opened(t)
      assert.deepEqual(await migrateStore(store), [])
    })

    test('what is written is what is read: the document round trip is the identity', async (t) => {
      const store = await opened(t)
      const text = renderYamlDocument(await readSnapshot(store))
      const { rows, errors } = parseYamlDocument(text, 'export')
      assert.deepEqual(errors, [])
      await recordEdits(
        store,
        rows.map(({ table, row }) => ({ kind: 'put', table, row })),
        'test',
      )
      assert.equal(renderYamlDocument(await readSnapshot(store)), text)
      assert.match(text, /ünïcode/)
    })

    test('every write is a change that says who, when, before and after; writing the same again is none', async (t) => {
      const store = await opened(t)
      const start = await readRevision(store)
      const snapshot = await readSnapshot(store)
      const machine = snapshot.machines.get('acas0002')
      assert.ok(machine)
      await recordEdits(store, [{ kind: 'put', table: 'machines', row: { ...machine, memory_mib: 4096 } }], 'cli:alice')
      await recordEdits(store, [{ kind: 'put', table: 'machines', row: { ...machine, memory_mib: 4096 } }], 'cli:bob')
      const [change, ...others] = (await readChanges(store, { limit: 100 })).filter((one) => one.id > start)
      assert.deepEqual(others, [])
      assert.equal(change?.who, 'cli:alice')
      assert.equal(change.row_key, 'acas0002')
      assert.match(change.at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
      assert.deepEqual(
        [change.before, change.after].map((image) => (JSON.parse(image ?? '{}') as { memory_mib: number }).memory_mib),
        [2048, 4096],
      )
    })

    test('SQL of another program is a change too, signed by its user; a rename is one disappearance and one arrival', async (t) => {
      const store = await opened(t)
      const start = await readRevision(store)
      await sql`UPDATE machines SET notes = 'by hand' WHERE hostname = 'acas0001'`.execute(store.db)
      await sql`UPDATE machines SET notes = 'by hand' WHERE hostname = 'acas0001'`.execute(store.db)
      await sql`UPDATE machines SET hostname = 'acas0099' WHERE hostname = 'acas0002'`.execute(store.db)
      await sql`DELETE FROM interfaces WHERE machine = 'acas0002'`.execute(store.db)
      const changes = (await readChanges(store, { limit: 100 })).filter((one) => one.id > start).toReversed()
      const shape = changes.map((one) =>
        [one.row_key, one.before === null ? '+' : one.after === null ? '-' : '~'].join(' '),
      )
      assert.deepEqual(shape.toSorted(), ['acas0001 ~', 'acas0002 -', 'acas0002/eth0 -', 'acas0099 +'])
      for (const { who } of changes) assert.match(who, new RegExp(inTransactionOf[flavour]))
    })

    test('columns that a later migration added are followed as the first ones are', async (t) => {
      const store = await opened(t)
      const start = await readRevision(store)
      await sql`UPDATE interfaces SET updated_at = NULL WHERE machine = 'acas0001'`.execute(store.db)
      await sql`UPDATE interfaces SET ip6 = '2001:db8::1' WHERE machine = 'acas0001'`.execute(store.db)
      await sql`UPDATE networks SET cidr6 = '2001:db8::/64', dns6 = '2001:db8::53'`.execute(store.db)
      const changes = (await readChanges(store, { limit: 100 })).filter((one) => one.id > start)
      const images = changes.map((one) => JSON.parse(one.after ?? '{}') as Readonly<Record<string, unknown>>)
      assert.ok(images.some(({ ip6 }) => ip6 === '2001:db8::1'))
      assert.ok(images.some(({ cidr6, dns6 }) => cidr6 === '2001:db8::/64' && dns6 === '2001:db8::53'))
      const { rows } = await sql<{ updated_at: string | null }>`
        SELECT updated_at FROM interfaces WHERE machine = 'acas0001'`.execute(store.db)
      assert.match(rows[0]?.updated_at ?? '', /Z$/)
    })

    test('updated_at is kept by the database for every writer', async (t) => {
      const store = await opened(t)
      const read = async (): Promise<string> =>
        (
          await sql<{ updated_at: string }>`SELECT updated_at FROM machines WHERE hostname = 'acas0001'`.execute(
            store.db,
          )
        ).rows[0]?.updated_at ?? ''
      const first = await read()
      assert.match(first, /Z$/)
      await new Promise((resolve) => setTimeout(resolve, 5))
      await sql`UPDATE machines SET notes = 'x' WHERE hostname = 'acas0001'`.execute(store.db)
      assert.ok((await read()) > first)
    })

    test('an edit list that fails half-way leaves nothing behind', async (t) => {
      const store = await opened(t)
      const snapshot = await readSnapshot(store)
      const machine = snapshot.machines.get('acas0001')
      assert.ok(machine)
      const broken = { ...machine, hostname: 'broken', notes: Symbol('not storable') as unknown as string }
      await assert.rejects(
        recordEdits(
          store,
          [
            { kind: 'put', table: 'machines', row: { ...machine, notes: 'half' } },
            { kind: 'put', table: 'machines', row: broken },
          ],
          'test',
        ),
      )
      assert.equal((await readSnapshot(store)).machines.get('acas0001')?.notes, machine.notes)
    })

    test('a deleted machine takes its interfaces and tokens along', async (t) => {
      const store = await opened(t)
      await recordArming(store, ['acas0002'], { who: 'test', now: 0, expiresAt: 1 })
      await recordEdits(store, [{ kind: 'delete', table: 'machines', key: 'acas0002' }], 'test')
      const snapshot = await readSnapshot(store)
      assert.deepEqual(
        [snapshot.machines.has('acas0002'), snapshot.interfaces.has('acas0002'), snapshot.tokens.has('acas0002')],
        [false, false, false],
      )
    })

    test('DESIGN §3: a token counts once, and its use turns boot to local in the same step', async (t) => {
      const store = await opened(t)
      await recordArming(store, ['acas0001', 'acas0002'], {
        who: 'cli:alice',
        now: Date.now(),
        expiresAt: Date.now() + 1000,
      })
      const armed = await readSnapshot(store)
      assert.equal(armed.machines.get('acas0001')?.boot, 'install')
      const token = armed.tokens.get('acas0001')?.find((one) => one.purpose === 'install')
      assert.ok(token)
      const event = {
        machine: 'acas0001',
        at: isoTime(Date.now()),
        stage: 'installed',
        detail: null,
        progress: null,
        door: 'http',
        peer: '192.0.2.11',
      }
      const outcomes = await Promise.all([1, 2, 3].map(() => recordInstalled(store, token, event)))
      assert.deepEqual(outcomes.filter(Boolean), [true])
      const done = await readSnapshot(store)
      assert.equal(done.machines.get('acas0001')?.boot, 'local')
      assert.equal(done.machines.get('acas0002')?.boot, 'install')
      assert.equal((await readEvents(store, 'acas0001', 10)).filter((one) => one.stage === 'installed').length, 1)
      assert.equal(await recordInstalled(store, { ...token, secret: 'guessed' }, event), false)
    })

    test('arming again drops the unused tokens; the running system keeps its own until the next install is done', async (t) => {
      const store = await opened(t)
      const arm = async (now: number): Promise<Snapshot> => {
        await recordArming(store, ['acas0001'], { who: 'test', now, expiresAt: now + 1000 })
        return readSnapshot(store)
      }
      const tokenOf = (snapshot: Snapshot, purpose: string, created: number) =>
        snapshot.tokens.get('acas0001')?.find((one) => one.purpose === purpose && one.created_at === isoTime(created))
      const first = await arm(1000)
      const firstInstall = tokenOf(first, 'install', 1000)
      assert.ok(firstInstall)
      await recordInstalled(store, firstInstall, {
        machine: 'acas0001',
        at: isoTime(1500),
        stage: 'installed',
        detail: null,
        progress: null,
        door: 'http',
        peer: null,
      })
      await arm(2000)
      const third = await arm(3000)
      assert.deepEqual(
        third.tokens
          .get('acas0001')
          ?.map((one) => `${one.purpose} ${Date.parse(one.created_at)}`)
          .toSorted(),
        ['install 1000', 'install 3000', 'machine 1000', 'machine 3000'],
      )
      await recordBootAction(store, ['acas0001'], 'local', { who: 'test', now: 4000 })
      const disarmed = await readSnapshot(store)
      assert.equal(disarmed.machines.get('acas0001')?.boot, 'local')
      assert.deepEqual(
        disarmed.tokens
          .get('acas0001')
          ?.map((one) => `${one.purpose} ${Date.parse(one.created_at)}`)
          .toSorted(),
        ['install 1000', 'machine 1000'],
      )
    })

    test('DESIGN §7: no secret stands in the history', async (t) => {
      const store = await opened(t)
      await recordArming(store, ['acas0001'], { who: 'test', now: 0, expiresAt: 1000 })
      const secrets = ((await readSnapshot(store)).tokens.get('acas0001') ?? []).map((token) => token.secret)
      const history = JSON.stringify(await readChanges(store, { limit: 1000 }))
      assert.equal(secrets.length, 2)
      for (const secret of secrets) assert.ok(!history.includes(secret))
    })

    test('the latest events of many machines begin with their newest arming', async (t) => {
      const store = await opened(t)
      const event = (machine: string, stage: string, at: number) => ({
        machine,
        at: isoTime(at),
        stage,
        detail: null,
        progress: null,
        door: 'http',
        peer: null,
      })
      await recordEvents(store, [
        event('acas0001', 'armed', 0),
        event('acas0001', 'failed', 1),
        event('acas0001', 'armed', 2),
        event('acas0001', 'dhcp', 3),
        event('acas0002', 'dhcp', 1),
      ])
      const latest = await readLatestEvents(store, ['acas0001', 'acas0002', 'acas0003'])
      assert.deepEqual([...latest].map(([name, events]) => [name, ...events.map((one) => one.stage)]).toSorted(), [
        ['acas0001', 'armed', 'dhcp'],
        ['acas0002', 'dhcp'],
      ])
    })

    test('events after a number are read of more machines than fit into one question, and in their order', async (t) => {
      const store = await opened(t)
      const event = { stage: 'dhcp', detail: null, progress: null, door: 'dhcp', peer: null }
      const names = Array.from({ length: 1001 }, (_, index) => `m${index}`)
      const reporters = ['m1000', 'm0', 'other', 'm500']
      await recordEvents(
        store,
        reporters.map((machine, index) => ({ ...event, machine, at: isoTime(index) })),
      )
      const found = await readEventsAfter(store, 0, { machines: names, limit: 10 })
      assert.deepEqual(
        found.map(({ machine }) => machine),
        ['m1000', 'm0', 'm500'],
      )
      const first = found[0]?.id ?? assert.fail('nothing was found')
      const next = await readEventsAfter(store, first, { machines: names, limit: 1 })
      assert.deepEqual(
        next.map(({ machine }) => machine),
        ['m0'],
      )
    })

    test('of each machine the newest console is kept, whatever the order; none of it is a change', async (t) => {
      const store = await opened(t)
      const revision = await readRevision(store)
      const shown = (machine: string, second: number, tail: string | null) => ({ machine, at: isoTime(second), tail })
      await recordConsoles(store, [shown('acas0001', 5, 'five'), shown('acas0002', 1, null)])
      await recordConsoles(store, [shown('acas0001', 3, 'three')])
      await recordConsoles(store, [shown('acas0001', 9, null), shown('acas0002', 2, 'ünïcode 🐘\n')])
      const many = Array.from({ length: 1000 }, (_, number) => shown(`node${number}`, 1, 'x'.repeat(1000)))
      await recordConsoles(store, many)
      const names = ['acas0001', 'acas0002', ...many.map(({ machine }) => machine)]
      const consoles = await readConsoles(store, names)
      assert.equal(consoles.size, 1002)
      assert.deepEqual(consoles.get('acas0001'), shown('acas0001', 9, 'five'))
      assert.deepEqual(consoles.get('acas0002'), shown('acas0002', 2, 'ünïcode 🐘\n'))
      assert.deepEqual((await readHeardAt(store, ['acas0001', 'acas0009'])).get('acas0001'), isoTime(9))
      assert.equal(await readRevision(store), revision)
    })

    test('the console of an earlier install goes when a machine is armed, and every console with its machine', async (t) => {
      const store = await opened(t)
      const both = ['acas0001', 'acas0002']
      await recordConsoles(
        store,
        both.map((machine) => ({ machine, at: isoTime(1), tail: 'old' })),
      )
      await recordArming(store, ['acas0001'], { who: 'test', now: 5, expiresAt: 9 })
      assert.deepEqual([...(await readConsoles(store, both)).keys()], ['acas0002'])
      await recordEdits(store, [{ kind: 'delete', table: 'machines', key: 'acas0002' }], 'test')
      assert.equal((await readHeardAt(store, both)).size, 0)
    })

    test('who was ever installed is known by the events', async (t) => {
      const store = await opened(t)
      const event = { machine: 'acas0001', at: isoTime(1), detail: null, progress: null, door: 'http', peer: null }
      await recordEvents(store, [
        { ...event, stage: 'installed' },
        { ...event, stage: 'installed' },
        { ...event, machine: 'acas0002', stage: 'failed' },
      ])
      assert.deepEqual([...(await readEverInstalled(store, ['acas0001', 'acas0002', 'acas0003']))], ['acas0001'])
    })

    test('a row that its schema refuses is reported and hides no other', async (t) => {
      const store = await opened(t)
      await sql`INSERT INTO machines (hostname, profile, boot, memory_mib) VALUES ('Bad_Name', 'base', 'never', -5)`.execute(
        store.db,
      )
      await sql`INSERT INTO interfaces (machine, name, mac) VALUES ('acas0001', 'eth1', 'zz:zz')`.execute(store.db)
      const snapshot = await readSnapshot(store)
      assert.deepEqual([...snapshot.machines.keys()].toSorted(), ['acas0001', 'acas0002'])
      const fields = [...snapshot.unreadable.values()]
        .flat()
        .flatMap((row) => row.errors.map((error) => `${row.key} ${error.field}`))
      assert.deepEqual(fields.toSorted(), [
        'Bad_Name boot',
        'Bad_Name hostname',
        'Bad_Name memory_mib',
        'acas0001/eth1 mac',
      ])
    })

    test('the follower sees what any writer commits, also a number that commits late', async (t) => {
      const store = await opened(t)
      let snapshot = await readSnapshot(store)
      const batches: (readonly RowChange[])[] = []
      const following = followStore({
        store,
        from: snapshot.revision,
        pollMs: 60_000,
        onChange: (rows, revision) => {
          batches.push(rows)
          snapshot = changeSnapshot(snapshot, rows, revision)
          return Promise.resolve()
        },
        onHealth: (error) => assert.ifError(error),
      })
      t.after(() => following.stop())
      await sql`UPDATE machines SET memory_mib = 512 WHERE hostname = 'acas0002'`.execute(store.db)
      await following.now()
      assert.equal(snapshot.machines.get('acas0002')?.memory_mib, 512)
      // A gap in the numbering, filled after a higher number was seen, as a slow transaction does.
      const highest = await readRevision(store)
      await sql`INSERT INTO changes (id, at, who, table_name, row_key) VALUES (${highest + 5}, 'x', 'x', 'machines', 'acas0001')`.execute(
        store.db,
      )
      await following.now()
      await sql`UPDATE machines SET memory_mib = 600 WHERE hostname = 'acas0002'`.execute(store.db)
      await sql`UPDATE changes SET id = ${highest + 2} WHERE id > ${highest + 5}`.execute(store.db)
      await following.now()
      assert.equal(snapshot.machines.get('acas0002')?.memory_mib, 600)
      await sql`DELETE FROM machines WHERE hostname = 'acas0002'`.execute(store.db)
      await following.now()
      assert.equal(snapshot.machines.has('acas0002'), false)
      assert.equal(batches.length, 4)
    })

    test('the follower sees what had a number and was not committed yet when the picture was read', async (t) => {
      const store = await opened(t)
      const highest = await readRevision(store)
      await sql`INSERT INTO changes (id, at, who, table_name, row_key) VALUES (${highest + 2}, 'x', 'x', 'machines', 'acas0001')`.execute(
        store.db,
      )
      const read = await readSnapshot(store)
      assert.deepEqual([read.revision, read.missing], [highest + 2, [highest + 1]])
      const seen: Snapshot[] = []
      const following = followStore({
        store,
        from: read.revision,
        missing: read.missing,
        pollMs: 60_000,
        onChange: (rows, revision, missing) => {
          seen.push({ ...changeSnapshot(read, rows, revision), missing })
          return Promise.resolve()
        },
        onHealth: (error) => assert.ifError(error),
      })
      t.after(() => following.stop())
      await sql`UPDATE machines SET memory_mib = 600 WHERE hostname = 'acas0002'`.execute(store.db)
      await sql`UPDATE changes SET id = ${highest + 1} WHERE id > ${highest + 2}`.execute(store.db)
      await following.now()
      const { revision, missing, machines } = seen.at(-1) ?? read
      assert.deepEqual([revision, missing, machines.get('acas0002')?.memory_mib], [highest + 2, [], 600])
    })
  })
}

test('an inventory address of neither form says what one looks like, and never shows its password', () => {
  assert.throws(
    () => openStore('postgres://u:geheim@h/d'),
    (error: Error) => /expected sqlite:FILE or mysql:/.test(error.message) && !error.message.includes('geheim'),
  )
  assert.throws(
    () => openStore('mysql://u:geheim@h'),
    (error: Error) => !error.message.includes('geheim'),
  )
})

test('a database user that may not make triggers is told so, and nothing is left half made', async () => {
  const mariadb = await inventories.mariaDb()
  mariadb.sql(
    "CREATE DATABASE plain; CREATE USER plain@'127.0.0.1' IDENTIFIED BY 'p'; GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, INDEX, ALTER ON plain.* TO plain@'127.0.0.1'",
  )
  const migrate = async (): Promise<readonly string[]> => {
    const store = openStore(`mysql://plain:p@127.0.0.1:${mariadb.port}/plain`)
    return migrateStore(store).finally(() => closeStore(store))
  }
  await assert.rejects(migrate(), /0001-inventory: TRIGGER command denied/)
  mariadb.sql("GRANT TRIGGER ON plain.* TO plain@'127.0.0.1'")
  assert.deepEqual((await migrate()).slice(0, 3), ['0001-inventory', '0002-consoles', '0003-views'])
})
