import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { promisify } from 'node:util'
import fc from 'fast-check'
import {
  fileCache,
  fileLocator,
  locateFile,
  type FileRoots,
  type Located,
  type LocatedFile,
} from '../../../server/serve/files.ts'

const run = promisify(execFile)

/** Four roots in a temporary folder, with a secret beside them that no request may reach. */
async function makeRoots(t: TestContext): Promise<FileRoots & { top: string }> {
  const top = await mkdtemp(join(tmpdir(), 'bootstead-files-'))
  t.after(() => rm(top, { recursive: true, force: true }))
  const at = (name: string): string => join(top, name)
  const roots = { images: at('images'), repo: at('repo'), loaders: at('loaders'), firstboot: at('firstboot'), top }
  await writeFile(at('secret'), 'secret')
  for (const folder of ['images/sl5', 'repo/el9/Packages', 'loaders/memtest', 'firstboot', 'images-of-others']) {
    await mkdir(at(folder), { recursive: true })
  }
  await writeFile(at('images-of-others/file'), 'theirs')
  await writeFile(at('images/sl5/vmlinuz'), 'kernel')
  await writeFile(at('repo/el9/.treeinfo'), '[general]')
  await writeFile(at('repo/el9/.discinfo'), '1.0')
  await writeFile(at('repo/el9/.bootstead-iso'), 'ours')
  await writeFile(at('repo/el9/Packages/libstdc++-11~rc1.rpm'), 'rpm')
  await writeFile(at('loaders/pxelinux.0'), 'pxelinux')
  await writeFile(at('loaders/memtest/memtest86+.bin'), 'memtest')
  await writeFile(at('firstboot/xenconf'), '#!/bin/sh')
  return roots
}

async function located(roots: FileRoots, path: string): Promise<LocatedFile> {
  const file = await locateFile(roots, path)
  return file.kind === 'file' ? file : assert.fail(`${path}: ${file.why}`)
}

const absent = (found: Located): string => (found.kind === 'absent' ? found.why : assert.fail(found.path))

