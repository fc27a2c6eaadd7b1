// What pages are made of is there before anybody asks, and goes with each change.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import { entryOf, farmIndex } from '../../../server/manage/farm-index.ts'
import { keepReady } from '../../../server/manage/readiness.ts'
import { openLive } from '../../../server/serve/live.ts'
import { silent, sqliteStore, temporaryFolder } from '../../fixtures.ts'
import { testDesk } from '../../admin/site.ts'
import { farm } from '../cli/cli.ts'

test('after a change by another program the index is made of the one before, asked for or not', async (t) => {
  const store = await sqliteStore(t, farm)
  const live = await openLive({ store, stateDir: temporaryFolder(t), pollMs: 60_000, log: silent })
  t.after(live.close)
  const desk = testDesk(store, 'test', Date.now)
  keepReady(live, () => desk, silent)
  const before = await farmIndex(live.snapshot(), desk.known)
  for (const note of ['one', 'two', 'three']) {
    await sql`UPDATE machines SET notes = ${note} WHERE hostname = 'web'`.execute(store.db)
    await live.catchUp()
  }
  const after = await farmIndex(live.snapshot(), desk.known)
  assert.equal(entryOf(after, 'web')?.machine.notes, 'three')
  assert.equal(after.entries[0], before.entries[0], 'who did not change was not looked at')
})
