// Attempts to log in, counted by address and by name.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { limits, openAttempts } from '../../../server/admin/attempts.ts'

function counted() {
  const clock = { now: 0 }
  const attempts = openAttempts(() => clock.now)
  return {
    attempts,
    clock,
    many: (count: number, address: (n: number) => string, name: (n: number) => string) =>
      Array.from({ length: count }, (_, n) => attempts.take(address(n), name(n)).ok),
  }
}

test('so many attempts on a name are looked at, from wherever they come, and then none for a while', () => {
  const { attempts, clock, many } = counted()
  const outcomes = many(
    limits.byName + 2,
    (n) => `192.0.2.${n}`,
    () => 'alice',
  )
  assert.deepEqual(outcomes, [...Array<boolean>(limits.byName).fill(true), false, false])
  clock.now = limits.windowMs - 1000
  assert.deepEqual(attempts.take('192.0.2.99', 'ALICE'), { ok: false, waitSeconds: 1, isFirst: false })
  assert.deepEqual(attempts.take('192.0.2.99', 'bob'), { ok: true })
  clock.now = limits.windowMs
  assert.deepEqual(attempts.take('192.0.2.99', 'alice'), { ok: true })
})

test('so many attempts from an address are looked at, whatever the names; an IPv6 host is its /64', () => {
  for (const address of [() => '192.0.2.1', (n: number) => `2001:db8:0:1::${n.toString(16)}`]) {
    const { attempts, many } = counted()
    const outcomes = many(limits.byAddress + 1, address, (n) => `name${n}`)
    assert.equal(outcomes.indexOf(false), limits.byAddress)
    assert.ok(attempts.take('2001:db8:0:2::1', 'another').ok)
  }
})

test('the right password takes back a name’s mistakes, and of the address’s attempts only itself', () => {
  const { attempts, many } = counted()
  many(
    limits.byName - 1,
    () => '192.0.2.1',
    () => 'alice',
  )
  attempts.take('192.0.2.1', 'alice')
  attempts.forgive('192.0.2.1', 'alice')
  assert.ok(attempts.take('192.0.2.1', 'alice').ok)
  const left = many(
    limits.byAddress,
    () => '192.0.2.1',
    (n) => `other${n}`,
  ).filter(Boolean).length
  assert.equal(left, limits.byAddress - limits.byName)
})

test('names without end take no memory without end, and push no address out', () => {
  const { attempts, many } = counted()
  many(
    limits.byAddress,
    () => '192.0.2.1',
    (n) => `name${n}`,
  )
  const outcomes = many(
    3 * limits.remembered,
    () => '192.0.2.1',
    (n) => `${n}${'x'.repeat(1000)}`,
  )
  assert.ok(!outcomes.includes(true))
  assert.ok(!attempts.take('192.0.2.1', 'alice').ok)
})
