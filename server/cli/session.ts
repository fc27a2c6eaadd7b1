// What every command shares: the configuration, the store, the picture of the inventory, and its voice.
// Everything is looked up when it is first asked for, so that `bootstead --help` needs no database.
import type { Known } from '../inventory/findings.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import { migrateStore } from '../inventory/store/migrations.ts'
import type { Store } from '../inventory/store/open.ts'
import { closeStore, InventoryAddressError, openStore, withoutPassword } from '../inventory/store/open.ts'
import { complaintsOf, mirrorViews } from '../inventory/store/mirror.ts'
import { readSnapshot } from '../inventory/store/read.ts'
import type { Views } from '../inventory/store/views.ts'
import { closeViews, openViews } from '../inventory/store/views.ts'
import type { Server } from '../plan/server.ts'
import type { Desk } from '../manage/desk.ts'
import type { TemplateSources } from '../render/templates.ts'
import { templateEngine } from '../render/templates.ts'
import type { Flags, Resolution } from './config.ts'
import { resolveConfig } from './config.ts'
import { Refused, describeError } from '../manage/failure.ts'
import { misuse } from './failure.ts'
import { apiAddress } from './api-address.ts'
import { apiClient } from './api-client.ts'
import type { Io } from './io.ts'
import { once } from './once.ts'
import { serverFacts } from './server-facts.ts'
import type { Config } from './settings.ts'
import type { Site } from './site.ts'
import { siteHere } from './site-here.ts'
import { siteRemote } from './site-remote.ts'
import { knownTemplates, loadTemplates } from './templates.ts'

export type Session = Readonly<{
  io: Io
  /** @throws UsageError naming each value that can't be used and where it came from */
  config: () => Config
  /** The same, with where each value came from. */
  resolution: () => Resolution
  /** What is administered: over the server's API when one is named, else on the database. */
  site: () => Site
  /** Opened and brought to the newest schema. @throws Refused in one sentence when it can't be reached, and when a server is named */
  store: () => Promise<Store>
  /** The site's own views, or null when there are none. */
  views: () => Views | null
  /**
   * Reads the whole inventory anew at each call, the site's views before. When they can't be read, the rows are those
   * that were copied last: what is done for good asks for `current` ones.
   * @throws Refused when it must be current and can't
   */
  loadSnapshot: (must?: 'be current') => Promise<Snapshot>
  templates: () => TemplateSources
  known: () => Known
  /** This host's addresses, as plans need them. */
  server: () => Server
  /** What a command works on that doesn't care whose it is: a terminal's, a program's, a page's. */
  desk: () => Promise<Desk>
  /** Who the history says it was: `cli:USERNAME`. */
  who: string
  /** One line, or several, for what was asked for. */
  print: (line: string) => void
  /** Something to know beside the answer: on stderr, so that pipes carry the answer alone. */
  note: (line: string) => void
  printJson: (value: unknown) => void
  close: () => Promise<void>
}>

/** `flags` is called when the configuration is first needed, which is after the command line was parsed. */
export function openSession(io: Io, flags: () => Flags): Session {
  const resolution = once(() => resolveConfig({ ...io, flags: flags() }))
  const config = (): Config => resolution().config
  const templates = once(() => loadTemplates(config().templates))
  const opened: { store: Promise<Store> | null; views: Views | null } = { store: null, views: null }
  const store = (): Promise<Store> => (opened.store ??= openInventory(ownInventory(config())))
  const views = once(() => {
    const address = config().views
    return address === null ? null : (opened.views = openViews(address))
  })
  const known = once(() => knownTemplates(templates()))
  const server = once(() => serverFacts(config(), io.interfaces()))
  const note = (line: string): void => io.err(`${line}\n`)
  const site = once(() => {
    const address = apiAddress(resolution())
    for (const line of address?.notes ?? []) note(line)
    return address === null ? siteHere(session) : siteRemote(apiClient(address, io), io)
  })
  const session: Session = {
    io,
    config,
    resolution,
    site,
    store,
    views,
    loadSnapshot: async (must) => {
      const stale = await copyViews(await store(), views())
      if (stale.length > 0 && must === 'be current') throw new Refused(['the rows may be old:', ...stale].join('\n'))
      for (const line of stale) note(line)
      return readSnapshot(await store())
    },
    templates,
    known,
    server,
    desk: async () => {
      const { state: stateDir, installHours, stallMinutes, dhcpMode, targets } = config()
      const inventory = await store()
      const engine = templateEngine(templates())
      const facts = {
        server: server(),
        known: known(),
        engine,
        stateDir,
        installHours,
        stallMinutes,
        dhcpMode,
        targets,
      }
      return { ...facts, store: inventory, who: whoAsks(io), now: io.now }
    },
    who: whoAsks(io),
    print: (line) => io.out(`${line}\n`),
    note,
    printJson: (value) => io.out(`${JSON.stringify(value, null, 2)}\n`),
    close: async () => {
      const open = await opened.store?.catch(() => null) // a store that didn't open has been reported
      if (open != null) await closeStore(open)
      if (opened.views !== null) await closeViews(opened.views)
    },
  }
  return session
}

/** Whoever names a server never works on this host's database by mistake. */
function ownInventory({ inventory, server }: Config): string {
  if (server !== null) misuse(`this works on the database, and server is ${server}: run it on the server's host`)
  return inventory
}

/** Why the rows may not be what the views are now. */
async function copyViews(store: Store, views: Views | null): Promise<readonly string[]> {
  if (views === null) return []
  try {
    const report = await mirrorViews(store, views, { patienceSeconds: 30 })
    return report === null ? ['another process has been copying the views for half a minute'] : complaintsOf(report)
  } catch (error) {
    return [`the views ${views.label} can't be read: ${describeError(error)}; the rows are those that were copied last`]
  }
}

/** Behind sudo it is the person who typed it; only root's word is taken for that. */
export function whoAsks({ env, isRoot, username }: Pick<Io, 'env' | 'isRoot' | 'username'>): string {
  const behind = env['SUDO_USER']
  return `cli:${isRoot && behind !== undefined && behind !== '' ? behind : username}`
}

async function openInventory(address: string): Promise<Store> {
  let store: Store | null = null
  try {
    store = openStore(address)
    await migrateStore(store)
    return store
  } catch (error) {
    if (store !== null) await closeStore(store).catch(() => undefined)
    if (error instanceof InventoryAddressError) throw error
    const way = 'bootstead config shows where this address comes from'
    throw new Refused(`the inventory ${withoutPassword(address)} can't be used: ${describeError(error)}; ${way}`, {
      cause: error,
    })
  }
}