describe('locateFile', () => {
  test('each root answers under its name, loaders at the top', async (t) => {
    const roots = await makeRoots(t)
    const found = {
      'images/sl5/vmlinuz': 'images/sl5/vmlinuz',
      'repo/el9/.treeinfo': 'repo/el9/.treeinfo',
      'repo/el9/.discinfo': 'repo/el9/.discinfo',
      'repo/el9/Packages/libstdc++-11~rc1.rpm': 'repo/el9/Packages/libstdc++-11~rc1.rpm',
      'repo/el9//Packages/libstdc++-11~rc1.rpm': 'repo/el9/Packages/libstdc++-11~rc1.rpm',
      'firstboot/xenconf': 'firstboot/xenconf',
      'pxelinux.0': 'loaders/pxelinux.0',
      'memtest/memtest86+.bin': 'loaders/memtest/memtest86+.bin',
    }
    for (const [path, file] of Object.entries(found))
      assert.equal((await located(roots, path)).path, join(roots.top, file))
    assert.equal((await located(roots, 'images/sl5/vmlinuz')).size, 6)
  })

  for (const path of [
    '',
    '/',
    '/pxelinux.0',
    '/etc/passwd',
    '../secret',
    'images/../../secret',
    'images/../secret',
    'images/..',
    'images/./sl5/vmlinuz',
    '..\\secret',
    'images\\sl5\\vmlinuz',
    '%2e%2e/secret',
    'images/%2e%2e/%2e%2e/secret',
    'images/sl5/vmlinuz\0.txt',
    'pxelinux.0\n',
    'images',
    'images/',
    'images/sl5',
    'images/sl5/',
    'images/sl5/vmlinuz/',
    'images/sl5/vmlinuz/x',
    'repo/el9/.bootstead-iso',
    'repo/.git/config',
    'constructor',
    '__proto__',
    'images/constructor',
    'hasOwnProperty/toString',
    'secret',
    'loaders/pxelinux.0',
    'IMAGES/sl5/vmlinuz',
    `images/${'x'.repeat(5000)}`,
  ]) {
    test(`${JSON.stringify(path.slice(0, 60))} names no file`, async (t) => {
      assert.notEqual(absent(await locateFile(await makeRoots(t), path)), '')
    })
  }

  test('a symbolic link that stays inside is followed, one that leaves is refused', async (t) => {
    const roots = await makeRoots(t)
    await symlink('sl5', join(roots.images, 'current'))
    await symlink('../secret', join(roots.images, 'up'))
    await symlink('/etc', join(roots.images, 'etc'))
    await symlink('../images-of-others/file', join(roots.images, 'sibling')) // its path begins as the root's does
    await symlink('loop', join(roots.images, 'loop'))
    await symlink('nothing', join(roots.images, 'dangling'))
    assert.equal((await located(roots, 'images/current/vmlinuz')).path, join(roots.images, 'sl5/vmlinuz'))
    for (const name of ['up', 'etc/passwd', 'sibling']) {
      assert.equal(absent(await locateFile(roots, `images/${name}`)), 'a symbolic link that leaves the folder')
    }
    for (const name of ['loop', 'dangling'])
      assert.equal(absent(await locateFile(roots, `images/${name}`)), 'no such file')
  })

  test('a root may itself be a symbolic link, or not be there', async (t) => {
    const roots = await makeRoots(t)
    await rename(roots.images, join(roots.top, 'elsewhere'))
    await symlink('elsewhere', roots.images)
    assert.equal((await located(roots, 'images/sl5/vmlinuz')).path, join(roots.top, 'elsewhere/sl5/vmlinuz'))
    assert.equal(
      absent(await locateFile({ ...roots, firstboot: join(roots.top, 'no') }, 'firstboot/xenconf')),
      'no such file',
    )
  })

  test('a FIFO is not served, and nobody waits for it', async (t) => {
    const roots = await makeRoots(t)
    await run('mkfifo', [join(roots.loaders, 'fifo')]).catch((cause: unknown) => {
      throw new Error('this test needs mkfifo: apt-get install coreutils', { cause })
    })
    assert.equal(absent(await locateFile(roots, 'fifo')), 'not a regular file')
  })

  test('whatever is asked for, nothing outside the roots is found', async (t) => {
    const roots = await makeRoots(t)
    await symlink('/', join(roots.images, 'root'))
    const segment = fc.constantFrom(
      '..',
      '.',
      '',
      'images',
      'root',
      'etc',
      'passwd',
      'secret',
      'sl5',
      '%2e%2e',
      '\\',
      'vmlinuz',
    )
    await fc.assert(
      fc.asyncProperty(fc.array(segment, { maxLength: 6 }), async (segments) => {
        const found = await locateFile(roots, segments.join('/'))
        if (found.kind === 'file') assert.equal(found.path, join(roots.images, 'sl5/vmlinuz'))
      }),
    )
  })
})

