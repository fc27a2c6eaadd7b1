import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import fc from 'fast-check'
import { openEventWriter } from '../../../../server/inventory/store/event-writer.ts'
import { migrateStore } from '../../../../server/inventory/store/migrations.ts'
import { closeStore, openStore } from '../../../../server/inventory/store/open.ts'
import type { Store } from '../../../../server/inventory/store/open.ts'
import type { NewEvent } from '../../../../server/inventory/store/record.ts'
import { temporaryFolder } from '../../../fixtures.ts'

async function opened(t: TestContext, address?: string): Promise<Store> {
  const store = openStore(address ?? `sqlite:${join(temporaryFolder(t), 'inventory.sqlite')}`)
  t.after(() => closeStore(store))
  await migrateStore(store)
  return store
}

const stored = (store: Store): Promise<readonly NewEvent[]> =>
  store.db
    .selectFrom('events')
    .select(['machine', 'at', 'stage', 'detail', 'progress', 'door', 'peer'])
    .orderBy('id')
    .execute()

const event = (machine: string): NewEvent => ({
  machine,
  at: '2096-01-01T00:00:00.000Z',
  stage: 'dhcp',
  detail: null,
  progress: null,
  door: 'dhcp',
  peer: null,
})

const words = fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\0'))
const events = fc.array(
  fc.record(
    {
      machine: words,
      at: words,
      stage: words,
      detail: fc.option(words),
      progress: fc.option(fc.integer({ min: 0, max: 100 })),
      door: words,
      peer: fc.option(words),
    },
    { noNullPrototype: true },
  ),
  { maxLength: 50 },
)

describe('events on their way into the store', () => {
  for (const [name, address] of [
    ['a file, by a thread', undefined],
    ['memory, which no other thread can open', 'sqlite::memory:'],
  ] as const)
    test(`into ${name}: all of them, in their order, whatever they say`, async (t) => {
      const store = await opened(t, address)
      const writer = openEventWriter(store)
      t.after(() => writer.close())
      await fc.assert(
        fc.asyncProperty(events, async (some) => {
          await store.db.deleteFrom('events').execute()
          await writer.write(some)
          assert.deepEqual(await stored(store), some)
        }),
        { numRuns: 50 },
      )
    })

  test('what can’t be written is an error that names the file, none of it is there, and the next goes on', async (t) => {
    const store = await opened(t)
    const writer = openEventWriter(store)
    t.after(() => writer.close())
    const bad = { ...event('b'), stage: null as never }
    await assert.rejects(writer.write([event('a'), bad]), /^Error: write events to .*inventory\.sqlite$/)
    await writer.write([event('c')])
    assert.deepEqual(
      (await stored(store)).map(({ machine }) => machine),
      ['c'],
    )
  })

  test('what is under way when it is closed is an error, and nobody waits for it for ever', async (t) => {
    const store = await opened(t)
    const writer = openEventWriter(store)
    const written = assert.rejects(writer.write([event('a')]), (error: Error) => {
      assert.match(String(error.cause), /the thread that writes has ended/)
      return /^write events to .*inventory\.sqlite$/.test(error.message)
    })
    await writer.close() // before its thread has begun
    await written
    assert.deepEqual(await stored(store), [])
    await writer.write([event('b')])
    await writer.close()
    assert.equal((await stored(store)).length, 1)
  })

  test('a file that is none is an error each time, and not the end of the process', async (t) => {
    const { file, ...store } = await opened(t)
    const writer = openEventWriter({ ...store, file: `${file ?? ''}/nowhere` })
    t.after(() => writer.close())
    await assert.rejects(writer.write([event('a')]), /write events to/)
    await assert.rejects(writer.write([event('a')]), /write events to/)
  })
})
