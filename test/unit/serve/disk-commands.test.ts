// The commands around a publication: its checker, the reload after it, and the lock that keeps publications apart.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { Section } from '../../../server/render/files.ts'
import { blameLines, commandCheck } from '../../../server/serve/disk/check.ts'
import { runCommand } from '../../../server/serve/disk/command.ts'
import { DiskBusy, withLock } from '../../../server/serve/disk/lock.ts'
import { publish } from '../../../server/serve/disk/publish.ts'
import type { Reload, ReloadWay } from '../../../server/serve/disk/reload.ts'
import { coalesce, reload } from '../../../server/serve/disk/reload.ts'
import { listGenerations } from '../../../server/serve/disk/rollback.ts'
import type { DiskTarget } from '../../../server/serve/disk/swap.ts'
import { temporaryFolder } from '../../fixtures.ts'

const now = new Date('2096-11-23T12:00:00Z')
const shell = (script: string, timeoutMs = 60_000) => ({ argv: ['sh', '-c', script], timeoutMs, package: null })
const setOf = (...sections: readonly Section[]) =>
  ({ kind: 'whole', files: [{ kind: 'text', path: 'hosts/1.conf', sections }] }) as const

test('a command: status, signal, both streams', async () => {
  assert.deepEqual(await runCommand(shell('echo out; echo err >&2; exit 3')), {
    ok: false,
    how: 'exit status 3',
    output: 'out\nerr\n',
  })
  assert.deepEqual(await runCommand(shell('kill -TERM $$')), { ok: false, how: 'signal SIGTERM', output: '' })
  assert.deepEqual(await runCommand(shell('')), { ok: true, how: 'exit status 0', output: '' })
})

test('a command that does not end is ended, with what it started', async (t) => {
  const pidFile = join(temporaryFolder(t), 'pid')
  const outcome = await runCommand(shell(`echo begun; sleep 600 & echo $! > ${pidFile}; wait`, 1500))
  assert.deepEqual(outcome, { ok: false, how: 'no end within 1.5 s', output: 'begun\n' })
  const pid = Number(readFileSync(pidFile, 'utf8'))
  await until(() => !isRunning(pid))
})

const isRunning = (pid: number): boolean => {
  const status = existsSync(`/proc/${pid}/stat`) ? readFileSync(`/proc/${pid}/stat`, 'utf8') : ''
  return status !== '' && !/\) Z /.test(status)
}

async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; !holds(); tries++) {
    assert.ok(tries < 600, 'in vain')
    await delay(100)
  }
}

test('a command that leaves a daemon behind, its output still open, has ended all the same', async (t) => {
  const pidFile = join(temporaryFolder(t), 'pid')
  const outcome = await runCommand(shell(`sleep 600 & echo $! > ${pidFile}; echo started`))
  const pid = Number(readFileSync(pidFile, 'utf8'))
  t.after(() => process.kill(pid))
  assert.deepEqual(outcome, { ok: true, how: 'exit status 0', output: 'started\n' })
})

test('a program that is missing is named with its package', async () => {
  await assert.rejects(
    runCommand({ argv: ['no-such-dhcpd', '-t'], timeoutMs: 1000, package: 'isc-dhcp-server' }),
    /no program no-such-dhcpd: apt-get install isc-dhcp-server/,
  )
})

/** What these programs printed, with the place of the folder. */
const complaints = {
  'isc-dhcp 4.4.3': [
    '@/hosts/1.conf line 2: expecting semicolon.',
    'host b { hardware ethernet 00:00:5e:00:53:01 fixed-address ',
    'dhcpd.conf line 1: @/hosts/1.conf: bad parse.',
  ],
  'kea 2.2.0, contents': ["Error encountered: invalid host identifier value '00:00:5e:00:53:0z' (@/hosts/1.conf:2:1)"],
  'kea 2.2.0, syntax': ['Syntax check failed with: @/hosts/1.conf:2.15-33: syntax error, unexpected constant string'],
  'dnsmasq 2.90': ['dnsmasq: duplicate dhcp-host IP address 192.0.2.1 at line 2 of @/hosts/1.conf'],
}

