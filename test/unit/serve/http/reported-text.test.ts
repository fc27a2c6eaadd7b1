import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { changeSnapshot } from '../../../../server/inventory/snapshot.ts'
import { consoleTail, reportedText } from '../../../../server/serve/http/reported-text.ts'
import { snapshotOf } from '../../../fixtures.ts'

const secretOf = (machine: string): string => `${machine}-0123456789abcdefgh`
const snapshot = changeSnapshot(
  snapshotOf(`
profiles: {xen: {hypervisor: xen}, p: {}}
machines: {dom0: {profile: xen}, guest: {profile: p, dom0: dom0}, stranger: {profile: p}}`),
  ['dom0', 'guest', 'stranger'].map((machine) => ({
    table: 'tokens' as const,
    key: `${machine}/1`,
    raw: {
      id: '1',
      machine,
      purpose: 'install',
      secret: secretOf(machine),
      created_at: '2026-01-01T00:00:00.000Z',
      expires_at: null,
      used_at: null,
    },
  })),
  2,
)
const kept = (text: string, hostname = 'guest'): string => reportedText(snapshot, hostname, text)

describe('what a machine said', () => {
  test('ECMA-48: control sequences, control strings and escapes go, whole', () => {
    const rows = [
      ['\u001b[1;31mred\u001b[0m', 'red'],
      ['\u001b[?25l\u001b[2J\u001b[10;1Hat ten', 'at ten'],
      ['\u009b1mbold', 'bold'],
      ['\u001b]0;title\u0007text', 'text'],
      ['\u001b]8;;http://x\u001b\\link\u001b]8;;\u001b\\', 'link'],
      ['\u001bPq#0;2\u001b\\after', 'after'],
      ['\u001b(Bplain\u001b7\u001b=', 'plain'],
      ['cut \u001b', 'cut '],
      ['bell\u0007 back\b null\u0000 \u0085next', 'bell back null next'],
      ['\u202Etxt.exe\u2066 \u200F', 'txt.exe '],
    ] as const
    for (const [said, shown] of rows) assert.equal(kept(said), shown)
  })

  test('a line that was written over is what it was last; tabs and line ends stay', () => {
    assert.equal(kept('one\r\n 10%\r 20%\r 30%\r\n\tdone\n'), 'one\n 30%\n\tdone\n')
  })

  test('half a megabyte of escapes, carriage returns or nothing at all is read at once', () => {
    for (const piece of ['\u001b]', '\u001b[', '\r', ' ', 'x', '\u001b['.repeat(3) + '\n'])
      assert.ok(kept(piece.repeat(500_000 / piece.length)).length <= 500_000)
  })

  test('DESIGN §7: no token of the machine, its Dom0 or its guests is kept', () => {
    const log = ['guest', 'dom0'].map((machine) => `inst.ks=http://x/ks?token=${secretOf(machine)} ip=x`).join('\n')
    const shown = 'inst.ks=http://x/ks?token=(token) ip=x\ninst.ks=http://x/ks?token=(token) ip=x'
    assert.deepEqual([kept(log), kept(log, 'dom0')], [shown, shown])
    assert.equal(kept(`\u001b[1m${secretOf('guest').slice(0, 9)}\u001b[0m${secretOf('guest').slice(9)}`), '(token)')
  })

  test('nor the part of one at which a log was cut off', () => {
    assert.equal(kept(`${secretOf('guest').slice(7)} ip=x`), '(token) ip=x')
    assert.equal(kept(`ks?token=${secretOf('guest').slice(0, 12)}`), 'ks?token=(token)')
  })
})

test('of a console the end is kept, 16,384 characters of it', () => {
  const tail = consoleTail(snapshot, 'guest', `first\n${'x'.repeat(16_380)}\nend`)
  assert.deepEqual([tail.length, tail.startsWith('x'), tail.endsWith('\nend')], [16_384, true, true])
})
