// What is not kept for ever, over both databases: old lines of the audit trail, in slices, and sessions that have ended.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { defaultAuditDays, keepHouse, openHousekeeping } from '../../server/admin/housekeeping.ts'
import { migrateStore } from '../../server/inventory/store/migrations.ts'
import type { Store } from '../../server/inventory/store/open.ts'
import { closeStore, openStore } from '../../server/inventory/store/open.ts'
import { isoTime } from '../../server/inventory/store/record.ts'
import { databases, flavours } from '../databases.ts'
import { countingStore, silent } from '../fixtures.ts'

const { address, opened } = databases()

const begin = Date.parse('2026-11-23T12:00:00.000Z')
const dayMs = 24 * 3600_000

/** A line for each of those ages, in the order in which they were written. */
async function fill({ db }: Store, agesInDays: readonly number[]): Promise<void> {
  const lines = agesInDays.map((age) => ({
    ...{
      at: isoTime(begin - age * dayMs),
      who: 'nobody',
      action: 'log-in failed',
      about: 'admin',
      detail: '',
      peer: null,
    },
  }))
  for (let from = 0; from < lines.length; from += 500)
    await db
      .insertInto('audit')
      .values(lines.slice(from, from + 500))
      .execute()
}

async function agesOf({ db }: Store): Promise<readonly number[]> {
  const lines = await db.selectFrom('audit').select('at').orderBy('id').execute()
  return lines.map(({ at }) => Math.round((begin - Date.parse(at)) / dayMs))
}

const clean = (store: Store, auditDays = defaultAuditDays): Promise<void> =>
  keepHouse({ store, auditDays, now: () => begin, log: silent }, () => true)

for (const flavour of flavours)
  describe(`on ${flavour}`, () => {
    test('lines of the audit trail that are older than audit_days go, the others stay', async (t) => {
      const store = await opened(t, flavour)
      await fill(store, [900, 401, 400, 399, 30, 0])
      await clean(store)
      assert.deepEqual(await agesOf(store), [400, 399, 30, 0])
      await clean(store, 31)
      assert.deepEqual(await agesOf(store), [30, 0])
    })

    test('very many go in slices, so that others write meanwhile', async (t) => {
      const { store, statements } = countingStore(await opened(t, flavour))
      await fill(store, [...Array.from({ length: 3500 }, () => 500), 1])
      const before = statements()
      const housekeeping = openHousekeeping({ store, auditDays: 400, now: () => begin, log: silent })
      while ((await agesOf(store)).length > 1) {
        await fill(store, [0])
        await store.db.deleteFrom('audit').where('at', '=', isoTime(begin)).execute()
      }
      await housekeeping.close()
      assert.deepEqual(await agesOf(store), [1])
      assert.ok(statements() - before > 8, 'a look and a removal for each thousand')
    })

    test('sessions that ended by the clock go, those that live stay', async (t) => {
      const store = await opened(t, flavour)
      const session = (hash: string, seenAt: number, expiresAt: number) => ({
        ...{ hash, user: 'admin', created_at: isoTime(begin - dayMs) },
        ...{ seen_at: isoTime(seenAt), expires_at: isoTime(expiresAt) },
      })
      await store.db
        .insertInto('sessions')
        .values([
          session('expired', begin, begin - 1),
          session('idle', begin - 3600_000, begin + dayMs),
          session('alive', begin - 3599_000, begin + dayMs),
        ])
        .execute()
      await clean(store)
      const left = await store.db.selectFrom('sessions').select('hash').execute()
      assert.deepEqual(left, [{ hash: 'alive' }])
    })
  })

test('it is done at the start and again and again; a store that is away is waited for, and the end is at once', async (t) => {
  const store = openStore(await address(t, 'SQLite'))
  t.after(() => closeStore(store))
  const clock = { now: begin }
  // No tables yet: the first rounds fail.
  const housekeeping = openHousekeeping({ store, auditDays: 10, now: () => clock.now, log: silent, everyMs: 20 })
  await new Promise((resolve) => setTimeout(resolve, 50))
  await migrateStore(store)
  await fill(store, [11, 9])
  while ((await agesOf(store)).length > 1) await new Promise((resolve) => setTimeout(resolve, 20))
  clock.now += 2 * dayMs
  while ((await agesOf(store)).length > 0) await new Promise((resolve) => setTimeout(resolve, 20))
  await housekeeping.close()
})
