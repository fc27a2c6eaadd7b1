// One process, every door: opened in order, closed in the opposite one.
import { createServer } from 'node:http'
import type { Server as HttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Logger } from 'pino'
import type { Ipv4Address, Ipv6Address } from '../inventory/address.ts'
import type { Known } from '../inventory/findings.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import type { Store } from '../inventory/store/open.ts'
import type { Views } from '../inventory/store/views.ts'
import type { PlanContext } from '../plan/boot.ts'
import type { DhcpMode } from '../plan/dhcp/proxy.ts'
import type { Server as ServerFacts } from '../plan/server.ts'
import type { TemplateEngine, TemplateSources } from '../render/templates.ts'
import { templateEngine } from '../render/templates.ts'
import type { DhcpDoors } from './dhcp/doors.ts'
import { openDhcpDoors } from './dhcp/doors.ts'
import type { Seen } from './dhcp/seen.ts'
import { openSeen } from './dhcp/seen.ts'
import { dhcp6Answering } from './dhcp6/answering.ts'
import type { Dhcp6Door } from './dhcp6/door.ts'
import { openDhcp6Door } from './dhcp6/door.ts'
import { serverDuid } from './dhcp6/duid.ts'
import type { FileCache } from './files.ts'
import { fileCache } from './files.ts'
import type { Picture } from './generate.ts'
import { healthOf } from './health.ts'
import type { Health } from './http/app.ts'
import { describeMenu, httpApp } from './http/app.ts'
import type { Patience } from './http/connections.ts'
import { limitConnections, timesOf } from './http/connections.ts'
import { standsForMany } from './http/peers.ts'
import type { InheritedSocket } from './inherited.ts'
import type { Live } from './live.ts'
import { openLive } from './live.ts'
import { storedLoaders } from './loaders.ts'
import type { Metrics } from './metrics.ts'
import { openMetrics } from './metrics.ts'
import type { Mirror } from './mirror.ts'
import { openMirror } from './mirror.ts'
import type { Regeneration, RegenerationOptions } from './regenerate.ts'
import { openRegeneration } from './regenerate.ts'
import type { Found, LoadedTemplates, Resolver } from './resolve.ts'
import { openResolver } from './resolve.ts'
import type { Served } from './tftp/door.ts'
import { openTftpDoor } from './tftp/door.ts'
import type { Timeline } from './timeline.ts'
import { openTimeline } from './timeline.ts'
import { describeEnd, describeProgress, describeRefusal } from './transfers.ts'

type ServedTemplates = Readonly<{
  sources: TemplateSources
  /** Names that the column `template` may hold. */
  names: ReadonlySet<string>
}>

/** What is generated for other daemons, and how long after a change. */
export type Regenerate = Pick<RegenerationOptions, 'places' | 'gapMs' | 'retryMs'>

export type ServeOptions = Readonly<{
  store: Store
  /** The site's own views; null when the inventory is all Bootstead's. */
  views?: Readonly<{ at: Views; intervalMs: number }> | null
  stateDir: string
  firstbootDir: string
  templates: ServedTemplates
  listen: string
  advertise: Ipv4Address | null
  addresses: readonly Ipv4Address[]
  /** Absent where the doors don't listen on IPv6. */
  ipv6?: ServerFacts['ipv6']
  /** Null switches a door off; 0 takes any free port. */
  httpPort: number | null
  dhcpPort: number | null
  dhcp6Port?: number | null
  tftpPort: number | null
  /** `server` unless given. */
  dhcpMode?: DhcpMode
  /** Where machines find HTTP when that door is closed here. */
  httpPortElsewhere?: number
  regenerate?: Regenerate | null
  /** Sockets for DHCP that systemd opened; they take the place of `listen` and `dhcpPort`. */
  inherited?: readonly InheritedSocket[]
  /** Where DHCP clients and relays listen; other than 68 and 67 only in tests. */
  dhcpClientPort?: number
  /** The same of DHCPv6: 546 and 547. */
  dhcp6Ports?: Readonly<{ client: number; relay: number }>
  verifyAddress: boolean
  trustProxy: readonly string[]
  httpPatience?: Partial<Patience>
  pollMs?: number
  log: Logger
}>

