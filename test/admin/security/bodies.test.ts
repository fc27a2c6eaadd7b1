// Bodies that are too long, too deep, of another kind, or made to confuse: each is refused, and the next one is answered.
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { describe, test } from 'node:test'
import type { TestContext } from 'node:test'
import { readSnapshot } from '../../../server/inventory/store/read.ts'
import type { Farm } from '../api/farm.ts'
import { openApiFarm } from '../api/farm.ts'
import { askRaw, listenAt, parseAnswer, untilClosed } from './wire.ts'

async function open(t: TestContext) {
  const farm = await openApiFarm(t)
  const { port } = await listenAt(t, farm.site)
  const send = (method: string, path: string, headers: Readonly<Record<string, string>>, body: string | Buffer = '') =>
    askRaw(
      port,
      `${method} /api/v1${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${farm.tokens.operator}\r\n${Object.entries(
        headers,
      )
        .map(([name, value]) => `${name}: ${value}\r\n`)
        .join('')}`,
      body,
    )
  const json = (method: string, path: string, body: string) =>
    send(method, path, { 'Content-Type': 'application/json', 'Content-Length': String(Buffer.byteLength(body)) }, body)
  return { farm, port, send, json }
}

async function assertUntouched({ store }: Farm, before: number): Promise<void> {
  assert.equal((await readSnapshot(store)).revision, before)
  assert.equal(({} as Readonly<Record<string, unknown>>)['polluted'], undefined)
}

describe('a body', () => {
  test('that says it is too long is refused before it is read; one in pieces, as soon as it is', async (t) => {
    const { farm, port, send } = await open(t)
    const { revision } = await readSnapshot(farm.store)
    const declared = await send('POST', '/changes', {
      'Content-Type': 'application/json',
      'Content-Length': '99000000000',
    })
    assert.equal(declared.status, 413)
    const socket = connect(port, '127.0.0.1')
    const ended = untilClosed(socket)
    socket.write(
      `POST /api/v1/changes HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${farm.tokens.operator}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`,
    )
    const piece = `100000\r\n${' '.repeat(0x100000)}\r\n`
    const more = (left: number): void => {
      if (left > 0 && socket.writable) socket.write(piece, () => more(left - 1))
    }
    more(400)
    const { status } = parseAnswer(await ended)
    assert.ok([413, 0].includes(status), `${status}: the answer, or an end while we were still sending`)
    assert.ok(socket.bytesWritten < 200 * 0x100000, `${socket.bytesWritten} bytes were taken`)
    await assertUntouched(farm, revision)
  })

  test('with two lengths, a length and pieces, or a length that is none, is refused: who reads it otherwise smuggles', async (t) => {
    const { farm, send } = await open(t)
    const { revision } = await readSnapshot(farm.store)
    const type = { 'Content-Type': 'application/json' }
    for (const headers of [
      { ...type, 'Content-Length': '2', 'content-length': '3' },
      { ...type, 'Content-Length': '2', 'Transfer-Encoding': 'chunked' },
      { ...type, 'Content-Length': '-1' },
      { ...type, 'Content-Length': '0x2' },
      { ...type, 'Transfer-Encoding': 'chunked, identity' },
      { ...type, 'Transfer-Encoding': ' chunked\r\n x' },
    ])
      assert.ok([400, 501].includes((await send('POST', '/changes', headers, '{}')).status), JSON.stringify(headers))
    await assertUntouched(farm, revision)
  })

  test('without a length is none: the request lacks what it needs', async (t) => {
    const { send } = await open(t)
    assert.equal((await send('POST', '/changes', { 'Content-Type': 'application/json' })).status, 400)
  })

  test('of another type, charset or coding than JSON is a 415 that names the right one', async (t) => {
    const { farm, send } = await open(t)
    const { revision } = await readSnapshot(farm.store)
    for (const headers of [
      ...[
        'text/plain',
        'application/x-www-form-urlencoded',
        'multipart/form-data; boundary=x',
        'application/xml',
        'x',
      ].map((type) => ({ 'Content-Type': type })),
      { 'Content-Type': 'application/json; charset=latin1' },
      ...['gzip', 'br', 'deflate', 'bogus'].map((coding) => ({
        'Content-Type': 'application/json',
        'Content-Encoding': coding,
      })),
    ]) {
      const answer = await send('PATCH', '/machines/web', { ...headers, 'Content-Length': '13' }, '{"vcpus": 4 }')
      assert.equal(answer.status, 415, JSON.stringify(headers))
    }
    await assertUntouched(farm, revision)
  })

  test('that is deep, long in one field, or full of numbers and keys is refused and stops nobody', async (t) => {
    const { farm, json } = await open(t)
    const { revision } = await readSnapshot(farm.store)
    const deep = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`
    const bodies = [
      deep(100_000),
      `{"edits": ${deep(50_000)}}`,
      `{"edits": ${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}}`,
      `{"edits": [${'{},'.repeat(100_000)}{}]}`,
      `{"edits": [], ${Array.from({ length: 100_000 }, (_, index) => `"k${index}": 1`).join(',')}}`,
      `{"edits": "${'\\u0000'.repeat(100_000)}"}`,
      `{"edits": 1e999999}`,
      `{"edits": ${'9'.repeat(100_000)}}`,
      '\uFEFF{"edits": []}x',
      '[]',
      'null',
      '"edits"',
      '{"edits": [}',
      '',
    ]
    for (const body of bodies) {
      const { status } = await json('POST', '/changes', body)
      assert.ok([400, 413, 422].includes(status), `${body.slice(0, 40)}: ${status}`)
    }
    for (const body of [`{"params": {"a": ${deep(20_000)}}}`, `{"notes": "${'x'.repeat(100_000)}"}`]) {
      const { status } = await json('PATCH', '/machines/web', body)
      assert.ok(status < 500, `${body.slice(0, 40)}: ${status}`)
    }
    assert.equal((await json('POST', '/changes', '{"edits": [], "dryRun": true}')).status < 500, true)
    assert.ok((await readSnapshot(farm.store)).revision <= revision + 1)
  })

  test('with __proto__, constructor, or a key twice is no way into any object', async (t) => {
    const { farm, json } = await open(t)
    const evil = [
      '{"__proto__": {"polluted": true, "role": "admin"}, "vcpus": 3}',
      '{"constructor": {"prototype": {"polluted": true}}}',
      '{"params": {"__proto__": {"polluted": true}, "constructor": {"prototype": {"polluted": 1}}}}',
      '{"interfaces": {"__proto__": {"mac": "00:00:5e:00:53:77"}}}',
    ]
    for (const body of evil) {
      const { status } = await json('PATCH', '/machines/web', body)
      assert.ok(status < 500, `${body}: ${status}`)
      assert.equal(({} as Readonly<Record<string, unknown>>)['polluted'], undefined)
      assert.equal(({} as Readonly<Record<string, unknown>>)['mac'], undefined)
    }
    // RFC 8259 §4: of a name that is there twice the last counts, here as in every parser before us.
    assert.equal((await json('PATCH', '/machines/web', '{"vcpus": 3, "vcpus": 5}')).status, 200)
    assert.equal((await readSnapshot(farm.store)).machines.get('web')?.vcpus, 5)
    for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty'])
      for (const path of [`/machines/${name}`, `/networks/${name}`, `/targets/${name}/check`, `/site/${name}`])
        assert.equal((await json('GET', path, '')).status, 404, path)
  })
})
