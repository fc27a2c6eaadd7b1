// `bootstead watch` in a terminal: a real process on a pseudo-terminal, which util-linux's script gives it.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { closeStore, openStore } from '../../server/inventory/store/open.ts'
import { recordEvents } from '../../server/inventory/store/record.ts'
import type { Cli } from '../unit/cli/cli.ts'
import { openInstallableFarm } from '../unit/cli/cli.ts'
import { inventoryOf } from '../unit/cli/clockwork.ts'

const bootstead = join(import.meta.dirname, '../../bin/bootstead')
const [hideCursor, showCursor] = ['\u001b[?25l', '\u001b[?25h']

type Terminal = Readonly<{
  shown: () => string
  type: (text: string) => void
  pid: () => number
  ended: Promise<number | null>
}>

/** Runs bootstead with a terminal of 100 by 20, as a person has it. */
function openTerminal(t: TestContext, cli: Cli, ...words: readonly string[]): Terminal {
  if (spawnSync('script', ['--version']).status !== 0)
    throw new Error('this test needs script of util-linux: apt-get install bsdutils')
  const pid = join(cli.folder, 'pid')
  const command = `stty cols 100 rows 20; echo $$ >'${pid}'; exec '${process.execPath}' '${bootstead}' ${words.join(' ')}`
  const child = spawn('script', ['-qec', command, '/dev/null'], {
    cwd: cli.folder,
    env: {
      ...process.env,
      TERM: 'xterm',
      SHELL: '/bin/sh',
      BOOTSTEAD_STATE: join(cli.folder, 'state'),
      BOOTSTEAD_TEMPLATES: join(cli.folder, 'templates'),
      BOOTSTEAD_ADVERTISE: '192.0.2.1',
    },
  })
  let shown = ''
  child.stdout.on('data', (part: Buffer) => (shown += part.toString()))
  t.after(() => child.kill('SIGKILL'))
  return {
    shown: () => shown,
    type: (text) => child.stdin.write(text),
    pid: () => Number(readFileSync(pid, 'utf8')),
    ended: new Promise((resolve) => child.on('close', resolve)),
  }
}

/** Only ever reached when something is wrong; no assertion depends on it. */
const patienceMs = 300_000
async function until(holds: () => boolean, what: () => string): Promise<void> {
  for (const end = Date.now() + patienceMs; Date.now() < end;) {
    if (holds()) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  assert.fail(what())
}

async function report(cli: Cli, machine: string, stage: string, progress: number | null = null): Promise<void> {
  const store = openStore(inventoryOf(cli))
  const at = new Date().toISOString()
  await recordEvents(store, [{ machine, at, stage, detail: null, progress, door: 'dom0', peer: null }])
  await closeStore(store)
}

test('the table is drawn again in place while others report, and Ctrl-C gives the terminal back', async (t) => {
  const cli = await openInstallableFarm(t)
  const terminal = openTerminal(t, cli, 'install', 'acas0001', '--watch')
  await until(
    () => terminal.shown().includes('3 machines: 3 armed'),
    () => terminal.shown(),
  )
  await report(cli, 'acas0002', 'installing', 40)
  await until(
    () => terminal.shown().includes('[####------]  40 %'),
    () => terminal.shown(),
  )
  const shown = terminal.shown()
  assert.match(shown, /guests that come along/)
  assert.ok(shown.includes(`${hideCursor}\u001b[?7l\rMACHINE `), 'the first frame stays below what was there')
  assert.match(shown, /\u001b\[\?7l\r\u001b\[6AMACHINE /, 'the next goes over it')
  assert.equal(shown.split(hideCursor).length, 2)
  assert.ok(!shown.includes(showCursor))
  terminal.type('\u0003')
  assert.equal(await terminal.ended, 1)
  const rest = terminal.shown().slice(shown.length)
  assert.equal(rest.split(showCursor).length, 2)
  assert.match(
    rest.slice(rest.indexOf(showCursor)),
    /bootstead: no longer watching; what was begun goes on: bootstead watch 'acas\[0001-0003\]'\r\n$/,
  )
})

test('SIGTERM gives the cursor back too, and so does the end', async (t) => {
  const cli = await openInstallableFarm(t)
  assert.equal((await cli.run(['install', 'acas0002'], { now: Date.now })).code, 0)
  const killed = openTerminal(t, cli, 'watch', 'acas0002')
  await until(
    () => killed.shown().includes('1 machine: 1 armed') && existsSync(join(cli.folder, 'pid')),
    () => killed.shown(),
  )
  process.kill(killed.pid(), 'SIGTERM')
  assert.equal(await killed.ended, 1)
  assert.match(killed.shown(), /\u001b\[\?25h.*no longer watching.*watch acas0002\r\n$/s)

  await report(cli, 'acas0002', 'ready')
  const watched = openTerminal(t, cli, 'watch', 'acas0002')
  assert.equal(await watched.ended, 0)
  assert.match(watched.shown(), /1 machine: 1 ready; 0:0\d\S*\r\n\S*\u001b\[\?25h1 machine: all well\r\n$/)
})
