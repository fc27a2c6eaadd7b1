// Golden files: expected artefacts byte for byte, at the path they are served at.
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/**
 * Compares with `test/golden/PATH`. With UPDATE_GOLDEN=1 it rewrites the file when it differs, and fails all the same: a
 * test can't bless itself, the review is `git diff test/golden`.
 */
export function assertGolden(path: string, text: string): void {
  const file = join(import.meta.dirname, path)
  const expected = existsSync(file) ? readFileSync(file, 'utf8') : null
  if (expected === text) return
  if (process.env['UPDATE_GOLDEN'] !== '1')
    assert.equal(text, expected, `test/golden/${path} differs; if that is meant, run with UPDATE_GOLDEN=1 and review the diff`)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
  assert.fail(`test/golden/${path} was ${expected === null ? 'written' : 'rewritten'}: review it and run again without UPDATE_GOLDEN`)
}
