// What keeps the check of the documents honest: which blocks there are, and what counts as printed.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { blocksOf, commandsOfConsole } from './blocks.ts'
import { differenceOf } from './compare.ts'
import { picturesOf } from './pictures.ts'
import { commandsOf } from './shell.ts'

describe('blocks', () => {
  test('each has its line, its language, and what the remark before it says', () => {
    const blocks = blocksOf(
      [
        '```',
        'one',
        '```',
        '<!-- not run: writes a disk -->',
        '',
        '1. a list:',
        '',
        '   ```yaml',
        '   a:',
        '     b: 1',
        '   ```',
        '<!-- beside, until it says "serving" -->',
        '',
        '```sh',
        'serve',
        '```',
        '<!-- until it says "x" -->',
        '```console',
        '$ a',
        '```',
      ].join('\n'),
    )
    assert.deepEqual(
      blocks.map(({ line, language, text, treatment }) => [line, language, text, treatment.kind]),
      [
        [1, 'sh', 'one', 'run'],
        [8, 'yaml', 'a:\n  b: 1', 'run'], // the remark is of the text between
        [14, 'sh', 'serve', 'beside'],
        [18, 'console', '$ a', 'until'],
      ],
    )
  })

  test('an indented block, one without an end, and a remark that says nothing known are errors', () => {
    assert.throws(() => blocksOf('text\n\n    bootstead check\n'), /line 3: an indented block/)
    assert.throws(() => blocksOf('```\nbootstead check\n'), /line 1: a block without an end/)
    assert.throws(() => blocksOf('<!-- skip -->\n\n```\nbootstead check\n```\n'), /neither "not run: WHY"/)
    assert.throws(() => blocksOf('<!-- not run: -->\n\n```\nbootstead check\n```\n'), /neither "not run: WHY"/)
  })

  test('a console has commands with what they print, or none', () => {
    const [block] = blocksOf('```console\n$ a \\\n> b\nout\n\nmore\n$ c\n```')
    assert.ok(block)
    assert.deepEqual(commandsOfConsole(block), [
      { line: 2, command: 'a \\\nb', output: 'out\n\nmore' },
      { line: 7, command: 'c', output: null },
    ])
  })

  test('a loop, a here-document and a continued line are one command each', () => {
    const script = "a; b\nfor x in 1 2; do\n  c $x\ndone\n# a remark\ncat <<'END'\nd\n\nEND\ne \\\n  f"
    assert.deepEqual(commandsOf(script), [
      'a; b',
      'for x in 1 2; do\n  c $x\ndone',
      "cat <<'END'\nd\n\nEND",
      'e \\\n  f',
    ])
    assert.throws(() => commandsOf('if true; then'), /no complete command/)
  })

  test('a picture has the page of the remark behind it', () => {
    assert.deepEqual(picturesOf('text\n\n![A farm](../pictures/farm.png)\n\n<!-- picture: /machines -->\n'), [
      { line: 5, page: '/machines', file: 'farm.png' },
    ])
  })
})

describe('what is shown and what was printed', () => {
  test('words and their order count, spaces between them do not', () => {
    assert.equal(differenceOf('a   b\nc', 'a b  \nc\n'), null)
    assert.match(differenceOf('a b\nc', 'a b\nd') ?? '', /shown: c\nprinted: d/)
    assert.match(differenceOf('a', 'a\nb') ?? '', /nothing more/)
    assert.match(differenceOf('a\nb', 'a') ?? '', /shown: b/)
    assert.notEqual(differenceOf('memory 4864', 'memory 4096'), null)
    assert.notEqual(differenceOf('a.c', 'abc'), null)
  })

  test('… is anything in a line, and any number of lines', () => {
    assert.equal(differenceOf('a … d\n…\nz', 'a b c d\n1\n2\nz'), null)
    assert.equal(differenceOf('a\n…', 'a\n1\n2'), null)
    assert.notEqual(differenceOf('a\n…\nz', 'a\n1\ny'), null)
  })

  test('times, durations, tokens and checksums are compared by their kind', () => {
    const [token, other] = ['A'.repeat(22), 'b-_'.repeat(8)]
    assert.equal(
      differenceOf(
        `at 2026-11-20T12:00:00.000Z, 0.6 s, ?token=${token} ${'0'.repeat(64)} 2:29`,
        `at 2027-01-02T03:04:05.678Z, 12.1 s, ?token=${other} ${'f'.repeat(64)} 11:02`,
      ),
      null,
    )
    assert.notEqual(differenceOf('at 2026-11-20T12:00:00Z', 'at noon'), null)
  })
})
