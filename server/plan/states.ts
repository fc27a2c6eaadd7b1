// The boot state of a machine, folded from its events. Runtime events tell what happened; they never change what is wanted.
import { effectiveParam, inherited, profileChain } from '../inventory/profiles.ts'
import type { Snapshot } from '../inventory/snapshot.ts'

export const reportedStages = ['installing', 'installed', 'firstboot', 'guests', 'ready', 'failed'] as const
/** What a machine may report about itself. */
export type ReportedStage = (typeof reportedStages)[number]
/** What a Dom0 may report about a guest of its own. */
export const stagesByDom0 = ['installing', 'failed', 'ready'] as const satisfies readonly ReportedStage[]

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

export type StageEvent = Readonly<{
  stage: string
  at: string
  detail: string | null
  progress: number | null
  door: string
}>

/** What was heard of a machine. */
export type Signs = Readonly<{
  /** Oldest first; those before the last `armed` belong to an earlier install. */
  events: readonly StageEvent[]
  /** When it last reported anything, be it what it had reported before; null: it never did. */
  heardAt: string | null
}>

/** Whether an install is on: none is; it goes on; its way's end is reached; it failed or stalled, and may yet recover. */
type Phase = 'none' | 'on' | 'done' | 'lost'

export type BootState = Readonly<{
  /** The furthest stage on the way of the current install; `stalled` when nothing was heard for too long. */
  state: Stage | 'stalled' | 'unknown'
  /** Where a failed or stalled machine was on its way; of every other, its state. */
  stage: Stage | 'unknown'
  phase: Phase
  /** Per cent of that stage, as last reported in it. */
  progress: number | null
  /** When that stage was first reached. */
  since: string | null
  /** When the machine was last heard of. */
  lastSeen: string | null
  /** The reason of a failure, what a machine was last doing, or where it stalled. */
  detail: string | null
}>

/** The way of an install, in order; later signs of an earlier stage (a reboot's DHCP) don't turn it back. */
export const way = [
  'armed',
  'dhcp',
  'loader',
  'kickstart',
  'installing',
  'installed',
  'firstboot',
  'guests',
  'ready',
] as const satisfies readonly Stage[]
const placeOf = (stage: string): number => (way as readonly string[]).indexOf(stage)

type StateOptions = Readonly<{
  now: number
  stallMinutes: number
  /** The machine has more before it than its install: it is a Dom0. */
  isDom0: boolean
  /** When the last of its guests was heard of; null: it has none. */
  guestsHeardAt: string | null
}>

export const neverHeardOf: BootState = {
  state: 'unknown',
  stage: 'unknown',
  phase: 'none',
  progress: null,
  since: null,
  lastSeen: null,
  detail: null,
}

export function bootState(signs: Signs, options: StateOptions): BootState {
  const own = sinceArmed(signs.events)
  const [first] = own
  const last = own.at(-1)
  if (first === undefined || last === undefined) return neverHeardOf
  const reached = furthest(own, first)
  const inStage = own.slice(own.indexOf(reached)).filter(({ stage }) => stage === reached.stage)
  const lastSeen = [
    last.at,
    // A console that was on its way while the machine was armed anew is that of the earlier install.
    signs.heardAt !== null && signs.heardAt > first.at ? signs.heardAt : '',
    // A Dom0 that waits for its guests has nothing to say but what they say.
    reached.stage === 'guests' ? (options.guestsHeardAt ?? '') : '',
  ].reduce((a, b) => (a > b ? a : b))
  const state: BootState = {
    state: reached.stage as Stage,
    stage: (reached.stage === 'failed' ? failedAt(own, first) : reached.stage) as Stage,
    phase: phaseOf(own, reached, options.isDom0),
    progress: inStage.findLast(({ progress }) => progress !== null)?.progress ?? null,
    since: reached.at,
    lastSeen,
    detail: inStage.at(-1)?.detail ?? null,
  }
  return orStalled(state, options)
}

function sinceArmed(events: readonly StageEvent[]): readonly StageEvent[] {
  const armed = events.findLastIndex((event) => event.stage === 'armed')
  return armed < 0 ? events : events.slice(armed)
}

