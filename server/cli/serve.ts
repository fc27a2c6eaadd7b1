// bootstead serve: the doors, in one process, until it is told to stop.
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { Command } from 'commander'
import { pino } from 'pino'
import type { Logger } from 'pino'
import { parseIpv6 } from '../inventory/address.ts'
import { closeStore, openStore } from '../inventory/store/open.ts'
import { withoutPassword } from '../inventory/store/open.ts'
import type { Views } from '../inventory/store/views.ts'
import { closeViews, openViews } from '../inventory/store/views.ts'
import { makeLink, pathOfLink } from '../admin/accounts.ts'
import type { Certificate, RunningAdmin } from '../admin/server.ts'
import { openAdmin } from '../admin/server.ts'
import { isoTime } from '../inventory/store/record.ts'
import { hasUsers } from '../inventory/store/users.ts'
import { adminUrl, isBare } from './admin-url.ts'
import type { Store } from '../inventory/store/open.ts'
import type { Regenerate, RunningServer, ServeOptions } from '../serve/server.ts'
import { openServer } from '../serve/server.ts'
import type { Desk } from '../manage/desk.ts'
import { inheritedSockets } from '../serve/inherited.ts'
import type { OwnServer, Presence } from '../serve/presence.ts'
import { openPresence } from '../serve/presence.ts'
import { packageRoot, programVersion } from '../serve/program.ts'
import { fail, misuse } from './failure.ts'
import { describeError } from '../manage/failure.ts'
import { keepReady } from '../manage/readiness.ts'
import { doorStates } from './door-states.ts'
import type { Session } from './session.ts'
import type { Config, Door } from './settings.ts'
import { knownTemplates, loadTemplates } from './templates.ts'
import { textLog } from './text-log.ts'

export function registerServe(program: Command, session: Session): void {
  program
    .command('serve')
    .description(
      'answer DHCP, TFTP and HTTP from the inventory, serve pages and API, and generate the targets anew after changes, until SIGINT or SIGTERM; SIGHUP reads templates and certificate anew',
    )
    .action(async () => {
      await serve(session, stopSignal())
    })
}

/** Serves until `stopped` resolves; then lets running requests end. */
export async function serve(session: Session, stopped: Promise<string>): Promise<void> {
  const config = session.config()
  const log = openLog(session)
  const regenerate = regenerationOf(config)
  if (config.doors.length === 0 && regenerate === null)
    misuse(
      'there is nothing to serve: every door is off, and no target is generated; open a door, or name targets in bootstead.yaml and how long after a change they are generated (--regenerate SECONDS)',
    )
  if (config.regenerate !== null && regenerate === null)
    log.warn('regenerate is set, but no targets are: nothing is generated; name them in bootstead.yaml')
  if (config.doors.includes('dhcp6') && parseIpv6(config.listen) === null && !['::', '::1'].includes(config.listen))
    misuse(
      `the door dhcp6 is open, but ${config.listen} is no address of IPv6; listen on all addresses of both families (--listen ::)`,
    )
  const tls = certificateOf(config)
  const store = openStore(config.inventory)
  const views = config.views === null ? null : openViews(config.views)
  try {
    const server = await openDoors(session, { store, views, regenerate, log })
    const opened: { adminPort: number | null } = { adminPort: null }
    const presence = openPresence({ store, log, own: () => ownServer(session, server, opened.adminPort) })
    const admin = await openPages(session, store, server, presence, tls, log)
    opened.adminPort = admin?.port ?? null
    log.info(
      {
        ...server.ports,
        admin: admin?.port ?? null,
        ...(config.doors.includes('dhcp') ? { dhcpMode: config.dhcpMode } : {}),
        revision: server.live.snapshot().revision,
        machines: server.live.snapshot().machines.size,
        inventory: withoutPassword(config.inventory),
      },
      'serving',
    )
    if (admin !== null) await inviteFirst(session, store, admin.port, log)
    const reload = (): void => {
      reloadTemplates(session, server, log)
      reloadCertificate(admin, log)
    }
    process.on('SIGHUP', reload)
    const why = await stopped
    process.off('SIGHUP', reload)
    log.info({ why }, 'stopping')
    await admin?.close()
    await presence.close()
    await server.close()
    log.info('stopped')
  } finally {
    if (views !== null) await closeViews(views)
    await closeStore(store)
  }
}

type Opened = Pick<ServeOptions, 'store' | 'log'> & Readonly<{ views: Views | null; regenerate: Regenerate | null }>

async function openDoors(session: Session, { store, views, regenerate, log }: Opened): Promise<RunningServer> {
  const config = session.config()
  const portOf = (door: Door, port: number): number | null => (config.doors.includes(door) ? port : null)
  try {
    return await openServer({
      store,
      regenerate,
      views: views === null ? null : { at: views, intervalMs: config.viewsInterval * 1000 },
      stateDir: config.state,
      firstbootDir: join(packageRoot(), 'firstboot'),
      templates: { sources: session.templates(), names: session.known().templates },
      listen: config.listen,
      ...session.server(),
      httpPort: portOf('http', config.httpPort),
      dhcpPort: portOf('dhcp', config.dhcpPort),
      dhcp6Port: portOf('dhcp6', config.dhcp6Port),
      dhcpMode: config.dhcpMode,
      inherited: inheritedSockets(session.io.env, process.pid),
      tftpPort: portOf('tftp', config.tftpPort),
      httpPortElsewhere: config.httpPort,
      verifyAddress: config.verifyAddress,
      trustProxy: config.trustProxy,
      log,
    })
  } catch (error) {
    fail(`bootstead can't serve: ${describeError(error)}${hint(error)}`)
  }
}

