// The boot state of a machine, folded from its events. Runtime events tell what happened; they never change what is wanted.

export const reportedStages = ['installing', 'installed', 'firstboot', 'guests', 'ready', 'failed'] as const
/** What a machine may report about itself. */
export type ReportedStage = (typeof reportedStages)[number]

export const stages = [
  'armed',
  'disarmed',
  'rescue',
  'memtest',
  'hold',
  'dhcp',
  'loader',
  'kickstart',
  ...reportedStages,
] as const
export type Stage = (typeof stages)[number]

export type StageEvent = Readonly<{ stage: string; at: string; detail: string | null }>

export type BootState = Readonly<{
  /** The furthest stage on the way of the current install; `stalled` when nothing was heard for too long. */
  state: Stage | 'stalled' | 'unknown'
  /** When that stage was first reached. */
  since: string | null
  /** When the machine was last heard of. */
  lastSeen: string | null
  /** The reason of a failure, or what a stalled machine was last doing. */
  detail: string | null
}>

/** The way of an install, in order; later signs of an earlier stage (a reboot's DHCP) don't turn it back. */
const way: readonly string[] = [
  'armed',
  'dhcp',
  'loader',
  'kickstart',
  'installing',
  'installed',
  'firstboot',
  'guests',
  'ready',
]
/** Stages in which a sign of life is owed. */
const underWay: ReadonlySet<string> = new Set(['dhcp', 'loader', 'kickstart', 'installing', 'firstboot', 'guests'])

/** `events` oldest first; those before the last `armed` belong to an earlier install. */
export function bootState(
  events: readonly StageEvent[],
  options: Readonly<{ now: number; stallMinutes: number }>,
): BootState {
  const armed = events.findLastIndex((event) => event.stage === 'armed')
  const own = armed < 0 ? events : events.slice(armed)
  const last = own.at(-1)
  if (last === undefined) return { state: 'unknown', since: null, lastSeen: null, detail: null }
  const reached = own.reduce<StageEvent>(
    (furthest, event) => (outranks(event.stage, furthest.stage) ? event : furthest),
    own[0] ?? last,
  )
  const quietMs = options.now - Date.parse(last.at)
  if (underWay.has(reached.stage) && quietMs > options.stallMinutes * 60_000)
    return {
      state: 'stalled',
      since: last.at,
      lastSeen: last.at,
      detail: `in ${reached.stage}; nothing heard for ${Math.floor(quietMs / 60_000)} minutes`,
    }
  return { state: reached.stage as Stage, since: reached.at, lastSeen: last.at, detail: reached.detail }
}

/** What an administrator sets instead of an install. */
const administrative: ReadonlySet<string> = new Set(['disarmed', 'rescue', 'memtest', 'hold'])

/** A failure stands until progress is reported again; what an administrator does always counts. */
function outranks(stage: string, than: string): boolean {
  if (stage === 'failed' || administrative.has(stage)) return true
  if (administrative.has(than)) return false
  if (than === 'failed') return way.indexOf(stage) >= way.indexOf('kickstart')
  return way.indexOf(stage) > way.indexOf(than)
}
