// The HTTP door by itself, over a real resolver and real files.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { Express } from 'express'
import { loadTemplates } from '../../server/cli/templates.ts'
import type { NewEvent } from '../../server/inventory/store/record.ts'
import { templateEngine } from '../../server/render/templates.ts'
import { httpApp } from '../../server/serve/http/app.ts'
import { openMetrics } from '../../server/serve/metrics.ts'
import { fileCache } from '../../server/serve/files.ts'
import { openResolver } from '../../server/serve/resolve.ts'
import { openTimeline } from '../../server/serve/timeline.ts'
import { address, silent, snapshotOf, temporaryFolder } from '../fixtures.ts'

const snapshot = snapshotOf(`
networks: {lab: {cidr: 127.0.0.0/8}}
profiles: {p: {}}
machines: {node1: {profile: p, interfaces: {eth0: {mac: 02:00:00:00:00:01, ip: 127.0.0.1, network: lab}}}}`)
const sources = loadTemplates(null)

export const menuPath = '/ipxe/02:00:00:00:00:01.ipxe'

/** The door over a folder with one loader, one kernel and one repository. */
export function openHttpDoor(t: TestContext): Readonly<{ app: Express; events: readonly NewEvent[] }> {
  const folder = temporaryFolder(t)
  for (const name of ['images/el9', 'repo/el9/repodata', 'loaders', 'firstboot'])
    mkdirSync(join(folder, name), { recursive: true })
  writeFileSync(join(folder, 'images/el9/vmlinuz'), 'kernel')
  writeFileSync(join(folder, 'repo/el9/repodata/repomd.xml'), '0123456789')
  writeFileSync(join(folder, 'repo/el9/.treeinfo'), '[general]\n')
  writeFileSync(join(folder, 'repo/el9/empty'), '')
  writeFileSync(join(folder, 'repo/el9/a+b c.rpm'), 'rpm')
  writeFileSync(join(folder, 'loaders/grubx64.efi'), 'grub')
  const events: NewEvent[] = []
  const engine = templateEngine(sources)
  const server = { advertise: address('127.0.0.1'), addresses: [], httpPort: 80 }
  const timeline = openTimeline({ record: (event) => events.push(event), hear: () => undefined })
  const app = httpApp({
    resolver: openResolver({
      context: () => ({ snapshot, server, known: { templates: new Set() }, now: 0 }),
      templates: () => ({ sources, engine }),
      refresh: () => Promise.resolve(),
      roots: {
        images: join(folder, 'images'),
        repo: join(folder, 'repo'),
        loaders: join(folder, 'loaders'),
        firstboot: join(folder, 'firstboot'),
      },
      verifyAddress: false,
      cacheBytes: 1 << 20,
    }),
    files: fileCache(1 << 20),
    timeline,
    reports: {
      snapshot: () => snapshot,
      timeline,
      hear: () => undefined,
      installed: () => Promise.resolve(true),
      verifyAddress: false,
    },
    machineAt: (from) => (from === '127.0.0.1' ? 'node1' : null),
    health: () => ({ status: 'ok', revision: 7, machines: 1, inventory: 'ok' }),
    metrics: openMetrics(() => ({ revision: 7, machines: 1, inventoryUp: true, viewsUp: null })).registry,
    log: silent,
    trustProxy: [],
  })
  return { app, events }
}
