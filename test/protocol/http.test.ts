// The HTTP door by itself: what RFC 9110 asks of it, over a real resolver and real files.
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { Agent, createServer, get } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { connect } from 'node:net'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { Response } from 'supertest'
import supertest from 'supertest'
import { sqliteStore, startServer, temporaryFolder } from '../fixtures.ts'
import { menuPath, openHttpDoor } from './http-door.ts'
import { waitUntil } from './tftp-stage.ts'

const repomd = '/repo/el9/repodata/repomd.xml'
const text = (response: Response): string =>
  response.text || (Buffer.isBuffer(response.body) ? response.body.toString() : '')

describe('an artefact', () => {
  test('RFC 9110 §8: has its type, its length and a strong validator; a cache asks before it uses it again', async (t) => {
    const { app } = openHttpDoor(t)
    const answer = await supertest(app).get(menuPath)
    assert.equal(answer.status, 200)
    assert.match(text(answer), /^#!ipxe\n# node1: boot is local\n/)
    assert.equal(answer.headers['content-type'], 'text/plain; charset=utf-8')
    assert.equal(answer.headers['content-length'], String(Buffer.byteLength(text(answer))))
    assert.match(answer.headers['etag'] ?? '', /^"[\w-]+"$/)
    assert.equal(answer.headers['cache-control'], 'no-cache')
    assert.equal(answer.headers['vary'], 'Authorization')
    assert.equal(answer.headers['x-powered-by'], undefined)
  })

  test('RFC 9110 §13.1.2: If-None-Match with its validator, a list with it, or * is a 304 without a body; another is a 200', async (t) => {
    const { app } = openHttpDoor(t)
    const etag = (await supertest(app).get(menuPath)).headers['etag'] ?? ''
    for (const given of [etag, `"x", ${etag}`, `W/${etag}`, '*']) {
      const answer = await supertest(app).get(menuPath).set('If-None-Match', given)
      assert.deepEqual([answer.status, text(answer), answer.headers['etag']], [304, '', etag], given)
    }
    assert.equal((await supertest(app).get(menuPath).set('If-None-Match', '"x"')).status, 200)
    const forced = await supertest(app).get(menuPath).set('If-None-Match', etag).set('Cache-Control', 'no-cache')
    assert.equal(forced.status, 200)
  })

  test('RFC 9110 §9.3.2: HEAD has the same headers and no body, and is no sign of a machine', async (t) => {
    const { app, events } = openHttpDoor(t)
    const head = await supertest(app).head(menuPath)
    assert.deepEqual(events, [])
    const whole = await supertest(app).get(menuPath)
    for (const name of ['content-type', 'content-length', 'etag', 'cache-control'])
      assert.equal(head.headers[name], whole.headers[name], name)
    assert.equal(text(head), '')
    assert.deepEqual(
      events.map(({ machine, stage, detail }) => [machine, stage, detail]),
      [['node1', 'loader', 'ipxe menu: boot is local']],
    )
  })

  test('RFC 9110 §14.2: a range of a rendered text is not served in parts, but whole', async (t) => {
    const { app } = openHttpDoor(t)
    const answer = await supertest(app).get(menuPath).set('Range', 'bytes=0-3')
    assert.deepEqual([answer.status, text(answer).startsWith('#!ipxe')], [200, true])
  })

  test('a refusal is never kept by a cache', async (t) => {
    const { app } = openHttpDoor(t)
    const answer = await supertest(app).get('/ks/node1')
    assert.deepEqual(
      [answer.status, answer.headers['cache-control'], answer.headers['content-type']],
      [403, 'no-store', 'text/plain; charset=utf-8'],
    )
  })
})

test('a machine’s timeline has what was refused with its reason, be it asked by whom, and nothing of names that are only tried', async (t) => {
  const { app, events } = openHttpDoor(t)
  for (const path of ['/ks/node1?token=wrong', '/images/el9/none', '/grub/x86_64-efi/none.lst'])
    await supertest(app).get(path)
  await supertest(app).head('/ks/node1')
  assert.deepEqual(
    events.map(({ machine, stage, detail }) => [machine, stage, detail]),
    [
      [
        'node1',
        'loader',
        "ks/node1 over http: refused (the token is not node1's: arm it again if it is to be installed (bootstead machine install node1))",
      ],
      ['node1', 'loader', 'images/el9/none over http: refused (no such file)'],
    ],
  )
})

describe('a file', () => {
  test('RFC 9110 §14: whole, a part, its end, what follows, and a part that is longer than the file', async (t) => {
    const { app } = openHttpDoor(t)
    const part = async (range: string): Promise<readonly unknown[]> => {
      const answer = await supertest(app).get(repomd).set('Range', range)
      return [answer.status, text(answer), answer.headers['content-range'], answer.headers['content-length']]
    }
    const whole = await supertest(app).get(repomd)
    assert.deepEqual(
      [whole.status, text(whole), whole.headers['accept-ranges'], whole.headers['content-length']],
      [200, '0123456789', 'bytes', '10'],
    )
    assert.deepEqual(await part('bytes=2-4'), [206, '234', 'bytes 2-4/10', '3'])
    assert.deepEqual(await part('bytes=-3'), [206, '789', 'bytes 7-9/10', '3'])
    assert.deepEqual(await part('bytes=8-'), [206, '89', 'bytes 8-9/10', '2'])
    assert.deepEqual(await part('bytes=8-99'), [206, '89', 'bytes 8-9/10', '2'])
  })

  test('RFC 9110 §15.5.17: a part that isn’t there is a 416 that tells the length; nonsense is as if nothing was asked', async (t) => {
    const { app } = openHttpDoor(t)
    const beyond = await supertest(app).get(repomd).set('Range', 'bytes=10-')
    assert.deepEqual([beyond.status, beyond.headers['content-range']], [416, 'bytes */10'])
    for (const range of ['lines=1-2', 'bytes=x', 'bytes=4-2']) {
      const answer = await supertest(app).get(repomd).set('Range', range)
      assert.ok(answer.status === 200 || answer.status === 416, range)
    }
  })

  test('RFC 9110 §13: a validator and a date, by which it need not be sent again, and a part only of the same file', async (t) => {
    const { app } = openHttpDoor(t)
    const { headers } = await supertest(app).get(repomd)
    const [etag = '', modified = ''] = [headers['etag'], headers['last-modified']]
    assert.match(etag, /^(W\/)?"[^"]+"$/)
    assert.equal((await supertest(app).get(repomd).set('If-None-Match', etag)).status, 304)
    assert.equal((await supertest(app).get(repomd).set('If-Modified-Since', modified)).status, 304)
    assert.equal((await supertest(app).get(repomd).set('Range', 'bytes=0-1').set('If-Range', '"another"')).status, 200)
    assert.equal((await supertest(app).get(repomd).set('Range', 'bytes=0-1').set('If-Range', modified)).status, 206)
    assert.equal((await supertest(app).get(repomd).set('If-Match', '"another"')).status, 412)
  })

  test('HEAD tells its length; an empty file is a file', async (t) => {
    const { app, events } = openHttpDoor(t)
    const head = await supertest(app).head('/images/el9/vmlinuz')
    assert.deepEqual([head.status, head.headers['content-length'], text(head)], [200, '6', ''])
    assert.deepEqual(events, [], 'asking for a length is no sign of a machine that boots')
    const empty = await supertest(app).get('/repo/el9/empty')
    assert.deepEqual([empty.status, empty.headers['content-length']], [200, '0'])
  })

  test('names with a plus or a space, as packages have them, are decoded once', async (t) => {
    const { app } = openHttpDoor(t)
    const named = async (path: string): Promise<number> => (await supertest(app).get(path)).status
    for (const path of ['/repo/el9/a+b%20c.rpm', '/repo/el9/a%2Bb%20c.rpm', '/repo/el9/.treeinfo'])
      assert.equal(await named(path), 200, path)
    assert.equal(
      await named('/repo/el9/a%252Bb%20c.rpm'),
      404,
      'a percent that is left was encoded twice, to hide something',
    )
  })

  test('kernels and loaders that a machine fetches are signs of it; packages are not', async (t) => {
    const { app, events } = openHttpDoor(t)
    await supertest(app).get('/images/el9/vmlinuz')
    await supertest(app).get(repomd)
    assert.deepEqual(
      events.map(({ machine, stage, detail, peer }) => [machine, stage, detail, peer]),
      [['node1', 'loader', 'images/el9/vmlinuz over http', '127.0.0.1']],
    )
  })
})

describe('paths', () => {
  test('shim asks for //grubx64.efi and EL 5’s loader for TREE//images: a doubled slash is one', async (t) => {
    const { app } = openHttpDoor(t)
    for (const path of ['//grubx64.efi', '/grubx64.efi', '/repo//el9///repodata/repomd.xml', '/images//el9/vmlinuz'])
      assert.equal((await supertest(app).get(path)).status, 200, path)
  })

  test('a folder is not listed, with a slash behind it or without', async (t) => {
    const { app } = openHttpDoor(t)
    for (const path of ['/repo', '/repo/', '/repo/el9', '/repo/el9/', '/images/el9/', '/firstboot/']) {
      const answer = await supertest(app).get(path)
      assert.equal(answer.status, 404, path)
      assert.doesNotMatch(text(answer), /repodata|vmlinuz/)
    }
  })

  test('the root says what this is, and nothing of the inventory', async (t) => {
    const { app } = openHttpDoor(t)
    const answer = await supertest(app).get('/')
    assert.deepEqual([answer.status, /node1/.test(text(answer)), /healthz/.test(text(answer))], [200, false, true])
  })

  test('a path that is no percent-encoded UTF-8 is a 400', async (t) => {
    const { app } = openHttpDoor(t)
    for (const path of ['/%', '/%ff', '/ks/%c0%ae']) assert.equal((await supertest(app).get(path)).status, 400, path)
  })
})

test('RFC 9110 §15.5.6: what is only fetched is not written: 405, naming what is taken', async (t) => {
  const { app } = openHttpDoor(t)
  for (const path of [menuPath, '/ks/node1', repomd, '/healthz', '/metrics', '/'])
    for (const method of ['post', 'put', 'delete', 'patch'] as const) {
      const answer = await supertest(app)[method](path)
      assert.deepEqual([answer.status, answer.headers['allow']], [405, 'GET, HEAD'], `${method} ${path}`)
    }
})

test('RFC 9112 §9.3: a connection serves one request after another', async (t) => {
  const { app } = openHttpDoor(t)
  const server = createServer(app).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  t.after(() => {
    agent.destroy()
    server.close()
  })
  const fetched = async (path: string): Promise<Readonly<{ port: number | undefined; status: number | undefined }>> => {
    const request = get({ host: '127.0.0.1', port: (server.address() as AddressInfo).port, path, agent })
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    const port = request.socket?.localPort
    response.resume()
    await once(response, 'end')
    return { port, status: response.statusCode }
  }
  const answers = [
    await fetched(menuPath),
    await fetched('/nothing'),
    await fetched(repomd),
    await fetched('/ks/node1'),
  ]
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 404, 200, 403],
  )
  assert.equal(new Set(answers.map(({ port }) => port)).size, 1)
})

