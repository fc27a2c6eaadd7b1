// The inventory as the doors see it: the newest good snapshot, followed from the store, with a local copy to fall back on.
import { join } from 'node:path'
import type { Logger } from 'pino'
import { encodeRow } from '../inventory/encode.ts'
import type { Token } from '../inventory/rows.ts'
import type { RowChange, Snapshot } from '../inventory/snapshot.ts'
import { changeSnapshot, changeSnapshotInSlices } from '../inventory/snapshot.ts'
import { inSlices } from '../inventory/slices.ts'
import { noteSuccessor } from '../inventory/succession.ts'
import type { TouchedRow } from '../inventory/touched.ts'
import type { Following } from '../inventory/store/follow.ts'
import { followStore } from '../inventory/store/follow.ts'
import { migrateStore } from '../inventory/store/migrations.ts'
import type { ConsoleRow, Store } from '../inventory/store/open.ts'
import { readSnapshot } from '../inventory/store/read.ts'
import type { NewEvent } from '../inventory/store/record.ts'
import { recordInstalled } from '../inventory/store/record.ts'
import type { Changed } from './changes.ts'
import { openConsoles } from './consoles.ts'
import type { Journal } from './journal.ts'
import { openJournal } from './journal.ts'
import type { SnapshotFile } from './snapshot-file.ts'
import { readSnapshotFile, writeSnapshotFile } from './snapshot-file.ts'

export type StoreHealth = Readonly<{ ok: true }> | Readonly<{ ok: false; since: string; error: string }>

export type Live = Readonly<{
  snapshot: () => Snapshot
  /** From now on the listener hears of each change, in the turn of the event loop that makes it; of none when the store is back. */
  onChange: (listener: (changed: Changed) => void) => void
  health: () => StoreHealth
  /** Notes an event; returns at once. */
  note: (event: NewEvent) => void
  /** Takes a machine's newest console, or sign of life; returns at once. */
  hear: (heard: ConsoleRow) => void
  /** The installer's `installed`: true when it counted, false when its token was used before. */
  installed: (token: Token, event: NewEvent) => Promise<boolean>
  /** Applies everything committed so far. */
  catchUp: () => Promise<void>
  /** The same within a second, for who can't wait longer: while the store is slow or away the last snapshot has to do. */
  refresh: () => Promise<void>
  close: () => Promise<void>
}>

type Options = Readonly<{ store: Store; stateDir: string; pollMs: number; log: Logger }>
type State = {
  snapshot: Snapshot
  health: StoreHealth
  following: Following | null
  file: SnapshotFile | null
  listeners: ((changed: Changed) => void)[]
}

/** The inventory is neither in its store nor in a local copy: nothing can be served. */
export class NoInventory extends Error {
  override name = 'NoInventory'
}

/** @throws NoInventory when the store is away and there is no local copy */
export async function openLive(options: Options): Promise<Live> {
  const { store, log } = options
  const start = await firstSnapshot(options)
  const state: State = { ...start, following: null, file: null, listeners: [] }
  const journal = await openJournal({ path: join(options.stateDir, 'journal.jsonl'), store, log })
  applyJournalled(state, journal)
  if (state.health.ok)
    await beginFollowing(options, state, journal).catch(async (error: unknown) => {
      await journal.close()
      throw error
    })
  const retry = state.health.ok ? null : retryUntilBack(options, state, journal)
  const consoles = openConsoles(options)
  return {
    snapshot: () => state.snapshot,
    onChange: (listener) => void state.listeners.push(listener),
    health: () => state.health,
    note: (event) => journal.add({ kind: 'event', event }),
    hear: consoles.hear,
    installed: (token, event) => takeInstalled(options, state, journal, token, event),
    catchUp: async () => {
      await journal.flush()
      await consoles.flush()
      await state.following?.now()
    },
    refresh: async () => {
      if (state.health.ok && state.following !== null) await withinMs(refreshMs, state.following.now())
    },
    close: async () => {
      await retry?.stop()
      await journal.close()
      await consoles.close()
      await state.following?.stop()
      await state.file?.close()
    },
  }
}

const retryMs = 1000
const refreshMs = 1000

/** Resolves with the work, or without it when its time is up. */
function withinMs(ms: number, work: Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms)
    work.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}

const copyPath = (stateDir: string): string => join(stateDir, 'inventory-copy.jsonl')