describe('fileLocator', () => {
  const nameOf = (found: Located): string => (found.kind === 'file' ? found.path : `none: ${found.why}`)

  test('finds again what it found, and sees a file that is written, replaced or gone', async (t) => {
    const roots = await makeRoots(t)
    const [locate, file] = [fileLocator(roots), join(roots.images, 'sl5/vmlinuz')]
    const first = await locate('images/sl5/vmlinuz')
    assert.equal(nameOf(first), file)
    assert.equal(await locate('images/sl5/vmlinuz'), first)
    await writeFile(file, 'another kernel')
    assert.deepEqual(await locate('images/sl5/vmlinuz'), await locateFile(roots, 'images/sl5/vmlinuz'))
    await writeFile(`${file}.new`, 'another kernel')
    await rename(`${file}.new`, file)
    assert.deepEqual(await locate('images/sl5/vmlinuz'), await locateFile(roots, 'images/sl5/vmlinuz'))
    await rm(file)
    assert.equal(nameOf(await locate('images/sl5/vmlinuz')), 'none: no such file')
    await writeFile(file, 'kernel')
    assert.equal(nameOf(await locate('images/sl5/vmlinuz')), file)
  })

  test('what was found and is now a way out of its folder is refused', async (t) => {
    const roots = await makeRoots(t)
    const [locate, folder] = [fileLocator(roots), join(roots.images, 'sl5')]
    await writeFile(join(roots.top, 'images-of-others/vmlinuz'), 'kernel')
    assert.equal(nameOf(await locate('images/sl5/vmlinuz')), join(folder, 'vmlinuz'))
    await rename(folder, `${folder}-old`)
    await symlink('../images-of-others', folder)
    assert.equal(nameOf(await locate('images/sl5/vmlinuz')), 'none: a symbolic link that leaves the folder')
  })

  test('a link that is put elsewhere leads elsewhere, also to the same file under another name', async (t) => {
    const roots = await makeRoots(t)
    const [locate, link] = [fileLocator(roots), join(roots.images, 'current')]
    await symlink('sl5', link)
    assert.equal(nameOf(await locate('images/current/vmlinuz')), join(roots.images, 'sl5/vmlinuz'))
    await rename(join(roots.images, 'sl5'), join(roots.images, 'sl6'))
    await rm(link)
    await symlink('sl6', link)
    assert.equal(nameOf(await locate('images/current/vmlinuz')), join(roots.images, 'sl6/vmlinuz'))
  })
})

describe('fileCache', () => {
  const text = (bytes: Uint8Array | null): string => Buffer.from(bytes ?? assert.fail('not read')).toString()

  test('one array for all readers, those at the same time included', async (t) => {
    const roots = await makeRoots(t)
    const cache = fileCache(1000)
    const file = await located(roots, 'pxelinux.0')
    const [first, second] = await Promise.all([cache.read(file), cache.read(await located(roots, 'pxelinux.0'))])
    assert.equal(text(first), 'pxelinux')
    assert.equal(first, second)
    assert.equal(await cache.read(file), first)
    assert.equal(cache.bytes(), 8)
  })

  test('a replaced file is read anew', async (t) => {
    const roots = await makeRoots(t)
    const cache = fileCache(1000)
    assert.equal(text(await cache.read(await located(roots, 'pxelinux.0'))), 'pxelinux')
    await writeFile(join(roots.loaders, 'new'), 'PXELINUX') // of the same size
    await rename(join(roots.loaders, 'new'), join(roots.loaders, 'pxelinux.0'))
    assert.equal(text(await cache.read(await located(roots, 'pxelinux.0'))), 'PXELINUX')
  })

  test('a file replaced between locating and reading is not served as the one located', async (t) => {
    const roots = await makeRoots(t)
    const file = await located(roots, 'pxelinux.0')
    await writeFile(join(roots.loaders, 'pxelinux.0'), 'longer than before')
    await assert.rejects(fileCache(1000).read(file), /was replaced while it was being read/)
  })

  test('holds no more than it may; a file larger than that is not read at all', async (t) => {
    const roots = await makeRoots(t)
    const cache = fileCache(20)
    for (let index = 0; index < 10; index++) await writeFile(join(roots.loaders, `file${index}`), `0123456${index}`)
    const files = await Promise.all(Array.from({ length: 10 }, (_, index) => located(roots, `file${index}`)))
    const texts = (await Promise.all(files.map((file) => cache.read(file)))).map(text)
    assert.deepEqual(
      texts,
      files.map((_, index) => `0123456${index}`),
    )
    assert.ok(cache.bytes() <= 20, `${cache.bytes()} bytes are held`)
    await writeFile(join(roots.loaders, 'large'), 'x'.repeat(21))
    assert.equal(await cache.read(await located(roots, 'large')), null)
  })

  test('an empty file is a file', async (t) => {
    const roots = await makeRoots(t)
    await writeFile(join(roots.loaders, 'empty'), '')
    assert.equal((await fileCache(20).read(await located(roots, 'empty')))?.length, 0)
  })
})
