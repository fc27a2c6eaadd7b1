import assert from 'node:assert/strict'
import { test } from 'node:test'
import { growthOf, soakTable, verdict, type Minute } from './report.ts'
import { openTally, percentile } from './tally.ts'

const minute = (rssMiB: number, rest: Partial<Minute> = {}): Minute => ({
  requests: { dhcp: 2, tftp: 3, http: 4, event: 1, change: 1 },
  p99Ms: 12.4,
  errors: [],
  rssMiB,
  descriptors: 40,
  loopP99Ms: 20,
  remark: '',
  ...rest,
})

test('growth is that of the second half: what a warm-up takes is none', () => {
  assert.equal(growthOf([50, 100, 150, 200, 200, 200, 200, 200]), 0)
  assert.equal(growthOf([200, 200, 200, 200, 210, 220, 230, 240]), 30)
  assert.equal(growthOf([200, 900]), 0)
})

test('a heap that is collected in between does not grow', () => {
  assert.ok(Math.abs(growthOf([200, 230, 200, 230, 200, 230, 200, 230, 200])) < 8)
})

test('memory or descriptors that grow, and any error, are the verdict; else there is none', () => {
  const flat = [200, 200, 200, 200].map((rssMiB) => minute(rssMiB))
  assert.deepEqual(verdict(flat), [])
  assert.deepEqual(verdict([...flat, minute(200, { errors: ['no answer'] })]), ['no answer'])
  assert.deepEqual(verdict([...flat, minute(200, { descriptors: 99 })]), ['descriptors grew by 59 in the second half'])
  const leak = [200, 300, 400, 500, 600, 700].map((rssMiB) => minute(rssMiB))
  assert.deepEqual(verdict(leak), ['memory grew by 200.0 MiB in the second half'])
})

test('the table has a row for each minute, and a dash where nothing was asked', () => {
  const rows = soakTable([minute(200), minute(201, { p99Ms: null, remark: 'database away' })]).split('\n')
  assert.equal(rows[2], '| 1 | 200 | 40 | 2 | 3 | 4 | 1 | 1 | 0 | 12 | 20 |  |')
  assert.equal(rows[3], '| 2 | 201 | 40 | 2 | 3 | 4 | 1 | 1 | 0 | – | 20 | database away |')
})

test('a tally counts what was answered, keeps what failed, and begins anew when it was taken', async () => {
  const tally = openTally()
  assert.equal(await tally.timed('dhcp', () => Promise.resolve(5)), 5)
  await assert.rejects(
    tally.timed('http', () => Promise.reject(new Error('no answer'))),
    /no answer/,
  )
  tally.failed(new Error('no answer'))
  const { requests, errors } = tally.take()
  assert.deepEqual([requests.dhcp, requests.http, errors], [1, 0, ['no answer']])
  assert.deepEqual(tally.take(), {
    requests: { dhcp: 0, tftp: 0, http: 0, event: 0, change: 0 },
    p99Ms: null,
    errors: [],
  })
})

test('of a hundred values one is beyond the 99th percentile', () => {
  assert.equal(
    percentile(
      Array.from({ length: 100 }, (_, index) => index),
      0.99,
    ),
    99,
  )
  assert.equal(percentile([], 0.99), null)
})