async function firstSnapshot({
  store,
  stateDir,
  log,
}: Options): Promise<Readonly<{ snapshot: Snapshot; health: StoreHealth }>> {
  try {
    await migrateStore(store)
    return { snapshot: await readSnapshot(store), health: { ok: true } }
  } catch (error) {
    const copy = await readSnapshotFile(copyPath(stateDir))
    const reason = error instanceof Error ? error.message : String(error)
    if (copy === null)
      throw new NoInventory(
        `the inventory ${store.label} can't be read (${reason}) and there is no local copy of it in ${stateDir}; start the database, or name another with --inventory`,
        { cause: error },
      )
    log.error(
      { err: error, revision: copy.revision, machines: copy.machines.size },
      'the inventory can not be read; serving the last local copy',
    )
    return { snapshot: copy, health: away(reason) }
  }
}

function tell({ listeners }: State, changed: Changed): void {
  for (const listener of listeners) listener(changed)
}

const keysOf = (rows: readonly RowChange[]): readonly TouchedRow[] => rows.map(({ table, key }) => ({ table, key }))

const away = (error: string): StoreHealth => ({ ok: false, since: new Date().toISOString(), error })

async function beginFollowing(options: Options, state: State, journal: Journal): Promise<void> {
  const { store, stateDir, pollMs, log } = options
  // An embedded file is as local as a copy of it would be.
  if (store.flavour === 'mysql') state.file = await writeSnapshotFile(copyPath(stateDir), state.snapshot)
  state.following = followStore({
    store,
    pollMs,
    from: state.snapshot.revision,
    missing: state.snapshot.missing,
    onChange: async (rows, revision, missing) => {
      const before = state.snapshot
      const changed = await inSlices(changeSnapshotInSlices(before, rows, revision, 200))
      state.snapshot = { ...changed, missing }
      noteSuccessor(before, state.snapshot, keysOf(rows))
      tell(state, keysOf(rows))
      applyJournalled(state, journal)
      await state.file
        ?.append(rows, revision)
        .catch((error: unknown) => log.error({ err: error }, 'the local copy can not be written'))
      log.debug({ rows: rows.length, revision }, 'inventory changed')
    },
    onHealth: (error) => {
      state.health = error === null ? { ok: true } : away(error.message)
      if (error !== null) return log.error({ err: error }, 'the inventory is away; serving the last snapshot')
      log.info('the inventory is back')
      tell(state, [])
    },
  })
}

/** Started from the local copy: tries the store until it answers, then goes on as if it had from the start. */
function retryUntilBack(options: Options, state: State, journal: Journal): Readonly<{ stop: () => Promise<void> }> {
  const trying = { stopped: false, running: Promise.resolve() }
  const attempt = async (): Promise<void> => {
    try {
      await migrateStore(options.store)
      await journal.flush() // or what was installed meanwhile would look armed for as long as the journal takes
      state.snapshot = await readSnapshot(options.store)
      tell(state, null)
      applyJournalled(state, journal)
      await beginFollowing(options, state, journal)
      state.health = { ok: true }
      tell(state, [])
      options.log.info({ revision: state.snapshot.revision }, 'the inventory is back')
    } catch (error) {
      options.log.debug({ err: error }, 'the inventory is still away')
      if (!trying.stopped) timer = schedule()
    }
  }
  const schedule = (): NodeJS.Timeout =>
    setTimeout(() => {
      trying.running = attempt()
    }, retryMs)
  let timer = schedule()
  return {
    stop: () => {
      trying.stopped = true
      clearTimeout(timer)
      return trying.running
    },
  }
}

async function takeInstalled(
  { store, log }: Options,
  state: State,
  journal: Journal,
  token: Token,
  event: NewEvent,
): Promise<boolean> {
  try {
    await journal.flush() // its earlier reports come first
    const counted = await recordInstalled(store, token, event)
    await state.following?.now()
    return counted
  } catch (error) {
    log.error({ err: error, machine: token.machine }, 'the inventory is away; the installed report is journalled')
    const known = journal.pending().some((entry) => entry.kind === 'installed' && entry.token.id === token.id)
    if (known) return false
    journal.add({ kind: 'installed', token, event })
    await journal.flush()
    applyJournalled(state, journal)
    return true
  }
}

/** Installs reported while the store was away hold for what we serve: nobody is installed twice because of an outage. */
function applyJournalled(state: State, journal: Journal): void {
  const rows = journal.pending().flatMap((entry): RowChange[] => {
    if (entry.kind !== 'installed') return []
    const machine = state.snapshot.machines.get(entry.token.machine)
    const used: RowChange = {
      table: 'tokens',
      key: `${entry.token.machine}/${entry.token.id}`,
      raw: { ...entry.token, used_at: entry.event.at },
    }
    if (machine?.boot !== 'install') return [used]
    return [used, { table: 'machines', key: machine.hostname, raw: encodeRow({ ...machine, boot: 'local' }) }]
  })
  if (rows.length === 0) return
  const before = state.snapshot
  state.snapshot = changeSnapshot(before, rows, before.revision)
  noteSuccessor(before, state.snapshot, keysOf(rows))
  tell(state, keysOf(rows))
}
