// What tests share: temporary folders, an inventory from YAML in a store, and a server on free loopback ports.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { pino } from 'pino'
import type { Logger } from 'pino'
import type { KyselyPlugin } from 'kysely'
import { parseYamlDocument } from '../server/inventory/document.ts'
import { parseIpv4 } from '../server/inventory/address.ts'
import type { Ipv4Address } from '../server/inventory/address.ts'
import { encodeRow } from '../server/inventory/encode.ts'
import type { Snapshot } from '../server/inventory/snapshot.ts'
import { changeSnapshot, emptySnapshot } from '../server/inventory/snapshot.ts'
import { migrateStore } from '../server/inventory/store/migrations.ts'
import type { Store } from '../server/inventory/store/open.ts'
import { closeStore, openStore } from '../server/inventory/store/open.ts'
import { recordEdits } from '../server/inventory/store/record.ts'
import type { RunningServer, ServeOptions } from '../server/serve/server.ts'
import { openServer } from '../server/serve/server.ts'

export function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'bootstead-test-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

export const silent: Logger = pino({ level: 'silent' })

export function address(text: string): Ipv4Address {
  const parsed = parseIpv4(text)
  if (parsed === null) throw new Error(`${text} is no IPv4 address`)
  return parsed
}

/** Puts a YAML document's rows into a store, as `import` does but without its checks: tests need bad rows too. */
export async function fillStore(store: Store, yaml: string): Promise<void> {
  const { rows, errors } = parseYamlDocument(yaml, 'test')
  if (errors.length > 0) throw new Error(errors.join('\n'))
  await recordEdits(
    store,
    rows.map(({ table, row }) => ({ kind: 'put', table, row })),
    'test',
  )
}

/** The document's rows as a snapshot, without any store. */
export function snapshotOf(yaml: string): Snapshot {
  const { rows, errors } = parseYamlDocument(yaml, 'test')
  if (errors.length > 0) throw new Error(errors.join('\n'))
  return changeSnapshot(
    emptySnapshot,
    rows.map(({ table, key, row }) => ({ table, key, raw: encodeRow(row) })),
    1,
  )
}

export async function sqliteStore(t: TestContext, yaml: string): Promise<Store> {
  const store = openStore(`sqlite:${join(temporaryFolder(t), 'inventory.sqlite')}`)
  await migrateStore(store)
  await fillStore(store, yaml)
  t.after(() => closeStore(store))
  return store
}

/** The store, and how many statements it was asked for through it. */
export function countingStore(store: Store): Readonly<{ store: Store; statements: () => number }> {
  let statements = 0
  const plugin: KyselyPlugin = {
    transformQuery: ({ node }) => {
      statements++
      return node
    },
    transformResult: ({ result }) => Promise.resolve(result),
  }
  return { store: { ...store, db: store.db.withPlugin(plugin) }, statements: () => statements }
}

/** A server on loopback with free ports; machines ask from 127.0.0.1, so addresses are not compared unless told. */
export async function startServer(
  t: TestContext,
  store: Store,
  options: Partial<ServeOptions> = {},
): Promise<RunningServer> {
  const stateDir = options.stateDir ?? temporaryFolder(t)
  const server = await openServer({
    store,
    stateDir,
    firstbootDir: join(import.meta.dirname, '../firstboot'),
    templates: { sources: new Map(), names: new Set() },
    listen: '127.0.0.1',
    advertise: address('127.0.0.1'),
    addresses: [address('127.0.0.1')],
    httpPort: 0,
    dhcpPort: 0,
    tftpPort: 0,
    verifyAddress: false,
    trustProxy: [],
    pollMs: 50,
    log: silent,
    ...options,
  })
  t.after(() => server.close())
  return server
}
