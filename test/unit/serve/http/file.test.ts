import assert from 'node:assert/strict'
import { mkdirSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { connect } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import express from 'express'
import supertest from 'supertest'
import type { FileCache, LocatedFile } from '../../../../server/serve/files.ts'
import { fileCache } from '../../../../server/serve/files.ts'
import { sendFile } from '../../../../server/serve/http/file.ts'
import { temporaryFolder } from '../../../fixtures.ts'

const contents = {
  'images/el9/vmlinuz': 'kernel',
  'images/el9/initrd.img': 'initrd',
  'repo/a.rpm': 'package',
  empty: '',
}

/** An application that answers with the files of a folder, what it read into memory, and how each response ended. */
function opened(t: TestContext, cache: FileCache = fileCache(1 << 20)) {
  const folder = temporaryFolder(t)
  for (const [path, text] of Object.entries(contents)) {
    mkdirSync(join(folder, path, '..'), { recursive: true })
    writeFileSync(join(folder, path), text)
    utimesSync(join(folder, path), 1e9, 1_600_000_000.25)
  }
  const read: string[] = []
  const ends: (string | null)[] = []
  const files: FileCache = {
    ...cache,
    read: (file) => {
      read.push(file.path.slice(folder.length + 1))
      return cache.read(file)
    },
  }
  const app = express()
  app.set('etag', () => undefined)
  app.use((request, response, next) => {
    const path = request.path.slice(1)
    const file = locate(join(folder, path))
    sendFile(files, request, response, { path, file }, (error) => ends.push(error?.message ?? null)).catch(next)
  })
  return { app, folder, read, ends }
}

function locate(path: string): LocatedFile {
  const { size, mtimeMs, ino, dev } = statSync(path)
  return { kind: 'file', path, size, mtimeMs, ino, dev }
}

describe('a file over HTTP', () => {
  test('from memory it is what express sends of it: the same octets and, but for the date, the same headers', async (t) => {
    const { app, read, ends } = opened(t)
    for (const path of Object.keys(contents)) {
      const kept = await supertest(app).get(`/${path}`).buffer(true)
      const plain = await supertest(app).get(`/${path}`).set('If-None-Match', '"another"').buffer(true)
      const seen = ({ headers, status, text, body }: typeof kept) => {
        const { date, ...rest } = headers as Record<string, string>
        assert.ok(date)
        return { status, text, body: body as unknown, headers: rest }
      }
      assert.deepEqual(seen(kept), seen(plain), path)
    }
    assert.deepEqual(read, ['images/el9/vmlinuz', 'images/el9/initrd.img', 'empty'])
    assert.deepEqual(ends, Array(8).fill(null))
  })

  test('a part of one, and whether it has changed, is asked by what came with the whole of it', async (t) => {
    const { app, read } = opened(t)
    const { headers } = await supertest(app).get('/images/el9/vmlinuz')
    const { etag = '', 'last-modified': modified = '' } = headers as Record<string, string>
    read.length = 0
    const get = () => supertest(app).get('/images/el9/vmlinuz')
    assert.equal((await get().set('If-None-Match', etag)).status, 304)
    assert.equal((await get().set('If-Modified-Since', modified)).status, 304)
    assert.equal((await get().set('Range', 'bytes=2-').set('If-Range', modified)).status, 206)
    assert.equal((await supertest(app).head('/images/el9/vmlinuz')).headers['content-length'], '6')
    assert.deepEqual(read, [])
  })

  test('one that was replaced since it was found is sent as it is now', async (t) => {
    const replaced: FileCache = { ...fileCache(1 << 20), read: () => Promise.reject(new Error('was replaced')) }
    const { app, ends } = opened(t, replaced)
    const answer = await supertest(app).get('/images/el9/vmlinuz').buffer(true)
    assert.equal((answer.body as Buffer).toString(), 'kernel')
    assert.deepEqual(ends, [null])
  })

  test('a client that leaves before it has it all is told of as such', async (t) => {
    const { app, folder, ends } = opened(t, fileCache(64 << 20))
    writeFileSync(join(folder, 'images/el9/initrd.img'), Buffer.alloc(32 << 20))
    const server = app.listen(0, '127.0.0.1')
    t.after(() => server.close())
    await once(server, 'listening')
    const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
    client.write('GET /images/el9/initrd.img HTTP/1.1\r\nHost: x\r\n\r\n')
    await once(client, 'data')
    client.destroy()
    while (ends.length === 0) await new Promise((later) => setTimeout(later, 5))
    assert.deepEqual(ends, ['the client closed the connection'])
  })
})
