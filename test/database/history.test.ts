// The inventory at earlier revisions, over both databases.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { TestContext } from 'node:test'
import { sql } from 'kysely'
import { renderYamlDocument } from '../../server/inventory/document.ts'
import type { Snapshot } from '../../server/inventory/snapshot.ts'
import type { Basis } from '../../server/inventory/store/history.ts'
import {
  editsBack,
  readChangesSince,
  readPast,
  readRevisionAt,
  readRevisionTime,
  snapshotBefore,
  withoutTokenSecrets,
} from '../../server/inventory/store/history.ts'
import type { Token } from '../../server/inventory/rows.ts'
import { noSecret } from '../../server/inventory/rows.ts'
import type { Store } from '../../server/inventory/store/open.ts'
import { readChanges, readRevision, readSnapshot } from '../../server/inventory/store/read.ts'
import { recordArming, recordEdits } from '../../server/inventory/store/record.ts'
import { databases, flavours } from '../databases.ts'
import { fillStore } from '../fixtures.ts'

const farm = `
site: { timezone: Etc/UTC, ssh_keys: [ssh-ed25519 AAAA admin@example.org] }
networks: { farm: { cidr: 192.0.2.0/24, gateway: 192.0.2.254, dns: [192.0.2.1, 192.0.2.2] } }
profiles: { base: { family: el, version: "9", params: { packages: [vim] } }, xen: { parent: base, hypervisor: xen } }
machines:
  d1: { profile: xen, notes: "it's the \\"first\\" – ünïcode", interfaces: { eth0: { mac: 00:00:5e:00:53:01, ip: 192.0.2.11, network: farm, boot: true } } }
  g1: { profile: base, dom0: d1, vdisk: /dev/sda5, memory_mib: 2048, interfaces: { eth0: { ip: 192.0.2.12, network: farm } } }
`

const { opened } = databases()

/** In an order of their own: their ids are random. */
const tokensOf = (snapshot: Snapshot): readonly Token[] =>
  [...snapshot.tokens.values()].flat().toSorted((a, b) => (a.id < b.id ? -1 : 1))

const basisOf = ({ revision, missing }: Snapshot): Basis => ({ revision, missing, at: Date.now() })

const namesOf = (rows: readonly Readonly<{ table: string; key: string }>[]): readonly string[] =>
  rows.map(({ table, key }) => `${table} ${key}`).toSorted()

async function pastOf(store: Store, revision: number): Promise<Snapshot> {
  return snapshotBefore(await readSnapshot(store), await readChangesSince(store, revision), revision)
}