for (const [checker, lines] of Object.entries(complaints))
  for (const place of ['root', 'scratch'] as const)
    test(`${checker} complains about a line in the ${place}: it is known whose line that is`, (t) => {
      const root = temporaryFolder(t)
      const scratch = temporaryFolder(t)
      mkdirSync(join(root, 'hosts'))
      writeFileSync(join(root, 'hosts/1.conf'), '# häd\nacas0002 lines\nacas0002 more\nend\n')
      const output = lines.join('\n').replaceAll('@', place === 'root' ? root : scratch)
      const index = JSON.stringify([
        [null, 7],
        ['acas0002', 29],
        [null, 4],
      ])
      assert.deepEqual(
        blameLines(output, root, scratch, () => index).map(({ path, line, machine }) => ({ path, line, machine })),
        [{ path: 'hosts/1.conf', line: 2, machine: 'acas0002' }],
      )
    })

test('a checker runs on the new generation and on files beside it, of which nothing is left', async (t) => {
  const folder = temporaryFolder(t)
  const script = 'cat "$1" "$2/hosts/1.conf"; ! grep -n bad "$2/hosts/1.conf"'
  const check = commandCheck(
    { argv: ['sh', '-c', script, 'checker', '{main}', '{folder}'], timeoutMs: 60_000, package: null },
    (root) => [{ kind: 'main', path: 'main', text: `include "${root}";\n` }],
  )
  const target: DiskTarget = { folder, swap: 'folder', check }
  const published = await publish(target, setOf({ machine: 'acas0001', text: 'good\n' }), { now })
  assert.equal(published.kind, 'published')
  const refused = await publish(target, setOf({ machine: 'acas0001', text: 'bad\n' }), { now })
  assert.ok(refused.kind === 'refused')
  assert.equal(refused.output, `include "${folder}/generations/2";\nbad\n1:bad\nsh: exit status 1\n`)
  assert.deepEqual(readdirSync(join(folder, '.bootstead')).toSorted(), ['lock', 'manifest.db'])
  assert.equal(readFileSync(join(folder, 'current/hosts/1.conf'), 'utf8'), 'good\n')
})

test('a checker that is missing is an error, and nothing is published', async (t) => {
  const folder = temporaryFolder(t)
  const command = { argv: ['no-such-dhcpd'], timeoutMs: 1000, package: 'isc-dhcp-server' }
  const check = commandCheck(command, () => [{ kind: 'main', path: 'main', text: '' }])
  const target: DiskTarget = { folder, swap: 'folder', check }
  await assert.rejects(
    publish(target, setOf({ machine: null, text: 'x\n' }), { now }),
    /apt-get install isc-dhcp-server/,
  )
  assert.ok(!existsSync(join(folder, 'current')))
  assert.deepEqual(readdirSync(join(folder, 'generations')), [])
})

test('a checker runs once with each main file, until it refuses one', async (t) => {
  const [root, scratch, log] = [
    temporaryFolder(t),
    join(temporaryFolder(t), 'scratch'),
    join(temporaryFolder(t), 'log'),
  ]
  const check = (texts: readonly string[]) =>
    commandCheck(
      {
        argv: ['sh', '-c', `cat "$1" >> ${log}; ! grep -q bad "$1"`, 'checker', '{main}'],
        timeoutMs: 60_000,
        package: null,
      },
      () => texts.map((text, index) => ({ kind: 'main', path: `runs/${index}`, text })),
    )(root, join(scratch, String(texts.length)))
  assert.deepEqual(await check(['a\n', 'b\n']), { ok: true })
  assert.equal((await check(['c\n', 'bad\n', 'd\n'])).ok, false)
  assert.equal(readFileSync(log, 'utf8'), 'a\nb\nc\nbad\n')
})

const by =
  (script: string): ReloadWay =>
  () =>
  () =>
    runCommand(shell(script))