export type RunningServer = Readonly<{
  ports: Readonly<{
    http: number | null
    dhcp: number | null
    pxe: number | null
    dhcp6: number | null
    tftp: number | null
  }>
  live: Live
  /** Null without views. */
  mirror: Mirror | null
  /** Null when nothing is generated. */
  regeneration: Regeneration | null
  /** What plans and texts are made with, beside the inventory. */
  facts: () => Readonly<{ server: ServerFacts; known: Known; engine: TemplateEngine }>
  /** What /healthz says. */
  health: () => Health
  /** Puts other templates in force, from the next request on; what is generated is looked at anew. */
  useTemplates: (templates: ServedTemplates) => void
  close: () => Promise<void>
}>

const cacheBytes = 64 * 1024 * 1024
/** An initrd or two: TFTP transfers of one file share its bytes. */
const fileCacheBytes = 512 * 1024 * 1024
/**
 * A report is 256 KiB at most and firmware asks in one packet, so who is slower means no good; who takes nothing has gone.
 * Two thousand machines that boot at once hold some connections each, an installer's packages a dozen.
 */
const httpLimits = {
  patience: { headersMs: 20_000, requestMs: 60_000, silenceMs: 120_000 },
  room: { inAll: 10_000, ofOne: 200 },
} as const
/** How long running requests and transfers may go on after a stop was asked for. */
const graceMs = 5000

/** @throws when the inventory can't be had or a port can't be listened on; whatever was open is closed again */
export async function openServer(options: ServeOptions): Promise<RunningServer> {
  const opened: (() => Promise<void>)[] = []
  const close = async (): Promise<void> => {
    for (const closeOne of opened.splice(0).reverse()) await closeOne()
  }
  try {
    return { ...(await openDoors(options, opened)), close }
  } catch (error) {
    await close()
    throw error
  }
}

type Doors = Readonly<{
  live: Live
  mirror: Mirror | null
  regeneration: Regeneration | null
  resolver: Resolver
  files: FileCache
  timeline: Timeline
  metrics: Metrics
  context: () => PlanContext
  log: Logger
}>

async function openDoors(
  options: ServeOptions,
  opened: (() => Promise<void>)[],
): Promise<Omit<RunningServer, 'close'>> {
  const { log } = options
  const live = await openLive({ store: options.store, stateDir: options.stateDir, pollMs: options.pollMs ?? 500, log })
  opened.push(live.close)
  const mirror = await mirrorFor(options, live)
  if (mirror !== null) opened.push(mirror.close)
  const http = options.httpPort === null ? null : await listen(options, options.httpPort)
  if (http !== null) opened.push(() => closeHttp(http))
  const httpPort = http === null ? null : (http.address() as AddressInfo).port
  const server: ServerFacts = {
    advertise: options.advertise,
    addresses: options.addresses,
    ...(options.ipv6 === undefined ? {} : { ipv6: options.ipv6 }),
    httpPort: httpPort ?? options.httpPortElsewhere ?? 80,
  }
  const templates = inForce(options.templates)
  const contextOf = (snapshot: Snapshot): PlanContext => ({
    snapshot,
    server,
    known: templates.now().known,
    now: Date.now(),
  })
  const context = (): PlanContext => contextOf(live.snapshot())
  const metrics = metricsOf(live, mirror)
  const regeneration = regenerationFor(options, live, metrics, async (snapshot) => ({
    ...contextOf(snapshot),
    inventory: options.store.label,
    engine: templates.now().engine,
    loaders: await storedLoaders(options.stateDir),
    imagesFolder: rootsOf(options).images,
  }))
  const doors: Doors = {
    live,
    mirror,
    regeneration,
    context,
    log,
    resolver: resolverFor(options, live, context, templates.now),
    files: fileCache(fileCacheBytes),
    timeline: openTimeline({ record: live.note, hear: live.hear }),
    metrics,
  }
  if (http !== null) serveHttp(options, doors, http)
  const tftp = options.tftpPort === null ? null : await openTftp(options, doors, options.tftpPort)
  if (tftp !== null) opened.push(tftp.close)
  const { dhcpPort, dhcp6Port = null } = options
  const seen = dhcpPort === null && dhcp6Port === null ? null : await openSeen({ stateDir: options.stateDir, log })
  if (seen !== null) opened.push(seen.close)
  const dhcp = dhcpPort === null || seen === null ? null : await openDhcp(options, doors, seen, dhcpPort)
  if (dhcp !== null) opened.push(dhcp.close)
  const dhcp6 = dhcp6Port === null || seen === null ? null : await openDhcp6(options, doors, seen, dhcp6Port)
  if (dhcp6 !== null) opened.push(dhcp6.close)
  if (regeneration !== null) opened.push(regeneration.close)
  regeneration?.begin()
  return {
    live,
    mirror,
    regeneration,
    facts: () => ({ server, known: templates.now().known, engine: templates.now().engine }),
    health: () => healthOf(live, mirror, regeneration),
    useTemplates: (next) => {
      templates.use(next)
      regeneration?.lookAnew()
    },
    ports: {
      http: httpPort,
      tftp: tftp?.port ?? null,
      dhcp: dhcp?.ports.dhcp ?? null,
      pxe: dhcp?.ports.pxe ?? null,
      dhcp6: dhcp6?.port ?? null,
    },
  }
}

