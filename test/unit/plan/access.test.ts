import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Token } from '../../../server/inventory/rows.ts'
import { changeSnapshot } from '../../../server/inventory/snapshot.ts'
import { addressObstacle, checkToken } from '../../../server/plan/access.ts'
import { snapshotOf } from '../../fixtures.ts'

const now = Date.parse('2026-02-01T00:00:00.000Z')
const token = (machine: string, id: string, columns: Partial<Token> = {}): Token => ({
  id,
  machine,
  purpose: 'install',
  secret: `secret-${id}`,
  created_at: '2026-01-31T00:00:00.000Z',
  expires_at: '2026-02-02T00:00:00.000Z',
  used_at: null,
  ...columns,
})
const tokens = [
  token('a', 'live'),
  token('a', 'used', { used_at: '2026-01-31T12:00:00.000Z' }),
  token('a', 'late', { expires_at: '2026-02-01T00:00:00.000Z' }),
  token('a', 'system', { purpose: 'machine', expires_at: null }),
  token('b', 'other'),
]
const snapshot = changeSnapshot(
  snapshotOf(`
networks: {farm: {cidr: 192.0.2.0/24}}
machines:
  a: {profile: p, interfaces: {eth0: {mac: 00:00:5e:00:53:01, ip: 192.0.2.11, network: farm}, eth1: {ip: 192.0.2.12, network: farm}}}
  b: {profile: p, interfaces: {eth0: {mac: 00:00:5e:00:53:02, ip: 192.0.2.13, network: farm}}}
  c: {profile: p, interfaces: {eth0: {mac: 00:00:5e:00:53:03}}}`),
  tokens.map((one) => ({ table: 'tokens' as const, key: `${one.machine}/${one.id}`, raw: one })),
  2,
)
const install = ['install'] as const
const why = (hostname: string, secret: string | null, purposes: readonly Token['purpose'][] = install): string => {
  const verdict = checkToken(snapshot, hostname, secret, purposes, now)
  return verdict.ok ? `ok ${verdict.token.id}` : verdict.why
}

describe('DESIGN §7: a token is for one machine and one install, and expires', () => {
  test('a live token of that machine and purpose is taken', () => {
    assert.equal(why('a', 'secret-live'), 'ok live')
    assert.equal(why('a', 'secret-system', ['install', 'machine']), 'ok system')
  })

  test('none, a wrong one, another machine’s, one for another purpose, a used or expired one are refused with the way out', () => {
    const rows = [
      ['a', null, /no token was given for a; it is in the boot menu of an armed machine/],
      ['a', '', /no token was given/],
      ['a', 'wrong', /the token is not a's: arm it again if it is to be installed \(bootstead machine install a\)/],
      ['a', 'secret-other', /the token is not a's/],
      ['a', 'secret-system', /the token is not a's/],
      ['a', 'secret-used', /used up at 2026-01-31T12:00:00\.000Z: a is installed; arm it again/],
      ['a', 'secret-late', /expired at 2026-02-01T00:00:00\.000Z; arm a again/],
      ['nobody', 'secret-live', /the token is not nobody's/],
      ['c', 'secret-live', /the token is not c's/],
    ] as const
    for (const [hostname, secret, message] of rows) assert.match(why(hostname, secret), message)
  })

  test('only a token that was used up says when', () => {
    const usedAt = ['used', 'late', 'wrong'].map((id) => {
      const verdict = checkToken(snapshot, 'a', `secret-${id}`, install, now)
      return verdict.ok ? 'ok' : verdict.usedAt
    })
    assert.deepEqual(usedAt, ['2026-01-31T12:00:00.000Z', null, null])
  })

  test('no refusal repeats a secret, whose ever it is', () => {
    for (const secret of ['secret-other', 'secret-used', 'secret-late', 'secret-nobodys'])
      assert.ok(!why('a', secret).includes('secret-'))
  })
})

describe('addresses', () => {
  test('a machine’s secrets go to any of its own addresses and to no other', () => {
    assert.equal(addressObstacle(snapshot, 'a', '192.0.2.11'), null)
    assert.equal(addressObstacle(snapshot, 'a', '192.0.2.12'), null)
    assert.match(
      addressObstacle(snapshot, 'a', '192.0.2.13') ?? '',
      /192\.0\.2\.13 is not an address of a \(192\.0\.2\.11, 192\.0\.2\.12\)/,
    )
  })

  test('a machine without a reserved address can’t be told by it', () => {
    assert.equal(addressObstacle(snapshot, 'c', '203.0.113.9'), null)
  })
})
