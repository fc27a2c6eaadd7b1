// What is left when a publication ends in the middle: killed at each of its steps, a full disk, a folder that may not be
// written. The old or the new, never between; and no published file is ever absent.
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFileSync,
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmdirSync,
  statSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { Maker } from '../../../server/serve/disk/basis.ts'
import { compare } from '../../../server/serve/disk/compare.ts'
import type { Publication } from '../../../server/serve/disk/publish.ts'
import { publish } from '../../../server/serve/disk/publish.ts'
import { rollBack } from '../../../server/serve/disk/rollback.ts'
import type { DiskTarget } from '../../../server/serve/disk/swap.ts'
import { temporaryFolder } from '../../fixtures.ts'
import type { Job } from './disk-child.ts'

const now = new Date('2096-11-23T12:00:00Z')
const nobody = 65534

type Texts = Readonly<Record<string, string>>

const whole = (texts: Texts) =>
  ({
    kind: 'whole',
    files: Object.entries(texts).map(([path, text]) => ({
      kind: 'text' as const,
      path,
      sections: [{ machine: null, text }],
    })),
  }) as const

const targetOf = (folder: string, swap: DiskTarget['swap']): DiskTarget => ({ folder, swap, check: null })

type Answer = Readonly<{ outcome: Publication | Readonly<{ error: string }> | null; calls: number }>

/** Runs a publication in a process of its own. Null when it was killed. */
async function publishElsewhere(
  job: Omit<Extract<Job, { kind: 'publish' }>, 'kind' | 'basis'>,
  basis = 'elsewhere',
): Promise<Answer | null> {
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', join(import.meta.dirname, 'disk-child.ts'), JSON.stringify({ kind: 'publish', basis, ...job })],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  let answer = ''
  child.stdout.on('data', (chunk: Buffer) => (answer += chunk.toString()))
  const [status, signal] = (await once(child, 'close')) as [number | null, string | null]
  if (signal === 'SIGKILL') return null
  assert.equal(status, 0)
  return JSON.parse(answer) as Answer
}

const old: Texts = { 'menus/one': '1 old\n', 'menus/two': '2\n', 'hosts.conf': '3 old\n', gone: '4\n' }
const next: Texts = { 'menus/one': '1 new\n', 'menus/two': '2\n', 'hosts.conf': '3 new\n', 'more/four': '5\n' }
const stays = ['menus/one', 'menus/two', 'hosts.conf']

/** Reads again and again what is never to be absent, until it is told to stop. Returns what it saw. */
function poll(base: string): () => Promise<readonly string[]> {
  const seen = new Set<string>()
  const over = new AbortController()
  const ended = (async () => {
    while (!over.signal.aborted) {
      for (const path of stays) seen.add(readFileSync(join(base, path), 'utf8'))
      await delay(1)
    }
  })()
  return async () => {
    over.abort()
    await ended
    return [...seen]
  }
}

const readSet = (base: string): Texts =>
  Object.fromEntries(
    [...new Set([...Object.keys(old), ...Object.keys(next)])]
      .filter((path) => existsSync(join(base, path)))
      .map((path) => [path, readFileSync(join(base, path), 'utf8')] as const),
  )

for (const swap of ['files', 'folder'] as const)
  test(`killed at each step, a publication (${swap}) leaves the old or the new, and the next run completes it`, async (t) => {
    const folder = temporaryFolder(t)
    const base = swap === 'files' ? folder : join(folder, 'current')
    const target = targetOf(folder, swap)
    /** What a folder says it was made from is what it holds, once an interrupted publication was finished. */
    const make =
      (texts: Texts, basis: string): Maker =>
      ({ basis: before }) => {
        if (existsSync(base)) assert.ok(isSame(readSet(base), before === 'next' ? next : before === 'old' ? old : {}))
        return Promise.resolve({ set: whole(texts), basis })
      }
    await publish(target, make(old, 'old'), { now })
    let kills = 0
    for (let killAt = 1; ; killAt++) {
      const stop = poll(base)
      const answer = await publishElsewhere({ folder, swap, texts: next, killAt, uid: null }, 'next')
      const seen = await stop()
      for (const text of seen) assert.ok([...Object.values(old), ...Object.values(next)].includes(text), text)
      const left = readSet(base)
      for (const path of stays) assert.ok(left[path] === old[path] || left[path] === next[path], path)
      if (swap === 'folder')
        assert.ok(
          [old, next].some((set) => isSame(left, set)),
          'one generation, whole',
        )
      if (answer !== null) {
        assert.ok(answer.calls < killAt)
        break
      }
      kills++
      await publish(target, make(next, 'next'), { now })
      await assertHolds(target, base, next)
      await publish(target, make(old, 'old'), { now })
      await assertHolds(target, base, old)
    }
    assert.ok(kills >= 15, `killed ${kills} times`)
    await assertHolds(target, base, next)
    await rollBack(target, null, { now })
    await assertHolds(target, base, old)
  })

