// What every command shares: the configuration, the store, the picture of the inventory, and its voice.
// Everything is looked up when it is first asked for, so that `bootstead --help` needs no database.
import type { Known } from '../inventory/findings.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import { migrateStore } from '../inventory/store/migrations.ts'
import type { Store } from '../inventory/store/open.ts'
import { closeStore, InventoryAddressError, openStore, withoutPassword } from '../inventory/store/open.ts'
import { readSnapshot } from '../inventory/store/read.ts'
import type { Server } from '../plan/server.ts'
import type { TemplateSources } from '../render/templates.ts'
import type { Flags, Resolution } from './config.ts'
import { resolveConfig } from './config.ts'
import { CommandFailed, describeError } from './failure.ts'
import type { Io } from './io.ts'
import { serverFacts } from './server-facts.ts'
import type { Config } from './settings.ts'
import { knownTemplates, loadTemplates } from './templates.ts'

export type Session = Readonly<{
  io: Io
  /** @throws UsageError naming each value that can't be used and where it came from */
  config: () => Config
  /** The same, with where each value came from. */
  resolution: () => Resolution
  /** Opened and brought to the newest schema. @throws CommandFailed in one sentence when it can't be reached */
  store: () => Promise<Store>
  /** Reads the whole inventory anew at each call. */
  loadSnapshot: () => Promise<Snapshot>
  templates: () => TemplateSources
  known: () => Known
  /** This host's addresses, as plans need them. */
  server: () => Server
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
  const opened: { store: Promise<Store> | null } = { store: null }
  const store = (): Promise<Store> => (opened.store ??= openInventory(config().inventory))
  return {
    io,
    config,
    resolution,
    store,
    loadSnapshot: async () => readSnapshot(await store()),
    templates,
    known: once(() => knownTemplates(templates())),
    server: once(() => serverFacts(config(), io.interfaces())),
    who: whoAsks(io),
    print: (line) => io.out(`${line}\n`),
    note: (line) => io.err(`${line}\n`),
    printJson: (value) => io.out(`${JSON.stringify(value, null, 2)}\n`),
    close: async () => {
      const open = await opened.store?.catch(() => null) // a store that didn't open has been reported
      if (open != null) await closeStore(open)
    },
  }
}

function once<T>(compute: () => T): () => T {
  let computed: Readonly<{ value: T }> | null = null
  return () => (computed ??= { value: compute() }).value
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
    throw new CommandFailed(
      `the inventory ${withoutPassword(address)} can't be used: ${describeError(error)}; ${way}`,
      { cause: error },
    )
  }
}
