import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { loaderPackages, loaderRows } from '../../../server/plan/loaders.ts'
import { downloadLoaderPackages } from '../../../server/serve/loader-packages.ts'
import { collectLoaders, readLoaders, type LoaderOutcome } from '../../../server/serve/loaders.ts'

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

type Stage = Readonly<{ top: string; state: string; root: string }>

/** A state folder, and a root in which every package of the table is installed, each file holding its own name. */
async function makeStage(t: TestContext): Promise<Stage> {
  const top = await mkdtemp(join(tmpdir(), 'bootstead-loaders-'))
  t.after(() => rm(top, { recursive: true, force: true }))
  const stage = { top, state: join(top, 'state'), root: join(top, 'root') }
  for (const { name, path } of loaderRows) {
    await mkdir(dirname(join(stage.root, path)), { recursive: true })
    await writeFile(join(stage.root, path), name, { mode: 0o600 })
  }
  return stage
}

const kindsOf = (outcomes: readonly LoaderOutcome[]): readonly string[] => [
  ...new Set(outcomes.map(({ kind }) => kind)),
]

function outcomeOf(outcomes: readonly LoaderOutcome[], name: string): LoaderOutcome {
  const found = outcomes.find((outcome) => (outcome.kind === 'missing' ? outcome.name : outcome.loader.name) === name)
  return found ?? assert.fail(`no outcome for ${name}`)
}

