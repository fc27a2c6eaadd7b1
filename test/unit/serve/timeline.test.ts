import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ConsoleRow } from '../../../server/inventory/store/open.ts'
import type { NewEvent } from '../../../server/inventory/store/record.ts'
import { isoTime } from '../../../server/inventory/store/record.ts'
import type { Sign, Timeline } from '../../../server/serve/timeline.ts'
import { openTimeline } from '../../../server/serve/timeline.ts'

type Kept = Readonly<{ timeline: Timeline; events: readonly NewEvent[]; heard: readonly ConsoleRow[] }>
function opened(): Kept {
  const [events, heard] = [[] as NewEvent[], [] as ConsoleRow[]]
  const timeline = openTimeline({ record: (event) => events.push(event), hear: (one) => heard.push(one) })
  return { timeline, events, heard }
}

const reported = (minute: number, columns: Partial<NewEvent> = {}): NewEvent => ({
  machine: 'node1',
  at: isoTime(minute * 60_000),
  stage: 'installing',
  detail: 'packages',
  progress: 40,
  door: 'http',
  peer: null,
  ...columns,
})

describe('what a machine reports', () => {
  test('the same again, however much later, is no event, but the machine was heard of', () => {
    const { timeline, events, heard } = opened()
    for (const minute of [0, 1, 500]) timeline.report({ event: reported(minute), install: 'a', console: null })
    assert.deepEqual(
      [events.length, heard.map(({ at, tail }) => [at, tail])],
      [
        1,
        [
          [isoTime(60_000), null],
          [isoTime(500 * 60_000), null],
        ],
      ],
    )
  })

  test('another stage, detail or progress is an event, and so is the same in another install or of another machine', () => {
    const { timeline, events } = opened()
    const changes: readonly (readonly [Partial<NewEvent>, string])[] = [
      [{}, 'a'],
      [{ progress: 41 }, 'a'],
      [{ progress: 41, detail: null }, 'a'],
      [{ stage: 'failed', progress: 41, detail: null }, 'a'],
      [{ stage: 'failed', progress: 41, detail: null }, 'b'],
      [{ machine: 'node2' }, 'a'],
    ]
    for (const [columns, install] of changes) timeline.report({ event: reported(0, columns), install, console: null })
    assert.equal(events.length, changes.length)
  })

  test('a console is kept, with an event and without', () => {
    const { timeline, events, heard } = opened()
    for (const console of ['one', 'two']) timeline.report({ event: reported(0), install: 'a', console })
    assert.deepEqual([events.length, heard.map(({ tail }) => tail)], [1, ['one', 'two']])
  })
})

describe('what a door notices', () => {
  const sign: Sign = { machine: 'node1', stage: 'loader', detail: 'vmlinuz', door: 'tftp', peer: '192.0.2.9' }

  test('firmware that asks for everything several times gives one sign; another in between makes it news', (t) => {
    t.mock.timers.enable({ apis: ['Date'], now: 0 })
    const { timeline, events } = opened()
    for (const detail of ['vmlinuz', 'vmlinuz', 'initrd', 'vmlinuz']) timeline.note({ ...sign, detail })
    assert.deepEqual(
      events.map(({ detail }) => detail),
      ['vmlinuz', 'initrd', 'vmlinuz'],
    )
  })

  test('ten seconds later it is a sign again: the machine tries once more', (t) => {
    t.mock.timers.enable({ apis: ['Date'], now: 0 })
    const { timeline, events } = opened()
    timeline.note(sign)
    t.mock.timers.setTime(9_999)
    timeline.note(sign)
    assert.equal(events.length, 1)
    t.mock.timers.setTime(10_000)
    timeline.note(sign)
    assert.equal(events.length, 2)
  })

  test('a flood of requests in a machine’s name, each a little different, makes 200 events a minute, and none of its neighbour’s less', (t) => {
    t.mock.timers.enable({ apis: ['Date'], now: 0 })
    const { timeline, events } = opened()
    for (let count = 0; count < 1000; count++) timeline.note({ ...sign, detail: `x${count}` })
    timeline.note({ ...sign, machine: 'node2' })
    assert.equal(events.length, 201)
    t.mock.timers.setTime(60_000)
    timeline.note(sign)
    assert.equal(events.length, 202)
  })
})
