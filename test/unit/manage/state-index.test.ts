// The states of all machines are read once, and then only of whom something was heard.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeRow } from '../../../server/inventory/encode.ts'
import { changeSnapshot } from '../../../server/inventory/snapshot.ts'
import { recordArming, recordConsoles, recordEvents } from '../../../server/inventory/store/record.ts'
import { bootStates } from '../../../server/manage/state-index.ts'
import { countingStore, snapshotOf, sqliteStore } from '../../fixtures.ts'
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

test('of whom nothing was heard nothing is read again; a console that moves wakes who stalled, and minutes are counted', async (t) => {
  const clock = { now: begin }
  const { store, statements } = countingStore(await sqliteStore(t, farm))
  const desk = testDesk(store, 'test', () => clock.now)
  const snapshot = snapshotOf(farm)
  const stateOf = async (name: string) => (await bootStates(desk, snapshot)).get(name)
  const stage = { machine: 'web', stage: 'kickstart', detail: null, progress: null, door: 'http', peer: null }
  await recordEvents(store, [{ ...stage, at: new Date(begin).toISOString() }])
  assert.equal((await stateOf('web'))?.state, 'kickstart')
  clock.now += 3000
  const before = statements()
  assert.equal((await stateOf('web'))?.state, 'kickstart')
  assert.equal(statements() - before, 1, 'only whether there are new events is asked')
  clock.now = begin + 31 * 60_000
  assert.match((await stateOf('web'))?.detail ?? '', /nothing heard for 31 minutes/)
  clock.now += 60_000
  assert.match((await stateOf('web'))?.detail ?? '', /nothing heard for 32 minutes/)
  clock.now += 3000
  await recordConsoles(store, [{ machine: 'web', at: new Date(clock.now).toISOString(), tail: null }])
  assert.equal((await stateOf('web'))?.state, 'kickstart')
})

test('a row that is another now is looked at anew, and a Dom0 with its guests’ events', async (t) => {
  const clock = { now: begin }
  const store = await sqliteStore(t, farm)
  const desk = testDesk(store, 'test', () => clock.now)
  const first = snapshotOf(farm)
  const event = { stage: 'installed', detail: null, progress: null, door: 'http', peer: null }
  await recordEvents(store, [
    { ...event, machine: 'acas0001', stage: 'kickstart', at: new Date(begin).toISOString() },
    { ...event, machine: 'acas0001', at: new Date(begin).toISOString() },
  ])
  const phaseIn = async (snapshot: typeof first) => (await bootStates(desk, snapshot)).get('acas0001')?.phase
  assert.equal(await phaseIn(first), 'on', 'a Dom0 has more before it than its install')
  clock.now += 3000
  const row = first.machines.get('acas0001')
  assert.ok(row)
  const raw = { ...encodeRow(row), profile: 'base' }
  assert.equal(await phaseIn(changeSnapshot(first, [{ table: 'machines', key: 'acas0001', raw }], 2)), 'done')
})
