// Kea's control channel from the asking side: answers of every kind, and whoever else may be behind a socket.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, writeFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { KeaAway, askKea, reloadKea } from '../../../server/serve/kea-control.ts'
import { temporaryFolder } from '../../fixtures.ts'

/** Behind a socket, as Kea: answers each command once it is whole, and closes. */
async function listen(t: TestContext, answer: (command: string, socket: Socket) => void): Promise<string> {
  const path = join(temporaryFolder(t), 'kea4-ctrl-socket')
  const server = createServer((socket) => {
    let request = ''
    socket.on('error', () => socket.destroy())
    socket.on('data', (chunk: Buffer) => {
      request += chunk.toString()
      const command = commandOf(request)
      if (command !== null) answer(command, socket)
    })
  })
  server.listen(path)
  await once(server, 'listening')
  t.after(() => server.close())
  return path
}

function commandOf(request: string): string | null {
  try {
    return (JSON.parse(request) as { command: string }).command
  } catch {
    return null // more is to come
  }
}

const away = (message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof KeaAway)
  assert.match(error.message, message)
  return true
}

test('an answer is taken whole, however large it and the question are', async (t) => {
  const text = 'x'.repeat(20_000_000)
  const path = await listen(t, (_, socket) => socket.end(JSON.stringify({ result: 0, text, arguments: { a: [1] } })))
  const answer = await askKea(path, 'config-test', JSON.stringify({ Dhcp4: { comment: 'y'.repeat(10_000_000) } }))
  assert.equal(answer.text.length, text.length)
  assert.deepEqual(answer.arguments, { a: [1] })
})

test('an answer without text or arguments is one', async (t) => {
  const path = await listen(t, (_, socket) => socket.end('{ "result": 3 }'))
  assert.deepEqual(await askKea(path, 'list-commands'), { result: 3, text: '' })
})

test('a socket that is not there: start Kea, or name another', async (t) => {
  const path = join(temporaryFolder(t), 'kea4-ctrl-socket')
  await assert.rejects(askKea(path, 'status-get'), away(/kea4-ctrl-socket: no such socket; start Kea, or give/))
})

test('a socket that a killed daemon left behind', async (t) => {
  const path = join(temporaryFolder(t), 'kea4-ctrl-socket')
  const listener = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => console.log('up'))`
  const child = spawn(process.execPath, ['-e', listener], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  child.kill('SIGKILL')
  await once(child, 'exit')
  await assert.rejects(askKea(path, 'status-get'), away(/nobody listens there; start Kea/))
})

test('a file that is no socket', async (t) => {
  const path = join(temporaryFolder(t), 'file')
  writeFileSync(path, '')
  await assert.rejects(askKea(path, 'status-get'), away(/nobody listens there/))
})

test('a socket that this user may not use', async (t) => {
  const path = await listen(t, (_, socket) => socket.end('{ "result": 0 }'))
  chmodSync(path, 0o600)
  chmodSync(join(path, '..'), 0o755)
  const nobody = 65534
  const root = process.geteuid?.()
  process.seteuid?.(nobody) // these tests run as root
  try {
    await assert.rejects(
      askKea(path, 'status-get'),
      away(/may not be used by this user; run it as root or as a member/),
    )
  } finally {
    process.seteuid?.(root ?? 0)
  }
})

test('a daemon that takes a command and never answers', async (t) => {
  const path = await listen(t, () => undefined)
  await assert.rejects(askKea(path, 'status-get', null, 100), away(/no answer within 0\.1 s/))
})

test('somebody who is not Kea', async (t) => {
  for (const answer of ['', 'HTTP/1.1 400 Bad Request\r\n\r\n', '[]', '{ "result": "0" }']) {
    const path = await listen(t, (_, socket) => socket.end(answer))
    await assert.rejects(askKea(path, 'status-get'), away(/answers status-get with ".*: is it Kea's\?$/))
  }
})

const kea = (answers: Readonly<Record<string, unknown>>) => (command: string, socket: Socket) =>
  socket.end(JSON.stringify(answers[command] ?? { result: 2, text: `'${command}' command not supported.` }))

test('after a reload, what is in force is new', async (t) => {
  const reloaded = { result: 0, text: 'Configuration successful.' }
  const status = { result: 0, arguments: { reload: 0, sockets: { status: 'ready' } } }
  const path = await listen(t, kea({ 'config-reload': reloaded, 'status-get': status }))
  assert.deepEqual(await reloadKea(path), { ok: true, how: 'config-reload', output: 'Configuration successful.\n' })
})

test('a daemon that says yes and keeps what it has was not reloaded', async (t) => {
  const status = { result: 0, arguments: { reload: 4711 } }
  const path = await listen(t, kea({ 'config-reload': { result: 0 }, 'status-get': status }))
  const { ok, how } = await reloadKea(path)
  assert.deepEqual({ ok, how }, { ok: false, how: 'config-reload: what is in force is 4711 s old' })
})

test('a daemon too old for status-get is believed', async (t) => {
  const path = await listen(t, kea({ 'config-reload': { result: 0, text: 'Configuration successful.' } }))
  assert.equal((await reloadKea(path)).ok, true)
})

test('interfaces that could not be opened are told of', async (t) => {
  const errors = ['failed to open socket on eth9: is a DHCP server running?']
  const status = { result: 0, arguments: { reload: 0, sockets: { status: 'failed', errors } } }
  const path = await listen(t, kea({ 'config-reload': { result: 0, text: 'done' }, 'status-get': status }))
  assert.equal((await reloadKea(path)).output, `done\n${errors.join('\n')}\n`)
})

test('a reload that Kea refuses has failed, with its reason', async (t) => {
  const path = await listen(t, kea({ 'config-reload': { result: 1, text: 'Config reload failed: no such file' } }))
  assert.deepEqual(await reloadKea(path), {
    ok: false,
    how: 'config-reload: refused',
    output: 'Config reload failed: no such file\n',
  })
  const old = await listen(t, kea({}))
  assert.equal((await reloadKea(old)).how, 'config-reload: not supported by this Kea')
})
