// `bootstead user add` in a terminal: a real process on a pseudo-terminal, which util-linux's script gives it.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import type { Cli } from '../unit/cli/cli.ts'
import { openCli } from '../unit/cli/cli.ts'

const bootstead = join(import.meta.dirname, '../../bin/bootstead')

/** Types each answer when its question is there. @returns what the terminal showed, and the exit code */
async function converse(
  t: TestContext,
  cli: Cli,
  words: string,
  answers: readonly (readonly [question: string, answer: string])[],
) {
  if (spawnSync('script', ['--version']).status !== 0)
    throw new Error('this test needs script of util-linux: apt-get install bsdutils')
  const command = `exec '${process.execPath}' '${bootstead}' ${words}`
  const env = { ...process.env, TERM: 'xterm', SHELL: '/bin/sh', BOOTSTEAD_STATE: join(cli.folder, 'state') }
  const child = spawn('script', ['-qec', command, '/dev/null'], { cwd: cli.folder, env })
  t.after(() => child.kill('SIGKILL'))
  let shown = ''
  let answered = 0
  child.stdout.on('data', (part: Buffer) => {
    shown += part.toString()
    const [question = '', answer = ''] = answers[answered] ?? []
    if (question === '' || !shown.includes(question)) return
    answered++
    child.stdin.write(answer)
  })
  const [code] = (await once(child, 'close')) as [number]
  return { shown, code }
}

test('a password that is typed is not shown, not even how long it is', async (t) => {
  const cli = openCli(t)
  const password = 'correct horse battery'
  const { shown, code } = await converse(t, cli, 'user add alice --role admin', [
    ['Password: ', `${password}\r`],
    ['The same again: ', `${password.slice(0, -1)}x\u007fy\r`],
  ])
  assert.equal(code, 0, shown)
  assert.deepEqual(
    shown.split(/\r?\n/).filter((line) => line !== ''),
    ['Password: ', 'The same again: ', 'added alice (admin)'],
  )
})

test('Ctrl-C at the question ends it with nothing done', async (t) => {
  const cli = openCli(t)
  const { code } = await converse(t, cli, 'user add alice --role admin', [['Password: ', '\u0003']])
  assert.equal(code, 130)
  assert.match((await cli.run(['user', 'list'])).err, /there are no users yet/)
})
