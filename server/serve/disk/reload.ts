// After a publication the daemon is told, once. What is owed stands in the manifest (a generation without a good reload),
// so a crash, or a reload that failed, is made good by whoever comes next; the folder's lock keeps reloads apart.
import type { Command, CommandOutcome } from './command.ts'
import { runCommand } from './command.ts'
import type { Wait } from './open.ts'
import { withDisk } from './open.ts'
import type { DiskTarget } from './swap.ts'

export type Reload = Readonly<{ kind: 'not owed' }> | (CommandOutcome & Readonly<{ kind: 'ran'; generation: number }>)

/** Runs the command if something was published since it last succeeded. A failure is a value, recorded and owed again. */
export function reload(target: DiskTarget, command: Command, options: Wait & Readonly<{ now: Date }>): Promise<Reload> {
  return withDisk(target, options, async ({ manifest }) => {
    const latest = manifest.latest()
    if (latest === null || latest.reload?.ok === true) return { kind: 'not owed' }
    const { ok, how, output } = await runCommand(command)
    manifest.recordReload(latest.id, { at: options.now.toISOString(), ok, how, output })
    return { kind: 'ran', generation: latest.id, ok, how, output }
  })
}

export type Coalesced = Readonly<{
  /** Asks for a run; returns at once. */
  request: () => void
  /** Resolves when nothing is waiting or running. What was asked for and not begun begins now. */
  settle: () => Promise<void>
}>

/**
 * Many requests, few runs: one begins `gapMs` after the first request, and never while another runs.
 * @param onError hears of a run that threw; the next request runs again
 */
export function coalesce(gapMs: number, run: () => Promise<void>, onError: (error: unknown) => void): Coalesced {
  let timer: NodeJS.Timeout | null = null
  let running: Promise<void> | null = null
  let isAsked = false
  const begin = (): Promise<void> => {
    if (timer !== null) clearTimeout(timer)
    timer = null
    isAsked = false
    running = run()
      .catch(onError)
      .finally(() => {
        running = null
        if (isAsked) wait()
      })
    return running
  }
  const wait = (): void => {
    timer ??= setTimeout(() => void begin(), gapMs)
  }
  return {
    request: () => {
      isAsked = true
      if (running === null) wait()
    },
    settle: async () => {
      while (running !== null || isAsked) await (running ?? begin())
    },
  }
}
