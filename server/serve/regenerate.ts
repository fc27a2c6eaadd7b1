// Keeps the targets as the inventory is, for as long as the server runs: many changes, one publication of each target.
import type { Logger } from 'pino'
import type { Snapshot } from '../inventory/snapshot.ts'
import type { Basis, Past } from '../inventory/store/history.ts'
import { readPast } from '../inventory/store/history.ts'
import type { Store } from '../inventory/store/open.ts'
import type { TargetName } from '../render/targets.ts'
import type { Changes } from './changes.ts'
import { openChanges } from './changes.ts'
import { breathing } from './disk/durable.ts'
import { coalesce } from './disk/reload.ts'
import type { Generated, Picture, Place } from './generate.ts'
import { generate } from './generate.ts'
import type { Live } from './live.ts'
import type { TargetMetrics } from './metrics.ts'
import type { Trouble } from './troubles.ts'
import { failureTrouble, logTroubles, troublesOf } from './troubles.ts'

export type Regeneration = Readonly<{
  /** The first run begins now. Changes were heard of from the opening on. */
  begin: () => void
  /** What was wrong with each target at its last run, or null. */
  health: () => ReadonlyMap<TargetName, string | null>
  /** Asks for a run that looks at every file. */
  lookAnew: () => void
  /**
   * Waits for the target that is being generated. What was asked for and not begun is left undone, however quick it
   * would be: its manifest says what each folder was made from, and the next start makes what has changed since.
   */
  close: () => Promise<void>
}>

export type RegenerationOptions = Readonly<{
  places: ReadonlyMap<TargetName, Place>
  /** A run begins so long after the first of any number of changes. */
  gapMs: number
  /** While anything is wrong with a target there is a run so long after the one before. */
  retryMs?: number
  store: Store
  live: Live
  /** Everything but the inventory is read at each call. */
  picture: (snapshot: Snapshot) => Promise<Picture>
  metrics: TargetMetrics
  log: Logger
}>

type Kept = {
  readonly target: TargetName
  readonly place: Place
  /** What this process published last; `position` is that of the snapshot among the changes. */
  published: Readonly<{ basis: Basis; snapshot: Snapshot; position: number }> | null
  /** Every file was looked at, and nobody asked for another look. */
  isVerified: boolean
  troubles: readonly Trouble[]
}

const defaultRetryMs = 60_000
/** setTimeout() can wait no longer. */
const longestTimerMs = 2 ** 31 - 1

export function openRegeneration(options: RegenerationOptions): Regeneration {
  const { places, gapMs, retryMs = defaultRetryMs, live, log } = options
  const fresh = { published: null, isVerified: false, troubles: [] }
  const targets = [...places].map(([target, place]): Kept => ({ target, place, ...fresh }))
  const changes = openChanges()
  let closing = false
  const isOpen = (): boolean => !closing
  let timer: NodeJS.Timeout | undefined

  const run = async (): Promise<void> => {
    if (closing) return
    const [snapshot, position] = [live.snapshot(), changes.end()] // of one turn of the event loop
    // What takes its time to fail keeps nobody back.
    for (const kept of targets.toSorted((a, b) => a.troubles.length - b.troubles.length))
      if (isOpen()) await generateOne(options, changes, kept, snapshot, position)
    changes.forgetBefore(Math.min(...targets.map(({ published }) => published?.position ?? position)))
    const isTrouble = targets.some(({ troubles }) => troubles.length > 0)
    wakeAt(Math.min(await nextExpiry(snapshot, Date.now()), isTrouble ? Date.now() + retryMs : Infinity))
  }
  const runs = coalesce(gapMs, run, (error) => {
    log.error({ err: error }, 'no target can be generated; it is tried again')
    wakeAt(Date.now() + retryMs)
  })
  const wakeAt = (at: number): void => {
    clearTimeout(timer)
    if (at < Infinity && !closing)
      timer = setTimeout(runs.request, Math.min(Math.max(at - Date.now(), 0), longestTimerMs))
  }
  live.onChange((changed) => {
    changes.add(changed)
    runs.request()
  })
  return {
    begin: () => {
      runs.request()
      void runs.settle()
    },
    health: () => new Map(targets.map(({ target, troubles }) => [target, reasonOf(troubles)])),
    lookAnew: () => {
      for (const kept of targets) kept.isVerified = false
      runs.request()
    },
    close: async () => {
      closing = true
      clearTimeout(timer)
      await runs.settle()
    },
  }
}

const reasonOf = (troubles: readonly Trouble[]): string | null =>
  troubles.flatMap(({ reason }) => reason ?? []).join('; ') || null

async function generateOne(
  { picture: pictureOf, store, live, metrics, log }: RegenerationOptions,
  changes: Changes,
  kept: Kept,
  snapshot: Snapshot,
  position: number,
): Promise<void> {
  const { target, place, published, isVerified } = kept
  if (published === null && !live.health().ok) return // the local copy may be older than what was published before
  kept.isVerified = true // unless another look is asked for meanwhile
  let troubles: readonly Trouble[]
  try {
    const picture = await pictureOf(snapshot)
    const past = async (basis: Basis): Promise<Past | null> =>
      heldPast(published, changes, basis, position) ?? (await readPast(store, snapshot, basis))
    const generated = await generate(target, place, picture, { past, verify: !isVerified, isTold: true })
    if (generated.publication.kind === 'refused') kept.isVerified &&= isVerified
    else kept.published = { basis: generated.basis, snapshot, position }
    note(metrics, log, generated)
    troubles = troublesOf(generated)
  } catch (error) {
    kept.isVerified &&= isVerified
    metrics.runs.inc({ target, outcome: 'failed' })
    troubles = [failureTrouble(error)]
  }
  logTroubles(log, target, kept.troubles, troubles)
  kept.troubles = troubles
}

/** What is held here, if nobody else has published since: else the store has to say it. */
function heldPast(published: Kept['published'], changes: Changes, basis: Basis, position: number): Past | null {
  if (published?.basis.at !== basis.at || published.basis.revision !== basis.revision) return null
  const rows = changes.between(published.position, position)
  return rows === null ? null : { snapshot: published.snapshot, rows }
}

function note(
  metrics: TargetMetrics,
  log: Logger,
  { target, publication, leftOut, rendered, reload }: Generated,
): void {
  const { kind } = publication
  metrics.runs.inc({ target, outcome: kind })
  if (kind !== 'refused') metrics.goodAt.set({ target }, Date.now() / 1000)
  if (reload.kind === 'ran' && !reload.ok) metrics.reloadFailures.inc({ target })
  if (kind !== 'published') return
  const { generation, written, removed } = publication
  metrics.filesWritten.inc({ target }, written)
  log.info({ target, generation, written, removed, rendered, leftOut: leftOut.length }, 'published')
}

/** When the first token that is live now will be none, in milliseconds since the epoch. */
async function nextExpiry(snapshot: Snapshot, now: number): Promise<number> {
  const breathe = breathing()
  let next = Infinity
  for (const tokens of snapshot.tokens.values()) {
    await breathe()
    for (const { used_at: usedAt, expires_at: expiresAt } of tokens) {
      const at = usedAt === null && expiresAt !== null ? Date.parse(expiresAt) : Infinity
      if (at > now && at < next) next = at
    }
  }
  return next
}
