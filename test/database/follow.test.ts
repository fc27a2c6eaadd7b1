// Following by itself: when it looks, and who waits for which look.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import { followStore } from '../../server/inventory/store/follow.ts'
import { readRevision } from '../../server/inventory/store/read.ts'
import { countingStore, sqliteStore } from '../fixtures.ts'

const farm = `
profiles: {p: {}}
machines: {node1: {profile: p}, node2: {profile: p}}
`

test('whoever asks while a look runs gets another one, and all of them the same', async (t) => {
  const { store, statements } = countingStore(await sqliteStore(t, farm))
  const seen: string[] = []
  let [begun, goOn] = [(): void => undefined, (): void => undefined]
  const isApplying = new Promise<void>((resolve) => (begun = resolve))
  const mayGoOn = new Promise<void>((resolve) => (goOn = resolve))
  const following = followStore({
    store,
    from: await readRevision(store),
    pollMs: 60_000,
    onChange: async (rows) => {
      begun()
      await mayGoOn
      seen.push(...rows.map(({ key }) => key))
    },
    onHealth: (error) => assert.ifError(error),
  })
  t.after(() => following.stop())
  await sql`UPDATE machines SET notes = 'moved' WHERE hostname = 'node1'`.execute(store.db)
  const first = following.now()
  await isApplying
  await sql`UPDATE machines SET notes = 'moved' WHERE hostname = 'node2'`.execute(store.db)
  const before = statements()
  const others = Array.from({ length: 200 }, () => following.now())
  goOn()
  await Promise.all([first, ...others])
  assert.deepEqual(seen, ['node1', 'node2'], 'what was committed while the first look ran is in the second')
  assert.equal(statements() - before, 2, 'which changes there are, and their rows: once')
})