const isSame = (a: Texts, b: Texts): boolean =>
  JSON.stringify(Object.entries(a).toSorted()) === JSON.stringify(Object.entries(b).toSorted())

/** The folder and the manifest say the same, and nothing is left lying about. */
async function assertHolds(target: DiskTarget, base: string, texts: Texts): Promise<void> {
  assert.ok(isSame(readSet(base), texts))
  const { conflicts, written, removed, resumed } = await compare(target, whole(texts), {})
  assert.deepEqual({ conflicts, written, removed, resumed }, { conflicts: [], written: 0, removed: 0, resumed: false })
  assert.deepEqual(readdirSync(join(target.folder, '.bootstead')).toSorted(), ['lock', 'manifest.db'])
  if (target.swap === 'folder') assert.ok(readdirSync(join(target.folder, 'generations')).length <= 2)
}

test('a file that is edited between a crash and the next run is left alone', async (t) => {
  const folder = temporaryFolder(t)
  const target = targetOf(folder, 'files')
  await publish(target, whole(old), { now })
  let killAt = 1
  const isStaged = (): boolean => existsSync(join(folder, '.bootstead/staging'))
  const isCommitted = (): boolean => readSet(folder)['menus/one'] === next['menus/one']
  // Until it dies after the commit with `hosts.conf` not yet in its place.
  for (; !(isStaged() && isCommitted() && readSet(folder)['hosts.conf'] === old['hosts.conf']); killAt++) {
    assert.ok(killAt < 60, 'no such step')
    await publish(target, whole(old), { now })
    await publishElsewhere({ folder, swap: 'files', texts: next, killAt, uid: null })
  }
  appendFileSync(join(folder, 'hosts.conf'), '# by hand\n')
  const make: Maker = ({ unsettled }) => {
    assert.deepEqual(unsettled, ['hosts.conf'], 'whoever makes only what has changed makes this too')
    return Promise.resolve({ set: whole(next), basis: null })
  }
  const publication = await publish(target, make, { now })
  assert.ok(publication.resumed)
  assert.ok(publication.conflicts.some(({ path, what }) => path === 'hosts.conf' && what === 'edited'))
  assert.equal(readFileSync(join(folder, 'hosts.conf'), 'utf8'), '3 old\n# by hand\n')
  assert.equal(readFileSync(join(folder, 'more/four'), 'utf8'), '5\n')
})

test('a folder that somebody made between a crash and the next run keeps its mode and what is in it', async (t) => {
  let folder = temporaryFolder(t)
  const texts: Texts = { 'new/one': '1\n', 'new/two': '2\n', 'other/three': '3\n', 'other/four': '4\n' }
  const isThere = (one: string): boolean => existsSync(join(folder, one))
  // Until it dies after the commit with one of the new folders in its place, whole, and the other not.
  for (let killAt = 1; isThere('new') === isThere('other'); killAt++) {
    assert.ok(killAt < 60, 'no such step')
    folder = temporaryFolder(t)
    await publishElsewhere({ folder, swap: 'files', texts, killAt, uid: null })
  }
  const [placed, missing] = isThere('new') ? ['new', 'other'] : ['other', 'new']
  assert.equal(readdirSync(join(folder, placed)).length, 2)
  mkdirSync(join(folder, missing))
  chmodSync(join(folder, missing), 0o750)
  const mine = join(folder, missing, missing === 'new' ? 'one' : 'three')
  appendFileSync(mine, 'by hand\n')
  appendFileSync(join(folder, missing, 'own'), 'own\n')
  const { conflicts } = await publish(targetOf(folder, 'files'), whole(texts), { now })
  assert.deepEqual(
    conflicts.map(({ path }) => path),
    [mine.slice(folder.length + 1)],
  )
  assert.equal(readFileSync(mine, 'utf8'), 'by hand\n')
  assert.equal(statSync(join(folder, missing)).mode & 0o777, 0o750)
  assert.equal(readdirSync(join(folder, missing)).length, 3)
  assert.equal(statSync(join(folder, placed)).mode & 0o777, 0o755)
})

function mountTmpfs(t: TestContext, options: string): string {
  assert.equal(process.getuid?.(), 0, 'mounting a tmpfs needs root: run this test as root')
  const folder = mkdtempSync(join(tmpdir(), 'bootstead-test-'))
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'bootstead-test', folder])
  t.after(() => {
    execFileSync('umount', ['--lazy', folder])
    rmdirSync(folder)
  })
  return folder
}

