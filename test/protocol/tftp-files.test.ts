// Files on disk, as the server hands them to TFTP, and what may become of them meanwhile.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { promisify } from 'node:util'
import { fileCache, locateFile } from '../../server/serve/files.ts'
import type { TftpResolve } from '../../server/serve/tftp/door.ts'
import { temporaryFolder } from '../fixtures.ts'
import { rrq } from './tftp-client.ts'
import { begin, fileOf, openStage, type Stage } from './tftp-stage.ts'

/** A door that serves a folder `loaders`, beside which lies a file that is nobody's business. */
async function serveFolder(t: TestContext): Promise<Stage & Readonly<{ folder: string }>> {
  const root = temporaryFolder(t)
  const folder = join(root, 'loaders')
  await mkdir(folder)
  await writeFile(join(root, 'secret'), 'secret')
  const roots = {
    images: join(root, 'images'),
    repo: join(root, 'repo'),
    firstboot: join(root, 'firstboot'),
    loaders: folder,
  }
  const files = fileCache(1024 * 1024)
  const resolve: TftpResolve = async (path) => {
    const located = await locateFile(roots, path)
    if (located.kind === 'absent') return { kind: 'refused', code: 'not-found', why: located.why }
    return { kind: 'bytes', bytes: (await files.read(located)) ?? assert.fail('larger than the cache') }
  }
  return { ...(await openStage(t, 'shared lines', { resolve })), folder }
}

const changes: readonly Readonly<{ name: string; change: (path: string) => Promise<unknown>; after: number | null }>[] =
  [
    { name: 'shrunk', change: (path) => truncate(path, 600), after: 600 },
    {
      name: 'replaced',
      change: (path) => writeFile(`${path}.new`, fileOf(7000)).then(() => rename(`${path}.new`, path)),
      after: 7000,
    },
    { name: 'written over', change: (path) => writeFile(path, 'x'.repeat(9000)), after: 9000 },
    { name: 'removed', change: (path) => rm(path), after: null },
  ]

describe('files', () => {
  for (const { name, change, after } of changes)
    test(`a transfer whose file is ${name} goes on with its old octets, the next one sees what is there`, async (t) => {
      const { door, client, folder } = await serveFolder(t)
      const path = join(folder, 'f')
      await writeFile(path, fileOf(9000))
      const { first } = await begin(client, door.port, 'f')
      await change(path)
      assert.equal(Buffer.compare(await client.finish(first), fileOf(9000)), 0)
      if (after !== null) return assert.equal((await client.fetch(door.port, 'f')).length, after)
      await client.send(rrq('f'), door.port)
      assert.equal((await client.nextOf('error')).code, 1)
    })

  test('what is no regular file in the folder is not served, and nobody waits for it: FIFO, folder, links that leave it', async (t) => {
    const { door, client, folder } = await serveFolder(t)
    await promisify(execFile)('mkfifo', [join(folder, 'fifo')])
    await mkdir(join(folder, 'folder'))
    await symlink('../secret', join(folder, 'link'))
    await symlink('..', join(folder, 'up'))
    await symlink('/dev/zero', join(folder, 'zero'))
    for (const path of [
      'fifo',
      'folder',
      'folder/',
      'link',
      'up/secret',
      'zero',
      '%2e%2e/secret',
      '.hidden',
      'constructor',
    ]) {
      await client.send(rrq(path), door.port)
      assert.equal((await client.nextOf('error')).code, 1, path)
    }
    for (const path of ['../secret', '/../secret', 'folder/../../secret', '..\\secret']) {
      await client.send(rrq(path), door.port)
      assert.equal((await client.nextOf('error')).code, 2, path)
    }
  })
})
