// Floods, and clients that take without giving: each of a real server, with a good client that has to get what it asks for.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { requireHostFiles } from '../boot/packages.ts'
import { growth } from './bounds.ts'
import type { Flood, FloodName } from './floods.ts'

type Seen = Readonly<{
  seen: Readonly<Partial<Record<FloodName, Flood | string>>>
  end: string
  lines: Record<string, number>
}>

/** A flood may be told of in the log; it may not become one there. A transfer that a client took a part of has its line. */
const LINES_MOST = 500

const floods: Readonly<Record<'server' | 'proxy', readonly FloodName[]>> = {
  server: [
    'one MAC',
    'a million MACs',
    'spoofed sources and source port 0',
    'HTTP clients that read nothing, and requests that never end',
    'TFTP clients that take a block a second',
    '10,000 half-open transfers',
  ],
  // The other doors are the same ones, and strangers are listed by the same list.
  proxy: ['one MAC', 'spoofed sources and source port 0'],
}

for (const [mode, names] of Object.entries(floods))
  describe(`floods, of DHCP in the mode ${mode}`, () => {
    let report: Seen | null = null

    before(async () => {
      requireHostFiles([{ file: 'unshare', debian: 'util-linux' }])
      const words = ['--net', process.execPath, '--import', 'tsx', join(import.meta.dirname, 'floods.ts'), ...names]
      const { stdout } = await promisify(execFile)('unshare', words, { env: { ...process.env, DHCP_MODE: mode } })
      report = JSON.parse(stdout) as Seen
    })

    for (const name of names)
      test(`${name}: a good client boots meanwhile, and nothing of it stays`, () => {
        const flood = report?.seen[name]
        if (flood === undefined || typeof flood === 'string') assert.fail(flood ?? 'it was not tried')
        assert.equal(flood.booted, 3)
        assert.equal(growth(flood.before, flood.after), null)
        assert.ok(flood.lines <= LINES_MOST, `${flood.lines} lines in the log: ${JSON.stringify(report?.lines)}`)
      })

    test('the server stops in order after all of them', () => assert.equal(report?.end, 'it ended with 0'))
  })
