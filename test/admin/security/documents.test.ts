// Documents to import that are made to keep the server busy, or to end it: the API and the page refuse each in a sentence.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { readSnapshot } from '../../../server/inventory/store/read.ts'
import { openAsking } from '../pages/asking.ts'
import { textOf } from '../site.ts'

const open = openAsking()

const depth = 100_000
const tooDeep = 'farm.yaml: is nested more than 100 deep; nothing that is meant is'
const tooMany = 'farm.yaml: its aliases stand for more than 1000 values; write out what is meant'
const chain = (first: string, next: (before: string) => string): string =>
  Array.from({ length: 30 }, (_, at) => `a${at}: &a${at} ${at === 0 ? first : next(`*a${at - 1}`)}`).join('\n')

const documents: Readonly<Record<string, Readonly<{ text: string; why: string }>>> = {
  'brackets that are never closed': { text: '['.repeat(depth), why: tooDeep },
  'brackets in the params of a machine': {
    text: `machines: {web: {profile: base, params: {x: ${'['.repeat(depth)}${']'.repeat(depth)}}}}`,
    why: tooDeep,
  },
  'JSON objects in one another': { text: `${'{"machines":'.repeat(depth)}1${'}'.repeat(depth)}`, why: tooDeep },
  'lists of lists': { text: `machines: \n${'- '.repeat(depth)}x`, why: tooDeep },
  'an anchor within itself': {
    text: 'machines: {web: &web {profile: base, params: {a: *web, b: *web}}}',
    why: tooDeep,
  },
  'anchors that multiply': { text: chain('[x, x]', (before) => `[${`${before}, `.repeat(9)}]`), why: tooMany },
  'merged maps that multiply': {
    text: chain('{x: 1}', (before) => `{<<: [${`${before}, `.repeat(9)}]}`),
    why: tooMany,
  },
  'an error at each of very many words': {
    text: '!a '.repeat(30_000),
    why: 'farm.yaml: and 29979 more like these',
  },
}

describe('a document of', () => {
  for (const [what, { text, why }] of Object.entries(documents))
    test(`${what} is refused in a sentence, changes nothing, and stops nobody`, async (t) => {
      const { farm, get, upload } = await open(t)
      const { revision } = await readSnapshot(farm.store)
      const body = { documents: [{ name: 'farm.yaml', text, table: null }], dryRun: false }
      const told = await farm.ask('post', '/import', { body })
      assert.equal(told.status, 422)
      assert.ok((told.body as Readonly<{ detail: string }>).detail.includes(why), told.text.slice(0, 500))
      for (const act of ['look', 'do']) {
        const shown = await upload('/import', { act }, { name: 'farm.yaml', text })
        assert.deepEqual([shown.status, textOf(shown).includes(why)], [422, true], act)
      }
      assert.equal((await farm.ask('get', '/machines/web')).status, 200)
      assert.equal((await get('/machines')).status, 200)
      assert.equal((await readSnapshot(farm.store)).revision, revision)
    })
})
