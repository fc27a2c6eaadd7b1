// Costly work, one after the other.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GateFull, openGate } from '../../../server/admin/gate.ts'

test('one is worked on at a time, in the order of coming, whatever becomes of the others', async () => {
  const gate = openGate(10)
  const seen: string[] = []
  const work = (name: string, fails = false) =>
    gate(async () => {
      seen.push(`${name} begins`)
      await new Promise((resolve) => setImmediate(resolve))
      seen.push(`${name} ends`)
      if (fails) throw new Error(name)
      return name
    })
  const outcomes = await Promise.allSettled([work('a'), work('b', true), work('c')])
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  )
  assert.deepEqual(seen, ['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends'])
})

test('more than may wait are turned away at once, and there is room again afterwards', async () => {
  const gate = openGate(1)
  let release = (): void => undefined
  const held = new Promise<void>((resolve) => (release = resolve))
  const first = gate(() => held)
  const second = gate(() => Promise.resolve('second'))
  await assert.rejects(
    gate(() => Promise.resolve('third')),
    GateFull,
  )
  release()
  await first
  assert.equal(await second, 'second')
  assert.equal(await gate(() => Promise.resolve('fourth')), 'fourth')
})
