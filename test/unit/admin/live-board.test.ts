// Installs as they stand now: what went wrong first, for how long, and in one line.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { boardRow, inOrderOfNeed, lasting } from '../../../server/admin/pages/live-board.ts'
import type { BootState } from '../../../server/plan/states.ts'
import { neverHeardOf } from '../../../server/plan/states.ts'

const now = Date.parse('2026-11-23T12:00:00.000Z')
const state = (columns: Partial<BootState>): BootState => ({ ...neverHeardOf, ...columns })

test('what went wrong stands before what goes on, the last news first', () => {
  const states = [
    ['old', state({ phase: 'on', since: '2026-11-23T11:00:00.000Z' })],
    ['new', state({ phase: 'on', since: '2026-11-23T11:59:00.000Z' })],
    ['lost', state({ phase: 'lost', since: '2026-11-22T11:00:00.000Z' })],
    ['odd', state({ phase: 'on' })],
  ] as const
  assert.deepEqual(
    inOrderOfNeed(states)
      .map(([name]) => name)
      .slice(0, 3),
    ['lost', 'new', 'old'],
  )
})

test('a row says where a failed machine was, for how long, and its reason in one line that is not endless', () => {
  const failed = state({
    ...{ state: 'failed', stage: 'installing', phase: 'lost', progress: 40, since: '2026-11-23T11:50:00.000Z' },
    detail: `no disk\n  sda ${'x'.repeat(500)}`,
  })
  const row = boardRow('web', failed, now)
  assert.deepEqual([row.mark.word, row.stage, row.lasts], ['failed', 'installing', '10 min'])
  assert.match(row.detail, /^no disk \| sda x+…$/)
  assert.ok(row.detail.length < 300)
})

test('durations are said in the unit that tells most', () => {
  const said = [-5, 40_000, 240_000, 7_500_000, 7_200_000, 300_000_000].map(lasting)
  assert.deepEqual(said, ['0 s', '40 s', '4 min', '2 h 5 min', '2 h', '3 days'])
})
