// What the command line makes of servers that are away, are none of Bootstead's, or refuse. Over real sockets.
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer as createListener } from 'node:net'
import type { AddressInfo, Server } from 'node:net'
import { describe, test } from 'node:test'
import type { TestContext } from 'node:test'
import { z } from 'zod'
import { shaped } from '../../../server/cli/api-answer.ts'
import type { Patience } from '../../../server/cli/api-client.ts'
import { apiClient } from '../../../server/cli/api-client.ts'
import { Misworded } from '../../../server/manage/failure.ts'

async function listening(t: TestContext, server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => new Promise((resolve) => server.close(resolve)))
  return (server.address() as AddressInfo).port
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void

const serve = async (t: TestContext, handler: Handler): Promise<string> =>
  `http://127.0.0.1:${await listening(t, createServer(handler))}`

const client = (url: string, patience?: Patience) =>
  apiClient({ url, token: 'bootstead_secret', ca: null, notes: [] }, { wait: () => Promise.resolve() }, patience)
const list = (url: string) => client(url).ask('GET', '/machines', shaped(z.object({ items: z.array(z.string()) })))

const answering =
  (status: number, headers: Readonly<Record<string, string>>, body: unknown): Handler =>
  (_, response) =>
    void response.writeHead(status, headers).end(typeof body === 'string' ? body : JSON.stringify(body))
const own = { 'Bootstead-Api': '1', 'Content-Type': 'application/json' }
const problem = (status: number, detail: string, more: object = {}) => ({
  type: 'about:blank',
  status,
  detail,
  ...more,
})

test('a good answer is given as it came, its keys in their order; the token is in the header alone', async (t) => {
  const asked: { url?: string | undefined; authorization?: string | undefined } = {}
  const url = await serve(t, ({ url: path, headers: { authorization } }, response) => {
    Object.assign(asked, { url: path, authorization })
    response.writeHead(200, own).end('{"z":1,"items":["b"],"a":2}')
  })
  assert.equal(JSON.stringify(await list(url)), '{"z":1,"items":["b"],"a":2}')
  assert.deepEqual(asked, { url: '/api/v1/machines', authorization: 'Bearer bootstead_secret' })
})

describe('what is no Bootstead, or another one', () => {
  const cases: readonly (readonly [string, Handler, RegExp])[] = [
    [
      'a page',
      answering(200, { 'Content-Type': 'text/html; charset=utf-8' }, '<h1>nginx'),
      /answers 200 \(text\/html\), as no Bootstead does/,
    ],
    ['no page', answering(404, { 'Content-Type': 'text/html' }, 'gone'), /answers 404 \(text\/html\)/],
    [
      'a proxy without its server',
      answering(502, {}, ''),
      /answers 502 \(no text\), as no Bootstead does: .* is the server up\?/,
    ],
    [
      'a way elsewhere',
      answering(302, { Location: 'https://198.51.100.1/' }, ''),
      /answers 302 .* and points to https:\/\/198\.51\.100\.1\//,
    ],
    ['JSON of somebody', answering(200, { 'Content-Type': 'application/json' }, { items: [] }), /as no Bootstead does/],
    [
      'another version of the API',
      answering(404, { ...own, 'Bootstead-Api': '2' }, {}),
      /speaks version 2 of the API, and this program version 1: install the program of the server's version/,
    ],
    [
      'an answer of another form',
      answering(200, own, { items: [1] }),
      /answered what this program does not understand; is it of the same version\?/,
    ],
    ['half an answer', answering(200, own, '{"items":['), /answered what this program does not understand/],
  ]
  for (const [name, handler, expected] of cases)
    test(name, async (t) => {
      const url = await serve(t, handler)
      await assert.rejects(list(url), (error: Error) => error.message.startsWith(url) && expected.test(error.message))
    })
})

describe('a refusal', () => {
  const refused = async (
    t: TestContext,
    status: number,
    body: object,
    headers: Readonly<Record<string, string>> = {},
  ) => {
    const url = await serve(t, answering(status, { ...own, ...headers }, body))
    const error = await list(url).then(
      () => assert.fail('it was refused'),
      (one: unknown) => one as Error,
    )
    return { error, message: error.message.replace(url, 'URL') }
  }

  test('about the request is in the words of the database', async (t) => {
    for (const status of [404, 409, 412, 422])
      assert.equal(
        (await refused(t, status, problem(status, 'there is no machine web'))).message,
        'there is no machine web',
      )
    const { error } = await refused(t, 400, problem(400, 'vcpu: machines have no field vcpu'))
    assert.ok(error instanceof Misworded)
  })

  test('about the server or the token names the server, and when to try again', async (t) => {
    assert.equal(
      (await refused(t, 403, problem(403, 'this takes the role operator'))).message,
      'URL: this takes the role operator',
    )
    assert.equal(
      (await refused(t, 429, problem(429, 'too many requests'), { 'Retry-After': '7' })).message,
      'URL: too many requests; try again in 7 s',
    )
    assert.equal(
      (await refused(t, 503, problem(503, 'the database is away'), { 'Retry-After': '5' })).message,
      'URL: the database is away; try again in 5 s',
    )
    assert.match(
      (await refused(t, 413, problem(413, 'the request is too long'))).message,
      /^URL: the request is too long for the API; run the command on the server's host$/,
    )
  })
})

describe('no answer', () => {
  test('where nobody listens, where TLS is not spoken, and of a name that is nobody’s', async (t) => {
    const free = createListener()
    await new Promise<void>((resolve) => free.listen(0, '127.0.0.1', resolve))
    const { port } = free.address() as AddressInfo
    await new Promise((resolve) => free.close(resolve))
    await assert.rejects(list(`http://127.0.0.1:${port}`), /nobody listens there; is the server running/)
    const plain = await serve(t, answering(200, own, {}))
    await assert.rejects(list(plain.replace('http', 'https')), /it speaks no TLS; is it http:\/\/ \?/)
    await assert.rejects(list('http://nobody.invalid:1'), /there is no address of that name/)
  })

  test('in time is the end of patience', async (t) => {
    const deaf = createListener((socket) => socket.on('error', () => undefined).resume())
    const url = `http://127.0.0.1:${await listening(t, deaf)}`
    const patience = { connectMs: 5000, silenceMs: 50 }
    await assert.rejects(client(url, patience).ask('DELETE', '/users/bob', { schema: null }), (error: Error) =>
      /no answer within 0\.05 s; what was asked for may have been done all the same/.test(error.message),
    )
  })

  test('to what has a key, while the first of it is still being done: its end is the answer', async (t) => {
    const count = { requests: 0 }
    const url = await serve(t, ({ socket }, response) => {
      count.requests++
      if (count.requests === 1) return void socket.destroy()
      if (count.requests === 2) return void response.writeHead(409, own).end(JSON.stringify(problem(409, 'begun')))
      response.writeHead(200, own).end('{"items":[]}')
    })
    const asked = { body: {}, headers: { 'Idempotency-Key': 'k' }, isSafe: true }
    assert.deepEqual(await client(url).ask('POST', '/arm', shaped(z.looseObject({})), asked), { items: [] })
    assert.equal(count.requests, 3)
  })

  test('a 409 at once is a refusal, and not waited for', async (t) => {
    const count = { requests: 0 }
    const url = await serve(t, (_, response) => {
      count.requests++
      response.writeHead(409, own).end(JSON.stringify(problem(409, 'the row is of a view')))
    })
    await assert.rejects(
      client(url).ask('POST', '/arm', shaped(z.looseObject({})), { body: {}, isSafe: true }),
      /of a view/,
    )
    assert.equal(count.requests, 1)
  })
})
