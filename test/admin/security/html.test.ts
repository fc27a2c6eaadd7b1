// Text that stands in the inventory, or that somebody sends, never becomes a part of a page. Each page is read as a
// browser reads it (parse5, the HTML Living Standard §13.2), and searched for what no page of ours has.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { DefaultTreeAdapterTypes } from 'parse5'
import { parse } from 'parse5'
import { isApi } from '../../../server/admin/route.ts'
import type { Farm } from '../api/farm.ts'
import { openApiFarm } from '../api/farm.ts'
import { get, post } from '../site.ts'
import { evilAttribute, evilElement, makeHostile, payloads, product } from './hostile.ts'
import { fieldNames, namesOf, pathsOf, queryNames } from './tour.ts'

type Node = DefaultTreeAdapterTypes.Node
type Element = DefaultTreeAdapterTypes.Element

const elementsIn = (node: Node): readonly Element[] => [
  ...('tagName' in node ? [node] : []),
  ...('content' in node ? elementsIn(node.content) : []),
  ...('childNodes' in node ? node.childNodes.flatMap(elementsIn) : []),
]

/** Attributes whose value a browser, or htmx, goes to. */
const leading =
  /^(href|src|action|formaction|poster|data|cite|srcset|hx-(get|post|put|patch|delete|push-url|replace-url))$/
/** Attributes in which htmx, or a browser, runs what stands there. */
const running = /^(on|hx-on|style$|srcdoc$|hx-vals$|hx-vars$)/

