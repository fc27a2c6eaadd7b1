import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import { readConsoles, readHeardAt } from '../../../server/inventory/store/read.ts'
import { openConsoles } from '../../../server/serve/consoles.ts'
import { silent, sqliteStore } from '../../fixtures.ts'

const inventory = 'profiles: {p: {}}\nmachines: {node1: {profile: p}}'
const at = (second: number): string => new Date(second * 1000).toISOString()

test('of each machine the newest console is written; a sign of life without one leaves it as it is', async (t) => {
  const store = await sqliteStore(t, inventory)
  const consoles = openConsoles({ store, log: silent })
  consoles.hear({ machine: 'node1', at: at(1), tail: 'one' })
  consoles.hear({ machine: 'node1', at: at(2), tail: 'two' })
  consoles.hear({ machine: 'node1', at: at(3), tail: null })
  consoles.hear({ machine: 'node2', at: at(3), tail: null })
  await consoles.flush()
  assert.equal((await readConsoles(store, ['node1'])).get('node1')?.tail, 'two')
  consoles.hear({ machine: 'node1', at: at(4), tail: null })
  await consoles.close()
  assert.deepEqual(
    [...(await readConsoles(store, ['node1', 'node2']))],
    [['node1', { machine: 'node1', at: at(4), tail: 'two' }]],
  )
  assert.equal((await readHeardAt(store, ['node2'])).get('node2'), at(3))
})

test('while the inventory is away they wait, and are bounded; they are written when it is back', async (t) => {
  const store = await sqliteStore(t, inventory)
  await sql`ALTER TABLE consoles RENAME TO away`.execute(store.db)
  const consoles = openConsoles({ store, log: silent })
  const [machines, tail] = [3000, 'x'.repeat(16_384)]
  for (let number = 1; number <= machines; number++) consoles.hear({ machine: `node${number}`, at: at(number), tail })
  await consoles.flush()
  await sql`ALTER TABLE away RENAME TO consoles`.execute(store.db)
  await consoles.close()
  const { rows } = await sql<{ n: number }>`SELECT COUNT(*) AS n FROM consoles`.execute(store.db)
  const kept = rows[0]?.n ?? 0
  assert.ok(kept > 1900 && kept < 2100, `64 MiB of them: ${kept}`)
  assert.equal((await readHeardAt(store, [`node${machines}`])).size, 1, 'the newest are among them')
})
