// One process, every door: opened in order, closed in the opposite one.
import { createServer } from 'node:http'
import type { Server as HttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Logger } from 'pino'
import type { Ipv4Address } from '../inventory/address.ts'
import type { Store } from '../inventory/store/open.ts'
import type { Views } from '../inventory/store/views.ts'
import type { PlanContext } from '../plan/boot.ts'
import { answerDhcp } from '../plan/dhcp/answer.ts'
import { clientOf } from '../plan/dhcp/clients.ts'
import type { DhcpMessage } from '../plan/dhcp/message.ts'
import type { Server as ServerFacts } from '../plan/server.ts'
import type { TemplateSources } from '../render/templates.ts'
import { templateEngine } from '../render/templates.ts'
import { openDhcpDoor } from './dhcp/door.ts'
import type { FileCache } from './files.ts'
import { fileCache } from './files.ts'
import { describeMenu, httpApp } from './http/app.ts'
import type { Live } from './live.ts'
import { openLive } from './live.ts'
import type { Metrics } from './metrics.ts'
import { openMetrics } from './metrics.ts'
import type { Mirror } from './mirror.ts'
import { openMirror } from './mirror.ts'
import type { Found, LoadedTemplates, Resolver } from './resolve.ts'
import { openResolver } from './resolve.ts'
import type { Served, TransferEnd } from './tftp/door.ts'
import { openTftpDoor } from './tftp/door.ts'
import type { Timeline } from './timeline.ts'
import { openTimeline } from './timeline.ts'

export type ServedTemplates = Readonly<{
  sources: TemplateSources
  /** Names that the column `template` may hold. */
  names: ReadonlySet<string>
}>

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
  /** Null switches a door off; 0 takes any free port. */
  httpPort: number | null
  dhcpPort: number | null
  tftpPort: number | null
  /** Where DHCP clients and relays listen; other than 68 and 67 only in tests. */
  dhcpClientPort?: number
  verifyAddress: boolean
  trustProxy: readonly string[]
  pollMs?: number
  log: Logger
}>

export type RunningServer = Readonly<{
  ports: Readonly<{ http: number | null; dhcp: number | null; tftp: number | null }>
  live: Live
  /** Null without views. */
  mirror: Mirror | null
  /** Puts other templates in force, from the next request on. */
  useTemplates: (templates: ServedTemplates) => void
  close: () => Promise<void>
}>

const cacheBytes = 64 * 1024 * 1024
/** An initrd or two: TFTP transfers of one file share its bytes. */
const fileCacheBytes = 512 * 1024 * 1024
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
  resolver: Resolver
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
  const server: ServerFacts = { advertise: options.advertise, addresses: options.addresses, httpPort: httpPort ?? 80 }
  const templates = inForce(options.templates)
  const context = (): PlanContext => ({
    snapshot: live.snapshot(),
    server,
    known: templates.now().known,
    now: Date.now(),
  })
  const doors: Doors = {
    live,
    mirror,
    context,
    log,
    resolver: resolverFor(options, context, templates.now),
    timeline: openTimeline({ record: live.note, hear: live.hear }),
    metrics: metricsOf(live, mirror),
  }
  if (http !== null) serveHttp(options, doors, http)
  const tftp = options.tftpPort === null ? null : await openTftp(options, doors, options.tftpPort)
  if (tftp !== null) opened.push(tftp.close)
  const dhcp = options.dhcpPort === null ? null : await openDhcp(options, doors, options.dhcpPort)
  if (dhcp !== null) opened.push(dhcp.close)
  return {
    live,
    mirror,
    useTemplates: templates.use,
    ports: { http: httpPort, tftp: tftp?.port ?? null, dhcp: dhcp?.port ?? null },
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

function resolverFor(options: ServeOptions, context: () => PlanContext, templates: () => LoadedTemplates): Resolver {
  const { verifyAddress } = options
  return openResolver({
    context,
    templates,
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

async function listen({ listen: address }: ServeOptions, port: number): Promise<HttpServer> {
  const server = createServer()
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
  { live, mirror, resolver, timeline, metrics, log }: Doors,
  server: HttpServer,
): void {
  const app = httpApp({
    resolver,
    timeline,
    reports: {
      snapshot: live.snapshot,
      timeline,
      hear: live.hear,
      installed: live.installed,
      verifyAddress: options.verifyAddress,
    },
    machineAt: (address) => machineAt(live, address),
    health: () => {
      const { revision, machines } = live.snapshot()
      const health = live.health()
      const views = mirror?.health() ?? null
      return {
        status: health.ok && views?.ok !== false ? 'ok' : 'degraded',
        revision,
        machines: machines.size,
        inventory: health.ok ? 'ok' : `away since ${health.since}: ${health.error}`,
        ...(views === null ? {} : { views: views.ok ? 'ok' : `not followed since ${views.since}: ${views.error}` }),
      }
    },
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
  return live.snapshot().byIp.get(address as Ipv4Address)?.[0]?.machine ?? null
}

function openTftp(options: ServeOptions, doors: Doors, port: number) {
  const files = fileCache(fileCacheBytes)
  const { live, timeline, metrics, resolver } = doors
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
      return toServed(files, found)
    },
    onEnd: (end) => {
      metrics.tftp.inc({ outcome: end.outcome })
      metrics.tftpBytes.inc(end.bytes)
      const machine = machineAt(live, end.peer.address)
      if (machine !== null && !isMenu(end.path))
        timeline.note({ machine, stage: 'loader', detail: describeTransfer(end), door: 'tftp', peer: end.peer.address })
    },
  })
}

const isMenu = (path: string): boolean => /(^|\/)(pxelinux\.cfg\/|grub\.cfg)/.test(path)

function describeTransfer({ path, outcome, why }: TransferEnd): string {
  return outcome === 'complete' ? `${path} over tftp` : `${path} over tftp broken off: ${why ?? ''}`
}

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

function openDhcp(options: ServeOptions, { context, timeline, metrics, log }: Doors, port: number) {
  return openDhcpDoor({
    // A socket bound to a unicast address never hears a broadcast, which is all that a booting machine can send.
    address: options.listen.startsWith('127.') ? options.listen : '0.0.0.0',
    port,
    ...(options.dhcpClientPort === undefined ? {} : { clientPort: options.dhcpClientPort }),
    log,
    answer: (request, via) => {
      const answer = answerDhcp(context(), request)
      metrics.dhcp.inc({ outcome: answer.kind === 'reply' ? 'answered' : 'ignored' })
      if (answer.kind === 'reply') noteDhcp(timeline, request, answer, via.address)
      return answer
    },
  })
}

/** A booting machine's requests are signs; an operating system renewing its lease is none. */
function noteDhcp(
  timeline: Timeline,
  request: DhcpMessage,
  answer: Readonly<{ machine: string; reply: DhcpMessage }>,
  peer: string,
): void {
  const client = clientOf(request)
  if (client === null || client.agent === 'system') return
  const { yiaddr, file } = answer.reply
  timeline.note({
    machine: answer.machine,
    stage: 'dhcp',
    detail: `${yiaddr} to ${client.platform} ${client.agent}: ${file}`,
    door: 'dhcp',
    peer,
  })
}
