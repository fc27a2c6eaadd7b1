import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { promisify } from 'node:util'
import type { Image } from '../../../server/inventory/rows.ts'
import { locateFile } from '../../../server/serve/files.ts'
import { addImage, type AddedImage, type ImageSource } from '../../../server/serve/images/add.ts'
import { removeImage } from '../../../server/serve/images/remove.ts'
import { verifyImage, type CheckedFiles } from '../../../server/serve/images/verify.ts'

const run = promisify(execFile)

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

/** A state folder and, beside it, room for what the images come from; both gone when the test is. */
async function makeState(t: TestContext): Promise<Readonly<{ state: string; source: string }>> {
  const top = await mkdtemp(join(tmpdir(), 'bootstead-images-'))
  t.after(() => rm(top, { recursive: true, force: true }))
  const at = { state: join(top, 'state'), source: join(top, 'source') }
  await mkdir(at.state)
  await mkdir(at.source)
  return at
}

type Files = Readonly<Record<string, string>>

async function writeFiles(folder: string, files: Files): Promise<string> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), text)
  }
  return folder
}

/** A little tree whose treeinfo is right, in the form of EL 9. */
function treeOf(kernel: string, arch = 'x86_64'): Files {
  return {
    '.treeinfo': `[release]
name = Rocky Linux
version = 9.4
[tree]
arch = ${arch}
[images-${arch}]
kernel = images/pxeboot/vmlinuz
initrd = images/pxeboot/initrd.img
[checksums]
images/pxeboot/vmlinuz = sha256:${sha256(kernel)}
images/pxeboot/initrd.img = sha256:${sha256('initrd')}
`,
    'images/pxeboot/vmlinuz': kernel,
    'images/pxeboot/initrd.img': 'initrd',
    'Packages/bash.rpm': 'rpm',
  }
}

/** The form of EL 4: nothing in the tree says what it is but .discinfo. */
const el4: Files = {
  '.discinfo': '1108700649.92\nScientific Linux 4.8\ni386\n1\nSL/base\n',
  'isolinux/vmlinuz': 'el4 kernel',
  'isolinux/initrd.img': 'el4 initrd',
  'images/xen/vmlinuz': 'xenU kernel',
  'images/xen/initrd.img': 'xenU initrd',
}

async function filesSource(folder: string, files: Files): Promise<Extract<ImageSource, { kind: 'files' }>> {
  await writeFiles(folder, files)
  const at = (name: string): string | null => (name in files ? join(folder, name) : null)
  return { kind: 'files', kernel: join(folder, 'kernel'), initrd: at('initrd'), xen: at('xen'), arch: 'x86_64' }
}

const contentOf = (state: string, name: string, file: string): Promise<string> =>
  readFile(join(state, 'images', name, file), 'utf8')

/** Every entry of the state folder, its bare top folders left out. */
async function entries(state: string): Promise<readonly string[]> {
  const all = await readdir(state, { recursive: true })
  return all.filter((path) => !['images', 'repo'].includes(path)).sort()
}

async function assertRefused(state: string, source: ImageSource, expected: RegExp, name = 'el9'): Promise<void> {
  const before = await entries(state)
  await assert.rejects(addImage(state, name, source), expected)
  assert.deepEqual(await entries(state), before)
}

