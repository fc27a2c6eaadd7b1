// What is wrong with a target, said once.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pino } from 'pino'
import type { Publication } from '../../../server/serve/disk/publish.ts'
import type { Reload } from '../../../server/serve/disk/reload.ts'
import { failureTrouble, logTroubles, troublesOf } from '../../../server/serve/troubles.ts'
import type { Trouble } from '../../../server/serve/troubles.ts'

const calm: Publication = { kind: 'unchanged', files: 1, conflicts: [], resumed: false }
const notOwed: Reload = { kind: 'not owed' }

function troubles(publication: Publication, reload: Reload = notOwed): readonly Trouble[] {
  return troublesOf({ publication, reload })
}

const refused = (output: string, ...machines: readonly string[]): Publication => ({
  ...calm,
  kind: 'refused',
  output,
  blamed: machines.map((machine, index) => ({ path: 'hosts/1', line: index + 1, machine, complaint: output })),
})

function logged(before: readonly Trouble[], now: readonly Trouble[]): readonly string[] {
  const lines: string[] = []
  const log = pino({ base: null, timestamp: false }, { write: (line) => void lines.push(line) })
  logTroubles(log, 'kea', before, now)
  return lines.map((line) => (JSON.parse(line) as Readonly<{ msg: string }>).msg)
}

test('a refusal names the machines whose lines they are, each once', () => {
  const [trouble] = troubles(refused('duplicate', 'node2', 'node3', 'node2'))
  assert.match(trouble?.reason ?? '', /because of node2, node3$/)
  assert.deepEqual(trouble?.fields, { machines: ['node2', 'node3'], output: 'duplicate' })
})

test('the same refusal is said once, though Kea gives it another time each time; that of another machine is another', () => {
  const first = troubles(refused('2026-11-23 12:00:00.000 ERROR duplicate', 'node2'))
  const again = troubles(refused('2026-11-23 12:01:00.000 ERROR duplicate', 'node2'))
  assert.equal(logged([], first).length, 1)
  assert.deepEqual(logged(first, again), [])
  assert.equal(logged(first, troubles(refused('duplicate', 'node3'))).length, 1)
})

test('what was wrong and is so no more is said too, and nothing of what always was well', () => {
  const failed = [failureTrouble(new Error('the file system is full'))]
  assert.deepEqual(logged(failed, troubles(calm)), ['the target is as it should be again'])
  assert.deepEqual(logged([], troubles(calm)), [])
})

test('a conflict holds nothing else up; of very many the first are named and the rest counted', () => {
  const conflicts = Array.from({ length: 1000 }, (_, index) => ({
    path: `ipxe/${index}`,
    what: 'foreign' as const,
    message: `ipxe/${index}: not ours`,
  }))
  const found = troubles({ ...calm, conflicts })
  assert.ok(found.length < 30)
  assert.ok(found.every(({ reason }) => reason === null))
  assert.match(String(found[0]?.fields['wayOut']), /--adopt ipxe\/0/)
  assert.equal(found.at(-1)?.fields['conflicts'], 1000)
  const immutable = { path: 'ipxe/1', what: 'refused', message: 'ipxe/1: is it immutable?' } as const
  const [refusedBySystem] = troubles({ ...calm, conflicts: [immutable] })
  assert.deepEqual(refusedBySystem?.fields, { path: 'ipxe/1', why: immutable.message }, 'adopting would not help')
})

test('a reload that failed says how, with what it printed', () => {
  const ran = {
    kind: 'ran',
    generation: 1,
    ok: false,
    how: 'exit status 1',
    output: 'no such unit',
    tookMs: 3,
  } as const
  const [trouble] = troubles(calm, ran)
  assert.match(trouble?.reason ?? '', /the reload failed: exit status 1/)
  assert.equal(trouble?.fields['output'], 'no such unit')
  assert.deepEqual(troubles(calm, { ...ran, ok: true }), [])
})
