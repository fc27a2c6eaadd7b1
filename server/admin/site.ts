// The administration side without its listener: what routes work with, and the routes.
import { join } from 'node:path'
import { packageRoot } from '../serve/program.ts'
import { openEventStreams } from './api/event-streams.ts'
import type { Admin } from './app.ts'
import { openAssets } from './assets.ts'
import { openAttempts } from './attempts.ts'
import { openGate } from './gate.ts'
import { openHtml } from './html.ts'
import type { Route } from './route.ts'
import { adminRoutes } from './routes.ts'

export type SiteOptions = Pick<Admin, 'store' | 'live' | 'desk' | 'health' | 'log'> &
  Readonly<{ now?: () => number; publicUrl?: string | null }>
export type Site = Readonly<{ admin: Admin; routes: readonly Route[] }>

/** Password checks that may wait; with 0.3 s for each the last waits nine seconds. */
const mostWaiting = 30

const webFolder = (name: string): string => join(packageRoot(), 'server/admin/web', name)

export function openSite({ now = Date.now, publicUrl = null, ...options }: SiteOptions): Site {
  const assets = openAssets(webFolder('assets'))
  const html = openHtml(webFolder('templates'), assets)
  const streams = openEventStreams()
  const gate = openGate(mostWaiting)
  const admin: Admin = { ...options, now, publicUrl, html, streams, attempts: openAttempts(now), gate }
  return { admin, routes: [...assets.routes, ...adminRoutes(admin)] }
}