async function serve(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/el9/os`
}

/** Serves the files under /el9/os/, after `first` had its chance to answer in another way. */
function serveFiles(
  t: TestContext,
  files: Files,
  first?: (path: string, ...args: Parameters<RequestListener>) => boolean,
) {
  return serve(t, (request, response) => {
    const path = (request.url ?? '').replace('/el9/os/', '')
    if (first?.(path, request, response) === true) return
    const text = Object.hasOwn(files, path) ? files[path] : undefined
    response.writeHead(text === undefined ? 404 : 200).end(text ?? 'not here')
  })
}

describe('addImage from files', () => {
  test('copies kernel, initrd and hypervisor, readable by all, and gives the row', async (t) => {
    const { state, source } = await makeState(t)
    const files = await filesSource(source, { kernel: 'K', initrd: 'I', xen: 'X' })
    assert.deepEqual(await addImage(state, 'dom0', files), {
      outcome: 'added',
      image: {
        name: 'dom0',
        arch: 'x86_64',
        kernel: 'vmlinuz',
        initrd: 'initrd.img',
        xen: 'xen.gz',
        tree_url: null,
        sha256: { vmlinuz: sha256('K'), 'initrd.img': sha256('I'), 'xen.gz': sha256('X') },
      },
      detected: { family: null, version: null, product: '' },
      verified: [],
      remark: null,
    } satisfies AddedImage)
    assert.equal(await contentOf(state, 'dom0', 'xen.gz'), 'X')
    for (const [path, mode] of Object.entries({ 'images/dom0': 0o755, 'images/dom0/vmlinuz': 0o644 })) {
      assert.equal((await stat(join(state, path))).mode & 0o777, mode)
    }
  })

  test('the same again is unchanged, and the files are not even touched', async (t) => {
    const { state, source } = await makeState(t)
    const files = await filesSource(source, { kernel: 'K', initrd: 'I' })
    await addImage(state, 'rescue', files)
    const before = [await entries(state), (await stat(join(state, 'images/rescue/vmlinuz'))).ino]
    assert.equal((await addImage(state, 'rescue', files)).outcome, 'unchanged')
    assert.deepEqual([await entries(state), (await stat(join(state, 'images/rescue/vmlinuz'))).ino], before)
  })

  test('other content replaces the set as a whole: a file that went is gone, nothing else is left', async (t) => {
    const { state, source } = await makeState(t)
    await addImage(state, 'rescue', await filesSource(source, { kernel: 'K', initrd: 'I' }))
    const { outcome, image } = await addImage(state, 'rescue', await filesSource(join(source, '2'), { kernel: 'K2' }))
    assert.deepEqual([outcome, image.initrd, image.sha256], ['replaced', null, { vmlinuz: sha256('K2') }])
    assert.deepEqual(await readdir(join(state, 'images/rescue')), ['vmlinuz'])
    assert.equal((await readdir(join(state, 'images'))).length, 2) // the link and the folder it points to
  })

  test('adding again mends a file that was altered', async (t) => {
    const { state, source } = await makeState(t)
    const files = await filesSource(source, { kernel: 'K' })
    await addImage(state, 'rescue', files)
    await writeFile(join(state, 'images/rescue/vmlinuz'), 'damaged')
    assert.equal((await addImage(state, 'rescue', files)).outcome, 'replaced')
    assert.equal(await contentOf(state, 'rescue', 'vmlinuz'), 'K')
  })

  test('a failure leaves what was there, and nothing new', async (t) => {
    const { state, source } = await makeState(t)
    const files = await filesSource(source, { kernel: 'K', initrd: 'I' })
    await addImage(state, 'el9', files)
    await assertRefused(state, { ...files, initrd: join(source, 'nowhere') }, /nowhere: no such file/)
    await assertRefused(state, { ...files, initrd: source }, /is not a regular file/)
    await assertRefused(state, { ...(await filesSource(source, { kernel: '' })) }, /kernel: the file is empty/)
    assert.equal(await contentOf(state, 'el9', 'initrd.img'), 'I')
  })

  test('a FIFO is refused, and nobody waits for it', async (t) => {
    const { state, source } = await makeState(t)
    await run('mkfifo', [join(source, 'fifo')]).catch((cause: unknown) => {
      throw new Error('this test needs mkfifo: apt-get install coreutils', { cause })
    })
    const files = await filesSource(source, { kernel: 'K' })
    await assertRefused(state, { ...files, initrd: join(source, 'fifo') }, /fifo is not a regular file/)
    await assertRefused(state, { kind: 'iso', path: join(source, 'fifo') }, /fifo is not a regular file/)
  })

  for (const name of [
    '',
    '.',
    '..',
    '../el9',
    '/el9',
    'a/b',
    'a\\b',
    '%2e%2e',
    '.hidden',
    'a\0b',
    ' el9',
    'a~b',
    '__proto__',
  ]) {
    test(`${JSON.stringify(name)} is no name of an image`, async (t) => {
      const { state, source } = await makeState(t)
      await assertRefused(
        state,
        await filesSource(source, { kernel: 'K' }),
        /image: name .*expected a name|spaces around it/,
        name,
      )
      assert.deepEqual(await readdir(state), [])
      await assert.rejects(removeImage(state, name, { tree: true }), /image: name/)
    })
  }

  test('constructor is a name like others', async (t) => {
    const { state, source } = await makeState(t)
    const { image } = await addImage(state, 'constructor', await filesSource(source, { kernel: 'K' }))
    assert.deepEqual(await verifyImage(state, image), [])
  })

  test('a folder somebody else made is left alone', async (t) => {
    const { state, source } = await makeState(t)
    await writeFiles(join(state, 'images/el9'), { vmlinuz: 'theirs' })
    await assertRefused(
      state,
      await filesSource(source, { kernel: 'K' }),
      /images\/el9 was not made by bootstead image add/,
    )
    await assert.rejects(removeImage(state, 'el9', { tree: false }), /was not made by/)
    assert.equal(await contentOf(state, 'el9', 'vmlinuz'), 'theirs')
  })

  test('what a power cut left half filled is swept away, another add under way is not', async (t) => {
    const { state, source } = await makeState(t)
    await writeFiles(join(state, 'images'), {
      '.el9~dead00/vmlinuz': 'half',
      '.el9~busy00/vmlinuz': 'half',
      '.el~xxxxxx/x': '',
    })
    const longAgo = new Date(Date.now() - 2 * 24 * 60 * 60 * 1000)
    for (const name of ['.el9~dead00', '.el~xxxxxx']) await utimes(join(state, 'images', name), longAgo, longAgo)
    await addImage(state, 'el9', await filesSource(source, { kernel: 'K' }))
    const current = await readlink(join(state, 'images/el9'))
    assert.deepEqual(
      new Set(await readdir(join(state, 'images'))),
      new Set([current, 'el9', '.el9~busy00', '.el~xxxxxx']),
    )
  })

  test('two at the same time: one of them is published, whole', async (t) => {
    const { state, source } = await makeState(t)
    const sources = [1, 2, 3].map((n) => filesSource(join(source, String(n)), { kernel: `K${n}`, initrd: `K${n}` }))
    await Promise.all((await Promise.all(sources)).map((files) => addImage(state, 'el9', files)))
    assert.equal(await contentOf(state, 'el9', 'vmlinuz'), await contentOf(state, 'el9', 'initrd.img'))
  })
})

describe('addImage from a tree in a folder', () => {
  test('finds kernel and initrd in the treeinfo and compares them with its checksums', async (t) => {
    const { state, source } = await makeState(t)
    const tree = await writeFiles(source, treeOf('K'))
    const { image, detected, verified } = await addImage(state, 'el9', { kind: 'tree', tree, platform: 'pxeboot' })
    assert.deepEqual(detected, { family: 'el', version: '9.4', product: 'Rocky Linux' })
    assert.deepEqual(verified, ['images/pxeboot/vmlinuz', 'images/pxeboot/initrd.img'])
    assert.deepEqual(image.sha256, { vmlinuz: sha256('K'), 'initrd.img': sha256('initrd') })
    assert.equal(image.tree_url, null) // machines see nothing of a folder outside STATE/repo
  })

  test('under STATE/repo it is only registered', async (t) => {
    const { state } = await makeState(t)
    const tree = await writeFiles(join(state, 'repo/rocky 9/os'), treeOf('K'))
    const { image } = await addImage(state, 'el9', { kind: 'tree', tree: `${tree}/`, platform: 'pxeboot' })
    assert.equal(image.tree_url, 'repo/rocky%209/os')
    assert.deepEqual(await readdir(join(state, 'repo')), ['rocky 9'])
  })

  test('where machines find it may be said', async (t) => {
    const { state, source } = await makeState(t)
    const tree = await writeFiles(source, treeOf('K'))
    const treeUrl = 'http://mirror.example.org/el9'
    const { image } = await addImage(state, 'el9', { kind: 'tree', tree, platform: 'pxeboot' }, { treeUrl })
    assert.equal(image.tree_url, treeUrl)
  })

  test('EL 4 has no treeinfo: the paths every tree has, and .discinfo', async (t) => {
    const { state, source } = await makeState(t)
    const tree = await writeFiles(source, el4)
    const { image, detected } = await addImage(state, 'sl4', { kind: 'tree', tree, platform: 'pxeboot' })
    assert.deepEqual(detected, { family: 'el', version: '4.8', product: 'Scientific Linux' })
    assert.deepEqual([image.arch, image.sha256['vmlinuz']], ['i386', sha256('el4 kernel')])
    const xen = await addImage(state, 'sl4-xen', { kind: 'tree', tree, platform: 'xen' })
    assert.equal(xen.image.sha256['initrd.img'], sha256('xenU initrd'))
  })

  test('what the tree lacks is named, with the way out', async (t) => {
    const { state, source } = await makeState(t)
    const refused = async (files: Files, platform: 'pxeboot' | 'xen', expected: RegExp): Promise<void> => {
      await rm(source, { recursive: true })
      await assertRefused(state, { kind: 'tree', tree: await writeFiles(source, files), platform }, expected)
    }
    await refused({ README: '' }, 'pxeboot', /is not an installation tree: it has no \.treeinfo, .*isolinux\/vmlinuz/)
    await refused(treeOf('K'), 'xen', /no kernel for Xen guests; add it with --platform pxeboot/)
    await refused({ '.treeinfo': '[release]\nname = x\n' }, 'pxeboot', /names no kernel and initrd .*BaseOS/)
    await refused({ '.treeinfo': '<html>' }, 'pxeboot', /not a treeinfo/)
    await refused(treeOf('K', 'ppc64le'), 'pxeboot', /the tree is for ppc64le, which Bootstead can't boot/)
    await refused({ ...el4, '.discinfo': '1\nFinal\n' }, 'pxeboot', /doesn't say its architecture; give it with --arch/)
    await refused({ '.treeinfo': treeOf('K')['.treeinfo'] ?? '' }, 'pxeboot', /images\/pxeboot\/vmlinuz: no such file/)
    await refused({ '.treeinfo': 'x'.repeat(2 * 1024 * 1024) }, 'pxeboot', /too many/)
  })

  test('an architecture that is given fills a gap and never overrules the tree', async (t) => {
    const { state, source } = await makeState(t)
    const tree = await writeFiles(source, treeOf('K'))
    const adding = addImage(state, 'el9', { kind: 'tree', tree, platform: 'pxeboot' }, { arch: 'aarch64' })
    await assert.rejects(adding, /the tree is for x86_64, not aarch64/)
    await writeFiles(join(source, '4'), { ...el4, '.discinfo': '1\nFinal\n' })
    const old = { kind: 'tree', tree: join(source, '4'), platform: 'pxeboot' } as const
    assert.equal((await addImage(state, 'el4', old, { arch: 'i386' })).image.arch, 'i386')
  })

  test('an altered kernel is refused by the checksum', async (t) => {
    const { state, source } = await makeState(t)
    const tree = await writeFiles(source, { ...treeOf('K'), 'images/pxeboot/vmlinuz': 'L' })
    await assertRefused(
      state,
      { kind: 'tree', tree, platform: 'pxeboot' },
      /vmlinuz: its sha256 is .*, but the tree's treeinfo says/,
    )
  })

  test('a symbolic link out of the tree is not followed', async (t) => {
    const { state, source } = await makeState(t)
    const tree = await writeFiles(join(source, 'tree'), treeOf('K'))
    await writeFiles(source, { secret: 'initrd' })
    await rm(join(tree, 'images/pxeboot/initrd.img'))
    await symlink('../../../secret', join(tree, 'images/pxeboot/initrd.img'))
    await assertRefused(
      state,
      { kind: 'tree', tree, platform: 'pxeboot' },
      /initrd\.img is a symbolic link that leaves the tree/,
    )
  })
})

/** A mirror's suite as `dists/bookworm` has it. */
function suiteOf(kernel: string, sum = sha256(kernel)): Files {
  const images = 'main/installer-amd64/current/images'
  return {
    Release: 'Origin: Debian\nLabel: Debian\nVersion: 12.11\nCodename: bookworm\n',
    [`${images}/SHA256SUMS`]: `${sum}  ./netboot/debian-installer/amd64/linux\n${sha256('initrd')}  ./netboot/debian-installer/amd64/initrd.gz\n`,
    [`${images}/netboot/debian-installer/amd64/linux`]: kernel,
    [`${images}/netboot/debian-installer/amd64/initrd.gz`]: 'initrd',
  }
}

const netboot: Files = {
  'version.info': 'Debian version:  12 (bookworm)\nInstaller build: 20230607+deb12u15\n',
  'debian-installer/amd64/linux': 'netboot kernel',
  'debian-installer/amd64/initrd.gz': 'netboot initrd',
}

describe('addImage from a Debian tree', () => {
  test('a mirror’s suite: kernel and initrd by its SHA256SUMS, and packages from there', async (t) => {
    const { state } = await makeState(t)
    const tree = await serveFiles(t, suiteOf('K'))
    const added = await addImage(state, 'debian12', { kind: 'tree', tree, platform: 'pxeboot' })
    assert.deepEqual(added.detected, { family: 'debian', version: '12.11', product: 'Debian' })
    assert.deepEqual(
      [added.image.arch, added.image.tree_url, added.verified.length, added.remark],
      ['x86_64', tree, 2, null],
    )
    assert.equal(await contentOf(state, 'debian12', 'vmlinuz'), 'K')
    const altered = await serveFiles(t, suiteOf('K', sha256('L')))
    await assertRefused(state, { kind: 'tree', tree: altered, platform: 'pxeboot' }, /linux: its sha256 is/, 'debian13')
  })

  test('a netboot folder is no mirror, not even below STATE/repo: packages come from elsewhere', async (t) => {
    const { state } = await makeState(t)
    const tree = await writeFiles(join(state, 'repo/netboot'), netboot)
    const { image, detected } = await addImage(state, 'debian12', { kind: 'tree', tree, platform: 'pxeboot' })
    assert.deepEqual([detected.family, detected.version, image.arch, image.tree_url], ['debian', '12', 'x86_64', null])
    assert.equal(await contentOf(state, 'debian12', 'initrd.img'), 'netboot initrd')
    const treeUrl = 'repo/debian'
    const told = await addImage(state, 'debian12', { kind: 'tree', tree, platform: 'pxeboot' }, { treeUrl })
    assert.equal(told.image.tree_url, treeUrl)
    const inMirror = await writeFiles(
      join(state, 'repo/debian/dists/bookworm/main/installer-amd64/current/images/netboot'),
      netboot,
    )
    const there = await addImage(state, 'debian12', { kind: 'tree', tree: inMirror, platform: 'pxeboot' })
    assert.match(there.image.tree_url ?? '', /^repo\/debian\/dists\//)
  })

  test('Xen guests: the kernel in xen/ where there is one, else the same as for machines', async (t) => {
    const { state, source } = await makeState(t)
    const tree = await writeFiles(source, netboot)
    const same = await addImage(state, 'debian12', { kind: 'tree', tree, platform: 'xen' })
    assert.equal(same.image.sha256['vmlinuz'], sha256('netboot kernel'))
    await writeFiles(source, { 'xen/vmlinuz': 'xen kernel', 'xen/initrd.gz': 'xen initrd' })
    const own = await addImage(state, 'debian7', { kind: 'tree', tree, platform: 'xen' })
    assert.equal(own.image.sha256['vmlinuz'], sha256('xen kernel'))
  })

  test('of several architectures amd64 is taken, unless another is asked for', async (t) => {
    const { state, source } = await makeState(t)
    const i386 = { 'debian-installer/i386/linux': 'i386 kernel', 'debian-installer/i386/initrd.gz': 'i386 initrd' }
    const tree = await writeFiles(source, { ...netboot, ...i386 })
    const add = (arch: 'i386' | null) => addImage(state, 'd', { kind: 'tree', tree, platform: 'pxeboot' }, { arch })
    assert.equal((await add(null)).image.arch, 'x86_64')
    assert.deepEqual([(await add('i386')).image.arch, await contentOf(state, 'd', 'vmlinuz')], ['i386', 'i386 kernel'])
    const adding = addImage(state, 'd', { kind: 'tree', tree, platform: 'pxeboot' }, { arch: 'aarch64' })
    await assert.rejects(adding, /is not an installation tree/)
  })

  test('a medium: read from .disk/info and install.amd, with a word that its installer wants the medium', async (t) => {
    const { state, source } = await makeState(t)
    await writeFiles(join(source, 'cd'), {
      '.disk/info': 'Debian GNU/Linux 12.5.0 "Bookworm" - Official amd64 NETINST with firmware 20240210-11:27',
      'install.amd/vmlinuz': 'cd kernel',
      'install.amd/initrd.gz': 'cd initrd',
      'dists/bookworm/Release': 'Origin: Debian\n',
    })
    const path = join(source, 'netinst.iso')
    await run('xorriso', ['-as', 'mkisofs', '-quiet', '-R', '-o', path, join(source, 'cd')]).catch((cause: unknown) => {
      throw new Error('this test needs xorriso: scripts/packages.sh installs it', { cause })
    })
    const { image, detected, remark } = await addImage(state, 'debian12', { kind: 'iso', path })
    assert.deepEqual([detected.family, detected.version, detected.product], ['debian', '12.5', 'Debian GNU/Linux'])
    assert.deepEqual([image.arch, image.tree_url], ['x86_64', 'repo/debian12'])
    assert.equal(await contentOf(state, 'debian12', 'vmlinuz'), 'cd kernel')
    assert.match(remark ?? '', /install\.amd\/vmlinuz looks for its medium .* mini\.iso/)
  })

  test('mini.iso is a netboot folder in an ISO', async (t) => {
    const { state, source } = await makeState(t)
    const tree = await writeFiles(source, {
      '.disk/info': 'Debian GNU/Linux 13 (trixie) amd64 - netboot mini.iso',
      linux: 'mini kernel',
      'initrd.gz': 'mini initrd',
    })
    const { image, detected, remark } = await addImage(state, 'd13', { kind: 'tree', tree, platform: 'pxeboot' })
    assert.deepEqual([detected.version, image.arch, image.tree_url, remark], ['13', 'x86_64', null, null])
  })
})

describe('addImage from a tree over HTTP', () => {
  const add = (state: string, tree: string): Promise<AddedImage> =>
    addImage(state, 'el9', { kind: 'tree', tree, platform: 'pxeboot' })
  const refused = (state: string, tree: string, expected: RegExp): Promise<void> =>
    assertRefused(state, { kind: 'tree', tree, platform: 'pxeboot' }, expected)

  test('fetches kernel and initrd; machines are told the same URL; again is unchanged', async (t) => {
    const { state } = await makeState(t)
    const tree = await serveFiles(t, treeOf('K'))
    const { outcome, image, verified } = await add(state, `${tree}/`)
    assert.deepEqual([outcome, image.tree_url, verified.length], ['added', tree, 2])
    assert.equal(await contentOf(state, 'el9', 'vmlinuz'), 'K')
    assert.equal((await add(state, tree)).outcome, 'unchanged')
  })

  test('a mirror that drops dot files has `treeinfo`', async (t) => {
    const { state } = await makeState(t)
    const { '.treeinfo': treeinfo = '', ...files } = treeOf('K')
    assert.equal((await add(state, await serveFiles(t, { ...files, treeinfo }))).detected.version, '9.4')
  })

  test('EL 4 without a treeinfo', async (t) => {
    const { state } = await makeState(t)
    assert.equal((await add(state, await serveFiles(t, el4))).detected.version, '4.8')
  })

  test('a kernel that is 404 is not the page that says so', async (t) => {
    const { state } = await makeState(t)
    const { '.treeinfo': treeinfo = '' } = treeOf('K')
    await refused(
      state,
      await serveFiles(t, { '.treeinfo': treeinfo }),
      /images\/pxeboot\/vmlinuz: the server answered 404 Not Found/,
    )
  })

  test('nor is one that is a web page with status 200', async (t) => {
    const { state } = await makeState(t)
    const tree = await serveFiles(t, treeOf('K'), (path, _request, response) => {
      if (path.endsWith('vmlinuz')) response.setHeader('content-type', 'text/html; charset=utf-8')
      return false
    })
    await refused(state, tree, /vmlinuz: the server sent a web page/)
  })

  test('a server in trouble is not a tree without treeinfo', async (t) => {
    const { state } = await makeState(t)
    await refused(
      state,
      await serve(t, (_, response) => response.writeHead(503).end()),
      /\.treeinfo: the server answered 503/,
    )
  })

  test('a body that ends too early', async (t) => {
    const { state } = await makeState(t)
    const tree = await serveFiles(t, treeOf('K'), (path, _request, response) => {
      if (!path.endsWith('initrd.img')) return false
      response.writeHead(200, { 'content-length': '1000' })
      response.write('half', () => response.destroy())
      return true
    })
    await refused(state, tree, /initrd\.img: broke off after [04] of 1000 bytes/)
  })

  test('a wrong checksum', async (t) => {
    const { state } = await makeState(t)
    await refused(
      state,
      await serveFiles(t, { ...treeOf('K'), 'images/pxeboot/initrd.img': 'INITRD' }),
      /initrd\.img: its sha256 is/,
    )
  })

  test('an encoded body, an endless treeinfo', async (t) => {
    const { state } = await makeState(t)
    const encoded = await serve(t, (_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end('x'))
    await refused(state, encoded, /encoded though asked not to/)
    const endless = await serve(t, (_, response) => void response.end('x'.repeat(3 * 1024 * 1024)))
    await refused(state, endless, /too many for a text/)
  })

  test('a server that is not there, URLs that cannot be told to machines', async (t) => {
    const { state } = await makeState(t)
    await refused(state, 'http://127.0.0.1:1/el9', /127\.0\.0\.1:1\/el9\/\.treeinfo: fetch failed|bad port/)
    await refused(state, 'ftp://example.org/el9', /expected http:/)
    await refused(state, 'http://example.org/el9?x=1', /without \? and #/)
    await assert.rejects(add(state, 'http://user:hunter2@example.org/el9'), (error: Error) => {
      assert.match(error.message, /user name or password/)
      assert.doesNotMatch(error.message, /hunter2/)
      return true
    })
  })

  test('stops when it is told to', async (t) => {
    const { state } = await makeState(t)
    const stop = new AbortController()
    const tree = await serveFiles(t, treeOf('K'), (path) => {
      if (path.endsWith('vmlinuz')) stop.abort()
      return path.endsWith('vmlinuz')
    })
    const adding = addImage(state, 'el9', { kind: 'tree', tree, platform: 'pxeboot' }, { signal: stop.signal })
    await assert.rejects(adding, /aborted/)
    assert.deepEqual(await entries(state), [])
  })
})

describe('addImage from an ISO', () => {
  async function makeIso(source: string, name: string, files: Files): Promise<string> {
    const tree = await writeFiles(join(source, `${name}.tree`), files)
    await symlink('/etc/passwd', join(tree, 'passwd'))
    await chmod(join(tree, 'Packages'), 0o500) // as on pressed discs
    const iso = join(source, name)
    await run('xorriso', ['-as', 'mkisofs', '-quiet', '-R', '-V', 'EL9', '-o', iso, tree]).catch((cause: unknown) => {
      throw new Error('this test needs xorriso: apt-get install xorriso', { cause })
    })
    await chmod(join(tree, 'Packages'), 0o755) // so that the test can clean up behind itself
    return iso
  }

  test('unpacks the tree, takes the kernel from it, and serves both; again is unchanged', async (t) => {
    const { state, source } = await makeState(t)
    const path = await makeIso(source, 'el9.iso', treeOf('K'))
    const { outcome, image, detected, verified } = await addImage(state, 'el9', { kind: 'iso', path })
    assert.deepEqual([outcome, image.tree_url, detected.version, verified.length], ['added', 'repo/el9', '9.4', 2])
    assert.equal(await contentOf(state, 'el9', 'vmlinuz'), 'K')
    const modes = [0o755, 0o644]
    const packages = join(state, 'repo/el9/Packages')
    assert.deepEqual(
      [(await stat(packages)).mode & 0o777, (await stat(join(packages, 'bash.rpm'))).mode & 0o777],
      modes,
    )
    const at = (folder: string): string => join(state, folder)
    const roots = { images: at('images'), repo: at('repo'), loaders: at('loaders'), firstboot: at('firstboot') }
    assert.equal((await locateFile(roots, 'repo/el9/.treeinfo')).kind, 'file')
    assert.equal((await locateFile(roots, 'repo/el9/passwd')).kind, 'absent')
    assert.equal((await locateFile(roots, 'repo/el9/.bootstead-iso')).kind, 'absent')
    const before = await entries(state)
    assert.equal((await addImage(state, 'el9', { kind: 'iso', path })).outcome, 'unchanged')
    assert.deepEqual(await entries(state), before)
  })

  test('another ISO replaces the tree, also when its kernel is the same', async (t) => {
    const { state, source } = await makeState(t)
    await addImage(state, 'el9', { kind: 'iso', path: await makeIso(source, 'a.iso', treeOf('K')) })
    const path = await makeIso(source, 'b.iso', { ...treeOf('K'), 'Packages/new.rpm': 'new' })
    assert.equal((await addImage(state, 'el9', { kind: 'iso', path })).outcome, 'replaced')
    assert.deepEqual(await readdir(join(state, 'repo/el9/Packages')), ['bash.rpm', 'new.rpm'])
    assert.equal((await readdir(join(state, 'repo'))).length, 2)
  })

  test('an ISO without a kernel, cut short, or none at all leaves nothing', async (t) => {
    const { state, source } = await makeState(t)
    const empty = await makeIso(source, 'empty.iso', { 'Packages/x.rpm': 'x' })
    await assertRefused(state, { kind: 'iso', path: empty }, /is not an installation tree/)
    const cut = await makeIso(source, 'cut.iso', treeOf('K'))
    await truncate(cut, 100_000)
    await assertRefused(state, { kind: 'iso', path: cut }, /cut\.iso is cut short: 100000 of \d+ bytes/)
    await writeFiles(source, { 'junk.iso': 'x'.repeat(100_000) })
    await assertRefused(state, { kind: 'iso', path: join(source, 'junk.iso') }, /is not an ISO 9660 image/)
    await assertRefused(state, { kind: 'iso', path: join(source, 'none.iso') }, /none\.iso: no such file/)
  })

  test('a folder of the site under the same name in STATE/repo is left alone', async (t) => {
    const { state, source } = await makeState(t)
    await writeFiles(join(state, 'repo/el9'), { theirs: '' })
    const path = await makeIso(source, 'el9.iso', treeOf('K'))
    await assertRefused(state, { kind: 'iso', path }, /repo\/el9 was not made by bootstead image add/)
  })

  test('without xorriso the Debian package is named', async (t) => {
    const { state, source } = await makeState(t)
    const path = await makeIso(source, 'el9.iso', treeOf('K'))
    const searchPath = process.env['PATH']
    t.after(() => (process.env['PATH'] = searchPath))
    process.env['PATH'] = source
    await assertRefused(state, { kind: 'iso', path }, /apt-get install xorriso/)
  })

  test('removing takes the files, and the tree when asked', async (t) => {
    const { state, source } = await makeState(t)
    await addImage(state, 'el9', { kind: 'iso', path: await makeIso(source, 'el9.iso', treeOf('K')) })
    assert.deepEqual(await removeImage(state, 'el9', { tree: true }), { files: true, tree: true })
    assert.deepEqual(await entries(state), [])
    assert.deepEqual(await removeImage(state, 'el9', { tree: true }), { files: false, tree: false })
  })
})

describe('verifyImage', () => {
  async function addedImage(
    t: TestContext,
  ): Promise<Readonly<{ state: string; image: Image; at: (file: string) => string }>> {
    const { state, source } = await makeState(t)
    const { image } = await addImage(state, 'el9', await filesSource(source, { kernel: 'K', initrd: 'I' }))
    return { state, image, at: (file) => join(state, 'images/el9', file) }
  }

  test('what was added is as it should be', async (t) => {
    const { state, image } = await addedImage(t)
    assert.deepEqual(await verifyImage(state, image), [])
  })

  test('says which file is altered, missing, or no file, and how to mend it', async (t) => {
    const { state, image, at } = await addedImage(t)
    await writeFile(at('vmlinuz'), 'L')
    await rm(at('initrd.img'))
    const mend = 'mend it with: bootstead image add el9 --kernel FILE --initrd FILE'
    assert.deepEqual(await verifyImage(state, image), [
      {
        kind: 'altered',
        file: 'vmlinuz',
        path: at('vmlinuz'),
        message: `image el9: ${at('vmlinuz')} is altered: its sha256 is ${sha256('L')}, the inventory says ${sha256('K')}; ${mend}`,
      },
      {
        kind: 'missing',
        file: 'initrd.img',
        path: at('initrd.img'),
        message: `image el9: ${at('initrd.img')} is missing; ${mend}`,
      },
    ])
    await run('mkfifo', [at('initrd.img')])
    assert.equal((await verifyImage(state, image))[1]?.kind, 'not-a-file')
  })

  test('mending names the tree an image came from', async (t) => {
    const { state, image, at } = await addedImage(t)
    await rm(at('vmlinuz'))
    const message = async (tree_url: string): Promise<string> =>
      (await verifyImage(state, { ...image, tree_url }))[0]?.message ?? ''
    assert.match(await message('http://mirror.example.org/9'), /image add el9 --tree http:\/\/mirror\.example\.org\/9 /)
    assert.ok((await message('repo/el%209')).includes(`--tree ${state}/repo/el 9 (and --platform xen`))
  })

  test('a file is hashed once for 400 machines, and again once it has changed', async (t) => {
    const { state, image, at } = await addedImage(t)
    const checked: CheckedFiles = new Map()
    await Promise.all(Array.from({ length: 400 }, () => verifyImage(state, image, checked)))
    const hashed = [...checked.values()]
    assert.equal(hashed.length, 2)
    assert.deepEqual(await verifyImage(state, image, checked), [])
    assert.ok([...checked.values()].every((entry, index) => entry === hashed[index]))
    await writeFile(`${at('vmlinuz')}.new`, 'L') // of the same size
    await rename(`${at('vmlinuz')}.new`, at('vmlinuz'))
    assert.equal((await verifyImage(state, image, checked))[0]?.kind, 'altered')
  })

  test('a row written by hand without checksums needs its files only', async (t) => {
    const { state, image, at } = await addedImage(t)
    const byHand = { ...image, sha256: {} }
    assert.deepEqual(await verifyImage(state, byHand), [])
    await rm(at('vmlinuz'))
    assert.equal((await verifyImage(state, byHand))[0]?.kind, 'missing')
  })
})
