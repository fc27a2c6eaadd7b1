// What /healthz says of a server and of everything that it keeps.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { StoreHealth } from '../../../server/serve/live.ts'
import { healthOf } from '../../../server/serve/health.ts'
import { snapshotOf } from '../../fixtures.ts'

const snapshot = snapshotOf('{profiles: {p: {}}, machines: {node1: {profile: p}}}')
const well: StoreHealth = { ok: true }
const ill = (error: string): StoreHealth => ({ ok: false, since: '2026-11-23T12:00:00.000Z', error })

const live = (health: StoreHealth) => ({ snapshot: () => snapshot, health: () => health })
const mirror = (health: StoreHealth) => ({ health: () => health })
const targets = (isc: string | null) => ({ health: () => new Map([['isc', isc] as const, ['kea', null] as const]) })

test('a server that is well says so, and only of what it has', () => {
  const plain = { status: 'ok', revision: 1, machines: 1, inventory: 'ok' }
  assert.deepEqual(healthOf(live(well), null, null), plain)
  assert.deepEqual(healthOf(live(well), mirror(well), targets(null)), {
    ...plain,
    views: 'ok',
    targets: { isc: 'ok', kea: 'ok' },
  })
})

test('whatever ails it, it is degraded, with the reason in its place', () => {
  const away = healthOf(live(ill('connection refused')), null, null)
  assert.deepEqual(
    [away.status, away.inventory],
    ['degraded', 'away since 2026-11-23T12:00:00.000Z: connection refused'],
  )
  const unread = healthOf(live(well), mirror(ill('no view machines')), null)
  assert.deepEqual(
    [unread.status, unread.views],
    ['degraded', 'not followed since 2026-11-23T12:00:00.000Z: no view machines'],
  )
  const refused = healthOf(live(well), mirror(well), targets('the checker refuses'))
  assert.deepEqual([refused.status, refused.targets], ['degraded', { isc: 'the checker refuses', kea: 'ok' }])
})