for (const swap of ['files', 'folder'] as const)
  test(`a full disk (${swap}): nothing is published, the message says so, and with room it goes on`, async (t) => {
    const folder = mountTmpfs(t, 'size=1m')
    const target = targetOf(folder, swap)
    const base = swap === 'files' ? folder : join(folder, 'current')
    await publish(target, whole(old), { now })
    const large = { ...next, large: 'x'.repeat(2_000_000) }
    await assert.rejects(publish(target, whole(large), { now }), {
      message: `${folder}: the file system is full; make room (inodes too: df -i) and run it again`,
    })
    await assertHolds(target, base, old)
    execFileSync('mount', ['-o', 'remount,size=16m', folder])
    await publish(target, whole(large), { now })
    assert.equal(statSync(join(base, 'large')).size, 2_000_000)
  })

test('a full disk (files) while a large generation is replaced: whatever filled it, old or new', async (t) => {
  // The old bytes go into the manifest, so it is SQLite that finds no room.
  const folder = mountTmpfs(t, 'size=1m')
  const target = targetOf(folder, 'files')
  const texts = (word: string): Texts => ({ one: word.repeat(300_000), two: word.repeat(100_000) })
  await publish(target, whole(texts('a')), { now })
  await assert.rejects(publish(target, whole(texts('b')), { now }), /the file system is full/)
  for (const [path, text] of Object.entries(texts('a'))) assert.equal(readFileSync(join(folder, path), 'utf8'), text)
  execFileSync('mount', ['-o', 'remount,size=16m', folder])
  const publication = await publish(target, whole(texts('b')), { now })
  assert.equal(publication.kind, 'published')
  for (const [path, text] of Object.entries(texts('b'))) assert.equal(readFileSync(join(folder, path), 'utf8'), text)
})

test('a read-only file system is named, and what was published is still there', async (t) => {
  const folder = mountTmpfs(t, 'size=1m')
  const target = targetOf(folder, 'files')
  // Elsewhere, for as long as a manifest is open the file system can't be remounted.
  await publishElsewhere({ folder, swap: 'files', texts: old, killAt: null, uid: null })
  execFileSync('mount', ['-o', 'remount,ro', folder])
  await assert.rejects(publish(target, whole(next), { now }), {
    message: `${folder}: the file system is read-only; remount it and run it again`,
  })
  assert.ok(isSame(readSet(folder), old))
})

test('a folder of another user: nothing is published, and the message says whose rights are missing', async (t) => {
  const folder = temporaryFolder(t)
  chmodSync(folder, 0o755)
  const out = join(folder, 'out')
  mkdirSync(out)
  const refused = await publishElsewhere({ folder: out, swap: 'files', texts: next, killAt: null, uid: nobody })
  assert.deepEqual(refused?.outcome, {
    error: `${out}: may not be written by this user; run it as the folder’s owner`,
  })
  assert.deepEqual(readdirSync(out), [])

  chownSync(out, nobody, nobody)
  await publishElsewhere({ folder: out, swap: 'files', texts: old, killAt: null, uid: nobody })
  chownSync(join(out, 'menus'), 0, 0)
  const within = await publishElsewhere({ folder: out, swap: 'files', texts: next, killAt: null, uid: nobody })
  assert.match(JSON.stringify(within?.outcome), /may not be written by this user/)
  assert.ok(isSame(readSet(out), old), 'a folder within that may not be written is found before anything is published')
})

test('one file that the system does not let us replace is a conflict; the others go on', async (t) => {
  const folder = temporaryFolder(t)
  chownSync(folder, nobody, nobody)
  await publishElsewhere({ folder, swap: 'files', texts: old, killAt: null, uid: nobody })
  // In a sticky folder everybody may write, and nobody may replace what is another user's.
  chownSync(join(folder, 'menus'), 0, 0)
  chmodSync(join(folder, 'menus'), 0o1777)
  chownSync(join(folder, 'menus/one'), 0, 0)
  const answer = await publishElsewhere({ folder, swap: 'files', texts: next, killAt: null, uid: nobody })
  assert.ok(answer?.outcome !== null && answer !== null && 'kind' in answer.outcome)
  assert.deepEqual(
    answer.outcome.conflicts.map(({ path, what }) => `${path} ${what}`),
    ['menus/one refused'],
  )
  assert.deepEqual(readSet(folder), { ...next, 'menus/one': '1 old\n' })
  const target = targetOf(folder, 'files')
  assert.deepEqual((await compare(target, whole(next), {})).conflicts, [], 'the manifest knows what is there')
  await publish(target, whole(next), { now })
  assert.ok(isSame(readSet(folder), next))
})
