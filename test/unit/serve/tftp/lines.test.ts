import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { describe, test } from 'node:test'
import { promisify } from 'node:util'
import { pino } from 'pino'
import { openLines } from '../../../../server/serve/tftp/lines.ts'

const url = (path: string): string => JSON.stringify(new URL(`../../../../${path}`, import.meta.url).href)

describe('lines', () => {
  test('where koffi is there transfers share sockets, and the log says so', async () => {
    const said: string[] = []
    const lines = await openLines(pino({}, { write: (line: string) => said.push(line) }))
    assert.equal(lines.name, 'batches')
    assert.match(said.join(''), /tftp sends by batches/)
  })

  test('where koffi is not there files are served all the same, by a socket for each transfer', async () => {
    const hook = `export const resolve = (name, context, next) => {
      if (name === 'koffi') throw new Error('no koffi for this platform')
      return next(name, context)
    }`
    const program = `
      import { register } from 'node:module'
      import { pino } from 'pino'
      register('data:text/javascript,' + encodeURIComponent(${JSON.stringify(hook)}))
      const { openTftpDoor } = await import(${url('server/serve/tftp/door.ts')})
      const { TftpTestClient } = await import(${url('test/protocol/tftp-client.ts')})
      const bytes = Buffer.alloc(5000, 7)
      const door = await openTftpDoor({ address: '127.0.0.1', port: 0, log: pino(), resolve: () => ({ kind: 'bytes', bytes }) })
      const client = await TftpTestClient.open()
      console.log((await client.fetch(door.port, 'file')).equals(bytes) ? 'whole' : 'broken')
      await client.close()
      await door.close()`
    const args = ['--import', 'tsx', '--input-type=module', '-e', program]
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: process.cwd(), timeout: 60_000 })
    assert.match(stdout, /"why":"no koffi for this platform".*a socket for each transfer/)
    assert.match(stdout, /^whole$/m)
  })
})