function inForce(first: ServedTemplates) {
  const load = ({ sources, names }: ServedTemplates) => ({
    sources,
    engine: templateEngine(sources),
    known: { templates: names },
  })
  const held = { templates: load(first) }
  return {
    now: () => held.templates,
    use: (next: ServedTemplates): void => {
      held.templates = load(next)
    },
  }
}

const rootsOf = ({ stateDir, firstbootDir }: ServeOptions) => ({
  images: join(stateDir, 'images'),
  repo: join(stateDir, 'repo'),
  loaders: join(stateDir, 'loaders'),
  firstboot: firstbootDir,
})

function resolverFor(
  options: ServeOptions,
  live: Live,
  context: () => PlanContext,
  templates: () => LoadedTemplates,
): Resolver {
  const { verifyAddress } = options
  return openResolver({
    context,
    templates,
    refresh: live.refresh,
    roots: rootsOf(options),
    verifyAddress,
    cacheBytes,
  })
}

async function mirrorFor({ store, views, log }: ServeOptions, live: Live): Promise<Mirror | null> {
  if (views == null) return null
  return openMirror({ store, views: views.at, intervalMs: views.intervalMs, log, onCopied: live.catchUp })
}

function metricsOf(live: Live, mirror: Mirror | null): Metrics {
  return openMetrics(() => {
    const { revision, machines } = live.snapshot()
    return { revision, machines: machines.size, inventoryUp: live.health().ok, viewsUp: mirror?.health().ok ?? null }
  })
}

function regenerationFor(
  { store, regenerate = null, log }: ServeOptions,
  live: Live,
  { targets: metrics }: Metrics,
  picture: (snapshot: Snapshot) => Promise<Picture>,
): Regeneration | null {
  return regenerate === null ? null : openRegeneration({ ...regenerate, store, live, picture, metrics, log })
}

async function listen(options: ServeOptions, port: number): Promise<HttpServer> {
  const { listen: address } = options
  const patience = { ...httpLimits.patience, ...options.httpPatience }
  const server = createServer(timesOf(patience))
  limitConnections(server, { patience, room: { ...httpLimits.room, isMany: standsForMany(options.trustProxy) } })
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) =>
      reject(new Error(`listen for HTTP on ${address} port ${port}: ${error.message}`, { cause: error })),
    )
    server.listen(port, address, resolve)
  })
  return server
}

async function closeHttp(server: HttpServer): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  server.closeIdleConnections()
  const timer = setTimeout(() => server.closeAllConnections(), graceMs)
  await closed
  clearTimeout(timer)
}

