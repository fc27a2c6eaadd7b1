import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { promisify } from 'node:util'
import { requireHostFiles } from '../../../boot/packages.ts'
import { WAYS } from '../../../protocol/tftp-stage.ts'

const program = join(import.meta.dirname, 'listeners-program.ts')

describe('listeners', { concurrency: true }, () => {
  for (const way of Object.keys(WAYS))
    test(`${way}: on 0.0.0.0, and on :: for both families, the answer comes from the address that was asked, also from one that came later or came back`, async () => {
      requireHostFiles([
        { file: 'unshare', debian: 'util-linux' },
        { file: 'ip', debian: 'iproute2' },
        { file: 'ss', debian: 'iproute2' },
      ])
      const run = promisify(execFile)
      const { stdout } = await run('unshare', ['--net', process.execPath, '--import', 'tsx', program, way], {
        timeout: 60_000,
      })
      assert.deepEqual(JSON.parse(stdout), {
        '192.0.2.1': ['192.0.2.1'],
        '192.0.2.2': ['192.0.2.2'],
        '198.51.100.1': ['198.51.100.1'],
        '192.0.2.2 of both families': ['192.0.2.2'],
        '2001:db8::1': ['2001:db8::1'],
        'later 203.0.113.9': ['203.0.113.9'],
        'again 203.0.113.9': ['203.0.113.9'],
      })
    })
})
