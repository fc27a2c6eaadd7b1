// What whoever manages machines works on: the inventory, this server's facts, the clock, and a name to sign with.
import { join } from 'node:path'
import type { Known } from '../inventory/findings.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import type { Store } from '../inventory/store/open.ts'
import type { DhcpMode } from '../plan/dhcp/proxy.ts'
import type { Server } from '../plan/server.ts'
import type { RenderContext } from '../render/catalogue.ts'
import type { TargetName } from '../render/targets.ts'
import type { TemplateEngine } from '../render/templates.ts'
import type { Picture, Place } from '../serve/generate.ts'
import { storedLoaders } from '../serve/loaders.ts'

export type Desk = Readonly<{
  store: Store
  server: Server
  known: Known
  engine: TemplateEngine
  /** Images, loaders, and what else the server keeps. */
  stateDir: string
  /** How long an armed install waits for its machine when nobody says. */
  installHours: number
  stallMinutes: number
  /** Whether this server gives addresses, or stands beside one that does. */
  dhcpMode: DhcpMode
  /** What is generated for other daemons of this host, and where. */
  targets: ReadonlyMap<TargetName, Place>
  /** Who the history says it was: `cli:alice`. */
  who: string
  /** Milliseconds since the epoch. */
  now: () => number
}>

export const renderContext = ({ server, known, engine, now }: Desk, snapshot: Snapshot): RenderContext => ({
  snapshot,
  server,
  known,
  engine,
  now: now(),
})

/** What targets are generated from. */
export const pictureOf = async (desk: Desk, snapshot: Snapshot): Promise<Picture> => ({
  ...renderContext(desk, snapshot),
  inventory: desk.store.label,
  loaders: await storedLoaders(desk.stateDir),
  imagesFolder: join(desk.stateDir, 'images'),
})