test('/healthz is JSON, for GET and HEAD', async (t) => {
  const { app } = openHttpDoor(t)
  const answer = await supertest(app).get('/healthz')
  assert.deepEqual([answer.status, answer.body], [200, { status: 'ok', revision: 7, machines: 1, inventory: 'ok' }])
  assert.equal((await supertest(app).head('/healthz')).status, 200)
})

describe('/metrics, in the text-based exposition format 0.0.4', () => {
  // A value is whatever Go's ParseFloat takes, and that takes NaN in any case.
  const label = '[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\["\\\\n])*"'
  const sample = new RegExp(
    `^([a-zA-Z_:][a-zA-Z0-9_:]*)(\\{(?:${label}(?:,${label})*)?\\})? (-?(?:[0-9.]+(?:e[+-]?\\d+)?)|[+-]Inf|[Nn]a[Nn])( -?\\d+)?$`,
  )

  test('every line is a comment of it or a sample; HELP and TYPE stand once, before the samples of their name', async (t) => {
    const { app } = openHttpDoor(t)
    const answer = await supertest(app).get('/metrics')
    assert.match(answer.headers['content-type'] ?? '', /^text\/plain; version=0\.0\.4/)
    const types = new Map<string, string>()
    const seen = new Set<string>()
    for (const line of text(answer).trimEnd().split('\n')) {
      if (line === '' || line.startsWith('# HELP ')) continue
      const [, name, type] = /^# TYPE (\S+) (counter|gauge|histogram|summary|untyped)$/.exec(line) ?? []
      if (name !== undefined && type !== undefined) {
        assert.ok(!types.has(name), `${name} has two types`)
        types.set(name, type)
        continue
      }
      const [, metric = '', labels = ''] = sample.exec(line) ?? []
      assert.notEqual(metric, '', line)
      const family = metric.replace(/_(bucket|sum|count)$/, '')
      assert.ok(types.has(metric) || types.has(family), `${metric} has no type`)
      assert.ok(!seen.has(metric + labels), `${metric}${labels} twice`)
      seen.add(metric + labels)
    }
    assert.ok(types.size > 10)
  })

  test('our own figures are among them, and their counters end in _total', async (t) => {
    const { app } = openHttpDoor(t)
    const lines = text(await supertest(app).get('/metrics')).split('\n')
    for (const line of [
      'bootstead_inventory_revision 7',
      'bootstead_machines 1',
      'bootstead_inventory_up 1',
      'bootstead_tftp_bytes_total 0',
    ])
      assert.ok(lines.includes(line), line)
    const counters = lines.flatMap((line) => /^# TYPE (bootstead_\S+) counter$/.exec(line)?.[1] ?? [])
    assert.ok(counters.length >= 4)
    for (const counter of counters) assert.match(counter, /_total$/)
  })
})

test('a client that asks and then takes nothing loses its connection, and another is served', async (t) => {
  const stateDir = temporaryFolder(t)
  mkdirSync(join(stateDir, 'loaders'))
  writeFileSync(join(stateDir, 'loaders/large'), Buffer.alloc(32 << 20))
  const doors = { dhcpPort: null, tftpPort: null, httpPatience: { silenceMs: 500 } }
  const server = await startServer(t, await sqliteStore(t, 'site: {}'), { stateDir, ...doors })
  const port = server.ports.http ?? 0
  const connections = (): number => process.getActiveResourcesInfo().filter((one) => one === 'TCPSocketWrap').length
  const before = connections()
  const lazy = connect(port, '127.0.0.1')
    .pause()
    .on('error', () => undefined)
  t.after(() => lazy.destroy())
  await once(lazy, 'connect')
  lazy.write('GET /large HTTP/1.1\r\nHost: x\r\n\r\n')
  await waitUntil(() => connections() === before + 2, 'the server has no connection')
  await waitUntil(() => connections() === before + 1, 'the server still has the connection')
  const response = await fetch(`http://127.0.0.1:${port}/large`)
  assert.equal((await response.arrayBuffer()).byteLength, 32 << 20)
})
