// What became of a target, as pages say it: a checker's refusal names machine and place, a daemon that was not told is said so.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { outcomeView } from '../../../server/admin/pages/target-view.ts'
import type { Made } from '../../../server/manage/targets.ts'

const place = {
  folder: '/etc/kea/bootstead',
  main: null,
  check: true,
  reload: null,
  restart: null,
  controlSocket: null,
}
const told = { files: 3, conflicts: [], resumed: false }
const made = (publication: Made['publication'], reload: Made['reload'] = { kind: 'not owed' }): Made => ({
  ...{ kind: 'generated', target: 'kea', place, rendered: 3, files: 3, reload, publication },
  leftOut: [
    { kind: 'left-out', machine: 'acas0001', why: 'it has no address' },
    { kind: 'left-out', machine: 'acas0002', why: 'it has no address' },
  ],
  isIncluded: null,
})

test('a checker’s refusal names machines, places and what it says; nothing was published', () => {
  const blamed = [{ path: 'farm.json', line: 7, machine: 'web', complaint: 'bad address' }]
  const view = outcomeView(made({ kind: 'refused', output: 'farm.json:7: bad address', blamed, ...told }))
  assert.equal(view.tone, 'bad')
  assert.match(view.head, /refuses it, because of web\. Nothing was published/)
  assert.deepEqual(view.blamed, [{ machine: 'web', place: 'farm.json:7', complaint: 'bad address' }])
  assert.deepEqual(
    view.leftOut.map(({ folded, text }) => [folded, text]),
    [['acas[0001-0002]', 'it has no address']],
  )
})

test('files that are published while their daemon was not told are no success', () => {
  const publication = { kind: 'published', generation: 4, written: 1, removed: 1200, note: null, ...told } as const
  const view = outcomeView(
    made(publication, {
      kind: 'ran',
      generation: 4,
      tookMs: 1,
      ok: false,
      how: 'exit status 1',
      output: 'no such unit',
    }),
  )
  assert.deepEqual([view.tone, view.output], ['bad', 'no such unit'])
  assert.match(view.head, /Generation 4 is published: 1 file written, 1,200 removed/)
  assert.match(view.notes.join(), /was not told: exit status 1/)
  assert.equal(outcomeView(made(publication)).tone, 'good')
})

test('a failure is one sentence, a look says what would be done and what is in the way', () => {
  assert.match(
    outcomeView({ kind: 'failed', target: 'kea', place, why: 'no space left' }).head,
    /It failed: no space left/,
  )
  const conflicts = [{ path: 'farm.json', what: 'foreign', message: 'farm.json: not ours' }] as const
  const looked = { kind: 'compared', target: 'kea', place, rendered: 1, leftOut: [], ways: null } as const
  const view = outcomeView({ ...looked, ...told, conflicts, written: 2, removed: 0 })
  assert.deepEqual([view.head, view.isChanging], ['2 files would be written, 0 removed.', true])
  assert.deepEqual(view.conflicts, [{ path: 'farm.json', message: 'farm.json: not ours' }])
})
