// Processor time of a program with all its processes and threads, those that ended and were never waited for too: a
// control group's account. Root, in a mount namespace of one's own (scripts/bench.sh).
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export type Account = Readonly<{
  cpuSeconds: () => number
  /** When all its processes have ended. */
  close: () => void
}>

/** Of the process, and of all that it starts from now on. */
export function openAccount(pid: number): Account {
  const mounted = join(tmpdir(), `bootstead-cgroup-${process.pid}-${pid}`)
  mkdirSync(mounted)
  execFileSync('mount', ['-t', 'cgroup2', 'none', mounted])
  const group = join(mounted, `bootstead-bench-${pid}`)
  mkdirSync(group)
  writeFileSync(join(group, 'cgroup.procs'), String(pid))
  return {
    cpuSeconds: () => Number(/^usage_usec (\d+)$/m.exec(readFileSync(join(group, 'cpu.stat'), 'utf8'))?.[1]) / 1e6,
    close: () => {
      rmdirSync(group)
      execFileSync('umount', [mounted])
      rmdirSync(mounted)
    },
  }
}