/** The administration side; whatever was opened before it is closed when it can't be. */
async function openPages(
  session: Session,
  store: Store,
  server: RunningServer,
  presence: Presence,
  tls: Certificate | null,
  log: Logger,
): Promise<RunningAdmin | null> {
  const config = session.config()
  if (!config.doors.includes('admin')) return null
  if (isBare(config) && config.trustProxy.length === 0)
    log.warn(
      { listen: config.adminListen },
      'pages and API are served without TLS: passwords cross the network as they are; give admin_tls_cert and admin_tls_key, or listen on 127.0.0.1',
    )
  const { adminListen: listen, adminPort: port, adminUrl: publicUrl, trustProxy, auditDays } = config
  try {
    const { live } = server
    const health = () => ({ ...server.health(), servers: presence.servers() })
    const desk = (who: string): Desk => ({ ...deskOf(config), ...server.facts(), store, who, now: Date.now })
    const options = { store, live, desk, health, log, listen, port, tls, trustProxy, publicUrl, auditDays }
    const admin = await openAdmin(options)
    keepReady(live, () => desk('bootstead'), log)
    return admin
  } catch (error) {
    await presence.close()
    await server.close()
    fail(`bootstead can't serve: ${describeError(error)}${hint(error)}`)
  }
}

/** What the other servers of this inventory are told of this one. */
function ownServer(session: Session, server: RunningServer, admin: number | null): OwnServer {
  const config = session.config()
  const { status, revision } = server.health()
  return {
    ...{ name: hostname(), folder: config.state, version: programVersion(), status, revision },
    addresses: session.server().addresses,
    doors: doorStates(config, { ...server.ports, admin }),
  }
}

const deskOf = ({ state, installHours, stallMinutes, dhcpMode, targets }: Config) => ({
  stateDir: state,
  installHours,
  stallMinutes,
  dhcpMode,
  targets,
})

function certificateOf({ adminTlsCert: cert, adminTlsKey: key }: Config): Certificate | null {
  if (cert !== null && key !== null) return { cert, key }
  if (cert !== null || key !== null)
    misuse('admin_tls_cert and admin_tls_key belong together: one is given, and the other is not')
  return null
}

/** Where people read the output it is a link; a log that programs keep is no place for one. */
async function inviteFirst(session: Session, store: Store, port: number, log: Logger): Promise<void> {
  try {
    if (await hasUsers(store)) return
    if (session.config().logFormat === 'json')
      return log.warn('nobody can log in yet; bootstead user invite --first prints a link for the first administrator')
    const secret = await makeLink(store, { kind: 'first' }, 1, {
      ...{ who: 'bootstead', at: isoTime(session.io.now()), peer: null },
    })
    if (secret === null) return
    const url = adminUrl(session.config(), session.server().addresses, port) + pathOfLink(secret)
    session.note(`\nNobody can log in yet. The first administrator, within an hour:\n\n  ${url}\n`)
  } catch (error) {
    log.warn({ err: error }, 'whether anybody can log in is not known while the inventory is away')
  }
}

function reloadCertificate(admin: RunningAdmin | null, log: Logger): void {
  try {
    admin?.reloadCertificate()
  } catch (error) {
    log.error({ err: error }, 'the certificate can not be read; the one before stays in force')
  }
}

const regenerationOf = ({ targets, regenerate }: Config): Regenerate | null =>
  regenerate === null || targets.size === 0 ? null : { places: targets, gapMs: regenerate * 1000 }

/** SIGHUP: the site's templates are read anew. What can't be read leaves those in force as they are. */
function reloadTemplates(session: Session, server: RunningServer, log: Logger): void {
  try {
    const sources = loadTemplates(session.config().templates)
    server.useTemplates({ sources, names: knownTemplates(sources).templates })
    log.info({ templates: sources.size }, 'templates read anew')
  } catch (error) {
    log.error({ err: error }, 'the templates can not be read; those before stay in force')
  }
}

/** The two ways in which a port is refused, each with its way out. */
function hint(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  if (code === 'EADDRINUSE')
    return '; another program has that port: stop it, choose another (--http-port, --dhcp-port, --dhcp6-port, --tftp-port, --admin-port), switch this door off (--no-http, --no-dhcp, --no-dhcp6, --no-tftp, --no-admin), or stand beside a DHCP server (--dhcp-mode proxy-4011)'
  if (code === 'EACCES')
    return '; ports below 1024 need root or CAP_NET_BIND_SERVICE; choose others with --http-port, --dhcp-port, --dhcp6-port, --tftp-port'
  return ''
}

export function openLog(session: Session): Logger {
  const { logLevel, logFormat } = session.config()
  const options = {
    level: logLevel,
    base: null,
    redact: ['*.secret', '*.token', '*.token.secret', 'authorization', '*.authorization'],
  }
  return logFormat === 'json' ? pino(options) : pino(options, textLog(session.io.err))
}

/** The first signal stops in order; a second one while stopping ends the process. */
function stopSignal(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      process.once(signal, () => {
        process.once(signal, () => process.exit(130))
        resolve(signal)
      })
  })
}
