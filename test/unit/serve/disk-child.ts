// Publishes in a process of its own, as the test tells it: `node --import tsx disk-child.ts JOB`. To be killed at the Nth
// call that changes the file system it wraps node:fs, so the publisher itself has no hooks; SQLite's own calls are not
// counted, its commits fall between ours.
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import type { Maker } from '../../../server/serve/disk/basis.ts'
import { withLock } from '../../../server/serve/disk/lock.ts'
import { publish } from '../../../server/serve/disk/publish.ts'
import type { DiskTarget } from '../../../server/serve/disk/swap.ts'

export type Job =
  | Readonly<{
      kind: 'publish'
      folder: string
      swap: DiskTarget['swap']
      texts: Readonly<Record<string, string>>
      /** What is kept as having been made from. */
      basis: string
      /** Which call is never made, counted from 1. */
      killAt: number | null
      /** Whom to become. */
      uid: number | null
    }>
  /** Holds a lock until it is killed. */
  | Readonly<{ kind: 'lock'; path: string }>

/** Opening counts too: it makes the file. */
const changing = [
  'openSync',
  'writeSync',
  'renameSync',
  'unlinkSync',
  'rmSync',
  'rmdirSync',
  'mkdirSync',
  'linkSync',
  'symlinkSync',
  'chmodSync',
] as const

const job = JSON.parse(process.argv[2] ?? '') as Job

if (job.kind === 'lock')
  await withLock(job.path, 1000, async () => {
    process.stdout.write('held\n')
    await new Promise((resolve) => setTimeout(resolve, 60_000))
  })
else {
  const { folder, swap, texts, basis, killAt, uid } = job
  const calls = countCalls(killAt)
  if (uid !== null) {
    process.setgid?.(uid)
    process.setuid?.(uid)
  }
  const files = Object.entries(texts).map(([path, text]) => ({
    kind: 'text' as const,
    path,
    sections: [{ machine: null, text }],
  }))
  const target: DiskTarget = { folder, swap, check: null }
  const make: Maker = () => Promise.resolve({ set: { kind: 'whole', files }, basis })
  const outcome = await publish(target, make, { now: new Date(0) }).catch((error: unknown) =>
    error instanceof Error ? { error: error.message } : null,
  )
  process.stdout.write(JSON.stringify({ outcome, calls: calls() }))
}

function countCalls(killAt: number | null): () => number {
  let calls = 0
  const wrapped = fs as unknown as Record<string, (...args: readonly unknown[]) => unknown>
  for (const name of changing) {
    const original = wrapped[name]
    wrapped[name] = (...args) => {
      if (name === 'openSync' && args[1] === 'r') return original?.(...args)
      if (++calls === killAt) process.kill(process.pid, 'SIGKILL')
      return original?.(...args)
    }
  }
  syncBuiltinESMExports()
  return () => calls
}
