// After a publication the daemon is told, once. What is owed stands in the manifest (generations without a good reload), so
// a crash, or a reload that failed, is made good by whoever comes next; the folder's lock keeps reloads apart.
import type { CommandOutcome } from './command.ts'
import type { Manifest } from './manifest.ts'
import type { Wait } from './open.ts'
import { withDisk } from './open.ts'
import type { DiskTarget } from './swap.ts'

/**
 * What it takes that a daemon takes up what changed, or null when it takes it up by itself.
 * @param changed paths since it was last told with success, so that a restart which failed stays owed as a restart
 */
export type ReloadWay = (changed: readonly string[]) => (() => Promise<CommandOutcome>) | null

export type Reload =
  | Readonly<{ kind: 'not owed' }>
  | Readonly<{ kind: 'nothing to tell'; generation: number }>
  | (CommandOutcome & Readonly<{ kind: 'ran'; generation: number; tookMs: number }>)

/** Tells the daemon if something was published since that last succeeded. A failure is a value, recorded and owed again. */
export function reload(
  target: Pick<DiskTarget, 'folder' | 'swap'>,
  way: ReloadWay,
  options: Wait & Readonly<{ now: Date }>,
): Promise<Reload> {
  return withDisk({ ...target, check: null }, options, async ({ manifest }) => {
    const latest = manifest.latest()
    if (latest === null || latest.reload?.ok === true) return { kind: 'not owed' }
    const tell = way(changedSinceTold(manifest))
    const began = performance.now()
    const outcome = tell === null ? nothingToTell : await tell().catch(failure)
    const tookMs = Math.round(performance.now() - began)
    manifest.recordReload(latest.id, { at: options.now.toISOString(), tookMs, ...outcome })
    return tell === null
      ? { kind: 'nothing to tell', generation: latest.id }
      : { kind: 'ran', generation: latest.id, tookMs, ...outcome }
  })
}

const nothingToTell: CommandOutcome = { ok: true, how: 'nothing to tell', output: '' }

/** A program that is missing. */
const failure = (error: unknown): CommandOutcome => ({
  ok: false,
  how: error instanceof Error ? error.message : String(error),
  output: '',
})

/** Everything, when no generation is kept that the daemon was told of, or when files that had vanished were written again. */
function changedSinceTold(manifest: Manifest): readonly string[] {
  const told = manifest.generations().find(({ reload: record }) => record?.ok === true)
  const changed = told === undefined ? [] : manifest.pathsChangedSince(told.id)
  return changed.length > 0 ? changed : manifest.pathsChangedSince(-1)
}

type Coalesced = Readonly<{
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
