// Servers that work on one inventory know of each other, on both databases.
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { describe, test } from 'node:test'
import type { Store } from '../../server/inventory/store/open.ts'
import { readServers, recordServer } from '../../server/inventory/store/servers.ts'
import type { OwnServer, Presence } from '../../server/serve/presence.ts'
import { openPresence } from '../../server/serve/presence.ts'
import { databases, flavours } from '../databases.ts'
import { countingStore, silent } from '../fixtures.ts'

const { opened } = databases()

const own = (name: string, revision = 7): OwnServer => ({
  ...{ name, folder: '/var/lib/bootstead', version: '0.1.0', addresses: ['192.0.2.1'], revision, status: 'ok' },
  doors: [{ door: 'http', at: '192.0.2.1:80', note: '' }],
})

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 10))
}

for (const flavour of flavours)
  describe(`servers on ${flavour}`, () => {
    const present = (t: TestContext, store: Store, who: () => OwnServer): Presence => {
      const presence = openPresence({ store, own: who, log: silent, everyMs: 20 })
      t.after(presence.close)
      return presence
    }

    test('each knows the others with their doors and revisions, and itself first; who stops is gone', async (t) => {
      const store = await opened(t, flavour)
      const now = { revision: 7 }
      const first = present(t, store, () => own('boot1'))
      const second = present(t, store, () => own('boot2', now.revision))
      await until(() => first.servers().length === 2)
      assert.deepEqual(
        first.servers().map(({ name, isThis, isStale }) => ({ name, isThis, isStale })),
        [
          { name: 'boot1', isThis: true, isStale: false },
          { name: 'boot2', isThis: false, isStale: false },
        ],
      )
      assert.deepEqual(first.servers()[1]?.doors, own('boot2').doors)
      now.revision = 8
      await until(() => first.servers()[1]?.revision === 8)
      await second.close()
      await until(() => first.servers().length === 1)
    })

    test('who is silent grows stale, and is forgotten after a week', async (t) => {
      const store = await opened(t, flavour)
      const { addresses, doors, ...lost } = own('boot3')
      await recordServer(store, { ...lost, addresses: JSON.stringify(addresses), doors: JSON.stringify(doors) })
      const first = present(t, store, () => own('boot1'))
      await until(() => first.servers().some(({ name, isStale }) => name === 'boot3' && isStale))
      await store.db
        .updateTable('servers')
        .set({ seen_at: '2000-01-01T00:00:00.000Z' })
        .where('name', '=', 'boot3')
        .execute()
      await until(async () => (await readServers(store)).length === 1)
    })

    test('what another version wrote is read as far as it can be', async (t) => {
      const store = await opened(t, flavour)
      const { addresses: _addresses, doors: _doors, ...other } = own('boot9')
      await recordServer(store, { ...other, addresses: '{}', doors: 'not JSON' })
      const first = present(t, store, () => own('boot1'))
      await until(() => first.servers().length === 2)
      assert.deepEqual([first.servers()[1]?.addresses, first.servers()[1]?.doors], [[], []])
    })

    test('while the store is away a server goes on, sees others grow stale, and stops without waiting for it', async (t) => {
      const store = await opened(t, flavour)
      const clock = { now: 0 }
      present(t, store, () => own('boot2'))
      const first = openPresence({ store, own: () => own('boot1'), log: silent, everyMs: 20, now: () => clock.now })
      await until(() => first.servers().length === 2)
      await store.db.schema.dropTable('servers').execute()
      clock.now = 3600_000
      await until(() => first.servers()[1]?.isStale === true)
      assert.deepEqual(
        first.servers().map(({ name, isStale }) => ({ name, isStale })),
        [
          { name: 'boot1', isStale: false },
          { name: 'boot2', isStale: true },
        ],
      )
      await first.close()
    })

    test('a store that hangs is asked once, not at each beat, and goes on being asked when it answers', async (t) => {
      const store = await opened(t, flavour)
      const held = { answer: (): void => undefined }
      const isAnswering = new Promise<void>((resolve) => (held.answer = resolve))
      const db = store.db.withPlugin({
        transformQuery: ({ node }) => node,
        transformResult: async ({ result }) => {
          await isAnswering
          return result
        },
      })
      const { store: hanging, statements } = countingStore({ ...store, db })
      t.mock.timers.enable({ apis: ['setInterval'] })
      const first = openPresence({ store: hanging, own: () => own('boot1'), log: silent, everyMs: 1000 })
      try {
        await until(() => statements() > 0)
        for (let beats = 0; beats < 20; beats++) {
          t.mock.timers.tick(1000)
          await new Promise(setImmediate)
        }
        assert.equal(statements(), 1)
      } finally {
        held.answer()
      }
      await until(() => statements() === 3) // its row is looked for, put in, and all are read
      await until(() => {
        t.mock.timers.tick(1000)
        return statements() > 3
      })
      await first.close()
    })
  })
