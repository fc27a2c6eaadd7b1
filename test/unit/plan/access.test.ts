import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Token } from '../../../server/inventory/rows.ts'
import { changeSnapshot } from '../../../server/inventory/snapshot.ts'
import type { ReportRequest } from '../../../server/plan/access.ts'
import { addressObstacle, checkReport, checkToken } from '../../../server/plan/access.ts'
import { reportedStages } from '../../../server/plan/states.ts'
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
networks: {farm: {cidr: 192.0.2.0/24}, six: {cidr: 198.51.100.0/24, cidr6: '2001:db8::/64'}}
machines:
  a: {profile: p, interfaces: {eth0: {mac: 00:00:5e:00:53:01, ip: 192.0.2.11, network: farm}, eth1: {ip: 192.0.2.12, network: farm}}}
  b: {profile: p, interfaces: {eth0: {mac: 00:00:5e:00:53:02, ip: 192.0.2.13, network: farm}}}
  c: {profile: p, interfaces: {eth0: {mac: 00:00:5e:00:53:03}}}
  six: {profile: p, interfaces: {eth0: {mac: 00:00:5e:00:53:06, ip6: '2001:db8::16', network: six}}}`),
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

describe('who may report what about whom', () => {
  const farm = changeSnapshot(
    snapshotOf(`
networks: {farm: {cidr: 192.0.2.0/24}}
profiles: {xen: {hypervisor: xen}, p: {}}
machines:
  old: {profile: xen, interfaces: {eth0: {mac: 00:00:5e:00:53:01, ip: 192.0.2.1, network: farm}}}
  new: {profile: xen, interfaces: {eth0: {mac: 00:00:5e:00:53:02, ip: 192.0.2.2, network: farm}}}
  guest: {profile: p, dom0: new, vdisk: /dev/sda5, interfaces: {eth0: {ip: 192.0.2.9, network: farm}}}`),
    ['old', 'new', 'guest'].flatMap((machine) =>
      (['install', 'machine'] as const).map((purpose) => ({
        table: 'tokens' as const,
        key: `${machine}/${purpose}`,
        raw: token(machine, purpose, { purpose, secret: `${machine}-${purpose}`, expires_at: null }),
      })),
    ),
    2,
  )
  const verdict = (request: Partial<ReportRequest>): string => {
    const asked = { hostname: 'guest', stage: 'installing', secret: null, address: '192.0.2.2', now } as const
    const given = checkReport(farm, { ...asked, ...request })
    return given.ok ? `by the ${given.by}` : given.why
  }

  test('a machine with its own tokens anything about itself, but `installed` with that of the install alone', () => {
    const own = { address: '192.0.2.9' }
    for (const stage of reportedStages) {
      assert.equal(verdict({ ...own, stage, secret: 'guest-install' }), 'by the machine')
      const later = verdict({ ...own, stage, secret: 'guest-machine' })
      if (stage === 'installed') assert.match(later, /the token is not guest's/)
      else assert.equal(later, 'by the machine')
    }
    assert.match(verdict({ secret: 'guest-install', address: '192.0.2.7' }), /192\.0\.2\.7 is not an address of guest/)
  })

  test('a Dom0 with its own token how its guest’s install goes, and from its own address', () => {
    for (const stage of reportedStages) {
      const answer = verdict({ stage, secret: 'new-machine' })
      if (['installing', 'failed', 'ready'].includes(stage)) assert.equal(answer, 'by the dom0')
      else
        assert.equal(
          answer,
          `new reports installing, failed, ready of its guest guest; ${stage} is for guest itself, with its own token`,
        )
    }
    assert.match(verdict({ secret: 'new-machine', address: '192.0.2.9' }), /192\.0\.2\.9 is not an address of new/)
    assert.match(verdict({ secret: 'new-install' }), /the token is not new's/)
    assert.equal(verdict({ secret: 'new-machine', address: null }), 'by the dom0')
  })

  test('a Dom0 that the guest has left is told which Dom0 it is, and what to do', () => {
    const refusal = verdict({ secret: 'old-machine', address: '192.0.2.1' })
    assert.match(refusal, /of others only its Dom0, new, reports about it \(on one that it left: xenconf\)$/)
    assert.match(verdict({ secret: 'old-machine', address: null }), /the token is not guest's.*only its Dom0, new/)
    assert.ok(!refusal.includes('old-machine'))
  })

  test('a guest reports nothing about its Dom0, nor a Dom0 about a Dom0', () => {
    assert.match(verdict({ hostname: 'new', secret: 'guest-machine' }), /the token is not new's/)
    assert.match(verdict({ hostname: 'old', secret: 'new-machine', address: null }), /the token is not old's/)
  })

  test('an install that was reported before says when', () => {
    const used = changeSnapshot(
      farm,
      [{ table: 'tokens', key: 'guest/install', raw: token('guest', 'install', { secret: 's', used_at: 'then' }) }],
      3,
    )
    const given = checkReport(used, { hostname: 'guest', stage: 'installed', secret: 's', address: null, now })
    assert.ok(!given.ok && given.usedAt === 'then')
  })
})

test('by IPv6 a machine asks from its reservation, or from the address that its card gave itself there', () => {
  for (const own of ['2001:db8::16', '2001:db8::200:5eff:fe00:5306'])
    assert.equal(addressObstacle(snapshot, 'six', own), null)
  assert.match(
    addressObstacle(snapshot, 'six', '2001:db8::17') ?? '',
    /^2001:db8::17 is not an address of six \(2001:db8::16\)/,
  )
})
