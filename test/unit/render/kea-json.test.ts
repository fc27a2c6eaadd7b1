// Kea's configuration files as one JSON text: src/bin/dhcp4/dhcp4_lexer.ll of Kea 2.2 says what may stand in them.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { expandKea } from '../../../server/render/daemons/kea-json.ts'

const unread = (path: string): string => {
  throw new Error(`${path} is not there`)
}

function expand(text: string, files: Readonly<Record<string, string>> = {}): string {
  const read = (path: string): string => files[path] ?? unread(path)
  return [...expandKea({ path: '/etc/kea/main', text }, read).pieces].join('')
}

const valueOf = (text: string, files?: Readonly<Record<string, string>>): unknown => JSON.parse(expand(text, files))

test('comments of three kinds go, strings that look like them stay', () => {
  const text = `# one
{ // two
  "a": "# none", /* three
  and four */ "b": "// none /* none */", "c": [ 1, /**/ 2 ] # "five"
} // six`
  assert.deepEqual(valueOf(text), { a: '# none', b: '// none /* none */', c: [1, 2] })
})

test('a comma behind the last item goes, whatever lies between it and the bracket', () => {
  assert.deepEqual(valueOf('{ "a": [ 1, 2, ], "b": { "c": 1, # why\n }, /* ] */ "d": [ [], {}, ],\n\n}'), {
    a: [1, 2],
    b: { c: 1 },
    d: [[], {}],
  })
})

test('a comma before the first item is as wrong as in Kea', () => {
  assert.throws(() => valueOf('[ , 1 ]'), SyntaxError)
})

test('quotes, backslashes and include lines within strings are theirs', () => {
  const value = { path: 'C:\\', quote: 'say "x, }"', include: '<?include "/nowhere"?>', text: 'ä\u2028\u0007' }
  assert.deepEqual(valueOf(JSON.stringify(value, null, 1)), value)
})

test('JSON is the same afterwards', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.nat(2), (value, indent) => {
      const text = JSON.stringify(value, null, indent)
      assert.deepEqual(valueOf(text), JSON.parse(text))
    }),
  )
})

test('numbers are not read on the way: no digit is lost', () => {
  assert.match(expand('{"id": 12345678901234567890}'), /12345678901234567890/)
})

test('words that only a space separates are not joined', () => {
  assert.throws(() => valueOf('[ 1 2 ]'), SyntaxError)
  assert.throws(() => valueOf('[ 1/**/2 ]'), SyntaxError)
})

test('files are included within lists, within one another, and when there is nothing in them', () => {
  const files = {
    '/f/items': '# ours\n{"n": 1},\n<?include "/f/more"?>\n',
    '/f/more': '{"n": 2},\n',
    '/f/none': '# ours\n',
  }
  const text = '{ "own": [ 0, <?include "/f/none"?> ], "all": [ {"n": 0}, <? include "/f/items" ?> ], }'
  assert.deepEqual(valueOf(text, files), { own: [0], all: [{ n: 0 }, { n: 1 }, { n: 2 }] })
})

test('each line is known by its file and line', () => {
  const files = { '/f/items': '# ours\n"first",\n/* two\nlines */ "second",\n', '/f/none': '' }
  const main = '{\n  "list": [ <?include "/f/items"?> <?include "/f/none"?> "own",\n "last" ]\n}\n'
  const { pieces, placeOf } = expandKea({ path: '/etc/main', text: main }, (path) => files[path as '/f/items'])
  const lines = [...pieces].join('').split('\n')
  const placeOfWord = (word: string): string | null => placeOf(lines.findIndex((line) => line.includes(word)))
  assert.deepEqual(['list', 'first', 'second', 'own', 'last'].map(placeOfWord), [
    '/etc/main:2',
    '/f/items:2',
    '/f/items:4',
    '/etc/main:2',
    '/etc/main:3',
  ])
  assert.equal(placeOf(0), null)
  assert.equal(placeOf(lines.length), null)
})

test('what can’t be told to be whole is refused, with file and line', () => {
  const refused: readonly (readonly [string, RegExp])[] = [
    ['{\n"a": [ 1, }', /^\/etc\/kea\/main line 2: \} closes nothing that is open$/],
    ['{\n"a": [ 1, ]', /^\/etc\/kea\/main line 2: \{ is never closed$/],
    ['{}\n]', /^\/etc\/kea\/main line 2: \] closes nothing that is open$/],
    ['{ "a": "x\n" }', /^\/etc\/kea\/main line 1: Kea reads nothing that begins with "\\"x/],
    ['{ /* }', /^\/etc\/kea\/main line 1: Kea reads nothing that begins with "\/\*/],
    ['[ <?include /f?> ]', /^\/etc\/kea\/main line 1: Kea reads nothing that begins with "<\?include/],
    ['\n[ <?include "hosts.json"?> ]', /line 2: hosts\.json is looked for where Kea was started; name it from \/ on/],
    ['[ <?include "/nowhere"?> ]', /\/nowhere is not there/],
  ]
  for (const [text, message] of refused) assert.throws(() => expand(text), { message })
})

test('a file that includes itself is refused', () => {
  assert.throws(() => expand('[ <?include "/f"?> ]', { '/f': '1,\n<?include "/f"?>' }), {
    message: '/f line 2: more than 10 files include one another',
  })
})
