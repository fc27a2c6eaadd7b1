// The disk door's publisher, on real folders.
import assert from 'node:assert/strict'
import {
  appendFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import type { FileChange } from '../../../server/render/diff.ts'
import type { DiskFile } from '../../../server/render/files.ts'
import { compare } from '../../../server/serve/disk/compare.ts'
import { sha256Of } from '../../../server/serve/disk/incoming.ts'
import type { Publication } from '../../../server/serve/disk/publish.ts'
import { publish } from '../../../server/serve/disk/publish.ts'
import { listGenerations, rollBack } from '../../../server/serve/disk/rollback.ts'
import type { DiskTarget } from '../../../server/serve/disk/swap.ts'
import { temporaryFolder } from '../../fixtures.ts'

const now = new Date('2096-11-23T12:00:00Z')

type Texts = Readonly<Record<string, string>>

/** Each file is the lines of the machine its name says. */
const filesOf = (texts: Texts): readonly DiskFile[] =>
  Object.entries(texts).map(([path, text]) => ({ kind: 'text', path, sections: [{ machine: `m-${path}`, text }] }))
const whole = (texts: Texts) => ({ kind: 'whole', files: filesOf(texts) }) as const

/** Both ways to swap, with what a reader finds in each. */
function bothSwaps(name: string, run: (t: TestContext, target: DiskTarget, base: string) => Promise<void>): void {
  test(`${name} (file by file)`, async (t) => {
    const folder = temporaryFolder(t)
    await run(t, { folder, swap: 'files', check: null }, folder)
  })
  test(`${name} (as a folder)`, async (t) => {
    const folder = temporaryFolder(t)
    await run(t, { folder, swap: 'folder', check: null }, join(folder, 'current'))
  })
}

/** What is there, but for what Bootstead keeps for itself. */
function contentOf(base: string): Texts {
  const files = readdirSync(base, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !path.includes('/.bootstead/'))
  return Object.fromEntries(
    files.map((path) => [path.slice(base.length + 1), readFileSync(path, 'utf8')] as const).toSorted(),
  )
}

const whatOf = ({ conflicts }: Publication) => conflicts.map(({ path, what }) => `${path} ${what}`)

bothSwaps('a folder holds exactly the files of the set', async (_t, target, base) => {
  const first = { 'a/one': '1\n', 'a/two': '2\n', three: '3\n' }
  assert.deepEqual(await publish(target, whole(first), { now }), {
    kind: 'published',
    generation: 1,
    written: 3,
    removed: 0,
    note: null,
    files: 3,
    conflicts: [],
    resumed: false,
  })
  assert.deepEqual(contentOf(base), first)
  const second = { 'a/one': '1 changed\n', 'b/c/four': '4\n', three: '3\n' }
  const publication = await publish(target, whole(second), { now })
  assert.ok(publication.kind === 'published')
  assert.deepEqual([publication.written, publication.removed], [2, 1])
  assert.deepEqual(contentOf(base), second)
})

bothSwaps('published files can be read by daemons of other users, whatever the umask', async (_t, target, base) => {
  const umask = process.umask(0o077)
  try {
    await publish(target, whole({ 'a/one': '1\n' }), { now })
  } finally {
    process.umask(umask)
  }
  assert.equal(statSync(join(base, 'a/one')).mode & 0o777, 0o644)
  assert.equal(statSync(join(base, 'a')).mode & 0o777, 0o755)
  assert.equal(statSync(base).mode & 0o055, target.swap === 'files' ? 0 : 0o055, 'an existing folder keeps its mode')
  assert.equal(statSync(join(target.folder, '.bootstead')).mode & 0o777, 0o700)
})

bothSwaps('an unchanged set writes nothing', async (_t, target, base) => {
  const texts = { 'a/one': '1\n', two: '2\n' }
  await publish(target, whole(texts), { now })
  const before = [statSync(base), ...Object.keys(texts).map((path) => statSync(join(base, path)))]
  assert.equal((await publish(target, whole(texts), { now })).kind, 'unchanged')
  const after = [statSync(base), ...Object.keys(texts).map((path) => statSync(join(base, path)))]
  assert.deepEqual(
    after.map(({ ino, mtimeMs, ctimeMs }) => [ino, mtimeMs, ctimeMs]),
    before.map(({ ino, mtimeMs, ctimeMs }) => [ino, mtimeMs, ctimeMs]),
  )
  assert.equal((await listGenerations(target)).length, 1)
})

bothSwaps('a partial set leaves the rest as it is', async (_t, target, base) => {
  await publish(target, whole({ one: '1\n', two: '2\n', three: '3\n' }), { now })
  const changed = filesOf({ two: '2 changed\n', four: '4\n' })
  await publish(target, { kind: 'partial', changed, removed: ['three', 'never there'] }, { now })
  assert.deepEqual(contentOf(base), { four: '4\n', one: '1\n', two: '2 changed\n' })
})

bothSwaps('a file edited by hand is left alone, the others go on, --adopt replaces it', async (_t, target, base) => {
  await publish(target, whole({ edited: '1\n', gone: '2\n', other: '3\n' }), { now })
  appendFileSync(join(base, 'edited'), '# by hand\n')
  appendFileSync(join(base, 'gone'), '# by hand\n')
  const next = whole({ edited: '1 changed\n', other: '3 changed\n' })
  const publication = await publish(target, next, { now })
  assert.deepEqual(whatOf(publication), ['edited edited', 'gone edited'])
  assert.match(publication.conflicts[0]?.message ?? '', /edited: was changed by somebody else.*--adopt edited/)
  const left = { edited: '1\n# by hand\n', gone: '2\n# by hand\n', other: '3 changed\n' }
  assert.deepEqual(contentOf(base), left)
  assert.equal((await publish(target, next, { now })).kind, 'unchanged')

  const adopted = await publish(target, next, { now, adopt: new Set(['edited', 'gone']) })
  assert.deepEqual(whatOf(adopted), [])
  assert.deepEqual(contentOf(base), { edited: '1 changed\n', other: '3 changed\n' })
  await rollBack(target, null, { now })
  assert.deepEqual(contentOf(base), left, 'what was adopted is kept like anything else that is replaced')
})

test('a foreign file is left alone unless its bytes are those we would write', async (t) => {
  const folder = temporaryFolder(t)
  const target: DiskTarget = { folder, swap: 'files', check: null }
  writeFileSync(join(folder, 'theirs'), 'theirs\n')
  writeFileSync(join(folder, 'same'), 'same\n')
  const { ino } = statSync(join(folder, 'same'))
  const publication = await publish(target, whole({ theirs: 'ours\n', same: 'same\n', other: '\n' }), { now })
  assert.deepEqual(whatOf(publication), ['theirs foreign'])
  assert.deepEqual(contentOf(folder), { other: '\n', same: 'same\n', theirs: 'theirs\n' })
  assert.equal(statSync(join(folder, 'same')).ino, ino)
  await publish(target, whole({ other: '\n' }), { now })
  assert.deepEqual(contentOf(folder), { other: '\n', theirs: 'theirs\n' }, 'same is ours now, theirs never was')
})

test('folders, links and devices in the way, and paths that lead out, are conflicts', async (t) => {
  const outside = temporaryFolder(t)
  const folder = temporaryFolder(t)
  mkdirSync(join(folder, 'folder'))
  symlinkSync('/etc/hostname', join(folder, 'link'))
  symlinkSync(outside, join(folder, 'elsewhere'))
  writeFileSync(join(folder, 'file'), '')
  const paths = [
    'folder',
    'link',
    'elsewhere/one',
    'file/one',
    '../one',
    '/etc/one',
    'a//b',
    'a/./b',
    '.bootstead/x',
    'ok',
  ]
  const texts = Object.fromEntries(paths.map((path) => [path, `${path}\n`]))
  const publication = await publish({ folder, swap: 'files', check: null }, whole(texts), {
    now,
    adopt: new Set(paths),
  })
  assert.deepEqual(whatOf(publication), [
    'folder in the way',
    'link in the way',
    'elsewhere/one in the way',
    'file/one in the way',
    '../one outside',
    '/etc/one outside',
    'a//b outside',
    'a/./b outside',
    '.bootstead/x outside',
  ])
  assert.deepEqual(contentOf(folder), { file: '', ok: 'ok\n' })
  assert.deepEqual(readdirSync(outside), [])
  assert.ok(lstatSync(join(folder, 'link')).isSymbolicLink())
})

bothSwaps('a file of ours that vanished is written again', async (_t, target, base) => {
  await publish(target, whole({ one: '1\n', two: '2\n' }), { now })
  rmSync(join(base, 'one'))
  assert.equal((await publish(target, whole({ one: '1\n', two: '2\n' }), { now })).kind, 'published')
  assert.deepEqual(contentOf(base), { one: '1\n', two: '2\n' })
})

bothSwaps('a file that was only touched is no conflict and is not written', async (_t, target, base) => {
  await publish(target, whole({ one: '1\n' }), { now })
  utimesSync(join(base, 'one'), 1, 1)
  assert.deepEqual(await publish(target, whole({ one: '1\n' }), { now }), {
    kind: 'unchanged',
    files: 1,
    conflicts: [],
    resumed: false,
  })
  assert.equal(statSync(join(base, 'one')).mtimeMs, 1000)
  assert.equal((await publish(target, whole({ one: '2\n' }), { now })).kind, 'published')
})

bothSwaps(
  'a loader is copied; when its source is gone, or another, it alone is left as it is',
  async (t, target, base) => {
    const source = join(temporaryFolder(t), 'pxelinux.0')
    const bytes = Buffer.from([0, 255, 10, 13])
    writeFileSync(source, bytes)
    const file: DiskFile = { kind: 'copy', path: 'pxelinux.0', source, sha256: sha256Of(bytes) }
    await publish(target, { kind: 'whole', files: [file] }, { now })
    assert.deepEqual(readFileSync(join(base, 'pxelinux.0')), bytes)
    rmSync(source)
    assert.equal((await publish(target, { kind: 'whole', files: [file] }, { now })).kind, 'unchanged', 'it is not read')
    writeFileSync(source, 'another release')
    const missing: DiskFile = { ...file, path: 'gone.0', source: `${source}.gone` }
    const files = [file, { ...file, path: 'other.0' }, missing, ...filesOf({ text: '1\n' })]
    const publication = await publish(target, { kind: 'whole', files }, { now })
    assert.deepEqual(whatOf(publication), ['other.0 lost', 'gone.0 lost'])
    assert.match(publication.conflicts[0]?.message ?? '', /pxelinux\.0 has another checksum.*collect the loaders again/)
    assert.match(publication.conflicts[1]?.message ?? '', /pxelinux\.0\.gone can't be read \(ENOENT\)/)
    assert.deepEqual(
      readdirSync(base).filter((name) => !name.startsWith('.')),
      ['pxelinux.0', 'text'],
    )
  },
)

bothSwaps('one path twice in a set is an error of the renderer, and nothing is published', async (_t, target, base) => {
  await publish(target, whole({ one: '1\n' }), { now })
  const files = [...filesOf({ two: '1\n' }), ...filesOf({ two: '2\n' })]
  await assert.rejects(publish(target, { kind: 'whole', files }, { now }), /two is twice/)
  assert.deepEqual(contentOf(base), { one: '1\n' })
  assert.equal((await publish(target, whole({ one: '1\n' }), { now })).kind, 'unchanged')
})

bothSwaps('each rollback goes one generation further back, exactly', async (_t, target, base) => {
  const states = [
    { a: '1\n', b: '1\n' },
    { a: '2\n', c: '2\n' },
    { a: '3\n', b: '3\n', c: '2\n' },
  ] as const
  for (const state of states) await publish(target, whole(state), { now })
  assert.equal((await rollBack(target, null, { now })).kind, 'published')
  assert.deepEqual(contentOf(base), states[1])
  await rollBack(target, null, { now })
  assert.deepEqual(contentOf(base), states[0])
  assert.deepEqual(await rollBack(target, null, { now }), {
    kind: 'impossible',
    why: 'generation 0 is not kept: there are 1 to 5',
  })
  await rollBack(target, 3, { now })
  assert.deepEqual(contentOf(base), states[2])
  assert.deepEqual(
    (await listGenerations(target)).map(({ id, restores }) => [id, restores]),
    [
      [6, 3],
      [5, 1],
      [4, 2],
      [3, null],
      [2, null],
      [1, null],
    ],
  )
  assert.equal((await publish(target, whole(states[2]), { now })).kind, 'unchanged')
})

bothSwaps(
  'a rollback leaves alone what was edited since, and says what it can not bring back',
  async (_t, target, base) => {
    await publish(target, whole({ one: '1\n', two: '1\n', three: '1\n' }), { now })
    rmSync(join(base, 'two'))
    await publish(target, whole({ one: '2\n', two: '2\n', three: '2\n' }), { now })
    appendFileSync(join(base, 'one'), '# by hand\n')
    const rolled = await rollBack(target, null, { now })
    assert.ok(rolled.kind === 'published')
    assert.deepEqual(whatOf(rolled), ['one edited', 'two lost'])
    assert.deepEqual(contentOf(base), { one: '2\n# by hand\n', three: '1\n', two: '2\n' })
  },
)

bothSwaps('as many generations are kept as was asked for', async (_t, target) => {
  for (let n = 1; n <= 6; n++) await publish(target, whole({ one: `${n}\n` }), { now, keep: 2 })
  assert.deepEqual(
    (await listGenerations(target)).map(({ id }) => id),
    [6, 5, 4],
  )
  assert.equal((await rollBack(target, 3, { now, keep: 2 })).kind, 'impossible')
  assert.equal((await rollBack(target, 4, { now, keep: 2 })).kind, 'published')
})

bothSwaps('a lost manifest: what is as it should be is taken in again', async (_t, target, base) => {
  await publish(target, whole({ one: '1\n', two: '2\n' }), { now })
  await publish(target, whole({ one: '1\n', two: '3\n' }), { now })
  rmSync(join(target.folder, '.bootstead'), { recursive: true })
  assert.deepEqual(whatOf(await publish(target, whole({ one: '1\n', two: '4\n' }), { now })), ['two foreign'])
  await publish(target, whole({ one: '5\n', two: '3\n' }), { now })
  assert.deepEqual(contentOf(base), { one: '5\n', two: '3\n' })
})

test('a damaged manifest is named, with the way out', async (t) => {
  const folder = temporaryFolder(t)
  await publish({ folder, swap: 'files', check: null }, whole({ one: '1\n' }), { now })
  writeFileSync(join(folder, '.bootstead/manifest.db'), 'not a database, but long enough to be looked at'.repeat(50))
  await assert.rejects(publish({ folder, swap: 'files', check: null }, whole({ one: '2\n' }), { now }), {
    message: new RegExp(`^${folder}: its manifest is damaged; move .bootstead/manifest.db away`),
  })
  assert.deepEqual(contentOf(folder), { one: '1\n' })
})

test('as a folder: one link is replaced, the generation before stays for those who are reading it', async (t) => {
  const folder = temporaryFolder(t)
  const target: DiskTarget = { folder, swap: 'folder', check: null }
  for (let n = 1; n <= 4; n++) await publish(target, whole({ 'same/one': '1\n', two: `${n}\n` }), { now })
  assert.equal(readlinkSync(join(folder, 'current')), 'generations/4')
  assert.deepEqual(readdirSync(join(folder, 'generations')).toSorted(), ['3', '4'])
  assert.equal(readFileSync(join(folder, 'generations/3/two'), 'utf8'), '3\n')
  const [first, second] = ['3', '4'].map((n) => statSync(join(folder, 'generations', n, 'same/one')).ino)
  assert.equal(first, second, 'unchanged files are hard links')
})

test('as a folder: what somebody else put there moves along', async (t) => {
  const folder = temporaryFolder(t)
  const target: DiskTarget = { folder, swap: 'folder', check: null }
  await publish(target, whole({ one: '1\n' }), { now })
  mkdirSync(join(folder, 'current/local'))
  writeFileSync(join(folder, 'current/local/theirs'), 'theirs\n')
  await publish(target, whole({ one: '2\n' }), { now })
  assert.deepEqual(contentOf(join(folder, 'current')), { 'local/theirs': 'theirs\n', one: '2\n' })
})

test('as a folder: a `current` that we did not make stays, and nothing is published', async (t) => {
  const folder = temporaryFolder(t)
  mkdirSync(join(folder, 'current'))
  const target: DiskTarget = { folder, swap: 'folder', check: null }
  await assert.rejects(
    publish(target, whole({ one: '1\n' }), { now }),
    /current was not made by Bootstead: move it away/,
  )
  assert.deepEqual(readdirSync(join(folder, 'current')), [])
})

test('a checker sees the complete configuration; when it refuses, nothing is published', async (t) => {
  const folder = temporaryFolder(t)
  const seen: Texts[] = []
  const target: DiskTarget = {
    folder,
    swap: 'folder',
    check: (root) => {
      seen.push(contentOf(root))
      const isBad = readFileSync(join(root, 'one'), 'utf8').includes('bad')
      return Promise.resolve(isBad ? { ok: false, output: `${root}/one line 2: bad\n` } : { ok: true })
    },
  }
  await publish(target, whole({ one: '1\n', two: '2\n' }), { now })
  const sections = [
    { machine: 'acas0001', text: 'good\n' },
    { machine: 'acas0002', text: 'bad\n' },
  ]
  const refused = await publish(
    target,
    { kind: 'partial', changed: [{ kind: 'text', path: 'one', sections }], removed: [] },
    { now },
  )
  assert.ok(refused.kind === 'refused')
  assert.deepEqual(
    refused.blamed.map(({ path, line, machine }) => ({ path, line, machine })),
    [{ path: 'one', line: 2, machine: 'acas0002' }],
  )
  assert.deepEqual(seen, [
    { one: '1\n', two: '2\n' },
    { one: 'good\nbad\n', two: '2\n' },
  ])
  assert.deepEqual(contentOf(join(folder, 'current')), { one: '1\n', two: '2\n' })
  assert.deepEqual(readdirSync(join(folder, 'generations')), ['1'])
  assert.equal((await publish(target, whole({ one: '1\n', two: '2\n' }), { now })).kind, 'unchanged')
})

bothSwaps('a comparison says what would be done and does nothing', async (_t, target, base) => {
  const changes: FileChange[] = []
  const onChange = (change: FileChange): void => void changes.push(change)
  const absent = { ...target, folder: join(target.folder, 'absent') }
  assert.deepEqual(await compare(absent, whole({ one: '1\n' }), {}), {
    files: 1,
    conflicts: [],
    resumed: false,
    written: 1,
    removed: 0,
  })
  assert.ok(!existsSync(absent.folder))
  await publish(target, whole({ one: '1\n', two: '2\n', edited: '3\n' }), { now })
  writeFileSync(join(base, 'edited'), 'by hand\n')
  const comparison = await compare(target, whole({ one: 'é\n', edited: '4\n' }), { onChange })
  assert.deepEqual([comparison.written, comparison.removed], [1, 1])
  assert.deepEqual(
    comparison.conflicts.map(({ path }) => path),
    ['edited'],
  )
  assert.deepEqual(changes, [
    { path: 'one', before: [{ machine: 'm-one', text: '1\n' }], after: [{ machine: 'm-one', text: 'é\n' }] },
    { path: 'two', before: [{ machine: 'm-two', text: '2\n' }], after: 'absent' },
  ])
  assert.deepEqual(contentOf(base), { edited: 'by hand\n', one: '1\n', two: '2\n' })
})

test('the sections of a file are known again after any change of them', async (t) => {
  const folder = temporaryFolder(t)
  const target: DiskTarget = { folder, swap: 'files', check: null }
  const sectionsOf = (owner: string) => [
    { machine: null, text: '# häd\n' },
    { machine: owner, text: 'lines\n' },
  ]
  const file = (owner: string): DiskFile => ({ kind: 'text', path: 'hosts', sections: sectionsOf(owner) })
  await publish(target, { kind: 'whole', files: [file('a')] }, { now })
  const same = await publish(target, { kind: 'whole', files: [file('b')] }, { now })
  assert.equal(same.kind, 'unchanged', 'the bytes are the same')
  const changes: FileChange[] = []
  await compare(target, { kind: 'whole', files: [] }, { onChange: (change) => changes.push(change) })
  assert.deepEqual(changes, [{ path: 'hosts', before: sectionsOf('b'), after: 'absent' }])
})

test('what is written between the comparison and its turn is left alone', async (t) => {
  const folder = temporaryFolder(t)
  const target: DiskTarget = { folder, swap: 'files', check: null }
  await publish(target, whole({ one: '1\n', two: '1\n' }), { now })
  const files = function* (): Generator<DiskFile> {
    yield* filesOf({ one: '2\n', 'deep/three': '2\n' })
    // More than a look-up's worth, so that `one` has been compared when this is reached.
    yield* filesOf(Object.fromEntries(Array.from({ length: 500 }, (_, n) => [`many/${n}`, `${n}\n`])))
    writeFileSync(join(folder, 'one'), 'by hand, at the last moment\n')
    mkdirSync(dirname(join(folder, 'deep/three')), { recursive: true })
    writeFileSync(join(folder, 'deep/three'), 'theirs\n')
    yield* filesOf({ two: '2\n' })
  }
  const publication = await publish(target, { kind: 'whole', files: files() }, { now })
  assert.deepEqual(whatOf(publication).toSorted(), ['deep/three edited', 'one edited'])
  assert.equal(readFileSync(join(folder, 'one'), 'utf8'), 'by hand, at the last moment\n')
  assert.equal(readFileSync(join(folder, 'deep/three'), 'utf8'), 'theirs\n')
  assert.equal(readFileSync(join(folder, 'two'), 'utf8'), '2\n')
  const again = await compare(target, whole({ one: '2\n', 'deep/three': '2\n', two: '2\n' }), {})
  assert.deepEqual(
    again.conflicts.map(({ path, what }) => `${path} ${what}`),
    ['one edited', 'deep/three foreign'],
  )
})