/** What is wrong with a page, in words; nothing when it has only what its templates say. */
function faultsOf(html: string): readonly string[] {
  const elements = elementsIn(parse(html, { scriptingEnabled: true }))
  return elements.flatMap(({ tagName, attrs, childNodes }) => [
    ...(tagName === evilElement || ['iframe', 'object', 'embed', 'base', 'style', 'math'].includes(tagName)
      ? [`an element ${tagName}`]
      : []),
    ...(tagName === 'script' && childNodes.length > 0 ? ['a script with text of its own'] : []),
    ...attrs.flatMap(({ name, value }) => [
      ...(name === evilAttribute || (name === 'autofocus' && tagName !== 'input') || running.test(name)
        ? [`${tagName} has ${name}=${value.slice(0, 60)}`]
        : []),
      ...(leading.test(name) && !/^(\/(?!\/|\\)|#|\?|$)/.test(value)
        ? [`${tagName} leads to ${value.slice(0, 60)}`]
        : []),
    ]),
  ])
}

/** Reads any answer; JSON and plain texts are no pages, and must not be taken for one. */
function assertHarmless(
  what: string,
  { text, headers }: Readonly<{ text: string; headers: Readonly<Record<string, string>> }>,
): void {
  assert.equal(headers['x-content-type-options'], 'nosniff', what)
  if (!(headers['content-type'] ?? '').startsWith('text/html')) return
  assert.deepEqual(faultsOf(text), [], what)
  assert.ok(!text.includes(product), `${what}: a template was run`)
}

const hostileFarm = async (t: Parameters<typeof openApiFarm>[0]): Promise<Farm> => {
  const farm = await openApiFarm(t)
  await makeHostile(farm)
  return farm
}

test('what looks for faults finds each of them', () => {
  const bad = [
    ...[0, 1, 3].map((at) => `<p title="${payloads[at] ?? ''}">`),
    ...[0, 1, 5, 6, 13].map((at) => `<p>${payloads[at] ?? ''}`),
    `<p title='${payloads[2] ?? ''}'>`,
    `<p title=${payloads[4] ?? ''}>`,
    `<textarea>${payloads[5] ?? ''}</textarea>`,
    '<a href="javascript:alert(1)">',
    '<a href="//evil.example.org/">',
    '<p onclick="x">',
    '<div hx-on:click="x">',
    '<script>x</script>',
  ]
  for (const html of bad) assert.notDeepEqual(faultsOf(html), [], html)
  assert.deepEqual(faultsOf('<a href="/machines/web?x=1#y">&lt;x-evil&gt;</a><script src="/assets/x.js"></script>'), [])
})

describe('hostile text', () => {
  test('in every column of every table, in names, reports, consoles and strangers stands on every page as text', async (t) => {
    const farm = await hostileFarm(t)
    const { app, routes, session } = farm.site
    const mine = await session('admin')
    const names = await namesOf(farm)
    let [pages, withPayload] = [0, 0]
    for (const route of routes.filter(({ method }) => method === 'get'))
      for (const path of pathsOf(route, names)) {
        if (route.path === '/api/v1/events') continue // a list of its own below, and a stream
        const answer = await get(app, path, mine)
        assert.ok(answer.status < 500, `${path}: ${answer.status} ${answer.text.slice(0, 300)}`)
        assertHarmless(path, answer)
        if (isApi(route.path)) continue
        pages++
        if (answer.text.includes('x-evil')) withPayload++
      }
    assert.ok(pages > 200 && withPayload > 100, `${pages} pages, ${withPayload} of them with a payload in it`)
  })

  test('in every parameter of the query stands on every page as text', async (t) => {
    const { app, routes, session } = (await hostileFarm(t)).site
    const mine = await session('admin')
    const names = {
      machines: ['web'],
      networks: ['farm'],
      profiles: ['base'],
      images: ['el9'],
      users: ['viewer'],
      generate: ['tftpboot'],
    }
    const evil = encodeURIComponent(`x${payloads[0]}${payloads[2]}${payloads[3]}${payloads[7]}`)
    assert.ok(queryNames.length > 20, queryNames.join(' '))
    for (const route of routes.filter(({ method, path }) => method === 'get' && !isApi(path)))
      for (const path of pathsOf(route, names))
        for (const query of [
          ...queryNames.map((name) => `${name}=${evil}`),
          `${evil}=${evil}`,
          'q=x&q=y&__proto__=z',
        ]) {
          const answer = await get(app, `${path}?${query}`, mine)
          assert.ok(answer.status < 500, `${path}?${query}: ${answer.status}`)
          assertHarmless(`${path}?${query}`, answer)
        }
  })

  test('in every segment of a path stands on every page, and in every refusal, as text', async (t) => {
    const { app, routes, session } = (await openApiFarm(t)).site
    for (const user of ['admin', 'viewer', null])
      for (const payload of payloads.filter(({ length }) => length < 1000)) {
        const evil = encodeURIComponent(payload.replaceAll('\u0000', ''))
        const mine = user === null ? null : await session(user)
        for (const route of routes.filter(({ method, path }) => method === 'get' && path.includes(':'))) {
          const path = route.path.replaceAll(/:\w+/g, evil)
          const answer = await get(app, path, mine)
          assert.ok(answer.status < 500, `${path}: ${answer.status}`)
          assertHarmless(path, answer)
        }
      }
  })

  test('in every field of a form stands on the page that comes back as text', async (t) => {
    const farm = await hostileFarm(t)
    const { app, routes, session } = farm.site
    const names = {
      machines: ['acas0002'],
      networks: ['farm'],
      profiles: ['base'],
      images: ['el9'],
      users: ['viewer'],
      generate: ['tftpboot'],
    }
    assert.ok(fieldNames.length > 30, fieldNames.join(' '))
    for (const route of routes.filter(({ method, path }) => method === 'post' && !isApi(path)))
      for (const path of pathsOf(route, names))
        for (const payload of [payloads[0], payloads[2], payloads[3], payloads[7]]) {
          const fields = Object.fromEntries(fieldNames.map((name) => [name, payload ?? '']))
          const answer = await post(app, path, await session('admin'), fields)
          assert.ok(answer.status < 500, `${path}: ${answer.status} ${answer.text.slice(0, 300)}`)
          assertHarmless(path, answer)
        }
  })
})
