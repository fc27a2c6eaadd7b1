// The administration side's own listener: its address, its port, its certificate, and time limits for slow clients.
import { readFileSync } from 'node:fs'
import type { RequestListener, Server } from 'node:http'
import { createServer } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { Server as SecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { adminApp } from './app.ts'
import type { Patience } from '../serve/http/connections.ts'
import { limitConnections, timesOf } from '../serve/http/connections.ts'
import { standsForMany } from '../serve/http/peers.ts'
import { defaultAuditDays, openHousekeeping } from './housekeeping.ts'
import type { SiteOptions } from './site.ts'
import { openSite } from './site.ts'

/** Files in PEM. */
export type Certificate = Readonly<{ cert: string; key: string }>

export type AdminOptions = SiteOptions &
  Readonly<{
    listen: string
    /** 0 takes any free port. */
    port: number
    tls: Certificate | null
    trustProxy: readonly string[]
    patience?: Patience
    /** How long the audit trail is kept. */
    auditDays?: number
  }>

export type RunningAdmin = Readonly<{
  port: number
  /** Reads the certificate anew. @throws when it can't be read; the one before stays in force */
  reloadCertificate: () => void
  close: () => Promise<void>
}>

/** An answer that goes on for long, as a stream of events does, says something within `silenceMs`. */
const patience: Patience = { headersMs: 10_000, requestMs: 60_000, silenceMs: 120_000 }
/** A browser has six at most. */
const room = { inAll: 1000, ofOne: 100 } as const
const graceMs = 2000

/** @throws when the certificate can't be read or the port can't be listened on */
export async function openAdmin(options: AdminOptions): Promise<RunningAdmin> {
  const { tls, trustProxy } = options
  const { admin, routes } = openSite(options)
  const app = adminApp(admin, routes, trustProxy)
  const server = serverFor(options, app as RequestListener)
  await listen(server, options)
  const { store, now, log } = admin
  const housekeeping = openHousekeeping({ store, auditDays: options.auditDays ?? defaultAuditDays, now, log })
  return {
    port: (server.address() as AddressInfo).port,
    reloadCertificate: () => {
      if (tls !== null && 'setSecureContext' in server) server.setSecureContext(readCertificate(tls))
    },
    close: async () => {
      admin.streams.close()
      await housekeeping.close()
      await close(server)
    },
  }
}

function serverFor({ tls, trustProxy, ...options }: AdminOptions, app: RequestListener): Server | SecureServer {
  const limits = { patience: options.patience ?? patience, room: { ...room, isMany: standsForMany(trustProxy) } }
  const times = timesOf(limits.patience)
  const server =
    tls === null
      ? createServer(times, app)
      : createSecureServer(
          { ...times, ...readCertificate(tls), minVersion: 'TLSv1.2', handshakeTimeout: limits.patience.headersMs },
          app,
        )
  limitConnections(server, limits)
  return server
}

function readCertificate({ cert, key }: Certificate): Readonly<{ cert: string; key: string }> {
  const read = (what: string, path: string): string => {
    try {
      return readFileSync(path, 'utf8')
    } catch (error) {
      throw new Error(`read the ${what} ${path}: ${error instanceof Error ? error.message : String(error)}`, {
        cause: error,
      })
    }
  }
  return { cert: read('certificate (admin_tls_cert)', cert), key: read('key (admin_tls_key)', key) }
}

function listen(server: Server, { listen: address, port }: AdminOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) =>
      reject(new Error(`listen for administration on ${address} port ${port}: ${error.message}`, { cause: error })),
    )
    server.listen(port, address, () => resolve())
  })
}

async function close(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  server.closeIdleConnections()
  const timer = setTimeout(() => server.closeAllConnections(), graceMs)
  await closed
  clearTimeout(timer)
}
