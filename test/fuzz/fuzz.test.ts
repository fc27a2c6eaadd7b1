// A short run of the fuzzer, the same shots each time; `make fuzz` goes on for as long as you like.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { requireHostFiles } from '../boot/packages.ts'

const program = join(import.meta.dirname, 'fuzz.ts')

const modes = {
  server: 'the server lives, does not grow, has no error, and a good client boots from it',
  proxy: 'so does a proxy of DHCP, on port 67 and on 4011, and a good client is told what to boot',
} as const

for (const [mode, what] of Object.entries(modes))
  test(`whatever comes over UDP and HTTP, ${what}`, async () => {
    requireHostFiles([{ file: 'unshare', debian: 'util-linux' }])
    const env = { ...process.env, SEED: '20261123', ROUNDS: '100', DHCP_MODE: mode }
    const words = ['--net', process.execPath, '--import', 'tsx', program]
    const { stdout } = await promisify(execFile)('unshare', words, { env }).catch((error: unknown) => {
      throw new Error(`the fuzzer found something:\n${(error as { stdout: string }).stdout}`, { cause: error })
    })
    assert.match(stdout, /^seed 20261123: /m)
    assert.match(stdout, /^\d+ × 30 serving$/m)
  })