for (const flavour of flavours) {
  describe(`history on ${flavour}`, () => {
    async function openFarm(t: TestContext): Promise<Store> {
      const store = await opened(t, flavour)
      await fillStore(store, farm)
      return store
    }

    test('a picture that was made from is told from today’s, with the rows that were changed since', async (t) => {
      const store = await openFarm(t)
      const before = await readSnapshot(store)
      const run = (statement: string): Promise<unknown> => sql.raw(statement).execute(store.db)
      await run("UPDATE interfaces SET ip = '192.0.2.13' WHERE machine = 'g1'")
      await run("UPDATE interfaces SET ip = '192.0.2.14' WHERE machine = 'g1'")
      await run("DELETE FROM machines WHERE hostname = 'd1'")
      const past = await readPast(store, await readSnapshot(store), basisOf(before))
      assert.deepEqual(namesOf(past?.rows ?? []), ['interfaces g1/eth0', 'machines d1'])
      assert.equal(past === null ? '' : renderYamlDocument(past.snapshot), renderYamlDocument(before))
      const now = await readSnapshot(store)
      assert.deepEqual((await readPast(store, now, basisOf(now)))?.rows, [])
    })

    test('a transaction that ends after one with higher numbers is a change since, and taken back like the others', async (t) => {
      const store = await openFarm(t)
      const other = "UPDATE machines SET notes = 'meanwhile' WHERE hostname = 'd1'"
      const late = "UPDATE interfaces SET mac = '00:00:5e:00:53:09' WHERE machine = 'd1'"
      const before = await overtaken(store, late, other)
      assert.equal(before.missing.length, 1)
      assert.equal(before.interfaces.get('d1')?.[0]?.mac, '00:00:5e:00:53:01')
      const now = await readSnapshot(store)
      assert.equal(now.revision, before.revision)
      assert.equal(now.interfaces.get('d1')?.[0]?.mac, '00:00:5e:00:53:09')
      const past = await readPast(store, now, basisOf(before))
      assert.deepEqual(namesOf(past?.rows ?? []), ['interfaces d1/eth0'])
      assert.equal(past === null ? '' : renderYamlDocument(past.snapshot), renderYamlDocument(before))
    })

    /** The picture between the end of `quick` and that of `late`, which began before. */
    async function overtaken(store: Store, late: string, quick: string): Promise<Snapshot> {
      const run = (statement: string): Promise<unknown> => sql.raw(statement).execute(store.db)
      if (flavour === 'MariaDB')
        return store.db.transaction().execute(async (trx) => {
          await sql.raw(late).execute(trx)
          await run(quick)
          return readSnapshot(store)
        })
      // SQLite has one writer at a time, so that the numbers are put as another database gives them.
      await run("UPDATE sqlite_sequence SET seq = seq + 1 WHERE name = 'changes'")
      await run(quick)
      const between = await readSnapshot(store)
      await run(late)
      await run(`UPDATE changes SET id = ${between.revision - 1} WHERE id = ${between.revision + 1}`)
      return between
    }

    test('a history with other numbers than the picture’s tells nothing of it', async (t) => {
      const store = await openFarm(t)
      const now = await readSnapshot(store)
      const basis = basisOf(now)
      assert.equal(await readPast(store, now, { ...basis, revision: now.revision + 1 }), null, 'an older dump')
      assert.equal(await readPast(store, now, { ...basis, at: basis.at - 3_600_000 }), null, 'made anew since')
      await sql`DELETE FROM changes WHERE id <= ${now.revision}`.execute(store.db)
      assert.equal(await readPast(store, now, basis), null, 'forgotten')
    })

    test('every revision is read back as it was, arming, other programs’ SQL and removed rows included', async (t) => {
      const store = await openFarm(t)
      const seen: { revision: number; document: string; tokens: unknown }[] = []
      const remember = async (): Promise<void> => {
        const snapshot = withoutTokenSecrets(await readSnapshot(store))
        seen.push({
          revision: await readRevision(store),
          document: renderYamlDocument(snapshot),
          tokens: tokensOf(snapshot),
        })
      }
      const run = (statement: string): Promise<unknown> => sql.raw(statement).execute(store.db)
      await remember()
      await run("UPDATE machines SET memory_mib = 4096, notes = NULL WHERE hostname = 'g1'")
      await remember()
      await recordArming(store, ['d1', 'g1'], { who: 'test', now: 0, expiresAt: 1e9 })
      await remember()
      await run("DELETE FROM interfaces WHERE machine = 'g1'")
      await run("UPDATE machines SET hostname = 'g2' WHERE hostname = 'g1'")
      await remember()
      await recordEdits(store, [{ kind: 'delete', table: 'machines', key: 'd1' }], 'test')
      await run("UPDATE networks SET cidr = 'nonsense'")
      await remember()
      assert.equal(new Set(seen.map(({ document }) => document)).size, seen.length)
      for (const { revision, document, tokens } of seen) {
        const past = await pastOf(store, revision)
        assert.equal(renderYamlDocument(past), document, `revision ${revision}`)
        assert.deepEqual(tokensOf(past), tokens, `tokens of revision ${revision}`)
        assert.equal(past.revision, revision)
      }
      assert.equal((await pastOf(store, 0)).machines.size, 0)
    })

    test('a token of an earlier revision is a word that opens nothing', async (t) => {
      const store = await openFarm(t)
      await recordArming(store, ['d1'], { who: 'test', now: 0, expiresAt: 1e9 })
      const revision = await readRevision(store)
      const secrets = [...((await readSnapshot(store)).tokens.get('d1') ?? [])].map(({ secret }) => secret)
      await sql.raw("UPDATE machines SET notes = 'x'").execute(store.db)
      const past = await pastOf(store, revision)
      assert.deepEqual(
        (past.tokens.get('d1') ?? []).map(({ secret }) => secret),
        [noSecret, noSecret],
      )
      assert.ok(secrets.length === 2 && !secrets.includes(noSecret))
    })

    test('taking the inventory back is a new change; what was armed stays armed', async (t) => {
      const store = await openFarm(t)
      const revision = await readRevision(store)
      const document = renderYamlDocument(await readSnapshot(store))
      await sql.raw("UPDATE machines SET memory_mib = 1 WHERE hostname = 'g1'").execute(store.db)
      await recordEdits(store, [{ kind: 'delete', table: 'machines', key: 'd1' }], 'test')
      await recordArming(store, ['g1'], { who: 'test', now: 0, expiresAt: 1e9 })
      const today = await readSnapshot(store)
      const { edits, unreadable } = editsBack(today, await readChangesSince(store, revision))
      await recordEdits(store, edits, 'cli:operator')
      assert.deepEqual(unreadable, [])
      const now = await readSnapshot(store)
      assert.equal(renderYamlDocument(now).replace(/\n +boot: install,/, ''), document)
      assert.equal(now.machines.get('g1')?.boot, 'install')
      assert.ok((await readRevision(store)) > today.revision)
      assert.equal((await readChanges(store, { limit: 1 }))[0]?.who, 'cli:operator')
    })

    test('a revision is found by time; one that is not there yet is none', async (t) => {
      const store = await openFarm(t)
      const newest = await readRevision(store)
      assert.equal(await readRevisionAt(store, '2000-01-01T00:00:00.000Z'), 0)
      assert.equal(await readRevisionAt(store, '2999-01-01T00:00:00.000Z'), newest)
      assert.equal(await readRevisionTime(store, newest + 1), null)
      assert.deepEqual(await readRevisionTime(store, 0), { revision: 0, at: null })
      const found = await readRevisionTime(store, newest)
      assert.ok(found?.at != null && Math.abs(found.at - Date.now()) < 3_600_000)
    })
  })
}
