// bootstead serve: the doors, in one process, until it is told to stop.
import { join } from 'node:path'
import type { Command } from 'commander'
import { pino } from 'pino'
import type { Logger } from 'pino'
import { closeStore, openStore } from '../inventory/store/open.ts'
import { withoutPassword } from '../inventory/store/open.ts'
import type { Views } from '../inventory/store/views.ts'
import { closeViews, openViews } from '../inventory/store/views.ts'
import type { Regenerate, RunningServer, ServeOptions } from '../serve/server.ts'
import { openServer } from '../serve/server.ts'
import { inheritedSockets } from '../serve/inherited.ts'
import { packageRoot } from '../serve/program.ts'
import { describeError, fail, misuse } from './failure.ts'
import type { Session } from './session.ts'
import type { Config } from './settings.ts'
import { knownTemplates, loadTemplates } from './templates.ts'
import { textLog } from './text-log.ts'

export function registerServe(program: Command, session: Session): void {
  program
    .command('serve')
    .description(
      'answer DHCP, TFTP and HTTP from the inventory, and generate the targets anew after changes, until SIGINT or SIGTERM; SIGHUP reads the templates anew',
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
  const store = openStore(config.inventory)
  const views = config.views === null ? null : openViews(config.views)
  try {
    const server = await openDoors(session, { store, views, regenerate, log })
    log.info(
      {
        ...server.ports,
        revision: server.live.snapshot().revision,
        machines: server.live.snapshot().machines.size,
        inventory: withoutPassword(config.inventory),
      },
      'serving',
    )
    const reload = (): void => reloadTemplates(session, server, log)
    process.on('SIGHUP', reload)
    const why = await stopped
    process.off('SIGHUP', reload)
    log.info({ why }, 'stopping')
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
  const portOf = (door: 'http' | 'dhcp' | 'tftp', port: number): number | null =>
    config.doors.includes(door) ? port : null
  try {
    return await openServer({
      store,
      regenerate,
      views: views === null ? null : { at: views, intervalMs: config.viewsInterval * 1000 },
      stateDir: config.state,
      firstbootDir: join(packageRoot(), 'firstboot'),
      templates: { sources: session.templates(), names: session.known().templates },
      listen: config.listen,
      advertise: config.advertise,
      addresses: session.server().addresses,
      httpPort: portOf('http', config.httpPort),
      dhcpPort: portOf('dhcp', config.dhcpPort),
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
    return '; another program has that port: stop it, choose another (--http-port, --dhcp-port, --tftp-port), or switch this door off (--no-http, --no-dhcp, --no-tftp)'
  if (code === 'EACCES')
    return '; ports below 1024 need root or CAP_NET_BIND_SERVICE; choose others with --http-port, --dhcp-port, --tftp-port'
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