test('a reload runs once for what was published, is recorded, and is owed again when it failed', async (t) => {
  const folder = temporaryFolder(t)
  const log = join(temporaryFolder(t), 'log')
  const target: DiskTarget = { folder, swap: 'files', check: null }
  const good = by(`echo reloaded | tee -a ${log}`)
  assert.deepEqual(await reload(target, good, { now }), { kind: 'not owed' })
  for (const text of ['1\n', '2\n', '3\n']) await publish(target, setOf({ machine: null, text }), { now })
  const failed = await reload(target, by('echo no such unit; exit 5'), { now })
  assert.deepEqual(withoutTime(failed), {
    kind: 'ran',
    generation: 3,
    ok: false,
    how: 'exit status 5',
    output: 'no such unit\n',
  })
  assert.equal((await publish(target, setOf({ machine: null, text: '3\n' }), { now })).kind, 'unchanged')
  const both = await Promise.all([reload(target, good, { now }), reload(target, good, { now })])
  assert.deepEqual(both.map(({ kind }) => kind).toSorted(), ['not owed', 'ran'])
  assert.equal(readFileSync(log, 'utf8'), 'reloaded\n')
  const { tookMs = -1, ...record } = (await listGenerations(target))[0]?.reload ?? {}
  assert.ok(tookMs >= 0)
  assert.deepEqual(record, { at: '2096-11-23T12:00:00.000Z', ok: true, how: 'exit status 0', output: 'reloaded\n' })
})

function withoutTime(reloaded: Reload): unknown {
  const { tookMs: _, ...rest } = reloaded.kind === 'ran' ? reloaded : { ...reloaded, tookMs: 0 }
  return rest
}

test('a reload whose program is missing has failed, and is owed', async (t) => {
  const target: DiskTarget = { folder: temporaryFolder(t), swap: 'files', check: null }
  await publish(target, setOf({ machine: null, text: '1\n' }), { now })
  const missing: ReloadWay = () => () => runCommand({ argv: ['no-such-systemctl'], timeoutMs: 1000, package: null })
  const failed = await reload(target, missing, { now })
  assert.ok(failed.kind === 'ran' && !failed.ok)
  assert.equal(failed.how, 'no program no-such-systemctl: is it in the PATH?')
  assert.equal((await reload(target, by(''), { now })).kind, 'ran')
})

const filesOf = (texts: Readonly<Record<string, string>>) =>
  ({
    kind: 'whole',
    files: Object.entries(texts).map(([path, text]) => ({
      kind: 'text' as const,
      path,
      sections: [{ machine: null, text }],
    })),
  }) as const

test('a daemon is told of every path that changed since it was last told with success', async (t) => {
  const target: DiskTarget = { folder: temporaryFolder(t), swap: 'folder', check: null }
  const told: string[][] = []
  const way =
    (script: string): ReloadWay =>
    (changed) => {
      told.push(changed.toSorted())
      return () => runCommand(shell(script))
    }
  const publishing = async (texts: Readonly<Record<string, string>>, script: string): Promise<unknown> => {
    await publish(target, filesOf(texts), { now })
    await reload(target, way(script), { now })
    return told.at(-1)
  }
  assert.deepEqual(await publishing({ head: '1', a: '1', b: '1' }, ''), ['a', 'b', 'head'], 'the first time all')
  assert.deepEqual(await publishing({ head: '1', a: '2', b: '1' }, ''), ['a'])
  assert.deepEqual(await publishing({ head: '2', a: '2', b: '1' }, 'exit 1'), ['head'])
  assert.deepEqual(await publishing({ head: '2', a: '2', b: '1', c: '1' }, 'exit 1'), ['c', 'head'], 'still owed')
  assert.deepEqual(await publishing({ head: '2', a: '2', c: '1' }, ''), ['b', 'c', 'head'])
  assert.deepEqual(await publishing({ head: '2', a: '3', c: '1' }, ''), ['a'])
  for (const a of ['4', '5', '6', '7']) await publish(target, filesOf({ head: '2', a, c: '1' }), { now, keep: 2 })
  await reload(target, way(''), { now })
  assert.deepEqual(told.at(-1), ['a', 'c', 'head'], 'no kept generation was told')
})