describe('the table of loaders', () => {
  test('every name is there once, relative, and has a source', () => {
    const names = loaderRows.map(({ name }) => name)
    assert.equal(new Set(names).size, names.length)
    for (const { name, path, source } of loaderRows) {
      assert.match(name, /^[a-z0-9][a-z0-9+./-]*$/)
      assert.match(path, /^\/(usr\/lib|boot)\//)
      assert.ok(source !== '' && !name.includes('..'))
    }
  })
})

describe('collectLoaders', () => {
  test('copies every file, mode 0644 whatever it was, and lists it', async (t) => {
    const { state, root } = await makeStage(t)
    const outcomes = await collectLoaders(state, { root })
    assert.deepEqual(kindsOf(outcomes), ['collected'])
    assert.equal(await readFile(join(state, 'loaders/memtest/memtest86+.efi'), 'utf8'), 'memtest/memtest86+.efi')
    assert.equal((await stat(join(state, 'loaders/shimx64.efi'))).mode & 0o777, 0o644)
    const loaders = await readLoaders(state)
    assert.equal(loaders.length, loaderRows.length)
    assert.deepEqual(loaders[0], {
      name: 'pxelinux.0',
      sha256: sha256('pxelinux.0'),
      size: 10,
      package: 'pxelinux',
      version: null, // nothing in this root says which version its files are of
      source: join(root, 'usr/lib/PXELINUX/pxelinux.0'),
    })
  })

  test('again: nothing changes on disk', async (t) => {
    const { state, root } = await makeStage(t)
    await collectLoaders(state, { root })
    const seen = async () => {
      const entries = await readdir(join(state, 'loaders'), { recursive: true })
      return Promise.all(entries.sort().map(async (name) => [name, (await stat(join(state, 'loaders', name))).ino]))
    }
    const before = await seen()
    assert.deepEqual(kindsOf(await collectLoaders(state, { root })), ['unchanged'])
    assert.deepEqual(await seen(), before)
  })

  test('an upgraded package and a damaged copy are replaced, and leave no temporary file', async (t) => {
    const { state, root } = await makeStage(t)
    await collectLoaders(state, { root })
    await writeFile(join(root, 'usr/lib/PXELINUX/pxelinux.0'), 'newer')
    await writeFile(join(state, 'loaders/mboot.c32'), 'damaged')
    const outcomes = await collectLoaders(state, { root })
    assert.deepEqual(
      ['pxelinux.0', 'mboot.c32', 'menu.c32'].map((name) => outcomeOf(outcomes, name).kind),
      ['replaced', 'replaced', 'unchanged'],
    )
    assert.equal(await readFile(join(state, 'loaders/pxelinux.0'), 'utf8'), 'newer')
    assert.equal((await readLoaders(state))[0]?.sha256, sha256('newer'))
    const entries = await readdir(join(state, 'loaders'), { recursive: true })
    assert.deepEqual(
      entries.filter((name) => name.startsWith('.')),
      [],
    )
  })

  test('a missing package is named with the way to get it, and keeps no other away', async (t) => {
    const { state, root } = await makeStage(t)
    await rm(join(root, 'usr/lib/ipxe/ipxe.efi'))
    await rm(join(root, 'usr/lib/shim/shimaa64.efi.signed'))
    const outcomes = await collectLoaders(state, { root })
    assert.deepEqual(outcomeOf(outcomes, 'ipxe.efi'), {
      kind: 'missing',
      name: 'ipxe.efi',
      package: 'ipxe',
      optional: false,
      why: 'apt-get install ipxe, or: bootstead loaders collect --download',
    })
    const arm = outcomeOf(outcomes, 'shimaa64.efi')
    assert.ok(arm.kind === 'missing' && arm.optional && arm.why.includes('dpkg --add-architecture arm64'))
    assert.equal((await readLoaders(state)).length, loaderRows.length - 2)
  })

  test('a copy outlives its package, unless it is damaged', async (t) => {
    const { state, root } = await makeStage(t)
    await collectLoaders(state, { root })
    await rm(join(root, 'usr/lib/ipxe'), { recursive: true })
    await writeFile(join(state, 'loaders/snponly.efi'), 'damaged')
    const outcomes = await collectLoaders(state, { root })
    assert.equal(outcomeOf(outcomes, 'ipxe.efi').kind, 'kept')
    assert.equal(outcomeOf(outcomes, 'snponly.efi').kind, 'missing')
    assert.ok((await readLoaders(state)).some(({ name }) => name === 'undionly.kpxe'))
  })

  test('an absolute symbolic link of a package stays within the root', async (t) => {
    const { state, root } = await makeStage(t)
    const link = join(root, 'usr/lib/ipxe/ipxe.efi')
    await rm(link)
    await writeFile(join(root, 'boot/ipxe.efi'), 'of the root')
    await symlink('/boot/ipxe.efi', link)
    await rm(join(root, 'usr/lib/ipxe/snponly.efi'))
    await symlink('snponly.efi', join(root, 'usr/lib/ipxe/snponly.efi')) // to itself
    const outcomes = await collectLoaders(state, { root })
    assert.equal(await readFile(join(state, 'loaders/ipxe.efi'), 'utf8'), 'of the root')
    assert.equal(outcomeOf(outcomes, 'snponly.efi').kind, 'missing')
  })

  test('a list that cannot be read is an error that says what to do', async (t) => {
    const { state, root } = await makeStage(t)
    assert.deepEqual(await readLoaders(state), [])
    await collectLoaders(state, { root })
    await writeFile(join(state, 'loaders/loaders.json'), '{')
    await assert.rejects(readLoaders(state), /remove it and run: bootstead loaders collect/)
  })

  test('the files of this host: those of pxelinux carry the version dpkg knows', async (t) => {
    const { state } = await makeStage(t)
    const pxelinux = outcomeOf(await collectLoaders(state), 'pxelinux.0')
    assert.ok(pxelinux.kind === 'collected', 'this test needs pxelinux: apt-get install pxelinux')
    assert.match(pxelinux.loader.version ?? '', /^3:6\./)
  })
})

/** apt-get and dpkg-deb as stubs on PATH: what they are asked, without a network. */
async function stubApt(t: TestContext, top: string): Promise<string> {
  const bin = join(top, 'bin')
  const calls = join(top, 'calls')
  await mkdir(bin)
  await writeFile(calls, '')
  await writeFile(
    join(bin, 'apt-get'),
    `#!/bin/sh
echo "apt-get $*" >> ${calls}
for package; do :; done
case $package in
  pxelinux) file=pxelinux_3%3a6.04~git+dfsg1-3_all.deb ;;
  ipxe) file=ipxe_1.0-5.1_all.deb ;;
  *) echo "E: Unable to locate package $package" >&2; exit 100 ;;
esac
case $* in
  *--print-uris*) echo "'http://deb.example.org/$file' $file 100 SHA256:00" ;;
  *) : > "$file" ;;
esac
`,
  )
  await writeFile(
    join(bin, 'dpkg-deb'),
    `#!/bin/sh
echo "dpkg-deb $1" >> ${calls}
mkdir -p "$3/usr/lib/PXELINUX" "$3/usr/lib/ipxe"
case $2 in
  */pxelinux*) echo downloaded > "$3/usr/lib/PXELINUX/pxelinux.0" ;;
  *) exit 2 ;;
esac
`,
  )
  for (const name of ['apt-get', 'dpkg-deb']) await chmod(join(bin, name), 0o755)
  const searchPath = process.env['PATH']
  t.after(() => (process.env['PATH'] = searchPath))
  process.env['PATH'] = `${bin}:${searchPath ?? ''}`
  return calls
}

describe('downloadLoaderPackages', () => {
  test('unpacks what apt has into a folder for each version, and fetches no version twice', async (t) => {
    const { top } = await makeStage(t)
    const calls = await stubApt(t, top)
    const cache = join(top, 'cache')
    const root = join(cache, 'pxelinux_3%3a6.04~git+dfsg1-3_all')
    for (const turn of [1, 2]) {
      const { unpacked, failed } = await downloadLoaderPackages(cache, ['pxelinux', 'nonesuch'])
      assert.deepEqual([...unpacked], [['pxelinux', { root, version: '3:6.04~git+dfsg1-3' }]])
      assert.match(failed.get('nonesuch') ?? '', /^E: Unable to locate package nonesuch \(has apt-get update run\?\)/)
      const asked = (await readFile(calls, 'utf8')).split('\n')
      assert.equal(asked.filter((call) => call === 'apt-get -q download pxelinux').length, 1, `turn ${turn}`)
    }
    assert.deepEqual(await readdir(cache), ['pxelinux_3%3a6.04~git+dfsg1-3_all'])
  })

  test('a package that cannot be unpacked is an error, and leaves nothing', async (t) => {
    const { top } = await makeStage(t)
    await stubApt(t, top)
    await assert.rejects(downloadLoaderPackages(join(top, 'cache'), ['ipxe']), /dpkg-deb/)
    assert.deepEqual(await readdir(join(top, 'cache')), [])
  })

  test('without apt-get says so', async (t) => {
    const { top } = await makeStage(t)
    const searchPath = process.env['PATH']
    t.after(() => (process.env['PATH'] = searchPath))
    process.env['PATH'] = top
    await assert.rejects(downloadLoaderPackages(join(top, 'cache')), /needs apt-get/)
  })

  test('collecting with download takes installed files first, and the rest from what apt brings', async (t) => {
    const { top, state, root } = await makeStage(t)
    await stubApt(t, top)
    await rm(join(root, 'usr/lib/PXELINUX/pxelinux.0'))
    await rm(join(root, 'boot/memtest86+x64.bin'))
    const outcomes = await collectLoaders(state, { root, download: true })
    const pxelinux = outcomeOf(outcomes, 'pxelinux.0')
    assert.ok(pxelinux.kind === 'collected')
    assert.equal(pxelinux.loader.version, '3:6.04~git+dfsg1-3')
    assert.ok(pxelinux.loader.source.startsWith(join(state, 'cache/loader-packages')))
    const lpxelinux = outcomeOf(outcomes, 'lpxelinux.0')
    assert.ok(lpxelinux.kind === 'collected' && lpxelinux.loader.source.startsWith(root))
    const memtest = outcomeOf(outcomes, 'memtest/memtest86+.bin')
    assert.ok(memtest.kind === 'missing' && memtest.why.startsWith('E: Unable to locate package memtest86+'))
  })

  test('the packages are those of the table, each once', () => {
    assert.equal(new Set(loaderPackages).size, loaderPackages.length)
    assert.deepEqual(new Set(loaderPackages), new Set(loaderRows.map((row) => row.package)))
  })
})
