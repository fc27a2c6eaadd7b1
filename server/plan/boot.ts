// What a machine should get at its next network boot, and why: the heart of the product, and a pure function.
import type { Finding, Known } from '../inventory/findings.ts'
import { describeWithheld, findings, isWithheld } from '../inventory/findings.ts'
import type { Machine, Token } from '../inventory/rows.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import type { KernelArg } from './arguments.ts'
import { installArguments, rescueArguments } from './arguments.ts'
import type { Release } from './install.ts'
import { installObstacle, kickstartUrl, releaseOf } from './install.ts'
import type { ReleaseQuirks } from './release.ts'
import type { Server } from './server.ts'
import type { Settings } from './settings.ts'
import { settingsOf } from './settings.ts'

/** A kernel, its initrd and its arguments. */
type KernelBoot = Release['files'] & Readonly<{ args: readonly KernelArg[] }>

export type Plan =
  | Readonly<{
      kind: 'install'
      why: string
      settings: Settings
      boot: KernelBoot
      token: Token
      quirks: ReleaseQuirks
    }>
  | Readonly<{ kind: 'rescue'; why: string; settings: Settings; boot: KernelBoot }>
  | Readonly<{ kind: 'memtest' | 'hold' | 'local'; why: string; settings: Settings }>
  | Readonly<{ kind: 'ignore'; why: string; findings: readonly Finding[] }>

export type PlanContext = Readonly<{
  snapshot: Snapshot
  server: Server
  known: Known
  /** The clock, as an argument: milliseconds since the epoch. */
  now: number
}>

/** The plan for one machine by host name. Never throws for what an inventory may hold. */
export function planBoot(context: PlanContext, hostname: string): Plan {
  const { snapshot, server, known } = context
  const found = findings(snapshot, hostname, known)
  const machine = snapshot.machines.get(hostname)
  if (isWithheld(found)) return { kind: 'ignore', why: `withheld: ${describeWithheld(found)}`, findings: found }
  if (machine === undefined) return { kind: 'ignore', why: `the inventory has no machine ${hostname}`, findings: [] }
  const settings = settingsOf(snapshot, machine, server)
  switch (machine.boot) {
    case 'local':
      return { kind: 'local', why: 'boot is local', settings }
    case 'hold':
      return { kind: 'hold', why: 'boot is hold', settings }
    case 'memtest':
      return { kind: 'memtest', why: 'boot is memtest', settings }
    case 'rescue':
      return planRescue(settings)
    case 'install':
      return planInstall(context, settings)
    default:
      return machine.boot satisfies never
  }
}

function planRescue(settings: Settings): Plan {
  const release = releaseOf(settings)
  if (typeof release === 'string') return { kind: 'local', why: `boot is rescue, but ${release}`, settings }
  return {
    kind: 'rescue',
    why: 'boot is rescue',
    settings,
    boot: { ...release.files, args: rescueArguments(settings, release.quirks) },
  }
}

/** Never an install that nobody armed: without a live token the machine boots its disk, whatever its row says. */
function planInstall(context: PlanContext, settings: Settings): Plan {
  const { snapshot, now } = context
  const { machine } = settings
  const token = liveToken(snapshot, machine, 'install', now)
  if (token === null) return { kind: 'local', why: notArmed(snapshot, machine), settings }
  const release = releaseOf(settings)
  const problem = typeof release === 'string' ? release : installObstacle(context, settings)
  if (typeof release === 'string' || problem !== null)
    return { kind: 'hold', why: `armed for install, but ${problem ?? ''}`, settings }
  const url = kickstartUrl(settings, token.secret)
  return {
    kind: 'install',
    why: `armed at ${token.created_at}${token.expires_at === null ? '' : `, until ${token.expires_at}`}`,
    settings,
    token,
    quirks: release.quirks,
    boot: { ...release.files, args: installArguments(settings, release.quirks, url) },
  }
}

function notArmed(snapshot: Snapshot, machine: Machine): string {
  const tokens = (snapshot.tokens.get(machine.hostname) ?? []).filter((token) => token.purpose === 'install')
  const expired = tokens.find((token) => token.used_at === null)
  const how = `arm it with: bootstead machine install ${machine.hostname}`
  if (expired !== undefined) return `the install token expired at ${expired.expires_at ?? ''}; ${how}`
  const installedAt = tokens
    .flatMap((token) => token.used_at ?? [])
    .sort()
    .at(-1)
  const since = installedAt === undefined ? '' : ` since the install of ${installedAt}`
  return `boot is install, but nobody armed it${since}; ${how}`
}

/** The machine's token of that purpose that is not used, not expired, and was made last. */
export function liveToken(snapshot: Snapshot, machine: Machine, purpose: Token['purpose'], now: number): Token | null {
  const live = (snapshot.tokens.get(machine.hostname) ?? []).filter(
    (token) => token.purpose === purpose && token.used_at === null && !hasExpired(token, now),
  )
  return live.toSorted((a, b) => (a.created_at < b.created_at ? 1 : -1))[0] ?? null
}

export function hasExpired(token: Token, now: number): boolean {
  return token.expires_at !== null && Date.parse(token.expires_at) <= now
}