function furthest(events: readonly StageEvent[], first: StageEvent): StageEvent {
  return events.reduce((reached, event) => (outranks(event.stage, reached.stage) ? event : reached), first)
}

/** The furthest stage of all but the failures. */
const failedAt = (own: readonly StageEvent[], first: StageEvent): string =>
  furthest(
    own.filter(({ stage }) => stage !== 'failed'),
    first,
  ).stage

/** What an administrator sets instead of an install. */
const administrative: ReadonlySet<string> = new Set(['disarmed', 'rescue', 'memtest', 'hold'])

/** A failure stands until progress is reported again; what an administrator does always counts. */
function outranks(stage: string, than: string): boolean {
  if (stage === 'failed' || administrative.has(stage)) return true
  if (administrative.has(than)) return false
  if (than === 'failed') return placeOf(stage) >= placeOf('kickstart')
  return placeOf(stage) > placeOf(than)
}

/**
 * The way ends with `installed`, but for a Dom0, and for a guest whose Dom0 reports about it, with `ready`. Without an
 * arming there is no install, unless a kickstart was served, which takes its token.
 */
function phaseOf(own: readonly StageEvent[], { stage }: StageEvent, isDom0: boolean): Phase {
  if (stage === 'failed') return 'lost'
  const isOn = own[0]?.stage === 'armed' || placeOf(stage) >= placeOf('kickstart')
  if (!isOn || administrative.has(stage)) return 'none'
  const goesOn = isDom0 || own.some((event) => event.door === 'dom0' || isAfterInstall(event.stage))
  return placeOf(stage) >= placeOf(goesOn ? 'ready' : 'installed') ? 'done' : 'on'
}

const isAfterInstall = (stage: string): boolean => stage === 'firstboot' || stage === 'guests'

/** Who is armed owes no sign of life: nobody may have switched it on yet, and a guest waits for its turn. */
function orStalled(state: BootState, { now, stallMinutes }: StateOptions): BootState {
  const { phase, stage, lastSeen } = state
  const quietMs = now - Date.parse(lastSeen ?? '')
  if (phase !== 'on' || stage === 'armed' || !(quietMs > stallMinutes * 60_000)) return state
  return {
    ...state,
    state: 'stalled',
    phase: 'lost',
    since: lastSeen,
    detail: `in ${stage}; nothing heard for ${Math.floor(quietMs / 60_000)} minutes`,
  }
}

/** How long it may be silent on its way: as its rows say, else so many minutes. */
export function silenceAllowedMs(snapshot: Snapshot, hostname: string, stallMinutes: number): number {
  const machine = snapshot.machines.get(hostname)
  const given =
    machine === undefined
      ? undefined
      : effectiveParam(snapshot, machine, profileChain(snapshot, machine.profile), 'stall_minutes')
  return (typeof given === 'number' && given > 0 ? given : stallMinutes) * 60_000
}

/** The boot state of one machine, with what its rows say: whether it is a Dom0, and how long it may be silent. */
export function machineState(
  snapshot: Snapshot,
  hostname: string,
  signs: ReadonlyMap<string, Signs>,
  { now, stallMinutes }: Readonly<{ now: number; stallMinutes: number }>,
): BootState {
  const machine = snapshot.machines.get(hostname)
  const chain = machine === undefined ? null : profileChain(snapshot, machine.profile)
  const guests = (snapshot.guests.get(hostname) ?? []).flatMap((guest) => {
    const heard = signs.get(guest)
    return [heard?.events.at(-1)?.at ?? '', heard?.heardAt ?? '']
  })
  return bootState(signs.get(hostname) ?? { events: [], heardAt: null }, {
    now,
    stallMinutes: silenceAllowedMs(snapshot, hostname, stallMinutes) / 60_000,
    isDom0: chain !== null && (inherited(chain, 'hypervisor')?.value ?? 'none') !== 'none',
    guestsHeardAt: guests.reduce<string | null>((a, b) => (b !== '' && (a === null || b > a) ? b : a), null),
  })
}
