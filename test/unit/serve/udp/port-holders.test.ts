import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { test, type TestContext } from 'node:test'
import { describeHolder, udpHolders } from '../../../../server/serve/udp/port-holders.ts'
import { temporaryFolder } from '../../../fixtures.ts'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

async function open(t: TestContext, port = 0): Promise<number> {
  const socket = createSocket({ type: 'udp4', reuseAddr: true })
  t.after(() => socket.close())
  socket.bind(port, '127.0.0.1')
  await once(socket, 'listening')
  return socket.address().port
}

/** A program of Node's with that port, for the test's length; its process. */
async function start(t: TestContext, port: number): Promise<number> {
  const script = join(temporaryFolder(t), 'some-server.cjs')
  writeFileSync(
    script,
    `const socket = require('node:dgram').createSocket({ type: 'udp4', reuseAddr: true })
     socket.bind(${port}, '0.0.0.0', () => console.log('up'))`,
  )
  const child = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(async () => {
    const gone = once(child, 'exit')
    child.kill()
    await gone
  })
  await once(createInterface(child.stdout), 'line')
  return child.pid ?? assert.fail('no process')
}

test('of a port that nobody has there is no holder', async (t) => {
  const port = await open(t)
  assert.deepEqual(await udpHolders(port === 65_535 ? 1 : 65_535), [])
})

test('several sockets of a process are one holder', async (t) => {
  const port = await open(t)
  await open(t, port)
  assert.deepEqual(
    (await udpHolders(port)).map(({ pid }) => pid),
    [process.pid],
  )
})

test('a program that shares the port is named, by what Node runs if it is Node’s', async (t) => {
  const port = await open(t)
  const pid = await start(t, port)
  const other = (await udpHolders(port)).find((holder) => holder.pid !== process.pid)
  assert.deepEqual(other, { pid, program: 'some-server.cjs' })
  assert.equal(describeHolder(other), `some-server.cjs (process ${pid})`)
})

test('a program that only root can name is one of its user', () => {
  assert.equal(describeHolder({ pid: null, program: 'a program of user 0' }), 'a program of user 0')
})
