import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { openScreen } from '../../../server/cli/screen.ts'
import type { Seen } from '../../../server/cli/watch-board.ts'
import { cutTo, duration, renderFrame } from '../../../server/cli/watch-frame.ts'
import type { BootState } from '../../../server/plan/states.ts'
import { neverHeardOf } from '../../../server/plan/states.ts'

const at = (second: number): string => new Date(second * 1000).toISOString()
const seen = (hostname: string, dom0: string | null, state: Partial<BootState>): Seen => ({
  hostname,
  dom0,
  isNamed: true,
  state: { ...neverHeardOf, phase: 'on', since: at(0), ...state },
})
const farm: readonly Seen[] = [
  seen('acas0001', null, { state: 'guests', stage: 'guests', detail: 'to install: acas0002\nacas0003' }),
  seen('acas0002', 'acas0001', { state: 'installing', progress: 42, since: at(60), detail: 'packages' }),
  seen('acas0003', 'acas0001', { state: 'ready', phase: 'done', progress: 100, since: at(3000) }),
  seen('web', null, { state: 'armed' }),
]
const frame = (all: readonly Seen[], columns = 100, rows = 24): readonly string[] =>
  renderFrame(all, { now: 3_725_000, startedAt: 5000, columns, rows, note: 'Ctrl-C stops' })

describe('the table', () => {
  test('a Dom0 with its guests below it, how far and for how long, and a line that counts', () => {
    assert.deepEqual(frame(farm), [
      'MACHINE     STATE       PROGRESS            FOR      DETAIL',
      'acas0001    guests      -                   1:02:05  to install: acas0002 | acas0003',
      '  acas0002  installing  [####------]  42 %  1:01:05  packages',
      '  acas0003  ready       -                   12:05    -',
      'web         armed       -                   1:02:05  -',
      '4 machines: 1 guests, 1 installing, 1 ready, 1 armed; 1:02:00',
      'Ctrl-C stops',
    ])
  })

  test('no line is wider than the terminal', () => {
    for (const columns of [1, 20, 62, 79]) assert.ok(frame(farm, columns).every((line) => line.length <= columns))
    assert.deepEqual(
      [cutTo('日本語', 5), cutTo('e\u0301e\u0301e\u0301', 2), cutTo('ab', 9)],
      ['日本', 'e\u0301e\u0301', 'ab'],
    )
  })

  test('of more machines than lines, those under way and those that went wrong; the others are counted', () => {
    const many = Array.from({ length: 40 }, (_, index) =>
      seen(`node${index}`, null, { state: 'ready', phase: 'done' }),
    ).concat(
      seen('late', null, { state: 'failed', phase: 'lost' }),
      seen('slow', null, { state: 'dhcp', stage: 'dhcp' }),
    )
    const lines = frame(many, 80, 10)
    assert.equal(lines.length, 9, 'the last line is the cursor’s')
    assert.match(
      lines.join('\n'),
      /\nlate .*\nslow .*\n… and 37 more machines\n42 machines: 40 ready, 1 failed, 1 dhcp; /,
    )
    assert.ok(frame(many, 80, 2).length <= 4)
  })

  test('times', () => {
    const rows = [
      [-5000, '0:00'],
      [59_999, '0:59'],
      [605_000, '10:05'],
      [36_000_000, '10:00:00'],
    ] as const
    for (const [milliseconds, shown] of rows) assert.equal(duration(milliseconds), shown)
  })
})

describe('drawing in place', () => {
  const drawn = (...frames: readonly (readonly [lines: readonly string[], columns: number])[]) => {
    const written: string[] = []
    const screen = openScreen((text) => written.push(text))
    for (const [lines, columns] of frames) screen.draw(lines, { columns, rows: 24 })
    screen.close()
    screen.close()
    screen.draw(['late'], { columns: 80, rows: 24 })
    return written
  }

  test('one write for each frame, from where the last began; the cursor is given back once', () => {
    assert.deepEqual(drawn([['one', 'two'], 80], [['three'], 80]), [
      '\u001b[?25l',
      '\u001b[?7l\rone\u001b[K\ntwo\u001b[K\n\u001b[J\u001b[?7h',
      '\u001b[?7l\r\u001b[2Athree\u001b[K\n\u001b[J\u001b[?7h',
      '\u001b[?25h',
    ])
  })

  test('lines that a narrower terminal has wrapped are drawn over too', () => {
    assert.match(drawn([['x'.repeat(50), 'y'], 80], [['x'], 20])[2] ?? '', /\[4Ax/)
  })
})
