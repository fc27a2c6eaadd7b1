import assert from 'node:assert/strict'
import { describe, mock, test } from 'node:test'
import fc from 'fast-check'
import { refusalLimit, refusalOfRequest, withoutLeadingSlashes } from '../../../../server/serve/tftp/refusal.ts'

const read = (path: string, mode = 'octet') => refusalOfRequest({ kind: 'read', path, mode, options: new Map() })

describe('refusals', () => {
  test('an address is told 200 errors a second and no more, others are told theirs', () => {
    const clock = mock.method(performance, 'now', () => 5000)
    try {
      const mayTell = refusalLimit()
      const told = Array.from({ length: 500 }, () => mayTell('192.0.2.1')).filter(Boolean)
      assert.equal(told.length, 200)
      assert.equal(mayTell('192.0.2.2'), true)
      clock.mock.mockImplementation(() => 6000)
      assert.equal(mayTell('192.0.2.1'), true)
    } finally {
      clock.mock.restore()
    }
  })

  test('a path that leads upwards is refused wherever it does, two dots in a name are not', () => {
    for (const path of ['..', '../x', '/../x', 'a/..', 'a/../b']) assert.equal(read(path)?.code, 2, path)
    for (const path of ['..a', 'a..', 'a..b/c', '...', 'a/.../b', '.treeinfo']) assert.equal(read(path), null, path)
  })

  test('a path that is not refused has no segment .., no backslash and no control character, and names something', () => {
    const words = fc.constantFrom('..', '.', '/', '\\', 'a', '\n', '\x7f', 'ü', '%', '')
    fc.assert(
      fc.property(
        fc.array(words).map((parts) => parts.join('')),
        (path) => {
          if (read(path) !== null) return
          const rest = withoutLeadingSlashes(path)
          assert.ok(
            rest !== '' && !rest.startsWith('/') && !rest.split('/').includes('..') && !/[\\\p{Cc}]/u.test(rest),
          )
        },
      ),
    )
  })
})
