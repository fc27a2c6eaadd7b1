// Who may fetch what, and report what: decided from the snapshot, the token shown and the address asked from.
import { timingSafeEqual } from 'node:crypto'
import type { Ipv6Address } from '../inventory/address.ts'
import { autonomousAddress } from '../inventory/address.ts'
import type { Token } from '../inventory/rows.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import { hasExpired } from './boot.ts'
import type { ReportedStage } from './states.ts'
import { stagesByDom0 } from './states.ts'

type Refused = Readonly<{
  ok: false
  why: string
  /** When the right token was used up; null for every other refusal. */
  usedAt: string | null
}>
export type Verdict = Readonly<{ ok: true; token: Token }> | Refused

const refused = (why: string): Refused => ({ ok: false, usedAt: null, why })

/** Whether `secret` is a live token of that machine, of one of the purposes. The reason names neither secret nor owner. */
export function checkToken(
  snapshot: Snapshot,
  hostname: string,
  secret: string | null,
  purposes: readonly Token['purpose'][],
  now: number,
): Verdict {
  if (secret === null || secret === '')
    return refused(`no token was given for ${hostname}; it is in the boot menu of an armed machine`)
  const token = (snapshot.tokens.get(hostname) ?? []).find(
    (one) => purposes.includes(one.purpose) && isEqual(one.secret, secret),
  )
  if (token === undefined)
    return refused(
      `the token is not ${hostname}'s: arm it again if it is to be installed (bootstead machine install ${hostname})`,
    )
  if (token.used_at !== null)
    return {
      ok: false,
      usedAt: token.used_at,
      why: `the token was used up at ${token.used_at}: ${hostname} is installed; arm it again for another install`,
    }
  if (hasExpired(token, now)) return refused(`the token expired at ${token.expires_at ?? ''}; arm ${hostname} again`)
  return { ok: true, token }
}

function isEqual(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}

/** Null when `address` may have the secrets of that machine's artefacts, else why not. */
export function addressObstacle(snapshot: Snapshot, hostname: string, address: string): string | null {
  const own = (snapshot.interfaces.get(hostname) ?? []).flatMap((nic) => [nic.ip, nic.ip6])
  const known = own.filter((ip) => ip !== null)
  if (known.length === 0 || known.some((ip) => ip === address)) return null // without a reservation there is nothing to compare with
  if (autonomousAddresses(snapshot, hostname).some((ip) => ip === address)) return null
  return `${address} is not an address of ${hostname} (${known.join(', ')}); only the machine itself gets what has its token in it`
}

/** Those that its cards may have given themselves: firmware asks from them although it was given another by DHCPv6. */
function autonomousAddresses(snapshot: Snapshot, hostname: string): readonly Ipv6Address[] {
  return (snapshot.interfaces.get(hostname) ?? []).flatMap(({ mac, network }) => {
    const cidr6 = (network === null ? null : snapshot.networks.get(network)?.cidr6) ?? null
    return mac === null || cidr6 === null ? [] : (autonomousAddress(cidr6, mac) ?? [])
  })
}

export type ReportRequest = Readonly<{
  /** The machine that the report is about. */
  hostname: string
  stage: ReportedStage
  secret: string | null
  /** Where it comes from; null: addresses are not compared. */
  address: string | null
  now: number
}>

type ReportVerdict = Readonly<{ ok: true; token: Token; by: 'machine' | 'dom0' }> | Refused

/**
 * Who may report what about whom: a machine about itself, its installer alone `installed`; a Dom0, with its own token,
 * how the installs of its guests go.
 */
export function checkReport(snapshot: Snapshot, request: ReportRequest): ReportVerdict {
  const dom0 = snapshot.machines.get(request.hostname)?.dom0 ?? null
  if (dom0 !== null && isTokenOf(snapshot, dom0, request.secret)) return checkDom0sReport(snapshot, dom0, request)
  const { hostname, stage, secret, address, now } = request
  const theOther =
    dom0 === null ? '' : `; of others only its Dom0, ${dom0}, reports about it (on one that it left: xenconf)`
  const elsewhere = address === null ? null : addressObstacle(snapshot, hostname, address)
  if (elsewhere !== null) return refused(`${elsewhere}${theOther}`)
  const verdict = checkToken(
    snapshot,
    hostname,
    secret,
    stage === 'installed' ? ['install'] : ['install', 'machine'],
    now,
  )
  if (verdict.ok) return { ...verdict, by: 'machine' }
  return verdict.usedAt === null ? refused(`${verdict.why}${theOther}`) : verdict
}

function checkDom0sReport(
  snapshot: Snapshot,
  dom0: string,
  { hostname, stage, secret, address, now }: ReportRequest,
): ReportVerdict {
  if (!stagesByDom0.some((one) => one === stage))
    return refused(
      `${dom0} reports ${stagesByDom0.join(', ')} of its guest ${hostname}; ${stage} is for ${hostname} itself, with its own token`,
    )
  const elsewhere = address === null ? null : addressObstacle(snapshot, dom0, address)
  if (elsewhere !== null) return refused(elsewhere)
  const verdict = checkToken(snapshot, dom0, secret, ['machine'], now)
  return verdict.ok ? { ...verdict, by: 'dom0' } : verdict
}

function isTokenOf(snapshot: Snapshot, hostname: string, secret: string | null): boolean {
  return secret !== null && (snapshot.tokens.get(hostname) ?? []).some((one) => isEqual(one.secret, secret))
}
