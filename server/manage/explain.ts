// What a machine, or a MAC of nobody, would be answered, now or at an earlier revision.
import type { MacAddress } from '../inventory/address.ts'
import { parseMac } from '../inventory/address.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import type { Platform } from '../plan/dhcp/clients.ts'
import type { Server } from '../plan/server.ts'
import { settingsOf } from '../plan/settings.ts'
import type { Explanation, ExplainStage } from '../render/explain.ts'
import { explainBoot } from '../render/explain.ts'
import type { Desk } from './desk.ts'
import { renderContext } from './desk.ts'
import { Refused } from './failure.ts'
import { readPicture } from './revisions.ts'
import { chosenName } from './selection.ts'

export type ExplainOptions = Readonly<{
  arch: Platform
  stage: ExplainStage
  /** A revision; null: now. */ at: string | null
}>

/**
 * @param target a host name or a MAC
 * @throws SelectorError when there is no such machine, Refused when it has no MAC or there is no such revision
 */
export async function explain(
  desk: Desk,
  today: Snapshot,
  target: string,
  { arch, stage, at }: ExplainOptions,
): Promise<Explanation> {
  const { snapshot, now } = at === null ? { snapshot: today, now: desk.now() } : await readPicture(desk, today, at)
  const { mac, hostname } = identify(desk.server, snapshot, target)
  return explainBoot({ ...renderContext(desk, snapshot), now }, mac, hostname, arch, stage, desk.dhcpMode)
}

function identify(
  server: Server,
  snapshot: Snapshot,
  target: string,
): Readonly<{ mac: MacAddress; hostname: string | null }> {
  const mac = parseMac(target)
  if (mac !== null) return { mac, hostname: snapshot.byMac.get(mac)?.[0]?.machine ?? null }
  const hostname = chosenName(snapshot, target)
  const machine = snapshot.machines.get(hostname)
  const own = machine === undefined ? null : settingsOf(snapshot, machine, server).mac.value
  if (own === null)
    throw new Refused(`machine ${hostname} has no interface with a MAC, so nothing can ask for it; add one`)
  return { mac: own, hostname }
}