test('a file that vanished and was written again is told of as if all had changed', async (t) => {
  const target: DiskTarget = { folder: temporaryFolder(t), swap: 'files', check: null }
  const told: string[][] = []
  const way: ReloadWay = (changed) => {
    told.push(changed.toSorted())
    return () => runCommand(shell(''))
  }
  for (const vanishes of [false, true]) {
    if (vanishes) rmSync(join(target.folder, 'a'))
    await publish(target, filesOf({ a: '1', b: '1' }), { now })
    await reload(target, way, { now })
  }
  assert.deepEqual(told, [
    ['a', 'b'],
    ['a', 'b'],
  ])
})

test('when there is nothing to tell, that is recorded, and nothing is owed', async (t) => {
  const target: DiskTarget = { folder: temporaryFolder(t), swap: 'files', check: null }
  await publish(target, filesOf({ a: '1' }), { now })
  assert.deepEqual(await reload(target, () => null, { now }), { kind: 'nothing to tell', generation: 1 })
  assert.deepEqual(await reload(target, by('exit 1'), { now }), { kind: 'not owed' })
  assert.equal((await listGenerations(target))[0]?.reload?.how, 'nothing to tell')
})

test('many requests cause one run; requests during a run cause one more', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  let [runs, atOnce] = [0, 0]
  const ends: (() => void)[] = []
  const errors: unknown[] = []
  const run = async (): Promise<void> => {
    runs++
    assert.equal(++atOnce, 1, 'never two at once')
    await new Promise<void>((resolve) => ends.push(resolve))
    atOnce--
    if (runs === 1) throw new Error('the first fails')
  }
  const reloads = coalesce(2000, run, (error) => errors.push(error))
  const turn = () => new Promise((resolve) => setImmediate(resolve))
  for (let edit = 0; edit < 100; edit++) reloads.request()
  t.mock.timers.tick(1999)
  assert.equal(runs, 0)
  t.mock.timers.tick(1)
  assert.equal(runs, 1)
  for (let edit = 0; edit < 100; edit++) reloads.request()
  t.mock.timers.tick(10_000)
  assert.equal(runs, 1, 'it is still running')
  ends[0]?.()
  await turn()
  t.mock.timers.tick(2000)
  assert.equal(runs, 2)
  ends[1]?.()
  await turn()
  t.mock.timers.tick(10_000)
  assert.equal(runs, 2)
  reloads.request()
  const settled = reloads.settle()
  ends[2]?.()
  await settled
  assert.equal(runs, 3, 'settling does not wait for the gap')
  assert.equal(errors.length, 1)
})

async function holdLock(t: TestContext, path: string) {
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', join(import.meta.dirname, 'disk-child.ts'), JSON.stringify({ kind: 'lock', path })],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  t.after(() => child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  return child
}

test('a lock is held against other processes and ends with its holder, kill -9 included', async (t) => {
  const path = join(temporaryFolder(t), 'lock')
  const holder = await holdLock(t, path)
  await assert.rejects(
    withLock(path, 200, () => Promise.resolve()),
    (error) => error instanceof DiskBusy && error.message.includes(`held by process ${holder.pid ?? ''},`),
  )
  const waiting = withLock(path, 60_000, () => Promise.resolve('mine'))
  holder.kill('SIGKILL')
  assert.equal(await waiting, 'mine')
})

test('of two publications at once, in one process or two, one waits for the other', async (t) => {
  const folder = temporaryFolder(t)
  const target: DiskTarget = { folder, swap: 'files', check: null }
  const texts = Array.from({ length: 8 }, (_, n) => `${n}\n`)
  const publications = await Promise.all(texts.map((text) => publish(target, setOf({ machine: null, text }), { now })))
  assert.deepEqual(
    publications.map((one) => (one.kind === 'published' ? one.generation : one.kind)).toSorted(),
    [1, 2, 3, 4, 5, 6, 7, 8],
  )
  assert.ok(texts.includes(readFileSync(join(folder, 'hosts/1.conf'), 'utf8')))
})