function serveHttp(
  options: ServeOptions,
  { live, mirror, regeneration, resolver, files, timeline, metrics, log }: Doors,
  server: HttpServer,
): void {
  const app = httpApp({
    resolver,
    files,
    timeline,
    reports: {
      snapshot: live.snapshot,
      timeline,
      hear: live.hear,
      installed: live.installed,
      verifyAddress: options.verifyAddress,
    },
    machineAt: (address) => machineAt(live, address),
    health: () => healthOf(live, mirror, regeneration),
    metrics: metrics.registry,
    log,
    trustProxy: options.trustProxy,
  })
  server.on('request', (request, response) => {
    response.on('finish', () => {
      metrics.http.inc({ status: String(response.statusCode) })
      log.debug(
        { method: request.method, path: request.url?.replace(/\?.*/s, ''), status: response.statusCode },
        'http',
      )
    })
    app(request, response)
  })
}

function machineAt(live: Live, address: string): string | null {
  const { byIp, byIp6 } = live.snapshot()
  return (byIp.get(address as Ipv4Address) ?? byIp6.get(address as Ipv6Address))?.[0]?.machine ?? null
}

function openTftp(options: ServeOptions, doors: Doors, port: number) {
  const { files, timeline, metrics, resolver } = doors
  return openTftpDoor({
    address: options.listen,
    port,
    log: options.log,
    graceMs,
    resolve: async (path, peer) => {
      const found = await resolver.resolve(path, { door: 'tftp', address: peer.address, secret: null })
      if (found.kind === 'text' && found.ref !== null && found.ref.artefact.stage !== null)
        timeline.note({
          machine: found.ref.hostname,
          stage: found.ref.artefact.stage,
          detail: describeMenu(found.ref.artefact.name, found.body),
          door: 'tftp',
          peer: peer.address,
        })
      if (found.kind === 'refused')
        noteTransfer(doors, peer.address, describeRefusal('tftp', path, found), found.hostname)
      return toServed(files, found)
    },
    onEnd: (end) => {
      metrics.tftp.inc({ outcome: end.outcome })
      metrics.tftpBytes.inc(end.bytes)
      if (end.outcome !== 'complete' || !isMenu(end.path)) noteTransfer(doors, end.peer.address, describeEnd(end))
    },
    onProgress: (progress) => noteTransfer(doors, progress.peer.address, describeProgress(progress)),
  })
}

/** @param about the machine, if the path tells it; else whose address asked */
function noteTransfer(
  { live, timeline }: Doors,
  peer: string,
  detail: string | null,
  about: string | null = null,
): void {
  const machine = about ?? machineAt(live, peer)
  if (machine !== null && detail !== null) timeline.note({ machine, stage: 'loader', detail, door: 'tftp', peer })
}

const isMenu = (path: string): boolean => /(^|\/)(pxelinux\.cfg\/|grub\.cfg)/.test(path)

async function toServed(files: FileCache, found: Found): Promise<Served> {
  switch (found.kind) {
    case 'text':
      return { kind: 'bytes', bytes: found.body }
    case 'refused':
      return { kind: 'refused', code: found.status === 403 ? 'access-violation' : 'not-found', why: found.why }
    case 'file': {
      const bytes = await files.read(found)
      return bytes === null
        ? { kind: 'refused', code: 'access-violation', why: 'the file is too large for TFTP; fetch it over HTTP' }
        : { kind: 'bytes', bytes }
    }
    default:
      return found satisfies never
  }
}

function openDhcp(
  { listen: listenAt, dhcpClientPort: clientPort, dhcpMode: mode = 'server', inherited = [] }: ServeOptions,
  { live, context, timeline, metrics, log }: Doors,
  seen: Seen,
  port: number,
): Promise<DhcpDoors> {
  const address = listenAt === '::' ? '0.0.0.0' : listenAt
  const at = { mode, address, port, inherited, log, ...(clientPort === undefined ? {} : { clientPort }) }
  return openDhcpDoors(at, { context, onChange: live.onChange, timeline, metrics, seen })
}

async function openDhcp6(
  { listen: address, dhcp6Ports: ports, stateDir }: ServeOptions,
  { context, timeline, metrics, log }: Doors,
  seen: Seen,
  port: number,
): Promise<Dhcp6Door> {
  const duid = await serverDuid(stateDir)
  return openDhcp6Door({
    address,
    port,
    ...(ports === undefined ? {} : { clientPort: ports.client, relayPort: ports.relay }),
    answer: dhcp6Answering({ context, duid, timeline, metrics, seen, log }),
    log,
  })
}
