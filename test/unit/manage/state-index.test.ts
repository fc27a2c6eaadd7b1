// The states of all machines are read once, and then only of whom something was heard.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { recordArming, recordEvents } from '../../../server/inventory/store/record.ts'
import { bootStates } from '../../../server/manage/state-index.ts'
import { snapshotOf, sqliteStore } from '../../fixtures.ts'
import { testDesk } from '../../admin/site.ts'
import { farm } from '../cli/cli.ts'

const begin = Date.parse('2026-11-23T12:00:00.000Z')

test('a machine’s state follows its events, and a silent one stalls by the clock alone', async (t) => {
  const clock = { now: begin }
  const store = await sqliteStore(t, farm)
  const desk = testDesk(store, 'test', () => clock.now)
  const snapshot = snapshotOf(farm)
  const states = async () =>
    Object.fromEntries([...(await bootStates(desk, snapshot))].map(([name, { state }]) => [name, state]))
  assert.deepEqual(await states(), {})
  await recordArming(store, ['web'], { who: 'test', now: begin, expiresAt: begin + 3600_000 })
  assert.deepEqual(await states(), {}, 'for two seconds the same is told')
  clock.now += 3000
  assert.deepEqual(await states(), { web: 'armed' })
  const event = { machine: 'web', stage: 'installing', detail: null, progress: 10, door: 'http', peer: null }
  await recordEvents(store, [{ ...event, at: new Date(clock.now).toISOString() }])
  clock.now += 3000
  assert.deepEqual(await states(), { web: 'installing' })
  clock.now += 40 * 60_000
  assert.deepEqual(await states(), { web: 'stalled' })
})
