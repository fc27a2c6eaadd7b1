// More at once than there is room for: half-open transfers by the thousand, and a process out of descriptors.
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { promisify } from 'node:util'
import { requireHostFiles } from '../boot/packages.ts'
import { error, rrq } from './tftp-client.ts'
import { another, UNHURRIED, waitUntil } from './tftp-stage.ts'

type Seen = Readonly<{ descriptors: number; heapMiB: number }>
type Crowd = Readonly<{
  places: number
  fetched: readonly boolean[]
  ends: Readonly<{ unheard: number; other: number }>
  before: Seen
  after: Seen
}>

describe('crowds', { concurrency: true }, () => {
  const program = join(import.meta.dirname, 'tftp-crowd-program.ts')
  const crowds = [
    { way: 'shared lines', requests: 10_500 },
    { way: 'own lines', requests: 1500 },
  ]
  for (const { way, requests } of crowds)
    test(`${way}: ${requests} half-open transfers are held within bounds and given up, a good client is served throughout`, async () => {
      requireHostFiles([
        { file: 'unshare', debian: 'util-linux' },
        { file: 'ip', debian: 'iproute2' },
      ])
      const args = ['--net', process.execPath, '--expose-gc', '--import', 'tsx', program, way, String(requests)]
      const { stdout } = await promisify(execFile)('unshare', args, { timeout: 120_000 })
      const { places, fetched, ends, before, after } = JSON.parse(stdout) as Crowd
      assert.deepEqual(fetched, [true, true, true, true, true])
      assert.equal(ends.other, 25)
      assert.ok(ends.unheard >= places)
      assert.ok(after.descriptors <= before.descriptors, `${before.descriptors} before, ${after.descriptors} after`)
      assert.ok(after.heapMiB < before.heapMiB + 8, `${before.heapMiB} MiB before, ${after.heapMiB} after`)
    })

  const doorUrl = new URL('../../server/serve/tftp/door.ts', import.meta.url).href
  const linesUrl = new URL('../../server/serve/tftp/own-lines.ts', import.meta.url).href
  const limitedProgram = `
    import { pino } from 'pino'
    const { openTftpDoor } = await import(${JSON.stringify(doorUrl)})
    const { ownLines } = await import(${JSON.stringify(linesUrl)})
    const bytes = new Uint8Array(5000)
    const door = await openTftpDoor({
      address: '127.0.0.1', port: 0, graceMs: 0, lines: ownLines(), log: pino({ level: 'silent' }),
      limits: { transfers: 1000, transfersPerClient: 1000 },
      resolve: () => ({ kind: 'bytes', bytes }),
      onEnd: ({ why }) => console.log(why),
    })
    console.log('port ' + door.port)
    process.stdin.on('end', () => door.close()).resume()`

  test('a process out of descriptors loses the transfers it has none for, and serves on when some are free', async (t) => {
    const args = ['--nofile=64', process.execPath, '--import', 'tsx', '--input-type=module', '-e', limitedProgram]
    const server = spawn('prlimit', args, { stdio: ['pipe', 'pipe', 'inherit'] })
    server.on('error', () => assert.fail('no prlimit here: install the Debian package util-linux'))
    t.after(() => server.kill())
    let said = ''
    server.stdout.on('data', (text: Buffer) => (said += text.toString()))
    await waitUntil(() => /port \d+\n/.test(said), 'the server did not say so')
    const port = Number(/port (\d+)/.exec(said)?.[1])
    const clients = await Promise.all(Array.from({ length: 100 }, () => another(t)))
    for (const client of clients) await client.send(rrq('file', UNHURRIED), port)
    await waitUntil(() => said.includes('EMFILE'), 'the server did not say so')
    for (const client of clients)
      for (const { port: tid } of client.received) await client.send(error(0, 'enough'), tid)
    await waitUntil(() => said.includes('enough'), 'the server did not say so')
    assert.equal((await (await another(t)).fetch(port, 'file')).length, 5000)
    server.stdin.end()
    const [code] = (await once(server, 'close')) as [number | null]
    assert.equal(code, 0)
  })
})
